//! `wharf push` against a real registry: Debian's `docker-registry`, started on the loopback address with an account.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use wharf_depot::Digest;
use wharf_depot::oci::Registry;

/// The account `wharf`; its password is that of a published test vector of bcrypt.
const ACCOUNT: &str = "wharf:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
/// `wharf:U*U` in base64.
const AUTH: &str = "d2hhcmY6VSpV";
/// How long the registry may take to start.
const START: Duration = Duration::from_secs(30);

struct Server {
    process: Child,
    at: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A registry whose files are in this folder.
fn serve(dir: &Path) -> Server {
    // The port may be taken in between: then another is tried.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Some(process) = start(dir, port) {
            return Server { process, at: format!("127.0.0.1:{port}") };
        }
    }
    panic!("the registry does not start");
}

fn start(dir: &Path, port: u16) -> Option<Child> {
    std::fs::write(dir.join("accounts"), ACCOUNT).unwrap();
    let config = format!(
        "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {0}/data}}}}\n\
         auth: {{htpasswd: {{realm: wharf, path: {0}/accounts}}}}\nhttp: {{addr: \"127.0.0.1:{port}\", secret: x}}\n",
        dir.display()
    );
    std::fs::write(dir.join("config.yml"), config).unwrap();
    let mut process = Command::new("docker-registry")
        .args(["serve", dir.join("config.yml").to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("docker-registry is not there: apt-get install docker-registry");
    let log = BufReader::new(process.stderr.take().unwrap());
    let (listens, listening) = mpsc::channel();
    // Read to the end, or the registry would wait for room in the pipe.
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if line.contains("listening on") {
                let _ = listens.send(());
            }
        }
    });
    if listening.recv_timeout(START).is_ok() {
        return Some(process);
    }
    drop(process.kill());
    drop(process.wait());
    None
}

fn runtime() -> PathBuf {
    let beside = || Path::new(env!("CARGO_BIN_EXE_wharf")).with_file_name("wharf-runtime");
    let runtime = std::env::var_os("WHARF_RUNTIME").map_or_else(beside, PathBuf::from);
    assert!(runtime.is_file(), "{} is not there: build it, or name it in WHARF_RUNTIME", runtime.display());
    runtime
}

/// A configuration with two programs, one of them in two tasks.
fn configuration(dir: &Path, components: &str) -> [Vec<u8>; 2] {
    let program = |n: u8| {
        let text =
            format!("(module (memory (export \"memory\") 1) (data (i32.const 0) \"{n}\") (func (export \"_start\")))");
        wat::parse_str(text).unwrap()
    };
    let programs = [program(1), program(2)];
    for (name, program) in ["first", "second"].iter().zip(&programs) {
        std::fs::write(dir.join(format!("{name}.wasm")), program).unwrap();
    }
    let config = format!(
        "apiVersion: wharf.dev/v1\nkind: Coordinator\nspec:\n  executor: kubernetes\n  kubernetes:\n    \
         image: registry.example.org/wharf-runtime:1\n    components: {components}\n    \
         artifactStore: {{s3: {{bucket: wharf}}}}\n---\n\
         apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {{name: team-a}}\nspec: {{artifactStore: {{s3: {{bucket: wharf, prefix: a}}}}}}\n---\n\
         apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: f, namespace: team-a}}\nspec:\n  tasks:\n    \
         - {{name: a, component: {{path: first.wasm}}}}\n    - {{name: b, component: {{path: second.wasm}}}}\n    \
         - {{name: c, component: {{path: first.wasm}}}}\n"
    );
    std::fs::write(dir.join("wharf.yaml"), config).unwrap();
    programs
}

fn wharf(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wharf"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .envs([("HOME", dir.to_owned()), ("PATH", "/usr/bin:/bin".into()), ("WHARF_RUNTIME", runtime())])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn components_are_pushed_once_and_pulled_by_what_is_printed() {
    let (dir, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = serve(store.path());
    let programs =
        configuration(dir.path(), &format!("{{registry: {{repository: '{}/team', insecure: true}}}}", server.at));

    let refused = wharf(dir.path(), &["push"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{said}");
    assert!(said.contains("credentials"), "{said}");

    let docker = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{AUTH}\"}}}}}}", server.at);
    std::fs::create_dir(dir.path().join(".docker")).unwrap();
    std::fs::write(dir.path().join(".docker/config.json"), docker).unwrap();
    let pushed = wharf(dir.path(), &["push"]);
    assert!(pushed.status.success(), "{}", text(&pushed.stderr));
    let references: Vec<String> = text(&pushed.stdout).lines().map(str::to_owned).collect();
    assert_eq!(references.len(), 2, "{references:?}");
    assert_eq!(text(&wharf(dir.path(), &["push"]).stdout), text(&pushed.stdout), "the same a second time");

    let credentials = dir.path().join(".docker/config.json");
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for ((reference, program), name) in references.iter().zip(&programs).zip(["first", "second"]) {
        assert!(reference.starts_with(&format!("{}/team/{name}@sha256:", server.at)), "{reference}");
        let file = dir.path().join("pulled");
        let registry = Registry::open(reference, Some(&credentials), true).unwrap();
        tokio.block_on(registry.pull(&file, 1 << 20, &Digest::of(program))).unwrap();
        assert_eq!(std::fs::read(file).unwrap(), *program);
    }
}

#[test]
fn images_are_pushed_as_the_configuration_or_the_user_says() {
    let (dir, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = serve(store.path());
    let [first, _] = configuration(dir.path(), &format!("{{image: {{repository: '{}/images'}}}}", server.at));
    let secret = dir.path().join("secret");
    std::fs::create_dir(&secret).unwrap();
    let docker = format!("{{\"auths\": {{\"{}\": {{\"username\": \"wharf\", \"password\": \"U*U\"}}}}}}", server.at);
    std::fs::write(secret.join(".dockerconfigjson"), docker).unwrap();
    let push = |args: &[&str]| {
        let pushed =
            wharf(dir.path(), &[&["push", "--insecure", "--credentials", "secret", "-o", "json"], args].concat());
        assert!(pushed.status.success(), "{}", text(&pushed.stderr));
        serde_json::from_slice::<serde_json::Value>(&pushed.stdout).unwrap()
    };
    let own = push(&[]);
    assert_eq!(own[0]["component"], Digest::of(&first).to_string());
    let digest = wharf_depot::oci::image(&first, "amd64").digest();
    assert_eq!(own[0]["reference"], format!("{}/images/first@{digest}", server.at));

    let other = format!("{}/other", server.at);
    let artifact = wharf_depot::oci::artifact(first.clone()).digest();
    assert_eq!(push(&["--to", &other])[0]["reference"], format!("{other}/first@{artifact}"));
    assert_eq!(push(&["--to", &other, "--image"])[0]["reference"], format!("{other}/first@{digest}"));
}
