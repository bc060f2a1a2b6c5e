//! Reads YAML into a tree whose every node knows its place. What a file can cost is bounded: its size, its depth, its
//! nodes, and what its aliases expand to.

use super::fault::{Code, Faults};
use super::scalar;
use super::source::{At, File};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;

/// Largest file in bytes.
pub(super) const MAX_FILE: usize = 4 << 20;
const MAX_DEPTH: usize = 64;
/// Values in a file, with aliases expanded.
const MAX_NODES: usize = 200_000;
/// Keys of one mapping.
const MAX_KEYS: usize = 4_096;
/// Bytes of text in a file, with aliases expanded.
const MAX_TEXT: usize = 16 << 20;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Val,
    pub(super) at: At,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Val {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Val::Null)
    }

    /// The value of a key, where it is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|e| e.key == key).map(|e| &e.node).filter(|n| !n.is_null())
    }

    /// The value of a key, where it is there, also where it is null.
    pub(super) fn entry(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|e| e.key == key).map(|e| &e.node)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Val::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Val::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Val::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self) -> Option<i64> {
        match &self.value {
            Val::Number(n) => n.as_i64(),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.value {
            Val::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Val::Null => "null",
            Val::Bool(_) => "a boolean",
            Val::Number(n) if n.is_f64() => "a number",
            Val::Number(_) => "an integer",
            Val::Text(_) => "a string",
            Val::List(_) => "a list",
            Val::Map(_) => "a mapping",
        }
    }

    pub(super) fn json(&self) -> Value {
        match &self.value {
            Val::Null => Value::Null,
            Val::Bool(b) => Value::Bool(*b),
            Val::Number(n) => Value::Number(n.clone()),
            Val::Text(t) => Value::String(t.clone()),
            Val::List(items) => Value::Array(items.iter().map(Node::json).collect()),
            Val::Map(entries) => Value::Object(entries.iter().map(|e| (e.key.clone(), e.node.json())).collect()),
        }
    }

    /// The node at a JSON pointer, or the nearest one around it.
    pub(super) fn find(&self, pointer: &str) -> &Node {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.value {
                Val::Map(entries) => entries.iter().find(|e| e.key == part).map(|e| &e.node),
                Val::List(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

/// What a node with all below it costs.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    text: usize,
    depth: usize,
}

struct Loader<'a> {
    files: &'a [File],
    file: usize,
    faults: &'a mut Faults,
    /// Byte of each character, where not all are one byte long.
    bytes: Option<Vec<usize>>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Node, Cost)>,
    total: Cost,
    documents: Vec<Node>,
}

struct Frame {
    node: Node,
    anchor: usize,
    key: Option<(String, At)>,
    before: Cost,
    deepest: usize,
}

/// Nothing more of the file can be read; the fault is recorded.
struct Broken;

/// Reads the documents of a file. The second value tells whether all of it could be read.
pub(super) fn load(files: &[File], file: usize, faults: &mut Faults) -> (Vec<Node>, bool) {
    let text = &files[file].text;
    if !files[file].readable {
        return (Vec::new(), false);
    }
    let bytes =
        (!text.is_ascii()).then(|| text.char_indices().map(|(i, _)| i).chain(std::iter::once(text.len())).collect());
    let mut loader = Loader {
        files,
        file,
        faults,
        bytes,
        stack: Vec::new(),
        anchors: HashMap::new(),
        total: Cost::default(),
        documents: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        let done = match event {
            Ok((event, span)) => loader.event(event, span),
            Err(error) => {
                let start = loader.byte(error.marker().index());
                let at = At { file, start, end: start, text: None };
                // The parser has a bound of its own on nesting.
                let deep = error.info().contains("recursion limit");
                let code = if deep { Code::TooLarge } else { Code::Syntax };
                Err(loader.broken(at, code, format!("this is no YAML: {}", error.info()), None))
            }
        };
        if done.is_err() {
            return (loader.documents, false);
        }
    }
    (loader.documents, true)
}

impl Loader<'_> {
    fn byte(&self, character: usize) -> usize {
        match &self.bytes {
            Some(bytes) => bytes.get(character).or(bytes.last()).copied().unwrap_or(0),
            None => character.min(self.files[self.file].text.len()),
        }
    }

    fn at(&self, span: Span) -> At {
        let start = self.byte(span.start.index());
        At { file: self.file, start, end: self.byte(span.end.index()).max(start), text: None }
    }

    fn fault(&mut self, at: At, code: Code, message: String, hint: Option<&str>) {
        self.faults.error(self.files, at, code, message, hint.map(str::to_owned));
    }

    fn broken(&mut self, at: At, code: Code, message: String, hint: Option<&str>) -> Broken {
        self.fault(at, code, message, hint);
        Broken
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Broken> {
        let at = self.at(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), at),
            Event::SequenceStart(anchor, tag) => self.open(Val::List(Vec::new()), anchor, tag.as_deref(), at),
            Event::MappingStart(anchor, tag) => self.open(Val::Map(Vec::new()), anchor, tag.as_deref(), at),
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        mut at: At,
    ) -> Result<(), Broken> {
        let string = tag.is_some_and(|t| t.is_yaml_core_schema() && t.suffix == "str");
        if let (Some(tag), false) = (tag, string) {
            self.fault(at, Code::Syntax, format!("the tag `{tag}` is not known here"), Some("leave tags out"));
        }
        let source = &self.files[self.file].text;
        let open = at.start + usize::from(!matches!(style, ScalarStyle::Plain));
        if source.get(open..).is_some_and(|s| s.starts_with(text.as_ref())) {
            at.text = Some(open);
        }
        let cost = Cost { nodes: 1, text: text.len(), depth: 1 };
        let value = if matches!(style, ScalarStyle::Plain) && !string && !self.expects_key() {
            match scalar::resolve(&text) {
                Ok(Value::Null) => Val::Null,
                Ok(Value::Bool(b)) => Val::Bool(b),
                Ok(Value::Number(n)) => Val::Number(n),
                Ok(_) => Val::Text(text.into_owned()),
                Err(why) => {
                    self.fault(at, Code::InvalidValue, why.to_owned(), Some("write it in quotes if it is text"));
                    Val::Null
                }
            }
        } else {
            Val::Text(text.into_owned())
        };
        self.add(Node { value, at }, anchor, cost)
    }

    fn expects_key(&self) -> bool {
        self.stack.last().is_some_and(|f| matches!(f.node.value, Val::Map(_)) && f.key.is_none())
    }

    fn open(&mut self, value: Val, anchor: usize, tag: Option<&Tag>, at: At) -> Result<(), Broken> {
        if let Some(tag) = tag.filter(|t| !t.is_yaml_core_schema()) {
            self.fault(at, Code::Syntax, format!("the tag `{tag}` is not known here"), Some("leave tags out"));
        }
        if self.expects_key() {
            return Err(self.broken(at, Code::Syntax, "a key is a word, not a list or a mapping".into(), None));
        }
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("values are nested deeper than {MAX_DEPTH} levels");
            return Err(self.broken(at, Code::TooLarge, message, None));
        }
        self.charge(Cost { nodes: 1, text: 0, depth: 0 }, at)?;
        let before = Cost { nodes: self.total.nodes - 1, ..self.total };
        self.stack.push(Frame { node: Node { value, at }, anchor, key: None, before, deepest: 0 });
        Ok(())
    }

    fn close(&mut self, end: At) -> Result<(), Broken> {
        let Some(mut frame) = self.stack.pop() else { return Ok(()) };
        let text = &self.files[self.file].text;
        // A block ends where its next sibling begins: what is between is no part of it.
        let upto = text.get(frame.node.at.start..end.end.max(frame.node.at.start)).map_or(0, |t| t.trim_end().len());
        frame.node.at.end = frame.node.at.start + upto;
        let cost = Cost {
            nodes: self.total.nodes - frame.before.nodes,
            text: self.total.text - frame.before.text,
            depth: frame.deepest + 1,
        };
        self.attach(frame.node, frame.anchor, cost)
    }

    fn alias(&mut self, anchor: usize, at: At) -> Result<(), Broken> {
        let Some((node, cost)) = self.anchors.get(&anchor) else {
            return Err(self.broken(at, Code::Syntax, "the alias refers to what it is part of".into(), None));
        };
        let (mut node, cost) = (node.clone(), *cost);
        if self.stack.len() + cost.depth > MAX_DEPTH {
            let message = format!("values are nested deeper than {MAX_DEPTH} levels");
            return Err(self.broken(at, Code::TooLarge, message, None));
        }
        if matches!(node.value, Val::List(_) | Val::Map(_)) && self.expects_key() {
            return Err(self.broken(at, Code::Syntax, "a key is a word, not a list or a mapping".into(), None));
        }
        node.at.text = None;
        self.add(node, 0, cost)
    }

    fn charge(&mut self, cost: Cost, at: At) -> Result<(), Broken> {
        self.total.nodes += cost.nodes;
        self.total.text += cost.text;
        if self.total.nodes > MAX_NODES || self.total.text > MAX_TEXT {
            let message = if self.anchors.is_empty() {
                format!("the file has more than {MAX_NODES} values")
            } else {
                format!("with its aliases expanded the file has more than {MAX_NODES} values or {} MiB", MAX_TEXT >> 20)
            };
            return Err(self.broken(at, Code::TooLarge, message, Some("cut it into several files")));
        }
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize, cost: Cost) -> Result<(), Broken> {
        self.charge(cost, node.at)?;
        self.attach(node, anchor, cost)
    }

    fn attach(&mut self, node: Node, anchor: usize, cost: Cost) -> Result<(), Broken> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        let Some(frame) = self.stack.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        frame.deepest = frame.deepest.max(cost.depth);
        let taken = frame.key.take();
        match (&mut frame.node.value, taken) {
            (Val::List(items), _) => items.push(node),
            (Val::Map(entries), Some((key, at))) => entries.push(Entry { key, at, node }),
            (Val::Map(entries), None) => {
                let key = node.text().map_or_else(|| node.json().to_string(), str::to_owned);
                let twice = entries.iter().find(|e| e.key == key).map(|e| e.at.start);
                let full = entries.len() >= MAX_KEYS;
                frame.key = Some((key.clone(), node.at));
                if full {
                    let message = format!("a mapping has more than {MAX_KEYS} keys");
                    return Err(self.broken(node.at, Code::TooLarge, message, None));
                }
                if let Some(first) = twice {
                    let line = self.files[self.file].place(first).0;
                    let message = format!("the key `{key}` stands twice");
                    self.fault(node.at, Code::DuplicateKey, message, Some(&format!("it first stands in line {line}")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
