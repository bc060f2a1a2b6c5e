//! Summarizes a month of clean days.

mod calendar;
pub mod types;

use calendar::Month;
use std::collections::{BTreeMap, BTreeSet};
use types::{Clean, Day, Input, Output, PrecipitationSummary, TemperatureSummary};
use wharf_task::{TaskError, context, log};

/// Summarizes the days that are there and names those that are not.
///
/// # Errors
/// Invalid input if `month` is none, or a day is of another month or comes twice.
pub fn run(input: Input) -> Result<Output, TaskError> {
    let month = Month::parse(&input.month)
        .ok_or_else(|| TaskError::invalid_input(format!("input.month: `{}` is not like 2012-01", input.month)))?;
    let days = by_date(input.days, &month)?;

    let sound: Vec<&Day> = days.values().filter_map(|clean| clean.day.as_ref()).collect();
    let missing_values = days.values().filter(|c| c.day.is_some()).map(|c| c.missing.len()).sum::<usize>();
    let mut weather = BTreeMap::new();
    for kind in sound.iter().filter_map(|day| day.weather.clone()) {
        *weather.entry(kind).or_default() += 1;
    }
    let output = Output {
        month: input.month,
        days: count(sound.len()),
        days_in_month: month.days(),
        missing_days: month.dates().filter(|date| !days.contains_key(date)).collect(),
        missing_values: count(missing_values),
        rejected: days.values().flat_map(|clean| clean.rejected.clone()).collect(),
        temperature: temperature(&sound),
        precipitation: precipitation(&sound),
        wind: mean(&sound.iter().filter_map(|day| day.wind).collect::<Vec<_>>()),
        weather,
        partial: context::attempt().partial,
    };
    log::info(
        "month summarized",
        &[("month", &output.month), ("days", &output.days), ("missing", &output.missing_days.len())],
    );
    Ok(output)
}

wharf_task::task!(run);

/// In the order of dates, so that sums do not depend on the order of the input.
fn by_date(items: Vec<types::Item>, month: &Month) -> Result<BTreeMap<String, Clean>, TaskError> {
    let dates: BTreeSet<String> = month.dates().collect();
    let mut days = BTreeMap::new();
    for (i, item) in items.into_iter().enumerate() {
        let Some(clean) = item.output else { continue };
        let fault = |what: &str| Err(TaskError::invalid_input(format!("input.days[{i}]: {} {what}", clean.date)));
        if !dates.contains(&clean.date) {
            return fault("is no day of the month");
        }
        if days.contains_key(&clean.date) {
            return fault("comes twice");
        }
        days.insert(clean.date.clone(), clean);
    }
    Ok(days)
}

fn temperature(days: &[&Day]) -> Option<TemperatureSummary> {
    let (lows, highs): (Vec<f64>, Vec<f64>) = days.iter().filter_map(|day| day.temp_min.zip(day.temp_max)).unzip();
    Some(TemperatureSummary {
        min: lows.iter().copied().reduce(f64::min)?,
        mean_min: mean(&lows)?,
        mean_max: mean(&highs)?,
        max: highs.iter().copied().reduce(f64::max)?,
    })
}

fn precipitation(days: &[&Day]) -> Option<PrecipitationSummary> {
    let rain: Vec<f64> = days.iter().filter_map(|day| day.precipitation).collect();
    Some(PrecipitationSummary {
        wettest: rain.iter().copied().reduce(f64::max)?,
        total: round(rain.iter().sum()),
        wet_days: count(rain.iter().filter(|mm| **mm >= 1.0).count()),
    })
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| round(values.iter().sum::<f64>() / values.len() as f64))
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
