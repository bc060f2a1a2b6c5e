//! SIGKILL at any moment: what was acknowledged is there, and nothing is there by half.

use crate::support::*;
use serde_json::json as value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use wharf::store::{Append, RunFilter, SqliteStore, Store};
use wharf_core::event::{Event, RunId, RunState};

const DIR: &str = "WHARF_TEST_STORE";
const ROUNDS: u64 = 25;
/// Entries of each batch.
const ENTRIES: usize = 12;

/// Records one run a batch without an end, and prints what was acknowledged. Started by the test below.
#[test]
#[ignore = "is killed by the test that starts it"]
fn writes_until_it_is_killed() {
    let dir = std::env::var(DIR).expect("the test that starts it says where");
    let store = SqliteStore::open(Path::new(&dir)).unwrap();
    let flow = flow("f", 1, &["each"]);
    let first = store.recover().unwrap().next_run.0;
    let mut durable = store.durable();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut out, mut sent) = (std::io::stdout(), 0);
    loop {
        // Groups of different sizes: some transactions hold one batch, some many.
        for _ in 0..=sent % 7 {
            sent = store.append(batch(&flow, first + sent));
        }
        runtime.block_on(durable.changed()).unwrap();
        let acknowledged = *durable.borrow_and_update();
        writeln!(out, "acknowledged {}", first + acknowledged - 1).unwrap();
        out.flush().unwrap();
    }
}

fn batch(flow: &std::sync::Arc<wharf_core::plan::Flow>, run: u64) -> Append {
    let mut entries = vec![
        created(run, 1, spec(flow, Some(&format!("key-{}", run % 50)))),
        entry(run, 1, Event::Expanded { task: 0, items: 4 }),
    ];
    for item in 0..4 {
        entries.push(started(run, 2, 0, Some(item), 1));
        entries.push(finished(run, 3, 0, Some(item), 1, good(value!({"run": run, "pad": "x".repeat(200)}))));
    }
    entries.push(entry(run, 3, Event::CancelRequested));
    entries.push(ended(run, 4, RunState::Succeeded));
    assert_eq!(entries.len(), ENTRIES);
    append(entries, flow)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut dice, mut expected) = (Dice(7), 0);
    for round in 0..ROUNDS {
        let acknowledged = write_and_kill(dir.path(), 1 + dice.roll(25));
        let store = SqliteStore::open(dir.path()).unwrap();
        let recovered = store.recover().unwrap();
        let last = recovered.next_run.0 - 1;
        assert!(last >= acknowledged, "round {round}: {acknowledged} was acknowledged, {last} is there");
        assert!(recovered.runs.is_empty(), "round {round}: every batch ends its run, {:?} did not", recovered.runs);
        let reads = store.reads();
        for run in expected + 1..=last {
            let events = reads.load(RunId(run)).unwrap().expect("no run is left out").events;
            assert_eq!(events.len(), ENTRIES, "round {round}, run {run}");
        }
        let newest = reads.runs(&RunFilter { limit: 1, ..RunFilter::default() }).unwrap();
        assert_eq!(newest[0].run.0, last);
        let output = reads.outputs(&name("f"), "each", &[format!("key-{}", last % 50)]).unwrap();
        let written = serde_json::to_string(&output[0]).unwrap();
        assert!(written.contains(&format!("\"run\":{last}}}")), "round {round}: {written}");
        expected = last;
    }
    assert!(expected > ROUNDS, "much was written: {expected}");
}

/// Lets a process write until it has told some acknowledgements, kills it, and answers the highest one.
fn write_and_kill(dir: &Path, lines: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writes_until_it_is_killed", "--ignored", "--nocapture", "--quiet"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = 0;
    let told = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told = told.filter_map(|line| line.strip_prefix("acknowledged ").and_then(|n| n.parse().ok()));
    for _ in 0..lines {
        acknowledged = told.next().expect("the writer goes on");
    }
    child.kill().unwrap();
    // What it said before it was dead counts too.
    acknowledged = told.last().unwrap_or(acknowledged);
    child.wait().unwrap();
    acknowledged
}
