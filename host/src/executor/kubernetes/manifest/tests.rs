use super::*;
use crate::executor::invocation::tests::start;
use crate::executor::kubernetes::labels::Purpose;
use crate::samples::{flow, task, tenant};
use expect_test::expect_file;
use serde::Serialize;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wharf_contract::pod::{CompileOrder, ComponentSource, MAX_INLINE_ORDER, MAX_STORED_ORDER, PodOrder, StoredObject};
use wharf_contract::{Cause, Entry, Payload, StoreLocation};
use wharf_core::plan::{
    ArtifactStore, Component, Components, Mount, PullPolicy, Resources, SecretRef, SecretSource, Task,
};
use wharf_depot::{Digest, keys};

const MAKER: Maker<'static> = Maker { instance: "0b51f2", epoch: 3 };

pub(in crate::executor::kubernetes) fn settings() -> Kubernetes {
    Kubernetes {
        namespace: "wharf".into(),
        image: "registry.example.org/wharf-runtime:0.1.0".into(),
        image_pull_policy: PullPolicy::IfNotPresent,
        components: Components::Store,
        artifact_store: s3("operator", Some("operator-store")),
        pod_template: None,
        start_deadline_us: 600_000_000,
        unreachable_us: 30_000_000,
        architecture: "amd64".into(),
        compile: Resources { limit_memory: Some(1 << 30), limit_cpu: Some(2_000), ..Resources::default() },
        egress: Vec::new(),
    }
}

fn s3(prefix: &str, credentials: Option<&str>) -> ArtifactStore {
    let location = StoreLocation::S3 {
        bucket: "artifacts".into(),
        prefix: prefix.into(),
        region: None,
        endpoint: Some("https://s3.example.org".into()),
        allow_http: false,
    };
    let credentials = credentials.map(str::to_owned);
    ArtifactStore::Object { location, credentials, coordinator_endpoint: None, coordinator_credentials: None }
}

fn plain_task() -> Task {
    let digest = Digest::of(b"component").to_string();
    Task { component: Component { path: "/plugins/extract.wasm".into(), digest, size: 1 << 20 }, ..task() }
}

fn plain_tenant() -> Tenant {
    Tenant { artifact_store: Some(s3("weather", None)), secrets: BTreeMap::new(), ..tenant() }
}

fn compiled() -> CompiledComponent {
    let (component, sealed) = (Digest::of(b"component"), Digest::of(b"sealed"));
    let object =
        StoredObject { key: keys::compiled("amd64-e1", &component), digest: sealed.to_string(), size: 3 << 20 };
    CompiledComponent { object, public_key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".into() }
}

fn made(settings: &Kubernetes, tenant: &Tenant, start: &Start) -> Result<Manifest, Failure> {
    attempt(MAKER, settings, tenant, start, &compiled(), &[])
}

fn golden(name: &str, object: &impl Serialize) {
    let mut text = serde_json::to_string_pretty(object).unwrap();
    text.push('\n');
    expect_file![format!("{}/tests/kubernetes/manifests/{name}.json", env!("CARGO_MANIFEST_DIR"))].assert_eq(&text);
}

fn order_of(job: &Job) -> PodOrder {
    let metadata = job.spec.as_ref().unwrap().template.metadata.as_ref().unwrap();
    serde_json::from_str(&metadata.annotations.as_ref().unwrap()[ORDER_ANNOTATION]).unwrap()
}

#[test]
fn an_attempt_that_asks_for_nothing() {
    let start = start(&flow(plain_task()), None, None);
    let Manifest { job, upload } = made(&settings(), &plain_tenant(), &start).unwrap();
    assert_eq!(upload, None);
    golden("plain", &job);
}

/// A task that has all that a task can have.
fn rich_task() -> Task {
    let secret = |name: &str| SecretRef { name: name.into() };
    let mount = |volume: &str, path: &str, read_only| Mount {
        volume: volume.into(),
        source: "/on/a/laptop".into(),
        path: path.into(),
        read_only,
    };
    Task {
        entry: Entry::Command { args: vec!["--day".into()], stdin: true },
        timeout_us: Some(1_800_500_000),
        resources: Resources {
            request_memory: Some(128 << 20),
            limit_memory: Some(512 << 20),
            request_cpu: Some(250),
            limit_cpu: Some(1_500),
            limit_ephemeral_storage: Some(2 << 30),
        },
        env: BTreeMap::from([("TZ".into(), "UTC".into())]),
        secret_env: BTreeMap::from([("TOKEN".into(), secret("api")), ("PASSWORD".into(), secret("database"))]),
        secrets: BTreeMap::from([("api-token".into(), secret("api")), ("certificate".into(), secret("certificate"))]),
        mounts: vec![mount("data", "/in", true), mount("data", "/out", false), mount("reference", "/ref", true)],
        pod_template: Some(json!({
            "metadata": {"annotations": {"example.org/owner": "extract"}},
            "spec": {"nodeSelector": {"disk": "ssd"}, "runtimeClassName": "gvisor"},
        })),
        ..plain_task()
    }
}

fn rich_tenant() -> Tenant {
    let key = |name: &str, key: &str| SecretSource::SecretKeyRef { name: name.into(), key: key.into() };
    let sidecar = json!({
        "name": "proxy",
        "image": "registry.example.org/proxy@sha256:ab",
        "restartPolicy": "Always",
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        "resources": {"limits": {"memory": "64Mi"}},
    });
    Tenant {
        secrets: BTreeMap::from([
            ("api".into(), key("weather-api", "token")),
            ("certificate".into(), key("weather-api", "tls.crt")),
            ("database".into(), key("weather-db", "password")),
        ]),
        artifact_store: Some(s3("weather", Some("weather-store"))),
        pod_template: Some(json!({
            "metadata": {"labels": {"team": "weather"}},
            "spec": {
                "priorityClassName": "batch",
                "imagePullSecrets": [{"name": "registry"}],
                "tolerations": [{"key": "spot", "operator": "Exists"}],
                "initContainers": [sidecar],
                "containers": [{"name": "wharf", "env": [{"name": "RUST_BACKTRACE", "value": "1"}]}],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "weather-data"}},
                    {"name": "reference", "configMap": {"name": "reference"}},
                ],
            },
        })),
        ..plain_tenant()
    }
}

#[test]
fn an_attempt_that_has_everything() {
    let settings = Kubernetes {
        image_pull_policy: PullPolicy::Always,
        unreachable_us: 45_500_000,
        pod_template: Some(json!({
            "metadata": {"labels": {"cost-centre": "17"}},
            "spec": {
                "nodeSelector": {"pool": "batch"},
                "securityContext": {"runAsUser": 1000, "fsGroup": 1000},
                "tolerations": [{"key": "batch", "operator": "Exists"}],
            },
        })),
        ..settings()
    };
    let start = start(&flow(rich_task()), Some(4), Some(768 << 20));
    let readable = [Artifact {
        digest: Digest::of(b"rows").to_string(),
        size: 4,
        name: "rows.csv".into(),
        media_type: Some("text/csv".into()),
    }];
    let Manifest { job, upload } = attempt(MAKER, &settings, &rich_tenant(), &start, &compiled(), &readable).unwrap();
    assert_eq!(upload, None);
    golden("everything", &job);
}

#[test]
fn an_attempt_whose_store_is_a_claim() {
    let store = ArtifactStore::Claim { claim_name: "artifacts".into() };
    let tenant = Tenant { artifact_store: Some(store), ..plain_tenant() };
    golden("claim", &made(&settings(), &tenant, &start(&flow(plain_task()), None, None)).unwrap().job);
}

#[test]
fn a_large_order_goes_into_the_store_first() {
    let with = |bytes: usize| {
        let mut start = start(&flow(plain_task()), Some(9), None);
        start.input = Payload::Json(to_raw_value(&"x".repeat(bytes)).unwrap());
        made(&settings(), &plain_tenant(), &start)
    };
    let small = with(MAX_INLINE_ORDER / 2).unwrap();
    assert_eq!(small.upload, None);
    let PodOrder::Run(inline) = order_of(&small.job) else { panic!("{:?}", small.job) };
    assert_eq!(inline.invocation.id.item, Some(9));

    let Manifest { job, upload } = with(MAX_INLINE_ORDER).unwrap();
    let Upload { object, bytes } = upload.unwrap();
    assert_eq!(object.key, "staging/7-extract-9-2/order.json");
    assert_eq!((object.size, object.digest.as_str()), (bytes.len() as u64, &*Digest::of(&bytes).to_string()));
    let stored: wharf_contract::pod::PodInvocation = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(stored.invocation.input, Payload::Json(to_raw_value(&"x".repeat(MAX_INLINE_ORDER)).unwrap()));
    let PodOrder::Stored { store, object: named } = order_of(&job) else { panic!("{job:?}") };
    assert_eq!((store, named), (stored.store, object));

    let failure = with(usize::try_from(MAX_STORED_ORDER).unwrap()).unwrap_err();
    assert_eq!(failure.cause, Cause::InvalidInput);
}

#[test]
fn what_a_pod_cannot_have_ends_the_attempt() {
    let check = |tenant: &Tenant, task: Task, cause, expect: &str| {
        let failure = made(&settings(), tenant, &start(&flow(task), None, None)).unwrap_err();
        assert_eq!(failure.cause, cause, "{}", failure.message);
        assert!(failure.message.contains(expect), "{}", failure.message);
    };
    let wants = |name: &str| {
        let secret = SecretRef { name: name.into() };
        Task { secrets: BTreeMap::from([("token".into(), secret)]), ..plain_task() }
    };
    let on_machine = Tenant { artifact_store: Some(s3("weather", None)), ..tenant() };
    check(&on_machine, wants("token"), Cause::NotGranted, "where no pod can read it");
    check(&plain_tenant(), wants("absent"), Cause::NotGranted, "`absent` of tenant `weather` is not there");
    check(&tenant(), plain_task(), Cause::Internal, "has no `artifactStore`");
    let broken = |template: Value| Task { pod_template: Some(template), ..plain_task() };
    let patch = json!({"spec": {"$patch": "maybe"}});
    check(&plain_tenant(), broken(patch), Cause::PodRejected, "cannot be merged");
    let shape = json!({"spec": {"hostNetwork": "no"}});
    check(&plain_tenant(), broken(shape), Cause::PodRejected, "the pod is none");
}

/// What no template may change, even one that came by the config's checks.
#[test]
fn what_is_ours_is_said_last() {
    let template = json!({
        "metadata": {"labels": {"wharf.dev/run": "1"}, "annotations": {ORDER_ANNOTATION: "{}"}, "finalizers": []},
        "spec": {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "wharf", "image": "evil", "args": ["sh"], "terminationMessagePolicy": "FallbackToLogsOnError",
                "resources": {"limits": {"memory": "1Ti"}},
            }],
            "volumes": [{"name": "wharf-scratch", "hostPath": {"path": "/"}}],
        },
    });
    let start = start(&flow(plain_task()), None, None);
    let plain = made(&settings(), &plain_tenant(), &start).unwrap().job;
    let hostile = Tenant { pod_template: Some(template), ..plain_tenant() };
    assert_eq!(made(&settings(), &hostile, &start).unwrap().job, plain);
}

#[test]
fn a_template_that_names_a_silent_node_knows_better() {
    let tolerated = |tolerations: Value| {
        let tenant = Tenant { pod_template: Some(json!({"spec": {"tolerations": tolerations}})), ..plain_tenant() };
        let job = made(&settings(), &tenant, &start(&flow(plain_task()), None, None)).unwrap().job;
        let spec = job.spec.unwrap().template.spec.unwrap();
        let key = |t: k8s_openapi::api::core::v1::Toleration| (t.key.unwrap_or_default(), t.toleration_seconds);
        spec.tolerations.unwrap().into_iter().map(key).collect::<Vec<_>>()
    };
    let [not_ready, unreachable] = ["not-ready", "unreachable"].map(|n| format!("node.kubernetes.io/{n}"));
    let ours = [(not_ready.clone(), Some(30)), (unreachable.clone(), Some(30))];
    assert_eq!(tolerated(json!([])), ours);
    assert_eq!(tolerated(json!([{"operator": "Exists"}])), [vec![(String::new(), None)], ours.to_vec()].concat());
    let own = json!([{"key": unreachable, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]);
    assert_eq!(tolerated(own), [(unreachable, Some(300)), (not_ready, Some(30))]);
}

#[test]
fn a_job_ends_by_itself_only_after_everything_that_may_take_time() {
    let deadline = |timeout_us| {
        let task = Task { timeout_us, ..plain_task() };
        let job = made(&settings(), &plain_tenant(), &start(&flow(task), None, None)).unwrap().job;
        job.spec.unwrap().active_deadline_seconds
    };
    assert_eq!(deadline(None), None);
    assert_eq!(deadline(Some(60_000_000)), Some(600 + 60 + 300 + 30));
    assert_eq!(deadline(Some(1)), Some(600 + 1 + 300 + 30));
}

fn compile_order(source: ComponentSource) -> CompileOrder {
    CompileOrder {
        digest: Digest::of(b"component").to_string(),
        source,
        store: order::location(&settings().artifact_store),
        memory: 1 << 30,
    }
}

#[test]
fn a_component_reaches_its_compiler_in_each_of_the_four_ways() {
    let image = format!("registry.example.org/components/extract@{}", Digest::of(b"image"));
    let registry = Components::Registry {
        repository: "registry.example.org/components".into(),
        insecure: false,
        credentials: Some("registry".into()),
    };
    let images =
        Components::Image { repository: "registry.example.org/components".into(), pull_policy: PullPolicy::Always };
    let volume = Components::Volume { claim_name: "components".into(), sub_path: "wasm".into() };
    let file = |name: &str| ComponentSource::File { path: format!("/component/{name}").into() };
    let pulled = ComponentSource::Registry { reference: image.clone(), insecure: false };
    let kept = ComponentSource::Store { key: keys::component(&Digest::of(b"component")) };
    for (name, components, source, image) in [
        ("compile-store", Components::Store, kept, None),
        ("compile-registry", registry, pulled, None),
        ("compile-image", images, file("task.wasm"), Some(image.as_str())),
        ("compile-volume", volume, file("extract.wasm"), None),
    ] {
        let settings = Kubernetes { components, ..settings() };
        let name_of_job = names::compile(MAKER.instance, &Digest::of(b"component").to_string(), "e1", "amd64", 1);
        let order = compile_order(source);
        let job = compile(MAKER, &settings, name_of_job, &order, image).unwrap();
        assert_eq!(order_of(&job), PodOrder::Compile(Box::new(order)));
        golden(name, &job);
    }
}

#[test]
fn a_compiler_sees_nothing_of_a_tenant() {
    let template = json!({"spec": {"nodeSelector": {"pool": "batch"}}});
    let settings = Kubernetes { pod_template: Some(template), ..settings() };
    let source = ComponentSource::Store { key: "components/x.wasm".into() };
    let job = compile(MAKER, &settings, "j".into(), &compile_order(source), None).unwrap();
    assert_eq!(job.metadata.namespace.as_deref(), Some("wharf"));
    assert_eq!(labels::attempt(job.metadata.labels.as_ref(), MAKER.instance), None);
    let labels = job.metadata.labels.unwrap();
    assert_eq!(labels[labels::COMPONENT], Purpose::Compile.as_str());
    let template = job.spec.unwrap().template;
    assert_eq!(template.metadata.unwrap().finalizers, None);
    assert_eq!(template.spec.unwrap().node_selector.unwrap()["pool"], "batch");
}

#[test]
fn a_pod_that_serves_a_claim_is_hardened_and_placed_like_those_of_its_tenant() {
    let template = json!({"spec": {"nodeSelector": {"disk": "ssd"}}});
    let token = Digest::of(b"token").to_string();
    let serving = Serving { namespace: "weather", claim_name: "files", template: Some(&template), token: &token };
    let job = store(MAKER, &settings(), serving).unwrap();
    let other = Digest::of(b"another").to_string();
    let again = store(MAKER, &settings(), Serving { token: &other, ..serving }).unwrap();
    assert_ne!(job.metadata.name, again.metadata.name, "one that is on its way out is in nobody's way");
    golden("store", &job);
}
