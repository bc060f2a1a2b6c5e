//! What is known of the components that the tests name: by the name of their file.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use wharf_contract::{Import, Inspection, Manifest, World};
use wharf_core::config::{Catalog, Resolved, Source, parse, resolve};

/// Reads a config that stands in `/etc/wharf`.
pub(crate) fn read(name: &str, text: impl Into<Vec<u8>>) -> Resolved {
    read_all(vec![Source { name: name.into(), dir: "/etc/wharf".into(), text: text.into() }])
}

pub(crate) fn read_all(sources: Vec<Source>) -> Resolved {
    let parsed = parse(sources);
    let catalog: Catalog = parsed.components().into_iter().map(|path| inspect(&path)).collect();
    resolve(parsed, &catalog)
}

fn inspect(path: &Path) -> (PathBuf, Result<Inspection, String>) {
    let row = json!({
        "type": "object",
        "properties": {"date": {"type": "string"}, "rain": {"type": ["number", "null"]}},
        "required": ["date", "rain"],
    });
    let object = |properties: Value, required: &[&str]| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    let found = match path.file_name().and_then(|n| n.to_str()).unwrap_or_default() {
        "extract.wasm" => {
            let input = object(json!({"path": {"type": "string"}, "date": {"type": "string"}}), &["path", "date"]);
            task(Some(input), Some(row))
        }
        "clean.wasm" => task(Some(object(json!({"row": row}), &["row"])), Some(row)),
        "count.wasm" => {
            let input = object(json!({"row": {"type": "integer"}, "mode": {"enum": ["full", "fast"]}}), &["row"]);
            task(Some(input), Some(json!({"type": "integer"})))
        }
        "list.wasm" => task(None, Some(json!({"type": "array", "items": row}))),
        "any.wasm" => task(None, None),
        "program.wasm" => Inspection { world: World::Command, manifest: None, ..task(None, None) },
        "fetch.wasm" => {
            let mut fetch = task(None, None);
            fetch.imports = vec![Import {
                name: "wasi:http/outgoing-handler@0.2.6".into(),
                meaning: "send HTTP requests".into(),
                known: true,
            }];
            if let Some(manifest) = &mut fetch.manifest {
                manifest.http = vec!["api.example.org".into()];
                manifest.secrets = vec!["token".into()];
            }
            fetch
        }
        "strange.wasm" => Inspection {
            imports: vec![Import { name: "acme:gpu/kernel@1.0.0".into(), meaning: String::new(), known: false }],
            ..task(None, None)
        },
        "library.wasm" => {
            Inspection { world: World::Other, exports: vec!["acme:image/resize@1.0.0".into()], ..task(None, None) }
        }
        "truncated.wasm" => return (path.into(), Err("the file is truncated: it ends within section 3".into())),
        "text.wasm" => return (path.into(), Err("the file is no WebAssembly: it begins with `#!/b`".into())),
        _ => return (path.into(), Err(format!("there is no file {}", path.display()))),
    };
    (path.into(), Ok(found))
}

fn task(input: Option<Value>, output: Option<Value>) -> Inspection {
    Inspection {
        digest: format!("sha256:{}", "ab".repeat(32)),
        size: 1000,
        world: World::Task,
        imports: Vec::new(),
        exports: vec!["wharf:task/task@0.1.0".into()],
        manifest: Some(Manifest { world: "wharf:task/task@0.1.0".into(), input, output, ..Manifest::default() }),
    }
}
