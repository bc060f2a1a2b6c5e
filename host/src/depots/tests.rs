use super::*;
use crate::samples;
use std::path::Path;
use wharf_contract::StoreLocation;
use wharf_core::plan::Tenant;

/// A config with one tenant whose store is this.
pub(crate) fn plan(store: Option<ArtifactStore>) -> Arc<Plan> {
    let tenant = Tenant { name: "acme".into(), artifact_store: store, ..samples::tenant() };
    Arc::new(Plan { tenants: [("acme".into(), Arc::new(tenant))].into(), ..Plan::default() })
}

/// The store in a folder.
pub(crate) fn folder(path: &Path) -> ArtifactStore {
    object(StoreLocation::Folder { path: path.to_owned() }, None)
}

fn object(location: StoreLocation, credentials: Option<&Path>) -> ArtifactStore {
    let coordinator_credentials = credentials.map(Path::to_owned);
    ArtifactStore::Object { location, credentials: None, coordinator_endpoint: None, coordinator_credentials }
}

fn s3(allow_http: bool) -> StoreLocation {
    let endpoint = Some("http://127.0.0.1:9".to_owned());
    StoreLocation::S3 { bucket: "b".into(), prefix: "p/q".into(), region: None, endpoint, allow_http }
}

#[tokio::test]
async fn a_store_is_opened_once_and_again_when_its_settings_change() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let plans = watch::Sender::new(plan(Some(folder(&first))));
    let depots = Depots::new(plans.subscribe(), "0a");
    depots.tenant("acme").await.unwrap().put("a", b"1".to_vec()).await.unwrap();
    assert_eq!(depots.clone().tenant("acme").await.unwrap().get("a", 9).await.unwrap(), b"1");
    plans.send_replace(plan(Some(folder(&second))));
    assert!(depots.tenant("acme").await.unwrap().get("a", 9).await.is_err(), "another folder");
    assert!(second.exists());
    plans.send_replace(plan(None));
    assert!(!depots.has("acme"));
    assert!(matches!(depots.tenant("acme").await, Err(DepotsError::NotConfigured(_))));
}

#[test]
fn other_credentials_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = object(s3(true), Some(dir.path()));
    let open = || Opened::new(&Owner::Tenant("acme".into()), store.clone(), None);
    let put = |name: &str, value: &str| std::fs::write(dir.path().join(name), value).unwrap();
    put("AWS_ACCESS_KEY_ID", "id");
    put("AWS_SECRET_ACCESS_KEY", "hush");
    let opened = open().unwrap();
    assert!(opened.still(&store).is_some());
    put("AWS_NONSENSE", "hush");
    assert!(opened.still(&store).is_none());
    let message = open().unwrap_err().to_string();
    assert!(message.contains("AWS_NONSENSE") && message.contains("tenant `acme`"), "{message}");
    assert!(!message.contains("hush"), "{message}");
}

#[tokio::test]
async fn a_store_belongs_to_the_coordinator_that_came_first() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(Some(folder(dir.path())));
    let first = Depots::of(Arc::clone(&plan), "0a");
    first.tenant("acme").await.unwrap();
    Depots::of(Arc::clone(&plan), "0a").tenant("acme").await.unwrap();
    let refused = Depots::of(Arc::clone(&plan), "0b").tenant("acme").await.unwrap_err();
    let message = refused.to_string();
    assert!(["tenant `acme`", "coordinator 0a", "this one is 0b", "`coordinator`"].iter().all(|p| message.contains(p)));
    assert!(!refused.is_transient());
    first.tenant("acme").await.unwrap().delete(vec![mark::KEY.into()]).await.unwrap();
    Depots::of(plan, "0b").tenant("acme").await.unwrap();
}

#[tokio::test]
async fn an_error_says_whose_store_and_which_setting() {
    let check = async |store: Option<ArtifactStore>, tenant: &str, expect: &[&str]| {
        let message = Depots::of(plan(store), "0a").tenant(tenant).await.unwrap_err().to_string();
        assert!(expect.iter().all(|part| message.contains(part)), "{message}");
    };
    check(None, "acme", &["tenant `acme`", "`spec.artifactStore` of the Tenant"]).await;
    check(None, "other", &["tenant `other` is not in the config"]).await;
    check(Some(object(s3(false), None)), "acme", &["tenant `acme`", "allowHTTP", "spec.artifactStore"]).await;
    let claim = ArtifactStore::Claim { claim_name: "files".into() };
    check(Some(claim), "acme", &["tenant `acme`", "`files`", "no cluster here"]).await;
    let message = Depots::of(plan(None), "0a").operator().await.unwrap_err().to_string();
    assert!(message.contains("the operator") && message.contains("of the Coordinator"), "{message}");
}

#[test]
fn a_store_has_an_address_for_people() {
    let check = |store: ArtifactStore, expect: &str| {
        assert_eq!(Depots::of(plan(Some(store)), "0a").url("acme").as_deref(), Some(expect));
    };
    let (bucket, prefix) = ("b".to_owned(), "p".to_owned());
    check(object(s3(true), None), "s3://b/p/q");
    check(object(StoreLocation::Gcs { bucket: bucket.clone(), prefix: String::new() }, None), "gs://b");
    let azure = StoreLocation::Azure { account: "a".into(), container: bucket, prefix, endpoint: None };
    check(object(azure, None), "https://a.blob.core.windows.net/b/p");
    check(folder(Path::new("/srv/store")), "/srv/store");
    check(ArtifactStore::Claim { claim_name: "data".into() }, "pvc://acme/data");
}
