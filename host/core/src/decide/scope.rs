//! What a task's templates, and its attempts, know of their surroundings.

use super::templates::Compiled;
use super::upstream::{Question, partition_of};
use crate::event::Trigger;
use crate::plan::Task;
use crate::run::{Run, TaskState, position};
use crate::template::{RunScope, Scope, TaskOutput, TaskScope};
use wharf_contract::{AttemptContext, PartitionContext, Payload};

/// An answer of the store to a [`Question`]: one for each partition that was asked for.
pub(crate) type Answer = Vec<Option<Payload>>;

/// Everything but the item of a fan-out. Of `answers` there is one for each question.
pub(crate) fn surroundings(
    run: &Run,
    task: u16,
    compiled: &Compiled,
    questions: &[Question],
    answers: Vec<Answer>,
) -> (Scope, AttemptContext) {
    let flow = run.flow();
    let spec = &flow.tasks[usize::from(task)];
    let mut partial = false;
    let mut tasks = Vec::new();
    let mut read = vec![None; spec.needs.len()];
    for (question, answer) in questions.iter().zip(answers) {
        let (output, complete) = put_together(run, question, answer);
        partial |= !complete;
        if let Some(at) = spec.needs.iter().position(|need| position(*need) == question.need) {
            read[at] = Some(output);
        }
    }
    for (&need, read) in spec.needs.iter().zip(read) {
        let name = &flow.tasks[need].name;
        if compiled.refer_to(name) {
            let view = run.task(position(need));
            let state = view.map_or("succeeded", |v| v.state.as_str());
            let output = read.unwrap_or_else(|| own_output(run, position(need)));
            tasks.push(TaskScope::new(name.clone(), state, output));
        }
    }
    let partition = partition_context(run, spec);
    let scheduled_time = run.spec().scheduled_time.map(|t| t.to_string());
    let trigger = match run.spec().trigger {
        Trigger::Manual => "manual",
        Trigger::Schedule => "schedule",
        Trigger::Backfill(_) => "backfill",
    };
    let run_scope = RunScope { id: run.id().0, scheduled_time: scheduled_time.clone(), trigger };
    let scope = Scope::new(&run.spec().params, run_scope, partition.clone(), tasks);
    let context = AttemptContext {
        tenant: flow.name.tenant.clone(),
        flow: flow.name.flow.clone(),
        scheduled_time,
        partition,
        partial,
    };
    (scope, context)
}

fn partition_context(run: &Run, spec: &Task) -> Option<PartitionContext> {
    let partition = partition_of(run, spec)?;
    Some(PartitionContext {
        key: partition.key,
        start: partition.start.map(|t| t.to_string()),
        end: partition.end.map(|t| t.to_string()),
    })
}

/// What a need in the same run left behind.
fn own_output(run: &Run, need: u16) -> TaskOutput {
    let Some(view) = run.task(need) else { return TaskOutput::None };
    let payload = |item| run.output(need, item).map(|p| Payload::clone(p));
    match view.items {
        // Where some items failed, the others' outputs are there all the same.
        Some(items) => TaskOutput::Items((0..items).map(payload).collect()),
        None if view.state == TaskState::Succeeded => payload(0).map_or(TaskOutput::None, TaskOutput::One),
        None => TaskOutput::None,
    }
}

/// The outputs that a question is about, without those that are missing, and whether none is.
fn put_together(run: &Run, question: &Question, answer: Answer) -> (TaskOutput, bool) {
    let mut answer = answer.into_iter();
    let mut outputs = Vec::new();
    for (i, key) in question.partitions.iter().enumerate() {
        let output = if question.own == Some(i) {
            match own_output(run, question.need) {
                TaskOutput::One(payload) => Some(payload),
                _ => None,
            }
        } else {
            answer.next().flatten()
        };
        if let Some(output) = output {
            outputs.push((key.clone(), Some(output)));
        }
    }
    let complete = outputs.len() == question.partitions.len();
    if question.list {
        return (TaskOutput::Partitions(outputs), complete);
    }
    let single = outputs.pop().and_then(|(_, output)| output);
    (single.map_or(TaskOutput::None, TaskOutput::One), complete)
}
