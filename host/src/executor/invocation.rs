use super::Failure;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::{BTreeMap, HashMap};
use wharf_contract::{Artifact, AttemptContext, Cause, Component, FrameError, Limits, Mount, Payload, Secret, encode};
use wharf_core::action::{AttemptKey, Start};
use wharf_core::plan::{Flow, SecretRef, Task, Tenant};

/// Flow versions whose templates are kept.
const MAX_FLOWS: usize = 1024;

/// Turns starts into frames. What is the same for every attempt of a task is serialised once for each version of its flow.
#[derive(Debug, Default)]
pub(super) struct Invocations {
    by_flow: HashMap<String, Vec<Option<Template>>>,
}

/// The part of an invocation that all attempts of a task share.
#[derive(Debug)]
struct Template {
    component: Box<RawValue>,
    entry: Box<RawValue>,
    env: Option<Box<RawValue>>,
    mounts: Option<Box<RawValue>>,
    http: Option<Box<RawValue>>,
    limits: Box<RawValue>,
    timeout: Option<u64>,
}

/// Folders and files of one attempt, and what it may read.
#[derive(Debug)]
pub(super) struct Places<'a> {
    /// Its staging folder.
    pub(super) staging: &'a str,
    /// The artifacts of its tenant.
    pub(super) artifacts: &'a str,
    /// The file of its checkpoint.
    pub(super) state: &'a str,
    /// Artifacts that it may read.
    pub(super) readable: &'a [Artifact],
}

impl Invocations {
    /// Appends the frame that starts an attempt under the number `slot`.
    ///
    /// # Errors
    /// Why the attempt cannot be started; `out` is then as it was.
    pub(super) fn append(
        &mut self,
        slot: u32,
        start: &Start,
        tenant: &Tenant,
        places: &Places<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let task = task_of(&start.flow, start.attempt)?;
        let secret_env = secrets(tenant, &task.secret_env)?;
        let secrets = secrets(tenant, &task.secrets)?;
        let template = self.template(&start.flow, start.attempt.task, task)?;
        let raised = start.memory.map(|memory| raw(&limits(task, Some(memory)))).transpose()?;
        let frame = Frame::Start {
            slot,
            invocation: Invocation {
                id: Id {
                    run: start.attempt.run.0,
                    task: &task.name,
                    item: start.attempt.item,
                    attempt: start.attempt.attempt,
                },
                context: &start.context,
                component: &template.component,
                entry: &template.entry,
                input: &start.input,
                timeout: template.timeout,
                limits: raised.as_ref().unwrap_or(&template.limits),
                grants: Grants {
                    env: template.env.as_deref(),
                    secret_env,
                    secrets,
                    mounts: template.mounts.as_deref(),
                    http: template.http.as_deref(),
                    staging: places.staging,
                    artifacts: places.artifacts,
                    readable: places.readable,
                    state: places.state,
                },
            },
        };
        encode(&frame, out).map_err(|e| match e {
            FrameError::TooLarge(n) => {
                Failure::new(Cause::InvalidInput, format!("the input makes an invocation of {n} bytes: {e}"))
            }
            FrameError::Malformed(why) => internal(&why),
        })
    }

    fn template(&mut self, flow: &Flow, index: u16, task: &Task) -> Result<&Template, Failure> {
        if !self.by_flow.contains_key(&flow.digest) {
            if self.by_flow.len() >= MAX_FLOWS {
                self.by_flow.clear();
            }
            self.by_flow.insert(flow.digest.clone(), flow.tasks.iter().map(|_| None).collect());
        }
        let known = self.by_flow.get_mut(&flow.digest).and_then(|tasks| tasks.get_mut(usize::from(index)));
        let known = known.ok_or_else(|| internal("a flow changed under its digest"))?;
        if known.is_none() {
            *known = Some(Template::new(task)?);
        }
        known.as_ref().ok_or_else(|| internal("no template"))
    }
}

impl Template {
    fn new(task: &Task) -> Result<Template, Failure> {
        let component = Component { path: task.component.path.clone(), digest: task.component.digest.clone() };
        let mounts: Vec<Mount> = task.mounts.iter().map(Mount::from).collect();
        Ok(Template {
            component: raw(&component)?,
            entry: raw(&task.entry)?,
            env: (!task.env.is_empty()).then(|| raw(&task.env)).transpose()?,
            mounts: (!mounts.is_empty()).then(|| raw(&mounts)).transpose()?,
            http: (!task.http.is_empty()).then(|| raw(&task.http)).transpose()?,
            limits: raw(&limits(task, None))?,
            timeout: task.timeout_us.map(|us| us.div_ceil(1000)),
        })
    }
}

/// The task that a key names.
///
/// # Errors
/// The flow has no such task, which is a fault of wharf.
pub(super) fn task_of(flow: &Flow, attempt: AttemptKey) -> Result<&Task, Failure> {
    flow.tasks
        .get(usize::from(attempt.task))
        .ok_or_else(|| internal("an attempt of a task that its flow does not have"))
}

/// The walls of an attempt; `memory` where it is not the task's own.
pub(super) fn limits(task: &Task, memory: Option<u64>) -> Limits {
    let default = Limits::default();
    Limits {
        memory: memory.or(task.resources.limit_memory).unwrap_or(default.memory),
        disk: task.resources.limit_ephemeral_storage.unwrap_or(default.disk),
        ..default
    }
}

fn secrets<'a>(tenant: &Tenant, wanted: &'a BTreeMap<String, SecretRef>) -> Result<BTreeMap<&'a str, Secret>, Failure> {
    wanted
        .iter()
        .map(|(seen, secret)| Ok((seen.as_str(), crate::secrets::read(tenant, &secret.name)?)))
        .collect::<Result<_, String>>()
        .map_err(|why| Failure::new(Cause::NotGranted, why))
}

fn raw<T: Serialize>(value: &T) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value).map_err(|e| internal(&e.to_string()))
}

fn internal(why: &str) -> Failure {
    Failure::new(Cause::Internal, format!("an invocation cannot be made: {why}"))
}

// The contract's `ToRuntime::Start`, borrowed. A test holds the two equal.

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Frame<'a> {
    Start { slot: u32, invocation: Invocation<'a> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    id: Id<'a>,
    context: &'a AttemptContext,
    component: &'a RawValue,
    entry: &'a RawValue,
    input: &'a Payload,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    limits: &'a RawValue,
    grants: Grants<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Id<'a> {
    run: u64,
    task: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u32>,
    attempt: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Grants<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secret_env: BTreeMap<&'a str, Secret>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<&'a str, Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mounts: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<&'a RawValue>,
    staging: &'a str,
    artifacts: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    readable: &'a [Artifact],
    state: &'a str,
}

#[cfg(test)]
#[path = "invocation_tests.rs"]
pub(super) mod tests;
