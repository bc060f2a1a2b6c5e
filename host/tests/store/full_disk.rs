//! A disk that takes no more: nothing is lost, all is said, and it goes on when there is room.

use crate::support::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json as value;
use std::process::Command;
use wharf::store::{Append, Database, SqliteStore, Store, StoreError, StoreState, database_path};
use wharf_core::event::RunId;

const DIR: &str = "WHARF_TEST_FULL";

fn big(run: u64) -> Append {
    let flow = flow("f", 1, &["a"]);
    whole_run(&flow, run, 1, spec(&flow, None), good(value!("x".repeat(3_000))))
}

#[test]
fn a_batch_that_does_not_fit_leaves_nothing_behind_and_fits_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut database = Database::open(&database_path(dir.path())).unwrap();
    database.append(&[big(1)]).unwrap();
    let pages: i64 = database.connection().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |database: &Database, pages: i64| {
        database.connection().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&database, pages + 20);
    let mut run = 1;
    let error = loop {
        run += 1;
        if let Err(e) = database.append(&[big(run), big(run + 10_000)]) {
            break e;
        }
    };
    assert!(matches!(&error, StoreError::Database(e) if e.to_string().contains("full")), "{error}");
    let count = |database: &Database| -> i64 {
        database
            .connection()
            .query_row("SELECT count(*) FROM entry WHERE run % 10000 = ?1", [run as i64], |r| r.get(0))
            .unwrap()
    };
    assert_eq!(count(&database), 0);
    limit(&database, pages + 1_000);
    database.append(&[big(run), big(run + 10_000)]).unwrap();
    assert_eq!(count(&database), 8);
}

/// The limit on a file's size stands for the disk. A process of its own, because it holds for all of a process. A shell
/// sees to it that going over the limit is an error and no signal.
#[test]
fn a_store_that_cannot_be_written_says_so_and_goes_on_when_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::fills_the_disk", "--ignored", "--quiet", "--nocapture"])
        .env(DIR, dir.path())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "limits its process; started by the test above"]
fn fills_the_disk() {
    let dir = std::path::PathBuf::from(std::env::var(DIR).expect("the test that starts it says where"));
    let store = SqliteStore::open(&dir).unwrap();
    put(&store, big(1));
    let before = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(512 << 10), maximum: before.maximum }).unwrap();
    let mut last = 1;
    while *store.state().borrow() == StoreState::Ok {
        last = store.append(big(last + 1));
        assert!(last < 100_000, "the limit is felt");
        if last % 16 == 0 {
            // Not to get ahead of the thread that writes without bound.
            let durable = store.durable();
            while *durable.borrow() + 16 < last && *store.state().borrow() == StoreState::Ok {
                std::thread::yield_now();
            }
        }
    }
    let StoreState::Failing(why) = store.state().borrow().clone() else { panic!("it fails") };
    assert!(why.contains("I/O") || why.contains("full"), "{why}");
    let durable = *store.durable().borrow();
    assert!(durable < last);
    assert!(store.reads().run(RunId(durable)).unwrap().is_some(), "what was acknowledged can be read");
    let refused = store.prune(&crate::pruning::keep(1, 1), at(0)).unwrap_err();
    assert!(matches!(refused, StoreError::NotWritable), "{refused}");
    setrlimit(Resource::Fsize, before).unwrap();
    wait(&store, last);
    wait_state(&store, |s| *s == StoreState::Ok);
    drop(store);
    let store = SqliteStore::open(&dir).unwrap();
    assert_eq!(store.recover().unwrap().next_run, RunId(last + 1));
    for run in 1..=last {
        assert!(store.reads().run(RunId(run)).unwrap().is_some(), "run {run}");
    }
}
