//! The command line as a user meets it: the real binary, what it prints and its exit code, held in golden files.
//!
//! `UPDATE_EXPECT=1 cargo test -p wharf --test cli` writes them anew.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic there is the failure message")]

use expect_test::expect_file;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of its own, and what was called there.
struct Shell {
    dir: tempfile::TempDir,
    env: Vec<(&'static str, PathBuf)>,
    seen: String,
}

impl Shell {
    fn new() -> Shell {
        Shell {
            dir: tempfile::Builder::new().prefix("wharf-cli-").tempdir().unwrap(),
            env: Vec::new(),
            seen: String::new(),
        }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Shell {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn run(&mut self, args: &[&str]) -> i32 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        // Nothing of the machine's own: the same words everywhere.
        command.env_clear().env("COLUMNS", "100").env("HOME", self.dir.path()).env("PATH", "/usr/bin:/bin");
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        let output = command.output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        let shown: Vec<String> =
            args.iter().map(|a| if a.contains(' ') { format!("'{a}'") } else { (*a).to_owned() }).collect();
        writeln!(self.seen, "$ wharf {}", shown.join(" ")).unwrap();
        for (name, bytes) in [("", output.stdout), ("2> ", output.stderr)] {
            let text = String::from_utf8(bytes).unwrap().replace(&self.dir.path().display().to_string(), "DIR");
            assert!(!text.contains("panicked at"), "{text}");
            for line in text.lines() {
                writeln!(self.seen, "{}", format!("{name}{line}").trim_end()).unwrap();
            }
        }
        writeln!(self.seen, "= exit {code}\n").unwrap();
        code
    }

    /// With the runtime: for what looks into components.
    fn with_runtime() -> Shell {
        let beside = || Path::new(env!("CARGO_BIN_EXE_wharf")).with_file_name("wharf-runtime");
        let runtime = std::env::var_os("WHARF_RUNTIME").map_or_else(beside, PathBuf::from);
        assert!(runtime.is_file(), "{} is not there: build it, or name it in WHARF_RUNTIME", runtime.display());
        let mut shell = Shell::new();
        shell.env.push(("WHARF_RUNTIME", runtime));
        shell
    }

    fn expect(&self, golden: &str) {
        expect_file![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(golden)].assert_eq(&self.seen);
    }
}

const COMMANDS: [&str; 21] = [
    "check",
    "run",
    "serve",
    "trigger",
    "backfill",
    "runs",
    "show",
    "logs",
    "artifact",
    "cancel",
    "retry",
    "backfills",
    "flows",
    "ticks",
    "reload",
    "next",
    "inspect",
    "push",
    "cluster",
    "new",
    "completions",
];

#[test]
fn help() {
    let mut shell = Shell::new();
    assert_eq!(shell.run(&["--help"]), 0);
    shell.expect("help.txt");
    for name in COMMANDS {
        let mut shell = Shell::new();
        assert_eq!(shell.run(&[name, "--help"]), 0);
        assert!(shell.seen.contains("Examples:"), "{name} has no examples");
        shell.expect(&format!("help-{name}.txt"));
    }
}

#[test]
fn clusters() {
    let mut shell = Shell::with_runtime();
    for verb in ["render", "apply", "diff", "remove", "compiler-key"] {
        assert_eq!(shell.run(&["cluster", verb, "--help"]), 0);
    }
    shell.expect("help-cluster-verbs.txt");

    let mut shell = Shell::with_runtime();
    let tenant = "apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {name: team-a}\n";
    shell.file("wharf.yaml", tenant);
    assert_eq!(shell.run(&["cluster", "render"]), 3);
    let kubernetes = "{image: registry.example.org/wharf-runtime:1, artifactStore: {s3: {bucket: wharf}}}";
    let coordinator = format!(
        "---\napiVersion: wharf.dev/v1\nkind: Coordinator\nspec: {{executor: kubernetes, kubernetes: {kubernetes}}}\n"
    );
    let store = "spec: {artifactStore: {s3: {bucket: wharf, prefix: team-a}}}\n";
    shell.file("wharf.yaml", format!("{tenant}{store}{coordinator}"));
    assert_eq!(shell.run(&["cluster", "apply"]), 1);
    assert_eq!(shell.run(&["cluster", "diff", "-o", "json"]), 1);
    assert_eq!(shell.run(&["cluster", "remove", "team-a"]), 2);
    shell.expect("cluster-refusals.txt");

    let mut shell = Shell::with_runtime();
    shell.file("wharf.yaml", format!("{tenant}{store}{coordinator}"));
    assert_eq!(shell.run(&["cluster", "render"]), 0);
    shell.expect("cluster-render.txt");
}

#[test]
fn wrong_arguments() {
    let mut shell = Shell::new();
    let lines: [&[&str]; 17] = [
        &[],
        &["frobnicate"],
        &["runs", "--limt", "3"],
        &["runs", "--limit", "0"],
        &["runs", "--state", "done"],
        &["runs", "-o", "xml"],
        &["runs", "--limit", "0", "-o", "json"],
        &["show", "abc"],
        &["show", "-1"],
        &["cancel"],
        &["cancel", "3", "--backfill", "4"],
        &["logs", "3", "--item", "1"],
        &["backfill", "daily", "--from", "2012-01-01"],
        &["run", "daily", "-i", "a=1"],
        &["run", "daily", "--memory", "1Gi"],
        &["run", "t.wasm", "-p", "a=1"],
        &["run", "t.wasm", "--input", "1", "-i", "a=1"],
    ];
    for args in lines {
        assert_eq!(shell.run(args), 2, "{args:?}");
    }
    shell.expect("wrong-arguments.txt");
}

#[test]
fn wrong_values() {
    let mut shell = Shell::new();
    shell.file("t.wasm", "x").file("broken.json", "{");
    for args in [
        &["trigger", "daily", "-p", "a"][..],
        &["trigger", "daily", "-p", "a=1", "-p", "a=2"],
        &["trigger", "daily", "-p", "a:=x"],
        &["run", "t.wasm", "-i", "=1"],
        &["run", "t.wasm", "--input", "Ada"],
        &["run", "t.wasm", "--input", "@broken.json"],
        &["run", "t.wasm", "--input", "-"],
        &["serve", "--listen", "0.0.0.0:8080"],
        &["serve", "--listen", "127.0.0.1:8080", "--tls-cert-file", "t.wasm"],
        &["runs", "--server", "127.0.0.1:8080"],
    ] {
        assert_eq!(shell.run(args), 2, "{args:?}");
    }
    assert_eq!(shell.run(&["run", "t.wasm", "--input", "@gone.json"]), 4);
    assert_eq!(shell.run(&["run", "gone.wasm"]), 4);
    shell.expect("wrong-values.txt");
}

#[test]
fn next() {
    let mut shell = Shell::new();
    for args in [
        &["next", "0 6 * * mon-fri", "--zone", "Europe/Berlin", "--from", "2026-03-27"][..],
        &["next", "30 2 * * *", "--zone", "America/New_York", "--from", "2026-03-06", "-n", "4"],
        &["next", "30 1 * * *", "--zone", "America/New_York", "--from", "2026-10-31", "-n", "4", "-o", "json"],
        &["next", "0 0 13 * fri", "--from", "2026-01-01T00:00:00Z", "-n", "3"],
        &["next", "@every 90m", "--from", "2026-01-01T00:00:00Z", "-n", "2", "-o", "json"],
        &["next", "@monthly", "--zone", "Asia/Kathmandu", "--from", "2026-01-01", "-n", "2"],
        &["next", "0 0 29 2 *", "--from", "2092-03-01", "-n", "3"],
    ] {
        assert_eq!(shell.run(args), 0, "{args:?}");
    }
    for args in [
        &["next", "61 * * * *"][..],
        &["next", "0 6 * *"],
        &["next", "0 0 31 2 *"],
        &["next", "0 6 * * mno"],
        &["next", "TZ=Europe/Berlin 0 6 * * *"],
        &["next", "@every -5m"],
        &["next", "@fortnightly"],
        &["next", "0 6 * * *", "--zone", "Europe/Berln"],
        &["next", "0 6 * * *", "--zone", "Europe/Berln", "-o", "json"],
        &["next", "0 6 * * *", "--from", "tomorrow"],
        &["next", "0 6 * * *", "-n", "0"],
    ] {
        assert_eq!(shell.run(args), 2, "{args:?}");
    }
    assert_eq!(shell.run(&["next", "daily"]), 4);
    shell.expect("next.txt");
}

#[test]
fn nothing_there() {
    let mut shell = Shell::new();
    shell.file("wharf.yaml", "");
    std::fs::create_dir(shell.dir.path().join("folder")).unwrap();
    for args in [
        &["check", "gone.yaml"][..],
        &["-f", "gone.yaml", "serve"],
        &["inspect", "gone.wasm"],
        &["inspect", "gone.wasm", "-o", "json"],
        &["runs"],
        &["runs", "-o", "json"],
        &["show", "1"],
        &["logs", "1"],
        &["serve", "--runtime", "gone"],
    ] {
        assert_eq!(shell.run(args), 4, "{args:?}");
    }
    assert_eq!(shell.run(&["inspect", "folder"]), 2);
    shell.expect("nothing-there.txt");
}

#[test]
fn new_refuses_bad_names_and_what_is_there() {
    let mut shell = Shell::new();
    shell.file("taken/Cargo.toml", "");
    for name in ["Greet", "../up", "7days", "fn", "test", "", "ends-", "with space"] {
        assert_eq!(shell.run(&["new", name, "--lang", "rust"]), 2, "{name}");
    }
    assert_eq!(shell.run(&["new", "greet", "--lang", "cobol"]), 2);
    assert_eq!(shell.run(&["new", "taken"]), 5);
    shell.env.push(("WHARF_SDK", shell.dir.path().join("gone")));
    assert_eq!(shell.run(&["new", "greet"]), 4);
    assert!(!shell.dir.path().join("greet").exists());
    shell.expect("new.txt");
}

#[test]
fn new_makes_a_crate_of_its_own() {
    let mut shell = Shell::new();
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/sdk/rust").canonicalize().unwrap();
    shell.env.push(("WHARF_SDK", sdk.clone()));
    assert_eq!(shell.run(&["new", "clean-orders", "-o", "json"]), 0);
    let read = |file: &str| std::fs::read_to_string(shell.dir.path().join("clean-orders").join(file)).unwrap();
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("name = \"clean-orders\""), "{manifest}");
    assert!(manifest.contains(&format!("wharf-task = {{ path = \"{}\" }}", sdk.display())), "{manifest}");
    for file in ["Cargo.toml", "README.md", "build.rs", "src/lib.rs", "src/types.rs", ".gitignore"] {
        let text = read(file);
        assert!(
            !text.is_empty() && !["{{name}}", "{{crate}}", "{{sdk}}"].iter().any(|p| text.contains(p)),
            "{file}: {text}"
        );
    }
}

#[test]
fn completions_name_every_command() {
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let mut shell = Shell::new();
        assert_eq!(shell.run(&["completions", name]), 0);
        for command in COMMANDS {
            assert!(shell.seen.contains(command), "{name}: {command}");
        }
    }
}

/// Who closes the pipe has read enough.
#[test]
fn a_closed_pipe_is_no_error() {
    use std::io::Read;
    let mut child = Command::new(env!("CARGO_BIN_EXE_wharf"))
        .args(["next", "* * * * *", "-n", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn no_colour_where_there_is_no_terminal() {
    let mut shell = Shell::new();
    shell.run(&["next", "61 * * * *"]);
    shell.run(&["--help"]);
    assert!(!shell.seen.contains('\x1b'), "{}", shell.seen);
}

const TENANT: &str = "apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {name: acme}\n---\n";

/// A flow around some tasks, as YAML of one line each.
fn flow(spec: &str) -> String {
    format!("{TENANT}apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: daily, namespace: acme}}\nspec:\n{spec}")
}

/// A program that does nothing: a core module of WASI preview 1.
const PROGRAM: &[u8] =
    b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0a\x01\x06_start\0\0\x0a\x04\x01\x02\0\x0b";
/// An empty component: whole, and of no world.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// A configuration that cannot be used says so with its place, and never otherwise than by exit code 3.
#[test]
fn check_on_bad_configurations() {
    let mut shell = Shell::with_runtime();
    let task = "  tasks: [{name: a, component: {path: program.wasm}}]\n";
    let laughs = {
        let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for i in 1..30 {
            let before = i - 1;
            writeln!(text, "a{i}: &a{i} [{}]", vec![format!("*a{before}"); 9].join(", ")).unwrap();
        }
        text
    };
    let files: [(&str, Vec<u8>); 25] = [
        ("unknown-field.yaml", flow(&format!("  shedule: \"0 6 * * *\"\n{task}")).into()),
        ("wrong-type.yaml", flow("  suspend: sometimes\n  tasks: 7\n").into()),
        ("unknown-kind.yaml", "apiVersion: wharf.dev/v1\nkind: Flw\nmetadata: {name: a}\n".into()),
        ("cycle.yaml", flow("  tasks:\n    - {name: a, needs: [b], component: {path: program.wasm}}\n    - {name: b, needs: [a], component: {path: program.wasm}}\n").into()),
        ("missing-need.yaml", flow("  tasks: [{name: a, needs: [exract], component: {path: program.wasm}}]\n").into()),
        ("duplicate-name.yaml", flow("  tasks:\n    - {name: a, component: {path: program.wasm}}\n    - {name: a, component: {path: program.wasm}}\n").into()),
        ("duplicate-key.yaml", flow(&format!("  suspend: true\n  suspend: false\n{task}")).into()),
        ("bad-cron.yaml", flow(&format!("  schedule: \"0 25 * * *\"\n{task}")).into()),
        ("never.yaml", flow(&format!("  schedule: \"0 0 31 2 *\"\n{task}")).into()),
        ("bad-zone.yaml", flow(&format!("  timeZone: Europe/Berln\n{task}")).into()),
        ("bad-quantity.yaml", flow("  tasks: [{name: a, component: {path: program.wasm}, resources: {limits: {memory: 256Mb}}}]\n").into()),
        ("bad-params.yaml", flow(&format!("  params: {{schema: {{type: object, properties: {{n: {{type: integer}}}}}}, defaults: {{n: many}}}}\n{task}")).into()),
        ("no-component.yaml", flow("  tasks: [{name: a, component: {path: gone.wasm}}]\n").into()),
        ("text-as-wasm.yaml", flow("  tasks: [{name: a, component: {path: text.wasm}}]\n").into()),
        ("truncated-wasm.yaml", flow("  tasks: [{name: a, component: {path: truncated.wasm}}]\n").into()),
        ("other-world.yaml", flow("  tasks: [{name: a, component: {path: empty.wasm}}]\n").into()),
        ("pinned-otherwise.yaml", flow(&format!("  tasks: [{{name: a, component: {{path: program.wasm, digest: \"sha256:{}\"}}}}]\n", "0".repeat(64))).into()),
        ("folder-as-wasm.yaml", flow("  tasks: [{name: a, component: {path: folder}}]\n").into()),
        ("no-yaml.yaml", b"a: [1, 2\nb: }".to_vec()),
        ("tabs.yaml", b"kind: Flow\nspec:\n\ttasks: []\n".to_vec()),
        ("not-utf-8.yaml", b"kind: Flow\nmetadata: {name: \xff\xfe}\n".to_vec()),
        ("ten-megabytes.yaml", format!("# {}\n", "x".repeat(98)).repeat(100_000).into()),
        ("billion-laughs.yaml", laughs.into()),
        ("deep.yaml", format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000)).into()),
        ("nul.yaml", b"kind: Flow\0\n".to_vec()),
    ];
    shell.file("text.wasm", "this is no component\n");
    shell.file("truncated.wasm", [EMPTY, b"\x04\xff\x7f\0asm".as_slice()].concat());
    shell.file("empty.wasm", EMPTY).file("program.wasm", PROGRAM);
    std::fs::create_dir(shell.dir.path().join("folder")).unwrap();
    for (name, text) in &files {
        shell.file(name, text);
        assert_eq!(shell.run(&["check", name]), 3, "{name}: {}", shell.seen);
    }
    shell.expect("check.txt");
}

#[test]
fn check_on_a_good_configuration() {
    let mut shell = Shell::with_runtime();
    shell.file("program.wasm", PROGRAM);
    shell.file(
        "wharf.yaml",
        concat!(
            "apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {name: acme}\n",
            "spec: {secrets: [{name: key, env: API_KEY}]}\n---\n",
            "apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {name: daily, namespace: acme}\nspec:\n",
            "  volumes: [{name: data, hostPath: {path: .}}]\n",
            "  tasks:\n",
            "    - name: fetch\n",
            "      component: {path: program.wasm}\n",
            "      resources: {requests: {cpu: 250m}, limits: {cpu: 500m, memory: 64Mi}}\n",
            "      timeout: 90s\n",
            "      retry: {attempts: 3}\n",
            "      grants: {http: ['https://api.example.org', {host: localhost, port: 8080, plain: true, private: true, methods: [GET]}]}\n",
            "      env: [{name: MODE, value: full}, {name: KEY, valueFrom: {secretKeyRef: {name: key}}}]\n",
            "      mounts: [{name: data, path: /data}]\n",
            "    - {name: store, needs: [fetch], component: {path: program.wasm}}\n",
        ),
    );
    for args in [&["check"][..], &["check", "-o", "json"], &["check", "--explain"]] {
        assert_eq!(shell.run(args), 0, "{args:?}: {}", shell.seen);
    }
    assert!(!shell.seen.contains("API_KEY="), "a secret's value is shown");
    shell.expect("check-good.txt");

    let mut shell_print = Shell::with_runtime();
    shell_print.file("program.wasm", PROGRAM);
    shell_print.file("wharf.yaml", flow("  tasks: [{name: a, component: {path: program.wasm}}]\n"));
    assert_eq!(shell_print.run(&["check", "--print"]), 0);
    let plan = shell_print.seen.lines().filter(|l| !l.starts_with(['$', '='])).collect::<String>();
    let plan: wharf_core::plan::Plan = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan.flows.keys().map(ToString::to_string).collect::<Vec<_>>(), ["acme/daily"]);
}

#[test]
fn check_explains_pods() {
    let mut shell = Shell::with_runtime();
    shell.file("program.wasm", PROGRAM);
    shell.file(
        "wharf.yaml",
        concat!(
            "apiVersion: wharf.dev/v1\nkind: Coordinator\n",
            "spec:\n",
            "  executor: kubernetes\n",
            "  kubernetes:\n",
            "    image: wharf/runtime:1.2\n",
            "    artifactStore: {s3: {bucket: wharf, prefix: operator}}\n---\n",
            "apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {name: acme}\n",
            "spec:\n",
            "  artifactStore: {s3: {bucket: wharf, prefix: acme}}\n",
            "  secrets: [{name: key, secretKeyRef: {name: api, key: token}}]\n",
            "  podTemplate: {spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}\n---\n",
            "apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {name: daily, namespace: acme}\nspec:\n",
            "  volumes: [{name: data}]\n",
            "  tasks:\n",
            "    - name: fetch\n",
            "      component: {path: program.wasm}\n",
            "      resources: {requests: {cpu: 250m, memory: 32Mi}, limits: {cpu: 500m, memory: 64Mi}}\n",
            "      env: [{name: KEY, valueFrom: {secretKeyRef: {name: key}}}]\n",
            "      mounts: [{name: data, path: /data}]\n",
            "      podTemplate:\n",
            "        spec:\n",
            "          initContainers:\n",
            "            - name: proxy\n",
            "              image: proxy:3\n",
            "              restartPolicy: Always\n",
            "              securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n",
            "    - {name: store, needs: [fetch], component: {path: program.wasm}}\n",
        ),
    );
    assert_eq!(shell.run(&["check", "--explain"]), 0, "{}", shell.seen);
    shell.expect("check-pods.txt");
}

#[test]
fn check_warns_of_what_a_cluster_would_take() {
    let mut shell = Shell::with_runtime();
    shell.file("program.wasm", PROGRAM);
    let config = |tenant: &str| {
        format!(
            "apiVersion: wharf.dev/v1\nkind: Coordinator\nspec:\n  executor: kubernetes\n  kubernetes:\n    \
             image: wharf/runtime:1.2\n    artifactStore: {{s3: {{bucket: wharf, prefix: operator}}}}\n---\n\
             apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {{name: acme}}\nspec:\n  \
             artifactStore: {{s3: {{bucket: wharf, prefix: acme}}}}\n{tenant}---\n\
             apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: daily, namespace: acme}}\n\
             spec: {{tasks: [{{name: a, component: {{path: program.wasm}}}}]}}\n"
        )
    };
    shell.file("wharf.yaml", config(""));
    assert_eq!(shell.run(&["check"]), 0, "{}", shell.seen);
    assert_eq!(shell.run(&["check", "--strict"]), 3, "{}", shell.seen);
    let meant =
        "  resourceQuota: {hard: {}}\n  defaults: {resources: {limits: {memory: 64Mi}, requests: {cpu: 50m}}}\n";
    shell.file("wharf.yaml", config(meant));
    assert_eq!(shell.run(&["check", "--strict"]), 0, "{}", shell.seen);
    shell.expect("check-strict.txt");
}

#[test]
fn check_tells_programs_too() {
    let mut shell = Shell::with_runtime();
    shell.file("bad.yaml", flow("  suspnd: true\n  tasks: []\n"));
    assert_eq!(shell.run(&["check", "bad.yaml", "-o", "json"]), 3);
    assert_eq!(shell.run(&["check", "bad.yaml", "--print"]), 3);
    assert_eq!(shell.run(&["next", "daily", "-f", "bad.yaml"]), 3);
    assert_eq!(shell.run(&["next", "daily", "-f", "bad.yaml", "-o", "json"]), 3);
    assert_eq!(shell.run(&["serve", "-f", "bad.yaml"]), 3);
    assert_eq!(shell.run(&["trigger", "daily", "-f", "bad.yaml"]), 3);
    shell.expect("check-json.txt");
}

#[test]
fn components_that_cannot_be_used() {
    let mut shell = Shell::with_runtime();
    shell.file("text.wasm", "this is no component\n").file("empty.wasm", EMPTY).file("nothing.wasm", "");
    shell.file("truncated.wasm", [EMPTY, b"\x04\xff\x7f\0asm".as_slice()].concat());
    for file in ["text.wasm", "truncated.wasm", "nothing.wasm"] {
        assert_eq!(shell.run(&["inspect", file]), 3, "{file}");
        assert_eq!(shell.run(&["run", file]), 3, "{file}");
    }
    assert_eq!(shell.run(&["inspect", "empty.wasm"]), 0);
    assert_eq!(shell.run(&["run", "empty.wasm"]), 3);
    shell.file("program.wasm", PROGRAM);
    for grant in [["--memory", "lots"], ["--timeout", "soon"], ["--allow-http", "a b"], ["--env", "1=2"]] {
        assert_eq!(shell.run(&["run", "program.wasm", grant[0], grant[1]]), 3, "{grant:?}");
    }
    for grant in [["--mount", "data"], ["--secret", "hunter2"], ["--secret", "a=NOT_SET"], ["--env", "A"]] {
        assert_eq!(shell.run(&["run", "program.wasm", grant[0], grant[1]]), 2, "{grant:?}");
    }
    assert!(!shell.seen.contains("2> error: hunter2"));
    shell.expect("components.txt");
}
