//! When a flow is due: `schedule`, `timeZone` and what happens to ticks that cannot run at once.

use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::plan::{ConcurrencyPolicy, Missed};
use crate::schedule::{self, Zone};

const ALL: Shape = Shape {
    name: "MissedAll",
    doc: "All missed ticks, the newest ones where there are more.",
    one: false,
    fields: &[Field::required("max", Kind::Int(1, 10_000), "How many at the most.")],
};
const MISSED: Shape = Shape {
    name: "Missed",
    doc: "Which missed ticks are made up for.",
    one: false,
    fields: &[Field::required("all", Kind::Object(&ALL), "All missed ticks, as `{all: {max: 10}}`.")],
};
pub(in crate::config) const MISSED_KIND: Kind = Kind::Or(&Kind::Enum(&["skip", "last"]), &MISSED);
pub(in crate::config) const CONCURRENCY: Kind = Kind::Enum(&["Allow", "Forbid", "Replace"]);

#[derive(Debug)]
pub(in crate::config) struct Schedule {
    pub(in crate::config) expression: Option<String>,
    pub(in crate::config) zone: Zone,
    pub(in crate::config) concurrency: ConcurrencyPolicy,
    pub(in crate::config) starting_deadline_us: Option<u64>,
    pub(in crate::config) suspend: bool,
    pub(in crate::config) missed: Missed,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node) -> Schedule {
    let zone = zone(reader, spec);
    let expression =
        reader::text(spec, "schedule").and_then(|text| match schedule::Schedule::parse(&text.value, zone) {
            Ok(_) => Some(text.value),
            Err(e) => {
                let at = text.at.within(&e.span);
                reader.faults.error(reader.files, at, Code::InvalidSchedule, e.message, e.hint);
                None
            }
        });
    let concurrency = match spec.get("concurrencyPolicy").and_then(Node::text) {
        Some("Forbid") => ConcurrencyPolicy::Forbid,
        Some("Replace") => ConcurrencyPolicy::Replace,
        _ => ConcurrencyPolicy::Allow,
    };
    let missed = spec.get("missed").map_or(Missed::Last, |missed| match missed.text() {
        Some("skip") => Missed::Skip,
        Some(_) => Missed::Last,
        None => {
            missed.get("all").and_then(|all| reader::int(all, "max")).map_or(Missed::Last, |max| Missed::All { max })
        }
    });
    if spec.get("schedule").is_none() {
        for name in ["concurrencyPolicy", "startingDeadlineSeconds", "missed"] {
            if let Some(node) = spec.get(name) {
                let message = format!("`{name}` says nothing where there is no `schedule`");
                reader.warn(
                    node.at,
                    Code::InvalidValue,
                    message,
                    "it is about scheduled runs: leave it out, or give a `schedule`",
                );
            }
        }
    }
    Schedule {
        expression,
        zone,
        concurrency,
        starting_deadline_us: reader::int::<u64>(spec, "startingDeadlineSeconds").map(|s| s.saturating_mul(1_000_000)),
        suspend: reader::flag(spec, "suspend").unwrap_or(false),
        missed,
    }
}

fn zone(reader: &mut Reader<'_>, spec: &Node) -> Zone {
    let Some(text) = reader::text(spec, "timeZone") else { return Zone::UTC };
    Zone::parse(&text.value).unwrap_or_else(|e| {
        reader.faults.error(reader.files, text.at.within(&e.span), Code::InvalidZone, e.message, e.hint);
        Zone::UTC
    })
}
