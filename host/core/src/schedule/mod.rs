//! When a flow is due: cron expressions, the zones that they are read in, and durations.
//!
//! A schedule ticks as that of a Kubernetes `CronJob` does, whose controller reads it with robfig/cron v3
//! (`ParseStandard`): five fields (minute, hour, day of month, month, day of week), names of months and weekdays, ranges,
//! lists, steps (`N/step` goes on to the greatest value), `?` for `*`, `@hourly` to `@yearly`, and `@every DURATION`.
//! Where both day fields say something, a day that matches either has ticks; `*/10` says something, `*` and `*/1` do not.
//!
//! # Differences from a `CronJob`
//!
//! Where the clocks of a zone change by whole hours and not at midnight, each expression that a `CronJob` reads ticks
//! there as it does here, but for those of this table.
//!
//! | expression or zone | `CronJob` | here | reason |
//! |---|---|---|---|
//! | `Australia/Lord_Howe`, where summer time is half an hour | misses ticks around the change | the wall clock wins | a tick is where the wall clock shows the time, without exception |
//! | `America/Havana`, `America/Sao_Paulo` and others whose clocks change at midnight | misses ticks of that day, also later ones (`@yearly` has no 2013 in Havana), or adds some on the wrong day | the wall clock wins | the same |
//! | `Pacific/Apia` in December 2011, which has no 30th | the search may never end | the wall clock wins | the same |
//! | `0 0 * * 7`, `5-7` | refused | 7 is Sunday | most other crons read it so |
//! | `0 0 31 2 *` | never ticks, says nothing | refused | a schedule that never ticks is a mistake |
//! | `0 0 29 2 *` from 2096 on | gives up after five years | searches to the end of 2100 | no reason to give up |
//! | `TZ=Europe/Berlin 0 6 * * *` | refused by newer API servers | refused | the zone is the field `timeZone` |
//! | `1,,2` and `,` | empty elements are skipped | refused | a slip of the pen; `,` alone would never tick |
//! | `*-5`, `+5` | read as `*` and `5` | refused | the same |
//! | `@every -5m` | ticks each second | refused | the same |
//! | blanks around a name, as ` @daily ` | refused | read | blanks at the ends mean nothing |
//!
//! What both do alike and may surprise: a tick within the spring gap is skipped, one within the autumn fold comes in both
//! passes; `@every` is cut to whole seconds, and is at least one second.
//!
//! Wall-clock schedules tick from 1970 to 2100. The zone database is part of the program and knows its rules that far.

pub mod duration;
mod error;
mod expr;
mod field;
mod wall;
mod zone;

pub use error::ScheduleError;
pub(crate) use error::{nearest, shown};
pub(crate) use zone::REACH;
pub use zone::Zone;

use crate::time::Timestamp;
use expr::Expr;
use std::fmt;
use std::time::Duration;
use wall::Wall;

/// When a flow is due.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    zone: Zone,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    Wall(Box<Wall>),
    /// Whole seconds, at least one.
    Every(Duration),
}

/// Ticks of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticks {
    /// The newest ones, ascending.
    pub newest: Vec<Timestamp>,
    /// How many older ones there are.
    pub older: u64,
    /// Counting of the older ones was broken off at [`Ticks::MOST_COUNTED`]: there are that many or more.
    pub uncounted: bool,
}

impl Ticks {
    /// Older ticks are counted up to this number.
    pub const MOST_COUNTED: u64 = 10_000;
}

impl Schedule {
    /// Reads an expression. It is at most 1,024 bytes long.
    ///
    /// # Errors
    /// The expression cannot be read, names a zone of its own, or never ticks. The span is within `expr`.
    pub fn parse(expr: &str, zone: Zone) -> Result<Schedule, ScheduleError> {
        let rule = match expr::parse(expr)? {
            Expr::Every(period) => Rule::Every(period),
            Expr::Wall(fields) => match Wall::new(&fields, zone) {
                Ok(wall) => Rule::Wall(Box::new(wall)),
                Err(e) => return Err(ScheduleError::new(0..expr.len(), format!("the schedule cannot be used: {e}"))),
            },
        };
        Ok(Schedule { text: expr.trim().to_owned(), zone, rule })
    }

    /// The zone whose wall clock the expression is about.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The distance between two ticks of an `@every`; nothing for any other schedule.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        match self.rule {
            Rule::Wall(_) => None,
            Rule::Every(period) => Some(period),
        }
    }

    /// The first tick after `t`.
    ///
    /// An `@every` counts from its previous tick: give that, or the time at which the schedule became known where there is
    /// none yet. (Its ticks fall on whole seconds, the fraction of `t` is dropped.) To give the previous tick is right for
    /// every schedule.
    #[must_use]
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let second = seconds(t);
        match &self.rule {
            Rule::Wall(wall) => wall.next_after(second).map(at),
            Rule::Every(period) => {
                let next = second.checked_add(i64::try_from(period.as_secs()).ok()?)?;
                next.checked_mul(MICROS).map(Timestamp::from_micros)
            }
        }
    }

    /// The last tick at `t` or before it. Nothing for an `@every`, which has no ticks but from a previous one; there,
    /// [`Schedule::ticks_between`] finds it.
    #[must_use]
    pub fn last_at_or_before(&self, t: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            Rule::Wall(wall) => wall.last_at_or_before(seconds(t)).map(at),
            Rule::Every(_) => None,
        }
    }

    /// The ticks after `after`, up to and with `until`: the newest `max`, and the number of the others. `after` is the
    /// previous tick, as for [`Schedule::next_after`].
    ///
    /// The cost grows with `max` and is bounded in the length of the stretch.
    #[must_use]
    pub fn ticks_between(&self, after: Timestamp, until: Timestamp, max: usize) -> Ticks {
        match &self.rule {
            Rule::Wall(wall) => wall_ticks(wall, seconds(after), seconds(until), max),
            Rule::Every(period) => interval_ticks(period.as_secs(), seconds(after), seconds(until), max),
        }
    }
}

const MICROS: i64 = 1_000_000;

/// The second that an instant lies in.
fn seconds(t: Timestamp) -> i64 {
    t.as_micros().div_euclid(MICROS)
}

/// The instant at which a second begins. Ticks lie in the years 1970 to 2100, so that nothing is cut.
fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second.saturating_mul(MICROS))
}

fn wall_ticks(wall: &Wall, after: i64, until: i64, max: usize) -> Ticks {
    let mut back = std::iter::successors(wall.last_at_or_before(until), |tick| wall.last_at_or_before(tick - 1))
        .take_while(|t| *t > after);
    let mut newest: Vec<Timestamp> = back.by_ref().take(max).map(at).collect();
    newest.reverse();
    let mut older = 0;
    while older < Ticks::MOST_COUNTED && back.next().is_some() {
        older += 1;
    }
    Ticks { newest, older, uncounted: older == Ticks::MOST_COUNTED }
}

fn interval_ticks(period: u64, after: i64, until: i64, max: usize) -> Ticks {
    let count = u64::try_from(until.saturating_sub(after)).unwrap_or(0) / period;
    let older = count.saturating_sub(max as u64);
    // Within `until`, and so within what a timestamp holds.
    let newest = (older + 1..=count).map(|n| at(after.saturating_add_unsigned(n * period))).collect();
    Ticks { newest, older, uncounted: false }
}

/// The expression as it was given.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Eq for Schedule {}
