use super::Refusal;
use crate::partition::Partition;
use crate::plan::{Flow, FlowName};
use crate::schedule::shown;
use crate::time::Timestamp;
use serde_json::{Map, Value};

/// A run that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The flow.
    pub flow: FlowName,
    /// Parameters; the flow's defaults stand in for what is not there.
    pub params: Map<String, Value>,
    /// Key of the partition. None, for a flow with partitions: the last one that has ended, shifted by the flow's offset.
    pub partition: Option<String>,
}

/// A backfill that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillRequest {
    /// The flow.
    pub flow: FlowName,
    /// Key of the first partition.
    pub from: String,
    /// Key of the last partition.
    pub to: String,
    /// Partitions to leave out because they have succeeded. May name coarser ones too: such a one is left out only where
    /// none of what it is made of runs again.
    pub skip: Vec<String>,
    /// Parameters, as for a run.
    pub params: Map<String, Value>,
    /// Runs at one time; none: the flow's.
    pub max_active: Option<u32>,
}

/// Parameters with the flow's defaults, checked against its schema.
pub(super) fn params(flow: &Flow, given: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut params = flow.params.defaults.clone();
    params.extend(given);
    let Some(schema) = &flow.params.schema else { return Ok(params) };
    let validator = jsonschema::validator_for(schema).map_err(|e| Refusal::Params(e.to_string()))?;
    let params = Value::Object(params);
    if let Some(error) = validator.iter_errors(&params).next() {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { String::new() } else { format!(" (at `{place}`)") };
        return Err(Refusal::Params(format!("{}{place}", shown(&error.to_string()))));
    }
    match params {
        Value::Object(params) => Ok(params),
        _ => Ok(Map::new()),
    }
}

/// The partition of a run that somebody asks for.
pub(super) fn partition(flow: &Flow, key: Option<&str>, now: Timestamp) -> Result<Option<Partition>, Refusal> {
    match (&flow.partitions, key) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::NoPartitions(flow.name.clone())),
        (Some(partitions), Some(key)) => Ok(Some(partitions.parse_key(key)?)),
        (Some(partitions), None) => match partitions.of_tick(now, flow.partition_offset) {
            Some(partition) => Ok(Some(partition)),
            None => Err(Refusal::PartitionNeeded(flow.name.clone())),
        },
    }
}
