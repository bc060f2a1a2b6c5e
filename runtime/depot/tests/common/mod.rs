//! What the tests of real servers share: programs of this machine on free ports of the loopback, ended with the test.
#![allow(dead_code, unreachable_pub, reason = "a module of each test file, which uses its own part")]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything is waited for.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server that ends with the test.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts the program that `command` makes for a port, and waits until it takes connections.
    pub fn start(mut command: impl FnMut(u16) -> Command) -> Server {
        let end = Instant::now() + DEADLINE;
        loop {
            // Between here and the server's own bind somebody else may take the port: then another is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let child = command(port).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut server = Server { child: child.unwrap(), port };
            while server.child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return server;
                }
                assert!(Instant::now() < end, "the server takes no connections");
                std::thread::yield_now();
            }
            assert!(Instant::now() < end, "the server does not stay up");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The S3 server that test clusters are built with: `$WHARF_S3_SERVER`, else the newest one in the cache of builds. None
/// is said in one line; where `CI` is set it is a failure.
pub fn s3_program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("WHARF_S3_SERVER") {
        return Some(program.into());
    }
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = var("WHARF_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|c| c.join("wharf")))
        .or_else(|| var("HOME").map(|h| h.join(".cache/wharf")));
    let builds = cache.and_then(|c| std::fs::read_dir(c.join("cluster")).ok());
    let found = builds.into_iter().flatten().flatten().map(|e| e.path().join("versitygw")).filter(|p| p.is_file());
    let newest = found.max_by_key(|p| p.metadata().and_then(|m| m.modified()).ok());
    if newest.is_none() {
        not_run("the tests against an S3 server: build the test cluster, or name a versitygw in WHARF_S3_SERVER");
    }
    newest
}

/// Says what was not run; in CI that is a failure.
pub fn not_run(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "not run: {what}");
    eprintln!("not run: {what}");
}

/// Credentials of [`s3`], as files of a folder.
pub fn credentials(folder: &Path, secret: &str) -> PathBuf {
    let folder = folder.join(format!("credentials-{secret}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("AWS_ACCESS_KEY_ID"), "wharf").unwrap();
    std::fs::write(folder.join("AWS_SECRET_ACCESS_KEY"), secret).unwrap();
    folder
}

/// An S3 server with the bucket `depot`, whose files lie in `folder`; its key is `wharf`, its secret `hush-hush`.
pub fn s3(program: &Path, folder: &Path) -> Server {
    s3_with(program, folder, &[])
}

/// The same by TLS, with the certificate of [`certificate`].
pub fn s3_tls(program: &Path, folder: &Path, certificate: &Path) -> Server {
    let file = |name: &str| certificate.join(name).display().to_string();
    s3_with(program, folder, &["--cert", &file("cert.pem"), "--key", &file("key.pem")])
}

fn s3_with(program: &Path, folder: &Path, more: &[&str]) -> Server {
    let (data, sidecar) = (folder.join("data"), folder.join("sidecar"));
    std::fs::create_dir_all(data.join("depot")).unwrap();
    std::fs::create_dir_all(&sidecar).unwrap();
    Server::start(|port| {
        let mut command = Command::new(program);
        command.args(["--access", "wharf", "--secret", "hush-hush", "--port"]).arg(format!("127.0.0.1:{port}"));
        command.args(more).arg("posix").arg("--sidecar").arg(&sidecar).arg(&data);
        command
    })
}

/// A folder with `cert.pem`, which is for 127.0.0.1 and signed by itself, and its `key.pem`.
pub fn certificate(folder: &Path) -> PathBuf {
    let folder = folder.join("tls");
    std::fs::create_dir_all(&folder).unwrap();
    let config = "[req]\ndistinguished_name=n\nx509_extensions=x\nprompt=no\n[n]\nCN=test\n\
        [x]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
    std::fs::write(folder.join("config"), config).unwrap();
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config config".split(' '))
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

/// A registry that keeps its files in `folder` and lets everybody in; where it is not installed that is said.
pub fn registry(folder: &Path) -> Option<Server> {
    registry_with(folder, "", "")
}

/// The same by TLS, with the certificate of [`certificate`], for the user `pusher` with the password `hush-hush`.
pub fn registry_tls(folder: &Path, certificate: &Path) -> Option<Server> {
    const HTPASSWD: &str = "pusher:$2b$05$abcdefghijklmnopqrstuu4uoW5CdSDmY8cLkib7pLDRBlvRVo8Pe\n";
    let file = |name: &str| certificate.join(name).display().to_string();
    std::fs::write(certificate.join("htpasswd"), HTPASSWD).unwrap();
    let auth = format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file("htpasswd"));
    let tls = format!(", tls: {{certificate: {}, key: {}}}", file("cert.pem"), file("key.pem"));
    registry_with(folder, &auth, &tls)
}

fn registry_with(folder: &Path, auth: &str, tls: &str) -> Option<Server> {
    let program = PathBuf::from("/usr/bin/docker-registry");
    if !program.exists() {
        not_run("the tests against a registry: install docker-registry");
        return None;
    }
    std::fs::create_dir_all(folder).unwrap();
    Some(Server::start(|port| {
        let config = folder.join("config.yml");
        let root = folder.join("data");
        let mut text = "version: 0.1\nlog: {level: error}\n".to_owned();
        text += &format!("storage: {{filesystem: {{rootdirectory: {}}}}}\n", root.display());
        text += &format!("http: {{addr: '127.0.0.1:{port}'{tls}}}\n{auth}");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(&program);
        command.arg("serve").arg(&config);
        command
    }))
}
