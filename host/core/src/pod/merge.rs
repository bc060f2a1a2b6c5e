//! Merges pod templates as Kubernetes merges a strategic merge patch: mappings field by field, lists whose items have a
//! key item by item, every other list whole; null takes a field away.

use super::fields::{Field, Kind, Type};
use serde_json::{Map, Value};
use std::fmt;

type Object = Map<String, Value>;

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";

/// A patch that cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeFault {
    /// JSON pointer into the patch.
    pub pointer: String,
    /// What is wrong, as one clause.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl fmt::Display for MergeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", if self.pointer.is_empty() { "/" } else { &self.pointer }, self.message, self.hint)
    }
}

impl std::error::Error for MergeFault {}

impl MergeFault {
    fn new(message: String, hint: &'static str) -> MergeFault {
        MergeFault { pointer: String::new(), message, hint }
    }

    fn within(self, part: &str) -> MergeFault {
        let pointer = format!("/{}{}", part.replace('~', "~0").replace('/', "~1"), self.pointer);
        MergeFault { pointer, ..self }
    }
}

/// Merges a pod template (`metadata`, `spec`) into another one. Neither null nor a directive is left of the patch.
///
/// As Kubernetes does it, with two differences: an item of a list that is one thing or another, such as a volume, becomes
/// what the patch says, as `kubectl apply` does it; and `$patch: replace` keeps its fields where there is nothing to replace.
///
/// # Errors
/// Where the patch has a directive that is not known here, or an item of a list without its key.
pub fn merge(template: Value, patch: &Value) -> Result<Value, MergeFault> {
    match (template, patch) {
        (template, Value::Null) => Ok(template),
        (Value::Object(template), Value::Object(patch)) => object(Kind::ROOT, template, patch, None).map(Value::Object),
        (_, patch) => Ok(fresh(Kind::ROOT, patch)?.unwrap_or_default()),
    }
}

/// `key`: the field that is kept beside what the patch names; none where all fields are.
fn object(kind: Kind, mut original: Object, patch: &Object, key: Option<&str>) -> Result<Object, MergeFault> {
    match patch.get(PATCH).map(Value::as_str) {
        None => {}
        Some(Some("replace")) => return fields(kind, patch),
        Some(Some("delete")) => return Ok(Object::new()),
        Some(_) => return Err(unknown_directive().within(PATCH)),
    }
    if let Some(kept) = retained(patch, key)? {
        original.retain(|name, _| kept.contains(&name.as_str()));
    }
    for (name, change) in patch.iter().filter(|(name, _)| *name != RETAIN) {
        known(name)?;
        let field = field_of(kind, name);
        let merged = match (original.remove(name), change, field) {
            (_, Value::Null, _) => Ok(None),
            (Some(Value::Object(old)), Value::Object(new), field) => {
                object(field.kind, old, new, None).map(|o| Some(Value::Object(o)))
            }
            (Some(Value::Array(old)), Value::Array(new), Field { key: Some(key), retain, .. }) => {
                list(field.kind, key, retain, old, new).map(|l| Some(Value::Array(l)))
            }
            _ => fresh(field.kind, change),
        };
        if let Some(value) = merged.map_err(|e| e.within(name))? {
            original.insert(name.clone(), value);
        }
    }
    Ok(original)
}

/// The fields that the original keeps; none where it keeps all.
fn retained<'a>(patch: &'a Object, key: Option<&'a str>) -> Result<Option<Vec<&'a str>>, MergeFault> {
    let Some(list) = patch.get(RETAIN) else {
        // Nothing but the key refers to the item as it is.
        let says_more = key.is_some_and(|key| patch.keys().any(|name| name != key));
        return Ok(says_more.then(|| patch.keys().map(String::as_str).collect()));
    };
    let fault = || {
        MergeFault::new(format!("`{RETAIN}` must list every field that stands beside it"), "complete it").within(RETAIN)
    };
    let list = list.as_array().ok_or_else(fault)?;
    let kept: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    match patch.iter().find(|(name, value)| *name != RETAIN && !value.is_null() && !kept.contains(&name.as_str())) {
        Some(_) => Err(fault()),
        None => Ok(Some(kept)),
    }
}

/// Merges a list whose items are told apart by a key.
fn list(
    kind: Kind,
    key: &str,
    retain: bool,
    mut original: Vec<Value>,
    patch: &[Value],
) -> Result<Vec<Value>, MergeFault> {
    let item_kind = kind.item().unwrap_or(kind);
    let mut replace = false;
    let mut changes: Vec<(usize, &Object, &Value)> = Vec::new();
    for (i, item) in patch.iter().enumerate() {
        let within = |fault: MergeFault| fault.within(&i.to_string());
        let item = item.as_object().ok_or_else(|| within(no_key(key)))?;
        match (item.get(PATCH).map(Value::as_str), item.get(key)) {
            (None, Some(id)) => changes.push((i, item, id)),
            (Some(Some("delete")), Some(id)) => original.retain(|o| o.get(key) != Some(id)),
            (Some(Some("replace")), _) => replace = true,
            (Some(Some("delete")) | None, None) => return Err(within(no_key(key))),
            (Some(_), _) => return Err(within(unknown_directive().within(PATCH))),
        }
    }
    if replace {
        original.clear();
    }
    let before: Vec<Value> = original.iter().filter_map(|o| o.get(key).cloned()).collect();
    let mut named: Vec<&Value> = Vec::new();
    for (i, change, id) in changes {
        let old = original.iter_mut().find(|o| o.get(key) == Some(id));
        let (old, place) = match old {
            Some(Value::Object(place)) => (std::mem::take(place), Some(place)),
            _ => (Object::new(), None),
        };
        let merged = object(item_kind, old, change, retain.then_some(key)).map_err(|e| e.within(&i.to_string()))?;
        match place {
            Some(place) => *place = merged,
            None => original.push(Value::Object(merged)),
        }
        if !named.contains(&id) {
            named.push(id);
        }
    }
    Ok(in_order(key, original, &before, &named))
}

/// What the patch names goes in its order; before it, of what it does not name, only what stood before the same item.
fn in_order(key: &str, merged: Vec<Value>, before: &[Value], named: &[&Value]) -> Vec<Value> {
    let at = |item: &Value| before.iter().position(|id| Some(id) == item.get(key));
    let (mut changed, kept): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| named.iter().any(|id| item.get(key) == Some(id)));
    changed.sort_by_key(|item| named.iter().position(|id| item.get(key) == Some(id)));
    let (mut changed, mut kept) = (changed.into_iter().peekable(), kept.into_iter().peekable());
    let mut out = Vec::new();
    loop {
        let next = match (kept.peek(), changed.peek()) {
            (Some(left), Some(right)) => match (at(left), at(right)) {
                (Some(left), Some(right)) if left < right => kept.next(),
                _ => changed.next(),
            },
            (Some(_), None) => kept.next(),
            _ => changed.next(),
        };
        match next {
            Some(item) => out.push(item),
            None => return out,
        }
    }
}

/// What a patch comes to where there was nothing before; none where it says that it is to go.
fn fresh(kind: Kind, patch: &Value) -> Result<Option<Value>, MergeFault> {
    match patch {
        Value::Null => Ok(None),
        Value::Object(patch) if patch.get(PATCH).is_some_and(|p| p == "delete") => Ok(None),
        Value::Object(patch) => object(kind, Object::new(), patch, None).map(|o| Some(Value::Object(o))),
        Value::Array(items) => {
            let item_kind = kind.item().unwrap_or(kind);
            let mut all = Vec::new();
            for (i, item) in items.iter().enumerate() {
                let marker = item.get(PATCH).is_some();
                if marker && !item.get(PATCH).is_some_and(|p| p == "delete" || p == "replace") {
                    return Err(unknown_directive().within(PATCH).within(&i.to_string()));
                }
                if !marker {
                    all.extend(fresh(item_kind, item).map_err(|e| e.within(&i.to_string()))?);
                }
            }
            Ok(Some(Value::Array(all)))
        }
        other => Ok(Some(other.clone())),
    }
}

/// The fields of a mapping that replaces another one.
fn fields(kind: Kind, patch: &Object) -> Result<Object, MergeFault> {
    let mut rest = patch.clone();
    rest.remove(PATCH);
    object(kind, Object::new(), &rest, None)
}

fn field_of(kind: Kind, name: &str) -> Field {
    let plain = |kind| Field { kind, key: None, retain: false };
    match kind.get() {
        Type::Map(value) => plain(value),
        // What is not known is merged by its form.
        _ => kind.field(name).unwrap_or(plain(kind)),
    }
}

fn known(name: &str) -> Result<(), MergeFault> {
    if !name.starts_with('$') {
        return Ok(());
    }
    let message = format!("the directive `{}` is not known here", crate::schedule::shown(name));
    Err(MergeFault::new(message, "there are `$patch: replace`, `$patch: delete` and `$retainKeys`").within(name))
}

fn unknown_directive() -> MergeFault {
    MergeFault::new("`$patch` can be `replace` or `delete`".into(), "leave it out to merge")
}

fn no_key(key: &str) -> MergeFault {
    MergeFault::new(format!("an item of this list has a `{key}`"), "it says which item is meant")
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
