use super::elements::{coordinator, flow, tenant};
use super::fault::Code;
use super::reader::Reader;
use super::shape::{self, Kind, Shape};
use super::yaml::{Node, Val};
use crate::schedule::nearest;

/// The shapes of all documents, by kind.
pub(super) const KINDS: [(&str, &Shape); 3] =
    [("Coordinator", &coordinator::SHAPE), ("Tenant", &tenant::SHAPE), ("Flow", &flow::SHAPE)];

/// The only version.
pub(super) const API_VERSION: &str = "wharf.dev/v1";

/// What the files say, each element by itself.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) coordinators: Vec<coordinator::Coordinator>,
    pub(super) tenants: Vec<tenant::Tenant>,
    pub(super) flows: Vec<flow::Flow>,
}

impl Documents {
    /// Reads one document.
    pub(super) fn add(&mut self, reader: &mut Reader<'_>, node: &Node) {
        if !matches!(node.value, Val::Map(_)) {
            let message = format!("a document must be a mapping, and this is {}", node.kind());
            return reader.error_hint(node.at, Code::WrongType, message, "begin it with `apiVersion: wharf.dev/v1`");
        }
        let Some((kind, shape)) = kind_of(reader, node) else { return };
        shape::check(reader, &Kind::Object(shape), node, kind);
        match kind {
            "Coordinator" => self.coordinators.push(coordinator::read(reader, node)),
            "Tenant" => self.tenants.extend(tenant::read(reader, node)),
            _ => self.flows.extend(flow::read(reader, node)),
        }
    }
}

fn kind_of(reader: &mut Reader<'_>, node: &Node) -> Option<(&'static str, &'static Shape)> {
    let names = "`Coordinator`, `Tenant` and `Flow`";
    let Some(kind) = node.get("kind") else {
        let at = node.entries().first().map_or(node.at, |e| e.at);
        reader.error_hint(at, Code::MissingField, "the document lacks `kind`", format!("the kinds are {names}"));
        return None;
    };
    if let Some(version) = node.get("apiVersion")
        && version.text() != Some(API_VERSION)
    {
        let message = format!("this `apiVersion` is not known: {}", version.json());
        reader.error_hint(version.at, Code::UnknownKind, message, format!("write `apiVersion: {API_VERSION}`"));
        return None;
    }
    let known = KINDS.iter().find(|(name, _)| kind.text() == Some(name));
    if known.is_none() {
        let near = kind.text().and_then(|text| nearest(text, KINDS.iter().map(|(name, _)| *name)));
        let hint = near.map_or_else(|| format!("the kinds are {names}"), |near| format!("did you mean `{near}`?"));
        let shown = crate::schedule::shown(kind.text().unwrap_or(kind.kind()));
        reader.error_hint(kind.at, Code::UnknownKind, format!("there is no kind `{shown}`"), hint);
    }
    known.copied()
}
