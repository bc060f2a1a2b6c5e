//! What a user reads who writes a schedule, a zone or a duration wrongly. The marks stand under the span of the error.

use expect_test::{Expect, expect};
use wharf_core::schedule::{Schedule, ScheduleError, Zone, duration};

fn shown(text: &str, error: &ScheduleError) -> String {
    let (from, until) = (error.span.start, error.span.end);
    assert!(text.get(from..until).is_some(), "{from}..{until} is no part of `{text}`");
    let marks = " ".repeat(text[..from].chars().count()) + &"^".repeat(text[from..until].chars().count().max(1));
    let hint = error.hint.as_deref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    format!("{text}\n{}\n{error}\n{hint}", marks.trim_end())
}

/// Shows the errors of several texts one after another.
fn check<T>(texts: &[&str], parse: impl Fn(&str) -> Result<T, ScheduleError>, expected: &Expect) {
    let all: Vec<String> = texts
        .iter()
        .map(|text| match parse(text) {
            Ok(_) => format!("{text}\nwas read\n"),
            Err(e) => shown(text, &e),
        })
        .collect();
    expected.assert_eq(&all.join("\n"));
}

fn schedule(text: &str) -> Result<Schedule, ScheduleError> {
    Schedule::parse(text, Zone::UTC)
}

#[test]
fn whole_expressions() {
    check(
        &[
            "",
            "* * * *",
            "0 */5 * * * *",
            "TZ=Europe/Berlin 0 6 * * *",
            "CRON_TZ=UTC @daily",
            " 0 0 31 2 *",
            "0 0 30,31 feb ?",
            "0 0 31 2,4,6 */1",
        ],
        schedule,
        &expect![[r#"

            ^
            the schedule is empty
            hint: write five fields, minute hour day-of-month month day-of-week, or a name such as `@daily`

            * * * *
            ^^^^^^^
            a schedule has 5 fields, this one has 4
            hint: the fields are minute hour day-of-month month day-of-week

            0 */5 * * * *
            ^^^^^^^^^^^^^
            a schedule has 5 fields, this one has 6
            hint: the fields are minute hour day-of-month month day-of-week; there is none for seconds or years

            TZ=Europe/Berlin 0 6 * * *
            ^^^^^^^^^^^^^^^^
            a schedule does not name a time zone
            hint: take it out and set `timeZone: Europe/Berlin` beside the schedule

            CRON_TZ=UTC @daily
            ^^^^^^^^^^^
            a schedule does not name a time zone
            hint: take it out and set `timeZone: UTC` beside the schedule

             0 0 31 2 *
                 ^^^^
            this date never comes: no month of `2` has a day of `31`
            hint: to run when a month is over, take the first day of the next one: `0 0 1 * *`

            0 0 30,31 feb ?
                ^^^^^^^^^
            this date never comes: no month of `feb` has a day of `30,31`
            hint: to run when a month is over, take the first day of the next one: `0 0 1 * *`

            0 0 31 2,4,6 */1
                ^^^^^^^^
            this date never comes: no month of `2,4,6` has a day of `31`
            hint: to run when a month is over, take the first day of the next one: `0 0 1 * *`
        "#]],
    );
}

#[test]
fn fields() {
    check(
        &[
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "* * * * 6-0",
            "* * * * fri-sun",
            "* * * * monday",
            "* * * janury *",
            "* * * * mno",
            "30-10 * * * *",
            "*/0 * * * *",
            "*/ * * * *",
            "*/x * * * *",
            "*/99999 * * * *",
            "1,,2 * * * *",
            ", * * * *",
            "5- * * * *",
            "-5 * * * *",
            "+5 * * * *",
            "1-2-3 * * * *",
            "*-5 * * * *",
            "1/2/3 * * * *",
            "* * L * *",
            "* * 15W * *",
            "* * * * 5#2",
            "* * * * 5L",
            "0 0 1 * é",
            "0 9 1,2,mon * *",
        ],
        schedule,
        &expect![[r#"
            60 * * * *
            ^^
            minute 60 is out of range
            hint: use 0 to 59

            * 24 * * *
              ^^
            hour 24 is out of range
            hint: use 0 to 23

            * * 0 * *
                ^
            day of month 0 is out of range
            hint: use 1 to 31

            * * * 13 *
                  ^^
            month 13 is out of range
            hint: use 1 to 12

            * * * * 8
                    ^
            day of week 8 is out of range
            hint: use 0 to 6; Sunday is 0, and 7 too

            * * * * 6-0
                    ^^^
            the range `6-0` of the day of week runs backwards
            hint: as the end of a range Sunday is 7: write `6-7`

            * * * * fri-sun
                    ^^^^^^^
            the range `fri-sun` of the day of week runs backwards
            hint: as the end of a range Sunday is 7: write `5-7`

            * * * * monday
                    ^^^^^^
            `monday` is no day of week
            hint: did you mean `mon`?

            * * * janury *
                  ^^^^^^
            `janury` is no month
            hint: did you mean `jan`?

            * * * * mno
                    ^^^
            `mno` is no day of week
            hint: did you mean `mon`?

            30-10 * * * *
            ^^^^^
            the range `30-10` of the minute runs backwards
            hint: write two ranges: `30-59,0-10`

            */0 * * * *
              ^
            the step is 0
            hint: the least step is 1

            */ * * * *
              ^
            the step is missing
            hint: write a number after the `/`

            */x * * * *
              ^
            the step `x` is no number

            */99999 * * * *
              ^^^^^
            the step 99999 is too large

            1,,2 * * * *
              ^
            the list of the minute has an empty element
            hint: take the comma out

            , * * * *
            ^
            the list of the minute has an empty element
            hint: take the comma out

            5- * * * *
              ^
            a value of the minute is missing
            hint: a range has a number on both sides of the `-`

            -5 * * * *
            ^
            a value of the minute is missing
            hint: a range has a number on both sides of the `-`

            +5 * * * *
            ^^
            `+5` is no minute
            hint: use 0 to 59, or `*` for every one

            1-2-3 * * * *
              ^^^
            `2-3` is no minute
            hint: use 0 to 59, or `*` for every one

            *-5 * * * *
            ^
            `*` is no minute
            hint: use 0 to 59, or `*` for every one

            1/2/3 * * * *
              ^^^
            the step `2/3` is no number

            * * L * *
                ^
            `L` is no day of month
            hint: `L`, `W` and `#` belong to other cron dialects; a Kubernetes CronJob does not have them

            * * 15W * *
                ^^^
            `15W` is no day of month
            hint: `L`, `W` and `#` belong to other cron dialects; a Kubernetes CronJob does not have them

            * * * * 5#2
                    ^^^
            `5#2` is no day of week
            hint: `L`, `W` and `#` belong to other cron dialects; a Kubernetes CronJob does not have them

            * * * * 5L
                    ^^
            `5L` is no day of week
            hint: `L`, `W` and `#` belong to other cron dialects; a Kubernetes CronJob does not have them

            0 0 1 * é
                    ^
            `é` is no day of week
            hint: use 0 to 6, or sun to sat

            0 9 1,2,mon * *
                    ^^^
            `mon` is no day of month
            hint: `mon` is a day of week, which is field 5
        "#]],
    );
}

#[test]
fn names() {
    check(
        &[
            "@dayly",
            "@Daily",
            "@reboot",
            "@",
            "@daily 5",
            "@every",
            "@every 5",
            "@every -5m",
            "@every 1h 30m",
            "@every 1d",
            "@every 9999999h",
        ],
        schedule,
        &expect![[r#"
            @dayly
            ^^^^^^
            there is no schedule named `@dayly`
            hint: did you mean `@daily`?

            @Daily
            ^^^^^^
            there is no schedule named `@Daily`
            hint: did you mean `@daily`?

            @reboot
            ^^^^^^^
            there is no schedule named `@reboot`
            hint: the names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually and @every DURATION

            @
            ^
            there is no schedule named `@`
            hint: the names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually and @every DURATION

            @daily 5
                   ^
            `@daily` stands alone
            hint: take out what follows it

            @every
            ^^^^^^
            `@every` lacks a duration
            hint: write it as `@every 90m`

            @every 5
                   ^
            `5` has no unit
            hint: for seconds write `5s`

            @every -5m
                   ^^^
            the duration `-5m` is negative

            @every 1h 30m
                   ^^^^^^
            `@every` takes one duration
            hint: write it without blanks, as `@every 1h30m`

            @every 1d
                    ^
            `d` is no unit of time: a day may have an hour more or less
            hint: say how many hours: `24h`

            @every 9999999h
                   ^^^^^^^^
            the duration `9999999h` is too long
            hint: the longest is `2562047h` (292 years)
        "#]],
    );
}

#[test]
fn texts_too_long_or_blank() {
    let error = schedule(&"1,".repeat(600)).unwrap_err();
    expect!["the schedule is longer than 1024 bytes"].assert_eq(&error.to_string());
    assert_eq!(schedule(" \t ").unwrap_err().message, schedule("").unwrap_err().message);
    let error = schedule(&format!("{} * * * *", "é".repeat(200))).unwrap_err();
    expect!["`éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé...` is no minute"]
        .assert_eq(&error.to_string());
}

#[test]
fn zones() {
    check(
        &["Europe/Belrin", "europe/berlin", "Berlin", "New York", "PST", "", "Local", "+02:00", "Mars/Olympus"],
        Zone::parse,
        &expect![[r#"
            Europe/Belrin
            ^^^^^^^^^^^^^
            there is no time zone `Europe/Belrin`
            hint: did you mean `Europe/Berlin`?

            europe/berlin
            ^^^^^^^^^^^^^
            there is no time zone `europe/berlin`
            hint: did you mean `Europe/Berlin`?

            Berlin
            ^^^^^^
            there is no time zone `Berlin`
            hint: did you mean `Europe/Berlin`?

            New York
            ^^^^^^^^
            there is no time zone `New York`
            hint: did you mean `America/New_York`?

            PST
            ^^^
            there is no time zone `PST`
            hint: use a name of the IANA database, such as `Europe/Berlin` or `UTC`


            ^
            there is no time zone ``
            hint: use a name of the IANA database, such as `Europe/Berlin` or `UTC`

            Local
            ^^^^^
            there is no time zone `Local`
            hint: use a name of the IANA database, such as `Europe/Berlin` or `UTC`

            +02:00
            ^^^^^^
            there is no time zone `+02:00`
            hint: use a name of the IANA database, such as `Europe/Berlin` or `UTC`

            Mars/Olympus
            ^^^^^^^^^^^^
            there is no time zone `Mars/Olympus`
            hint: use a name of the IANA database, such as `Europe/Berlin` or `UTC`
        "#]],
    );
}

#[test]
fn durations() {
    check(
        &["", "5", "-5m", "m", "1h30", "1.5.5s", ".s", "5 m", "3d", "5x", "99999999999999999999h", "2562048h", "1h-5m"],
        duration::parse,
        &expect![[r#"

            ^
            the duration is empty
            hint: write it as `90s`, `5m` or `1h30m`

            5
            ^
            `5` has no unit
            hint: for seconds write `5s`

            -5m
            ^^^
            the duration `-5m` is negative

            m
            ^
            `m` is no duration
            hint: write numbers with units, as `90s`, `5m` or `1h30m`

            1h30
              ^^
            `30` has no unit
            hint: for seconds write `30s`

            1.5.5s
            ^^^^^^
            `1.5.5s` is no duration
            hint: write numbers with units, as `90s`, `5m` or `1h30m`

            .s
            ^^
            `.s` is no duration
            hint: write numbers with units, as `90s`, `5m` or `1h30m`

            5 m
             ^^
            ` m` is no unit of time
            hint: use h, m, s, ms, us or ns

            3d
             ^
            `d` is no unit of time: a day may have an hour more or less
            hint: say how many hours: `72h`

            5x
             ^
            `x` is no unit of time
            hint: use h, m, s, ms, us or ns

            99999999999999999999h
            ^^^^^^^^^^^^^^^^^^^^^
            the duration `99999999999999999999h` is too long
            hint: the longest is `2562047h` (292 years)

            2562048h
            ^^^^^^^^
            the duration `2562048h` is too long
            hint: the longest is `2562047h` (292 years)

            1h-5m
             ^^
            `h-` is no unit of time
            hint: use h, m, s, ms, us or ns
        "#]],
    );
}
