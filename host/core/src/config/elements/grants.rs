//! Doors that a task asks for.

use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::Node;
use wharf_contract::HttpGrant;

const METHODS: Kind = Kind::Enum(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]);
const HOST: Shape = Shape {
    name: "HttpGrant",
    doc: "An HTTP destination.",
    one: false,
    fields: &[
        Field::required("host", Kind::Form("a host name"), "Name or address; `*.example.org` is every name below it."),
        Field::new("port", Kind::Int(1, 65_535), "Default: the scheme's own."),
        Field::new("plain", Kind::Bool, "Whether plain `http` is allowed besides `https`; default false."),
        Field::new("private", Kind::Bool, "Whether it may be a loopback or private address; default false."),
        Field::new("methods", Kind::List(&METHODS), "Default: all."),
    ],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Grants",
    doc: "Doors, closed unless they are named here.",
    one: false,
    fields: &[Field::new(
        "http",
        Kind::List(&Kind::Or(&Kind::Form("a URL such as `https://api.example.org`"), &HOST)),
        "HTTP destinations: a URL of scheme, host and port, or a mapping.",
    )],
};

/// A grant and where it stands.
#[derive(Debug, Clone)]
pub(in crate::config) struct Http {
    pub(in crate::config) grant: HttpGrant,
    pub(in crate::config) at: At,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, task: &Node) -> Vec<Http> {
    let Some(grants) = task.get("grants") else { return Vec::new() };
    let mut all = Vec::new();
    for node in reader::items(grants, "http") {
        let parsed = match node.text() {
            Some(url) => from_url(url),
            None => match reader::text(node, "host") {
                Some(host) => check_host(&host.value).map(|host| HttpGrant {
                    host,
                    port: reader::int(node, "port"),
                    plain: reader::flag(node, "plain").unwrap_or(false),
                    private: reader::flag(node, "private").unwrap_or(false),
                    methods: reader::items(node, "methods").filter_map(|m| m.text().map(str::to_owned)).collect(),
                }),
                None => continue,
            },
        };
        match parsed {
            Ok(grant) => all.push(Http { grant, at: node.at }),
            Err((why, hint)) => reader.error_hint(node.at, Code::InvalidValue, why, hint),
        }
    }
    all
}

type Refusal = (String, &'static str);

fn from_url(url: &str) -> Result<HttpGrant, Refusal> {
    const FORM: &str = "write it as `https://api.example.org` or `http://localhost:8080`";
    let shown = crate::schedule::shown(url);
    let (plain, rest) = match url.split_once("://") {
        Some(("https", rest)) => (false, rest),
        Some(("http", rest)) => (true, rest),
        Some((scheme, _)) => return Err((format!("`{}` is no scheme of HTTP", crate::schedule::shown(scheme)), FORM)),
        None => return Err((format!("`{shown}` has no scheme"), FORM)),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@']) {
        return Err((format!("`{shown}` is more than scheme, host and port"), "a grant is for a whole host"));
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse::<u16>().ok().filter(|p| *p > 0);
            let port = port.ok_or_else(|| (format!("`{shown}` has no port that there is"), "ports are 1 to 65535"))?;
            (host, Some(port))
        }
        _ => (rest, None),
    };
    Ok(HttpGrant { host: check_host(host)?, port, plain, private: false, methods: Vec::new() })
}

/// The host in lower case.
pub(in crate::config) fn check_host(host: &str) -> Result<String, Refusal> {
    let lower = host.to_ascii_lowercase();
    let name = lower.strip_prefix("*.").unwrap_or(&lower);
    let bracketed = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    let address = bracketed.unwrap_or(name).parse::<std::net::IpAddr>().is_ok();
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if address || (name.len() <= 253 && name.split('.').all(label)) {
        return Ok(if address { bracketed.unwrap_or(&lower).to_owned() } else { lower });
    }
    Err((
        format!("`{}` is no host name", crate::schedule::shown(host)),
        "a wildcard is `*.` at the beginning; other scripts are written in punycode",
    ))
}

/// Whether a pattern of a host covers another one.
pub(in crate::config) fn covers(pattern: &str, host: &str) -> bool {
    pattern == "*"
        || pattern == host
        || pattern
            .strip_prefix("*.")
            .is_some_and(|base| host.strip_suffix(base).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expect: &str) {
        let shown = match from_url(url) {
            Ok(g) => format!("{} {:?} {}", g.host, g.port, g.plain),
            Err((why, _)) => why,
        };
        assert_eq!(shown, expect, "{url}");
    }

    #[test]
    fn reads_urls() {
        check("https://API.example.org", "api.example.org None false");
        check("https://api.example.org/", "api.example.org None false");
        check("http://localhost:8080", "localhost Some(8080) true");
        check("https://*.example.org:8443", "*.example.org Some(8443) false");
        check("https://[::1]:8443", "::1 Some(8443) false");
        check("https://10.0.0.1", "10.0.0.1 None false");
        check("api.example.org", "`api.example.org` has no scheme");
        check("ftp://a", "`ftp` is no scheme of HTTP");
        check("https://a/b", "`https://a/b` is more than scheme, host and port");
        check("https://u@a", "`https://u@a` is more than scheme, host and port");
        check("https://a:0", "`https://a:0` has no port that there is");
        check("https://a..b", "`a..b` is no host name");
        check("https://", "`` is no host name");
        check("https://a.*.b", "`a.*.b` is no host name");
    }

    #[test]
    fn patterns_cover_names_below() {
        for (pattern, host, expect) in [
            ("a.org", "a.org", true),
            ("*.a.org", "x.a.org", true),
            ("*.a.org", "*.x.a.org", true),
            ("*.a.org", "*.a.org", true),
            ("*.a.org", "a.org", false),
            ("*.a.org", "xa.org", false),
            ("a.org", "*.a.org", false),
            ("*", "a.org", true),
        ] {
            assert_eq!(covers(pattern, host), expect, "{pattern} {host}");
        }
    }
}
