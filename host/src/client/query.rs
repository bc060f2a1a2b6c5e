use std::fmt::{Display, Write};

/// A path with its query, percent-encoded.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    first: bool,
}

impl Query {
    /// A path that needs no encoding.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Query {
        Query { text: path.into(), first: true }
    }

    /// Adds a pair.
    #[must_use]
    pub fn pair(mut self, name: &str, value: impl Display) -> Query {
        self.text.push(if self.first { '?' } else { '&' });
        self.first = false;
        self.text.push_str(name);
        self.text.push('=');
        for byte in value.to_string().bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.text.push(char::from(byte));
            } else {
                // Writing to a String never fails.
                let _ = write!(self.text, "%{byte:02X}");
            }
        }
        self
    }

    /// Adds a pair where there is a value.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Query {
        match value {
            Some(value) => self.pair(name, value),
            None => self,
        }
    }

    /// The text of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded() {
        let query =
            Query::new("/v1/runs").pair("flow", "acme/daily").maybe("state", None::<&str>).pair("key", "a&b=ü +");
        assert_eq!(query.as_str(), "/v1/runs?flow=acme%2Fdaily&key=a%26b%3D%C3%BC%20%2B");
    }
}
