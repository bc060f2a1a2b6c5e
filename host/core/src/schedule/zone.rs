use super::error::{ScheduleError, nearest, shown};
use crate::time::Timestamp;
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A time zone of the IANA database, which is part of the program. Serialised as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(Tz);

/// How far a search for a change of the clocks looks, in seconds. More than the distance between any two offsets
/// (26 hours, of UTC-12 and UTC+14), which is what [`super::wall`] rests on.
pub(crate) const REACH: i64 = 30 * 3600;

/// The search looks at this distance, so that of two changes within it that undo each other none would be seen. No zone
/// has such a pair.
const PROBE: i64 = 3 * 3600;

/// A stretch of time in which a zone keeps one offset. Seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steady {
    /// The first second, or the bound of the search.
    pub(crate) since: i64,
    /// The second after the last one, or the bound of the search.
    pub(crate) until: i64,
    /// Local time minus UTC, in seconds.
    pub(crate) offset: i64,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// Finds a zone by its name in the IANA database, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// There is no such zone. The hint names the nearest one.
    pub fn parse(name: &str) -> Result<Zone, ScheduleError> {
        if let Ok(zone) = name.parse::<Tz>() {
            return Ok(Zone(zone));
        }
        let fault = ScheduleError::new(0..name.len(), format!("there is no time zone `{}`", shown(name)));
        Err(match suggest(name) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("use a name of the IANA database, such as `Europe/Berlin` or `UTC`"),
        })
    }

    /// The name in the IANA database.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the clocks on the wall show at an instant.
    #[must_use]
    pub fn wall_clock(self, at: Timestamp) -> NaiveDateTime {
        at.to_datetime().with_timezone(&self.0).naive_local()
    }

    /// Local time minus UTC at a second since the Unix epoch.
    pub(crate) fn offset_at(self, at: i64) -> i64 {
        let utc = DateTime::from_timestamp(at, 0).unwrap_or(DateTime::UNIX_EPOCH).naive_utc();
        i64::from(self.0.offset_from_utc_datetime(&utc).fix().local_minus_utc())
    }

    /// The stretch from `at` to the next change of the clocks, or for [`REACH`].
    pub(crate) fn steady_from(self, at: i64) -> Steady {
        let offset = self.offset_at(at);
        let until = self.change(at, 1, offset).unwrap_or(at + REACH);
        Steady { since: at, until, offset }
    }

    /// The stretch from the last change of the clocks to `at` and with it, or of [`REACH`].
    pub(crate) fn steady_to(self, at: i64) -> Steady {
        let offset = self.offset_at(at);
        let since = self.change(at, -1, offset).map_or(at - REACH, |other| other + 1);
        Steady { since, until: at + 1, offset }
    }

    /// The nearest second within [`REACH`], looking forwards (1) or back (-1), at which the offset is not `offset` any
    /// more.
    fn change(self, at: i64, direction: i64, offset: i64) -> Option<i64> {
        let differs = |distance: i64| self.offset_at(at + direction * distance) != offset;
        let mut far = (1..=REACH / PROBE).map(|n| n * PROBE).find(|far| differs(*far))?;
        let mut near = far - PROBE;
        while far - near > 1 {
            let middle = near.midpoint(far);
            if differs(middle) { far = middle } else { near = middle }
        }
        Some(at + direction * far)
    }
}

fn suggest(name: &str) -> Option<&'static str> {
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let plain = name.trim().replace(' ', "_");
    let city = |full: &'static str| full.rsplit('/').next().unwrap_or(full);
    names()
        .find(|full| full.eq_ignore_ascii_case(&plain))
        .or_else(|| names().find(|full| city(full).eq_ignore_ascii_case(&plain)))
        // Among names as short as `EST` everything is near.
        .or_else(|| nearest(&plain, names().filter(|full| full.contains('/'))))
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name().to_owned()
    }
}

impl TryFrom<String> for Zone {
    type Error = ScheduleError;

    fn try_from(name: String) -> Result<Zone, ScheduleError> {
        Zone::parse(&name)
    }
}
