//! Keys of partitions of time: `2012-01-05T13`, `2012-01-05`, `2012-01`, `2012`, `all`.

use super::{Granularity, PartitionError, edges};
use crate::schedule::{Zone, shown};
use chrono::{DateTime, NaiveDate};

/// The key of the partition that is everything.
pub(super) const ALL: &str = "all";

/// Key of the hour that begins at a second. It has the offset from UTC where the wall clock shows that hour twice.
pub(super) fn hour(zone: Zone, start: i64) -> String {
    let offset = zone.offset_at(start);
    let local = edges::hour_of(start + offset);
    let plain = format_local(local, "%Y-%m-%dT%H");
    if edges::hours_shown(zone, local).len() > 1 { plain + &format_offset(offset) } else { plain }
}

/// Key of the day, month or year that begins with a date.
pub(super) fn days(granularity: Granularity, first: NaiveDate) -> String {
    first.format(pattern(granularity)).to_string()
}

fn pattern(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Hourly => "%Y-%m-%dT%H",
        Granularity::Daily => "%Y-%m-%d",
        Granularity::Monthly => "%Y-%m",
        Granularity::Yearly => "%Y",
        Granularity::All => ALL,
    }
}

fn format_local(local: i64, pattern: &str) -> String {
    DateTime::from_timestamp(local, 0).map_or_else(String::new, |t| t.format(pattern).to_string())
}

/// As in RFC 3339: `-07:00`, with seconds where an old zone has them.
fn format_offset(offset: i64) -> String {
    let (sign, size) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    let (hours, minutes, seconds) = (size / 3600, size / 60 % 60, size % 60);
    let seconds = if seconds == 0 { String::new() } else { format!(":{seconds:02}") };
    format!("{sign}{hours:02}:{minutes:02}{seconds}")
}

/// The first day that a key of days, months or years stands for.
pub(super) fn parse_days(granularity: Granularity, text: &str) -> Result<NaiveDate, PartitionError> {
    let rest = match granularity {
        Granularity::Monthly => "-01",
        Granularity::Yearly => "-01-01",
        Granularity::Hourly | Granularity::Daily | Granularity::All => "",
    };
    parse_date(text, rest).ok_or_else(|| bad_form(text, granularity))
}

/// Reads `text` followed by `rest` as a date of the years 1 to 9999, each part with all its digits.
fn parse_date(text: &str, rest: &str) -> Option<NaiveDate> {
    let whole = (text.len() <= 10).then(|| format!("{text}{rest}"))?;
    let date = NaiveDate::parse_from_str(&whole, "%Y-%m-%d").ok()?;
    (whole != "0000" && !whole.starts_with("0000") && date.format("%Y-%m-%d").to_string() == whole).then_some(date)
}

/// The second at which the hour of a key begins.
pub(super) fn parse_hour(zone: Zone, text: &str) -> Result<i64, PartitionError> {
    let bad = || bad_form(text, Granularity::Hourly);
    let (date, time) = text.split_once('T').ok_or_else(bad)?;
    let (hour, suffix) = time.split_at_checked(2).ok_or_else(bad)?;
    let date = parse_date(date, "").ok_or_else(bad)?;
    let hour: u32 = hour.bytes().all(|b| b.is_ascii_digit()).then(|| hour.parse().ok()).flatten().ok_or_else(bad)?;
    let local = date.and_hms_opt(hour, 0, 0).ok_or_else(bad)?.and_utc().timestamp();
    if !suffix.is_empty() && !suffix.starts_with(['+', '-']) {
        return Err(bad());
    }

    let starts = edges::hours_shown(zone, local);
    let keys: Vec<String> = starts.iter().map(|start| self::hour(zone, *start)).collect();
    match keys.iter().position(|key| key == text) {
        Some(found) => Ok(starts[found]),
        None if keys.is_empty() => Err(PartitionError::Leapt { key: shown(text), zone: zone.name() }),
        None => Err(PartitionError::Offset { key: shown(text), meant: keys }),
    }
}

/// Reads the key of the partition that is everything.
pub(super) fn parse_all(text: &str) -> Result<(), PartitionError> {
    if text == ALL { Ok(()) } else { Err(bad_form(text, Granularity::All)) }
}

/// The error of a key that has not the form of a granularity.
pub(super) fn bad_form(text: &str, granularity: Granularity) -> PartitionError {
    let example = match granularity {
        Granularity::Hourly => "2012-01-05T13",
        Granularity::Daily => "2012-01-05",
        Granularity::Monthly => "2012-01",
        Granularity::Yearly => "2012",
        Granularity::All => ALL,
    };
    PartitionError::Form { key: shown(text), kind: granularity.name(), example }
}
