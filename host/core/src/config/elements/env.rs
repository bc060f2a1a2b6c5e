use super::secret;
use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use std::collections::BTreeMap;

const FROM: Shape = Shape {
    name: "EnvVarSource",
    doc: "Where the value comes from.",
    one: false,
    fields: &[Field::required("secretKeyRef", secret::REF_KIND, "A secret of the tenant.")],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "EnvVar",
    doc: "An environment variable: exactly one of `value` and `valueFrom`.",
    one: false,
    fields: &[
        Field::required("name", Kind::Form("a name of a variable"), "Name of the variable."),
        Field::new("value", Kind::Text, "Its value; no expressions."),
        Field::new("valueFrom", Kind::Object(&FROM), "Where its value comes from."),
    ],
};

/// Names that end so are of values that do not belong into a file.
const CREDENTIALS: [&str; 9] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "_KEY", "APIKEY", "CREDENTIAL", "CREDENTIALS"];

#[derive(Debug, Clone, Default)]
pub(in crate::config) struct Env {
    pub(in crate::config) clear: BTreeMap<String, String>,
    pub(in crate::config) secret: BTreeMap<String, Text>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Env {
    let mut env = Env::default();
    for node in reader::items(node, "env") {
        let Some(name) = reader::text(node, "name") else { continue };
        if !is_name(&name.value) {
            let message = format!("`{}` is no name of an environment variable", crate::schedule::shown(&name.value));
            reader.error_hint(name.at, Code::InvalidName, message, "use letters, digits and `_`, no digit first");
            continue;
        }
        if env.clear.contains_key(&name.value) || env.secret.contains_key(&name.value) {
            reader.error(name.at, Code::DuplicateName, format!("the variable `{name}` is given twice"));
        }
        let value = reader::text(node, "value");
        match (value, node.get("valueFrom")) {
            (Some(value), None) => {
                if is_credential(&name.value) && !value.value.is_empty() {
                    let message = format!("the value of `{name}` stands in the config");
                    let hint = "name it in the tenant's `secrets`, and write `valueFrom: {secretKeyRef: {name: ...}}`";
                    // The place is that of the name: what is shown with a fault must not show the value.
                    reader.error_hint(name.at, Code::InlineCredential, message, hint);
                }
                env.clear.insert(name.value, value.value);
            }
            (None, Some(from)) => {
                if let Some(target) = secret::read_ref(from) {
                    env.secret.insert(name.value, target);
                }
            }
            _ if node.get("value").is_some_and(|v| v.text().is_none()) => {}
            _ => {
                let message = format!("the variable `{name}` must have exactly one of `value` and `valueFrom`");
                reader.error(node.at, Code::InvalidValue, message);
            }
        }
    }
    env
}

impl Env {
    /// With the tenant's variables, where the task has none of the same name.
    pub(in crate::config) fn resolve(&self, tenant: &Env) -> Env {
        let mut all = tenant.clone();
        for name in self.clear.keys().chain(self.secret.keys()) {
            all.clear.remove(name);
            all.secret.remove(name);
        }
        all.clear.extend(self.clear.clone());
        all.secret.extend(self.secret.clone());
        all
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 256
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a variable of that name has a value that does not belong into a file.
pub(crate) fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    CREDENTIALS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names_of_credentials() {
        for name in ["DB_PASSWORD", "token", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "API_KEY"] {
            assert!(is_credential(name), "{name}");
        }
        for name in ["KEYBOARD", "MONKEY", "TOKEN_FILE", "MODE"] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
