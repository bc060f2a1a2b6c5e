use super::merge;
use serde_json::{Value, json};

/// What Kubernetes v1.36.3 made of the same: see `tests/data/kubernetes.go`.
#[test]
fn merges_as_kubernetes_does() {
    let text = include_str!("../../tests/data/strategic-merge-v1.36.3.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(cases.len() >= 40);
    for case in &cases {
        let original = case.get("original").unwrap_or(&cases[0]["original"]);
        let merged = merge(original.clone(), &case["patch"]);
        match case.get("refused") {
            Some(_) => assert!(merged.is_err(), "{}: {merged:?}", case["case"]),
            None => assert_eq!(merged.as_ref(), Ok(&case["merged"]), "{}", case["case"]),
        }
    }
}

fn check(original: Value, patch: Value, expect: Value) {
    let (original, patch, expect) = (json!({"spec": original}), json!({"spec": patch}), json!({"spec": expect}));
    assert_eq!(merge(original, &patch), Ok(expect), "{patch}");
}

/// Where Kubernetes would leave what it then refuses, or forget what was said.
#[test]
fn differs_from_kubernetes_where_that_helps() {
    let volume = |source: Value| json!({"volumes": [source]});
    check(
        volume(json!({"name": "a", "emptyDir": {"sizeLimit": "1Gi"}})),
        volume(json!({"name": "a", "configMap": {"name": "c"}})),
        volume(json!({"name": "a", "configMap": {"name": "c"}})),
    );
    check(
        volume(json!({"name": "a", "emptyDir": {"sizeLimit": "1Gi"}})),
        volume(json!({"name": "a", "emptyDir": {"medium": "Memory"}})),
        volume(json!({"name": "a", "emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}})),
    );
    check(
        volume(json!({"name": "a", "emptyDir": {}})),
        volume(json!({"name": "a"})),
        volume(json!({"name": "a", "emptyDir": {}})),
    );
    let replaced = json!({"securityContext": {"$patch": "replace", "runAsUser": 7}});
    check(json!({}), replaced, json!({"securityContext": {"runAsUser": 7}}));
    check(
        json!({"volumes": [{"name": "b"}]}),
        volume(json!({"name": "a", "emptyDir": null})),
        json!({"volumes": [{"name": "a"}, {"name": "b"}]}),
    );
}

fn refused(patch: Value, pointer: &str, message: &str) {
    let fault = merge(json!({"spec": {"volumes": [{"name": "a"}]}}), &patch).unwrap_err();
    assert_eq!((fault.pointer.as_str(), fault.message.as_str()), (pointer, message));
}

#[test]
fn faults_have_their_place() {
    let order = "the directive `$setElementOrder/volumes` is not known here";
    refused(json!({"spec": {"$setElementOrder/volumes": []}}), "/spec/$setElementOrder~1volumes", order);
    let list = "the directive `$deleteFromPrimitiveList/args` is not known here";
    refused(
        json!({"spec": {"containers": [{"name": "a", "$deleteFromPrimitiveList/args": ["x"]}]}}),
        "/spec/containers/0/$deleteFromPrimitiveList~1args",
        list,
    );
    refused(
        json!({"spec": {"volumes": [{"name": "b"}, {"emptyDir": {}}]}}),
        "/spec/volumes/1",
        "an item of this list has a `name`",
    );
    refused(json!({"spec": {"volumes": ["a"]}}), "/spec/volumes/0", "an item of this list has a `name`");
    refused(json!({"spec": {"$patch": true}}), "/spec/$patch", "`$patch` can be `replace` or `delete`");
    let kept = "`$retainKeys` must list every field that stands beside it";
    refused(json!({"spec": {"volumes": [{"name": "a", "$retainKeys": []}]}}), "/spec/volumes/0/$retainKeys", kept);
}

#[test]
fn nothing_merges_into_anything() {
    for template in [json!({}), json!(null), json!({"spec": {"hostname": "a"}})] {
        assert_eq!(merge(template.clone(), &Value::Null), Ok(template));
    }
    assert_eq!(
        merge(Value::Null, &json!({"spec": {"hostname": "a", "hostIPC": null}})),
        Ok(json!({"spec": {"hostname": "a"}}))
    );
}

#[test]
fn templates_merge_in_their_order() {
    use crate::pod::template;
    let of = |name: &str, key: &str| json!({"spec": {"nodeSelector": {"by": name, key: "1"}, "tolerations": [{"key": name}]}});
    let (operator, tenant, task) =
        (of("operator", "a"), of("tenant", "b"), json!({"spec": {"nodeSelector": {"a": null}}}));
    assert_eq!(template(None, None, None), Ok(json!({})));
    assert_eq!(
        template(Some(&operator), Some(&tenant), Some(&task)),
        Ok(json!({"spec": {"nodeSelector": {"by": "tenant", "b": "1"}, "tolerations": [{"key": "tenant"}]}}))
    );
    assert_eq!(template(None, None, Some(&task)), Ok(json!({"spec": {"nodeSelector": {}}})));
}
