/// The parts of a URL that a request needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    /// Whether by `https`.
    pub(crate) secure: bool,
    /// Host, and port if it has one.
    pub(crate) authority: &'a str,
    /// Path and query, from the slash.
    pub(crate) path: String,
}

impl Url<'_> {
    /// Splits a URL. The message never repeats it: a URL that is refused may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Url<'_>, &'static str> {
        if text.bytes().any(|b| !(0x21..0x7f).contains(&b)) {
            return Err("a space, a control character or one outside of ASCII must be percent-encoded");
        }
        let (scheme, rest) = text.split_once("://").ok_or("it must start with https:// or http://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("it must start with https:// or http://"),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err("it has no host");
        }
        if authority.contains('@') {
            return Err("user and password in it would be kept with the input: send a header from a secret instead");
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Url { secure, authority, path: format!("{slash}{path}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_or_refused() {
        let check = |text: &str, secure: bool, authority: &str, path: &str| {
            assert_eq!(Url::parse(text), Ok(Url { secure, authority, path: path.to_owned() }), "{text}");
        };
        check("https://a.example", true, "a.example", "/");
        check("HTTP://a.example:8080/b/c?d=e#f", false, "a.example:8080", "/b/c?d=e");
        check("https://a.example?q", true, "a.example", "/?q");
        check("http://[::1]:80/x", false, "[::1]:80", "/x");
        for text in ["", "a.example", "ftp://a", "https://", "https:///x", "https://u:p@a/", "https://a b", "https://ä"]
        {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
