use crate::Error;
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// Name of the file in a mounted Secret of type `kubernetes.io/dockerconfigjson`.
const FILE: &str = ".dockerconfigjson";
/// Largest such file in bytes.
const MAX: u64 = 1 << 20;

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize, Default)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    registrytoken: Option<String>,
}

/// How to answer this registry. `path` is a file as Docker writes it, or the folder of a mounted Secret that holds one.
pub(super) fn read(path: &Path, registry: &str) -> Result<RegistryAuth, Error> {
    let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    let cannot = |e: &dyn std::fmt::Display| Error::local("read the registry's credentials in", &path, e);
    let mut text = String::new();
    let file = std::fs::File::open(&path).map_err(|e| cannot(&e))?;
    file.take(MAX + 1).read_to_string(&mut text).map_err(|e| cannot(&e))?;
    if text.len() as u64 > MAX {
        return Err(cannot(&format_args!("it is larger than {MAX} bytes")));
    }
    // An error of the parser may quote what it read, so only its place is told.
    let config: DockerConfig = serde_json::from_str(&text)
        .map_err(|e| cannot(&format_args!("it is no JSON of that kind, at line {}", e.line())))?;
    let Some(entry) = config.auths.into_iter().find(|(name, _)| host(name) == registry).map(|(_, entry)| entry) else {
        return Ok(RegistryAuth::Anonymous);
    };
    entry.auth().ok_or_else(|| cannot(&format_args!("the entry of {registry} holds neither `auth` nor a user name")))
}

impl Entry {
    fn auth(self) -> Option<RegistryAuth> {
        if let Some(token) = self.registrytoken.filter(|t| !t.is_empty()) {
            return Some(RegistryAuth::Bearer(token));
        }
        if let (Some(user), Some(password)) = (self.username, self.password) {
            return Some(RegistryAuth::Basic(user, password));
        }
        let decoded = String::from_utf8(base64(&self.auth?)?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(RegistryAuth::Basic(user.to_owned(), password.to_owned()))
    }
}

/// The registry of a key of `auths`, which may be written as a URL.
fn host(key: &str) -> &str {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = key.split('/').next().unwrap_or(key);
    if host == "index.docker.io" { "docker.io" } else { host }
}

/// Reads base64 with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for c in text.trim().trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, registry: &str, expect: Result<RegistryAuth, &str>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        match (read(dir.path(), registry), expect) {
            (Ok(auth), Ok(expect)) => assert!(auth == expect, "{text}"),
            (Err(e), Err(says)) => {
                assert!(e.to_string().contains(says), "{e}");
                assert!(!e.to_string().contains("hush"), "{e}");
            }
            (got, _) => panic!("{got:?} for {text}"),
        }
    }

    #[test]
    fn every_form_of_an_entry_is_known() {
        let basic = |user: &str, password: &str| Ok(RegistryAuth::Basic(user.into(), password.into()));
        let auth = r#"{"auths":{"r.example:5000":{"auth":"dXNlcjpodXNoOnNo"}}}"#;
        check(auth, "r.example:5000", basic("user", "hush:sh"));
        check(auth, "r.example", Ok(RegistryAuth::Anonymous));
        let url = r#"{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"hush","auth":"x"}}}"#;
        check(url, "docker.io", basic("u", "hush"));
        check(r#"{"auths":{"r":{"registrytoken":"hush"}}}"#, "r", Ok(RegistryAuth::Bearer("hush".into())));
        check(r#"{"auths":{"r":{"auth":"hush!"}}}"#, "r", Err("entry of r"));
        check(r#"{"auths":{"r":{}}}"#, "r", Err("entry of r"));
        check(r#"{"auths":"hush"}"#, "r", Err("line 1"));
        check("{}", "r", Ok(RegistryAuth::Anonymous));
    }

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for (text, expect) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zg", b"f"), ("Zm8=", b"fo"), ("Zm9v", b"foo"), ("+/+/", b"\xfb\xff\xbf")]
        {
            assert_eq!(base64(text).as_deref(), Some(expect), "{text}");
        }
        assert_eq!(base64("Z g"), None);
    }
}
