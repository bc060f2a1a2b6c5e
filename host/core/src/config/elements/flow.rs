use super::metadata::Metadata;
use super::schedule::Schedule;
use super::task::Task;
use super::volume::Volume;
use super::{metadata, name, params, partitions, schedule, task, volume};
use crate::config::fault::Code;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::partition::Partitions;
use crate::plan::Params;
use std::collections::BTreeMap;

/// Most tasks of a flow.
const MAX_TASKS: usize = 10_000;

const BACKFILL: Shape = Shape {
    name: "Backfill",
    doc: "How backfills of the flow run.",
    one: false,
    fields: &[Field::new("maxActive", Kind::Int(1, 100_000), "Runs of one backfill at one time; default 16.")],
};
pub(in crate::config) const SPEC: Shape = Shape {
    name: "FlowSpec",
    doc: "What a flow does, and when.",
    one: false,
    fields: &[
        Field::new(
            "schedule",
            Kind::Form("a cron expression"),
            "When the flow is due, as of a CronJob; default: only when asked for.",
        ),
        Field::new(
            "timeZone",
            Kind::Form("a zone of the IANA database"),
            "Zone of schedule and partitions; default `UTC`.",
        ),
        Field::new(
            "concurrencyPolicy",
            schedule::CONCURRENCY,
            "What a tick does while a scheduled run is active; default `Allow`.",
        ),
        Field::new(
            "startingDeadlineSeconds",
            Kind::Int(1, 31_536_000),
            "A tick that is later than this does not run; default: no end.",
        ),
        Field::new("suspend", Kind::Bool, "True: ticks are not run; default false."),
        Field::new(
            "missed",
            schedule::MISSED_KIND,
            "Which ticks are made up for after an absence: `skip`, `last` (the default) or `{all: {max: 10}}`.",
        ),
        Field::new(
            "successfulJobsHistoryLimit",
            Kind::Int(0, 1_000_000),
            "Succeeded runs that are kept; default 10000.",
        ),
        Field::new(
            "failedJobsHistoryLimit",
            Kind::Int(0, 1_000_000),
            "Failed and cancelled runs that are kept; default 10000.",
        ),
        Field::new("priority", Kind::Int(-1_000_000, 1_000_000), "Higher goes first; default 0."),
        Field::new("params", Kind::Object(&params::SHAPE), "What a run can be given."),
        Field::new("partitions", Kind::Object(&partitions::SHAPE), "How the flow's data is cut."),
        Field::new(
            "partitionOffset",
            Kind::Int(-10_000, 10_000),
            "Partitions by which a tick's partition is shifted; default 0, the last one that has ended.",
        ),
        Field::new("backfill", Kind::Object(&BACKFILL), "How backfills of the flow run."),
        Field::new("volumes", Kind::List(&Kind::Object(&volume::SHAPE)), "Folders that tasks can mount."),
        Field::required("tasks", Kind::List(&Kind::Object(&task::SHAPE)), "At least one task."),
    ],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Flow",
    doc: "Tasks that belong together, and when they run.",
    one: false,
    fields: &[
        Field::required("apiVersion", Kind::Enum(&["wharf.dev/v1"]), "`wharf.dev/v1`"),
        Field::required("kind", Kind::Enum(&["Flow"]), "`Flow`"),
        Field::required("metadata", metadata::KIND, "Name, and the tenant as `namespace`."),
        Field::required("spec", Kind::Object(&SPEC), "What the flow does, and when."),
    ],
};

/// A flow as the config says it.
#[derive(Debug)]
pub(in crate::config) struct Flow {
    pub(in crate::config) metadata: Metadata,
    pub(in crate::config) schedule: Schedule,
    pub(in crate::config) successful_limit: u32,
    pub(in crate::config) failed_limit: u32,
    pub(in crate::config) max_active: u32,
    pub(in crate::config) priority: i32,
    pub(in crate::config) params: Params,
    pub(in crate::config) partitions: Option<Partitions>,
    pub(in crate::config) partition_offset: i32,
    pub(in crate::config) volumes: BTreeMap<String, Volume>,
    pub(in crate::config) tasks: Vec<Task>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Flow> {
    let metadata = metadata::read(reader, node);
    let spec = node.get("spec")?;
    let schedule = schedule::read(reader, spec);
    let mut tasks: Vec<Task> = Vec::new();
    let list = spec.get("tasks");
    for node in reader::items(spec, "tasks").take(MAX_TASKS) {
        let Some(task) = task::read(reader, node) else { continue };
        if tasks.iter().any(|t| t.name.value == task.name.value) {
            reader.error(task.name.at, Code::DuplicateName, format!("two tasks have the name `{}`", task.name));
            continue;
        }
        if let Some(metadata) = &metadata {
            name::check_job(reader, &metadata.name.value, &task.name);
        }
        tasks.push(task);
    }
    if let Some(list) = list {
        match list.items().len() {
            0 if matches!(list.value, crate::config::yaml::Val::List(_)) => {
                reader.error(list.at, Code::InvalidValue, "a flow has at least one task");
            }
            n if n > MAX_TASKS => {
                let message = format!("{n} tasks are more than {MAX_TASKS}");
                reader.error_hint(
                    list.at,
                    Code::TooLarge,
                    message,
                    "let one task run for each item of a list: `forEach`",
                );
            }
            _ => {}
        }
    }
    let partitions = partitions::read(reader, spec, schedule.zone);
    if let (Some(offset), None) = (spec.get("partitionOffset"), spec.get("partitions")) {
        let message = "`partitionOffset` says nothing where there are no `partitions`";
        reader.error(offset.at, Code::Partition, message);
    }
    if let (Some(Partitions::Static(_)), Some(at)) = (&partitions, spec.get("schedule")) {
        let message = "a schedule does not tell which partition of a list a tick stands for";
        reader.error_hint(
            at.at,
            Code::Partition,
            message,
            "use partitions of time, or a fan-out (`forEach`) over the list",
        );
    }
    let flow = Flow {
        metadata: metadata
            .unwrap_or_else(|| Metadata { name: Text { value: String::new(), at: node.at }, namespace: None }),
        schedule,
        successful_limit: reader::int(spec, "successfulJobsHistoryLimit").unwrap_or(10_000),
        failed_limit: reader::int(spec, "failedJobsHistoryLimit").unwrap_or(10_000),
        max_active: spec.get("backfill").and_then(|b| reader::int(b, "maxActive")).unwrap_or(16),
        priority: reader::int(spec, "priority").unwrap_or(0),
        params: params::read(reader, spec),
        partitions,
        partition_offset: reader::int(spec, "partitionOffset").unwrap_or(0),
        volumes: volume::read(reader, spec),
        tasks,
    };
    (!flow.metadata.name.value.is_empty()).then_some(flow)
}
