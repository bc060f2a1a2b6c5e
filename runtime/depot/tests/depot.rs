//! What every kind of depot must do, on a folder and on a real S3 server.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use futures_util::TryStreamExt as _;
use std::path::Path;
use std::time::Duration;
use wharf_contract::StoreLocation;
use wharf_depot::{Copied, Depot, Digest, Error};

async fn keys(depot: &Depot, folder: &str) -> Vec<String> {
    let mut keys: Vec<String> = depot.list(folder).map_ok(|o| o.key).try_collect().await.unwrap();
    keys.sort();
    keys
}

/// Bytes in which no part is like another.
fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..len).map(next).collect()
}

async fn conforms(depot: &Depot, scratch: &Path) {
    objects(depot).await;
    files(depot, scratch).await;
    copies(depot).await;
    checkpoints(depot).await;
    folders(depot).await;
}

async fn objects(depot: &Depot) {
    assert_eq!(depot.get("logs/1/a", 10).await, Err(Error::NotFound { key: "logs/1/a".into() }));
    assert_eq!(depot.head("logs/1/a").await, Ok(None));
    depot.put("logs/1/a", b"hello".to_vec()).await.unwrap();
    depot.put("logs/1/a", b"hello, again".to_vec()).await.unwrap();
    assert_eq!(depot.get("logs/1/a", 12).await.unwrap(), b"hello, again");
    assert_eq!(depot.get("logs/1/a", 11).await, Err(Error::TooLarge { key: "logs/1/a".into(), max: 11 }));
    let there = depot.head("logs/1/a").await.unwrap().unwrap();
    assert_eq!((there.key.as_str(), there.size), ("logs/1/a", 12));
    let (expected, found) = (Digest::of(b"x"), Digest::of(b"hello, again"));
    assert_eq!(depot.get_checked("logs/1/a", 99, &found).await.unwrap(), b"hello, again");
    let different = depot.get_checked("logs/1/a", 99, &expected).await;
    assert_eq!(different, Err(Error::Different { key: "logs/1/a".into(), expected, found }));
    for bad in ["../x", "a/../b", "a//b"] {
        assert!(matches!(depot.put(bad, vec![]).await, Err(Error::Settings(_))), "{bad}");
    }
    depot.put("empty", vec![]).await.unwrap();
    assert_eq!(depot.get("empty", 0).await.unwrap(), b"");
}

async fn files(depot: &Depot, scratch: &Path) {
    let from = scratch.join("from");
    for len in [0, 1, 5 << 20, (11 << 20) + 7] {
        let content = bytes(len);
        let digest = Digest::of(&content);
        std::fs::write(&from, &content).unwrap();
        let (key, to) = (format!("files/{len}"), scratch.join(format!("to-{len}")));
        let other = Digest::of(b"other");
        assert!(matches!(depot.put_file(&key, &from, &other).await, Err(Error::Different { .. })));
        assert_eq!(depot.head(&key).await, Ok(None), "nothing is kept of {len} bytes that are others");
        depot.put_file(&key, &from, &digest).await.unwrap();
        assert!(matches!(depot.get_file(&key, &to, 12 << 20, &other).await, Err(Error::Different { .. })));
        if len > 0 {
            let short = depot.get_file(&key, &to, len as u64 - 1, &digest).await;
            assert!(matches!(short, Err(Error::TooLarge { .. })), "{short:?}");
        }
        assert!(!to.exists(), "a file that is there is whole");
        depot.get_file(&key, &to, len as u64, &digest).await.unwrap();
        assert!(std::fs::read(&to).unwrap() == content);
    }
    assert!(std::fs::read_dir(scratch).unwrap().all(|f| f.unwrap().path().extension().is_none()));
    assert!(matches!(depot.put_file("x", &scratch.join("none"), &Digest::of(b"")).await, Err(Error::Local(_))));
}

async fn copies(depot: &Depot) {
    depot.put("staging/1/a", b"content".to_vec()).await.unwrap();
    assert_eq!(depot.copy("staging/1/a", "artifacts/aa/b", 7).await, Ok(Copied::Now));
    assert_eq!(depot.copy("staging/1/a", "artifacts/aa/b", 7).await, Ok(Copied::Before));
    depot.delete(vec!["staging/1/a".into()]).await.unwrap();
    assert_eq!(depot.get("artifacts/aa/b", 7).await.unwrap(), b"content");
    assert_eq!(depot.copy("staging/1/a", "artifacts/aa/b", 7).await, Ok(Copied::Before), "promoted before a crash");
    let gone = depot.copy("staging/1/a", "artifacts/aa/c", 7).await;
    assert_eq!(gone, Err(Error::NotFound { key: "staging/1/a".into() }));
}

async fn checkpoints(depot: &Depot) {
    assert_eq!(depot.get_tagged("state/1/t", 99).await, Ok(None));
    depot.put_if("state/1/t", b"one".to_vec(), None).await.unwrap();
    let taken = depot.put_if("state/1/t", b"late".to_vec(), None).await;
    assert_eq!(taken, Err(Error::Changed { key: "state/1/t".into() }));
    let (value, first) = depot.get_tagged("state/1/t", 3).await.unwrap().unwrap();
    assert_eq!(value, b"one");
    assert!(matches!(depot.get_tagged("state/1/t", 2).await, Err(Error::TooLarge { .. })));
    depot.put_if("state/1/t", b"two".to_vec(), Some(&first)).await.unwrap();
    let late = depot.put_if("state/1/t", b"late".to_vec(), Some(&first)).await;
    assert_eq!(late, Err(Error::Changed { key: "state/1/t".into() }));
    let (value, second) = depot.get_tagged("state/1/t", 99).await.unwrap().unwrap();
    assert_eq!(value, b"two");
    let all = (0..8u8).map(|n| depot.put_if("state/1/t", vec![n], Some(&second)));
    let won = futures_util::future::join_all(all).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1, "of those who write over the same state");
    let (_, third) = depot.get_tagged("state/1/t", 99).await.unwrap().unwrap();
    depot.delete_folder("state/1").await.unwrap();
    let gone = depot.put_if("state/1/t", b"x".to_vec(), Some(&third)).await;
    assert_eq!(gone, Err(Error::Changed { key: "state/1/t".into() }));
}

async fn folders(depot: &Depot) {
    for key in ["logs/2/a", "logs/2/b/c", "logs/21/a"] {
        depot.put(key, vec![1]).await.unwrap();
    }
    assert_eq!(keys(depot, "logs/2").await, ["logs/2/a", "logs/2/b/c"]);
    assert_eq!(keys(depot, "logs/9").await, [""; 0]);
    let mut runs = depot.folders("logs").await.unwrap();
    runs.sort();
    assert_eq!(runs, ["1", "2", "21"]);
    assert_eq!(depot.folders("none").await.unwrap(), [""; 0]);
    assert_eq!(depot.delete_folder("logs/2").await, Ok(2));
    assert_eq!(depot.delete_folder("logs/2").await, Ok(0));
    assert_eq!(keys(depot, "logs").await, ["logs/1/a", "logs/21/a"]);
    depot.delete(vec!["logs/1/a".into(), "logs/1/none".into()]).await.unwrap();
    assert_eq!(keys(depot, "logs").await, ["logs/21/a"]);
    depot.delete(vec![]).await.unwrap();
}

#[tokio::test]
async fn a_folder_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/when opened");
    let depot = Depot::open(&StoreLocation::Folder { path: path.clone() }, None, None).unwrap();
    conforms(&depot, scratch.path()).await;
    let left: Vec<_> = std::fs::read_dir(path.join("logs")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["21"], "folders go with their last object");
}

fn location(port: u16, bucket: &str, prefix: &str) -> StoreLocation {
    StoreLocation::S3 {
        bucket: bucket.into(),
        prefix: prefix.into(),
        region: None,
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        allow_http: true,
    }
}

#[tokio::test]
async fn an_s3_server_conforms_and_says_why_not() {
    let Some(program) = common::s3_program() else { return };
    let (dir, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = common::s3(&program, dir.path());
    let credentials = common::credentials(dir.path(), "hush-hush");
    let open = |prefix: &str| Depot::open(&location(server.port, "depot", prefix), Some(&credentials), None).unwrap();
    conforms(&open("acme/prod"), scratch.path()).await;

    // A prefix is a wall within the bucket.
    open("acme").put("k", vec![1]).await.unwrap();
    open("acme-2").put("k", vec![2]).await.unwrap();
    assert_eq!(keys(&open("acme-2"), "").await, ["k"]);
    assert_eq!(open("acme").get("k", 9).await.unwrap(), [1]);

    // Seen from elsewhere under another address.
    let elsewhere = location(1, "depot", "acme");
    let here = format!("http://127.0.0.1:{}", server.port);
    let seen = Depot::open(&elsewhere, Some(&credentials), Some(&here)).unwrap();
    assert_eq!(seen.get("k", 9).await.unwrap(), [1]);

    let wrong = common::credentials(dir.path(), "not-so-secret");
    let refused = Depot::open(&location(server.port, "depot", ""), Some(&wrong), None).unwrap();
    let e = refused.get("k", 9).await.unwrap_err();
    assert!(matches!(e, Error::Denied { .. }), "{e:?}");
    assert!(!e.to_string().contains("not-so-secret") && !format!("{refused:?}").contains("not-so-secret"), "{e}");
    assert!(matches!(refused.put("k", vec![]).await, Err(Error::Denied { .. })));
}

#[tokio::test]
async fn tls_is_spoken_with_those_whom_the_bundle_names() {
    let Some(program) = common::s3_program() else { return };
    let dir = tempfile::tempdir().unwrap();
    let certificate = common::certificate(dir.path());
    let server = common::s3_tls(&program, dir.path(), &certificate);
    let credentials = common::credentials(dir.path(), "hush-hush");
    let location = StoreLocation::S3 {
        bucket: "depot".into(),
        prefix: String::new(),
        region: Some("us-east-1".into()),
        endpoint: Some(format!("https://127.0.0.1:{}", server.port)),
        allow_http: false,
    };
    let stranger = Depot::open(&location, Some(&credentials), None).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(1), stranger.put("k", vec![1])).await;
    assert!(!matches!(answer, Ok(Ok(()))), "a certificate that nobody vouches for must not do");

    std::fs::copy(certificate.join("cert.pem"), credentials.join("CA_BUNDLE")).unwrap();
    let depot = Depot::open(&location, Some(&credentials), None).unwrap();
    depot.put("k", vec![2]).await.unwrap();
    assert_eq!(depot.get("k", 1).await.unwrap(), [2]);
}
