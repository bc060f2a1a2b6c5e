use super::*;
use expect_test::{Expect, expect};

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn unbounded(granularity: Granularity, zone: &str) -> Partitions {
    Partitions::calendar(granularity, Zone::parse(zone).unwrap(), None, None).unwrap()
}

fn bounded(granularity: Granularity, start: &str, end: &str) -> Partitions {
    let zone = Zone::parse("America/Los_Angeles").unwrap();
    Partitions::calendar(granularity, zone, Some(date(start)), Some(date(end))).unwrap()
}

fn words(list: &[&str]) -> Partitions {
    Partitions::Static(Keys::new(list.iter().map(ToString::to_string).collect()).unwrap())
}

/// One partition as text: key, start, length.
fn shown(p: &Partition) -> String {
    let hours = p.end.zip(p.start).map(|(end, start)| end.since(start).as_secs_f64() / 3600.0);
    let start = p.start.map(|t| t.to_string()).unwrap_or_default();
    format!("{} {start} {}h", p.key, hours.unwrap_or_default())
}

fn check_range(partitions: &Partitions, from: &str, to: &str, expected: &Expect) {
    let lines: Vec<String> = partitions.range(from, to).unwrap().map(|p| shown(&p)).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn days_have_23_24_or_25_hours() {
    let days = unbounded(Granularity::Daily, "America/Los_Angeles");
    check_range(
        &days,
        "2012-03-10",
        "2012-03-12",
        &expect![[r#"
        2012-03-10 2012-03-10T08:00:00Z 24h
        2012-03-11 2012-03-11T08:00:00Z 23h
        2012-03-12 2012-03-12T07:00:00Z 24h"#]],
    );
    check_range(
        &days,
        "2012-11-03",
        "2012-11-05",
        &expect![[r#"
        2012-11-03 2012-11-03T07:00:00Z 24h
        2012-11-04 2012-11-04T07:00:00Z 25h
        2012-11-05 2012-11-05T08:00:00Z 24h"#]],
    );
    // Midnight is leapt over, and shown twice.
    check_range(
        &unbounded(Granularity::Daily, "America/Sao_Paulo"),
        "2012-10-20",
        "2012-10-22",
        &expect![[r#"
        2012-10-20 2012-10-20T03:00:00Z 24h
        2012-10-21 2012-10-21T03:00:00Z 23h
        2012-10-22 2012-10-22T02:00:00Z 24h"#]],
    );
    check_range(
        &unbounded(Granularity::Daily, "America/Havana"),
        "2012-11-03",
        "2012-11-05",
        &expect![[r#"
        2012-11-03 2012-11-03T04:00:00Z 24h
        2012-11-04 2012-11-04T04:00:00Z 25h
        2012-11-05 2012-11-05T05:00:00Z 24h"#]],
    );
    // The clocks go back from 00:01 to 23:01 of the day before.
    check_range(
        &unbounded(Granularity::Daily, "America/St_Johns"),
        "2010-11-06",
        "2010-11-08",
        &expect![[r#"
        2010-11-06 2010-11-06T02:30:00Z 25h
        2010-11-07 2010-11-07T03:30:00Z 24h
        2010-11-08 2010-11-08T03:30:00Z 24h"#]],
    );
}

#[test]
fn a_day_that_never_was_has_no_partition() {
    let days = unbounded(Granularity::Daily, "Pacific/Apia");
    check_range(
        &days,
        "2011-12-28",
        "2012-01-01",
        &expect![[r#"
        2011-12-28 2011-12-28T10:00:00Z 24h
        2011-12-29 2011-12-29T10:00:00Z 24h
        2011-12-31 2011-12-30T10:00:00Z 24h
        2012-01-01 2011-12-31T10:00:00Z 24h"#]],
    );
    let months = unbounded(Granularity::Monthly, "Pacific/Apia");
    check_range(
        &months,
        "2011-11",
        "2012-01",
        &expect![[r#"
        2011-11 2011-11-01T10:00:00Z 720h
        2011-12 2011-12-01T10:00:00Z 720h
        2012-01 2011-12-31T10:00:00Z 744h"#]],
    );
    let day = days.parse_key("2011-12-31").unwrap();
    assert_eq!(days.shift(&day, -1).unwrap().key, "2011-12-29");
    assert_eq!(days.of_tick(day.start.unwrap(), 0).unwrap().key, "2011-12-29");
    let december = days.coarser(&day, Granularity::Monthly).unwrap();
    assert_eq!((december.key.as_str(), days.contained(&december).unwrap().len()), ("2011-12", 30));
}

#[test]
fn an_hour_shown_twice_is_two() {
    let hours = unbounded(Granularity::Hourly, "America/Los_Angeles");
    check_range(
        &hours,
        "2012-03-11T00",
        "2012-03-11T04",
        &expect![[r#"
        2012-03-11T00 2012-03-11T08:00:00Z 1h
        2012-03-11T01 2012-03-11T09:00:00Z 1h
        2012-03-11T03 2012-03-11T10:00:00Z 1h
        2012-03-11T04 2012-03-11T11:00:00Z 1h"#]],
    );
    check_range(
        &hours,
        "2012-11-04T00",
        "2012-11-04T02",
        &expect![[r#"
        2012-11-04T00 2012-11-04T07:00:00Z 1h
        2012-11-04T01-07:00 2012-11-04T08:00:00Z 1h
        2012-11-04T01-08:00 2012-11-04T09:00:00Z 1h
        2012-11-04T02 2012-11-04T10:00:00Z 1h"#]],
    );
    // Half an hour of summer time: one hour of 30 minutes in spring, one of 90 minutes in autumn.
    let hours = unbounded(Granularity::Hourly, "Australia/Lord_Howe");
    check_range(
        &hours,
        "2012-10-07T01",
        "2012-10-07T03",
        &expect![[r#"
        2012-10-07T01 2012-10-06T14:30:00Z 1h
        2012-10-07T02 2012-10-06T15:30:00Z 0.5h
        2012-10-07T03 2012-10-06T16:00:00Z 1h"#]],
    );
    check_range(
        &hours,
        "2012-04-01T00",
        "2012-04-01T03",
        &expect![[r#"
        2012-04-01T00 2012-03-31T13:00:00Z 1h
        2012-04-01T01 2012-03-31T14:00:00Z 1.5h
        2012-04-01T02 2012-03-31T15:30:00Z 1h
        2012-04-01T03 2012-03-31T16:30:00Z 1h"#]],
    );
    check_range(
        &unbounded(Granularity::Hourly, "Asia/Kathmandu"),
        "2012-01-05T00",
        "2012-01-05T01",
        &expect![[r#"
        2012-01-05T00 2012-01-04T18:15:00Z 1h
        2012-01-05T01 2012-01-04T19:15:00Z 1h"#]],
    );
    let hours = unbounded(Granularity::Hourly, "America/St_Johns");
    check_range(
        &hours,
        "2010-11-06T22",
        "2010-11-07T01",
        &expect![[r#"
        2010-11-06T22 2010-11-07T00:30:00Z 1h
        2010-11-06T23-02:30 2010-11-07T01:30:00Z 1h
        2010-11-07T00-02:30 2010-11-07T02:30:00Z 0.016666666666666666h
        2010-11-06T23-03:30 2010-11-07T02:31:00Z 0.9833333333333333h
        2010-11-07T00-03:30 2010-11-07T03:30:00Z 1h
        2010-11-07T01 2010-11-07T04:30:00Z 1h"#]],
    );
}

#[test]
fn months_years_and_everything() {
    check_range(
        &unbounded(Granularity::Monthly, "America/Los_Angeles"),
        "2012-02",
        "2012-04",
        &expect![[r#"
        2012-02 2012-02-01T08:00:00Z 696h
        2012-03 2012-03-01T08:00:00Z 743h
        2012-04 2012-04-01T07:00:00Z 720h"#]],
    );
    check_range(
        &unbounded(Granularity::Yearly, "UTC"),
        "2011",
        "2012",
        &expect![[r#"
        2011 2011-01-01T00:00:00Z 8760h
        2012 2012-01-01T00:00:00Z 8784h"#]],
    );
    check_range(
        &bounded(Granularity::All, "2012-01-01", "2012-12-31"),
        "all",
        "all",
        &expect!["all 2012-01-01T08:00:00Z 8784h"],
    );
    check_range(
        &words(&["north", "south", "west"]),
        "south",
        "west",
        &expect![[r#"
        south  0h
        west  0h"#]],
    );
}

#[test]
fn keys_and_ranges_that_are_refused() {
    let day = |key| bounded(Granularity::Daily, "2012-01-01", "2015-12-31").parse_key(key).unwrap_err();
    let hour = |key| unbounded(Granularity::Hourly, "America/Los_Angeles").parse_key(key).unwrap_err();
    let of = |p: Partitions, key: &str| p.parse_key(key).unwrap_err();
    let range =
        |from, to| bounded(Granularity::Hourly, "1900-01-01", "2015-12-31").range(from, to).map(drop).unwrap_err();
    let keys = |keys: &[&str]| Keys::new(keys.iter().map(ToString::to_string).collect()).unwrap_err();
    let errors = [
        day(""),
        day("2012-1-5"),
        day("2012-02-30"),
        day("2012-01"),
        day("+2012-01-05"),
        day("2012-01-05\u{e9}"),
        day("2011-12-31"),
        day("2016-01-01"),
        hour("2012-01-05"),
        hour("2012-01-05T"),
        hour("2012-01-05T24"),
        hour("2012-01-05T1\u{e9}"),
        hour("2012-01-05T13:00"),
        hour("2012-03-11T02"),
        hour("2012-11-04T01"),
        hour("2012-11-04T01-06:00"),
        hour("2012-01-05T13-08:00"),
        of(unbounded(Granularity::Daily, "Pacific/Apia"), "2011-12-30"),
        of(unbounded(Granularity::Monthly, "UTC"), "2012-13"),
        of(unbounded(Granularity::Yearly, "UTC"), "0000"),
        of(unbounded(Granularity::Yearly, "UTC"), "12012"),
        of(unbounded(Granularity::All, "UTC"), "everything"),
        of(words(&["north", "south"]), "nort"),
        of(words(&["north", "south"]), &"x".repeat(1000)),
        range("2012-01-05T13", "2012-01-05T12"),
        range("1900-01-05T13", "2012-01-05T12"),
        Partitions::calendar(Granularity::Daily, Zone::UTC, Some(date("2012-01-02")), Some(date("2012-01-01")))
            .unwrap_err(),
        words(&["a", "b"]).range("b", "a").map(drop).unwrap_err(),
        keys(&[]),
        keys(&["a", "b", "a"]),
        keys(&["a/b"]),
        keys(&[""]),
        keys(&["-a"]),
        unbounded(Granularity::Daily, "UTC")
            .contained(&Partition { key: "all".into(), start: None, end: None })
            .unwrap_err(),
    ];
    expect![[r#"
        `` is no daily partition: give one of the calendar, written as `2012-01-05`
        `2012-1-5` is no daily partition: give one of the calendar, written as `2012-01-05`
        `2012-02-30` is no daily partition: give one of the calendar, written as `2012-01-05`
        `2012-01` is no daily partition: give one of the calendar, written as `2012-01-05`
        `+2012-01-05` is no daily partition: give one of the calendar, written as `2012-01-05`
        `2012-01-05é` is no daily partition: give one of the calendar, written as `2012-01-05`
        partition `2011-12-31` lies outside the flow's partitions, 2012-01-01 to 2015-12-31
        partition `2016-01-01` lies outside the flow's partitions, 2012-01-01 to 2015-12-31
        `2012-01-05` is no hourly partition: give one of the calendar, written as `2012-01-05T13`
        `2012-01-05T` is no hourly partition: give one of the calendar, written as `2012-01-05T13`
        `2012-01-05T24` is no hourly partition: give one of the calendar, written as `2012-01-05T13`
        `2012-01-05T1é` is no hourly partition: give one of the calendar, written as `2012-01-05T13`
        `2012-01-05T13:00` is no hourly partition: give one of the calendar, written as `2012-01-05T13`
        there is no partition `2012-03-11T02`: the clocks of America/Los_Angeles leapt over it
        `2012-11-04T01` does not name one partition: write `2012-11-04T01-07:00` or `2012-11-04T01-08:00`
        `2012-11-04T01-06:00` does not name one partition: write `2012-11-04T01-07:00` or `2012-11-04T01-08:00`
        `2012-01-05T13-08:00` does not name one partition: write `2012-01-05T13`
        there is no partition `2011-12-30`: the clocks of Pacific/Apia leapt over it
        `2012-13` is no monthly partition: give one of the calendar, written as `2012-01`
        `0000` is no yearly partition: give one of the calendar, written as `2012`
        `12012` is no yearly partition: give one of the calendar, written as `2012`
        `everything` is no all partition: give one of the calendar, written as `all`
        there is no partition `nort`: did you mean `north`?
        there is no partition `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...`
        the range ends before it begins: `2012-01-05T13` comes after `2012-01-05T12`
        about 981768 partitions are more than the 100000 that are allowed at one time: ask for a part of them
        partitions begin on 2012-01-02 and end on 2012-01-01, which is before: swap the dates
        the range ends before it begins: `b` comes after `a`
        a list of partitions has 1 to 100000 keys, this one has 0
        partition `a` is on the list twice
        `a/b` cannot be the key of a partition: use 1 to 63 letters, digits, `.`, `_` and `-`, a letter or digit first
        `` cannot be the key of a partition: use 1 to 63 letters, digits, `.`, `_` and `-`, a letter or digit first
        `-a` cannot be the key of a partition: use 1 to 63 letters, digits, `.`, `_` and `-`, a letter or digit first
        the flow's partitions have no start: give them a `start` date"#]]
    .assert_eq(&errors.map(|e| e.to_string()).join("\n"));
}

#[test]
fn a_tick_stands_for_the_last_partition_that_has_ended() {
    let check = |partitions: &Partitions, tick: &str, offset: i32, expected: Option<&str>| {
        let found = partitions.of_tick(time(tick), offset);
        assert_eq!(found.as_ref().map(|p| p.key.as_str()), expected, "{tick} {offset}");
    };
    let days = bounded(Granularity::Daily, "2012-01-01", "2012-01-31");
    check(&days, "2012-01-02T08:00:00Z", 0, Some("2012-01-01"));
    check(&days, "2012-01-02T07:59:59.999999Z", 0, None);
    check(&days, "2012-01-06T12:00:00Z", 0, Some("2012-01-05"));
    check(&days, "2012-01-06T12:00:00Z", -1, Some("2012-01-04"));
    check(&days, "2012-01-06T12:00:00Z", 1, Some("2012-01-06"));
    check(&days, "2012-02-01T12:00:00Z", 0, Some("2012-01-31"));
    check(&days, "2012-02-02T12:00:00Z", 0, None);
    check(&days, "2012-02-02T12:00:00Z", -1, Some("2012-01-31"));
    check(&days, "2012-01-06T12:00:00Z", i32::MAX, None);
    check(&unbounded(Granularity::Monthly, "UTC"), "2012-01-01T00:00:00Z", 0, Some("2011-12"));
    check(&unbounded(Granularity::Hourly, "UTC"), "2012-01-01T00:30:00Z", 0, Some("2011-12-31T23"));
    check(&unbounded(Granularity::All, "UTC"), "2012-01-01T00:00:00Z", 0, Some("all"));
    check(&unbounded(Granularity::All, "UTC"), "2012-01-01T00:00:00Z", -1, None);
    check(&words(&["a"]), "2012-01-01T00:00:00Z", 0, None);
    assert_eq!(words(&["a", "b"]).shift(&words(&["a", "b"]).parse_key("a").unwrap(), 1).unwrap().key, "b");
    assert_eq!(words(&["a", "b"]).shift(&words(&["a", "b"]).parse_key("a").unwrap(), -1), None);
}

#[test]
fn coarser_partitions_hold_those_within_the_bounds() {
    let days = bounded(Granularity::Daily, "2012-01-05", "2012-02-10");
    let check = |granularity: Granularity, key: &str, expected: Option<(&str, usize, &str, &str)>| {
        let coarse = days.coarser(&days.parse_key(key).unwrap(), granularity);
        let found = coarse.as_ref().map(|coarse| {
            let inner = days.contained(coarse).unwrap();
            assert!(inner.iter().all(|p| days.coarser(p, granularity).as_ref() == Some(coarse)), "{}", coarse.key);
            (coarse.key.clone(), inner.len(), inner[0].key.clone(), inner[inner.len() - 1].key.clone())
        });
        let expected = expected.map(|(key, n, first, last)| (key.to_owned(), n, first.to_owned(), last.to_owned()));
        assert_eq!(found, expected, "{key} {granularity}");
    };
    check(Granularity::Hourly, "2012-01-31", None);
    check(Granularity::Daily, "2012-01-31", Some(("2012-01-31", 1, "2012-01-31", "2012-01-31")));
    check(Granularity::Monthly, "2012-01-31", Some(("2012-01", 27, "2012-01-05", "2012-01-31")));
    check(Granularity::Monthly, "2012-02-01", Some(("2012-02", 10, "2012-02-01", "2012-02-10")));
    check(Granularity::Yearly, "2012-02-01", Some(("2012", 37, "2012-01-05", "2012-02-10")));
    check(Granularity::All, "2012-02-01", Some(("all", 37, "2012-01-05", "2012-02-10")));

    // A month that the bounds cut is one of the flow's months, and whole.
    let months = bounded(Granularity::Monthly, "2012-01-05", "2012-03-01");
    let all = months.coarser(&months.parse_key("2012-02").unwrap(), Granularity::All).unwrap();
    let keys: Vec<String> = months.contained(&all).unwrap().into_iter().map(|p| p.key).collect();
    assert_eq!(keys, ["2012-01", "2012-02", "2012-03"]);

    let list = words(&["a", "b"]);
    let all = list.coarser(&list.parse_key("a").unwrap(), Granularity::All).unwrap();
    assert_eq!((all.key.as_str(), list.contained(&all).unwrap().len()), ("all", 2));
    assert_eq!(list.coarser(&all, Granularity::Yearly), None);
}

#[test]
fn granularities_are_ordered_and_named() {
    use Granularity::{All, Daily, Hourly, Monthly, Yearly};
    assert!(Hourly < Daily && Daily < Monthly && Monthly < Yearly && Yearly < All);
    for granularity in [Hourly, Daily, Monthly, Yearly, All] {
        assert_eq!(serde_json::to_value(granularity).unwrap(), granularity.name());
    }
}

#[test]
fn partitions_are_stored_as_they_are() {
    for partitions in
        [bounded(Granularity::Daily, "2012-01-05", "2012-02-10"), unbounded(Granularity::All, "UTC"), words(&["a"])]
    {
        let text = serde_json::to_string(&partitions).unwrap();
        assert_eq!(serde_json::from_str::<Partitions>(&text).unwrap(), partitions, "{text}");
    }
    assert!(serde_json::from_str::<Partitions>(r#"{"static": ["a", "a"]}"#).is_err());
}

mod walk {
    use super::*;
    use proptest::prelude::*;

    const ZONES: [&str; 10] = [
        "UTC",
        "America/Los_Angeles",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Africa/Monrovia",
    ];

    fn cases() -> impl Strategy<Value = (Granularity, &'static str, i64)> {
        let granularity = prop::sample::select(vec![
            Granularity::Hourly,
            Granularity::Daily,
            Granularity::Monthly,
            Granularity::Yearly,
        ]);
        // From 1950 to 2110, with those days more often on which something happens.
        let second = prop_oneof![
            -631_152_000_i64..4_417_977_600,
            1_325_000_000_i64..1_325_600_000, // Apia leaps over a day
            1_289_000_000_i64..1_289_300_000, // St. John's goes back over midnight
            1_333_180_000_i64..1_333_260_000, // Lord Howe goes back half an hour
        ];
        (granularity, prop::sample::select(ZONES.to_vec()), second)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

        /// Partitions follow one another without gap or overlap, and a key names the partition that it was made of.
        #[test]
        fn partitions_tile_the_time_line((granularity, zone, second) in cases()) {
            let partitions = unbounded(granularity, zone);
            let t = Timestamp::from_micros(second * 1_000_000 + second.rem_euclid(1_000_000));
            let p = partitions.containing(t).unwrap();
            prop_assert!(p.start <= Some(t) && Some(t) < p.end, "{p:?}");
            prop_assert_eq!(&partitions.parse_key(&p.key).unwrap(), &p);
            let next = partitions.shift(&p, 1).unwrap();
            prop_assert_eq!(next.start, p.end);
            prop_assert_ne!(&next.key, &p.key);
            prop_assert_eq!(&partitions.shift(&next, -1).unwrap(), &p);
            prop_assert_eq!(&partitions.last_ended_by(p.end.unwrap()).unwrap(), &p);
            prop_assert_eq!(&partitions.containing(Timestamp::from_micros(p.end.unwrap().as_micros() - 1)).unwrap(), &p);
            let keys: Vec<String> = partitions.range(&p.key, &next.key).unwrap().map(|p| p.key).collect();
            prop_assert_eq!(keys, vec![p.key, next.key]);
        }

        /// Each partition belongs to exactly one coarser one.
        #[test]
        fn coarser_partitions_are_made_of_finer_ones((granularity, zone, second) in cases()) {
            let fine = unbounded(granularity.min(Granularity::Monthly), zone);
            let p = fine.containing(Timestamp::from_micros(second * 1_000_000)).unwrap();
            let coarse = fine.coarser(&p, Granularity::Monthly).unwrap();
            let inner = fine.contained(&coarse).unwrap();
            prop_assert!(inner.contains(&p), "{} is not in {}", p.key, coarse.key);
            prop_assert!(inner.iter().all(|p| fine.coarser(p, Granularity::Monthly).as_ref() == Some(&coarse)));
        }
    }
}
