use super::*;
use crate::plan::Resources;
use crate::pod::overhead::tests::task;
use serde_json::json;

/// `requests memory/cpu/storage, limits memory/cpu/storage`
fn check(init: Value, expect: &str) {
    let resources = Resources { limit_memory: Some(191 << 20), limit_cpu: Some(500), ..Resources::default() };
    let Need { requests, limits } = needs(&task(0, resources), None, &json!({"spec": {"initContainers": init}}));
    let shown = |a: Amounts| format!("{}/{}/{}", a.memory, a.cpu, a.storage);
    assert_eq!(format!("{} {}", shown(requests), shown(limits)), expect, "{init}");
}

#[test]
fn sidecars_add_up_and_init_containers_come_before() {
    check(json!([]), "256Mi/100m/50Mi 256Mi/500m/1074Mi");
    let sidecar =
        |memory: &str| json!({"name": "s", "restartPolicy": "Always", "resources": {"limits": {"memory": memory}}});
    check(json!([sidecar("64Mi")]), "320Mi/150m/114Mi 320Mi/1500m/2098Mi");
    check(json!([sidecar("64Mi"), sidecar("1Gi")]), "1344Mi/200m/178Mi 1344Mi/2500m/3122Mi");
    let before = |memory: &str, cpu: f64| json!({"name": "i", "resources": {"requests": {"memory": memory, "cpu": cpu}, "limits": {"memory": "2Gi", "cpu": cpu, "ephemeral-storage": 1}}});
    check(json!([before("1Gi", 0.25)]), "1Gi/250m/50Mi 2Gi/500m/1074Mi");
    check(json!([sidecar("64Mi"), before("1Gi", 0.25)]), "1088Mi/300m/114Mi 2112Mi/1500m/2098Mi");
    check(json!([before("1Gi", 0.25), sidecar("64Mi")]), "1Gi/250m/114Mi 2Gi/1500m/2098Mi");
}
