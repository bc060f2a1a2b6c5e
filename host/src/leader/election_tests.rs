use super::*;

/// A candidate named `me` with the usual periods (15 s, 10 s, 2 s), on a clock of milliseconds.
struct Script {
    election: Election,
    base: Instant,
}

fn script() -> Script {
    let base = Instant::now();
    Script { election: Election::new("me".into(), Timing::default(), base), base }
}

fn lease(version: &str, holder: &str, seconds: Option<u64>) -> Looked {
    let holder = (!holder.is_empty()).then(|| holder.to_owned());
    Looked::Lease(Record { version: version.into(), holder, duration: seconds.map(Duration::from_secs) })
}

fn done(version: &str) -> Wrote {
    Wrote::Done(version.into())
}

impl Script {
    fn at(&self, ms: u64) -> Instant {
        self.base + Duration::from_millis(ms)
    }

    /// At that time, what to do next is this, and it leads or not.
    fn expect(&mut self, ms: u64, step: &Step, leads: bool) -> &mut Script {
        let now = self.at(ms);
        assert_eq!((self.election.next(now), self.election.leads(now)), (step.clone(), leads), "at {ms} ms");
        self
    }

    fn waits(&mut self, ms: u64, until: u64, leads: bool) -> &mut Script {
        let until = Step::Wait(self.at(until));
        self.expect(ms, &until, leads)
    }

    fn looked(&mut self, ms: u64, looked: Looked) -> &mut Script {
        let now = self.at(ms);
        self.election.looked(looked, now);
        self
    }

    fn wrote(&mut self, write: Write, sent: u64, ms: u64, wrote: Wrote) -> &mut Script {
        let (sent, now) = (self.at(sent), self.at(ms));
        self.election.wrote(write, wrote, sent, now);
        self
    }

    /// Leads since the renewal that was sent at 0.
    fn leading(&mut self) -> &mut Script {
        self.looked(0, Looked::Nothing).wrote(Write::Create, 0, 10, done("1"))
    }
}

const TAKE: Step = Step::Write(Write::Take);
const RENEW: Step = Step::Write(Write::Renew);

#[test]
fn a_lease_that_is_not_there_or_free_is_taken_at_once() {
    script().expect(0, &Step::Look, false).looked(5, Looked::Nothing).expect(5, &Step::Write(Write::Create), false);
    let mut free = script();
    free.looked(5, lease("7", "", None)).expect(5, &TAKE, false);
    free.wrote(Write::Take, 6, 20, done("8")).waits(20, 2_006, true).expect(2_006, &RENEW, true);
}

#[test]
fn a_holder_is_waited_for_as_long_as_its_lease_says_since_it_was_seen() {
    for (says, expires) in [(Some(15), 15_000), (Some(30), 30_000), (Some(1), 1_000), (None, 15_000)] {
        let mut s = script();
        // It is looked at every two seconds; the last look is when it expires.
        let mut at = 0;
        while at < expires {
            s.looked(at, lease("7", "other", says)).waits(at, (at + 2_000).min(expires), false);
            at = (at + 2_000).min(expires);
        }
        s.expect(expires, &Step::Look, false).looked(expires, lease("7", "other", says)).expect(expires, &TAKE, false);
    }
}

#[test]
fn any_change_begins_the_wait_anew() {
    let mut s = script();
    s.looked(0, lease("7", "other", Some(15))).looked(14_999, lease("8", "other", Some(15)));
    s.waits(15_000, 16_999, false).looked(29_998, lease("8", "other", Some(15))).waits(29_998, 29_999, false);
    s.looked(29_999, lease("8", "other", Some(15))).expect(29_999, &TAKE, false);
}

#[test]
fn who_comes_second_looks_again_and_waits() {
    let mut s = script();
    s.looked(0, Looked::Nothing).wrote(Write::Create, 1, 2, Wrote::Conflict).expect(2, &Step::Look, false);
    s.looked(3, lease("1", "other", Some(15))).waits(3, 2_003, false);
    assert_eq!(s.election.holder(), Some("other"));
}

#[test]
fn a_write_whose_answer_was_lost_shows_when_it_looks() {
    let mut s = script();
    s.looked(0, lease("7", "", None)).wrote(Write::Take, 1, 5_000, Wrote::Failed).waits(5_000, 7_000, false);
    s.looked(7_000, lease("8", "me", Some(15))).expect(7_000, &RENEW, false);
    s.wrote(Write::Renew, 7_001, 7_010, done("9")).waits(7_010, 9_001, true);
    // A leader's renewal, the same.
    s.wrote(Write::Renew, 9_001, 9_500, Wrote::Failed).waits(9_500, 11_500, true);
    s.looked(11_510, lease("10", "me", Some(15))).expect(11_510, &RENEW, true);
    s.wrote(Write::Renew, 11_511, 11_520, done("11")).waits(11_520, 13_511, true);
}

#[test]
fn the_deadline_counts_from_before_the_last_good_renewal_was_sent() {
    let mut s = script();
    s.leading().wrote(Write::Renew, 2_000, 2_900, done("2"));
    s.wrote(Write::Renew, 4_000, 9_000, Wrote::Failed).waits(9_000, 11_000, true);
    // It is woken for its deadline, not only for its next try.
    s.looked(11_000, Looked::Failed).waits(11_000, 12_000, true);
    let lost = Step::Lost(Lost::NotRenewed { within: Duration::from_secs(10) });
    s.expect(11_999, &Step::Wait(s.at(12_000)), true).expect(12_000, &lost, false);
    // Nothing that comes later changes that.
    s.wrote(Write::Renew, 11_900, 12_001, done("3"))
        .looked(12_002, lease("3", "me", None))
        .expect(12_003, &lost, false);
}

#[test]
fn who_was_frozen_does_not_lead_when_it_goes_on() {
    let lost = Step::Lost(Lost::NotRenewed { within: Duration::from_secs(10) });
    let mut s = script();
    s.leading().waits(20, 2_000, true).expect(60_000, &lost, false);
    // Frozen while a renewal was under way that was carried out.
    let mut s = script();
    s.leading().wrote(Write::Renew, 2_000, 60_000, done("2")).expect(60_000, &lost, false);
    // Frozen while it was about to become the leader.
    let mut s = script();
    s.looked(0, Looked::Nothing).wrote(Write::Create, 1, 60_000, done("1")).expect(60_000, &lost, false);
}

#[test]
fn a_leader_that_sees_another_holder_has_lost() {
    for (holder, by) in [("other", Some("other".to_owned())), ("", None)] {
        let mut s = script();
        s.leading().wrote(Write::Renew, 2_000, 2_010, Wrote::Conflict).expect(2_010, &Step::Look, true);
        s.looked(2_020, lease("5", holder, Some(15))).expect(2_020, &Step::Lost(Lost::Taken { by }), false);
    }
}

#[test]
fn a_lease_that_somebody_only_annotated_is_kept() {
    let mut s = script();
    s.leading().wrote(Write::Renew, 2_000, 2_010, Wrote::Conflict).looked(2_020, lease("5", "me", Some(15)));
    s.expect(2_020, &RENEW, true).wrote(Write::Renew, 2_021, 2_030, done("6")).waits(2_030, 4_021, true);
}

#[test]
fn a_lease_that_somebody_deleted_is_made_again_by_its_holder_alone() {
    let mut s = script();
    s.leading().wrote(Write::Renew, 2_000, 2_010, Wrote::Conflict).looked(2_020, Looked::Nothing);
    s.expect(2_020, &Step::Write(Write::Create), true);
    let mut other = script();
    other.looked(0, lease("7", "me too", Some(15))).looked(2_000, Looked::Nothing).waits(2_000, 4_000, false);
    other.looked(14_000, Looked::Nothing).waits(14_000, 15_000, false);
    other.looked(15_000, Looked::Nothing).expect(15_000, &Step::Write(Write::Create), false);
}

#[test]
fn who_is_told_to_let_go_does_so_if_it_holds_the_lease() {
    let mut s = script();
    s.leading();
    s.election.let_go(s.at(500));
    s.expect(500, &Step::Look, false).looked(510, lease("1", "me", Some(15)));
    s.expect(510, &Step::Write(Write::Release), false).wrote(Write::Release, 510, 520, done("2"));
    s.expect(520, &Step::Released, false);

    let mut taken = script();
    taken.leading();
    taken.election.let_go(taken.at(500));
    taken.looked(510, lease("9", "other", Some(15))).expect(510, &Step::Released, false);

    let mut away = script();
    away.leading();
    away.election.let_go(away.at(500));
    away.looked(600, Looked::Failed).waits(600, 2_600, false).looked(2_600, Looked::Failed);
    away.expect(10_000, &Step::Released, false);

    let mut never = script();
    never.looked(0, lease("7", "other", Some(15)));
    never.election.let_go(never.at(500));
    never.expect(500, &Step::Released, false);
}

#[test]
fn no_call_is_waited_for_beyond_the_deadline() {
    let mut s = script();
    assert_eq!(s.election.patience(s.at(0)), s.at(5_000));
    s.leading();
    for (now, until) in [(1_000, 6_000), (5_000, 10_000), (8_000, 10_000)] {
        assert_eq!(s.election.patience(s.at(now)), s.at(until), "at {now}");
    }
}
