use super::{Granularity, Partition, PartitionError, edges, key};
use crate::schedule::Zone;
use crate::time::Timestamp;
use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};

const MICROS: i64 = 1_000_000;

/// Partitions that are stretches of time, one after another without a gap, in the days of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Calendar {
    /// How long each is.
    pub granularity: Granularity,
    /// In whose days.
    pub zone: Zone,
    /// The first day. A longer partition that has days from then on is whole. None: there is no first partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<NaiveDate>,
    /// The last day. A longer partition that has days up to then is whole. None: there is no last partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<NaiveDate>,
}

impl Calendar {
    /// Seconds at which the flow's time begins and ends.
    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let end = self.end.and_then(|date| date.succ_opt());
        (self.start.map(|date| edges::day(self.zone, date)), end.map(|date| edges::day(self.zone, date)))
    }

    /// Whether a partition is one of the flow's: it has a second within the bounds.
    pub(super) fn has(&self, p: &Partition) -> bool {
        let (first, last) = self.bounds();
        let starts_in_time = last.is_none_or(|last| p.start.is_none_or(|start| start < at(last)));
        let ends_in_time = first.is_none_or(|first| p.end.is_none_or(|end| end > at(first)));
        starts_in_time && ends_in_time
    }

    /// The one partition of granularity `all`: from the start of the first partition to the end of the last one.
    pub(super) fn whole(&self) -> Partition {
        let (start, end) = self.bounds();
        let (start, end) = (start.map(at), end.map(at));
        let key = key::ALL.to_owned();
        if self.granularity == Granularity::All {
            return Partition { key, start, end };
        }
        let last = end.map(|end| Timestamp::from_micros(end.as_micros() - 1));
        let around = |t| self.around(self.granularity, t);
        Partition {
            key,
            start: start.and_then(around).and_then(|p| p.start),
            end: last.and_then(around).and_then(|p| p.end),
        }
    }

    /// The partition of a granularity that an instant lies in, whether or not it is within the bounds. Nothing beyond the
    /// years 1 to 9999.
    pub(super) fn around(&self, granularity: Granularity, t: Timestamp) -> Option<Partition> {
        let second = t.as_micros().div_euclid(MICROS);
        match granularity {
            Granularity::All => Some(self.whole()),
            Granularity::Hourly => {
                edges::date(self.zone, second)?;
                let (start, end) = edges::hour(self.zone, second);
                Some(Partition { key: key::hour(self.zone, start), start: Some(at(start)), end: Some(at(end)) })
            }
            Granularity::Daily | Granularity::Monthly | Granularity::Yearly => {
                let mut first = first_day(granularity, edges::date(self.zone, second)?);
                // The wall clock may show another day for some minutes: one that is over, or one that is still to come.
                loop {
                    let p = self.of_days(granularity, first)?;
                    first = if p.start.is_some_and(|start| t < start) {
                        first_day(granularity, first.pred_opt()?)
                    } else if p.end.is_some_and(|end| t >= end) {
                        next_first_day(granularity, first)?
                    } else {
                        return Some(p);
                    };
                }
            }
        }
    }

    /// The day, month or year that begins with a date.
    fn of_days(&self, granularity: Granularity, first: NaiveDate) -> Option<Partition> {
        let start = edges::day(self.zone, first);
        let end = edges::day(self.zone, next_first_day(granularity, first)?);
        Some(Partition { key: key::days(granularity, first), start: Some(at(start)), end: Some(at(end)) })
    }

    /// The partition after another, whether or not it is within the bounds.
    pub(super) fn following(&self, p: &Partition) -> Option<Partition> {
        self.around(self.granularity, p.end?).filter(|_| self.granularity != Granularity::All)
    }

    /// The partition before another, whether or not it is within the bounds.
    pub(super) fn preceding(&self, p: &Partition) -> Option<Partition> {
        let before = Timestamp::from_micros(p.start?.as_micros().checked_sub(1)?);
        self.around(self.granularity, before).filter(|_| self.granularity != Granularity::All)
    }

    /// Reads a key, whether or not it is within the bounds.
    pub(super) fn named(&self, text: &str) -> Result<Partition, PartitionError> {
        match self.granularity {
            Granularity::All => key::parse_all(text).map(|()| self.whole()),
            Granularity::Hourly => {
                let start = key::parse_hour(self.zone, text)?;
                self.around(Granularity::Hourly, at(start)).ok_or_else(|| key::bad_form(text, self.granularity))
            }
            granularity => {
                let first = key::parse_days(granularity, text)?;
                let p = self.of_days(granularity, first).ok_or_else(|| key::bad_form(text, granularity))?;
                if p.start == p.end {
                    return Err(PartitionError::Leapt { key: p.key, zone: self.zone.name() });
                }
                Ok(p)
            }
        }
    }

    /// The bounds in words.
    pub(super) fn bounds_in_words(&self) -> String {
        match (self.start, self.end) {
            (Some(start), Some(end)) => format!("{start} to {end}"),
            (Some(start), None) => format!("which begin on {start}"),
            (None, Some(end)) => format!("which end on {end}"),
            (None, None) => "which have no bounds".into(),
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second.saturating_mul(MICROS))
}

/// The first day of the partition that a date lies in.
fn first_day(granularity: Granularity, date: NaiveDate) -> NaiveDate {
    let first = match granularity {
        Granularity::Monthly => date.with_day(1),
        Granularity::Yearly => date.with_ordinal(1),
        Granularity::Hourly | Granularity::Daily | Granularity::All => Some(date),
    };
    first.unwrap_or(date)
}

/// The first day of the next partition.
fn next_first_day(granularity: Granularity, first: NaiveDate) -> Option<NaiveDate> {
    match granularity {
        Granularity::Monthly => first.checked_add_months(Months::new(1)),
        Granularity::Yearly => first.checked_add_months(Months::new(12)),
        Granularity::Hourly | Granularity::Daily | Granularity::All => first.succ_opt(),
    }
}
