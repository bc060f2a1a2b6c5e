//! What every kind of depot must do, on a folder and on a real S3 server.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use futures_util::TryStreamExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_contract::StoreLocation;
use wharf_contract::claim::{Ask, Request, encode};
use wharf_depot::claim::{Dial, NoWay, Remote, Server, Way};
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
    depot.put("state/empty", vec![]).await.unwrap();
    assert_eq!(depot.get("state/empty", 0).await.unwrap(), b"");
}

async fn files(depot: &Depot, scratch: &Path) {
    let from = scratch.join("from");
    for len in [0, 1, 5 << 20, (11 << 20) + 7] {
        let content = bytes(len);
        let digest = Digest::of(&content);
        std::fs::write(&from, &content).unwrap();
        let (key, to) = (format!("components/{len}"), scratch.join(format!("to-{len}")));
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
    assert!(matches!(depot.put_file("logs/x", &scratch.join("none"), &Digest::of(b"")).await, Err(Error::Local(_))));
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
    assert_eq!(depot.folders("state/none").await.unwrap(), [""; 0]);
    assert_eq!(depot.delete_folder("logs/2").await, Ok(2));
    assert_eq!(depot.delete_folder("logs/2").await, Ok(0));
    assert_eq!(keys(depot, "logs").await, ["logs/1/a", "logs/21/a"]);
    depot.delete(vec!["logs/1/a".into(), "logs/1/none".into()]).await.unwrap();
    assert_eq!(keys(depot, "logs").await, ["logs/21/a"]);
    depot.delete(vec![]).await.unwrap();
}

/// A server of a folder to which each connection leads, unless it is cut.
#[derive(Debug)]
struct Served {
    server: Server,
    /// Connections that are lost after so many bytes; later ones hold.
    cut: Mutex<Vec<usize>>,
    dialled: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl Dial for Served {
    async fn dial(&self) -> Result<Way, NoWay> {
        self.dialled.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let server = self.server.clone();
        let cut = self.cut.lock().unwrap().pop();
        tokio::spawn(async move {
            let Some(bytes) = cut else { return drop(server.serve(theirs).await) };
            // What comes through is cut off somewhere within an answer.
            let (inner, outer) = tokio::io::duplex(64 << 10);
            tokio::spawn(async move { drop(server.serve(outer).await) });
            let (mut from, mut to) = tokio::io::split(inner);
            let (mut asked, mut answered) = tokio::io::split(theirs);
            let back = async { tokio::io::copy(&mut (&mut from).take(bytes as u64), &mut answered).await };
            tokio::select! {
                _ = tokio::io::copy(&mut asked, &mut to) => {}
                _ = back => {}
            }
        });
        Ok(Way::new(ours, "token"))
    }
}

fn served(path: &Path, token: &str, cut: Vec<usize>) -> (Depot, Arc<AtomicUsize>) {
    std::fs::create_dir_all(path).unwrap();
    let server = Server::open(path, Digest::of(token.as_bytes())).unwrap();
    let dialled = Arc::new(AtomicUsize::new(0));
    let served = Served { server, cut: Mutex::new(cut), dialled: Arc::clone(&dialled) };
    (Depot::remote(Remote::new(served, Arc::default())), dialled)
}

#[tokio::test]
async fn a_served_folder_conforms_and_is_the_same_folder() {
    let (dir, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (depot, dialled) = served(dir.path(), "token", Vec::new());
    conforms(&depot, scratch.path()).await;
    assert_eq!(dialled.load(Ordering::SeqCst), 1, "one connection is enough");

    let folder = Depot::open(&StoreLocation::Folder { path: dir.path().to_owned() }, None, None).unwrap();
    folder.put("logs/3/a", b"of a pod".to_vec()).await.unwrap();
    assert_eq!(depot.get("logs/3/a", 99).await.unwrap(), b"of a pod");
    folder.put_if("state/3/t", b"one".to_vec(), None).await.unwrap();
    let (_, tag) = depot.get_tagged("state/3/t", 99).await.unwrap().unwrap();
    depot.put_if("state/3/t", b"two".to_vec(), Some(&tag)).await.unwrap();
    assert_eq!(folder.get("state/3/t", 99).await.unwrap(), b"two");
}

#[tokio::test]
async fn more_objects_than_a_page_takes_are_listed_each_once() {
    let dir = tempfile::tempdir().unwrap();
    let (depot, _) = served(dir.path(), "token", Vec::new());
    let mut expect = Vec::new();
    for n in 0..2_500_u32 {
        // Names that sort otherwise as a whole than folder by folder.
        let key = format!("logs/{}/a{}.{n}", ["7", "7-1", "7.1"][n as usize % 3], n % 7);
        let path = dir.path().join(&key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
        expect.push(key);
    }
    for n in 0..1_200 {
        std::fs::create_dir_all(dir.path().join(format!("staging/{n}"))).unwrap();
    }
    expect.sort();
    assert_eq!(keys(&depot, "").await, expect);
    assert_eq!(depot.folders("staging").await.unwrap().len(), 1_200);
}

#[tokio::test]
async fn a_lost_connection_costs_no_request() {
    let (dir, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // In the middle of a greeting, of an answer, of a piece.
    let (depot, dialled) = served(dir.path(), "token", vec![3 << 20, 1 << 20, 5_000, 60, 20, 0]);
    let content = bytes((7 << 20) + 11);
    let (digest, file) = (Digest::of(&content), scratch.path().join("from"));
    std::fs::write(&file, &content).unwrap();
    depot.put_file("components/a", &file, &digest).await.unwrap();
    for n in 0..40 {
        depot.put(&format!("logs/1/{n}"), vec![1; 1000]).await.unwrap();
    }
    let to = scratch.path().join("to");
    depot.get_file("components/a", &to, 8 << 20, &digest).await.unwrap();
    assert!(std::fs::read(to).unwrap() == content);
    assert_eq!(keys(&depot, "logs").await.len(), 40);
    assert!(dialled.load(Ordering::SeqCst) >= 6, "{dialled:?}");
    assert_eq!(std::fs::read_dir(dir.path().join(".uploads")).unwrap().count(), 0, "nothing half done is left");
}

#[tokio::test]
async fn a_served_folder_gives_nothing_else_away() {
    let dir = tempfile::tempdir().unwrap();
    let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
    let (depot, _) = served(&inside, "token", Vec::new());
    std::fs::create_dir_all(inside.join("logs")).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret"), "hush").unwrap();
    std::os::unix::fs::symlink(outside.join("secret"), inside.join("logs/file")).unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("logs/folder")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, inside.join("logs/pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    for key in ["logs/file", "logs/folder/secret", "logs/pipe"] {
        let got = depot.get(key, 99).await;
        assert!(got.is_err(), "{key}: {got:?}");
    }
    assert!(depot.put("logs/folder/new", vec![1]).await.is_err());
    drop(depot.delete(vec!["logs/folder/secret".into()]).await);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(keys(&depot, "logs").await, [""; 0]);
    // What is no key is no object either.
    std::fs::write(inside.join("mine"), "x").unwrap();
    assert_eq!(keys(&depot, "").await, [""; 0]);
    for bad in ["mine", ".uploads/x", "other/x"] {
        assert!(matches!(depot.get(bad, 9).await, Err(Error::Settings(_))), "{bad}");
    }
}

#[tokio::test]
async fn who_does_not_know_the_token_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), Digest::of(b"another")).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let hello = Ask { id: 1, what: Request::Hello { token: "token".into() } };
    let (mut from, mut to) = tokio::io::split(ours);
    to.write_all(&encode(&hello, &[]).unwrap()).await.unwrap();
    let refused = server.serve(theirs).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    let mut answer = Vec::new();
    from.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"");
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
    let listed = refused.list("logs").try_collect::<Vec<_>>().await;
    assert!(matches!(listed, Err(Error::Denied { .. })), "{listed:?}");
    assert!(matches!(refused.folders("logs").await, Err(Error::Denied { .. })));
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
