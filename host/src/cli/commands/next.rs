use crate::cli::{Context, Exit, Failure, human};
use crate::clock;
use chrono::{NaiveDate, NaiveDateTime};
use wharf_core::schedule::{Schedule, ScheduleError, Zone};
use wharf_core::time::Timestamp;

/// Print the next ticks of a flow's schedule, or of a cron expression
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An expression has five fields (minute, hour, day of month, month, day of week), or is @hourly,
@daily, @weekly, @monthly, @yearly or @every DURATION. It ticks as a Kubernetes CronJob does.

With -o json: an array of instants, RFC 3339 in UTC.

Examples:
  wharf next daily
  wharf next \"0 6 * * mon-fri\" --zone Europe/Berlin -n 10
  wharf next \"30 2 * * *\" --zone America/New_York --from 2026-03-07
  wharf next \"@every 90m\" --from 2026-01-01T00:00:00Z -o json")]
pub(in crate::cli) struct Args {
    /// A flow of the configuration, or a cron expression in quotes
    #[arg(value_name = "FLOW | EXPR")]
    what: String,
    /// The zone of the expression, by its name in the IANA database
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Ticks after this: RFC 3339, or a date or a local time in the zone. Default: now
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
}

pub(in crate::cli) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let zone = args.zone.as_deref().map(|z| Zone::parse(z).map_err(|e| failure("--zone", z, &e))).transpose()?;
    let schedule = if is_expression(&args.what) {
        Schedule::parse(&args.what, zone.unwrap_or(Zone::UTC)).map_err(|e| failure("the expression", &args.what, &e))?
    } else {
        of_flow(context, &args.what, zone)?
    };
    let zone = schedule.zone();
    let from = match &args.from {
        Some(text) => instant(text, zone).ok_or_else(|| {
            Failure::usage(format!("--from: `{text}` is no time"))
                .hint("write it as 2026-03-07, 2026-03-07T06:00 or 2026-03-07T06:00:00Z")
        })?,
        None => clock::now(),
    };
    let ticks: Vec<Timestamp> = std::iter::successors(schedule.next_after(from), |t| schedule.next_after(*t))
        .take(args.count as usize)
        .collect();
    if context.out.json() {
        let instants: Vec<String> = ticks.iter().map(Timestamp::to_string).collect();
        context.out.value(&instants)?;
        return Ok(Exit::Ok);
    }
    let mut text = String::new();
    for tick in &ticks {
        let wall = zone.wall_clock(*tick).format("%a %Y-%m-%d %H:%M:%S");
        text.push_str(&format!("{wall} {}", offset(zone, *tick)));
        if zone != Zone::UTC {
            text.push_str(&format!("  {}", human::time(*tick)));
        }
        text.push('\n');
    }
    context.out.text(text)?;
    if ticks.len() < args.count as usize {
        context.out.note(format!(
            "no further tick: schedules are looked at until the year 2100 ends ({} of {} shown)",
            ticks.len(),
            args.count
        ));
    }
    Ok(Exit::Ok)
}

/// A flow's name has no blank and no `@`; every expression has one of them.
fn is_expression(text: &str) -> bool {
    text.contains(char::is_whitespace) || text.starts_with('@') || text.contains('*')
}

fn of_flow(context: &Context, name: &str, zone: Option<Zone>) -> Result<Schedule, Failure> {
    let plan = super::plan(context)?;
    let flow = super::find_flow(&plan, name)?;
    let Some(expr) = &flow.schedule else {
        return Err(Failure::refused(format!("the flow {} has no schedule", flow.name))
            .hint("give it `schedule: \"0 6 * * *\"`, or ask for an expression in quotes"));
    };
    Schedule::parse(expr, zone.unwrap_or(flow.time_zone)).map_err(|e| failure("the schedule", expr, &e))
}

/// `-05:00 America/New_York`: how far the zone's clocks were from UTC then.
fn offset(zone: Zone, at: Timestamp) -> String {
    let seconds = zone.wall_clock(at).and_utc().timestamp() - at.to_datetime().timestamp();
    let (sign, s) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let mut text = format!("{sign}{:02}:{:02}", s / 3600, s % 3600 / 60);
    if s % 60 != 0 {
        text.push_str(&format!(":{:02}", s % 60));
    }
    format!("{text} {}", zone.name())
}

/// An instant as a person writes it: RFC 3339, or a date or time on the zone's walls.
fn instant(text: &str, zone: Zone) -> Option<Timestamp> {
    if let Some(t) = Timestamp::parse_rfc3339(text) {
        return Some(t);
    }
    let wall = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|f| NaiveDateTime::parse_from_str(text, f).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    // The offset there is not known before the instant is: take the one nearby, then the one at that instant. A time that
    // the clocks skip becomes one beside it.
    let mut at = Timestamp::from(wall.and_utc());
    for _ in 0..2 {
        let ahead = zone.wall_clock(at).and_utc().timestamp_micros() - at.as_micros();
        at = Timestamp::from_micros(wall.and_utc().timestamp_micros().checked_sub(ahead)?);
    }
    Some(at)
}

fn failure(what: &str, text: &str, e: &ScheduleError) -> Failure {
    let failure = Failure::usage(format!("{what} `{text}`: {}", e.message));
    match &e.hint {
        Some(hint) => failure.hint(hint.clone()),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_on_the_zones_walls() {
        let check = |text: &str, zone: &str, expect: Option<&str>| {
            let at = instant(text, Zone::parse(zone).unwrap());
            assert_eq!(at.map(|t| t.to_string()).as_deref(), expect, "{text} in {zone}");
        };
        check("2026-03-07T06:00:00Z", "Europe/Berlin", Some("2026-03-07T06:00:00Z"));
        check("2026-03-07", "Europe/Berlin", Some("2026-03-06T23:00:00Z"));
        check("2026-07-07 06:30", "Europe/Berlin", Some("2026-07-07T04:30:00Z"));
        check("2026-07-07T06:30:15", "Asia/Kathmandu", Some("2026-07-07T00:45:15Z"));
        check("2026-03-08", "America/New_York", Some("2026-03-08T05:00:00Z"));
        check("2026-03-09", "America/New_York", Some("2026-03-09T04:00:00Z"));
        check("tomorrow", "UTC", None);
        check("2026-02-30", "UTC", None);
    }
}
