//! What can be known of a component without running it.

use crate::compile::{MAX_WASM, encoding};
use crate::imports::meaning;
use crate::{Digest, Refusal};
use std::collections::BTreeSet;
use wasmparser::{
    ComponentExternalKind, ComponentTypeRef, Encoding, ExternalKind, Parser, Payload, Validator, WasmFeatures,
};
use wharf_contract::{Cause, Import, Inspection, Manifest, World};

/// Largest manifest in bytes.
const MAX_MANIFEST: usize = 1 << 20;
/// The module that a program of WASI preview 1 imports.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Reads what a file says of itself.
///
/// # Errors
/// Why it is no WebAssembly.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Refusal> {
    let invalid = |why: String| Refusal::new(Cause::InvalidComponent, why);
    if bytes.len() as u64 > MAX_WASM {
        return Err(invalid(format!("it is larger than {} MiB", MAX_WASM >> 20)));
    }
    let encoding = encoding(bytes).map_err(invalid)?;
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(bytes)
        .map_err(|e| invalid(format!("it is broken or cut short: {e}")))?;
    let found = read(bytes).map_err(|e| invalid(e.to_string()))?;
    Ok(Inspection {
        digest: Digest::of(bytes).to_string(),
        size: bytes.len() as u64,
        world: world(encoding, &found),
        imports: found.imports.iter().map(|name| import(name)).collect(),
        exports: found.exports.into_iter().map(|(name, _)| name).collect(),
        manifest: found.manifest.map(manifest).transpose()?,
    })
}

#[derive(Default)]
struct Found<'a> {
    /// Of the outermost component or module.
    imports: BTreeSet<String>,
    /// Names, and whether each is a function.
    exports: BTreeSet<(String, bool)>,
    /// The first, wherever it lies: a linker may leave it in a module within.
    manifest: Option<&'a [u8]>,
}

fn read(bytes: &[u8]) -> wasmparser::Result<Found<'_>> {
    let mut found = Found::default();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= i32::from(depth > 0),
            Payload::CustomSection(s) if s.name() == Manifest::SECTION && found.manifest.is_none() => {
                found.manifest = Some(s.data());
            }
            Payload::ComponentImportSection(s) if depth == 0 => {
                for import in s {
                    let import = import?;
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        found.imports.insert(import.name.full_name().into_owned());
                    }
                }
            }
            Payload::ComponentExportSection(s) if depth == 0 => {
                for export in s {
                    let export = export?;
                    if export.kind != ComponentExternalKind::Type {
                        let func = export.kind == ComponentExternalKind::Func;
                        found.exports.insert((export.name.full_name().into_owned(), func));
                    }
                }
            }
            Payload::ImportSection(s) if depth == 0 => {
                for import in s.into_imports() {
                    found.imports.insert(import?.module.to_owned());
                }
            }
            Payload::ExportSection(s) if depth == 0 => {
                for export in s {
                    let export = export?;
                    found.exports.insert((export.name.to_owned(), export.kind == ExternalKind::Func));
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn world(encoding: Encoding, found: &Found<'_>) -> World {
    let has = |name: &str| found.exports.contains(&(name.to_owned(), true));
    let is_run = |name: &str| name.strip_prefix("wasi:cli/run@0.2").is_some_and(|r| r.is_empty() || r.starts_with('.'));
    match encoding {
        Encoding::Module if has("_start") && found.imports.iter().all(|m| m == PREVIEW1) => World::CoreCommand,
        Encoding::Module => World::Other,
        Encoding::Component if has("run") => World::Task,
        Encoding::Component if found.exports.iter().any(|(name, _)| is_run(name)) => World::Command,
        Encoding::Component => World::Other,
    }
}

fn import(name: &str) -> Import {
    if name == PREVIEW1 {
        let meaning = "a program of WASI preview 1, wrapped with the adapter; files, clocks and the rest as granted";
        return Import { name: name.to_owned(), meaning: meaning.to_owned(), known: true };
    }
    let (words, known) = meaning(name).unwrap_or_default();
    Import { name: name.to_owned(), meaning: words.to_owned(), known }
}

fn manifest(bytes: &[u8]) -> Result<Manifest, Refusal> {
    let wrong =
        |why: String| Refusal::new(Cause::InvalidComponent, format!("its section {}: {why}", Manifest::SECTION));
    if bytes.len() > MAX_MANIFEST {
        return Err(wrong(format!("{} bytes are more than {MAX_MANIFEST}", bytes.len())));
    }
    // Sections of one name are joined by linkers; the first manifest stands.
    let mut all = serde_json::Deserializer::from_slice(bytes).into_iter::<Manifest>();
    all.next().unwrap_or_else(|| Ok(Manifest::default())).map_err(|e| wrong(e.to_string()))
}
