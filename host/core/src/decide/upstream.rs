//! Which outputs of other partitions does a task need?

use crate::partition::{Granularity, Partition, PartitionError};
use crate::plan::{Flow, Task};
use crate::run::{Run, grain, own_grain};

/// Outputs of a need in partitions beyond the run's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Position of the need.
    pub(crate) need: u16,
    /// Keys of all its partitions that the task works on, in order.
    pub(crate) partitions: Vec<String>,
    /// Where in `partitions` the run's own one stands, whose output is the run's own.
    pub(crate) own: Option<usize>,
    /// Whether the task sees a list of partitions, or the output of a single coarser one.
    pub(crate) list: bool,
}

impl Question {
    /// The partitions that the store is asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        let others = self.partitions.iter().enumerate().filter(|(i, _)| Some(*i) != self.own);
        others.map(|(_, key)| key.clone()).collect()
    }
}

/// The partition that a task of a run works on: of a coarser task the one that contains the run's own.
pub(crate) fn partition_of(run: &Run, task: &Task) -> Option<Partition> {
    let own = run.spec().partition.as_ref()?;
    if run.spec().layer.is_none()
        && let (Some(coarse), Some(partitions)) = (task.partition, &run.flow().partitions)
        && coarse != own_grain(run.flow())
        && let Some(partition) = partitions.coarser(own, coarse)
    {
        return Some(partition);
    }
    Some(own.clone())
}

/// What is to be asked before the task can start.
pub(crate) fn questions(run: &Run, task: u16) -> Result<Vec<Question>, PartitionError> {
    let flow = run.flow();
    let spec = &flow.tasks[usize::from(task)];
    let Some(partition) = partition_of(run, spec) else { return Ok(Vec::new()) };
    let mine = grain(flow, spec);
    let mut questions = Vec::new();
    for &need in &spec.needs {
        let need_spec = &flow.tasks[need];
        let theirs = grain(flow, need_spec);
        let need = crate::run::position(need);
        if theirs < mine {
            let partitions = contained(flow, &partition, theirs)?;
            let own = run.task(need).and_then(|_| partition_of(run, need_spec));
            let own = own.and_then(|own| partitions.iter().position(|key| *key == own.key));
            questions.push(Question { need, partitions, own, list: true });
        } else if theirs > mine && run.task(need).is_none() {
            let coarse = flow.partitions.as_ref().and_then(|p| p.coarser(&partition, theirs));
            let partitions = coarse.into_iter().map(|p| p.key).collect();
            questions.push(Question { need, partitions, own: None, list: false });
        }
    }
    Ok(questions)
}

/// Keys of the partitions of some granularity that a coarser partition is made of, within the flow's bounds.
fn contained(flow: &Flow, coarse: &Partition, granularity: Granularity) -> Result<Vec<String>, PartitionError> {
    let Some(partitions) = &flow.partitions else { return Ok(Vec::new()) };
    let fine = partitions.contained(coarse)?;
    if granularity == own_grain(flow) {
        return Ok(fine.into_iter().map(|p| p.key).collect());
    }
    let mut keys: Vec<String> = fine.iter().filter_map(|p| partitions.coarser(p, granularity)).map(|p| p.key).collect();
    keys.dedup();
    Ok(keys)
}
