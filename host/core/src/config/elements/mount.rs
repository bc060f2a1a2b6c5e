use super::name;
use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Mount",
    doc: "A volume as the task sees it.",
    one: false,
    fields: &[
        Field::required("name", name::KIND, "Name of the volume."),
        Field::required("path", Kind::Text, "Absolute path in the guest."),
        Field::new("readOnly", Kind::Bool, "False lets the task write; default true."),
    ],
};

#[derive(Debug)]
pub(in crate::config) struct Mount {
    pub(in crate::config) volume: Text,
    pub(in crate::config) path: String,
    pub(in crate::config) read_only: bool,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, task: &Node) -> Vec<Mount> {
    let mut all: Vec<Mount> = Vec::new();
    for node in reader::items(task, "mounts") {
        let (Some(volume), Some(path)) = (reader::text(node, "name"), reader::text(node, "path")) else { continue };
        if !path.value.starts_with('/') || path.value.split('/').any(|part| part == "..") || path.value.contains('\0') {
            let message = format!("the path `{path}` of a mount is not absolute");
            reader.error_hint(path.at, Code::InvalidValue, message, "begin it with `/`, without `..`");
            continue;
        }
        if all.iter().any(|m| m.path == path.value) {
            reader.error(path.at, Code::DuplicateName, format!("two mounts have the path `{path}`"));
        }
        let read_only = reader::flag(node, "readOnly").unwrap_or(true);
        all.push(Mount { volume, path: path.value, read_only });
    }
    all
}
