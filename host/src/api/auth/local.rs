//! Requests from this machine that carry no token: a program's are taken, a web page's are not. A browser would send both
//! for any page that its user looks at.

use crate::api::types::{ErrorBody, ErrorCode};
use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// Refuses what a web page asks: it says where it comes from, or calls this machine by a name of its own.
///
/// # Errors
/// It is one.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ErrorBody> {
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    if !headers.contains_key(header::ORIGIN) && is_this_machine(host) {
        return Ok(());
    }
    Err(ErrorBody {
        code: ErrorCode::Forbidden,
        message: "without authentication only programs of this machine are answered, by its own name".to_owned(),
        hint: Some("ask http://127.0.0.1 or http://localhost, and not from a web page".to_owned()),
    })
}

/// Whether a `Host` is `localhost` or an address of this machine alone, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_web_page_is_told_by_its_origin_or_its_host() {
        let check = |host: &str, origin: Option<&str>, expect: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            assert_eq!(check(&headers).is_ok(), expect, "{host} {origin:?}");
        };
        check("localhost:8080", None, true);
        check("LOCALHOST", None, true);
        check("127.0.0.1:8080", None, true);
        check("127.0.0.1", None, true);
        check("[::1]:8080", None, true);
        check("[::1]", None, true);
        check("", None, false);
        check("example.org:8080", None, false);
        check("localhost.example.org", None, false);
        check("10.0.0.1:8080", None, false);
        check("[2001:db8::1]:8080", None, false);
        check("localhost:8080", Some("https://example.org"), false);
        check("localhost:8080", Some("null"), false);
    }
}
