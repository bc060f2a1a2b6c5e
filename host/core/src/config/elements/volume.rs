use super::name;
use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::Node;
use std::collections::BTreeMap;
use std::path::PathBuf;

const HOST_PATH: Shape = Shape {
    name: "HostPath",
    doc: "A folder of the machine.",
    one: false,
    fields: &[Field::required("path", Kind::Text, "Absolute, or from the folder of the config file.")],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Volume",
    doc: "A folder that tasks can mount.",
    one: false,
    fields: &[
        Field::required("name", name::KIND, "Name, unique in the flow."),
        Field::new(
            "hostPath",
            Kind::Object(&HOST_PATH),
            "A folder of the machine. In a cluster it is not used: there a `podTemplate` says what the volume is.",
        ),
    ],
};

#[derive(Debug)]
pub(in crate::config) struct Volume {
    /// A folder of the machine.
    pub(in crate::config) path: Option<PathBuf>,
    pub(in crate::config) at: At,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node) -> BTreeMap<String, Volume> {
    let mut all = BTreeMap::new();
    for node in reader::items(spec, "volumes") {
        let Some(name) = reader::text(node, "name").filter(|n| name::check(reader, n)) else { continue };
        let path: Option<Text> = node.get("hostPath").and_then(|p| reader::text(p, "path"));
        if all.contains_key(&name.value) {
            reader.error(name.at, Code::DuplicateName, format!("the volume `{name}` is given twice"));
        }
        let at = path.as_ref().map_or(name.at, |p| p.at);
        all.insert(name.value, Volume { path: path.map(|p| reader.path(&p.value, p.at)), at });
    }
    all
}
