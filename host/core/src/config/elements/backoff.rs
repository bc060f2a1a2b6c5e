use super::duration;
use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::shape::{Field, Shape};
use crate::config::yaml::Node;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Backoff",
    doc: "How long to wait before another attempt; doubled each time, with jitter.",
    one: false,
    fields: &[
        Field::new("min", duration::KIND, "Before the second attempt; default `1s`."),
        Field::new("max", duration::KIND, "At the most; default `5m`."),
    ],
};

/// Microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::config) struct Backoff {
    pub(in crate::config) min: Option<u64>,
    pub(in crate::config) max: Option<u64>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Backoff {
    let Some(node) = node.get("backoff") else { return Backoff::default() };
    let backoff = Backoff { min: duration::read(reader, node, "min"), max: duration::read(reader, node, "max") };
    if let (Some(min), Some(max)) = (backoff.min, backoff.max)
        && min > max
    {
        reader.error(node.at, Code::InvalidValue, "`backoff.min` is longer than `backoff.max`");
    }
    backoff
}
