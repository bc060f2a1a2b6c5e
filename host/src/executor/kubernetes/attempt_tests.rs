use super::*;
use crate::executor::kubernetes::status::Waiting;
use crate::executor::kubernetes::stopwatch::Stopwatch;
use wharf_contract::Usage;
use wharf_contract::pod::PodReport;

const GRACE: Duration = Duration::from_secs(10);
const START: Duration = Duration::from_secs(600);

fn settings() -> Kubernetes {
    let start_deadline_us = u64::try_from(START.as_micros()).unwrap();
    Kubernetes { start_deadline_us, ..crate::executor::kubernetes::manifest::tests::settings() }
}

fn report(cause: Cause) -> Observation {
    let outcome = match cause {
        Cause::Succeeded => Outcome::succeeded(wharf_contract::Payload::Json(serde_json::from_str("1").unwrap())),
        cause => Outcome::failed(cause, "said so"),
    };
    let end = End::Report(Box::new(PodReport::Outcome(Box::new(outcome))));
    Observation::Ended(Ending { end, interrupted: None, pod: Some("uid".into()), started: true })
}

fn silent(cause: Cause, pod: bool, started: bool) -> Observation {
    let end = End::Fallback(cause, "no word".into());
    Observation::Ended(Ending { end, interrupted: None, pod: pod.then(|| "uid".into()), started })
}

/// Feeds one input after another, and checks what comes out: effects by their names, the end with its cause and place.
fn check(attempt: &mut Attempt, steps: Vec<(u64, Input, &str)>) {
    let (began, settings) = (Instant::now(), settings());
    for (seconds, input, expect) in steps {
        let what = format!("{seconds}: {input:?}");
        let effects = attempt.on(input, began + Duration::from_secs(seconds), &settings);
        let said: Vec<_> = effects.iter().map(word).collect();
        assert_eq!(said.join(" "), expect, "{what}");
    }
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::End(outcome, Staged::Nowhere) => format!("end:{}", outcome.cause),
        Effect::End(outcome, Staged::Pod { uid, .. }) => format!("end:{}:{uid}", outcome.cause),
        Effect::End(_, Staged::Local) => panic!("nothing is staged here"),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn waiting(why: &str) -> Observation {
    Observation::Waiting(Waiting::Scheduling(why.into()))
}

#[test]
fn an_attempt_runs_and_is_cleared() {
    use Input::*;
    let mut attempt = Attempt::new(GRACE);
    check(
        &mut attempt,
        vec![
            (0, Room, "make"),
            (0, Trying("the API server is away".into()), ""),
            (1, Made, ""),
            (2, Saw(waiting("no node")), ""),
            (3, Saw(Observation::Running), ""),
            (4, Saw(report(Cause::Succeeded)), "end:succeeded:uid"),
            (5, Saw(Observation::Gone), ""),
            (6, Recorded, "clear"),
            (6, Saw(Observation::Gone), ""),
            (7, Cleared, "forget"),
        ],
    );
}

/// The phases that an attempt is through with, and the seconds that each took.
fn phases(
    mut attempt: Attempt,
    mut watch: Stopwatch,
    began: Instant,
    steps: Vec<(u64, Input)>,
) -> Vec<(&'static str, u64)> {
    let settings = settings();
    let mut done = Vec::new();
    for (seconds, input) in steps {
        let now = began + Duration::from_secs(seconds);
        attempt.on(input, now, &settings);
        done.extend(watch.reach(attempt.phase(), now));
    }
    done.into_iter().map(|(phase, time)| (phase.as_str(), time.as_secs())).collect()
}

#[test]
fn an_attempt_tells_how_long_its_phases_take() {
    use Input::*;
    let pulling = || Saw(Observation::Waiting(Waiting::Starting(None)));
    let new = |now| (Attempt::new(GRACE), Stopwatch::started(AttemptPhase::Queued, now));
    let check = |from: fn(Instant) -> (Attempt, Stopwatch), steps: Vec<(u64, Input)>, expect: &[(&str, u64)]| {
        let now = Instant::now();
        let (attempt, watch) = from(now);
        assert_eq!(phases(attempt, watch, now, steps), expect);
    };
    check(
        new,
        vec![
            (1, Short("no room".into())),
            (2, Room),
            (4, Made),
            (5, Saw(waiting("no node"))),
            (8, pulling()),
            (13, Saw(Observation::Running)),
            (21, Saw(report(Cause::Succeeded))),
            (30, Recorded),
        ],
        &[("queued", 2), ("created", 2), ("scheduled", 4), ("started", 5), ("guest", 8)],
    );
    // A guest that ran between two looks; one without a word, whose log is read; a watch that lags.
    check(
        new,
        vec![(0, Room), (0, Made), (1, pulling()), (3, Saw(silent(Cause::OomKilled, true, true))), (9, Read)],
        &[("queued", 0), ("created", 0), ("scheduled", 1), ("started", 2), ("guest", 0)],
    );
    // One that never ran.
    check(
        new,
        vec![(0, Room), (1, Made), (2, pulling()), (3, Saw(silent(Cause::Evicted, true, false)))],
        &[("queued", 0), ("created", 1), ("scheduled", 1)],
    );
    check(new, vec![(7, Stop)], &[]);
    // One of an earlier coordinator.
    check(
        |_| (Attempt::inherited(GRACE), Stopwatch::default()),
        vec![(5, Verified(Observation::Running)), (9, Saw(report(Cause::Succeeded)))],
        &[],
    );
}

#[test]
fn a_wait_for_quota_moves_the_jobs_own_deadline() {
    use Input::*;
    let quota = || {
        let [quota, resource, requested, used, hard] = ["q", "pods", "1", "3", "3"].map(str::to_owned);
        Observation::Waiting(Waiting::Quota(crate::executor::kubernetes::quota::Shortage {
            quota,
            resource,
            requested,
            used,
            hard,
        }))
    };
    for mut attempt in [Attempt::new(GRACE), Attempt::inherited(GRACE)] {
        let begin = match attempt.is_inherited() {
            true => vec![],
            false => vec![(0, Room, "make"), (0, Made, "")],
        };
        check(&mut attempt, begin);
        check(
            &mut attempt,
            vec![
                (1, Saw(quota()), "extend"),
                (2, Saw(quota()), ""),
                (1_799, Tick, ""),
                (1_801, Tick, "extend"),
                (1_802, Tick, ""),
                // Longer than a start may take, which it does not count for.
                (5_000, Saw(waiting("no node")), ""),
                (5_300, Saw(quota()), ""),
                (5_301, Saw(Observation::Running), ""),
                (20_000, Tick, ""),
                (20_001, Saw(report(Cause::Succeeded)), "end:succeeded:uid"),
            ],
        );
    }
    let mut stopped = Attempt::new(GRACE);
    check(&mut stopped, vec![(0, Room, "make"), (0, Made, ""), (1, Stop, "delete"), (2, Saw(quota()), "")]);
}

#[test]
fn an_end_without_a_word_is_read_first() {
    use Input::*;
    let begin = || vec![(0, Room, "make"), (0, Made, ""), (0, Saw(Observation::Running), "")];
    let mut steps = begin();
    steps.extend([(1, Saw(silent(Cause::OomKilled, true, true)), "read"), (2, Read, "end:oom-killed:uid")]);
    check(&mut Attempt::new(GRACE), steps);
    let mut steps = begin();
    steps.push((1, Saw(silent(Cause::Evicted, true, false)), "end:evicted:uid"));
    check(&mut Attempt::new(GRACE), steps);
    // Nothing that only a watch says is the last word where there is no pod.
    let mut steps = begin();
    steps.extend([
        (1, Saw(silent(Cause::PodDeleted, false, true)), "verify"),
        (1, Saw(Observation::Gone), ""),
        (2, Verified(report(Cause::Succeeded)), "end:succeeded:uid"),
    ]);
    check(&mut Attempt::new(GRACE), steps);
}

#[test]
fn what_is_gone_is_gone_when_the_api_server_says_so() {
    use Input::*;
    let mut attempt = Attempt::new(GRACE);
    check(
        &mut attempt,
        vec![
            (0, Room, "make"),
            (0, Made, ""),
            (1, Saw(Observation::Gone), ""),
            (29, Tick, ""),
            (30, Tick, "verify"),
            (31, Verified(waiting("x")), ""),
            (32, Saw(Observation::Gone), "verify"),
            (33, Verified(Observation::Gone), "end:pod-deleted"),
        ],
    );
}

#[test]
fn a_stop_is_kept_whenever_it_comes() {
    use Input::*;
    check(&mut Attempt::new(GRACE), vec![(0, Stop, "end:cancelled")]);
    check(&mut Attempt::new(GRACE), vec![(0, Room, "make"), (0, Stop, "withdraw"), (1, Withdrawn, "end:cancelled")]);
    check(
        &mut Attempt::new(GRACE),
        vec![(0, Room, "make"), (0, Stop, "withdraw"), (1, Short("x".into()), "end:cancelled")],
    );
    let late = vec![
        (0, Room, "make"),
        (0, Stop, "withdraw"),
        (1, Made, "delete"),
        (1, Stop, ""),
        (2, Saw(Observation::Running), ""),
        (3, Saw(report(Cause::Cancelled)), "end:cancelled:uid"),
    ];
    check(&mut Attempt::new(GRACE), late);
    let silent_node = vec![
        (0, Room, "make"),
        (0, Made, ""),
        (0, Saw(Observation::Running), ""),
        (5, Stop, "delete"),
        (44, Tick, ""),
        (45, Tick, "end:cancelled"),
    ];
    check(&mut Attempt::new(GRACE), silent_node);
    let before_a_pod = vec![
        (0, Room, "make"),
        (0, Made, ""),
        (1, Saw(waiting("x")), ""),
        (2, Stop, "delete"),
        (3, Saw(Observation::Gone), "verify"),
        (3, Verified(Observation::Gone), "end:cancelled"),
    ];
    check(&mut Attempt::new(GRACE), before_a_pod);
    // A result that was there first stands.
    let won = vec![
        (0, Room, "make"),
        (0, Made, ""),
        (1, Stop, "delete"),
        (2, Saw(report(Cause::Succeeded)), "end:succeeded:uid"),
    ];
    check(&mut Attempt::new(GRACE), won);
}

#[test]
fn what_an_earlier_coordinator_started_goes_on_or_is_lost() {
    use Input::*;
    check(
        &mut Attempt::inherited(GRACE),
        vec![
            (0, Saw(Observation::Gone), ""),
            (1, Verified(Observation::Gone), "end:worker-lost"),
            (2, Recorded, "clear"),
        ],
    );
    check(
        &mut Attempt::inherited(GRACE),
        vec![(0, Saw(Observation::Running), ""), (9, Saw(report(Cause::Trap)), "end:trap:uid")],
    );
    check(
        &mut Attempt::inherited(GRACE),
        vec![
            (0, Stop, ""),
            (1, Saw(Observation::Running), "delete"),
            (2, Saw(report(Cause::Cancelled)), "end:cancelled:uid"),
        ],
    );
    check(
        &mut Attempt::inherited(GRACE),
        vec![(0, Close, ""), (1, Saw(report(Cause::Succeeded)), "end:succeeded:uid")],
    );
}

#[test]
fn a_coordinator_that_ends_leaves_what_is_in_the_cluster() {
    use Input::*;
    check(&mut Attempt::new(GRACE), vec![(0, Close, "end:worker-lost")]);
    check(&mut Attempt::new(GRACE), vec![(0, Room, "make"), (0, Close, "withdraw"), (1, Withdrawn, "end:worker-lost")]);
    check(
        &mut Attempt::new(GRACE),
        vec![(0, Room, "make"), (0, Close, "withdraw"), (1, Short("x".into()), "end:worker-lost")],
    );
    check(&mut Attempt::new(GRACE), vec![(0, Room, "make"), (0, Close, "withdraw"), (1, Made, "")]);
}

#[test]
fn every_wait_has_an_end() {
    use Input::*;
    let begin = || vec![(0, Room, "make"), (0, Made, "")];
    let mut steps = begin();
    steps.extend([(1, Saw(waiting("0/3 nodes")), ""), (599, Tick, ""), (601, Tick, "end:unschedulable")]);
    let mut attempt = Attempt::new(GRACE);
    check(&mut attempt, steps);
    let mut steps = begin();
    let dying = Observation::Stopping(Cause::NodeLost, "lost".into());
    steps.extend([(1, Saw(dying.clone()), ""), (50, Saw(dying), ""), (70, Tick, ""), (71, Tick, "end:node-lost")]);
    check(&mut Attempt::new(GRACE), steps);
    // What runs has its deadline elsewhere.
    let mut steps = begin();
    steps.extend([(1, Saw(Observation::Running), ""), (86_400, Tick, "")]);
    check(&mut Attempt::new(GRACE), steps);
}

/// A small generator: the walk needs variety, not secrecy.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// What the world still owes an attempt.
#[derive(Debug, Default)]
struct Owed {
    made: bool,
    verified: bool,
    read: bool,
    cleared: bool,
}

#[derive(Debug, Default)]
struct Told {
    made: u32,
    ends: u32,
    deleted: u32,
    forgotten: bool,
    recorded: bool,
}

fn perform(effects: Vec<Effect>, owed: &mut Owed, told: &mut Told, closed: bool) {
    for effect in effects {
        assert!(!told.forgotten, "{effect:?} after it was forgotten");
        assert!(told.ends == 0 || told.recorded, "{effect:?} between its end and its record");
        match effect {
            Effect::Make => {
                assert!(!owed.made && told.made == 0, "made twice");
                owed.made = true;
            }
            Effect::Withdraw => assert!(owed.made),
            Effect::Delete => {
                told.deleted += 1;
                assert_eq!(told.deleted, 1);
            }
            Effect::Verify => {
                assert!(!owed.verified, "asked twice at a time");
                owed.verified = true;
            }
            Effect::Extend => assert!(told.made > 0 && told.deleted == 0, "there is no Job to wait"),
            Effect::Read => owed.read = true,
            Effect::End(outcome, _) => {
                told.ends += 1;
                assert_eq!(told.ends, 1, "it ends once");
                assert!(
                    closed
                        || told.made > 0
                        || matches!(outcome.cause, Cause::Cancelled | Cause::PodRejected | Cause::WorkerLost)
                );
            }
            Effect::Clear => {
                assert!(told.recorded);
                owed.cleared = true;
            }
            Effect::Forget => told.forgotten = true,
        }
    }
}

fn observation(chance: &mut Chance) -> Observation {
    match chance.below(9) {
        0 => Observation::Gone,
        1 => Observation::Waiting(Waiting::Created(None)),
        2 => waiting("x"),
        3 => Observation::Running,
        4 => Observation::Stopping(Cause::PodDeleted, "deleted".into()),
        5 => report(Cause::Succeeded),
        6 => report(Cause::Cancelled),
        7 => silent(Cause::OomKilled, true, true),
        _ => silent(Cause::PodDeleted, false, chance.below(2) == 0),
    }
}

#[test]
fn whatever_happens_it_ends_once_and_leaves_nothing() {
    let settings = settings();
    for seed in 0..20_000 {
        let mut chance = Chance(seed);
        let inherited = chance.below(4) == 0;
        let mut attempt = if inherited { Attempt::inherited(GRACE) } else { Attempt::new(GRACE) };
        let (mut owed, mut told) = (Owed::default(), Told { made: u32::from(inherited), ..Told::default() });
        let (mut now, mut closed) = (Instant::now(), false);
        let step = |attempt: &mut Attempt, input: Input, now, owed: &mut Owed, told: &mut Told, closed| {
            let effects = attempt.on(input, now, &settings);
            perform(effects, owed, told, closed);
        };
        for _ in 0..chance.below(40) {
            now += Duration::from_millis(chance.below(20_000));
            let input = match chance.below(14) {
                0 => Input::Room,
                1 if owed.made => {
                    owed.made = false;
                    Input::Short("full".into())
                }
                2 if owed.made => {
                    (owed.made, told.made) = (false, told.made + 1);
                    Input::Made
                }
                3 if owed.made && chance.below(3) == 0 => {
                    owed.made = false;
                    Input::NotMade(Box::new(Outcome {
                        usage: Usage::default(),
                        ..Outcome::failed(Cause::PodRejected, "no")
                    }))
                }
                4 if owed.made && (attempt.is_asked() || closed) => {
                    owed.made = false;
                    Input::Withdrawn
                }
                5 if owed.verified || inherited => {
                    owed.verified = false;
                    Input::Verified(observation(&mut chance))
                }
                6 if owed.read => {
                    owed.read = false;
                    Input::Read
                }
                7 if chance.below(4) == 0 => Input::Stop,
                8 if chance.below(8) == 0 => {
                    closed = true;
                    Input::Close
                }
                9 => Input::Tick,
                10 => Input::Trying("busy".into()),
                _ => Input::Saw(observation(&mut chance)),
            };
            step(&mut attempt, input, now, &mut owed, &mut told, closed);
        }
        // From wherever it is: the calls are answered, it is told to stop, and nothing more is heard of it.
        for round in 0..20 {
            if told.ends > 0 {
                break;
            }
            let inputs = [
                (round == 0).then_some(Input::Stop),
                (round > 0 && std::mem::take(&mut owed.made)).then(|| {
                    told.made += 1;
                    Input::Made
                }),
                (std::mem::take(&mut owed.verified) || inherited).then_some(Input::Verified(Observation::Gone)),
                std::mem::take(&mut owed.read).then_some(Input::Read),
                Some(Input::Tick),
            ];
            for input in inputs.into_iter().flatten() {
                step(&mut attempt, input, now, &mut owed, &mut told, closed);
            }
            now = attempt.due(&settings).unwrap_or(now).max(now);
        }
        assert_eq!(told.ends, 1, "seed {seed}: {attempt:?}");
        told.recorded = true;
        step(&mut attempt, Input::Recorded, now, &mut owed, &mut told, closed);
        assert!(owed.cleared, "seed {seed}");
        step(&mut attempt, Input::Cleared, now, &mut owed, &mut told, closed);
        assert!(told.forgotten, "seed {seed}");
    }
}
