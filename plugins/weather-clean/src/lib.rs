//! Judges a row of weather: types, units, missing values.
//!
//! A row is never dropped in silence: it comes out as a day, or as the list of all that is wrong with it.

mod column;
pub mod types;

use column::Reading;
use types::{Day, Fault, Input, Output};
use wharf_task::{TaskError, log};

/// Judges the row. A bad row is a result, not an error.
///
/// # Errors
/// None: whatever is wrong stands in the output.
pub fn run(input: Input) -> Result<Output, TaskError> {
    let Input { row, units } = input;
    let mut missing = Vec::new();
    let mut rejected = Vec::new();
    let mut take = |name: &str, reading: Reading| match reading {
        Reading::Value(value) => Some(value),
        Reading::Missing => {
            missing.push(name.to_owned());
            None
        }
        Reading::Bad(reason) => {
            let text = row.fields.get(name).cloned().unwrap_or_default();
            rejected.push(Fault { line: row.line, column: name.to_owned(), text, reason });
            None
        }
    };
    let field = |name: &str| row.fields.get(name).map(String::as_str);

    let precipitation = take("precipitation", column::precipitation(field("precipitation"), units.precipitation));
    let temp_max = take("temp_max", column::temperature(field("temp_max"), units.temperature));
    let temp_min = take("temp_min", column::temperature(field("temp_min"), units.temperature));
    let wind = take("wind", column::wind(field("wind"), units.wind));
    let weather = match column::weather(field("weather")) {
        Ok(weather) => {
            if weather.is_none() {
                take("weather", Reading::Missing);
            }
            weather
        }
        Err(reason) => {
            take("weather", Reading::Bad(reason));
            None
        }
    };
    if let (Some(low), Some(high)) = (temp_min, temp_max)
        && low > high
    {
        take("temp_min", Reading::Bad(format!("the day's low of {low} is above its high of {high}")));
    }

    for fault in &rejected {
        log::warn(
            "row rejected",
            &[("line", &fault.line), ("column", &fault.column), ("text", &fault.text), ("reason", &fault.reason)],
        );
    }
    missing.sort_unstable();
    let day = rejected.is_empty().then_some(Day { precipitation, temp_max, temp_min, wind, weather });
    Ok(Output { date: row.date, day, missing, rejected })
}

wharf_task::task!(run);

#[cfg(test)]
mod tests;
