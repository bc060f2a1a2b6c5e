//! What is wrong with a template, and where in it.

use crate::config::Code;
use serde_json::Value;
use std::fmt::Write;

/// Something that is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// JSON pointer into the template: its key is at fault.
    pub(crate) pointer: String,
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// A value of a template.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
}

impl<'a> Place<'a> {
    pub(super) fn root(value: &'a Value) -> Place<'a> {
        Place { value, pointer: String::new() }
    }

    /// The value of a key, also where it is null.
    pub(super) fn get(&self, name: &str) -> Option<Place<'a>> {
        self.value.get(name).map(|value| self.within(name, value))
    }

    /// The keys of a mapping with their values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Place<'a>)> + '_ {
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(|(name, value)| (name.as_str(), self.within(name, value)))
    }

    /// The items of a list.
    pub(super) fn items(&self) -> impl Iterator<Item = Place<'a>> + '_ {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(i, value)| Place { value, pointer: format!("{}/{i}", self.pointer) })
    }

    /// The items of a list that a key has; none where there is no such key.
    pub(super) fn each(&self, name: &str) -> Vec<Place<'a>> {
        self.get(name).map(|list| list.items().collect()).unwrap_or_default()
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value.get(name)?.as_str()
    }

    fn within(&self, name: &str, value: &'a Value) -> Place<'a> {
        let pointer = format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"));
        Place { value, pointer }
    }

    /// As a user would say it: `spec.volumes[0].name`.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for part in self.pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let _ = match part.parse::<usize>() {
                Ok(i) => write!(path, "[{i}]"),
                Err(_) if path.is_empty() => write!(path, "{part}"),
                Err(_) => write!(path, ".{part}"),
            };
        }
        path
    }

    pub(super) fn flaw(&self, code: Code, message: impl Into<String>, hint: impl Into<String>) -> Flaw {
        Flaw { pointer: self.pointer.clone(), code, message: message.into(), hint: hint.into() }
    }
}
