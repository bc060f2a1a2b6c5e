use super::component::{Command, Component};
use super::env::Env;
use super::for_each::ForEach;
use super::grants::Http;
use super::mount::Mount;
use super::resources::Resources;
use super::retry::Retry;
use super::{
    component, duration, env, for_each, grants, mount, name, partitions, pod_template, resources, retry, secret,
};
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::source::At;
use crate::config::yaml::Node;
use crate::partition::Granularity;
use crate::plan::RunIf;
use std::collections::BTreeMap;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Task",
    doc: "A task of a flow.",
    one: false,
    fields: &[
        Field::required("name", name::KIND, "Name, unique in the flow."),
        Field::new("needs", Kind::List(&name::KIND), "Tasks that must be final first."),
        Field::required("component", Kind::Object(&component::SHAPE), "What runs, as `{path: task.wasm}`."),
        Field::new("command", Kind::Object(&component::COMMAND), "How a program (`wasi:cli/command`) is started."),
        Field::new(
            "input",
            Kind::Json,
            "The task's input: any value; strings may hold `{{ expressions }}`. Default null.",
        ),
        Field::new("forEach", Kind::Object(&for_each::SHAPE), "Run once for each item of a list."),
        Field::new(
            "when",
            Kind::Form("an expression"),
            "The task is skipped where this is false: `params.mode == \"full\"`.",
        ),
        Field::new(
            "runIf",
            Kind::Enum(&["all-succeeded", "all-done", "any-failed"]),
            "Which ends of its needs let it run; default `all-succeeded`.",
        ),
        Field::new("retry", Kind::Object(&retry::SHAPE), "What happens after a failed attempt."),
        Field::new("timeout", duration::KIND, "Longest run time of one attempt; default: no end."),
        Field::new("startDeadline", duration::KIND, "Longest time from ready to started; default: no end."),
        Field::new("resources", Kind::Object(&resources::SHAPE), "What an attempt may use."),
        Field::new("env", Kind::List(&Kind::Object(&env::SHAPE)), "Environment variables."),
        Field::new("secrets", Kind::List(&Kind::Object(&secret::TASK)), "Secrets for `wharf:task/secrets`."),
        Field::new("mounts", Kind::List(&Kind::Object(&mount::SHAPE)), "Volumes of the flow."),
        Field::new("grants", Kind::Object(&grants::SHAPE), "Doors, closed unless they are named here."),
        Field::new("pool", Kind::Form("a pool of the Coordinator"), "Pool whose slots it takes."),
        Field::new("slots", Kind::Int(1, 1_000_000), "Slots of the pool that one attempt takes; default 1."),
        Field::new("priority", Kind::Int(-1_000_000, 1_000_000), "Higher goes first, within the flow's; default 0."),
        Field::new("partition", partitions::GRANULARITY, "Coarser partition than the flow's; default: the flow's own."),
        Field::new("podTemplate", pod_template::KIND, "Merged into its pods last; in a cluster only."),
    ],
};

/// A task as the config says it.
#[derive(Debug)]
pub(in crate::config) struct Task {
    pub(in crate::config) at: At,
    pub(in crate::config) name: Text,
    pub(in crate::config) needs: Vec<Text>,
    pub(in crate::config) component: Option<Component>,
    pub(in crate::config) command: Option<Command>,
    pub(in crate::config) input: Option<Node>,
    pub(in crate::config) for_each: Option<ForEach>,
    pub(in crate::config) when: Option<Text>,
    pub(in crate::config) run_if: RunIf,
    pub(in crate::config) retry: Retry,
    pub(in crate::config) timeout_us: Option<u64>,
    pub(in crate::config) start_deadline_us: Option<u64>,
    pub(in crate::config) resources: Resources,
    pub(in crate::config) env: Env,
    pub(in crate::config) secrets: BTreeMap<String, Text>,
    pub(in crate::config) mounts: Vec<Mount>,
    pub(in crate::config) http: Vec<Http>,
    pub(in crate::config) pool: Option<Text>,
    pub(in crate::config) slots: u32,
    pub(in crate::config) priority: i32,
    pub(in crate::config) partition: Option<(Granularity, At)>,
    pub(in crate::config) pod_template: Option<Node>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Task> {
    let name = reader::text(node, "name").filter(|n| name::check(reader, n));
    let task = Task {
        at: name.as_ref().map_or(node.at, |n| n.at),
        name: name.clone().unwrap_or_else(|| Text { value: String::new(), at: node.at }),
        needs: reader::items(node, "needs")
            .filter_map(|n| Some(Text { value: n.text()?.to_owned(), at: n.at }))
            .collect(),
        component: component::read(reader, node),
        command: component::read_command(node),
        input: node.get("input").cloned(),
        for_each: for_each::read(reader, node),
        when: reader::text(node, "when"),
        run_if: match node.get("runIf").and_then(Node::text) {
            Some("all-done") => RunIf::AllDone,
            Some("any-failed") => RunIf::AnyFailed,
            _ => RunIf::AllSucceeded,
        },
        retry: retry::read(reader, node),
        timeout_us: duration::read(reader, node, "timeout"),
        start_deadline_us: duration::read(reader, node, "startDeadline"),
        resources: resources::read(reader, node),
        env: env::read(reader, node),
        secrets: secret::read_task(reader, node),
        mounts: mount::read(reader, node),
        http: grants::read(reader, node),
        pool: reader::text(node, "pool"),
        slots: reader::int(node, "slots").unwrap_or(1),
        priority: reader::int(node, "priority").unwrap_or(0),
        partition: node.get("partition").and_then(|n| Some((partitions::granularity(n.text()?)?, n.at))),
        pod_template: pod_template::read(reader, node),
    };
    name.map(|_| task)
}
