//! One component as a flow of its own: what the command line says of it, as a configuration in memory.

use super::exit::Failure;
use super::place::absolute;
use serde_json::{Map, Value, json};
use std::path::Path;
use wharf_core::config::Source;

/// The tenant that the flow belongs to.
pub(super) const TENANT: &str = "local";
/// The parameter that carries the input.
const INPUT: &str = "input";

/// What a component gets, beside its input. Nothing else is granted.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Grants and limits of TASK.wasm")]
pub(crate) struct Grants {
    /// Let it speak to this host: a name for https, or a URL such as http://localhost:8080
    #[arg(long, value_name = "HOST|URL")]
    pub(super) allow_http: Vec<String>,
    /// Let it see a folder, read-only unless :rw is given
    #[arg(long, value_name = "FOLDER:GUEST[:rw]")]
    pub(super) mount: Vec<String>,
    /// Set an environment variable
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) env: Vec<String>,
    /// Give it a secret, read from a variable of this environment
    #[arg(long, value_name = "NAME=VARIABLE")]
    pub(super) secret: Vec<String>,
    /// Most memory. Default: 256Mi
    #[arg(long, value_name = "QUANTITY")]
    pub(super) memory: Option<String>,
    /// Longest run time. Default: none
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<String>,
    /// An argument of a program (wasi:cli/command)
    #[arg(long = "arg", value_name = "ARG", allow_hyphen_values = true)]
    pub(super) args: Vec<String>,
}

impl Grants {
    /// Whether anything is asked for.
    pub(super) fn is_empty(&self) -> bool {
        let Grants { allow_http, mount, env, secret, memory, timeout, args } = self;
        [allow_http, mount, env, secret, args].iter().all(|l| l.is_empty()) && memory.is_none() && timeout.is_none()
    }
}

/// A flow of one task.
pub(super) struct Alone {
    /// The flow's name, from the file's.
    pub(super) flow: String,
    /// The configuration.
    pub(super) source: Source,
    /// Parameters of its run.
    pub(super) params: Map<String, Value>,
}

/// The flow of a component.
pub(super) fn flow(
    file: &Path,
    grants: &Grants,
    input: Option<Value>,
    partition: Option<&str>,
) -> Result<Alone, Failure> {
    let here = std::env::current_dir().map_err(|e| Failure::io("find", Path::new("."), &e))?;
    let name = name_of(file);
    let mut task = Map::new();
    task.insert("name".into(), json!(name));
    task.insert("component".into(), json!({"path": text_of(&absolute(file)?)?}));
    let mut params = Map::new();
    if let Some(input) = input {
        // As a parameter it is taken as it is: an `{{` in it is no expression.
        task.insert("input".into(), json!(format!("{{{{ params.{INPUT} }}}}")));
        params.insert(INPUT.into(), input);
    }
    if !grants.args.is_empty() {
        task.insert("command".into(), json!({"args": grants.args}));
    }
    if let Some(timeout) = &grants.timeout {
        task.insert("timeout".into(), json!(timeout));
    }
    if let Some(memory) = &grants.memory {
        task.insert("resources".into(), json!({"limits": {"memory": memory}}));
    }
    let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
    for (i, text) in grants.mount.iter().enumerate() {
        let (folder, path, writable) = mount(text)?;
        let volume = format!("volume-{i}");
        volumes.push(json!({"name": volume, "hostPath": {"path": text_of(&absolute(Path::new(folder))?)?}}));
        mounts.push(json!({"name": volume, "path": path, "readOnly": !writable}));
    }
    task.insert("mounts".into(), json!(mounts));
    let mut env = Vec::new();
    for pair in &grants.env {
        let (name, value) = pair_of("--env", pair)?;
        env.push(json!({"name": name, "value": value}));
    }
    task.insert("env".into(), json!(env));
    let (mut of_task, mut of_tenant) = (Vec::new(), Vec::new());
    for (i, pair) in grants.secret.iter().enumerate() {
        let (name, variable) = pair_of("--secret", pair)?;
        if std::env::var_os(variable).is_none() {
            return Err(Failure::usage(format!("--secret: there is no variable `{variable}` in the environment"))
                .hint("the secret's value is that of an environment variable: --secret NAME=VARIABLE"));
        }
        let secret = format!("secret-{i}");
        of_task.push(json!({"name": name, "secretKeyRef": {"name": secret}}));
        of_tenant.push(json!({"name": secret, "env": variable}));
    }
    task.insert("secrets".into(), json!(of_task));
    let hosts: Vec<Value> = grants.allow_http.iter().map(|text| http_grant(text)).collect();
    task.insert("grants".into(), json!({"http": hosts}));
    let mut spec = Map::new();
    spec.insert("volumes".into(), json!(volumes));
    spec.insert("params".into(), json!({"schema": {"properties": {INPUT: {}}}}));
    if let Some(key) = partition {
        spec.insert("partitions".into(), json!({"static": [key]}));
    }
    spec.insert("tasks".into(), json!([task]));
    let documents = [
        json!({"apiVersion": "wharf.dev/v1", "kind": "Tenant", "metadata": {"name": TENANT}, "spec": {"secrets": of_tenant}}),
        json!({"apiVersion": "wharf.dev/v1", "kind": "Flow", "metadata": {"name": name, "namespace": TENANT}, "spec": spec}),
    ];
    // JSON is YAML.
    let text = documents.map(|d| format!("{d:#}\n")).join("---\n");
    Ok(Alone { flow: name, source: Source { name: "command line".into(), dir: here, text: text.into_bytes() }, params })
}

/// A name that Kubernetes accepts, from that of a file.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
    let clean: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let clean = clean.trim_matches('-');
    match clean.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => clean.to_owned(),
        false => format!("task-{clean}").trim_end_matches('-').to_owned(),
    }
}

/// A grant as the configuration has it. Who names this machine or an address on the command line means it, so that it may
/// be a private one; a name is held to the addresses of the public net.
fn http_grant(text: &str) -> Value {
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let Some((scheme, rest)) = url.split_once("://") else { return json!(url) };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse::<u16>().ok()),
        _ => (rest, None),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok();
    let well_formed = port.is_some() || !rest[host.len()..].starts_with(':');
    if !here || !well_formed || !matches!(scheme, "http" | "https") {
        return json!(url);
    }
    let mut grant = json!({"host": host, "plain": scheme == "http", "private": true});
    if let Some(port) = port {
        grant["port"] = json!(port);
    }
    grant
}

/// `FOLDER:GUEST[:rw]`.
fn mount(text: &str) -> Result<(&str, &str, bool), Failure> {
    let (rest, writable) = match text.strip_suffix(":rw") {
        Some(rest) => (rest, true),
        None => (text.strip_suffix(":ro").unwrap_or(text), false),
    };
    match rest.rsplit_once(':') {
        Some((folder, guest)) if !folder.is_empty() && guest.starts_with('/') => Ok((folder, guest, writable)),
        _ => Err(Failure::usage(format!("--mount: `{text}` is not of the form FOLDER:GUEST[:rw]"))
            .hint("for example: --mount ./data:/data, and :rw at the end to let the task write")),
    }
}

fn pair_of<'a>(option: &str, pair: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let failure = || match option {
        // What was given instead may be the secret itself.
        "--secret" => Failure::usage("--secret: it is not of the form NAME=VARIABLE"),
        _ => Failure::usage(format!("{option}: `{pair}` is not of the form NAME=VALUE")),
    };
    pair.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(failure)
}

fn text_of(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::usage(format!("the path {} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_files() {
        let check = |file: &str, expect: &str| assert_eq!(name_of(Path::new(file)), expect);
        check("target/release/weather_clean.wasm", "weather-clean");
        check("Task.v2.wasm", "task-v2");
        check("7days.wasm", "task-7days");
        check("ü.wasm", "task");
        check(&format!("{}.wasm", "x".repeat(80)), &"x".repeat(40));
    }

    #[test]
    fn mounts_are_read() {
        let check = |text: &str, expect: Result<(&str, &str, bool), &str>| {
            let read = mount(text).map_err(|e| e.message);
            assert_eq!(read, expect.map_err(str::to_owned), "{text}");
        };
        check("./data:/in", Ok(("./data", "/in", false)));
        check("./data:/in:ro", Ok(("./data", "/in", false)));
        check("a:b:/in:rw", Ok(("a:b", "/in", true)));
        check("/data", Err("--mount: `/data` is not of the form FOLDER:GUEST[:rw]"));
        check("data:in", Err("--mount: `data:in` is not of the form FOLDER:GUEST[:rw]"));
    }

    #[test]
    fn a_malformed_secret_is_not_repeated() {
        let grants = Grants { secret: vec!["hunter2".into()], ..Grants::default() };
        let failure = flow(Path::new("t.wasm"), &grants, None, None).err().unwrap();
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    }
}
