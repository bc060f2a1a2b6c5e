//! Ticks of single schedules, as a user would check them by hand.

#![allow(clippy::unwrap_used, reason = "a panic in a test is its failure message")]

use std::time::Duration;
use wharf_core::schedule::{Schedule, Zone, duration};
use wharf_core::time::Timestamp;

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn schedule(expr: &str, zone: &str) -> Schedule {
    Schedule::parse(expr, Zone::parse(zone).unwrap()).unwrap()
}

/// The ticks that follow `from`, as many as are expected.
fn check(expr: &str, zone: &str, from: &str, expected: &[&str]) {
    let schedule = schedule(expr, zone);
    let ticks = std::iter::successors(schedule.next_after(time(from)), |tick| schedule.next_after(*tick));
    let ticks: Vec<String> = ticks.take(expected.len()).map(|tick| tick.to_string()).collect();
    assert_eq!(ticks, expected, "`{expr}` in {zone} from {from}");
}

#[test]
fn names_stand_for_expressions() {
    for (name, expr) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("  @annually ", "0 0 1 1 *"),
    ] {
        let from = time("2024-02-28T12:34:56.789Z");
        assert_eq!(schedule(name, "UTC").next_after(from), schedule(expr, "UTC").next_after(from), "{name}");
    }
}

#[test]
fn a_tick_is_after_the_instant_asked_about() {
    check("0 6 * * *", "UTC", "2024-01-01T05:59:59.999999Z", &["2024-01-01T06:00:00Z"]);
    check("0 6 * * *", "UTC", "2024-01-01T06:00:00Z", &["2024-01-02T06:00:00Z"]);
    let daily = schedule("0 6 * * *", "UTC");
    for (at, last) in [
        ("2024-01-02T06:00:00Z", "2024-01-02T06:00:00Z"),
        ("2024-01-02T05:59:59.999999Z", "2024-01-01T06:00:00Z"),
        ("2024-01-02T06:00:00.000001Z", "2024-01-02T06:00:00Z"),
    ] {
        assert_eq!(daily.last_at_or_before(time(at)), Some(time(last)), "{at}");
    }
}

#[test]
fn spring_skips_and_autumn_repeats() {
    check("30 2 * * *", "America/New_York", "2024-03-09T12:00:00Z", &["2024-03-11T06:30:00Z"]);
    check(
        "30 1 * * *",
        "America/New_York",
        "2024-11-03T00:00:00Z",
        &["2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z", "2024-11-04T06:30:00Z"],
    );
    // The clocks go back by half an hour at 2:00.
    check(
        "*/15 1 * * *",
        "Australia/Lord_Howe",
        "2024-04-06T14:20:00Z",
        &[
            "2024-04-06T14:30:00Z",
            "2024-04-06T14:45:00Z",
            "2024-04-06T15:00:00Z",
            "2024-04-06T15:15:00Z",
            "2024-04-07T14:30:00Z",
        ],
    );
    // Midnight is leapt over.
    check("0 0 * * *", "America/Sao_Paulo", "2017-10-14T12:00:00Z", &["2017-10-16T02:00:00Z"]);
    check("0 12 30 * *", "Pacific/Apia", "2011-12-01T00:00:00Z", &["2012-01-29T22:00:00Z"]);
}

#[test]
fn rare_dates() {
    assert_eq!(schedule("0 0 29 2 *", "UTC").next_after(time("2096-03-01T00:00:00Z")), None);
    check("0 0 29 2 1", "UTC", "2024-02-27T00:00:00Z", &["2024-02-29T00:00:00Z", "2025-02-03T00:00:00Z"]);
    check("0 0 31 2 mon", "UTC", "2024-02-20T00:00:00Z", &["2024-02-26T00:00:00Z", "2025-02-03T00:00:00Z"]);
}

#[test]
fn the_ends_of_time() {
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Monrovia"] {
        let hourly = schedule("@hourly", zone);
        let first = hourly.next_after(Timestamp::from_micros(i64::MIN)).unwrap();
        let last = hourly.last_at_or_before(Timestamp::from_micros(i64::MAX)).unwrap();
        assert!(first < time("1970-01-01T13:00:00Z") && last >= time("2100-12-31T09:00:00Z"), "{zone}: {first} {last}");
        assert_eq!(hourly.last_at_or_before(Timestamp::from_micros(first.as_micros() - 1)), None, "{zone}");
        assert_eq!(hourly.next_after(last), None, "{zone}");
    }
}

#[test]
fn every_counts_from_the_previous_tick() {
    check("@every 90m", "UTC", "2024-01-01T00:10:00Z", &["2024-01-01T01:40:00Z", "2024-01-01T03:10:00Z"]);
    // Whole seconds, and at least one.
    check("@every 1m", "UTC", "2024-01-01T00:00:00.750Z", &["2024-01-01T00:01:00Z"]);
    check("@every 1.9s", "UTC", "2024-01-01T00:00:00Z", &["2024-01-01T00:00:01Z"]);
    check("@every 5ms", "UTC", "2024-01-01T00:00:00Z", &["2024-01-01T00:00:01Z"]);
    let every = schedule("@every 1h30m", "UTC");
    assert_eq!(every.period(), Some(Duration::from_secs(5400)));
    assert_eq!(every.last_at_or_before(time("2024-01-01T00:00:00Z")), None);
    assert_eq!(schedule("@daily", "UTC").period(), None);
}

/// `newest` and `older` of the ticks between two times.
fn check_between(expr: &str, after: &str, until: &str, max: usize, newest: &[&str], older: u64) {
    let ticks = schedule(expr, "Europe/Berlin").ticks_between(time(after), time(until), max);
    let found: Vec<String> = ticks.newest.iter().map(ToString::to_string).collect();
    assert_eq!((found, ticks.older, ticks.uncounted), (newest.iter().map(ToString::to_string).collect(), older, false));
}

#[test]
fn missed_ticks() {
    let (monday, thursday) = ("2024-01-01T05:00:00Z", "2024-01-04T05:00:00Z");
    let last_two = ["2024-01-03T05:00:00Z", "2024-01-04T05:00:00Z"];
    check_between("0 6 * * *", monday, thursday, 2, &last_two, 1);
    check_between("0 6 * * *", monday, "2024-01-04T04:59:59Z", 5, &["2024-01-02T05:00:00Z", "2024-01-03T05:00:00Z"], 0);
    check_between("0 6 * * *", monday, thursday, 0, &[], 3);
    check_between("0 6 * * *", thursday, monday, 9, &[], 0);
    check_between("@every 24h", monday, thursday, 2, &last_two, 1);
    check_between("@every 24h", "2024-01-01T05:00:00.5Z", thursday, 1, &["2024-01-04T05:00:00Z"], 2);
    check_between("@every 24h", thursday, monday, 2, &[], 0);
}

#[test]
fn counting_of_missed_ticks_is_bounded() {
    let ticks =
        schedule("* * * * *", "UTC").ticks_between(time("2000-01-01T00:00:00Z"), time("2024-01-01T00:00:00Z"), 3);
    assert_eq!((ticks.newest.len(), ticks.older, ticks.uncounted), (3, 10_000, true));
    let ticks = schedule("@every 1s", "UTC").ticks_between(
        Timestamp::from_micros(i64::MIN),
        Timestamp::from_micros(i64::MAX),
        2,
    );
    assert_eq!((ticks.newest.len(), ticks.older), (2, 18_446_744_073_707));
}

#[test]
fn a_schedule_shows_as_it_was_written() {
    let schedule = schedule(" 0 6 * * mon-fri ", "Europe/Berlin");
    assert_eq!(
        (schedule.to_string().as_str(), schedule.zone().to_string().as_str()),
        ("0 6 * * mon-fri", "Europe/Berlin")
    );
}

#[test]
fn zones_are_stored_by_name() {
    let zone = Zone::parse("Asia/Kathmandu").unwrap();
    assert_eq!(serde_json::to_string(&zone).unwrap(), r#""Asia/Kathmandu""#);
    assert_eq!(serde_json::from_str::<Zone>(r#""Asia/Kathmandu""#).unwrap(), zone);
    assert!(serde_json::from_str::<Zone>(r#""Asia/Nowhere""#).is_err());
}

#[test]
fn durations_are_read_and_shown() {
    for (text, nanos, shown) in [
        ("90s", 90_000_000_000, "1m30s"),
        ("5m", 300_000_000_000, "5m"),
        ("1h30m", 5_400_000_000_000, "1h30m"),
        ("250ms", 250_000_000, "250ms"),
        ("1.5h", 5_400_000_000_000, "1h30m"),
        (".5s", 500_000_000, "500ms"),
        ("1.s", 1_000_000_000, "1s"),
        ("+1m", 60_000_000_000, "1m"),
        ("0", 0, "0s"),
        ("0s", 0, "0s"),
        ("1s1s", 2_000_000_000, "2s"),
        ("3\u{b5}s", 3_000, "3us"),
        ("3\u{3bc}s7ns", 3_007, "3us7ns"),
        ("0.1234567891234567891234567891s", 123_456_789, "123ms456us789ns"),
        ("2562047h47m16.854775807s", i64::MAX as u64, "2562047h47m16s854ms775us807ns"),
    ] {
        let read = duration::parse(text).unwrap();
        assert_eq!(
            (read, duration::display(read).to_string().as_str()),
            (Duration::from_nanos(nanos), shown),
            "{text}"
        );
        assert_eq!(duration::parse(shown).unwrap(), read, "{shown}");
    }
}

/// Ticks that robfig/cron v3.0.1 gives, which Kubernetes reads its schedules with; `data/robfig.go` made the file.
#[test]
fn ticks_as_a_cron_job() {
    let file = include_str!("data/robfig-cron-v3.0.1.tsv");
    assert!(file.lines().count() > 400);
    for line in file.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        check(parts[0], parts[1], parts[2], &parts[3..]);
    }
}
