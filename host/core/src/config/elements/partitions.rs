//! How a flow's data is cut.

use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::partition::{Granularity, Keys, Partitions};
use crate::schedule::Zone;
use chrono::NaiveDate;

const DATE: Kind = Kind::Form("a date such as `2012-01-31`");
const BOUNDS: Shape = Shape {
    name: "PartitionBounds",
    doc: "The first and the last day, both part of it.",
    one: false,
    fields: &[
        Field::new("start", DATE, "The first day; without it there is no first partition."),
        Field::new("end", DATE, "The last day; without it there is no last partition."),
    ],
};
const CALENDAR: Kind = Kind::Object(&BOUNDS);
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Partitions",
    doc: "How the flow's data is cut; days are those of `timeZone`.",
    one: true,
    fields: &[
        Field::new("hourly", CALENDAR, "One for each hour: `2012-01-05T13`."),
        Field::new("daily", CALENDAR, "One for each day: `2012-01-05`."),
        Field::new("monthly", CALENDAR, "One for each month: `2012-01`."),
        Field::new("yearly", CALENDAR, "One for each year: `2012`."),
        Field::new("static", Kind::List(&Kind::Form("a key")), "One for each key of a list."),
    ],
};
const GRANULARITIES: [(&str, Granularity); 5] = [
    ("hourly", Granularity::Hourly),
    ("daily", Granularity::Daily),
    ("monthly", Granularity::Monthly),
    ("yearly", Granularity::Yearly),
    ("all", Granularity::All),
];
pub(in crate::config) const GRANULARITY: Kind = Kind::Enum(&["hourly", "daily", "monthly", "yearly", "all"]);

/// The granularity of that name.
pub(in crate::config) fn granularity(name: &str) -> Option<Granularity> {
    GRANULARITIES.iter().find(|(n, _)| *n == name).map(|(_, g)| *g)
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node, zone: Zone) -> Option<Partitions> {
    let node = spec.get("partitions")?;
    let entry = node.entries().iter().find(|e| SHAPE.fields.iter().any(|f| f.name == e.key))?;
    let made = match granularity(&entry.key) {
        Some(granularity) => {
            let start = date(reader, &entry.node, "start");
            let end = date(reader, &entry.node, "end");
            Partitions::calendar(granularity, zone, start, end)
        }
        None => {
            let keys = entry.node.items().iter().filter_map(|n| n.text().map(str::to_owned)).collect();
            Keys::new(keys).map(Partitions::Static)
        }
    };
    made.map_err(|e| reader.error(entry.node.at, Code::Partition, e.to_string())).ok()
}

fn date(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<NaiveDate> {
    let text = reader::text(node, name)?;
    let date = (text.value.len() == 10).then(|| NaiveDate::parse_from_str(&text.value, "%Y-%m-%d").ok()).flatten();
    if date.is_none() {
        let message = format!("`{}` is no date", crate::schedule::shown(&text.value));
        reader.error_hint(text.at, Code::InvalidValue, message, "write it as `2012-01-31`");
    }
    date
}
