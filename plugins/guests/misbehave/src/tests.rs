use super::*;
use wharf_task::testing::Host;

fn check(host: &Host, input: Value, expect: Result<Value, TaskError>) {
    let got = host.call(run, &input.to_string()).map(|text| serde_json::from_str::<Value>(&text).unwrap());
    assert_eq!(got, expect, "{input}");
}

#[test]
fn a_retry_finds_what_was_saved() {
    let host = Host::new();
    check(&host, json!({"mode": "retry-until", "attempts": 2}), Err(TaskError::retryable("attempt 1 of 2")));
    check(&host, json!({"mode": "retry-until", "attempts": 2}), Ok(json!(2)));
    check(&host, json!({"mode": "state-conflict"}), Ok(json!(2)));
}

#[test]
fn modes_do_what_they_say() {
    let host = Host::new().secret("token", "s3cret");
    check(&host, json!({"mode": "echo", "value": [1, {"a": null}]}), Ok(json!([1, {"a": null}])));
    check(&host, json!({"mode": "memory", "bytes": 3_000_000}), Ok(json!(3_000_000)));
    check(&host, json!({"mode": "secret", "name": "token"}), Ok(json!(6)));
    check(
        &host,
        json!({"mode": "fail", "error": "retryable", "message": "m", "after": 5}),
        Err(TaskError::retry_after("m", Duration::from_millis(5))),
    );
    check(&host, json!({"mode": "log-flood", "lines": 3, "bytes": 8}), Ok(Value::Null));
    assert_eq!(host.logs().len(), 3);
    check(&host, json!({"mode": "random", "bytes": 0}), Ok(json!(0)));
    check(&host, json!({"mode": "artifact", "name": "a", "bytes": 9, "unfinished": true}), Ok(Value::Null));
    assert_eq!(host.artifact("a"), None);
    let given = host.give("b", None, &[1, 2, 3]);
    check(&host, json!({"mode": "read-artifact", "artifact": given}), Ok(json!({"bytes": 3, "sum": 6})));
    host.cancel();
    check(&host, json!({"mode": "sleep-until-cancelled"}), Err(TaskError::cancelled("asked to stop")));
}

#[test]
fn files_are_filled_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let host = Host::new();
    check(&host, json!({"mode": "fill-disk", "path": path("a"), "bytes": 2_500_000}), Ok(json!(2_500_000)));
    for _ in 0..2 {
        check(&host, json!({"mode": "write-file", "path": path("b"), "text": "x", "append": true}), Ok(Value::Null));
    }
    check(&host, json!({"mode": "read-file", "path": path("b")}), Ok(json!("xx")));
    check(&host, json!({"mode": "list-folder", "path": path("")}), Ok(json!(["a", "b"])));
}

#[test]
fn an_unknown_mode_is_invalid_input() {
    let got = Host::new().call(run, r#"{"mode": "behave"}"#);
    assert!(matches!(&got, Err(TaskError::InvalidInput(m)) if m.contains("unknown variant `behave`")), "{got:?}");
}
