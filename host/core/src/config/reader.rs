use super::fault::{Code, Faults, Severity};
use super::practice::Rule;
use super::source::{At, File};
use super::yaml::Node;

/// A string and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) value: String,
    pub(super) at: At,
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.value)
    }
}

/// What reading an element needs: where faults go, and where relative paths start.
pub(super) struct Reader<'a> {
    pub(super) files: &'a [File],
    pub(super) faults: &'a mut Faults,
}

impl Reader<'_> {
    pub(super) fn error(&mut self, at: At, code: Code, message: impl Into<String>) {
        self.faults.error(self.files, at, code, message, None);
    }

    pub(super) fn error_hint(&mut self, at: At, code: Code, message: impl Into<String>, hint: impl Into<String>) {
        self.faults.error(self.files, at, code, message, Some(hint.into()));
    }

    pub(super) fn warn(&mut self, at: At, code: Code, message: impl Into<String>, hint: impl Into<String>) {
        self.faults.warn(self.files, at, code, message, Some(hint.into()));
    }

    /// Reports what breaks a rule of practice.
    pub(super) fn practice(&mut self, at: At, rule: Rule, message: impl Into<String>, hint: impl Into<String>) {
        match rule.severity() {
            Severity::Error => self.error_hint(at, rule.code(), message, hint),
            Severity::Warning => self.warn(at, rule.code(), message, hint),
        }
    }

    /// Whether that rule was found broken there.
    pub(super) fn has(&self, at: At, rule: Rule) -> bool {
        self.faults.has(at, rule.code())
    }

    /// A path of the config, absolute and without `.` and `..`.
    pub(super) fn path(&self, text: &str, at: At) -> std::path::PathBuf {
        use std::path::{Component, Path};
        let empty = Path::new("/");
        let mut path = std::path::PathBuf::new();
        for part in self.files.get(at.file).map_or(empty, |f| f.dir.as_path()).join(text).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    path.pop();
                }
                other => path.push(other),
            }
        }
        path
    }
}

/// A string field.
pub(super) fn text(node: &Node, name: &str) -> Option<Text> {
    let node = node.get(name)?;
    Some(Text { value: node.text()?.to_owned(), at: node.at })
}

/// An integer field; its bounds are those of its shape.
pub(super) fn int<T: TryFrom<i64>>(node: &Node, name: &str) -> Option<T> {
    T::try_from(node.get(name)?.int()?).ok()
}

/// A field that is true or false.
pub(super) fn flag(node: &Node, name: &str) -> Option<bool> {
    node.get(name)?.flag()
}

/// The items of a field that is a list.
pub(super) fn items<'a>(node: &'a Node, name: &str) -> impl Iterator<Item = &'a Node> + use<'a> {
    node.get(name).map_or(&[][..], Node::items).iter().filter(|n| !n.is_null())
}
