use super::*;
use std::collections::VecDeque;
use tokio::io::{AsyncWriteExt as _, BufReader, DuplexStream, duplex};

/// Containers whose logs a test writes: each opening takes the next pipe.
#[derive(Default)]
struct Pipes(Mutex<VecDeque<DuplexStream>>);

impl Pipes {
    fn add(&self) -> DuplexStream {
        let (ours, theirs) = duplex(64 << 10);
        self.0.lock().unwrap().push_back(theirs);
        ours
    }
}

impl ContainerLogs for Pipes {
    fn open(&self, pod: &RunningPod) -> BoxFuture<'static, Result<Reader, String>> {
        assert_eq!(pod.namespace, "acme");
        let pipe = self.0.lock().unwrap().pop_front();
        Box::pin(async move {
            pipe.map(|p| Box::pin(BufReader::new(p)) as Reader).ok_or_else(|| "there is no such container".to_owned())
        })
    }
}

fn attempt(run: u64, task: u16) -> AttemptKey {
    AttemptKey { run: RunId(run), task, item: None, attempt: 1 }
}

fn key(of: AttemptKey) -> LogKey {
    LogKey { run: of.run, task: format!("t{}", of.task), item: None, attempt: 1 }
}

fn pod() -> RunningPod {
    RunningPod { namespace: "acme".into(), name: "p".into() }
}

fn set() -> (Arc<Pipes>, Following, mpsc::Receiver<Followed>) {
    let pipes = Arc::new(Pipes::default());
    let (to, from) = mpsc::channel(16);
    (Arc::clone(&pipes), Following::new(pipes, to), from)
}

async fn next(from: &mut mpsc::Receiver<Followed>) -> (bool, Vec<String>) {
    let followed = tokio::time::timeout(Duration::from_secs(30), from.recv()).await.unwrap().unwrap();
    assert_eq!(followed.key, key(followed.attempt));
    (followed.first, followed.lines.into_iter().map(|l| l.message).collect())
}

#[tokio::test]
async fn a_pod_is_read_while_somebody_follows_and_from_where_it_was_left() {
    let (pipes, following, mut from) = set();
    let mut first = pipes.add();
    following.started(attempt(1, 0), key(attempt(1, 0)), pod());
    following.started(attempt(2, 0), key(attempt(2, 0)), pod());
    assert!(!following.is_watched(RunId(1)));
    let watching = following.watch(RunId(1), LogFilter::default());
    first.write_all(b"one\ntwo\n").await.unwrap();
    assert_eq!(next(&mut from).await, (true, vec!["one".into(), "two".into()]));
    drop(watching);
    first.closed_by_reader().await;
    let mut again = pipes.add();
    let _watching = following.watch(RunId(1), LogFilter::default());
    again.write_all(b"one\ntwo\nthree\n").await.unwrap();
    assert_eq!(next(&mut from).await, (false, vec!["three".into()]));
    following.ended(attempt(1, 0));
    again.closed_by_reader().await;
    assert!(from.try_recv().is_err(), "nothing of the run that nobody follows");
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_and_no_line_comes_twice() {
    let (pipes, following, mut from) = set();
    let _watching = following.watch(RunId(1), LogFilter::default());
    let mut first = pipes.add();
    following.started(attempt(1, 0), key(attempt(1, 0)), pod());
    first.write_all(b"one\ntwo\n").await.unwrap();
    assert_eq!(next(&mut from).await, (true, vec!["one".into(), "two".into()]));
    drop(first);
    let mut second = pipes.add();
    second.write_all(b"one\n").await.unwrap();
    drop(second);
    let mut third = pipes.add();
    third.write_all(b"one\ntwo\nthree\n").await.unwrap();
    assert_eq!(next(&mut from).await, (false, vec!["three".into()]));
}

#[tokio::test]
async fn only_what_fits_is_read_and_no_more_pods_than_the_bound() {
    let (pipes, following, _from) = set();
    let one = LogFilter { task: Some("t3".into()), ..LogFilter::default() };
    let _watching = following.watch(RunId(1), one);
    let others = 2 * MAX_STREAMS as u16;
    let _pipes: Vec<_> = (0..others).map(|_| pipes.add()).collect();
    for task in 0..others {
        following.started(attempt(1, task), key(attempt(1, task)), pod());
    }
    let streams = |following: &Following| {
        let state = following.lock();
        let open = state.pods.values().filter(|e| e.stream.is_some()).count();
        assert_eq!(open, state.streams);
        open
    };
    assert_eq!(streams(&following), 1);
    let all = following.watch(RunId(1), LogFilter::default());
    assert_eq!(streams(&following), MAX_STREAMS);
    drop(all);
    assert_eq!(streams(&following), 1);
    following.ended(attempt(1, 3));
    assert_eq!(streams(&following), 0);
}

trait Closed {
    async fn closed_by_reader(self);
}

impl Closed for DuplexStream {
    /// Waits until the other end was let go of.
    async fn closed_by_reader(mut self) {
        let closed = async { while self.write_all(b"\n").await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(30), closed).await.unwrap();
    }
}
