//! Where hours, days, months and years begin on the time line. Seconds since the Unix epoch; local times likewise, as if
//! the wall clock showed UTC.

use crate::schedule::{REACH, Zone};
use chrono::{DateTime, NaiveDate};

const HOUR: i64 = 3600;

/// The first second from which on the wall clock never shows an earlier time than `local`. Where the clocks leap over
/// `local`, that is when they leap; where they show it twice, it is the second time only if they go back to before it.
pub(super) fn settles(zone: Zone, local: i64) -> i64 {
    let mut from = local - REACH;
    let mut settled = from;
    while from < local + REACH {
        let steady = zone.steady_from(from);
        let reached = steady.until.min(local - steady.offset);
        if reached > from {
            settled = reached;
        }
        from = steady.until;
    }
    settled
}

/// The second at which a day begins.
pub(super) fn day(zone: Zone, date: NaiveDate) -> i64 {
    settles(zone, date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
}

/// The local time at which the hour of a local time begins.
pub(super) fn hour_of(local: i64) -> i64 {
    local - local.rem_euclid(HOUR)
}

/// The hour that a second lies in: where it begins and where it ends.
///
/// An hour lasts while the wall clock shows one and the same hour, and a new one begins whenever it shows a full hour. So
/// an hour that is shown twice is two; but where the clocks go back half an hour within one, that one is 90 minutes long.
pub(super) fn hour(zone: Zone, at: i64) -> (i64, i64) {
    let hour = hour_of(at + zone.offset_at(at));
    let shows = |second: i64| hour_of(second + zone.offset_at(second)) == hour;

    let mut steady = zone.steady_to(at);
    while hour - steady.offset < steady.since && shows(steady.since - 1) {
        steady = zone.steady_to(steady.since - 1);
    }
    let start = steady.since.max(hour - steady.offset);

    let mut steady = zone.steady_from(at);
    let goes_on = |second: i64| shows(second) && second + zone.offset_at(second) != hour;
    while hour + HOUR - steady.offset >= steady.until && goes_on(steady.until) {
        steady = zone.steady_from(steady.until);
    }
    (start, steady.until.min(hour + HOUR - steady.offset))
}

/// The seconds at which the hours begin that the wall clock shows as the one of `local`: none, one or two.
pub(super) fn hours_shown(zone: Zone, local: i64) -> Vec<i64> {
    let mut starts = Vec::with_capacity(2);
    let mut from = local - REACH;
    while from < local + REACH {
        let steady = zone.steady_from(from);
        let first = from.max(local - steady.offset);
        if first < steady.until.min(local + HOUR - steady.offset) {
            let (start, _) = hour(zone, first);
            if starts.last() != Some(&start) {
                starts.push(start);
            }
        }
        from = steady.until;
    }
    starts
}

/// The date on the wall at a second; nothing beyond the years 1 to 9999, which have a key.
pub(super) fn date(zone: Zone, at: i64) -> Option<NaiveDate> {
    use chrono::Datelike;
    let local = DateTime::from_timestamp(at + zone.offset_at(at), 0)?.date_naive();
    (1..=9999).contains(&local.year()).then_some(local)
}
