//! What is merged into pods.

use crate::config::reader::Reader;
use crate::config::shape::Kind;
use crate::config::yaml::Node;

pub(in crate::config) const KIND: Kind = Kind::JsonObject;

/// The template as it stands, so that what is wrong with it can be shown in its place.
pub(in crate::config) fn read(_reader: &mut Reader<'_>, node: &Node) -> Option<Node> {
    node.get("podTemplate").cloned()
}
