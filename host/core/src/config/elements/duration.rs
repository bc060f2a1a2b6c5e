use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::shape::Kind;
use crate::config::yaml::Node;
use crate::schedule::duration;

pub(in crate::config) const KIND: Kind = Kind::Form("a duration such as `90s`, `5m` or `1h30m`");

/// A duration in microseconds, at least one.
pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<u64> {
    let node = node.get(name)?;
    match duration::parse(node.text()?) {
        Ok(d) if d.as_micros() == 0 => {
            reader.error(node.at, Code::InvalidDuration, format!("`{name}` is no time at all"));
            None
        }
        Ok(d) => u64::try_from(d.as_micros()).ok(),
        Err(e) => {
            reader.faults.error(reader.files, node.at.within(&e.span), Code::InvalidDuration, e.message, e.hint);
            None
        }
    }
}
