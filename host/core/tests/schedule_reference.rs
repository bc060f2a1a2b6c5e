//! Schedules against a reference that goes over ten years minute by minute, in zones that are hard in different ways.
//!
//! Where an expression has few ticks each is asked for; else random instants are, and those around each change of the
//! clocks.

#![allow(clippy::unwrap_used, reason = "a panic in a test is its failure message")]

use chrono::{DateTime, Datelike, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use wharf_core::schedule::{Schedule, Zone};
use wharf_core::time::Timestamp;

/// 2008-01-01 and 2018-01-01, in minutes since the Unix epoch.
const FROM: i64 = 19_985_760;
const UNTIL: i64 = 25_246_080;

const ZONES: [&str; 8] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe", // half an hour of summer time
    "Africa/Casablanca",   // four changes a year
    "Asia/Kathmandu",      // 5:45 from UTC
    "Pacific/Apia",        // 2011-12-30 never was
    "America/Sao_Paulo",   // midnight is what is leapt over and shown twice
];

const TABLE: [&str; 34] = [
    "* * * * *",
    "*/15 * * * *",
    "*/7 */5 * * *",
    "0 * * * *",
    "30 * * * *",
    "0 0 * * *",
    "30 0 * * *",
    "59 23 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "15,45 2 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "0 0 1 * *",
    "0 0 31 * *",
    "0 12 29 2 *",
    "0 0 30 12 *",
    "0 0 13 * 5",
    "0 0 13 * FRI",
    "0 0 */10 * 1",
    "0 0 * * */2",
    "0 0 1-7 * *",
    "0 0 */1 * 1",
    "0 0 ?,13 * 5",
    "0 0 * * 7",
    "0 0 * * 5-7",
    "0 0 * * 1,3/2",
    "0 0 31 2 MON",
    "5/20 9-17/2 * jan-MAR,Oct Mon-fri",
    "0 0 29 2 1",
    "0 1-3 * 3,4,10,11 0",
    "0 0 * * 0-6",
    "0 0 1 * 0-6",
    "12/100 5 * * *",
];

/// A stretch of UTC minutes within which the wall clock goes through minutes of one hour.
struct Stretch {
    utc: i64,
    minutes: i64,
    first_minute: u32,
    hour: u32,
    day: u32,
    month: u32,
    weekday: u32,
}

/// What the wall clock of a zone shows at every minute, and the minutes at which its offset changes.
fn wall_clock(zone: Tz) -> (Vec<Stretch>, Vec<i64>) {
    let utc = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap().naive_utc();
    let offset = |minute: i64| i64::from(zone.offset_from_utc_datetime(&utc(minute)).fix().local_minus_utc()) / 60;
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut changes = Vec::new();
    let mut steady_before = false;
    for quarter in (FROM..UNTIL).step_by(15) {
        let (before, after) = (offset(quarter), offset(quarter + 15));
        let steady = before == after;
        for minute in quarter..quarter + 15 {
            let now = if steady { before } else { offset(minute) };
            // Within a quarter of an hour without a change, and from such a one to the next, the wall clock goes on.
            let goes_on = steady && (minute != quarter || steady_before);
            if let Some(last) = stretches.last_mut()
                && goes_on
                && last.first_minute + (last.minutes as u32) < 60
            {
                last.minutes += 1;
                continue;
            }
            let local = utc(minute + now);
            stretches.push(Stretch {
                utc: minute,
                minutes: 1,
                first_minute: local.minute(),
                hour: local.hour(),
                day: local.day(),
                month: local.month(),
                weekday: local.weekday().num_days_from_sunday(),
            });
        }
        if !steady {
            changes.push(quarter);
        }
        steady_before = steady;
    }
    (stretches, changes)
}

/// A field as the reference reads it: which values match, and whether it is a star.
struct Field {
    /// Bit n stands for value n.
    values: u64,
    star: bool,
}

fn field(text: &str, least: usize, greatest: usize, names: &str) -> Field {
    let value = |text: &str| {
        let lower = text.to_lowercase();
        let named = names.split(' ').position(|name| name == lower).map(|at| at + least);
        named.unwrap_or_else(|| text.parse().unwrap())
    };
    let mut field = Field { values: 0, star: false };
    for element in text.split(',') {
        let (range, step) = element.split_once('/').unwrap_or((element, "1"));
        let step: usize = step.parse().unwrap();
        let (low, high) = if range == "*" || range == "?" {
            field.star |= step == 1;
            (least, greatest)
        } else if let Some((low, high)) = range.split_once('-') {
            (value(low), value(high))
        } else if element.contains('/') {
            (value(range), greatest)
        } else {
            (value(range), value(range))
        };
        let mut n = low;
        while n <= high {
            field.values |= 1 << if names.starts_with("sun") { n % 7 } else { n };
            n += step;
        }
    }
    field
}

/// The UTC minutes at which an expression ticks.
fn reference(expr: &str, stretches: &[Stretch]) -> Vec<i64> {
    let texts: Vec<&str> = expr.split(' ').collect();
    let minute = field(texts[0], 0, 59, "");
    let hour = field(texts[1], 0, 23, "");
    let day = field(texts[2], 1, 31, "");
    let month = field(texts[3], 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec");
    let weekday = field(texts[4], 0, 6, "sun mon tue wed thu fri sat");
    let mut ticks = Vec::new();
    for s in stretches {
        if hour.values >> s.hour & month.values >> s.month & 1 == 0 {
            continue;
        }
        let (by_day, by_weekday) = (day.values >> s.day & 1, weekday.values >> s.weekday & 1);
        let matches = if day.star || weekday.star { by_day & by_weekday } else { by_day | by_weekday };
        let mut due = if matches == 1 { minute.values >> s.first_minute & ((1 << s.minutes) - 1) } else { 0 };
        while due != 0 {
            ticks.push(s.utc + i64::from(due.trailing_zeros()));
            due &= due - 1;
        }
    }
    ticks
}

/// A pseudo-random sequence that is the same every time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn element(&mut self, least: u64, greatest: u64) -> String {
        let low = least + self.below(greatest - least + 1);
        let high = low + self.below(greatest - low + 1);
        let step = 1 + self.below(12);
        match self.below(6) {
            0 => format!("*/{step}"),
            1 => format!("{low}-{high}"),
            2 => format!("{low}-{high}/{step}"),
            3 => format!("{low}/{step}"),
            _ => low.to_string(),
        }
    }

    /// A field that is often a star, so that expressions have ticks.
    fn field(&mut self, least: u64, greatest: u64, star_in_ten: u64) -> String {
        if self.below(10) < star_in_ten {
            return "*".into();
        }
        let elements: Vec<String> = (0..=self.below(3)).map(|_| self.element(least, greatest)).collect();
        elements.join(",")
    }

    fn expression(&mut self) -> String {
        format!(
            "{} {} {} {} {}",
            self.field(0, 59, 1),
            self.field(0, 23, 3),
            self.field(1, 31, 5),
            self.field(1, 12, 7),
            self.field(0, 6, 5),
        )
    }
}

fn minute(at: i64) -> Timestamp {
    Timestamp::from_micros(at * 60_000_000)
}

/// Asks a schedule for the ticks around an instant, and compares.
fn check_at(schedule: &Schedule, ticks: &[i64], micros: i64) {
    let context = || format!("`{schedule}` in {} at {}", schedule.zone(), Timestamp::from_micros(micros));
    let later = ticks.partition_point(|tick| tick * 60_000_000 <= micros);
    // What lies outside the ten years the reference does not know.
    if let Some(next) = ticks.get(later) {
        assert_eq!(schedule.next_after(Timestamp::from_micros(micros)), Some(minute(*next)), "next, {}", context());
    }
    if let Some(last) = later.checked_sub(1).map(|at| ticks[at]) {
        assert_eq!(
            schedule.last_at_or_before(Timestamp::from_micros(micros)),
            Some(minute(last)),
            "last, {}",
            context()
        );
    }
}

fn check_zone(name: &str) {
    let (stretches, changes) = wall_clock(name.parse().unwrap());
    let zone = Zone::parse(name).unwrap();
    let mut random = Random(0x5eed_0000 + name.len() as u64);
    let generated = std::iter::repeat_with(|| random.expression()).take(30).collect::<Vec<_>>();
    let mut random = Random(0x0dd5_eed5);
    let mut compared = 0;
    for expr in TABLE.iter().copied().chain(generated.iter().map(String::as_str)) {
        let ticks = reference(expr, &stretches);
        let schedule = match Schedule::parse(expr, zone) {
            Ok(schedule) => schedule,
            Err(e) => {
                assert!(e.message.contains("never comes") && ticks.is_empty(), "`{expr}`: {e}");
                continue;
            }
        };
        compared += 1;
        let walked = if ticks.len() < 60 { ticks.len() } else { 0 };
        for tick in &ticks[..walked] {
            check_at(&schedule, &ticks, tick * 60_000_000);
        }
        let mut samples: Vec<i64> = (0..20).map(|_| FROM + random.below((UNTIL - FROM) as u64) as i64).collect();
        for change in &changes {
            samples.extend([change - 1, *change, change + random.below(180) as i64 - 90]);
            samples.push(change + random.below(5760) as i64 - 2880);
        }
        for sample in samples {
            check_at(&schedule, &ticks, sample * 60_000_000 + random.below(60_000_000) as i64);
        }
    }
    assert!(compared > TABLE.len() + 20, "only {compared} expressions have ticks");
}

macro_rules! zones {
    ($($test:ident: $at:expr,)*) => { $(#[test] fn $test() { check_zone(ZONES[$at]); })* };
}

zones! {
    utc: 0,
    new_york: 1,
    berlin: 2,
    lord_howe: 3,
    casablanca: 4,
    kathmandu: 5,
    apia: 6,
    sao_paulo: 7,
}

#[test]
fn the_reference_knows_the_day_that_never_was() {
    let (stretches, _) = wall_clock(Tz::Pacific__Apia);
    let minutes = |month: u32, day: u32| -> i64 {
        stretches.iter().filter(|s| s.month == month && s.day == day).map(|s| s.minutes).sum()
    };
    // Ten years have ten of each day, save for 2011-12-30.
    assert_eq!((minutes(12, 28), minutes(12, 29), minutes(12, 30)), (10 * 1440, 10 * 1440, 9 * 1440));
}
