//! Fields that are quantities.

use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::config::yaml::{Node, Val};
use crate::quantity::parse;

/// Bytes, rounded up; at least one.
pub(in crate::config) fn bytes(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<u64> {
    read(reader, node, name, 1)
}

/// Thousandths of a core, rounded up; at least one.
pub(in crate::config) fn millis(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<u64> {
    read(reader, node, name, 1000)
}

fn read(reader: &mut Reader<'_>, node: &Node, name: &str, scale: u32) -> Option<u64> {
    let node = node.get(name)?;
    let text = match &node.value {
        Val::Text(text) => text.clone(),
        Val::Number(number) => number.to_string(),
        _ => return None,
    };
    match parse(&text, scale) {
        Ok(value) => Some(value),
        Err(why) => {
            let message = format!("`{}` is no quantity: {why}", crate::schedule::shown(&text));
            let hint = if scale == 1 { "write it as `512Mi` or `2Gi`" } else { "write it as `500m` or `2`" };
            reader.error_hint(node.at, Code::InvalidQuantity, message, hint);
            None
        }
    }
}
