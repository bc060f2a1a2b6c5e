use super::*;
use serde_json::json;
use wharf_contract::{Artifact, PartitionContext};

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn payload(value: &Value) -> Payload {
    Payload::Json(raw(value))
}

fn artifact() -> Payload {
    Payload::Artifact(Artifact { digest: "sha256:00".into(), size: 9000, name: "out".into(), media_type: None })
}

fn scope() -> Scope {
    let params = json!({"mode": "full", "n": 3, "deep": {"list": [1, {"x": "y"}]}, "none": null, "quote": "a\"b"});
    let run = RunScope { id: 7, scheduled_time: Some("2012-01-05T00:00:00Z".into()), trigger: "schedule" };
    let partition =
        PartitionContext { key: "2012-01-04".into(), start: Some("2012-01-04T00:00:00Z".into()), end: None };
    let tasks = vec![
        TaskScope::new("extract", "succeeded", TaskOutput::One(payload(&json!({"rows": [1, 2], "big": 1e30})))),
        TaskScope::new("my-task", "succeeded", TaskOutput::One(payload(&json!("hi")))),
        TaskScope::new("fan", "succeeded", TaskOutput::Items(vec![Some(payload(&json!(1))), None])),
        TaskScope::new(
            "days",
            "succeeded",
            TaskOutput::Partitions(vec![
                ("2012-01-01".into(), Some(payload(&json!({"t": 5})))),
                ("2012-01-02".into(), None),
            ]),
        ),
        TaskScope::new("broken", "failed", TaskOutput::None),
        TaskScope::new("large", "succeeded", TaskOutput::One(artifact())),
    ];
    Scope::new(params.as_object().unwrap(), run, Some(partition), tasks)
        .with_item(4, raw(&json!({"name": "x", "k": [0]})))
}

fn check(template: Value, expect: Value) {
    assert_eq!(eval(&template, &scope()), Ok(expect), "{template}");
}

fn check_error(template: Value, expect: &str) {
    let shown = match eval(&template, &scope()) {
        Ok(value) => format!("gave {}", shown(&value.to_string())),
        Err(e) => e.to_string(),
    };
    assert_eq!(shown, expect, "{template}");
}

#[test]
fn keeps_types_where_a_string_is_one_expression() {
    check(json!("{{ params.n }}"), json!(3));
    check(json!(" {{ params.deep }}\n"), json!({"list": [1, {"x": "y"}]}));
    check(json!("{{ params.none }}"), json!(null));
    check(json!("{{ params.n > 2 }}"), json!(true));
    check(json!("{{ 1 / 2 }}"), json!(0.5));
    check(json!("{{ {'a': [params.n, index]} }}"), json!({"a": [3, 4]}));
    check(json!("{{ tasks.extract.output }}"), json!({"rows": [1, 2], "big": 1e30}));
    check(json!("{{ tasks.fan.outputs }}"), json!([1, null]));
    check(
        json!("{{ tasks.days.outputs }}"),
        json!([{"partition": "2012-01-01", "output": {"t": 5}}, {"partition": "2012-01-02", "output": null}]),
    );
    check(json!("{{ tasks.days.outputs[0].output.t }}"), json!(5));
    check(json!("{{ range(3) | list }}"), json!([0, 1, 2]));
    check(json!("{{ range(3) }}"), json!([0, 1, 2]));
    check(json!("{{ params.deep.list | map(attribute='x') | list | length if false else 1 }}"), json!(1));
}

#[test]
fn writes_text_around_expressions() {
    check(json!("day {{ partition.key }} of {{ params.mode }}"), json!("day 2012-01-04 of full"));
    check(json!("{{ params.quote }}{{ params.quote }}"), json!("a\"ba\"b"));
    check(
        json!("n={{ params.n }} l={{ params.deep.list }} z={{ params.none }}"),
        json!("n=3 l=[1,{\"x\":\"y\"}] z=null"),
    );
    check(
        json!("{{ run.id }}/{{ index }}/{{ run.trigger }}: {{ item }}"),
        json!("7/4/schedule: {\"k\":[0],\"name\":\"x\"}"),
    );
    check(json!("t {{ tasks.my-task.output }} {{ '{{' }}"), json!("t hi {{"));
    check(
        json!({"a/b": ["x", 1, {"c": "{{ item.name }}!"}], "{{ k }}": true}),
        json!({"a/b": ["x", 1, {"c": "x!"}], "{{ k }}": true}),
    );
}

#[test]
fn reads_names_with_hyphens() {
    check(json!("{{ tasks.my-task.output }}"), json!("hi"));
    check(json!("{{ tasks['my-task'].output ~ '-' }}"), json!("hi-"));
    check(json!("{{ tasks.my-task.state }}"), json!("succeeded"));
    check(json!("{{ tasks.broken.state }}"), json!("failed"));
}

#[test]
fn says_what_is_not_defined() {
    check_error(
        json!({"a": ["{{ params.nope }}"]}),
        "/a/0: `params.nope` is not defined (`params` has `deep`, `mode`, `n`, `none`, `quote`)",
    );
    check_error(json!("{{ partition.end }}"), "`partition.end` is not defined (`partition` has `key`, `start`, `end`)");
    check_error(json!("{{ [params.deep.list[7]] }}"), "a value in the result is not defined");
    check_error(
        json!("{{ tasks.broken.output }}"),
        "`tasks.broken.output` is not defined: the task is failed (`tasks.broken.state` says how it ended)",
    );
    check_error(
        json!("{{ tasks.broken.output.x ~ 'a' }}"),
        "`tasks.broken.output` is not defined: the task is failed (`tasks.broken.state` says how it ended)",
    );
    check_error(json!("{{ tasks.fan.output }}"), "`tasks.fan` has `outputs`, a list, and no `output`");
    check_error(json!("{{ tasks.gone.output }}"), "`tasks.gone` is not defined");
    check_error(
        json!("x{{ unknown }}"),
        "`unknown` is not defined (where it may be absent, write `NAME | default(VALUE)`)",
    );
    check(json!("{{ params.nope | default(5) }}"), json!(5));
    check(json!("{{ tasks.broken.output is defined }}"), json!(false));
}

#[test]
fn passes_an_artifact_whole_or_not_at_all() {
    let template = Template::compile(&json!("{{ tasks.large.output }}")).unwrap();
    assert_eq!(template.eval(&scope()), Ok(artifact()));
    check_error(
        json!({"a": "{{ tasks.large.output }}"}),
        "/a: an output of `large` is kept as an artifact (9000 bytes), which an expression cannot look into (pass it whole, as `input: \"{{ tasks.large.output }}\"`)",
    );
    check_error(
        json!("{{ tasks.large.output.x }}"),
        "`tasks.large.output.x`: an output of `large` is kept as an artifact (9000 bytes), which an expression cannot look into (pass it whole, as `input: \"{{ tasks.large.output }}\"`)",
    );
}

#[test]
fn conditions_are_true_or_false() {
    for (text, expect) in [
        ("params.n == 3", "Ok(true)"),
        ("{{ params.mode == 'none' }}", "Ok(false)"),
        ("params.mode", "`params.mode` is a string, and a condition is true or false"),
        ("tasks.extract.output.rows", "`tasks.extract.output.rows` is a list, and a condition is true or false"),
        ("a {{ b }}", "a condition is one expression, not text with expressions in it"),
        (" ", "the condition is empty"),
    ] {
        let shown = match condition(text, &scope()) {
            Err(e) => e.message,
            ok => format!("{ok:?}").replace("Ok(true)", "Ok(true)"),
        };
        assert_eq!(shown, expect, "{text}");
    }
}

#[test]
fn a_template_cannot_run_away() {
    check_error(
        json!(
            "{{ range(100000) | map('string') | join('x') | list | join('yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') * 99 }}"
        ),
        "`range(100000) | map('string') | join('x') | list | join('yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') * 99` does too much work (let a task do it instead)",
    );
    check_error(
        json!("{{ 'x' * 20000000 }}"),
        "the result is larger than 12 MiB (pass large data as artifacts, and a reference to them here)",
    );
    check_error(json!("{{ 'x' * 900000000 }}"), "`'x' * 900000000` does too much work (let a task do it instead)");
    let nested = format!("{{{{ {}1{} }}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(Template::compile(&json!(nested)).is_err());
    let long = format!("{{{{ '{}' }}}}", "x".repeat(20_000));
    assert!(Template::compile(&json!(long)).unwrap_err().message.contains("longer than"));
    for (part, most) in
        [("+1", 249), ("not ", 499), ("~'x'", 249), ("|string", 160), ("[", 249), ("-", 499), (".a", 249)]
    {
        let text = |n: usize| match part {
            "not " | "-" => format!("{{{{ {}1 }}}}", part.repeat(n)),
            "[" => format!("{{{{ {}1{} }}}}", "[".repeat(n), "]".repeat(n)),
            ".a" => format!("{{{{ params{} }}}}", part.repeat(n)),
            _ => format!("{{{{ 1{} }}}}", part.repeat(n)),
        };
        assert!(Template::compile(&json!(text(2_300))).unwrap_err().message.contains("more than"), "{part}");
        let _ = eval(&json!(text(most)), &scope());
    }
}

#[test]
fn faults_of_syntax_have_a_place() {
    let check = |text: &str, expect: &str| {
        let e = Template::compile(&json!(text)).unwrap_err();
        let span = e.span.clone().unwrap();
        assert_eq!(format!("{} <{}>", e.message, &text[span]), expect);
    };
    check(
        "a {{ params.x + }}",
        "the expression has a fault of syntax: unexpected end of input, expected expression <+>",
    );
    check("{{ 1 1 }}", "the expression has a fault of syntax: unexpected input after expression <1>");
    check("{% set x = 1 %}", "a statement `{% ... %}` stands where only expressions can <{%>");
}

#[test]
fn expands_lists() {
    let list = |t: Value| Template::compile(&t).unwrap().eval_list(&scope()).map(|l| l.len());
    assert_eq!(list(json!("{{ range(100000) }}")), Ok(100_000));
    assert_eq!(list(json!([1, "{{ params.n }}"])), Ok(2));
    assert_eq!(
        list(json!("{{ params.n }}")).unwrap_err().message,
        "the items of a fan-out are a list, and this is `3`"
    );
}

#[test]
fn knows_the_whole() {
    let whole = |t: Value| Template::compile(&t).unwrap().whole();
    assert_eq!(whole(json!({"a": 1})), Whole::Constant);
    assert_eq!(whole(json!("{{ tasks.a-b.output }}")), Whole::Output("a-b".into()));
    assert_eq!(whole(json!("{{ tasks['a-b'].outputs }}")), Whole::Outputs("a-b".into()));
    assert_eq!(whole(json!("{{ item }}")), Whole::Item);
    assert_eq!(whole(json!("{{ params }}")), Whole::Params);
    assert_eq!(whole(json!("{{ item }}x")), Whole::Text);
    assert_eq!(whole(json!("{{ partition.key }}")), Whole::Text);
    assert_eq!(whole(json!("{{ item.x }}")), Whole::Other);
    assert_eq!(whole(json!(["{{ item }}"])), Whole::Other);
}

#[test]
fn checks_without_running() {
    let known = Known {
        params: Some(["mode".to_owned()].into()),
        partition: false,
        item: false,
        tasks: [("extract".to_owned(), Outputs::One), ("fan-out".to_owned(), Outputs::Many)].into(),
        others: ["later".to_owned()].into(),
    };
    let check = |text: &str, expect: &str| {
        let faults = Template::compile(&json!({"x": text})).unwrap().check(&known);
        let shown: Vec<_> = faults
            .iter()
            .map(|e| {
                format!("{} [{}] ({})", e.message, &text[e.span.clone().unwrap()], e.hint.as_deref().unwrap_or(""))
            })
            .collect();
        assert_eq!(shown.join("; "), expect, "{text}");
    };
    check("{{ params.mode }} {{ tasks.extract.output.x }} {{ tasks.fan-out.outputs | length }} {{ run.id }}", "");
    check("{{ params.made }}", "the flow has no parameter `made` [params.made] (did you mean `params.mode`?)");
    check(
        "{{ item.x }}",
        "`item` stands outside of a fan-out [item.x] (it is defined in `input` of a task with `forEach`)",
    );
    check(
        "{{ partition.key }}",
        "`partition` stands in a flow without partitions [partition.key] (declare `spec.partitions`)",
    );
    check("{{ run.time }}", "`run` has no `time`: it has `id`, `scheduledTime`, `trigger` [run.time] ()");
    check(
        "{{ tasks.later.output }}",
        "`tasks.later` is used, but the task is no need of this one [tasks.later.output] (add `later` to `needs`)",
    );
    check(
        "{{ tasks.extrac.output }}",
        "the flow has no task `extrac` [tasks.extrac.output] (did you mean `tasks.extract`?)",
    );
    check(
        "{{ tasks.fan-out.output }}",
        "`tasks.fan-out` has a list of outputs, and no `output` [tasks.fan-out.output] (write `tasks.fan-out.outputs`)",
    );
    check(
        "{{ tasks.extract.rows }}",
        "`tasks.extract` has no `rows` [tasks.extract.rows] (write `tasks.extract.output` or `.state`)",
    );
    check("{{ parms.x }}", "there is no variable `parms` [parms.x] (did you mean `params`?)");
    check("{{ params.mode | uper }}", "there is no filter `uper` [uper] ()");
    check("{{ params.mode is strange }}", "there is no test `strange` [strange] ()");
    check("{{ now() }}", "there is no function `now` [now] ()");
}
