use super::*;
use crate::plan::{Component, Retry, RunIf};
use wharf_contract::Entry;

const MI: u64 = 1 << 20;

pub(in crate::pod) fn task(size: u64, resources: Resources) -> Task {
    Task {
        name: "t".into(),
        component: Component { path: "/t.wasm".into(), digest: "sha256:00".into(), size },
        entry: Entry::Task,
        needs: Vec::new(),
        dependents: Vec::new(),
        input: Value::Null,
        for_each: None,
        when: None,
        run_if: RunIf::AllSucceeded,
        retry: Retry::default(),
        timeout_us: None,
        start_deadline_us: None,
        resources,
        env: Default::default(),
        secret_env: Default::default(),
        secrets: Default::default(),
        mounts: Vec::new(),
        http: Vec::new(),
        pool: None,
        slots: 1,
        priority: 0,
        partition: None,
        pod_template: None,
    }
}

/// `requests memory/cpu/storage, limits memory/cpu/storage, scratch`
fn check(size: u64, resources: Resources, memory: Option<u64>, expect: &str) {
    let pod = pod_resources(&task(size, resources), memory);
    let cpu = pod.limit_cpu.map_or_else(|| "-".to_owned(), |c| c.to_string());
    let shown = format!(
        "{}/{}/{} {}/{cpu}/{} {}",
        pod.request_memory, pod.request_cpu, pod.request_storage, pod.limit_memory, pod.limit_storage, pod.scratch
    );
    assert_eq!(shown, expect);
    assert_eq!(pod.limit_memory, pod.guest_memory + pod.overhead_memory);
}

#[test]
fn limits_are_the_guests_and_the_overhead() {
    let none = Resources::default();
    check(0, none, None, "321Mi/100m/50Mi 321Mi/-/1074Mi 1042Mi");
    check(200 << 10, none, None, "322Mi/100m/50Mi 322Mi/-/1074Mi 1042Mi");
    check(20 * MI, none, None, "441Mi/100m/110Mi 441Mi/-/1134Mi 1102Mi");
    check(0, none, Some(512 * MI), "577Mi/100m/50Mi 577Mi/-/1074Mi 1042Mi");
    let all = Resources {
        request_memory: Some(64 * MI),
        limit_memory: Some(512 * MI),
        request_cpu: Some(250),
        limit_cpu: Some(1500),
        limit_ephemeral_storage: Some(2 << 30),
    };
    check(0, all, None, "129Mi/250m/50Mi 577Mi/1500m/2098Mi 2066Mi");
    check(0, all, Some(1 << 30), "129Mi/250m/50Mi 1089Mi/1500m/2098Mi 2066Mi");
    check(0, Resources { limit_cpu: Some(50), ..none }, None, "321Mi/50m/50Mi 321Mi/50m/1074Mi 1042Mi");
    check(0, Resources { request_cpu: Some(2000), ..none }, None, "321Mi/2/50Mi 321Mi/-/1074Mi 1042Mi");
    let least = pod_resources(&task(u64::MAX, Resources { limit_memory: Some(u64::MAX), ..none }), None);
    assert!(least.limit_memory.0 > i64::MAX as u64, "it saturates");
}

#[test]
fn inputs_are_given_room_in_the_scratch_folder_alone() {
    let plain = pod_resources(&task(0, Resources::default()), None);
    let check = |bytes, more: u64| {
        let pod = plain.clone().with_inputs(bytes);
        let more = Bytes(more * MI);
        assert_eq!(pod.scratch, plain.scratch + more);
        assert_eq!(pod.limit_storage, plain.limit_storage + more);
        assert_eq!(pod.request_storage, plain.request_storage + more);
        assert_eq!((pod.limit_memory, pod.request_memory), (plain.limit_memory, plain.request_memory));
    };
    check(0, 0);
    check(1, 1);
    check(300 * MI, 300);
}

#[test]
fn a_container_has_them_as_quantities() {
    let pod = pod_resources(&task(0, Resources { limit_cpu: Some(1000), ..Resources::default() }), None);
    assert_eq!(
        pod.to_json(),
        json!({
            "requests": {"memory": "321Mi", "cpu": "100m", "ephemeral-storage": "50Mi"},
            "limits": {"memory": "321Mi", "cpu": "1", "ephemeral-storage": "1074Mi"},
        })
    );
}

#[test]
fn a_pod_that_compiles_has_its_own() {
    let resources = Resources { request_memory: Some(512 * MI), limit_memory: Some(2 << 30), ..Resources::default() };
    let pod = compile_resources(&resources);
    assert_eq!((pod.guest_memory, pod.limit_memory), (Bytes(2 << 30), Bytes(2112 * MI)));
    assert_eq!((pod.request_memory, pod.request_cpu, pod.limit_cpu), (Bytes(576 * MI), REQUEST_CPU, None));
    assert_eq!(pod.scratch, Bytes(1040 * MI));
}
