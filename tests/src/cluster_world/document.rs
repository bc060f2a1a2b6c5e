//! Configs for a cluster.

use super::{Account, STORE, World};
use serde_json::{Map, Value, json};

/// What the documents of a test say besides what all of them do: mappings as JSON, `Value::Null` for nothing.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Fields of the Coordinator's `spec`.
    pub coordinator: Value,
    /// Fields of its `kubernetes`.
    pub kubernetes: Value,
    /// Fields of the Tenant's `spec`.
    pub tenant: Value,
}

impl World<'_> {
    /// A Coordinator and the tenant, as YAML that flows can be appended to.
    #[must_use]
    pub fn head(&self, setup: &Setup) -> String {
        format!("{}{}", self.coordinator(setup), self.tenant_document(setup))
    }

    /// The Coordinator's document: a document's end is its last line.
    #[must_use]
    pub fn coordinator(&self, setup: &Setup) -> String {
        let kubernetes = json!({
            "namespace": self.operator.namespace,
            "image": format!("wharf.dev/runtime:{}", env!("CARGO_PKG_VERSION")),
            "imagePullPolicy": "Never",
            "artifactStore": self.artifact_store(&self.operator),
        });
        let kubernetes = with(kubernetes, &setup.kubernetes);
        let spec = with(json!({ "executor": "kubernetes", "kubernetes": kubernetes }), &setup.coordinator);
        document(
            &json!({ "apiVersion": "wharf.dev/v1", "kind": "Coordinator", "metadata": { "name": "wharf" }, "spec": spec }),
        )
    }

    /// The `spec` of the tenant, as JSON.
    #[must_use]
    pub fn tenant_spec(&self, setup: &Setup) -> Value {
        with(json!({ "artifactStore": self.artifact_store(&self.tenant) }), &setup.tenant)
    }

    fn tenant_document(&self, setup: &Setup) -> String {
        let (name, spec) = (self.tenant(), self.tenant_spec(setup));
        document(&json!({ "apiVersion": "wharf.dev/v1", "kind": "Tenant", "metadata": { "name": name }, "spec": spec }))
    }

    /// A flow of the tenant; `spec` is JSON.
    #[must_use]
    pub fn flow(&self, name: &str, spec: &Value) -> String {
        let metadata = json!({ "name": name, "namespace": self.tenant() });
        document(&json!({ "apiVersion": "wharf.dev/v1", "kind": "Flow", "metadata": metadata, "spec": spec }))
    }

    fn artifact_store(&self, account: &Account) -> Value {
        let info = self.ours.info();
        json!({
            "s3": {
                "bucket": account.store.bucket,
                "prefix": account.store.prefix.trim_end_matches('/'),
                "region": info.s3_region,
                "endpoint": info.s3_pods,
                "coordinatorEndpoint": info.s3,
                "allowHTTP": true,
            },
            "credentialsSecret": STORE,
            "coordinatorCredentials": self.credentials(account),
        })
    }
}

/// JSON is YAML.
fn document(value: &Value) -> String {
    format!("{value:#}\n---\n")
}

/// `more` over `base`, field by field.
fn with(base: Value, more: &Value) -> Value {
    let mut fields: Map<String, Value> = base.as_object().cloned().unwrap_or_default();
    fields.extend(more.as_object().cloned().unwrap_or_default());
    Value::Object(fields)
}
