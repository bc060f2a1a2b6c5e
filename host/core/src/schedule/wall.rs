use super::expr::Fields;
use super::field::{Field, Unit};
use super::zone::{REACH, Zone};
use chrono::{DateTime, Utc};

/// 1970-01-01T00:00:00 and 2100-12-31T23:59:59 on the wall clock: the years that the crate knows.
const FIRST: i64 = 0;
const LAST: i64 = 4_133_980_799;

/// Ticks at wall-clock minutes: an instant is a tick where the zone's wall clock shows a minute that the fields let
/// through. It follows that a minute which the clocks leap over has no tick, and one which they show twice has two.
///
/// The `cron` crate does the search, over local time: it is given wall-clock times as if they were UTC, so that its own
/// treatment of zones is never used. What it finds is then placed on the time line one stretch of constant offset after
/// another, within which both run alike.
#[derive(Debug, Clone)]
pub(super) struct Wall {
    /// Two where a day is to match either day field: the crate's fields must all match.
    local: Vec<cron::Schedule>,
    zone: Zone,
}

impl Wall {
    /// Fails where the crate refuses the translation, which does not happen to fields that were read.
    pub(super) fn new(fields: &Fields, zone: Zone) -> Result<Wall, cron::error::Error> {
        let all_days = Field::all(Unit::DayOfMonth);
        let all_weekdays = Field::all(Unit::DayOfWeek);
        let mut local = Vec::with_capacity(2);
        if !fields.either_day() {
            local.push(translate(fields)?);
        } else {
            // A date that never comes adds nothing, and would be searched for to the end of time.
            if fields.date_comes() {
                local.push(translate(&Fields { day_of_week: all_weekdays, ..*fields })?);
            }
            local.push(translate(&Fields { day_of_month: all_days, ..*fields })?);
        }
        Ok(Wall { local, zone })
    }

    /// The first tick after a second since the Unix epoch.
    pub(super) fn next_after(&self, after: i64) -> Option<i64> {
        let mut from = after + 1;
        loop {
            let steady = self.zone.steady_from(from);
            let tick = self.local_from(from + steady.offset)? - steady.offset;
            if tick < steady.until {
                return Some(tick);
            }
            // Where no change of the clocks was in reach, local time has moved on by more than any change can set it
            // back. So nothing that matches comes before the match found, save by a change in reach of that match.
            let changed = steady.until < from + REACH;
            from = if changed { steady.until } else { steady.until.max(tick - REACH) };
        }
    }

    /// The last tick at a second since the Unix epoch or before it. The mirror image of [`Wall::next_after`].
    pub(super) fn last_at_or_before(&self, at: i64) -> Option<i64> {
        let mut to = at;
        loop {
            let steady = self.zone.steady_to(to);
            let tick = self.local_to(to + steady.offset)? - steady.offset;
            if tick >= steady.since {
                return Some(tick);
            }
            let changed = steady.since > to - REACH;
            to = if changed { steady.since - 1 } else { (steady.since - 1).min(tick + REACH) };
        }
    }

    /// The first match at a local time or after it.
    fn local_from(&self, local: i64) -> Option<i64> {
        let after = as_utc(local.max(FIRST) - 1)?;
        self.local.iter().filter_map(|s| s.after(&after).next()).min().map(|t| t.timestamp())
    }

    /// The last match at a local time or before it.
    fn local_to(&self, local: i64) -> Option<i64> {
        let before = as_utc(local.min(LAST) + 1)?;
        self.local.iter().filter_map(|s| s.after(&before).next_back()).max().map(|t| t.timestamp())
    }
}

fn as_utc(local: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(local, 0)
}

/// In the crate's terms: seconds come first, and Sunday is 1.
fn translate(fields: &Fields) -> Result<cron::Schedule, cron::error::Error> {
    let list = |unit: Unit, field: Field, shift: u8| {
        let (least, greatest) = unit.bounds();
        let values: Vec<u8> = field.values().collect();
        if values.len() == usize::from(greatest - least) + 1 {
            return "*".to_owned();
        }
        values.iter().map(|n| (n + shift).to_string()).collect::<Vec<_>>().join(",")
    };
    let text = format!(
        "0 {} {} {} {} {}",
        list(Unit::Minute, fields.minute, 0),
        list(Unit::Hour, fields.hour, 0),
        list(Unit::DayOfMonth, fields.day_of_month, 0),
        list(Unit::Month, fields.month, 0),
        list(Unit::DayOfWeek, fields.day_of_week, 1),
    );
    text.parse()
}
