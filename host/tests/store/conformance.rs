//! What every implementation of the store must do. `make` opens the store of a folder, which may have been open before.

use crate::support::*;
use serde_json::json as value;
use std::path::Path;
use std::sync::Arc;
use wharf::store::{AttemptFilter, RunCounts, RunFilter, Store, Tenants};
use wharf_contract::{Outcome, Payload};
use wharf_core::event::{BackfillId, BackfillSpec, Entry, Event, RunId, RunState, SkipReason, Tick, TickEnd, TickSkip};
use wharf_core::run::TaskState;

type Make<'a, S> = &'a dyn Fn(&Path) -> S;
type Scenario<S> = fn(Make<S>, &Path);

pub(crate) fn conformance<S: Store>(make: impl Fn(&Path) -> S) {
    let scenarios: [(&str, Scenario<S>); 10] = [
        ("an empty store", empty),
        ("a name of its own", named),
        ("batches are durable in order", order),
        ("what is not over comes back", recovers),
        ("runs are listed by page and filter", lists),
        ("a run in full", detail),
        ("the latest success of a partition", successes),
        ("a fan-out's outputs", fan_outs),
        ("backfills, ticks and cursors", ledgers),
        ("what is of other tenants is left out", tenants),
    ];
    for (what, scenario) in scenarios {
        println!("{what}");
        let dir = tempfile::tempdir().unwrap();
        scenario(&make, dir.path());
    }
}

fn empty<S: Store>(make: Make<S>, dir: &Path) {
    for _ in 0..2 {
        let store = make(dir);
        let recovered = store.recover().unwrap();
        assert_eq!((recovered.next_run, recovered.next_backfill), (RunId(1), BackfillId(1)));
        assert!(recovered.runs.is_empty() && recovered.backfills.is_empty() && recovered.cursors.is_empty());
        let reads = store.reads();
        assert_eq!(reads.runs(&RunFilter { limit: 10, ..RunFilter::default() }).unwrap(), []);
        assert!(reads.run(RunId(1)).unwrap().is_none() && reads.detail(RunId(1), 9).unwrap().is_none());
        assert!(reads.load(RunId(1)).unwrap().is_none() && reads.backfill(BackfillId(1)).unwrap().is_none());
        assert_eq!(reads.outputs(&name("f"), "a", &["x".into()]).unwrap(), [None]);
    }
}

fn named<S: Store>(make: Make<S>, dir: &Path) {
    let first = make(dir).reads().instance().unwrap();
    assert!(first.len() == 8 && first.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{first}");
    assert_eq!(make(dir).reads().instance().unwrap(), first, "it stays");
    let other = make(&dir.join("other")).reads().instance().unwrap();
    assert_ne!(other, first, "another store has another one");
}

fn order<S: Store>(make: Make<S>, dir: &Path) {
    let flow = flow("f", 1, &["a"]);
    let store = make(dir);
    for run in 1..=500 {
        assert_eq!(store.append(append(vec![created(run, 1, spec(&flow, None))], &flow)), run);
        let seen = *store.durable().borrow();
        let there = store.recover().unwrap();
        assert!(there.runs.len() as u64 >= seen, "{seen} are durable, {} are there", there.runs.len());
        assert!(there.runs.iter().zip(1..).all(|(r, n)| r.id == RunId(n)), "no batch is left out");
    }
    drop(store);
    assert_eq!(make(dir).recover().unwrap().runs.len(), 500, "what is queued is written before the store goes");
}

fn recovers<S: Store>(make: Make<S>, dir: &Path) {
    let (one, two) = (flow("f", 1, &["a", "b"]), flow("f", 2, &["a", "b"]));
    let events = vec![
        created(7, 10, spec(&one, Some("2012-01-05"))),
        started(7, 11, 0, None, 1),
        finished(7, 12, 0, None, 1, bad()),
        finished(7, 12, 1, None, 1, good(value!({"é": "\u{0}"}))),
        ended(7, 13, RunState::Failed),
        entry(7, 14, Event::Retried { tasks: vec![0], resumed: Vec::new(), flow_digest: two.digest.clone() }),
        started(7, 15, 0, None, 2),
    ];
    let store = make(dir);
    put(&store, whole_run(&one, 3, 1, spec(&one, None), bad()));
    put(&store, wharf::store::Append { entries: events.clone(), flows: vec![one.clone(), two.clone()] });
    drop(store);
    let recovered = make(dir).recover().unwrap();
    assert_eq!(recovered.next_run, RunId(8));
    let [run] = &recovered.runs[..] else { panic!("one run is open: {recovered:?}") };
    assert_eq!(run.id, RunId(7));
    let back: Vec<_> = run.events.iter().map(|(at, e)| Entry::Run { run: run.id, at: *at, event: e.clone() }).collect();
    assert_eq!(back, events);
    let mut flows: Vec<_> = run.flows.iter().collect();
    flows.sort_by_key(|f| &f.digest);
    assert_eq!(flows, [&one, &two]);
}

fn lists<S: Store>(make: Make<S>, dir: &Path) {
    let (f, g) = (flow("f", 1, &["a"]), flow("g", 1, &["a"]));
    let store = make(dir);
    for run in 1..=20 {
        let flow = if run % 2 == 0 { &f } else { &g };
        let outcome = if run % 3 == 0 { bad() } else { good(value!(run)) };
        store.append(whole_run(flow, run, run as i64, spec(flow, None), outcome));
    }
    put(&store, append(vec![created(21, 30, spec(&f, None))], &f));
    let reads = store.reads();
    let ids = |filter: RunFilter| -> Vec<u64> { reads.runs(&filter).unwrap().iter().map(|r| r.run.0).collect() };
    let all = RunFilter { limit: 100, ..RunFilter::default() };
    assert_eq!(ids(all.clone()), (1..=21).rev().collect::<Vec<_>>());
    assert_eq!(ids(RunFilter { limit: 3, before: Some(RunId(20)), ..all.clone() }), [19, 18, 17]);
    assert_eq!(ids(RunFilter { flow: Some(name("g")), limit: 2, ..all.clone() }), [19, 17]);
    assert_eq!(ids(RunFilter { flow: Some(name("h")), ..all.clone() }), [] as [u64; 0]);
    assert_eq!(ids(RunFilter { state: Some(RunState::Failed), ..all.clone() }), [18, 15, 12, 9, 6, 3]);
    let both = RunFilter { flow: Some(name("f")), state: Some(RunState::Failed), ..all.clone() };
    assert_eq!(ids(both), [18, 12, 6]);
    assert_eq!(ids(RunFilter { state: Some(RunState::Running), ..all }), [21]);
    let row = reads.run(RunId(20)).unwrap().unwrap();
    assert_eq!((row.state, row.created, row.ended), (RunState::Succeeded, at(20), Some(at(21))));
    assert_eq!((row.spec, row.flow_digest.as_str()), (spec(&f, None), "f-1"));
    assert_eq!(reads.flows().unwrap(), [name("f"), name("g")]);
    assert_eq!(reads.flow_version("g-1").unwrap(), Some(g));
    assert_eq!(reads.flow_version("g-2").unwrap(), None);
}

fn detail<S: Store>(make: Make<S>, dir: &Path) {
    let flow = flow("f", 1, &["a", "each", "c", "d"]);
    let with_file = Outcome { artifacts: vec![artifact('1')], ..Outcome::succeeded(Payload::Artifact(artifact('2'))) };
    let refused = Outcome::failed(wharf_contract::Cause::InvalidInput, "`nope` is undefined");
    let store = make(dir);
    let mut entries = vec![created(1, 10, spec(&flow, None)), entry(1, 11, Event::Expanded { task: 1, items: 3 })];
    entries.extend((0..3).map(|item| started(1, 12, 1, Some(item), 1)));
    entries.extend([
        started(1, 12, 0, None, 1),
        finished(1, 13, 1, Some(1), 1, good(value!(1))),
        finished(1, 14, 1, Some(2), 1, bad()),
        finished(1, 15, 0, None, 1, with_file),
        entry(1, 15, Event::Refused { task: 2, item: None, outcome: Box::new(refused.clone()) }),
        entry(1, 16, Event::Skipped { task: 3, reason: SkipReason::When }),
    ]);
    put(&store, append(entries, &flow));
    let reads = store.reads();
    let detail = reads.detail(RunId(1), 2).unwrap().unwrap();
    let states: Vec<_> = detail.tasks.iter().map(|t| (t.name.as_str(), t.state, t.attempts_total)).collect();
    let skipped = TaskState::Skipped(SkipReason::When);
    let expect = [
        ("a", TaskState::Succeeded, 1),
        ("each", TaskState::Active, 3),
        ("c", TaskState::Failed, 0),
        ("d", skipped, 0),
    ];
    assert_eq!(states, expect);
    assert_eq!((detail.tasks[0].started, detail.tasks[0].ended), (Some(at(12)), Some(at(15))));
    let items = detail.tasks[1].items.unwrap();
    assert_eq!((items.total, items.counts.open, items.counts.succeeded, items.counts.failed), (3, 1, 1, 1));
    let shown: Vec<_> = detail.tasks[1].attempts.iter().map(|a| (a.item, a.ended)).collect();
    assert_eq!(shown, [(Some(0), None), (Some(2), Some(at(14)))], "what did not succeed comes before what did");
    assert_eq!(detail.tasks[2].refused.as_ref(), Some(&refused));
    let page = AttemptFilter { task: Some(1), item: None, skip: 1, limit: 1 };
    let page = reads.attempts(RunId(1), &page).unwrap();
    assert_eq!((page.len(), page[0].item, page[0].outcome.clone()), (1, Some(1), Some(good(value!(1)))));
    let kept: Vec<_> = reads.artifacts(RunId(1)).unwrap().into_iter().map(|a| (a.task, a.artifact)).collect();
    assert_eq!(kept, [("a".to_owned(), artifact('1')), ("a".to_owned(), artifact('2'))]);
    assert!(reads.is_referenced("acme", &artifact('2').digest).unwrap());
    assert!(!reads.is_referenced("other", &artifact('2').digest).unwrap());
}

fn successes<S: Store>(make: Make<S>, dir: &Path) {
    let flow = flow("f", 1, &["a"]);
    let store = make(dir);
    let run = |run, key, outcome| store.append(whole_run(&flow, run, run as i64, spec(&flow, Some(key)), outcome));
    run(1, "2012-01-01", good(value!(1)));
    run(2, "2012-01-02", bad());
    run(3, "2012-01-03", good(value!(3)));
    run(4, "2012-01-01", good(value!(4)));
    run(5, "2012-01-03", bad());
    put(&store, append(vec![created(6, 9, spec(&flow, Some("2012-01-01")))], &flow));
    let reads = store.reads();
    let keys = ["2012-01-03", "2012-01-02", "2012-01-01", "2012-01-09"].map(String::from);
    let outputs = reads.outputs(&name("f"), "a", &keys).unwrap();
    assert_eq!(outputs, [Some(json(value!(3))), None, Some(json(value!(4))), None]);
    assert_eq!(reads.outputs(&name("f"), "b", &keys[..1]).unwrap(), [None]);
    let done = reads.succeeded_partitions(&name("f")).unwrap();
    assert_eq!(done.into_iter().collect::<Vec<_>>(), ["2012-01-01"], "a failure later than the success counts");
}

fn fan_outs<S: Store>(make: Make<S>, dir: &Path) {
    let flow = flow("f", 1, &["each"]);
    let store = make(dir);
    let key = ["2012-01".to_owned()];
    let outputs = |store: &S| store.reads().outputs(&name("f"), "each", &key).unwrap().pop().unwrap();
    let begin = vec![
        created(1, 1, spec(&flow, Some(&key[0]))),
        entry(1, 1, Event::Expanded { task: 0, items: 3 }),
        started(1, 2, 0, Some(0), 1),
        started(1, 2, 0, Some(1), 1),
        started(1, 2, 0, Some(2), 1),
        finished(1, 3, 0, Some(2), 1, good(value!("c"))),
        finished(1, 3, 0, Some(0), 1, bad()),
        finished(1, 3, 0, Some(1), 1, Outcome::succeeded(Payload::Artifact(artifact('7')))),
        ended(1, 4, RunState::Failed),
    ];
    put(&store, append(begin, &flow));
    assert_eq!(outputs(&store), None, "an item is missing");
    drop(store);
    let store = make(dir);
    let go_on = vec![
        entry(1, 5, Event::Retried { tasks: Vec::new(), resumed: vec![0], flow_digest: flow.digest.clone() }),
        started(1, 6, 0, Some(0), 2),
        finished(1, 7, 0, Some(0), 2, good(value!("a"))),
        ended(1, 7, RunState::Succeeded),
    ];
    put(&store, append(go_on, &flow));
    let file = serde_json::to_string(&artifact('7')).unwrap();
    let Some(Payload::Json(list)) = outputs(&store) else { panic!("a list") };
    assert_eq!(list.get(), format!(r#"["a",{file},"c"]"#));
    let none = vec![created(2, 8, spec(&flow, Some(&key[0]))), entry(2, 8, Event::Expanded { task: 0, items: 0 })];
    put(&store, append(none, &flow));
    assert_eq!(outputs(&store), Some(json(value!([]))), "a list of nothing succeeds at once");
}

fn ledgers<S: Store>(make: Make<S>, dir: &Path) {
    let flow = flow("f", 1, &["a"]);
    let plan = |from: &str| BackfillSpec {
        flow: flow.name.clone(),
        flow_digest: flow.digest.clone(),
        from: from.into(),
        to: "2012-01-09".into(),
        skip: vec!["2012-01-04".into()],
        max_active: 2,
        params: serde_json::Map::new(),
    };
    let make_backfill =
        |id, from: &str| Entry::BackfillCreated { id: BackfillId(id), at: at(1), spec: Box::new(plan(from)) };
    let tick = |seconds, end| Tick { flow: flow.name.clone(), scheduled_time: at(seconds), at: at(seconds + 1), end };
    let store = make(dir);
    store.append(append(vec![make_backfill(1, "2012-01-01"), make_backfill(2, "2012-01-02")], &flow));
    let mine = |key| of_backfill(spec(&flow, Some(key)), 2);
    store.append(whole_run(&flow, 1, 2, mine("2012-01-02"), good(value!(1))));
    store.append(whole_run(&flow, 2, 2, mine("2012-01-03"), bad()));
    let rest = vec![
        created(3, 3, mine("2012-01-05")),
        Entry::BackfillEnded { id: BackfillId(1), at: at(5), state: RunState::Succeeded },
        Entry::BackfillCancelled { id: BackfillId(2), at: at(6) },
        Entry::Cursor { flow: name("never-run"), at: at(7) },
        Entry::Cursor { flow: flow.name.clone(), at: at(8) },
        Entry::Cursor { flow: flow.name.clone(), at: at(60) },
        Entry::Tick(tick(60, TickEnd::Ran(RunId(9)))),
        Entry::Tick(tick(120, TickEnd::Skipped(TickSkip::Forbidden))),
        Entry::Tick(tick(180, TickEnd::Late(RunId(10)))),
    ];
    put(&store, append(rest, &flow));
    drop(store);
    let store = make(dir);
    let reads = store.reads();
    let row = reads.backfill(BackfillId(2)).unwrap().unwrap();
    assert_eq!((row.state, row.cancelled, row.ended), (RunState::Running, Some(at(6)), None));
    assert_eq!(row.spec, plan("2012-01-02"));
    assert_eq!(row.runs, RunCounts { running: 1, succeeded: 1, failed: 1, cancelled: 0 });
    let ids: Vec<_> = reads.backfills(&Tenants::All, 9).unwrap().iter().map(|b| (b.backfill.0, b.state)).collect();
    assert_eq!(ids, [(2, RunState::Running), (1, RunState::Succeeded)]);
    let of = RunFilter { backfill: Some(BackfillId(2)), limit: 2, ..RunFilter::default() };
    assert_eq!(reads.runs(&of).unwrap().iter().map(|r| r.run.0).collect::<Vec<_>>(), [3, 2]);
    let late = tick(180, TickEnd::Late(RunId(10)));
    let forbidden = tick(120, TickEnd::Skipped(TickSkip::Forbidden));
    assert_eq!(reads.ticks(None, &Tenants::All, 2).unwrap(), [late.clone(), forbidden.clone()]);
    assert_eq!(reads.ticks(Some(&flow.name), &Tenants::All, 1).unwrap(), [late]);
    assert_eq!(reads.ticks(Some(&name("never-run")), &Tenants::All, 9).unwrap(), []);
    let recovered = store.recover().unwrap();
    assert_eq!(recovered.next_backfill, BackfillId(3));
    let cursors: Vec<_> = recovered.cursors.into_iter().collect();
    assert_eq!(cursors, [(flow.name.clone(), at(60)), (name("never-run"), at(7))]);
    let [backfill] = &recovered.backfills[..] else { panic!("one backfill is open") };
    assert!(backfill.cancelled && backfill.id == BackfillId(2) && backfill.flow == flow);
    let runs: Vec<_> = backfill.runs.iter().map(|r| (r.run.0, r.partition.as_str(), r.state)).collect();
    let expect = [
        (1, "2012-01-02", RunState::Succeeded),
        (2, "2012-01-03", RunState::Failed),
        (3, "2012-01-05", RunState::Running),
    ];
    assert_eq!(runs, expect);
}

fn tenants<S: Store>(make: Make<S>, dir: &Path) {
    // The same name, so that only the tenant tells them apart.
    let ours = flow("f", 1, &["a"]);
    let mut theirs = (*ours).clone();
    theirs.name.tenant = "it's, \"other\"".into();
    theirs.digest = "f-of-others".into();
    let theirs = Arc::new(theirs);
    let store = make(dir);
    for (flow, first) in [(&ours, 1), (&theirs, 2)] {
        for run in (first..=20).step_by(2) {
            store.append(whole_run(flow, run, run as i64, spec(flow, None), good(value!(run))));
        }
        let backfill = BackfillSpec {
            flow: flow.name.clone(),
            flow_digest: flow.digest.clone(),
            from: "2012-01-01".into(),
            to: "2012-01-09".into(),
            skip: Vec::new(),
            max_active: 2,
            params: serde_json::Map::new(),
        };
        let ended = Tick {
            flow: flow.name.clone(),
            scheduled_time: at(first as i64),
            at: at(30),
            end: TickEnd::Ran(RunId(first)),
        };
        let rest = vec![
            Entry::BackfillCreated { id: BackfillId(first), at: at(30), spec: Box::new(backfill) },
            Entry::Tick(ended),
        ];
        put(&store, append(rest, flow));
    }
    let reads = store.reads();
    let only = |names: &[&str]| Tenants::Only(names.iter().map(|n| (*n).to_owned()).collect());
    let (us, them) = (ours.name.tenant.as_str(), theirs.name.tenant.as_str());
    let listed = |tenants: &Tenants| -> (Vec<u64>, Vec<u64>, Vec<Option<RunId>>) {
        let filter = RunFilter { tenants: tenants.clone(), limit: 3, ..RunFilter::default() };
        let runs = reads.runs(&filter).unwrap().iter().map(|r| r.run.0).collect();
        let backfills = reads.backfills(tenants, 9).unwrap().iter().map(|b| b.backfill.0).collect();
        let ticks = reads.ticks(None, tenants, 9).unwrap().into_iter().map(|t| match t.end {
            TickEnd::Ran(run) => Some(run),
            _ => None,
        });
        (runs, backfills, ticks.collect())
    };
    let (one, two) = (Some(RunId(1)), Some(RunId(2)));
    assert_eq!(listed(&Tenants::All), (vec![20, 19, 18], vec![2, 1], vec![two, one]));
    assert_eq!(listed(&only(&[us, them])), listed(&Tenants::All));
    assert_eq!(listed(&only(&[us])), (vec![19, 17, 15], vec![1], vec![one]), "a page is as long as it can be");
    assert_eq!(listed(&only(&[them])), (vec![20, 18, 16], vec![2], vec![two]));
    assert_eq!(listed(&only(&["nobody"])), (vec![], vec![], vec![]));
    assert_eq!(listed(&only(&[])), (vec![], vec![], vec![]));
    // Other conditions hold besides.
    assert_eq!(reads.ticks(Some(&theirs.name), &only(&[us]), 9).unwrap(), []);
    let page = RunFilter {
        tenants: only(&[us]),
        flow: Some(ours.name.clone()),
        before: Some(RunId(6)),
        limit: 9,
        ..RunFilter::default()
    };
    assert_eq!(reads.runs(&page).unwrap().iter().map(|r| r.run.0).collect::<Vec<_>>(), [5, 3, 1]);
    assert_eq!(reads.runs(&RunFilter { tenants: only(&[them]), ..page }).unwrap(), []);
}
