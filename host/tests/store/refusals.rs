//! Stores that must not be used, or cannot be.

use crate::support::*;
use serde_json::json as value;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use wharf::store::{Append, Database, Reads, SqliteReads, SqliteStore, Store, StoreError, StoreState, database_path};
use wharf_core::event::RunId;

#[test]
fn a_second_writer_is_refused_and_told_who_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let message = SqliteStore::open(dir.path()).unwrap_err().to_string();
    assert!(message.contains(&format!("in use by process {}", std::process::id())), "{message}");
    assert!(message.contains(&*dir.path().to_string_lossy()), "{message}");
    drop(store);
    SqliteStore::open(dir.path()).unwrap();
}

#[test]
fn a_store_of_a_later_wharf_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(dir.path()).unwrap());
    let path = database_path(dir.path());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    for error in [SqliteStore::open(dir.path()).unwrap_err(), SqliteReads::open(dir.path()).unwrap_err()] {
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("format 99"), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn reading_needs_a_store_of_the_present_format_and_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(SqliteReads::open(dir.path()), Err(StoreError::Missing(_))));
    assert!(!database_path(dir.path()).exists());
    rusqlite::Connection::open(database_path(dir.path())).unwrap().pragma_update(None, "user_version", 0).unwrap();
    assert!(matches!(SqliteReads::open(dir.path()), Err(StoreError::Missing(_) | StoreError::Older { found: 0, .. })));
}

#[test]
fn what_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(database_path(dir.path()), "this is a text, and long enough to have a header of its own").unwrap();
    let message = SqliteStore::open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("not a database"), "{message}");
}

#[test]
fn a_reader_sees_what_a_writer_records_and_what_it_left() {
    let dir = tempfile::tempdir().unwrap();
    let flow = flow("f", 1, &["a"]);
    let store = SqliteStore::open(dir.path()).unwrap();
    let reads = SqliteReads::open(dir.path()).unwrap();
    for run in 1..=3 {
        put(&store, whole_run(&flow, run, 1, spec(&flow, None), good(value!(run))));
        assert!(reads.run(RunId(run)).unwrap().is_some());
    }
    drop(store);
    assert!(reads.run(RunId(3)).unwrap().is_some());
    assert!(SqliteReads::open(dir.path()).unwrap().run(RunId(3)).unwrap().is_some());
}

#[test]
fn an_entry_that_names_what_is_not_there_is_not_recorded_and_shows() {
    let dir = tempfile::tempdir().unwrap();
    let flow = flow("f", 1, &["a"]);
    let mut database = Database::open(&database_path(dir.path())).unwrap();
    let orphan = Append { entries: vec![created(1, 1, spec(&flow, None))], flows: Vec::new() };
    assert!(matches!(database.append(&[orphan]), Err(StoreError::UnknownVersion(_))));
    let lost = append(vec![ended(5, 1, wharf_core::event::RunState::Failed)], &flow);
    assert!(matches!(database.append(&[lost]), Err(StoreError::UnknownRun(5))));
    database.append(&[whole_run(&flow, 1, 1, spec(&flow, None), good(value!(1)))]).unwrap();
    drop(database);
    let store = SqliteStore::open(dir.path()).unwrap();
    let other = crate::support::flow("g", 1, &["a"]);
    store.append(Append { entries: vec![created(2, 1, spec(&other, None))], flows: Vec::new() });
    let StoreState::Failing(why) = wait_state(&store, |s| *s != StoreState::Ok) else { panic!("it fails") };
    assert!(why.contains("g-1"), "{why}");
    assert_eq!(*store.durable().borrow(), 0);
    assert!(store.reads().run(RunId(1)).unwrap().is_some(), "reading goes on");
}

const DIR: &str = "WHARF_TEST_READ_ONLY";

/// A listing of a store that belongs to somebody else, where none writes. Root may write anywhere, and so asks somebody
/// who may not.
#[test]
fn a_store_in_a_folder_that_is_not_ours_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let flow = flow("f", 1, &["a"]);
    let state = dir.path().join("state");
    put(&SqliteStore::open(&state).unwrap(), whole_run(&flow, 1, 1, spec(&flow, None), good(value!(1))));
    for (path, mode) in [(dir.path().to_owned(), 0o755), (database_path(&state), 0o444), (state.clone(), 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut child = Command::new("/proc/self/exe");
    child.args(["--exact", "refusals::reads_where_it_may_not_write", "--ignored", "--quiet", "--nocapture"]);
    if rustix::process::geteuid().is_root() {
        child.uid(65_534).current_dir("/");
    }
    assert!(child.env(DIR, &state).status().unwrap().success());
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
#[ignore = "started by the test above"]
fn reads_where_it_may_not_write() {
    let dir = std::path::PathBuf::from(std::env::var(DIR).expect("the test that starts it says where"));
    assert!(std::fs::write(dir.join("x"), "").is_err(), "the folder is not to be written to");
    let reads = SqliteReads::open(&dir).unwrap();
    assert!(reads.detail(RunId(1), 1).unwrap().is_some());
}
