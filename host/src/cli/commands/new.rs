use crate::cli::place::absolute;
use crate::cli::{Context, Exit, Failure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Make a folder with a new task: it builds, its tests pass, it runs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The folder NAME is made in the current one. The SDK is taken from the folder that WHARF_SDK names,
else from the repository of wharf that the current folder lies in, else from the registry.

Examples:
  wharf new greet --lang rust
  WHARF_SDK=~/wharf/plugins/sdk/rust wharf new greet --lang rust")]
pub(in crate::cli) struct Args {
    /// The task's name: lower-case letters, digits and hyphens
    name: String,
    /// The language that it is written in
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Lang {
    #[default]
    Rust,
}

/// A file of the SDK's template.
macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../../../../plugins/sdk/rust/template/", $file))
    };
}

/// The files of a task in Rust. `{{name}}`, `{{crate}}` and `{{sdk}}` are filled in.
const RUST: [(&str, &str); 6] = [
    ("Cargo.toml", template!("Cargo.toml.in")),
    ("README.md", template!("README.md")),
    ("build.rs", template!("build.rs")),
    ("src/lib.rs", template!("src/lib.rs")),
    ("src/types.rs", template!("src/types.rs")),
    (".gitignore", template!("gitignore.in")),
];

/// Names that cargo or Rust keep for themselves.
const TAKEN: [&str; 55] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "use",
    "where",
    "while",
];

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let name = args.name.as_str();
    check_name(name).map_err(|why| {
        Failure::usage(format!("`{name}` cannot be a task's name: {why}"))
            .hint("for example: wharf new clean-orders --lang rust")
    })?;
    let folder = absolute(Path::new(name))?;
    if fs::symlink_metadata(&folder).is_ok() {
        return Err(Failure::refused(format!("there is a {} already", folder.display()))
            .hint("choose another name, or remove it"));
    }
    let Lang::Rust = args.lang;
    let sdk = Sdk::find()?;
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{crate}}", &name.replace('-', "_"))
            .replace("{{sdk}}", &sdk.requirement())
    };
    let write = |path: &Path, text: &str| -> std::io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(path, text)
    };
    for (file, text) in RUST {
        let path = folder.join(file);
        write(&path, &fill(text)).map_err(|e| Failure::io("write", &path, &e))?;
    }
    let build = Build::of(name);
    if context.out.json() {
        context.out.value(&serde_json::json!({
            "folder": folder,
            "files": RUST.map(|(file, _)| file),
            "sdk": sdk.words(),
            "commands": [build.command, build.run],
        }))?;
        return Ok(Exit::Ok);
    }
    context.out.line(format!("made {} ({})", folder.display(), sdk.words()))?;
    context.out.line(format!("\ntest and build it, then run it:\n  {}\n  {}", build.command, build.run))?;
    if let Some(note) = build.note {
        context.out.note(format!("\nnote: {note}"));
    }
    Ok(Exit::Ok)
}

/// What a crate, a task and a Kubernetes object can all be called.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("it is empty".into());
    }
    if name.len() > 63 {
        return Err(format!("it has {} characters, 63 is the most", name.chars().count()));
    }
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        return Err(format!("{bad:?} is not a lower-case letter, digit or hyphen"));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err("it does not begin with a letter".into());
    }
    if name.ends_with('-') {
        return Err("it ends with a hyphen".into());
    }
    if TAKEN.contains(&name) || name == "wharf-task" {
        return Err("Rust or cargo keep it for themselves".into());
    }
    Ok(())
}

/// Where the crate `wharf-task` comes from.
enum Sdk {
    Folder(PathBuf),
    Registry,
}

impl Sdk {
    fn find() -> Result<Sdk, Failure> {
        if let Some(dir) = std::env::var_os("WHARF_SDK").filter(|v| !v.is_empty()) {
            let dir = absolute(Path::new(&dir))?;
            return match Sdk::is_there(&dir) {
                true => Ok(Sdk::Folder(dir)),
                false => Err(Failure::not_found(format!(
                    "WHARF_SDK: {} is not the folder of the crate wharf-task",
                    dir.display()
                ))
                .hint("it is plugins/sdk/rust in wharf's repository")),
            };
        }
        let here = std::env::current_dir().map_err(|e| Failure::io("find", Path::new("."), &e))?;
        let found = here.ancestors().map(|dir| dir.join("plugins/sdk/rust")).find(|dir| Sdk::is_there(dir));
        Ok(found.map_or(Sdk::Registry, Sdk::Folder))
    }

    fn is_there(dir: &Path) -> bool {
        fs::read_to_string(dir.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"wharf-task\""))
    }

    fn requirement(&self) -> String {
        match self {
            // A JSON string is a TOML basic string.
            Sdk::Folder(dir) => format!("{{ path = {} }}", serde_json::Value::from(dir.display().to_string())),
            Sdk::Registry => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        }
    }

    fn words(&self) -> String {
        match self {
            Sdk::Folder(dir) => format!("SDK: {}", dir.display()),
            Sdk::Registry => {
                format!(
                    "SDK: wharf-task {} from the registry; WHARF_SDK=FOLDER takes another",
                    env!("CARGO_PKG_VERSION")
                )
            }
        }
    }
}

/// The two commands that a new task is built and run with.
struct Build {
    command: String,
    run: String,
    note: Option<String>,
}

impl Build {
    fn of(name: &str) -> Build {
        let (prefix, note) = match Rustc::find() {
            Rustc::Stock => (String::new(), None),
            Rustc::Private(path) => (format!("RUSTC={} ", path.display()), None),
            Rustc::None => (
                String::new(),
                Some("the Rust here cannot build for wasm32-wasip2 yet: `rustup target add wasm32-wasip2`, or plugins/toolchain.sh in wharf's repository".to_owned()),
            ),
        };
        Build {
            command: format!("cd {name} && cargo test && {prefix}cargo build --release --target wasm32-wasip2"),
            run: format!("wharf run target/wasm32-wasip2/release/{}.wasm -i name=Ada", name.replace('-', "_")),
            note,
        }
    }
}

/// Who compiles guests here.
enum Rustc {
    Stock,
    Private(PathBuf),
    None,
}

impl Rustc {
    fn find() -> Rustc {
        // The folder may be there without the standard library in it.
        let has_std = |folder: &Path| {
            let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name());
            names.into_iter().any(|name| name.to_string_lossy().starts_with("libstd-"))
        };
        let complete = |rustc: &Path| {
            let output = Command::new(rustc).args(["--print", "target-libdir", "--target", "wasm32-wasip2"]).output();
            output.is_ok_and(|o| o.status.success() && has_std(Path::new(String::from_utf8_lossy(&o.stdout).trim())))
        };
        if complete(Path::new("rustc")) {
            return Rustc::Stock;
        }
        match crate::cli::place::cache().map(|dir| dir.join("wasm-rust/rustc")).filter(|p| complete(p)) {
            Some(path) => Rustc::Private(path),
            None => Rustc::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, expect: Result<(), &str>| {
            assert_eq!(check_name(name), expect.map_err(str::to_owned), "{name}");
        };
        check("greet", Ok(()));
        check("clean-orders-2", Ok(()));
        check("", Err("it is empty"));
        check("Greet", Err("'G' is not a lower-case letter, digit or hyphen"));
        check("a/b", Err("'/' is not a lower-case letter, digit or hyphen"));
        check("../x", Err("'.' is not a lower-case letter, digit or hyphen"));
        check("7days", Err("it does not begin with a letter"));
        check("day-", Err("it ends with a hyphen"));
        check("fn", Err("Rust or cargo keep it for themselves"));
        check(&"x".repeat(64), Err("it has 64 characters, 63 is the most"));
    }
}
