use hyper::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use wharf_contract::HttpGrant;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub method: String,
    pub tls: bool,
    /// Lower case, no brackets, no dot at the end.
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

/// Reads the destination of a request; in words where it cannot have one.
pub(super) fn destination(method: &str, uri: &Uri) -> Result<Destination, String> {
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        other => return Err(format!("HTTP was refused: the scheme {} is unknown", other.unwrap_or("(none)"))),
    };
    let authority = uri.authority().ok_or("HTTP was refused: the request names no host")?;
    if authority.as_str().contains('@') {
        return Err("HTTP was refused: the host carries a user name; use a header instead".into());
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_lowercase();
    if host.is_empty() || authority.as_str().ends_with(':') {
        return Err("HTTP was refused: the request names no host".into());
    }
    let port = authority.port_u16().unwrap_or(default_port(tls));
    Ok(Destination { method: method.to_owned(), tls, host, port })
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

/// Whether the grants allow a destination, and if so, whether it may be a private address; else what is missing.
pub(super) fn allow(grants: &[HttpGrant], to: &Destination) -> Result<bool, String> {
    let mut nearly = None;
    for grant in grants.iter().filter(|g| host_matches(&g.host, &to.host)) {
        if grant.port.unwrap_or(default_port(to.tls)) != to.port {
            nearly = nearly.or(Some(format!("its entry is for another port; add one with `port: {}`", to.port)));
        } else if !to.tls && !grant.plain {
            nearly = Some("its entry is for https; set `plain: true` to allow http too".into());
        } else if !grant.methods.is_empty() && !grant.methods.contains(&to.method) {
            nearly = Some(format!("its entry does not allow the method; add {} to `methods`", to.method));
        } else {
            return Ok(grant.private);
        }
    }
    let missing =
        nearly.unwrap_or_else(|| format!("add an entry with `host: {}` to `grants.http` to allow it", to.host));
    Err(format!("HTTP {} {to} was refused: {missing}", to.method))
}

fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern.trim_start_matches('[').trim_end_matches(']') == host,
    }
}

/// Whether an address is one of the open internet: not of this machine, this network, or a special use. The addresses
/// from which clouds hand out credentials are link-local, so they are none.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    // An address that stands for one of version 4 is judged as that.
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let embedded = |hi: u16, lo: u16| {
        let ([a, b], [c, d]) = (hi.to_be_bytes(), lo.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // NAT64 and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, hi, lo] => embedded(hi, lo),
        [0x2002, hi, lo, ..] => embedded(hi, lo),
        // Teredo, protocol assignments, benchmarking, documentation.
        [0x2001, b, ..] if b < 0x200 => false,
        [0x2001, 0xdb8, ..] => false,
        [0x3fff, b, ..] if b < 0x1000 => false,
        // Global unicast is 2000::/3; all else is of this machine, this network, multicast or unassigned.
        [a, ..] => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(host: &str) -> HttpGrant {
        HttpGrant { host: host.into(), port: None, plain: false, private: false, methods: vec![] }
    }

    fn check(grants: &[HttpGrant], request: &str, expect: Result<bool, &str>) {
        let (method, uri) = request.split_once(' ').unwrap();
        let got = destination(method, &uri.parse().unwrap()).and_then(|d| allow(grants, &d));
        match (got, expect) {
            (Ok(a), Ok(b)) => assert_eq!(a, b, "{request}"),
            (Err(a), Err(b)) => assert!(a.contains(b), "{request}: {a}"),
            (got, _) => panic!("{request}: {got:?}"),
        }
    }

    #[test]
    fn only_what_is_listed_passes() {
        let g = [
            grant("api.example.org"),
            grant("*.data.example.org"),
            HttpGrant { port: Some(8080), plain: true, private: true, ..grant("localhost") },
            HttpGrant { methods: vec!["GET".into()], ..grant("read.example.org") },
            HttpGrant { private: true, ..grant("::1") },
        ];
        check(&g, "GET https://api.example.org/x", Ok(false));
        check(&g, "GET https://API.example.org./x", Ok(false));
        check(&g, "GET https://api.example.org:443/x", Ok(false));
        check(&g, "GET https://api.example.org:444/x", Err("port: 444"));
        check(&g, "GET http://api.example.org/x", Err("plain: true"));
        check(&g, "GET https://example.org/", Err("host: example.org"));
        check(&g, "GET https://evil-api.example.org/", Err("host: evil-api.example.org"));
        check(&g, "GET https://api.example.org.evil.net/", Err("refused"));
        check(&g, "GET https://a.data.example.org/", Ok(false));
        check(&g, "GET https://a.b.data.example.org/", Ok(false));
        check(&g, "GET https://data.example.org/", Err("refused"));
        check(&g, "GET https://xdata.example.org/", Err("refused"));
        check(&g, "POST http://localhost:8080/", Ok(true));
        check(&g, "GET http://localhost/", Err("port: 80"));
        check(&g, "GET https://read.example.org/", Ok(false));
        check(&g, "DELETE https://read.example.org/", Err("add DELETE"));
        check(&g, "GET https://[::1]/", Ok(true));
        check(&g, "GET https://user@api.example.org/", Err("user name"));
        check(&g, "GET ftp://api.example.org/", Err("scheme"));
        check(&[], "GET https://api.example.org/", Err("host: api.example.org"));
    }

    #[test]
    fn private_and_special_addresses_are_known() {
        let refused = "127.0.0.1 127.255.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 0.1.2.3 100.64.0.1 \
             192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 \
             ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 2001:db8::1 2001::1 \
             64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1::1 2002:a00:1::1 3fff::1 fec0::1 4000::1";
        for ip in refused.split_whitespace() {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        let open = "1.1.1.1 8.8.8.8 172.32.0.1 100.128.0.1 192.0.1.1 198.20.0.1 2606:4700::1111 64:ff9b::101:101 ::ffff:1.1.1.1";
        for ip in open.split_whitespace() {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }
}
