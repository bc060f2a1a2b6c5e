use super::{catalog, golden};
use serde_json::json;
use wharf_contract::{Cause, Entry};
use wharf_core::config::{json_schema, reference, render};
use wharf_core::partition::Granularity;
use wharf_core::plan::{Components, Executor, Flow, Plan, PullPolicy};

fn plan(text: &str) -> Plan {
    let resolved = catalog::read("test.yaml", text);
    resolved.plan.unwrap_or_else(|| panic!("{}", render(&resolved.faults, false)))
}

fn flow(text: &str) -> Flow {
    let plan = plan(text);
    assert_eq!(plan.flows.len(), 1);
    plan.flows.values().next().expect("a flow").as_ref().clone()
}

const WEATHER: &str = r#"
apiVersion: wharf.dev/v1
kind: Flow
metadata: {name: weather}
spec:
  schedule: "@daily"
  timeZone: America/Los_Angeles
  partitions: {daily: {start: "2012-01-01", end: "2015-12-31"}}
  tasks:
    - {name: report, component: {path: list.wasm}, needs: [clean], partition: monthly, input: "{{ tasks.clean.outputs }}"}
    - {name: extract, component: {path: ../extract.wasm}, input: {path: /data/x.csv, date: "{{ partition.key }}"}}
    - {name: clean, needs: [extract], component: {path: clean.wasm}, input: {row: "{{ tasks.extract.output }}"}}
"#;

#[test]
fn tasks_are_ordered_by_need() {
    let flow = flow(WEATHER);
    let names: Vec<_> = flow.tasks.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["extract", "clean", "report"]);
    assert_eq!(flow.tasks[1].needs, [0]);
    assert_eq!(flow.tasks[1].dependents, [2]);
    assert_eq!(flow.tasks[2].partition, Some(Granularity::Monthly));
    assert_eq!(flow.tasks[0].component.path.to_str(), Some("/etc/extract.wasm"));
    assert_eq!(flow.name.to_string(), "default/weather");
    assert_eq!(flow.tasks[0].input, json!({"path": "/data/x.csv", "date": "{{ partition.key }}"}));
}

#[test]
fn the_digest_follows_the_content() {
    let digest = flow(WEATHER).digest;
    assert_eq!(digest.len(), 32);
    assert_eq!(flow(&format!("# a comment\n{WEATHER}")).digest, digest);
    assert_ne!(flow(&WEATHER.replace("@daily", "@hourly")).digest, digest);
    assert_ne!(flow(&WEATHER.replace("x.csv", "y.csv")).digest, digest);
}

/// Together they have every field of the config.
const FULL: [&str; 3] = ["full", "kubernetes", "kubernetes-stores"];

fn full(name: &str) -> String {
    std::fs::read_to_string(golden::path(&format!("tests/config/{name}.yaml"))).expect("the file is there")
}

/// Every field of the config, and the plan that it gives.
#[test]
fn every_field_is_in_the_plan() {
    for name in FULL {
        let resolved = catalog::read(&format!("{name}.yaml"), full(name));
        assert_eq!(render(&resolved.faults, false), "");
        let plan = resolved.plan.unwrap();
        let shown = serde_json::to_string_pretty(&plan).unwrap() + "\n";
        golden::check(&format!("tests/config/{name}.json"), &shown);
        assert_eq!(serde_json::from_str::<Plan>(&shown).unwrap(), plan);
    }
}

/// Also that the files have each field there is, so that the test above cannot lag behind.
#[test]
fn the_full_files_have_every_field() {
    let text: String = FULL.map(full).into_iter().chain(WAYS.map(str::to_owned)).collect();
    let schema = json_schema();
    for (name, definition) in schema["definitions"].as_object().unwrap() {
        for field in definition["properties"].as_object().unwrap().keys() {
            assert!(text.contains(&format!("{field}:")), "{name}.{field}");
        }
    }
}

/// How components can reach a cluster.
const WAYS: [&str; 4] = [
    "{store: {}}",
    "{registry: {repository: r.example.org:5000/c}}",
    "{image: {repository: r.example.org/c, pullPolicy: Never}}",
    "{volume: {claimName: components, subPath: a/b}}",
];

#[test]
fn components_come_in_one_of_four_ways() {
    let expect = [
        Components::Store,
        Components::Registry { repository: "r.example.org:5000/c".into(), insecure: false, credentials: None },
        Components::Image { repository: "r.example.org/c".into(), pull_policy: PullPolicy::Never },
        Components::Volume { claim_name: "components".into(), sub_path: "a/b".into() },
    ];
    for (way, expect) in WAYS.into_iter().zip(expect) {
        let text = full("kubernetes-stores").replace("{store: {}}", way);
        let Executor::Kubernetes(kubernetes) = plan(&text).coordinator.executor else { panic!("{way}") };
        assert_eq!(kubernetes.components, expect);
    }
}

#[test]
fn the_executor_is_one_word() {
    // But for secrets: a pod and this machine read them in different places.
    let text = full("kubernetes").replace("secrets: [{name: token}]", "secrets: []");
    let (jobs, local) = (plan(&text), plan(&text.replace("executor: kubernetes", "executor: local")));
    assert_eq!(local.coordinator.executor, Executor::Local);
    assert_eq!((local.flows, local.tenants), (jobs.flows, jobs.tenants));
}

#[test]
fn a_tenant_gives_defaults() {
    let plan = plan(
        r#"
apiVersion: wharf.dev/v1
kind: Tenant
metadata: {name: acme}
spec:
  limits: {memory: 128Mi}
  defaults:
    timeout: 5m
    retry: {attempts: 4, backoff: {max: 10m}}
    resources: {limits: {cpu: 2}}
    env: [{name: MODE, value: slow}, {name: REGION, value: eu}]
---
apiVersion: wharf.dev/v1
kind: Flow
metadata: {name: f, namespace: acme}
spec:
  tasks:
    - {name: a, component: {path: any.wasm}}
    - name: b
      component: {path: program.wasm}
      input: {x: 1}
      timeout: 10s
      retry: {attempts: 1, backoff: {min: 2s}}
      resources: {limits: {memory: 64Mi}}
      env: [{name: MODE, value: fast}]
"#,
    );
    let flow = plan.flows.values().next().unwrap();
    let [a, b] = &flow.tasks[..] else { panic!() };
    assert_eq!((a.timeout_us, b.timeout_us), (Some(300_000_000), Some(10_000_000)));
    assert_eq!((a.retry.attempts, b.retry.attempts), (4, 1));
    assert_eq!((b.retry.backoff_min_us, b.retry.backoff_max_us), (2_000_000, 600_000_000));
    assert_eq!((a.resources.limit_memory, b.resources.limit_memory), (Some(128 << 20), Some(64 << 20)));
    assert_eq!((a.resources.limit_cpu, b.resources.limit_cpu), (Some(2000), Some(2000)));
    assert_eq!((a.env["MODE"].as_str(), a.env["REGION"].as_str()), ("slow", "eu"));
    assert_eq!((b.env["MODE"].as_str(), b.env["REGION"].as_str()), ("fast", "eu"));
    assert_eq!((&a.entry, &b.entry), (&Entry::Task, &Entry::Command { args: vec![], stdin: true }));
    assert_eq!(plan.tenants["acme"].max_memory, Some(128 << 20));
}

#[test]
fn good_flows_have_no_fault() {
    for tasks in [
        "{name: a, component: {path: list.wasm}}, {name: b, needs: [a], component: {path: clean.wasm}, forEach: {items: \"{{ tasks.a.output }}\"}, input: {row: \"{{ item }}\"}}",
        "{name: a, component: {path: any.wasm}, forEach: {items: [1, 2]}, input: {n: \"{{ item }}\", i: \"{{ index }}\"}}, {name: b, needs: [a], component: {path: any.wasm}, input: \"{{ tasks.a.outputs }}\"}",
        "{name: a, component: {path: any.wasm}}, {name: b, needs: [a], component: {path: any.wasm}}, {name: c, needs: [b], component: {path: any.wasm}, when: \"tasks.a.output.x > 1\"}",
        "{name: count-it, component: {path: count.wasm}, input: {row: 1, mode: full}}, {name: b, needs: [count-it], component: {path: count.wasm}, input: {row: \"{{ tasks.count-it.output }}\"}}",
    ] {
        flow(&format!("apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: f}}\nspec: {{tasks: [{tasks}]}}"));
    }
}

#[test]
fn an_empty_config_is_an_empty_plan() {
    assert_eq!(plan(""), Plan::default());
    assert_eq!(plan("---\n# nothing\n---\n"), Plan::default());
}

/// Of those that only a cluster knows as well.
#[test]
fn causes_that_may_change_can_be_tried_again() {
    for cause in Cause::ALL.into_iter().filter(|c| c.may_change()) {
        let task = format!("{{name: a, component: {{path: any.wasm}}, retry: {{on: [{cause}]}}}}");
        let flow =
            flow(&format!("apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: f}}\nspec: {{tasks: [{task}]}}"));
        assert_eq!(flow.tasks[0].retry.on, Some(vec![cause]));
    }
}

#[test]
fn the_schema_for_editors_is_current() {
    let schema = json_schema();
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    golden::check("../../deploy/schema/wharf.schema.json", &text);
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&json!({"apiVersion": "wharf.dev/v1", "kind": "Tenant", "metadata": {"name": "a"}})));
    assert!(!validator.is_valid(&json!({"apiVersion": "wharf.dev/v1", "kind": "Tenant", "metadata": {"nam": "a"}})));
    assert!(!validator.is_valid(&json!({"apiVersion": "wharf.dev/v1", "kind": "Flow", "metadata": {"name": "a"}})));
}

/// What the reference shows of a cluster is a config.
#[test]
fn the_example_of_a_cluster_is_good() {
    let text = std::fs::read_to_string(golden::path("../../deploy/CONFIG.md")).unwrap();
    let (_, section) = text.split_once("## In a cluster").unwrap();
    let (_, rest) = section.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let plan = plan(example);
    assert!(matches!(plan.coordinator.executor, Executor::Kubernetes(_)));
    assert!(plan.tenants.contains_key("acme"));
}

#[test]
fn the_reference_is_current() {
    const BEGIN: &str = "<!-- fields: written by the tests of wharf-core, UPDATE=1 -->\n";
    let file = golden::path("../../deploy/CONFIG.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let head = text.split(BEGIN).next().unwrap();
    golden::check("../../deploy/CONFIG.md", &format!("{head}{BEGIN}\n{}", reference()));
}
