//! Random histories against a reference model; and all that follows from events, worked out anew, is the same.

use crate::support::*;
use serde_json::json as value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use wharf::store::{Append, Database, Reads, SqliteReads, database_path};
use wharf_contract::Outcome;
use wharf_core::event::{Event, RunState};
use wharf_core::plan::Flow;

/// Every row that follows from events.
fn projections(database: &Database) -> String {
    let mut all = String::new();
    for table in ["run", "run_version", "success", "partition", "fan_out", "artifact"] {
        let mut query = database.connection().prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<_> = (0..columns).map(|c| format!("{:?}", row.get_ref(c).unwrap())).collect();
            writeln!(all, "{table}: {}", cells.join(" ")).unwrap();
        }
    }
    all
}

/// What the store should say.
#[derive(Default)]
struct Model {
    outputs: BTreeMap<(String, &'static str), serde_json::Value>,
    latest: BTreeMap<String, RunState>,
}

struct Walk {
    dice: Dice,
    flows: [Arc<Flow>; 2],
    model: Model,
    next: u64,
    seconds: i64,
}

impl Walk {
    /// A run from its beginning to its end, perhaps retried, as one list of entries.
    fn run(&mut self) -> Vec<wharf_core::event::Entry> {
        let run = self.next;
        self.next += 1;
        let key = (self.dice.roll(4) > 0).then(|| format!("2012-01-{:02}", self.dice.roll(6)));
        let mut entries = vec![created(run, self.seconds, spec(&self.flows[0], key.as_deref()))];
        for round in 0..=self.dice.roll(2) as usize {
            if round > 0 {
                let flow_digest = self.flows[round].digest.clone();
                let retried = Event::Retried { tasks: vec![0, 1], resumed: Vec::new(), flow_digest };
                entries.push(entry(run, self.seconds, retried));
            }
            let plain = self.outcome(run);
            entries.push(started(run, self.seconds, 0, None, round as u32 + 1));
            entries.push(finished(run, self.seconds, 0, None, round as u32 + 1, plain.clone()));
            self.note(&key, "a", std::slice::from_ref(&plain), false);
            let outcomes: Vec<_> = (0..self.dice.roll(4)).map(|_| self.outcome(run)).collect();
            entries.push(entry(run, self.seconds, Event::Expanded { task: 1, items: outcomes.len() as u32 }));
            for (item, outcome) in (0..).zip(&outcomes) {
                entries.push(started(run, self.seconds, 1, Some(item), round as u32 + 1));
                entries.push(finished(run, self.seconds, 1, Some(item), round as u32 + 1, outcome.clone()));
            }
            self.note(&key, "each", &outcomes, true);
            let good = outcomes.iter().chain([&plain]).all(|o| o.output.is_some());
            let state = if good { RunState::Succeeded } else { RunState::Failed };
            entries.push(ended(run, self.seconds, state));
            if let Some(key) = &key {
                self.model.latest.insert(key.clone(), state);
            }
        }
        entries
    }

    fn outcome(&mut self, run: u64) -> Outcome {
        if self.dice.roll(4) == 0 {
            return bad();
        }
        let digit = char::from_digit(self.dice.roll(10) as u32, 10).unwrap();
        let artifacts = if self.dice.roll(2) == 0 { vec![artifact(digit)] } else { Vec::new() };
        Outcome { artifacts, ..good(value!({"run": run, "n": self.dice.roll(1000)})) }
    }

    fn note(&mut self, key: &Option<String>, task: &'static str, outcomes: &[Outcome], list: bool) {
        let Some(key) = key else { return };
        let values: Option<Vec<_>> = outcomes
            .iter()
            .map(|o| o.output.as_ref().map(|p| serde_json::to_value(p).unwrap()["json"].clone()))
            .collect();
        if let Some(mut values) = values {
            let output = if list { values.into() } else { values.remove(0) };
            self.model.outputs.insert((key.clone(), task), output);
        }
    }
}

fn same(before: &str, after: &str, seed: u64) {
    for (was, is) in before.lines().zip(after.lines()) {
        assert_eq!(was, is, "seed {seed}");
    }
    assert_eq!(before.len(), after.len(), "seed {seed}");
}

#[test]
fn rows_follow_from_events() {
    for seed in 1..=12 {
        let dir = tempfile::tempdir().unwrap();
        let path = database_path(dir.path());
        let mut database = Database::open(&path).unwrap();
        let flows = [flow("f", 1, &["a", "each"]), flow("f", 2, &["a", "each"])];
        let mut walk = Walk { dice: Dice(seed), flows, model: Model::default(), next: 1, seconds: 0 };
        for _ in 0..30 {
            walk.seconds += 10;
            // Entries of a run fall into several batches, some in one transaction.
            let entries = walk.run();
            let size = 1 + walk.dice.roll(6) as usize;
            let batches: Vec<_> =
                entries.chunks(size).map(|e| Append { entries: e.to_vec(), flows: walk.flows.to_vec() }).collect();
            for group in batches.chunks(1 + walk.dice.roll(3) as usize) {
                database.append(group).unwrap();
            }
            if walk.dice.roll(10) == 0 {
                database = Database::open(&path).unwrap();
            }
        }
        let reads = SqliteReads::open(dir.path()).unwrap();
        for ((key, task), expect) in &walk.model.outputs {
            let found = reads.outputs(&name("f"), task, std::slice::from_ref(key)).unwrap();
            assert_eq!(found, [Some(json(expect.clone()))], "seed {seed}: {key} {task}");
        }
        let succeeded = walk.model.latest.iter().filter(|(_, s)| **s == RunState::Succeeded).map(|(k, _)| k.clone());
        assert_eq!(reads.succeeded_partitions(&name("f")).unwrap(), succeeded.collect::<BTreeSet<_>>(), "seed {seed}");
        let before = projections(&database);
        database.rebuild().unwrap();
        same(&before, &projections(&database), seed);
        let runs: Vec<_> = (1..=10).map(wharf_core::event::RunId).collect();
        database.prune(&runs, &crate::pruning::keep(100, 100), at(1_000)).unwrap();
        let pruned = projections(&database);
        assert_ne!(pruned, before);
        database.rebuild().unwrap();
        same(&pruned, &projections(&database), seed);
        for ((key, task), expect) in &walk.model.outputs {
            let found = reads.outputs(&name("f"), task, std::slice::from_ref(key)).unwrap();
            assert_eq!(found, [Some(json(expect.clone()))], "seed {seed}: {key} {task} outlives its run");
        }
    }
}
