//! Points at which a test kills the coordinator. Without the feature `failpoints` nothing is there.

/// A point in the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// A batch is decided and not handed to the store.
    BeforeAppend,
    /// A batch is durable, and none of its actions is performed.
    AfterAppend,
    /// Half of a batch's starts went to workers; in a cluster: the API server took a Job, and the loop does not know.
    AfterAct,
    /// A Job is about to be created.
    BeforeCreate,
    /// The loop knows that a Job is created.
    AfterCreate,
    /// The executor said how an attempt ended; nothing of it is recorded.
    OutcomeReceived,
    /// An attempt's artifacts are in the store; its outcome is not recorded.
    AfterPromote,
    /// An attempt's outcome is durable.
    AfterRecord,
    /// What is left of a recorded attempt in the cluster is about to be removed.
    BeforeRelease,
    /// It is removed.
    AfterRelease,
}

#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn pass(_point: Point) {}

#[cfg(feature = "failpoints")]
pub(crate) use on::pass;

#[cfg(feature = "failpoints")]
mod on {
    use super::Point;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// `WHARF_FAILPOINTS`, for example `after-append=37,after-record=120`: the pass at which each point kills; the count
    /// down to it.
    static POINTS: LazyLock<Vec<(Point, AtomicU64)>> =
        LazyLock::new(|| std::env::var("WHARF_FAILPOINTS").map(|text| read(&text)).unwrap_or_default());

    const NAMES: [(&str, Point); 10] = [
        ("before-append", Point::BeforeAppend),
        ("after-append", Point::AfterAppend),
        ("after-act", Point::AfterAct),
        ("before-create", Point::BeforeCreate),
        ("after-create", Point::AfterCreate),
        ("outcome-received", Point::OutcomeReceived),
        ("after-promote", Point::AfterPromote),
        ("after-record", Point::AfterRecord),
        ("before-release", Point::BeforeRelease),
        ("after-release", Point::AfterRelease),
    ];

    fn read(text: &str) -> Vec<(Point, AtomicU64)> {
        text.split(',')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, count) = part.split_once('=').unwrap_or((part, "1"));
                let point = NAMES.iter().find(|(n, _)| *n == name).map(|(_, p)| *p);
                match (point, count.parse()) {
                    (Some(point), Ok(count)) => (point, AtomicU64::new(count)),
                    _ => panic!("WHARF_FAILPOINTS: `{part}` is no point with a count"),
                }
            })
            .collect()
    }

    /// Kills this process with SIGKILL when the point's count has come.
    pub(crate) fn pass(point: Point) {
        for (_, left) in POINTS.iter().filter(|(p, _)| *p == point) {
            let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            if before == Ok(1) {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                loop {
                    std::thread::park();
                }
            }
        }
    }
}
