use super::backoff::{self, Backoff};
use super::quantity;
use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::{Node, Val};
use crate::plan;
use crate::schedule::nearest;
use wharf_contract::Cause;

const MEMORY: Shape = Shape {
    name: "RetryMemory",
    doc: "More memory after an attempt that ran into its memory limit.",
    one: false,
    fields: &[
        Field::required("factor", Kind::Number, "The next attempt's limit is the last one's times this, 1 to 10."),
        Field::new("max", Kind::Quantity, "The limit never passes this; default: the tenant's cap."),
    ],
};
pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Retry",
    doc: "What happens after a failed attempt.",
    one: false,
    fields: &[
        Field::new(
            "attempts",
            Kind::Int(1, 1_000),
            "Attempts in all; default 1. What the platform lost does not count.",
        ),
        Field::new("platformAttempts", Kind::Int(0, 1_000), "Attempts that the platform may lose beside; default 5."),
        Field::new("backoff", Kind::Object(&backoff::SHAPE), "How long to wait before another attempt."),
        Field::new(
            "on",
            Kind::List(&Kind::Cause),
            "Only after these causes it is tried again; default: all that may change. What the platform lost always is.",
        ),
        Field::new("memory", Kind::Object(&MEMORY), "More memory after a memory limit."),
    ],
};

#[derive(Debug, Clone, Default)]
pub(in crate::config) struct Retry {
    attempts: Option<u32>,
    platform_attempts: Option<u32>,
    backoff: Backoff,
    on: Option<Vec<Cause>>,
    factor_percent: Option<u32>,
    memory_max: Option<u64>,
}

pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node) -> Retry {
    let Some(node) = node.get("retry") else { return Retry::default() };
    let memory = node.get("memory");
    Retry {
        attempts: reader::int(node, "attempts"),
        platform_attempts: reader::int(node, "platformAttempts"),
        backoff: backoff::read(reader, node),
        on: node.get("on").map(|_| causes(reader, node)),
        factor_percent: memory.and_then(|m| factor(reader, m)),
        memory_max: memory.and_then(|m| quantity::bytes(reader, m, "max")),
    }
}

impl Retry {
    /// With what the tenant says where the task says nothing.
    pub(in crate::config) fn resolve(&self, tenant: &Retry, cap: Option<u64>) -> plan::Retry {
        let default = plan::Retry::default();
        let max = self.memory_max.or(tenant.memory_max);
        let backoff_min_us = self.backoff.min.or(tenant.backoff.min).unwrap_or(default.backoff_min_us);
        plan::Retry {
            attempts: self.attempts.or(tenant.attempts).unwrap_or(default.attempts),
            platform_attempts: self.platform_attempts.or(tenant.platform_attempts).unwrap_or(default.platform_attempts),
            backoff_min_us,
            backoff_max_us: self
                .backoff
                .max
                .or(tenant.backoff.max)
                .unwrap_or(default.backoff_max_us)
                .max(backoff_min_us),
            on: self.on.clone().or_else(|| tenant.on.clone()),
            memory_factor_percent: self
                .factor_percent
                .or(tenant.factor_percent)
                .unwrap_or(default.memory_factor_percent),
            memory_max: max.map_or(cap, |max| Some(cap.map_or(max, |cap| cap.min(max)))),
        }
    }
}

fn causes(reader: &mut Reader<'_>, node: &Node) -> Vec<Cause> {
    let mut causes = Vec::new();
    for item in reader::items(node, "on") {
        let Some(name) = item.text() else { continue };
        match Cause::parse(name) {
            Some(cause) if cause.may_change() => causes.push(cause),
            Some(_) => {
                let message = format!("`{name}` is never tried again: another attempt would end the same");
                reader.error_hint(item.at, Code::InvalidValue, message, "leave it out");
            }
            None => {
                let names = Cause::ALL.iter().filter(|c| c.may_change()).map(|c| c.as_str());
                let hint = match nearest(name, names.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the causes are {}", names.collect::<Vec<_>>().join(", ")),
                };
                let message = format!("there is no cause `{}`", crate::schedule::shown(name));
                reader.error_hint(item.at, Code::InvalidValue, message, hint);
            }
        }
    }
    causes
}

fn factor(reader: &mut Reader<'_>, memory: &Node) -> Option<u32> {
    let node = memory.get("factor")?;
    let Val::Number(number) = &node.value else { return None };
    let percent = (number.as_f64()? * 100.0).round();
    if (100.0..=1000.0).contains(&percent) {
        // In 100 to 1000 by the line above.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        return Some(percent as u32);
    }
    reader.error(node.at, Code::InvalidValue, format!("`factor` is {number}, and must be from 1 to 10"));
    None
}
