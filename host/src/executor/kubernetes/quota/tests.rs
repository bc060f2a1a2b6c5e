use super::*;
use k8s_openapi::api::batch::v1::Job;
use proptest::prelude::*;
use serde_json::{Value, json};

fn quota(value: Value) -> ResourceQuota {
    serde_json::from_value(value).unwrap()
}

fn job(spec: Value) -> Ask {
    let job: Job = serde_json::from_value(json!({"metadata": {}, "spec": {"template": {"spec": spec}}})).unwrap();
    Ask::of(&job)
}

fn plain() -> Ask {
    job(json!({"containers": [{"name": "wharf", "resources": {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "1Gi"},
    }}]}))
}

fn check(quotas: &[Value], in_flight: &[&Ask], ask: &Ask, expect: Option<[&str; 5]>) {
    let quotas: Vec<_> = quotas.iter().cloned().map(quota).collect();
    let short = admits(&quotas, in_flight, ask).err();
    let seen = short.as_ref().map(|s| [&s.quota, &s.resource, &s.requested, &s.used, &s.hard].map(String::as_str));
    assert_eq!(seen, expect, "{quotas:?}");
}

fn of(hard: Value, used: Value) -> Value {
    json!({"metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}})
}

#[test]
fn every_way_to_name_a_resource_counts() {
    let hard = |resource: &str, bound: &str| of(json!({resource: bound}), json!({resource: "0"}));
    for (resource, enough, short, requested) in [
        ("cpu", "100m", "99m", "100m"),
        ("requests.cpu", "0.1", "0.099", "100m"),
        ("memory", "256Mi", "255Mi", "256Mi"),
        ("requests.memory", "268435456", "268435455", "256Mi"),
        ("limits.cpu", "1", "999m", "1"),
        ("limits.memory", "512Mi", "0.4Gi", "512Mi"),
        ("limits.ephemeral-storage", "1Gi", "1G", "1Gi"),
        // Requests are limits where only these are given.
        ("requests.ephemeral-storage", "1Gi", "1G", "1Gi"),
        ("ephemeral-storage", "1Gi", "1G", "1Gi"),
        ("pods", "1", "0", "1"),
        ("count/pods", "1", "0", "1"),
        ("count/jobs.batch", "1", "0", "1"),
    ] {
        check(&[hard(resource, enough)], &[], &plain(), None);
        check(&[hard(resource, short)], &[], &plain(), Some(["q", resource, requested, "0", short]));
    }
    for resource in ["requests.nvidia.com/gpu", "services", "count/secrets", "hugepages-2Mi"] {
        check(&[hard(resource, "0")], &[], &plain(), None);
    }
}

#[test]
fn what_is_used_and_what_is_in_flight_count_together() {
    let quota = of(json!({"limits.memory": "2Gi"}), json!({"limits.memory": "512Mi"}));
    let one = plain();
    check(std::slice::from_ref(&quota), &[&one, &one], &one, None);
    let expect = ["q", "limits.memory", "512Mi", "2Gi", "2Gi"];
    check(&[quota], &[&one, &one, &one], &one, Some(expect));
}

#[test]
fn a_quota_over_its_bound_refuses_only_who_asks_for_that() {
    let quota = of(json!({"requests.nvidia.com/gpu": "1"}), json!({"requests.nvidia.com/gpu": "3"}));
    check(std::slice::from_ref(&quota), &[], &plain(), None);
    let gpu = json!({"limits": {"nvidia.com/gpu": "1"}});
    let expect = ["q", "requests.nvidia.com/gpu", "1", "3", "1"];
    check(&[quota], &[], &job(json!({"containers": [{"name": "wharf", "resources": gpu}]})), Some(expect));
}

#[test]
fn a_quota_without_a_status_counts_by_its_spec() {
    let fresh = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}});
    check(std::slice::from_ref(&fresh), &[], &plain(), None);
    check(&[fresh], &[&plain()], &plain(), Some(["q", "pods", "1", "1", "1"]));
}

#[test]
fn init_containers_and_sidecars_count_as_they_run() {
    let container = |name: &str, memory: &str| json!({"name": name, "resources": {"limits": {"memory": memory}}});
    let sidecar = |name: &str, memory: &str| {
        let mut container = container(name, memory);
        container["restartPolicy"] = json!("Always");
        container
    };
    let memory = |inits: Value| {
        let ask = job(json!({"containers": [container("wharf", "100")], "initContainers": inits}));
        ask.pod["limits.memory"].to_string()
    };
    assert_eq!(memory(json!([])), "100");
    assert_eq!(memory(json!([container("a", "50"), container("b", "90")])), "100");
    assert_eq!(memory(json!([container("a", "150")])), "150");
    assert_eq!(memory(json!([sidecar("s", "30")])), "130");
    assert_eq!(memory(json!([sidecar("s", "30"), container("a", "110")])), "140");
    assert_eq!(memory(json!([container("a", "110"), sidecar("s", "30")])), "130");
}

#[test]
fn what_a_container_does_not_say_the_limit_range_says() {
    let sidecar = json!({"name": "proxy", "restartPolicy": "Always"});
    let whole = json!({"limits": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "1Gi"}});
    let ask = job(json!({"containers": [{"name": "wharf", "resources": whole}], "initContainers": [sidecar]}));
    for (resource, expect) in [
        ("requests.cpu", "2050m"),
        ("requests.memory", "1088Mi"),
        ("requests.ephemeral-storage", "1088Mi"),
        ("limits.cpu", "3"),
        ("limits.memory", "1280Mi"),
        ("limits.ephemeral-storage", "2Gi"),
    ] {
        assert_eq!(ask.pod[resource].to_string(), expect, "{resource}");
    }
}

#[test]
fn a_scope_decides_which_quotas_count() {
    let scoped = |key: &str, scope: Value| {
        let mut quota = of(json!({"pods": "0"}), json!({"pods": "0"}));
        quota["spec"][key] = scope;
        quota
    };
    let class = |operator: &str, values: Value| json!({"matchExpressions": [{"scopeName": "PriorityClass", "operator": operator, "values": values}]});
    let urgent =
        job(json!({"containers": [{"name": "wharf"}], "priorityClassName": "urgent", "activeDeadlineSeconds": 9}));
    for (quota, counts_plain, counts_urgent) in [
        (scoped("scopes", json!(["Terminating"])), false, true),
        (scoped("scopes", json!(["NotTerminating"])), true, false),
        (scoped("scopes", json!(["BestEffort"])), false, true),
        (scoped("scopes", json!(["NotBestEffort"])), true, false),
        (scoped("scopes", json!(["NotTerminating", "BestEffort"])), false, false),
        (scoped("scopes", json!(["PriorityClass"])), false, true),
        (scoped("scopes", json!(["CrossNamespacePodAffinity"])), false, false),
        (scoped("scopeSelector", class("In", json!(["urgent", "low"]))), false, true),
        (scoped("scopeSelector", class("NotIn", json!(["urgent"]))), true, false),
        (scoped("scopeSelector", class("Exists", json!(null))), false, true),
        (scoped("scopeSelector", class("DoesNotExist", json!(null))), true, false),
    ] {
        for (ask, counts) in [(plain(), counts_plain), (urgent.clone(), counts_urgent)] {
            check(std::slice::from_ref(&quota), &[], &ask, counts.then_some(["q", "pods", "1", "0", "0"]));
        }
    }
}

#[test]
fn a_scoped_quota_counts_no_jobs() {
    let mut quota = of(json!({"count/jobs.batch": "0"}), json!({}));
    check(std::slice::from_ref(&quota), &[], &plain(), Some(["q", "count/jobs.batch", "1", "0", "0"]));
    quota["spec"]["scopes"] = json!(["NotTerminating"]);
    check(&[quota], &[], &plain(), None);
}

#[test]
fn the_shortage_is_told_with_its_numbers() {
    let quota = quota(of(json!({"limits.memory": "1Gi"}), json!({"limits.memory": "768Mi"})));
    let told = admits([&quota], &[], &plain()).unwrap_err().to_string();
    assert_eq!(told, "waiting for quota q: limits.memory: 512Mi requested, 768Mi of 1Gi used");
}

/// Recorded beside a pod that the quota then refused.
#[test]
fn a_quota_of_a_cluster_is_read_as_the_cluster_reads_it() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kubernetes/quota/full.json"));
    let full: Value = serde_json::from_str(text).unwrap();
    let small =
        |memory: &str| job(json!({"containers": [{"name": "wharf", "resources": {"limits": {"memory": memory}}}]}));
    // Two Jobs are there already, one of them without a pod.
    check(std::slice::from_ref(&full), &[], &small("8Mi"), Some(["tenant", "count/jobs.batch", "1", "2", "2"]));
    let mut room = full;
    room["status"]["hard"]["count/jobs.batch"] = json!("3");
    check(std::slice::from_ref(&room), &[], &small("8Mi"), None);
    check(&[room], &[], &small("9Mi"), Some(["tenant", "limits.memory", "9Mi", "32Mi", "40Mi"]));
}

proptest! {
    /// Admitting one after the other never passes the bound, and stops no earlier than it must.
    #[test]
    fn a_quota_is_filled_and_never_passed(bound in 0_u64..40, used in 0_u64..40, each in 1_u64..9) {
        let ask = job(json!({"containers": [{"name": "wharf", "resources": {"limits": {"memory": format!("{each}Mi")}}}]}));
        let hard = json!({"limits.memory": format!("{bound}Mi")});
        let quota = quota(of(hard, json!({"limits.memory": format!("{used}Mi")})));
        let mut in_flight = Vec::new();
        while admits([&quota], &in_flight, &ask).is_ok() {
            in_flight.push(&ask);
            prop_assert!(used + each * in_flight.len() as u64 <= bound);
        }
        prop_assert!(used + each * (in_flight.len() as u64 + 1) > bound);
    }

    /// What the API server would say of a refusal is what looking first says.
    #[test]
    fn looking_first_and_being_refused_say_the_same(bound in 0_u64..40, used in 0_u64..40, each in 1_u64..9) {
        prop_assume!(used + each > bound);
        let ask = job(json!({"containers": [{"name": "wharf", "resources": {"limits": {"memory": format!("{each}Mi")}}}]}));
        let [bound, used, each] = [bound, used, each].map(|n| if n == 0 { "0".to_owned() } else { format!("{n}Mi") });
        let quota = quota(of(json!({"limits.memory": bound}), json!({"limits.memory": used})));
        let refused = format!("pods \"x\" is forbidden: exceeded quota: q, requested: limits.memory={each}, used: limits.memory={used}, limited: limits.memory={bound}");
        prop_assert_eq!(admits([&quota], &[], &ask).err(), shortage_in(&refused));
    }
}
