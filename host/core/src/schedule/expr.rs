use super::duration;
use super::error::{ScheduleError, nearest, shown};
use super::field::{Field, UNITS, Unit};
use std::time::Duration;

/// The longest expression that is read. All five fields written out as full lists take 400 bytes.
const LONGEST: usize = 1024;

/// Names of expressions; [`parse`] knows what they stand for.
const DESCRIPTORS: [&str; 8] =
    ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually", "@every"];

/// An expression, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expr {
    /// Ticks where the wall clock matches.
    Wall(Fields),
    /// Ticks at this distance from each other.
    Every(Duration),
}

/// The five fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day_of_month: Field,
    pub(super) month: Field,
    pub(super) day_of_week: Field,
}

impl Fields {
    /// Both day fields say something: then a day on which either matches is meant.
    pub(super) fn either_day(&self) -> bool {
        !self.day_of_month.star && !self.day_of_week.star
    }

    /// Whether a month of the list has a day of the list, in a leap year.
    pub(super) fn date_comes(&self) -> bool {
        let first = self.day_of_month.values().next();
        first.is_some_and(|day| self.month.values().any(|month| day <= longest_month(month)))
    }
}

fn longest_month(month: u8) -> u8 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads an expression. Spans of errors are bytes of `text`.
pub(super) fn parse(text: &str) -> Result<Expr, ScheduleError> {
    if text.len() > LONGEST {
        return Err(ScheduleError::new(0..text.len(), format!("the schedule is longer than {LONGEST} bytes")));
    }
    let words = words(text);
    let Some(&(first_at, first)) = words.first() else {
        return Err(ScheduleError::new(0..text.len(), "the schedule is empty")
            .hint("write five fields, minute hour day-of-month month day-of-week, or a name such as `@daily`"));
    };
    if let Some(zone) = first.strip_prefix("TZ=").or_else(|| first.strip_prefix("CRON_TZ=")) {
        return Err(ScheduleError::new(first_at..first_at + first.len(), "a schedule does not name a time zone")
            .hint(format!("take it out and set `timeZone: {}` beside the schedule", shown(zone))));
    }
    if first.starts_with('@') {
        return parse_descriptor(text, &words);
    }
    if words.len() != UNITS.len() {
        return Err(wrong_count(text, &words));
    }
    let mut fields = UNITS.iter().zip(&words).map(|(unit, (at, word))| Field::parse(*unit, word, *at));
    // The order is that of `UNITS`, and there are as many: checked above.
    let mut next = || fields.next().unwrap_or_else(|| Ok(Field::only(0)));
    let fields = Fields { minute: next()?, hour: next()?, day_of_month: next()?, month: next()?, day_of_week: next()? };
    if !fields.date_comes() && !fields.either_day() {
        let (day_at, day) = words[2];
        let (month_at, month) = words[3];
        return Err(ScheduleError::new(
            day_at..month_at + month.len(),
            format!("this date never comes: no month of `{}` has a day of `{}`", shown(month), shown(day)),
        )
        .hint("to run when a month is over, take the first day of the next one: `0 0 1 * *`"));
    }
    Ok(Expr::Wall(fields))
}

/// The words of a text with the bytes at which they begin.
fn words(text: &str) -> Vec<(usize, &str)> {
    text.split_whitespace().map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word)).collect()
}

fn wrong_count(text: &str, words: &[(usize, &str)]) -> ScheduleError {
    let from = words.first().map_or(0, |(at, _)| *at);
    let fault = ScheduleError::new(
        from..text.trim_end().len(),
        format!("a schedule has 5 fields, this one has {}", words.len()),
    );
    fault.hint(match words.len() {
        6 | 7 => "the fields are minute hour day-of-month month day-of-week; there is none for seconds or years",
        _ => "the fields are minute hour day-of-month month day-of-week",
    })
}

fn parse_descriptor(text: &str, words: &[(usize, &str)]) -> Result<Expr, ScheduleError> {
    let (at, name) = words[0];
    let span = at..at + name.len();
    let (zero, every) = (Field::only(0), Field::all);
    let daily = Fields {
        minute: zero,
        hour: zero,
        day_of_month: every(Unit::DayOfMonth),
        month: every(Unit::Month),
        day_of_week: every(Unit::DayOfWeek),
    };
    let fields = match name {
        "@every" => return parse_every(text, words),
        "@hourly" => Fields { hour: every(Unit::Hour), ..daily },
        "@daily" | "@midnight" => daily,
        "@weekly" => Fields { day_of_week: Field::only(0), ..daily },
        "@monthly" => Fields { day_of_month: Field::only(1), ..daily },
        "@yearly" | "@annually" => Fields { day_of_month: Field::only(1), month: Field::only(1), ..daily },
        _ => {
            let fault = ScheduleError::new(span, format!("there is no schedule named `{}`", shown(name)));
            return Err(match nearest(name, DESCRIPTORS.iter().copied()) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint(
                    "the names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually and @every DURATION",
                ),
            });
        }
    };
    match words.get(1) {
        None => Ok(Expr::Wall(fields)),
        Some((from, _)) => Err(ScheduleError::new(*from..text.trim_end().len(), format!("`{name}` stands alone"))
            .hint("take out what follows it")),
    }
}

/// As robfig/cron: whole seconds, at least one.
fn parse_every(text: &str, words: &[(usize, &str)]) -> Result<Expr, ScheduleError> {
    match words {
        [_, (at, word)] => {
            let duration = duration::parse(word).map_err(|e| e.shifted(*at))?;
            Ok(Expr::Every(Duration::from_secs(duration.as_secs().max(1))))
        }
        [(at, name)] => {
            Err(ScheduleError::new(*at..at + name.len(), "`@every` lacks a duration").hint("write it as `@every 90m`"))
        }
        _ => Err(ScheduleError::new(words[1].0..text.trim_end().len(), "`@every` takes one duration")
            .hint("write it without blanks, as `@every 1h30m`")),
    }
}
