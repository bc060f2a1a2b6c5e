//! Draws a chart and a table of months. The same input gives the same bytes.

mod chart;
mod panel;
mod scale;
mod svg;
mod table;
pub mod types;

use std::collections::BTreeMap;
use types::{Input, Month, Output};
use wharf_task::{TaskError, artifacts, progress};

/// Longest span that is drawn: 100 years of bars are a pixel wide.
const MAX_SPAN: i32 = 1200;

/// Writes `chart.svg` and `months.csv`.
///
/// # Errors
/// Invalid input if no month has a result, a month is none or comes twice, or they lie over 100 years apart.
pub fn run(input: Input) -> Result<Output, TaskError> {
    let months = by_index(input.months)?;
    let (Some((&first, _)), Some((&last, _))) = (months.first_key_value(), months.last_key_value()) else {
        return Err(TaskError::invalid_input("input.months: no month has a result"));
    };
    if last - first >= MAX_SPAN {
        return Err(TaskError::invalid_input("input.months: they lie over 100 years apart"));
    }
    let svg = chart::draw(&input.title, input.source.as_deref(), &months, first..=last);
    let chart = artifacts::write("chart.svg", Some("image/svg+xml"), svg.as_bytes())?;
    progress::report(1, Some(2), Some("chart drawn"));
    let table = artifacts::write("months.csv", Some("text/csv"), table::csv(months.values()).as_bytes())?;
    progress::report(2, Some(2), Some("table written"));

    let rejected = months.values().map(|m| m.rejected.len()).sum::<usize>();
    Ok(Output {
        chart,
        table,
        months: u32::try_from(months.len()).unwrap_or(u32::MAX),
        days: months.values().map(|m| m.days).sum(),
        rejected: u32::try_from(rejected).unwrap_or(u32::MAX),
    })
}

wharf_task::task!(run);

/// Months that have a result, by their place in time (years times 12, plus 0 to 11).
fn by_index(items: Vec<types::Item>) -> Result<BTreeMap<i32, Month>, TaskError> {
    let mut months = BTreeMap::new();
    for (i, item) in items.into_iter().enumerate() {
        let Some(month) = item.output else { continue };
        let name = month.month.clone();
        let fault = |what: &str| TaskError::invalid_input(format!("input.months[{i}]: `{name}` {what}"));
        let index = index(&name).ok_or_else(|| fault("is not like 2012-01"))?;
        if months.insert(index, month).is_some() {
            return Err(fault("comes twice"));
        }
    }
    Ok(months)
}

fn index(month: &str) -> Option<i32> {
    let (year, month) = month.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
    let (year, month): (u16, u8) = (year.parse().ok()?, month.parse().ok()?);
    (1..=12).contains(&month).then(|| i32::from(year) * 12 + i32::from(month) - 1)
}

#[cfg(test)]
mod tests;
