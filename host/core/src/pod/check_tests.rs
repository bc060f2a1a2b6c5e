use super::*;

/// What only wharf refuses: the rest is as Pod Security `restricted` has it.
const STRICTER: [&str; 9] = [
    "token mounted",
    "service links",
    "processes seen",
    "root writable",
    "token by a volume",
    "own image",
    "own args",
    "plain sidecar",
    "binding capability",
];

/// What the policy of Kubernetes v1.36.3 says of the same: see `tests/data/kubernetes.go`.
#[test]
fn refuses_what_pod_security_refuses() {
    let text = include_str!("../../tests/data/pod-security-v1.36.3.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(cases.len() >= 70);
    for case in &cases {
        let flaws = guest(None, None, &case["patch"]);
        let name = case["case"].as_str().unwrap();
        let admitted = case["admitted"] == true;
        assert_eq!(flaws.is_empty(), admitted && !STRICTER.contains(&name), "{name}: {flaws:?}");
    }
}
