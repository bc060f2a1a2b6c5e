//! How a flow's data is cut: by hours, days, months or years of a zone, or by a list of keys.
//!
//! Partitions of time follow one another without a gap. A day lasts from where its date begins on the wall clock to where
//! the next one does: 23 or 25 hours where the clocks change, and a day that a zone leapt over has no partition. An hour
//! that the wall clock shows twice is two partitions, whose keys have the offset from UTC: `2012-11-04T01-07:00`.

mod calendar;
mod edges;
mod error;
mod key;
mod listed;

pub use calendar::Calendar;
pub use error::PartitionError;
pub use listed::Keys;

use crate::schedule::Zone;
use crate::time::Timestamp;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a partition is, from the shortest to everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// An hour: `2012-01-05T13`.
    Hourly,
    /// A day: `2012-01-05`.
    Daily,
    /// A month: `2012-01`.
    Monthly,
    /// A year: `2012`.
    Yearly,
    /// All there is, as one: `all`.
    All,
}

impl Granularity {
    /// The name that is used in a config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Granularity::Hourly => "hourly",
            Granularity::Daily => "daily",
            Granularity::Monthly => "monthly",
            Granularity::Yearly => "yearly",
            Granularity::All => "all",
        }
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part of a flow's data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Partition {
    /// Names it within its flow and granularity.
    pub key: String,
    /// The first instant; none where it is no time, or has no beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The first instant that is not part of it any more; none where it is no time, or has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
}

/// How a flow's data is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Partitions {
    /// By time.
    Calendar(Calendar),
    /// By a list of keys.
    Static(Keys),
}

impl Partitions {
    /// The most partitions that are made at one time: eleven years of hours.
    pub const MOST: u64 = 100_000;

    /// Partitions of time, from the first day to the last one where there are such.
    ///
    /// # Errors
    /// The last day comes before the first one.
    pub fn calendar(
        granularity: Granularity,
        zone: Zone,
        start: Option<NaiveDate>,
        end: Option<NaiveDate>,
    ) -> Result<Partitions, PartitionError> {
        match (start, end) {
            (Some(start), Some(end)) if end < start => Err(PartitionError::Bounds { start, end }),
            _ => Ok(Partitions::Calendar(Calendar { granularity, zone, start, end })),
        }
    }

    /// Reads the key of one of these partitions.
    ///
    /// # Errors
    /// There is none of that key; the error says why.
    pub fn parse_key(&self, key: &str) -> Result<Partition, PartitionError> {
        match self {
            Partitions::Static(keys) => keys.position(key).map(|at| listed(keys, at)),
            Partitions::Calendar(calendar) => {
                let p = calendar.named(key)?;
                if calendar.has(&p) {
                    Ok(p)
                } else {
                    Err(PartitionError::Outside { key: p.key, bounds: calendar.bounds_in_words() })
                }
            }
        }
    }

    /// The partition that an instant lies in. Nothing outside the bounds, and of a list.
    #[must_use]
    pub fn containing(&self, t: Timestamp) -> Option<Partition> {
        match self {
            Partitions::Static(_) => None,
            Partitions::Calendar(c) => {
                let within = c.granularity != Granularity::All
                    || (c.whole().start.is_none_or(|s| s <= t) && c.whole().end.is_none_or(|e| t < e));
                c.around(c.granularity, t).filter(|p| within && c.has(p))
            }
        }
    }

    /// The last partition that has ended at an instant or before it. Nothing where that one is outside the bounds, so that
    /// the last partition of all is not given again and again; nothing of a list. The partition `all` always counts as
    /// ended.
    #[must_use]
    pub fn last_ended_by(&self, t: Timestamp) -> Option<Partition> {
        self.of_tick(t, 0)
    }

    /// The partition that a tick of a schedule stands for: the last one that has ended by then, shifted by `offset`
    /// partitions. Nothing where that one is outside the bounds.
    #[must_use]
    pub fn of_tick(&self, tick: Timestamp, offset: i32) -> Option<Partition> {
        let Partitions::Calendar(c) = self else { return None };
        let around = c.around(c.granularity, tick)?;
        let ended = if c.granularity == Granularity::All { around } else { c.preceding(&around)? };
        shift_freely(c, ended, offset).filter(|p| c.has(p))
    }

    /// The partition `n` further on, or back where `n` is negative; on a list too. Nothing where it is outside the bounds,
    /// or more than [`Partitions::MOST`] away.
    #[must_use]
    pub fn shift(&self, p: &Partition, n: i32) -> Option<Partition> {
        match self {
            Partitions::Calendar(c) => shift_freely(c, p.clone(), n).filter(|p| c.has(p)),
            Partitions::Static(keys) => {
                let at = keys.position(&p.key).ok()?.checked_add_signed(n as isize)?;
                (at < keys.as_slice().len()).then(|| listed(keys, at))
            }
        }
    }

    /// The partitions from one key to another, with both.
    ///
    /// # Errors
    /// There is no partition of one of the keys, they stand in the wrong order, or there are more than
    /// [`Partitions::MOST`] between them.
    pub fn range(&self, from: &str, to: &str) -> Result<impl Iterator<Item = Partition>, PartitionError> {
        let (first, last) = (self.parse_key(from)?, self.parse_key(to)?);
        let backwards = || PartitionError::Backwards { from: from.to_owned(), to: to.to_owned() };
        match self {
            Partitions::Static(keys) => {
                let (first, last) = (keys.position(from)?, keys.position(to)?);
                if last < first {
                    return Err(backwards());
                }
                Ok(Span::Listed(keys, first..=last))
            }
            Partitions::Calendar(c) => {
                if last.start < first.start {
                    return Err(backwards());
                }
                check_count(c.granularity, first.start, last.end)?;
                Ok(Span::Dated { calendar: c, next: Some(first), until: last.end })
            }
        }
    }

    /// The partition of a coarser granularity that one of these lies in: the month of a day. It is whole, also where the
    /// bounds cut it. Nothing where `granularity` is finer than these partitions', and of a list but for `all`.
    #[must_use]
    pub fn coarser(&self, fine: &Partition, granularity: Granularity) -> Option<Partition> {
        match self {
            Partitions::Static(_) => {
                (granularity == Granularity::All).then(|| Partition { key: key::ALL.into(), start: None, end: None })
            }
            Partitions::Calendar(c) if granularity == Granularity::All => Some(c.whole()),
            Partitions::Calendar(c) if granularity >= c.granularity => c.around(granularity, fine.start?),
            Partitions::Calendar(_) => None,
        }
    }

    /// The partitions that a coarser one is made of, those within the bounds.
    ///
    /// # Errors
    /// There are more than [`Partitions::MOST`], or no end to them.
    pub fn contained(&self, coarse: &Partition) -> Result<Vec<Partition>, PartitionError> {
        match self {
            Partitions::Static(keys) => Ok((0..keys.as_slice().len()).map(|at| listed(keys, at)).collect()),
            Partitions::Calendar(c) if c.granularity == Granularity::All => Ok(vec![c.whole()]),
            Partitions::Calendar(c) => {
                let whole = c.whole();
                // None is less than any instant, so the later start is the greater one; of ends the lesser that is there.
                let start = coarse.start.max(whole.start).ok_or(PartitionError::Open { side: "start" })?;
                let end = [coarse.end, whole.end].into_iter().flatten().min();
                let end = end.ok_or(PartitionError::Open { side: "end" })?;
                check_count(c.granularity, Some(start), Some(end))?;
                let first = c.around(c.granularity, start).filter(|_| start < end);
                // Old zones have hours that began the day before; such an hour belongs to where it began.
                let own = |p: &Partition| p.start >= coarse.start;
                Ok(Span::Dated { calendar: c, next: first, until: Some(end) }.filter(own).collect())
            }
        }
    }
}

fn listed(keys: &Keys, at: usize) -> Partition {
    Partition { key: keys.as_slice()[at].clone(), start: None, end: None }
}

/// A partition further on or back, without regard to the bounds.
fn shift_freely(calendar: &Calendar, p: Partition, n: i32) -> Option<Partition> {
    if u64::from(n.unsigned_abs()) > Partitions::MOST {
        return None;
    }
    (0..n.unsigned_abs()).try_fold(p, |p, _| if n < 0 { calendar.preceding(&p) } else { calendar.following(&p) })
}

/// Refuses a stretch of time that has more partitions than are made at one time.
fn check_count(
    granularity: Granularity,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
) -> Result<(), PartitionError> {
    const HOUR: u64 = 3600;
    let shortest = match granularity {
        Granularity::Hourly => HOUR,
        Granularity::Daily => 24 * HOUR,
        Granularity::Monthly => 28 * 24 * HOUR,
        Granularity::Yearly => 365 * 24 * HOUR,
        Granularity::All => return Ok(()),
    };
    let (Some(start), Some(end)) = (start, end) else { return Ok(()) };
    let count = end.since(start).as_secs() / shortest;
    if count > Partitions::MOST { Err(PartitionError::TooMany { count, most: Partitions::MOST }) } else { Ok(()) }
}

/// Partitions one after another.
enum Span<'a> {
    Dated { calendar: &'a Calendar, next: Option<Partition>, until: Option<Timestamp> },
    Listed(&'a Keys, std::ops::RangeInclusive<usize>),
}

impl Iterator for Span<'_> {
    type Item = Partition;

    fn next(&mut self) -> Option<Partition> {
        match self {
            Span::Listed(keys, range) => range.next().map(|at| listed(keys, at)),
            Span::Dated { calendar, next, until } => {
                let p = next.take()?;
                *next = calendar.following(&p).filter(|p| until.is_none_or(|until| p.start < Some(until)));
                Some(p)
            }
        }
    }
}

#[cfg(test)]
mod tests;
