//! A tenant on a test cluster, and a coordinator outside of it: namespaces, stores and rights are made by
//! `wharf cluster apply`, and the coordinator is a user that has those rights and no others.

mod document;
mod keeping;
mod look;

pub use document::Setup;
pub use keeping::outcomes;

use crate::binaries::image;
use crate::cluster::{Cluster, Ours, S3Tenant};
use crate::serve::Home;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use wharf_contract::StoreLocation;
use wharf_depot::Depot;

/// Who the coordinator is.
const USER: &str = "coordinator";
/// The Secret with the credentials of a namespace's store.
const STORE: &str = "store";
/// The settings that it has, as files or as keys.
const SETTINGS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// A tenant, and what belongs to the coordinator that serves it alone. Its namespaces go when it is dropped.
#[derive(Debug)]
pub struct World<'a> {
    cluster: &'a Cluster,
    ours: &'a Ours,
    operator: Account,
    tenant: Account,
    /// The coordinator's kubeconfig and credentials.
    dir: tempfile::TempDir,
}

/// A namespace, and its store.
#[derive(Debug)]
struct Account {
    namespace: String,
    store: S3Tenant,
}

impl<'a> World<'a> {
    /// For a tenant of this name, which no other test has; `<name>-system` is the coordinator's own namespace. The
    /// runtime's image is given to the node. `None`, which is then said, where the cluster is not one of our own: only
    /// those have an object store and users.
    ///
    /// # Errors
    /// Where the cluster refuses something, or a namespace of an earlier world does not go.
    pub fn new(cluster: &'a Cluster, name: &str) -> Result<Option<World<'a>>> {
        let Some(ours) = cluster.ours() else {
            eprintln!("not run: it takes stores, users and images that only a cluster of the tests' own has");
            return Ok(None);
        };
        import(ours)?;
        let operator = format!("{name}-system");
        let gone = ["delete", "namespace", name, &operator, "--ignore-not-found", "--timeout=60s"];
        cluster.kubectl_output(&gone)?;
        let account = |namespace: &str| -> Result<Account> {
            // A store of its own for each process: a cluster that is kept up has what earlier ones left.
            let store = ours.s3_tenant(&format!("{namespace}-{}", std::process::id()))?;
            Ok(Account { namespace: namespace.to_owned(), store })
        };
        let (operator, tenant) = (account(&operator)?, account(name)?);
        let world = World { cluster, ours, operator, tenant, dir: tempfile::tempdir()? };
        std::fs::write(world.kubeconfig(), ours.user_kubeconfig(&world.user(), &[])?)?;
        for account in [&world.operator, &world.tenant] {
            let dir = world.credentials(account);
            std::fs::create_dir_all(&dir)?;
            for (name, value) in SETTINGS.into_iter().zip([&account.store.access_key, &account.store.secret_key]) {
                std::fs::write(dir.join(name), value)?;
            }
        }
        Ok(Some(world))
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    /// The cluster, as one that is ours.
    #[must_use]
    pub fn ours(&self) -> &'a Ours {
        self.ours
    }

    /// The tenant's name, which is its namespace.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant.namespace
    }

    /// The coordinator's own namespace.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.operator.namespace
    }

    /// The user that the coordinator is.
    #[must_use]
    pub fn user(&self) -> String {
        format!("{USER}-{}", self.tenant())
    }

    /// A folder with this config, for which the cluster is made ready. What is started there has the coordinator's
    /// kubeconfig, and no credentials in its environment.
    ///
    /// # Errors
    /// As [`World::apply`].
    pub fn home(&self, config: &str) -> Result<Home> {
        let home = Home::new(config)?.env("KUBECONFIG", self.kubeconfig());
        self.apply(&home)?;
        for account in [&self.operator, &self.tenant] {
            let S3Tenant { access_key, secret_key, .. } = &account.store;
            let [key, secret] = SETTINGS;
            let manifest = serde_json::json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": STORE, "namespace": account.namespace },
                "stringData": { key: access_key, secret: secret_key },
            });
            self.cluster.apply(&manifest.to_string())?;
        }
        Ok(home)
    }

    /// Has `wharf cluster apply` bring the cluster to what the folder's config says.
    ///
    /// # Errors
    /// Where it does not like the config, or the cluster refuses something; with what it said.
    pub fn apply(&self, home: &Home) -> Result<()> {
        let mut apply = home.command("wharf", &["cluster", "apply", "--coordinator-user", &self.user()]);
        let output = apply.env("KUBECONFIG", self.cluster.kubeconfig()).output()?;
        ensure!(output.status.success(), "wharf cluster apply: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// The tenant's store, with the tenant's own credentials.
    ///
    /// # Errors
    /// Where the credentials cannot be read.
    pub fn store(&self) -> Result<Depot> {
        self.depot(&self.tenant)
    }

    /// The operator's store.
    ///
    /// # Errors
    /// As [`World::store`].
    pub fn operator_store(&self) -> Result<Depot> {
        self.depot(&self.operator)
    }

    fn depot(&self, account: &Account) -> Result<Depot> {
        let info = self.ours.info();
        let location = StoreLocation::S3 {
            bucket: account.store.bucket.clone(),
            prefix: account.store.prefix.trim_end_matches('/').to_owned(),
            region: Some(info.s3_region.clone()),
            endpoint: Some(info.s3.clone()),
            allow_http: true,
        };
        Depot::open(&location, Some(&self.credentials(account)), None).context("the store of a test")
    }

    /// The coordinator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    fn credentials(&self, account: &Account) -> PathBuf {
        self.dir.path().join(&account.namespace)
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        for namespace in [self.tenant(), self.operator()] {
            let gone = ["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"];
            drop(self.cluster.kubectl_output(&gone));
            // Where a test failed, its coordinator is gone, and nobody else would let go of the pods.
            let pods = self.names("pods", namespace);
            let free = r#"--patch={"metadata":{"finalizers":null}}"#;
            for pod in pods.unwrap_or_default() {
                drop(self.cluster.kubectl_output(&["patch", "pod", &pod, "--namespace", namespace, free]));
            }
        }
        for kind in ["clusterrole", "clusterrolebinding"] {
            let name = format!("wharf-coordinator-{}", self.operator());
            drop(self.cluster.kubectl_output(&["delete", kind, &name, "--ignore-not-found"]));
        }
    }
}

/// Gives the runtime's image to the node, once for each cluster.
fn import(ours: &Ours) -> Result<()> {
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    // A test that failed here left the set as it was.
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !done.contains(&ours.info().dir) {
        ours.import(&image("runtime"))?;
        done.insert(ours.info().dir.clone());
    }
    Ok(())
}
