use super::name;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Metadata",
    doc: "Which one it is.",
    one: false,
    fields: &[
        Field::required("name", name::KIND, "Name, unique among the documents of its kind (and tenant)."),
        Field::new("namespace", name::KIND, "Of a Flow: the tenant that owns it; default `default`."),
    ],
};

pub(in crate::config) const KIND: Kind = Kind::Object(&SHAPE);

#[derive(Debug)]
pub(in crate::config) struct Metadata {
    pub(in crate::config) name: Text,
    pub(in crate::config) namespace: Option<Text>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Metadata> {
    let node = node.get("metadata")?;
    let (name, namespace) = (reader::text(node, "name"), reader::text(node, "namespace"));
    let namespace = namespace.filter(|n| name::check(reader, n));
    Some(Metadata { name: name.filter(|n| name::check(reader, n))?, namespace })
}
