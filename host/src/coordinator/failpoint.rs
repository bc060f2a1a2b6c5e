//! Points at which a test kills the coordinator, or has it stand still. Without the feature `failpoints` nothing is there.

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
    /// It does not lead any more, and is about to end for that.
    Deposed,
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
    use std::time::Duration;

    /// `WHARF_FAILPOINTS`, for example `after-append=37,before-create=2:freeze`: the pass at which each point does what it is
    /// there for, and the count down to it.
    static POINTS: LazyLock<Vec<Armed>> =
        LazyLock::new(|| std::env::var("WHARF_FAILPOINTS").map(|text| read(&text)).unwrap_or_default());

    /// A point, and what happens there.
    struct Armed {
        point: Point,
        left: AtomicU64,
        act: Act,
    }

    #[derive(Clone, Copy)]
    enum Act {
        /// SIGKILL; what a point does that says nothing else.
        Kill,
        /// `freeze`: SIGSTOP of the whole process.
        Freeze,
        /// `hold`: this thread alone stands still for a while, as one that the system lets wait.
        Hold,
    }

    /// How long [`Act::Hold`] takes.
    const HOLD: Duration = Duration::from_secs(30);

    const NAMES: [(&str, Point); 11] = [
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
        ("deposed", Point::Deposed),
    ];

    fn read(text: &str) -> Vec<Armed> {
        text.split(',')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, rest) = part.split_once('=').unwrap_or((part, "1"));
                let (count, act) = rest.split_once(':').unwrap_or((rest, ""));
                let point = NAMES.iter().find(|(n, _)| *n == name).map(|(_, p)| *p);
                let act = match act {
                    "" => Some(Act::Kill),
                    "freeze" => Some(Act::Freeze),
                    "hold" => Some(Act::Hold),
                    _ => None,
                };
                match (point, count.parse(), act) {
                    (Some(point), Ok(count), Some(act)) => Armed { point, left: AtomicU64::new(count), act },
                    _ => panic!("WHARF_FAILPOINTS: `{part}` is no point with a count"),
                }
            })
            .collect()
    }

    /// Does what is to be done at a point when its count has come.
    pub(crate) fn pass(point: Point) {
        for armed in POINTS.iter().filter(|armed| armed.point == point) {
            let before = armed.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            if before != Ok(1) {
                continue;
            }
            let signal = |signal| {
                let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
            };
            match armed.act {
                Act::Kill => {
                    signal(rustix::process::Signal::KILL);
                    loop {
                        std::thread::park();
                    }
                }
                Act::Freeze => signal(rustix::process::Signal::STOP),
                Act::Hold => std::thread::sleep(HOLD),
            }
        }
    }
}
