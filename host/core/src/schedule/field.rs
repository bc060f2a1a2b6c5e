use super::error::{ScheduleError, nearest, shown};

/// Which of the five fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

/// The fields in the order in which they are written.
pub(super) const UNITS: [Unit; 5] = [Unit::Minute, Unit::Hour, Unit::DayOfMonth, Unit::Month, Unit::DayOfWeek];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Unit {
    /// The name for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::DayOfMonth => "day of month",
            Unit::Month => "month",
            Unit::DayOfWeek => "day of week",
        }
    }

    /// The least and the greatest value; weekdays count from Sunday, 0.
    pub(super) fn bounds(self) -> (u8, u8) {
        match self {
            Unit::Minute => (0, 59),
            Unit::Hour => (0, 23),
            Unit::DayOfMonth => (1, 31),
            Unit::Month => (1, 12),
            Unit::DayOfWeek => (0, 6),
        }
    }

    /// Names of the values, from the least one on.
    fn names(self) -> &'static [&'static str] {
        match self {
            Unit::Month => &MONTHS,
            Unit::DayOfWeek => &WEEKDAYS,
            Unit::Minute | Unit::Hour | Unit::DayOfMonth => &[],
        }
    }
}

/// The values that a field lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Bit n stands for value n.
    bits: u64,
    /// An element of its list is `*` or `?`, plain or with step 1: the field says nothing.
    pub(super) star: bool,
}

impl Field {
    /// Every value of a unit.
    pub(super) fn all(unit: Unit) -> Field {
        let (min, max) = unit.bounds();
        Field { bits: run(min, max, 1), star: true }
    }

    /// One value alone.
    pub(super) fn only(value: u8) -> Field {
        Field { bits: 1 << value, star: false }
    }

    /// The values, ascending.
    pub(super) fn values(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |n| self.bits >> n & 1 == 1)
    }

    /// Reads a field: elements between commas. `at` is where the text begins in the expression.
    pub(super) fn parse(unit: Unit, text: &str, at: usize) -> Result<Field, ScheduleError> {
        let mut field = Field { bits: 0, star: false };
        let mut from = 0;
        for element in text.split(',') {
            let (bits, star) = parse_element(unit, element).map_err(|e| e.shifted(at + from))?;
            field.bits |= bits;
            field.star |= star;
            from += element.len() + 1;
        }
        Ok(field)
    }
}

/// Bits of `min`, `min + step`, ... up to `max`.
fn run(min: u8, max: u8, step: usize) -> u64 {
    (min..=max).step_by(step).fold(0, |bits, n| bits | 1 << n)
}

/// Reads `*`, `N`, `N-M`, each with `/step` or without: its bits, and whether it is a star.
fn parse_element(unit: Unit, text: &str) -> Result<(u64, bool), ScheduleError> {
    let fault = |message: String| ScheduleError::new(0..text.len(), message);
    let (range, step_text) = match text.split_once('/') {
        Some((range, step)) => (range, Some((step, range.len() + 1))),
        None => (text, None),
    };
    if text.is_empty() {
        return Err(fault(format!("the list of the {} has an empty element", unit.name())).hint("take the comma out"));
    }
    let step = step_text.map_or(Ok(1), |(step, at)| parse_step(step).map_err(|e| e.shifted(at)))?;
    let (least, greatest) = unit.bounds();
    if range == "*" || range == "?" {
        return Ok((run(least, greatest, step), step == 1));
    }
    let (low, high) = match range.split_once('-') {
        None => {
            let low = parse_value(unit, range)?;
            let low = if is_late_sunday(unit, low) { 0 } else { low };
            (low, if step_text.is_some() { greatest } else { low })
        }
        Some((low, high)) => (parse_value(unit, low)?, parse_value(unit, high).map_err(|e| e.shifted(low.len() + 1))?),
    };
    if low > high {
        let fault = fault(format!("the range `{}` of the {} runs backwards", shown(range), unit.name()));
        return Err(if unit == Unit::DayOfWeek && high == 0 {
            fault.hint(format!("as the end of a range Sunday is 7: write `{low}-7`"))
        } else {
            fault.hint(format!("write two ranges: `{low}-{greatest},{least}-{high}`"))
        });
    }
    let bits = run(low, high, step);
    let sunday = bits >> 7 & 1;
    Ok(if unit == Unit::DayOfWeek { (bits & 0x7f | sunday, false) } else { (bits, false) })
}

/// 7 stands for Sunday too.
fn is_late_sunday(unit: Unit, value: u8) -> bool {
    unit == Unit::DayOfWeek && value == 7
}

fn parse_step(text: &str) -> Result<usize, ScheduleError> {
    let fault = |message: String| ScheduleError::new(0..text.len(), message);
    if text.is_empty() {
        return Err(fault("the step is missing".into()).hint("write a number after the `/`"));
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(fault(format!("the step `{}` is no number", shown(text))));
    }
    match text.parse::<u16>() {
        Ok(0) => Err(fault("the step is 0".into()).hint("the least step is 1")),
        Ok(step) => Ok(usize::from(step)),
        Err(_) => Err(fault(format!("the step {} is too large", shown(text)))),
    }
}

/// Reads a number or a name within the unit's bounds; of weekdays 7 too.
fn parse_value(unit: Unit, text: &str) -> Result<u8, ScheduleError> {
    let (least, greatest) = unit.bounds();
    if let Some(n) = (least..).zip(unit.names()).find_map(|(n, name)| text.eq_ignore_ascii_case(name).then_some(n)) {
        return Ok(n);
    }
    let whole = 0..text.len();
    if text.is_empty() {
        return Err(ScheduleError::new(whole, format!("a value of the {} is missing", unit.name()))
            .hint("a range has a number on both sides of the `-`"));
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        let fault = ScheduleError::new(whole, format!("`{}` is no {}", shown(text), unit.name()));
        return Err(match unsupported(text).or_else(|| misplaced(unit, text)).or_else(|| full_name(unit, text)) {
            Some(hint) => fault.hint(hint),
            None if unit.names().is_empty() => fault.hint(format!("use {least} to {greatest}, or `*` for every one")),
            None => {
                let names = unit.names();
                fault.hint(format!("use {least} to {greatest}, or {} to {}", names[0], names[names.len() - 1]))
            }
        });
    }
    match text.parse::<u8>() {
        Ok(n) if (least..=greatest).contains(&n) || is_late_sunday(unit, n) => Ok(n),
        _ => {
            let sunday = if unit == Unit::DayOfWeek { "; Sunday is 0, and 7 too" } else { "" };
            Err(ScheduleError::new(whole, format!("{} {} is out of range", unit.name(), shown(text)))
                .hint(format!("use {least} to {greatest}{sunday}")))
        }
    }
}

/// Signs that other cron dialects have.
fn unsupported(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let days = upper.trim_end_matches(['L', 'W']);
    let counted = days.len() < upper.len() && days.bytes().all(|b| b.is_ascii_digit());
    (counted || text.contains('#'))
        .then(|| "`L`, `W` and `#` belong to other cron dialects; a Kubernetes CronJob does not have them".into())
}

/// A name of another field.
fn misplaced(unit: Unit, text: &str) -> Option<String> {
    let named = |other: &&Unit| other.names().iter().any(|name| text.eq_ignore_ascii_case(name));
    let (place, other) = (1..).zip(&UNITS).find(|(_, other)| **other != unit && named(other))?;
    Some(format!("`{text}` is a {}, which is field {place}", other.name()))
}

/// The short name where the long one, or one near a short one, was written.
fn full_name(unit: Unit, text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let by_prefix = unit.names().iter().copied().find(|name| lower.starts_with(name));
    by_prefix.or_else(|| nearest(text, unit.names().iter().copied())).map(|name| format!("did you mean `{name}`?"))
}
