//! Values of secrets, read when an attempt starts. A value goes to the worker's pipe and nowhere else.

use rustix::fs::{FileType, Mode, OFlags};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use wharf_contract::Secret;
use wharf_core::plan::{SecretSource, Tenant};

/// Largest value in bytes.
const MAX_VALUE: u64 = 64 << 10;

/// Reads a secret of a tenant.
///
/// # Errors
/// What is wrong and where to look, in words that hold no value.
pub fn read(tenant: &Tenant, name: &str) -> Result<Secret, String> {
    let source = tenant
        .secrets
        .get(name)
        .ok_or_else(|| format!("tenant `{}` has no secret `{name}`: add it to the tenant's `secrets`", tenant.name))?;
    let value = match source {
        SecretSource::Env { name: variable } => std::env::var(variable).map_err(|e| match e {
            std::env::VarError::NotPresent => {
                format!("the environment variable {variable} of the coordinator is not set")
            }
            std::env::VarError::NotUnicode(_) => {
                format!("the environment variable {variable} of the coordinator is not UTF-8")
            }
        }),
        SecretSource::File { path } => from_file(path),
        SecretSource::SecretKeyRef { .. } => Err("it is a Secret of a cluster, and only a pod there has it".into()),
    };
    value.map(Secret::new).map_err(|why| format!("secret `{name}` of tenant `{}` cannot be read: {why}", tenant.name))
}

fn from_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    // Without O_NONBLOCK a FIFO without a writer would hold up the one loop.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| format!("{shown}: {e}"))?;
    let stat = rustix::fs::fstat(&fd).map_err(|e| format!("{shown}: {e}"))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(format!("{shown} is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::from(fd).take(MAX_VALUE + 1).read_to_end(&mut bytes).map_err(|e| format!("{shown}: {e}"))?;
    if bytes.len() as u64 > MAX_VALUE {
        return Err(format!("{shown} is larger than {MAX_VALUE} bytes"));
    }
    let mut value = String::from_utf8(bytes).map_err(|_| format!("{shown} is not UTF-8"))?;
    if value.ends_with('\n') {
        value.pop();
        if value.ends_with('\r') {
            value.pop();
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn tenant(source: SecretSource) -> Tenant {
        Tenant {
            name: "weather".into(),
            parallelism: None,
            max_memory: None,
            secrets: BTreeMap::from([("token".into(), source)]),
            allowed_hosts: None,
            allowed_paths: None,
            artifact_store: None,
            pod_template: None,
            namespace: wharf_core::plan::Namespace::default(),
        }
    }

    #[test]
    fn a_file_loses_one_line_end() {
        let dir = tempfile::tempdir().unwrap();
        for (text, expect) in [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), ("abc\n\n", "abc\n"), ("", "")] {
            let path = dir.path().join("token");
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&tenant(SecretSource::File { path }), "token").unwrap().expose(), expect);
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_without_a_value() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large");
        std::fs::write(&large, vec![b'x'; 64 * 1024 + 1]).unwrap();
        let binary = dir.path().join("binary");
        std::fs::write(&binary, [0xff, 0xfe]).unwrap();
        for (source, name, expect) in [
            (SecretSource::File { path: large }, "token", "larger than 65536 bytes"),
            (SecretSource::File { path: binary }, "token", "is not UTF-8"),
            (SecretSource::File { path: dir.path().into() }, "token", "is not a regular file"),
            (SecretSource::File { path: dir.path().join("none") }, "token", "No such file"),
            (SecretSource::Env { name: "WHARF_TEST_NO_SUCH_VARIABLE".into() }, "token", "is not set"),
            (SecretSource::Env { name: "HOME".into() }, "other", "has no secret `other`"),
        ] {
            let message = read(&tenant(source), name).unwrap_err();
            assert!(message.contains(expect), "{message}");
        }
    }
}
