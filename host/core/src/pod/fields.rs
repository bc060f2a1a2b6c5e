//! The fields of a pod template as Kubernetes v1.36 has them, with their types and how a patch merges into them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The fields of a structure by their names.
pub(super) type Struct = BTreeMap<&'static str, Field>;

/// A field of a structure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) kind: Kind,
    /// Of a list whose items are merged: the field that tells them apart.
    pub(super) key: Option<&'static str>,
    /// An item of the list keeps nothing that the patch does not name: it is one thing or another.
    pub(super) retain: bool,
}

/// A type, as it is written in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(&'static str);

/// A type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Text,
    Flag,
    Int,
    Quantity,
    IntOrText,
    List(Kind),
    Map(Kind),
    Struct(&'static Struct),
}

/// Made from the types of Kubernetes: see `tests/data/kubernetes.go`.
const TABLE: &str = include_str!("fields.txt");

static STRUCTS: LazyLock<BTreeMap<&'static str, Struct>> = LazyLock::new(|| {
    let mut all: BTreeMap<&str, Struct> = BTreeMap::new();
    let mut name = "";
    for line in TABLE.lines() {
        let Some(rest) = line.strip_prefix("  ") else {
            name = line;
            continue;
        };
        let mut words = rest.split(' ');
        let (field, kind) = (words.next().unwrap_or_default(), Kind(words.next().unwrap_or_default()));
        let mut parsed = Field { kind, key: None, retain: false };
        for word in words {
            match word.strip_prefix("merge=") {
                Some(key) => parsed.key = Some(key),
                None => parsed.retain = word == "retainKeys",
            }
        }
        all.entry(name).or_default().insert(field, parsed);
    }
    all
});

impl Kind {
    /// A pod template.
    pub(super) const ROOT: Kind = Kind("PodTemplateSpec");

    pub(super) fn get(self) -> Type {
        match self.0 {
            "string" => Type::Text,
            "bool" => Type::Flag,
            "int" => Type::Int,
            "quantity" => Type::Quantity,
            "int-or-string" => Type::IntOrText,
            other => match (other.strip_prefix("list:"), other.strip_prefix("map:")) {
                (Some(item), _) => Type::List(Kind(item)),
                (_, Some(value)) => Type::Map(Kind(value)),
                _ => Type::Struct(STRUCTS.get(other).unwrap_or(&NONE)),
            },
        }
    }

    /// A field, where this is a structure that has it.
    pub(super) fn field(self, name: &str) -> Option<Field> {
        match self.get() {
            Type::Struct(fields) => fields.get(name).copied(),
            _ => None,
        }
    }

    /// The type of the items, where this is a list.
    pub(super) fn item(self) -> Option<Kind> {
        match self.get() {
            Type::List(item) => Some(item),
            _ => None,
        }
    }
}

static NONE: Struct = BTreeMap::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        for (name, fields) in STRUCTS.iter() {
            for (field, Field { kind, key, .. }) in fields {
                let mut inner = *kind;
                while let Type::List(next) | Type::Map(next) = inner.get() {
                    inner = next;
                }
                if let Type::Struct(fields) = inner.get() {
                    assert!(!fields.is_empty(), "{name}.{field}");
                }
                if let Some(key) = key {
                    assert!(kind.item().and_then(|i| i.field(key)).is_some(), "{name}.{field} has no {key}");
                }
            }
        }
        assert_eq!(Kind::ROOT.field("spec").unwrap().kind.field("volumes").unwrap().key, Some("name"));
        assert!(Kind::ROOT.field("spec").unwrap().kind.field("volumes").unwrap().retain);
    }
}
