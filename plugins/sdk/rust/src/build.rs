//! For a task's `build.rs`: the manifest that [`task!`](crate::task) puts into the component.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};
use std::path::Path;

/// Starts the manifest of a task with this input and output. Name, version and description are the package's own.
#[must_use]
pub fn manifest<I: JsonSchema, O: JsonSchema>() -> Manifest {
    let settings = || SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    Manifest {
        input: SchemaGenerator::new(settings().for_deserialize()).into_root_schema_for::<I>(),
        output: SchemaGenerator::new(settings().for_serialize()).into_root_schema_for::<O>(),
        http: Vec::new(),
        secrets: Vec::new(),
    }
}

/// What an author says of a task.
#[derive(Debug, Clone)]
pub struct Manifest {
    input: Schema,
    output: Schema,
    http: Vec<String>,
    secrets: Vec<String>,
}

impl Manifest {
    /// The task wants to speak to this host by HTTP, for example `api.example.org`.
    #[must_use]
    pub fn http(mut self, host: &str) -> Manifest {
        self.http.push(host.to_owned());
        self
    }

    /// The task wants the secret of this name.
    #[must_use]
    pub fn secret(mut self, name: &str) -> Manifest {
        self.secrets.push(name.to_owned());
        self
    }

    /// The manifest's JSON.
    #[must_use]
    pub fn json(&self, name: &str, version: &str, description: &str) -> Value {
        json!({
            "world": crate::WORLD,
            "name": name,
            "version": version,
            "description": description,
            "input": self.input,
            "output": self.output,
            "http": self.http,
            "secrets": self.secrets,
        })
    }

    /// Writes it to where [`task!`](crate::task) looks for it.
    ///
    /// # Panics
    /// Outside of a build script, or where the build folder cannot be written: cargo shows the message and stops.
    pub fn write(&self) {
        let var = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by cargo for build.rs"));
        let json = self.json(&var("CARGO_PKG_NAME"), &var("CARGO_PKG_VERSION"), &var("CARGO_PKG_DESCRIPTION"));
        let path = Path::new(&var("OUT_DIR")).join("wharf-manifest.json");
        std::fs::write(&path, json.to_string()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        println!("cargo::rerun-if-changed=Cargo.toml");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    /// A place and its readings.
    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its schema matters")]
    struct Place {
        /// Readings in degrees.
        readings: Vec<Reading>,
        #[serde(default)]
        note: Option<String>,
    }

    #[derive(Deserialize, Serialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema matters")]
    struct Reading {
        value: f64,
    }

    #[test]
    fn the_manifest_reads_as_the_contract_says() {
        let json = manifest::<Place, Place>().http("api.example.org").secret("token").json("n", "1.2.3", "d");
        let read: wharf_contract::Manifest = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json);
        assert_eq!((read.world.as_str(), read.http.len(), read.secrets.len()), (crate::WORLD, 1, 1));

        let input = read.input.unwrap();
        assert_eq!(input["description"], "A place and its readings.");
        assert_eq!(input["required"], json!(["readings"]));
        assert_eq!(input["additionalProperties"], false);
        assert_eq!(input["properties"]["readings"]["items"]["properties"]["value"]["type"], "number");
    }
}
