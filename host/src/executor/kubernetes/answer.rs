//! What the API server says when it does not do what it was asked.

use kube::core::Status;
use std::fmt;
use std::time::Duration;

/// Bytes of an API server's message that are kept.
const MAX_MESSAGE: usize = 500;

/// Why a call did not do what it was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No answer, or one that says nothing of what was asked: the same call may go well later. It may have been carried
    /// out all the same.
    Absent(String),
    /// Too many calls: the same call may go well after that time.
    Busy(Option<Duration>),
    /// An answer.
    Refused(Refused),
}

/// What the API server refuses, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// HTTP status; 0 where the call was not even made.
    pub(super) code: u16,
    /// In one word, for a program: `AlreadyExists`, `Forbidden`, ...
    pub(super) reason: String,
    /// For a person.
    pub(super) message: String,
}

impl Trouble {
    /// The HTTP status; 0 where there was none.
    pub(super) fn code(&self) -> u16 {
        match self {
            Trouble::Absent(_) => 0,
            Trouble::Busy(_) => 429,
            Trouble::Refused(refused) => refused.code,
        }
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.code() == 404
    }

    /// Not that it is there already.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Trouble::Refused(r) if r.code == 409 && r.reason != "AlreadyExists")
    }
}

impl Refused {
    /// The call was not made: what was to be asked makes no request.
    pub(super) fn ours(message: String) -> Refused {
        Refused { code: 0, reason: String::new(), message }
    }

    /// Whether whoever asks has no right to, and not what is asked for is wrong. An API server that has just come up knows
    /// no rights at all for a moment: to be believed only after [`super::deadline::REFUSED`].
    pub(super) fn is_unauthorized(&self) -> bool {
        self.code == 403 && self.message.contains(" cannot ") && self.message.contains(" resource ")
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Absent(why) => f.write_str(why),
            Trouble::Busy(_) => f.write_str("it has too many requests (429)"),
            Trouble::Refused(Refused { code, message, .. }) => write!(f, "{message} ({code})"),
        }
    }
}

/// What an answer with an HTTP status other than 2xx means.
///
/// An API server answers with a `Status`; what stands before it (a proxy, a load balancer) with whatever it likes. 401 is
/// no answer to what was asked: credentials are renewed, and then the same call goes well. So is a conflict of a quota's
/// own bookkeeping, which only says that others were counted at the same time.
pub(super) fn classify(code: u16, body: &[u8], after: Option<Duration>) -> Trouble {
    let status: Option<Status> = serde_json::from_slice(body).ok();
    let message = match &status {
        Some(status) => status.message.clone(),
        None => String::from_utf8_lossy(&body[..body.len().min(MAX_MESSAGE)]).into_owned(),
    };
    let message: String = message.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_MESSAGE).collect();
    let details = status.as_ref().and_then(|s| s.details.as_ref());
    match code {
        429 => {
            let said = details.map(|d| d.retry_after_seconds).filter(|s| *s > 0);
            Trouble::Busy(after.or(said.map(|s| Duration::from_secs(s.into()))))
        }
        401 | 408 | 500..=599 => Trouble::Absent(format!("it answers {code}: {message}")),
        409 if details.is_some_and(|d| d.kind == "resourcequotas") => Trouble::Absent(message),
        // A redirect or the like comes from no API server.
        _ if status.is_none() && !(400..500).contains(&code) => Trouble::Absent(format!("it answers {code}")),
        _ => Trouble::Refused(Refused { code, reason: status.map(|s| s.reason).unwrap_or_default(), message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(code: u16, body: &serde_json::Value, after: Option<u64>, expect: &Trouble) {
        let body = match body {
            serde_json::Value::String(text) => text.clone().into_bytes(),
            status => serde_json::to_vec(status).unwrap(),
        };
        assert_eq!(classify(code, &body, after.map(Duration::from_secs)), *expect);
    }

    fn status(reason: &str, message: &str, details: &serde_json::Value) -> serde_json::Value {
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
            "message": message, "details": details})
    }

    fn refused(code: u16, reason: &str, message: &str) -> Trouble {
        Trouble::Refused(Refused { code, reason: reason.into(), message: message.into() })
    }

    #[test]
    fn back_pressure_names_its_pause_in_the_header_or_the_body() {
        let pause = |s| Trouble::Busy(Some(Duration::from_secs(s)));
        check(429, &json!("Too many requests, please try again later."), Some(3), &pause(3));
        check(429, &status("TooManyRequests", "x", &json!({"retryAfterSeconds": 5})), None, &pause(5));
        check(429, &json!(""), None, &Trouble::Busy(None));
    }

    #[test]
    fn what_says_nothing_of_the_call_may_go_well_later() {
        let absent = |why: &str| Trouble::Absent(why.into());
        check(503, &json!("no\n  backend"), None, &absent("it answers 503: no backend"));
        check(401, &status("Unauthorized", "Unauthorized", &json!({})), None, &absent("it answers 401: Unauthorized"));
        check(302, &json!("<a>"), None, &absent("it answers 302"));
        let counted = json!({"name": "q", "kind": "resourcequotas"});
        let said = "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified";
        check(409, &status("Conflict", said, &counted), None, &absent(said));
    }

    #[test]
    fn a_refusal_keeps_what_the_api_server_says() {
        let exists = "jobs.batch \"a\" already exists";
        let details = json!({"name": "a", "kind": "jobs"});
        check(409, &status("AlreadyExists", exists, &details), None, &refused(409, "AlreadyExists", exists));
        assert!(!refused(409, "AlreadyExists", exists).is_conflict());
        check(404, &json!("404 page not found"), None, &refused(404, "", "404 page not found"));
        assert!(refused(404, "", "x").is_not_found());
        let rights = "jobs.batch is forbidden: User \"u\" cannot create resource \"jobs\" in API group \"batch\"";
        for (said, expect) in [(rights, true), ("jobs.batch \"a\" is forbidden: exceeded quota: q", false)] {
            let Trouble::Refused(refused) = refused(403, "Forbidden", said) else { unreachable!() };
            assert_eq!(refused.is_unauthorized(), expect, "{said}");
        }
        check(422, &status("Invalid", &"é".repeat(900), &details), None, &refused(422, "Invalid", &"é".repeat(500)));
    }
}
