use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::Node;
use std::path::PathBuf;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Component",
    doc: "The WebAssembly component that runs.",
    one: false,
    fields: &[
        Field::required("path", Kind::Text, "The `.wasm` file: absolute, or from the folder of the config file."),
        Field::new("digest", Kind::Form("`sha256:` and 64 hex digits"), "Pins the file: another content is a fault."),
    ],
};
pub(in crate::config) const COMMAND: Shape = Shape {
    name: "Command",
    doc: "How a program (`wasi:cli/command`) is started.",
    one: false,
    fields: &[
        Field::new("args", Kind::List(&Kind::Text), "Arguments after the program's name; no expressions."),
        Field::new(
            "stdin",
            Kind::Bool,
            "Whether `input` is given on standard input; default: where there is an `input`.",
        ),
    ],
};

#[derive(Debug)]
pub(in crate::config) struct Component {
    pub(in crate::config) path: PathBuf,
    pub(in crate::config) at: At,
    pub(in crate::config) digest: Option<Text>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, task: &Node) -> Option<Component> {
    let node = task.get("component")?;
    let path = reader::text(node, "path")?;
    if path.value.is_empty() {
        reader.error(path.at, Code::InvalidValue, "the path of the component is empty");
        return None;
    }
    let digest = reader::text(node, "digest").filter(|digest| {
        let hex = digest.value.strip_prefix("sha256:").unwrap_or_default();
        let good = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !good {
            let message = format!("`{}` is no digest", crate::schedule::shown(&digest.value));
            reader.error_hint(
                digest.at,
                Code::InvalidValue,
                message,
                "it is `sha256:` and 64 lower-case hex digits, as `wharf inspect` shows it",
            );
        }
        good
    });
    Some(Component { path: reader.path(&path.value, path.at), at: path.at, digest })
}

/// As the config says; what is left out follows from the component.
#[derive(Debug)]
pub(in crate::config) struct Command {
    pub(in crate::config) args: Vec<String>,
    pub(in crate::config) stdin: Option<bool>,
    pub(in crate::config) at: At,
}

pub(in crate::config) fn read_command(task: &Node) -> Option<Command> {
    let node = task.get("command")?;
    let args = reader::items(node, "args").filter_map(|a| a.text().map(str::to_owned)).collect();
    Some(Command { args, stdin: reader::flag(node, "stdin"), at: node.at })
}
