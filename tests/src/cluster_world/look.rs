//! What there is of a tenant in its cluster.

use super::World;
use anyhow::{Result, bail};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(100);

impl World<'_> {
    /// What `kubectl ... --output=json` prints, in the tenant's namespace.
    ///
    /// # Errors
    /// Where it fails.
    pub fn json(&self, args: &[&str]) -> Result<Value> {
        let here = ["--namespace", self.tenant(), "--output=json"];
        Ok(serde_json::from_str(&self.cluster.kubectl_output(&[args, &here].concat())?)?)
    }

    /// What `kubectl` prints, in the tenant's namespace.
    ///
    /// # Errors
    /// Where it fails.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.cluster.kubectl_output(&[args, &["--namespace", self.tenant()]].concat())
    }

    /// Looks until there is what is looked for.
    ///
    /// # Errors
    /// After `patience`, with `what`; or where looking fails.
    pub fn until<T>(&self, what: &str, patience: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("not in {patience:?}: {what}; there is {:?}", self.objects()?);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Jobs of wharf, and pods that are wharf's or that its finalizer holds, in both namespaces, as `namespace kind name`.
    ///
    /// # Errors
    /// Where the cluster does not answer.
    pub fn objects(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for namespace in [self.tenant(), self.operator()] {
            let list = self.cluster.kubectl_output(&["get", "jobs,pods", "--namespace", namespace, "--output=json"])?;
            let list: Value = serde_json::from_str(&list)?;
            for object in list["items"].as_array().into_iter().flatten() {
                let meta = &object["metadata"];
                let held =
                    meta["finalizers"].as_array().is_some_and(|all| all.iter().any(|f| f == "wharf.dev/outcome"));
                if held || meta["labels"]["app.kubernetes.io/managed-by"] == "wharf" {
                    found.push(format!("{namespace} {} {}", object["kind"], meta["name"]));
                }
            }
        }
        Ok(found)
    }

    /// Waits until no Job and no pod is left.
    ///
    /// # Errors
    /// After `patience`, with what is left.
    pub fn nothing_left(&self, patience: Duration) -> Result<()> {
        self.until("no Job and no pod of wharf is left", patience, || Ok(self.objects()?.is_empty().then_some(())))
    }

    pub(super) fn names(&self, kind: &str, namespace: &str) -> Result<Vec<String>> {
        let names = "--output=jsonpath={.items[*].metadata.name}";
        let text = self.cluster.kubectl_output(&["get", kind, "--namespace", namespace, names])?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}
