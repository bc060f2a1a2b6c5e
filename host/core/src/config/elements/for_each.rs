use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::{Node, Val};
use crate::plan;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "ForEach",
    doc: "Fan-out: the task runs once for each item of a list.",
    one: false,
    fields: &[
        Field::required("items", Kind::Json, "A list, or an expression that gives one: `\"{{ tasks.list.output }}\"`."),
        Field::new("parallelism", Kind::Int(1, 1_000_000), "Items at one time; default: only the other bounds count."),
    ],
};

#[derive(Debug)]
pub(in crate::config) struct ForEach {
    pub(in crate::config) value: plan::ForEach,
    pub(in crate::config) items: Node,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, task: &Node) -> Option<ForEach> {
    let node = task.get("forEach")?;
    let items = node.get("items")?;
    if !matches!(items.value, Val::List(_)) && !items.text().is_some_and(|t| t.contains("{{")) {
        let message = format!("`items` must be a list or an expression that gives one, and is {}", items.kind());
        reader.error_hint(items.at, Code::WrongType, message, "write `[a, b]` or `\"{{ tasks.NAME.output }}\"`");
    }
    let value = plan::ForEach { items: items.json(), parallelism: reader::int(node, "parallelism") };
    Some(ForEach { value, items: items.clone() })
}
