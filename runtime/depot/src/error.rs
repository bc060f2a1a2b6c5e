use crate::Digest;
use std::path::Path;

/// Longest explanation of another program that is passed on, in bytes.
const MAX_WHY: usize = 300;

/// Why a depot or a registry did not do what was asked. No text of it holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("{key} is not in the store")]
    NotFound {
        /// Below the store's prefix, or a registry's reference.
        key: String,
    },
    /// The object has other bytes than those asked for.
    #[error("{key} is {found}, not {expected}: it was damaged or replaced")]
    Different {
        /// As above.
        key: String,
        /// What was asked for.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
    /// The object is larger than the reader takes.
    #[error("{key} is larger than {max} bytes")]
    TooLarge {
        /// As above.
        key: String,
        /// In bytes.
        max: u64,
    },
    /// Somebody else changed the object since it was read.
    #[error("{key} was changed by somebody else meanwhile")]
    Changed {
        /// As above.
        key: String,
    },
    /// The store knows the credentials and refuses, or does not know them, or there are none.
    #[error("the store refuses {key}: {why}; look at the store's credentials and what they may do")]
    Denied {
        /// As above.
        key: String,
        /// The store's words.
        why: String,
    },
    /// The store does not answer or fails, and went on so for as long as is tried.
    #[error("the store cannot serve {key}: {why}")]
    Unavailable {
        /// As above.
        key: String,
        /// The last failure.
        why: String,
    },
    /// The location or a setting cannot be used.
    #[error("{0}")]
    Settings(String),
    /// A file of this machine cannot be read or written.
    #[error("{0}")]
    Local(String),
}

impl Error {
    /// Whether the same request may succeed later, with nothing changed by a person.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::Unavailable { .. } | Error::Changed { .. })
    }

    pub(crate) fn local(doing: &str, path: &Path, error: impl std::fmt::Display) -> Error {
        Error::Local(format!("cannot {doing} {}: {error}", path.display()))
    }

    /// Of the object store's library, about this key.
    pub(crate) fn of(key: &str, error: object_store::Error) -> Error {
        use object_store::Error as E;
        let key = key.to_owned();
        match error {
            E::NotFound { .. } => Error::NotFound { key },
            E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. } => Error::Changed { key },
            E::PermissionDenied { source, .. } | E::Unauthenticated { source, .. } => {
                Error::Denied { key, why: plain(&cause(&*source)) }
            }
            E::NotSupported { source } => {
                Error::Settings(format!("the store cannot serve {key}: {}", plain(&cause(&*source))))
            }
            other if is_refusal(&other) => Error::Denied { key, why: plain(&cause(&other)) },
            other => Error::Unavailable { key, why: plain(&cause(&other)) },
        }
    }
}

/// Whether a server answered with 401 or 403: of lists the library says so in words only.
fn is_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(e) = next {
        let text = e.to_string();
        if let Some(status) = text.strip_prefix("Server returned non-2xx status code: ") {
            return ["401 ", "403 "].iter().any(|code| status.starts_with(code));
        }
        next = e.source();
    }
    false
}

/// What the library tells of the answer, or of why there was none, without its account of what it did.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = error;
    let mut next = Some(error);
    while let Some(e) = next {
        next = e.source();
        if e.to_string().contains("Error performing")
            && let Some(inner) = next
        {
            told = inner;
        }
    }
    chain(told)
}

/// An error with its causes, each once.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Another program's text on one bounded line, without the query of any URL: a query may carry a signature or a token.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        let word = match word.find('?') {
            Some(at) if word.contains("://") => &word[..at],
            _ => word,
        };
        if out.len() + word.len() > MAX_WHY {
            out.push_str(" …");
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_never_gets_into_a_message() {
        let check = |text: &str, expect: &str| assert_eq!(plain(text), expect);
        check("GET https://a.example/b?sig=SECRET&se=1 failed", "GET https://a.example/b failed");
        check(
            "error sending request for url (https://a/b?token=SECRET): refused",
            "error sending request for url (https://a/b refused",
        );
        check("what is this?\n  two lines", "what is this? two lines");
        assert!(plain(&"word ".repeat(500)).len() < MAX_WHY + 10);
    }

    #[test]
    fn a_status_that_refuses_is_found_below_other_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("Error performing GET https://a/b in 1ms")]
        struct Performing(#[source] Status);
        #[derive(Debug, thiserror::Error)]
        #[error("Server returned non-2xx status code: {0}: <Message>status code: 403 </Message>")]
        struct Status(&'static str);

        let check = |status: &'static str, expect: bool| {
            let error = object_store::Error::Generic { store: "S3", source: Performing(Status(status)).into() };
            assert_eq!(matches!(Error::of("k", error), Error::Denied { .. }), expect, "{status}");
        };
        check("403 Forbidden", true);
        check("401 Unauthorized", true);
        check("500 Internal Server Error", false);
        check("404 Not Found", false);
    }

    #[test]
    fn each_error_of_the_library_has_its_kind() {
        let source = || "x".into();
        let of = |e| Error::of("k", e);
        let path = || "p".to_owned();
        assert_eq!(
            of(object_store::Error::NotFound { path: path(), source: source() }),
            Error::NotFound { key: "k".into() }
        );
        assert!(matches!(
            of(object_store::Error::PermissionDenied { path: path(), source: source() }),
            Error::Denied { .. }
        ));
        assert!(matches!(
            of(object_store::Error::Unauthenticated { path: path(), source: source() }),
            Error::Denied { .. }
        ));
        assert!(matches!(
            of(object_store::Error::Precondition { path: path(), source: source() }),
            Error::Changed { .. }
        ));
        let generic = of(object_store::Error::Generic { store: "S3", source: source() });
        assert!(matches!(&generic, Error::Unavailable { .. }) && generic.is_transient());
    }
}
