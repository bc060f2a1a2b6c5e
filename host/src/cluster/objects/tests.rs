use super::*;
use crate::cluster::object::Kind;
use crate::cluster::render;
use crate::samples;
use expect_test::expect_file;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wharf_contract::StoreLocation;
use wharf_core::plan::{ArtifactStore, Components, Coordinator, Egress, Namespace, PullPolicy, Resources, Tenant};

fn s3(endpoint: Option<&str>) -> ArtifactStore {
    ArtifactStore::Object {
        location: StoreLocation::S3 {
            bucket: "wharf".into(),
            prefix: "team".into(),
            region: None,
            endpoint: endpoint.map(Into::into),
            allow_http: endpoint.is_some(),
        },
        credentials: Some("store".into()),
        coordinator_endpoint: None,
        coordinator_credentials: None,
    }
}

fn tenant(name: &str, store: ArtifactStore, namespace: Namespace) -> (String, Arc<Tenant>) {
    let tenant = Tenant { name: name.into(), artifact_store: Some(store), namespace, ..samples::tenant() };
    (name.into(), Arc::new(tenant))
}

fn plan(tenants: impl IntoIterator<Item = (String, Arc<Tenant>)>) -> Plan {
    let kubernetes = Kubernetes {
        namespace: "wharf-system".into(),
        image: "registry.example.org/wharf-runtime:1".into(),
        image_pull_policy: PullPolicy::IfNotPresent,
        components: Components::Registry {
            repository: "10.0.0.5:5000/components".into(),
            insecure: true,
            credentials: None,
        },
        artifact_store: s3(Some("http://10.0.0.7:9000")),
        pod_template: None,
        start_deadline_us: 300_000_000,
        unreachable_us: 30_000_000,
        architecture: "amd64".into(),
        compile: Resources::default(),
        egress: vec![Egress { cidr: "198.51.100.0/24".into(), ports: vec![443] }],
    };
    let executor = Executor::Kubernetes(Box::new(kubernetes));
    Plan {
        coordinator: Coordinator { executor, ..Coordinator::default() },
        tenants: tenants.into_iter().collect(),
        ..Plan::default()
    }
}

fn teams() -> Plan {
    let quota = BTreeMap::from([("limits.cpu".to_owned(), "8".to_owned()), ("limits.memory".into(), "16Gi".into())]);
    let egress = vec![
        Egress { cidr: "192.0.2.0/24".into(), ports: vec![443, 8443] },
        Egress { cidr: "2001:db8::/32".into(), ports: Vec::new() },
    ];
    plan([
        tenant("team-a", s3(Some("http://10.0.0.7:9000")), Namespace { quota, egress }),
        tenant("team-b", ArtifactStore::Claim { claim_name: "files".into() }, Namespace::default()),
        tenant("team-c", s3(None), Namespace::default()),
    ])
}

#[test]
fn a_plan_is_rendered_as_the_golden_files_say() {
    for (subject, golden) in [
        (Subject::ServiceAccount, expect_file!["golden/service-account.yaml"]),
        (Subject::User("wharf@example.org".into()), expect_file!["golden/user.yaml"]),
    ] {
        golden.assert_eq(&render(&objects(&teams(), &subject).unwrap(), "wharf-system"));
    }
}

#[test]
fn every_object_has_one_name_and_its_label_and_comes_after_its_namespace() {
    let objects = objects(&teams(), &Subject::ServiceAccount).unwrap().objects;
    let (mut titles, mut spaces) = (BTreeSet::new(), BTreeSet::new());
    for object in &objects {
        assert!(titles.insert(object.title()), "{} is there twice", object.title());
        assert_eq!(object.body["metadata"]["labels"]["app.kubernetes.io/managed-by"], "wharf");
        match object.namespace() {
            None if object.kind == Kind::Namespace => assert!(spaces.insert(object.name().to_owned())),
            None => assert!(matches!(object.kind, Kind::ClusterRole | Kind::ClusterRoleBinding), "{}", object.title()),
            Some(space) => assert!(spaces.contains(space), "{} comes before its namespace", object.title()),
        }
    }
    assert_eq!(spaces.len(), 4);
}

/// Whether a namespace's role allows the coordinator something.
fn may(plan: &Plan, namespace: &str, verb: &str, resource: &str) -> bool {
    let objects = objects(plan, &Subject::ServiceAccount).unwrap().objects;
    let role = objects.iter().find(|o| o.kind == Kind::Role && o.namespace() == Some(namespace)).unwrap();
    let has = |list: &serde_json::Value, word: &str| list.as_array().unwrap().iter().any(|w| w == word);
    role.body["rules"].as_array().unwrap().iter().any(|r| has(&r["resources"], resource) && has(&r["verbs"], verb))
}

#[test]
fn the_coordinator_may_what_it_needs_and_no_more() {
    for (namespace, verb, resource, expect) in [
        ("team-a", "create", "jobs", true),
        ("team-a", "patch", "pods", true),
        ("team-a", "patch", "jobs", true),
        ("wharf-system", "patch", "jobs", false),
        ("team-a", "get", "pods/log", true),
        ("team-a", "watch", "resourcequotas", true),
        ("team-a", "get", "secrets", false),
        ("team-a", "create", "pods", false),
        ("team-a", "create", "pods/exec", false),
        ("team-a", "get", "configmaps", false),
        ("team-b", "create", "jobs", true),
        ("team-b", "create", "pods", false),
        ("team-b", "create", "pods/portforward", true),
        ("team-b", "get", "pods/portforward", true),
        ("team-b", "create", "pods/exec", false),
        ("team-a", "get", "pods/portforward", false),
        ("team-a", "create", "pods/portforward", false),
        ("wharf-system", "get", "pods/portforward", false),
        ("wharf-system", "create", "jobs", true),
        ("wharf-system", "get", "configmaps", true),
        ("wharf-system", "get", "secrets", false),
        ("wharf-system", "get", "pods/log", false),
        ("wharf-system", "create", "pods", false),
    ] {
        assert_eq!(may(&teams(), namespace, verb, resource), expect, "{namespace}: {verb} {resource}");
    }
}

#[test]
fn in_the_whole_cluster_it_looks_at_nodes_and_asks_who_is_there() {
    let objects = objects(&teams(), &Subject::ServiceAccount).unwrap().objects;
    let roles: Vec<_> = objects.iter().filter(|o| o.kind == Kind::ClusterRole).map(|o| &o.body["rules"]).collect();
    let rule = |group: &str, resource: &str, verbs: &[&str]| serde_json::json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs });
    let expect = serde_json::json!([
        rule("", "nodes", &["list", "watch"]),
        rule("authentication.k8s.io", "tokenreviews", &["create"]),
        rule("authorization.k8s.io", "subjectaccessreviews", &["create"]),
    ]);
    assert_eq!(roles, [&expect]);
}

#[test]
fn a_store_that_no_policy_can_name_is_a_note() {
    let notes = objects(&teams(), &Subject::ServiceAccount).unwrap().notes;
    let [note] = &notes[..] else { panic!("{notes:?}") };
    assert!(note.contains("tenant `team-c`") && note.contains("s3.us-east-1.amazonaws.com"), "{note}");
}

#[test]
fn namespaces_of_others_are_left_alone() {
    let named = |name: &str| plan([tenant(name, s3(None), Namespace::default())]);
    for (plan, expect) in [
        (Plan::default(), "the configuration is for one machine; "),
        (named("default"), "a tenant would be the namespace `default`, which others use; "),
        (named("kube-system"), "a tenant would be the namespace `kube-system`, which others use; "),
        (named("wharf-system"), "tenant `wharf-system` has the name of the operator's namespace; "),
    ] {
        let why = objects(&plan, &Subject::ServiceAccount).unwrap_err();
        assert!(why.0.starts_with(expect), "{why}");
    }
}
