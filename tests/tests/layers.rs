//! Imports point one way: the core performs nothing, the host never embeds WebAssembly.

use std::collections::BTreeSet;
use std::process::Command;

/// Names of all crates that a crate is built from, its own left out.
fn dependencies(package: &str) -> BTreeSet<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
        .current_dir(wharf_tests::binaries::root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    text.lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned).skip(1).collect()
}

fn check_has_none(package: &str, forbidden: &[&str]) {
    let all = dependencies(package);
    let found: Vec<_> = all.iter().filter(|name| forbidden.iter().any(|f| matches(name, f))).collect();
    assert!(found.is_empty(), "{package} is built from {found:?}");
}

/// `name*` stands for every name that begins so.
fn matches(name: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start))
}

#[test]
fn the_core_has_no_crate_that_does_io() {
    let io = [
        "async-std",
        "axum",
        "cap-std",
        "dirs",
        "fs*",
        "hyper*",
        "k8s-openapi",
        "kube*",
        "libsqlite3-sys",
        "mio",
        "nix",
        "notify",
        "reqwest",
        "rusqlite",
        "rustix",
        "rustls",
        "signal-hook",
        "smol",
        "socket2",
        "tempfile",
        "tokio*",
        "tracing-subscriber",
        "ureq",
        "wasi*",
        "wasmtime*",
        "wharf",
        "wharf-runtime",
    ];
    check_has_none("wharf-core", &io);
}

#[test]
fn the_host_embeds_no_webassembly() {
    check_has_none("wharf", &["cranelift*", "wasmtime*", "wharf-runtime", "wasmer*", "wasmi"]);
}

#[test]
fn the_runtime_knows_no_cluster_no_config_and_no_store() {
    check_has_none("wharf-runtime", &["k8s-openapi", "kube*", "rusqlite", "saphyr*", "wharf", "wharf-core"]);
}

#[test]
fn the_contract_is_serde_alone() {
    let all = dependencies("wharf-contract");
    let known = [
        "itoa",
        "memchr",
        "proc-macro2",
        "quote",
        "ryu",
        "serde",
        "serde_core",
        "serde_derive",
        "serde_json",
        "syn",
        "unicode-ident",
        "zmij",
    ];
    let others: Vec<_> = all.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "wharf-contract is built from {others:?}");
}
