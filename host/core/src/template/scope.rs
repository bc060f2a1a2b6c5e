use super::error::TemplateError;
use super::json;
use minijinja::value::{Enumerator, Object, Value};
use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};
use wharf_contract::{PartitionContext, Payload};

/// What the variables of a template stand for. Cheap to clone; outputs and items stay JSON text until an expression looks
/// into them.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    base: Arc<Base>,
    item: Option<Arc<Json>>,
    index: Option<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Base {
    pub(super) params: Json,
    pub(super) run: RunScope,
    pub(super) partition: Option<PartitionContext>,
    tasks: Vec<TaskScope>,
}

/// What `run` stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunScope {
    /// Number of the run.
    pub id: u64,
    /// RFC 3339; none where the run stands for no tick.
    pub scheduled_time: Option<String>,
    /// `manual`, `schedule` or `backfill`.
    pub trigger: &'static str,
}

/// What `tasks.NAME` stands for.
#[derive(Debug)]
pub struct TaskScope {
    name: String,
    state: &'static str,
    output: TaskOutput,
    value: OnceLock<Value>,
}

/// What a task that is final left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutput {
    /// Nothing: it did not succeed.
    None,
    /// One output: `tasks.NAME.output`.
    One(Payload),
    /// The output of each item of a fan-out in order, `null` for one without: `tasks.NAME.outputs`.
    Items(Vec<Option<Payload>>),
    /// The output of each partition of a finer task in order, with its key: `tasks.NAME.outputs` is a list of
    /// `{partition, output}`, with `null` for one without.
    Partitions(Vec<(String, Option<Payload>)>),
}

impl TaskScope {
    /// A task by its name, with its state as shown to users and what it left behind.
    #[must_use]
    pub fn new(name: impl Into<String>, state: &'static str, output: TaskOutput) -> TaskScope {
        TaskScope { name: name.into(), state, output, value: OnceLock::new() }
    }

    /// The JSON text of `output` or `outputs`.
    pub(super) fn write(&self, field: Field, out: &mut String) -> Result<(), TemplateError> {
        match (&self.output, field) {
            (TaskOutput::One(payload), Field::Output) => self.write_payload(Some(payload), out),
            (TaskOutput::Items(items), Field::Outputs) => {
                self.write_list(items.iter(), out, |item, out| self.write_payload(item.as_ref(), out))
            }
            (TaskOutput::Partitions(list), Field::Outputs) => {
                self.write_list(list.iter(), out, |(key, payload), out| {
                    json::push(out, "{\"partition\":\"")?;
                    json::push_escaped(out, key)?;
                    json::push(out, "\",\"output\":")?;
                    self.write_payload(payload.as_ref(), out)?;
                    json::push(out, "}")
                })
            }
            _ => Err(self.missing(field)),
        }
    }

    fn write_list<T>(
        &self,
        items: impl Iterator<Item = T>,
        out: &mut String,
        write: impl Fn(T, &mut String) -> Result<(), TemplateError>,
    ) -> Result<(), TemplateError> {
        json::push(out, "[")?;
        for (i, item) in items.enumerate() {
            if i > 0 {
                json::push(out, ",")?;
            }
            write(item, out)?;
        }
        json::push(out, "]")
    }

    fn write_payload(&self, payload: Option<&Payload>, out: &mut String) -> Result<(), TemplateError> {
        match payload {
            None => json::push(out, "null"),
            Some(Payload::Json(text)) => json::push(out, text.get()),
            Some(Payload::Artifact(artifact)) => Err(TemplateError::new(format!(
                "an output of `{}` is kept as an artifact ({} bytes), which an expression cannot look into",
                self.name, artifact.size
            ))
            .hint(format!("pass it whole, as `input: \"{{{{ tasks.{}.output }}}}\"`", self.name))),
        }
    }

    fn missing(&self, field: Field) -> TemplateError {
        let (name, asked) = (&self.name, field.name());
        match (&self.output, field) {
            (TaskOutput::None, _) => {
                TemplateError::new(format!("`tasks.{name}.{asked}` is not defined: the task is {}", self.state))
                    .hint(format!("`tasks.{name}.state` says how it ended"))
            }
            (_, Field::Output) => TemplateError::new(format!("`tasks.{name}` has `outputs`, a list, and no `output`")),
            (_, Field::Outputs) => TemplateError::new(format!("`tasks.{name}` has one `output`, and no `outputs`")),
        }
    }

    fn value(&self, field: Field) -> Value {
        let matches = match self.output {
            TaskOutput::None => false,
            TaskOutput::One(_) => field == Field::Output,
            TaskOutput::Items(_) | TaskOutput::Partitions(_) => field == Field::Outputs,
        };
        if !matches {
            return Value::UNDEFINED;
        }
        self.value
            .get_or_init(|| {
                let mut text = String::new();
                match self.write(field, &mut text) {
                    Ok(()) => parse(&text),
                    Err(error) => {
                        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string()).into()
                    }
                }
            })
            .clone()
    }
}

/// Which of a task's fields is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Output,
    Outputs,
}

impl Field {
    pub(super) fn name(self) -> &'static str {
        match self {
            Field::Output => "output",
            Field::Outputs => "outputs",
        }
    }
}

/// JSON that is parsed when an expression looks into it, once.
#[derive(Debug)]
pub(super) struct Json {
    text: Box<RawValue>,
    value: OnceLock<Value>,
}

impl Default for Json {
    fn default() -> Json {
        Json::new(RawValue::NULL.to_owned())
    }
}

impl Json {
    fn new(text: Box<RawValue>) -> Json {
        Json { text, value: OnceLock::new() }
    }

    pub(super) fn text(&self) -> &str {
        self.text.get()
    }

    pub(super) fn raw(&self) -> Box<RawValue> {
        self.text.clone()
    }

    fn value(&self) -> Value {
        self.value.get_or_init(|| parse(self.text.get())).clone()
    }
}

fn parse(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(json) => json::to_value(json),
        Err(error) => {
            let words = format!("the JSON cannot be read: {error}");
            minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, words).into()
        }
    }
}

impl Scope {
    /// A scope with the variables that all items of a task share. A template only needs the tasks that it refers to.
    #[must_use]
    pub fn new(
        params: &serde_json::Map<String, serde_json::Value>,
        run: RunScope,
        partition: Option<PartitionContext>,
        tasks: Vec<TaskScope>,
    ) -> Scope {
        let params = serde_json::value::to_raw_value(params).map(Json::new).unwrap_or_default();
        Scope { base: Arc::new(Base { params, run, partition, tasks }), item: None, index: None }
    }

    /// The same scope with one item of a fan-out.
    #[must_use]
    pub fn with_item(&self, index: u32, item: Box<RawValue>) -> Scope {
        Scope { base: self.base.clone(), item: Some(Arc::new(Json::new(item))), index: Some(index) }
    }

    pub(super) fn base(&self) -> &Base {
        &self.base
    }

    pub(super) fn item(&self) -> Option<&Json> {
        self.item.as_deref()
    }

    pub(super) fn index(&self) -> Option<u32> {
        self.index
    }

    /// The task of that name.
    pub(super) fn task(&self, name: &str) -> Option<&TaskScope> {
        self.base.task(name)
    }

    /// For minijinja.
    pub(super) fn context(&self) -> Value {
        Value::from_object(self.clone())
    }
}

impl Base {
    fn task(&self, name: &str) -> Option<&TaskScope> {
        let same = |a: u8, b: u8| a == b || (a == b'-' && b == b'_');
        self.tasks
            .iter()
            .find(|t| t.name.len() == name.len() && t.name.bytes().zip(name.bytes()).all(|(a, b)| same(a, b)))
    }
}

impl TaskScope {
    /// The whole output, also one that is kept as an artifact.
    pub(super) fn payload(&self) -> Option<&Payload> {
        match &self.output {
            TaskOutput::One(payload) => Some(payload),
            _ => None,
        }
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "params" => Some(self.base.params.value()),
            "item" => self.item.as_ref().map(|i| i.value()),
            "index" => self.index.map(Value::from),
            "run" => Some(Value::from_object(RunObject(self.base.clone()))),
            "partition" => self.base.partition.as_ref().map(|_| Value::from_object(PartitionObject(self.base.clone()))),
            "tasks" => Some(Value::from_object(TasksObject(self.base.clone()))),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct RunObject(Arc<Base>);

impl Object for RunObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "id" => Some(self.0.run.id.into()),
            "scheduledTime" => self.0.run.scheduled_time.as_deref().map(Value::from),
            "trigger" => Some(self.0.run.trigger.into()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["id", "scheduledTime", "trigger"])
    }
}

#[derive(Debug)]
struct PartitionObject(Arc<Base>);

impl Object for PartitionObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let partition = self.0.partition.as_ref()?;
        match key.as_str()? {
            "key" => Some(partition.key.as_str().into()),
            "start" => partition.start.as_deref().map(Value::from),
            "end" => partition.end.as_deref().map(Value::from),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["key", "start", "end"])
    }
}

#[derive(Debug)]
struct TasksObject(Arc<Base>);

impl Object for TasksObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let base = &self.0;
        let found = base.task(key.as_str()?)?;
        let at = base.tasks.iter().position(|t| std::ptr::eq(t, found))?;
        Some(Value::from_object(TaskObject(base.clone(), at)))
    }
}

#[derive(Debug)]
struct TaskObject(Arc<Base>, usize);

impl Object for TaskObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let task = self.0.tasks.get(self.1)?;
        let value = match key.as_str()? {
            "state" => task.state.into(),
            "output" => task.value(Field::Output),
            "outputs" => task.value(Field::Outputs),
            _ => return None,
        };
        Some(value).filter(|v| !v.is_undefined())
    }
}
