//! The sandbox from outside: guests that misbehave, run by the real command through the real coordinator and worker, and
//! what a grant opens.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use wharf_tests::binaries::{binary, component};

/// How the one attempt of a component alone ended: its outcome.
fn outcome(name: &str, args: &[&str]) -> Value {
    let output = Command::new(binary("wharf"))
        .args(["run", "--quiet", "--output", "json"])
        .arg(component(name))
        .args(args)
        .env("WHARF_RUNTIME", binary("wharf-runtime"))
        .env("XDG_CACHE_HOME", cache())
        .env("SOME_SECRET", "hunter2")
        .stdin(Stdio::null())
        .output()
        .expect("wharf starts");
    let detail: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{name} {args:?}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
    let attempts = detail["tasks"][0]["attempts"].as_array().expect("a list of attempts").clone();
    attempts.last().expect("an attempt")["outcome"].clone()
}

/// One cache for all tests, so that each component is compiled once.
fn cache() -> std::path::PathBuf {
    std::env::temp_dir().join("wharf-tests-cache")
}

fn check(name: &str, args: &[&str], cause: &str, message: &str) {
    let outcome = outcome(name, args);
    assert_eq!(outcome["cause"], cause, "{name} {args:?}: {outcome}");
    let said = outcome["message"].as_str().unwrap_or_default();
    assert!(said.contains(message), "{name} {args:?} says `{said}`, not `{message}`");
}

/// The output of an attempt that succeeded.
fn output(name: &str, args: &[&str]) -> Value {
    let outcome = outcome(name, args);
    assert_eq!(outcome["cause"], "succeeded", "{name} {args:?}: {outcome}");
    outcome["output"]["json"].clone()
}

#[test]
fn limits_hold_and_say_which() {
    check("misbehave", &["-i", "mode=memory", "--memory", "64Mi"], "memory-limit", "64");
    check("misbehave", &["-i", "mode=loop", "--timeout", "200ms"], "timeout", "200");
    check("misbehave", &["-i", "mode=sleep", "-i", "milliseconds=600000", "--timeout", "200ms"], "timeout", "200");
    check("misbehave", &["-i", "mode=stack"], "trap", "trap");
    check("misbehave", &["-i", "mode=panic", "-i", "message=boom"], "trap", "boom");
}

#[test]
fn a_tasks_own_word_is_kept() {
    check(
        "misbehave",
        &["-i", "mode=fail", "-i", "error=permanent", "-i", "message=no such table"],
        "permanent",
        "no such table",
    );
    check("misbehave", &["-i", "mode=fail", "-i", "error=retryable", "-i", "message=later"], "retryable", "later");
    check("misbehave", &["-i", "mode=no-such-mode"], "invalid-input", "mode");
}

#[test]
fn nothing_is_open_that_was_not_granted() {
    assert_eq!(output("misbehave", &["-i", "mode=env"]), serde_json::json!({"args": [], "env": {}}));
    let refused = outcome("misbehave", &["-i", "mode=read-file", "-i", "path=/etc/passwd"]);
    assert_ne!(refused["cause"], "succeeded", "{refused}");
    check("misbehave", &["-i", "mode=secret", "-i", "name=token"], "permanent", "token");
    let refused = outcome("connect", &["-i", "address=127.0.0.1", "-i", "port=9"]);
    assert_ne!(refused["cause"], "succeeded", "{refused}");
    check("http-get", &["-i", "url=http://127.0.0.1:9/"], "permanent", "not granted");
}

#[test]
fn a_granted_folder_is_seen_and_written_only_as_granted() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("in.txt"), "seen").expect("a file");
    let read_only = format!("{}:/data", dir.path().display());
    let writable = format!("{read_only}:rw");
    let read = ["-i", "mode=read-file", "-i", "path=/data/in.txt", "--mount", &read_only];
    assert!(output("misbehave", &read).to_string().contains("seen"));
    let write = ["-i", "mode=write-file", "-i", "path=/data/out.txt", "-i", "text=written", "--mount"];
    let refused = outcome("misbehave", &[&write[..], &[&read_only]].concat());
    assert_ne!(refused["cause"], "succeeded", "{refused}");
    assert!(!dir.path().join("out.txt").exists());
    output("misbehave", &[&write[..], &[&writable]].concat());
    assert_eq!(std::fs::read_to_string(dir.path().join("out.txt")).expect("the file is written"), "written");
    let out = ["-i", "mode=read-file", "-i", "path=/data/../../etc/passwd", "--mount", &read_only];
    let refused = outcome("misbehave", &out);
    assert_ne!(refused["cause"], "succeeded", "{refused}");
}

#[test]
fn a_granted_host_is_reached_and_a_secret_stays_out_of_sight() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", server.local_addr().expect("an address"));
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("a connection");
        let mut request = [0; 4096];
        let n = stream.read(&mut request).expect("a request");
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
            )
            .expect("an answer");
        String::from_utf8_lossy(&request[..n]).into_owned()
    });
    let got = output("http-get", &["-i", &format!("url={url}/greeting"), "--allow-http", &url]);
    assert_eq!((&got["status"], &got["text"]), (&200.into(), &"hello".into()));
    assert!(answering.join().expect("the server answered").starts_with("GET /greeting HTTP/1.1\r\n"));

    let granted = ["-i", "mode=secret", "-i", "name=token", "--secret", "token=SOME_SECRET"];
    let seen = outcome("misbehave", &granted);
    assert_eq!(seen["cause"], "succeeded", "{seen}");
    assert!(!seen.to_string().contains("hunter2"), "a secret is in what is recorded");
}

#[test]
fn unchanged_programs_run() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("text.txt"), "one two\nthree\n").expect("a file");
    let mount = format!("{}:/data", dir.path().display());
    for program in ["command-c", "command-rust", "command-rust-wasip1"] {
        let counted = output(program, &["--mount", &mount, "--arg", "/data/text.txt"]);
        assert_eq!(counted["exitCode"], 0, "{program}");
        assert_eq!(counted["stdout"].as_str().map(str::trim), Some("2 3 14 /data/text.txt"), "{program}");
        check(program, &["--arg", "/data/missing.txt"], "exit-code", "1");
    }
}
