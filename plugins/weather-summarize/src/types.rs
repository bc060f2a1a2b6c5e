//! What goes in and comes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A month and its days.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// For example `2012-01`.
    pub month: String,
    /// One entry a day, in any order. A day that is not there is reported as missing.
    pub days: Vec<Item>,
}

/// The output of one day's partition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Key of the partition.
    pub partition: String,
    /// As `weather-clean` gives it; null or left out where the day has no result.
    #[serde(default)]
    pub output: Option<Clean>,
}

/// A judged row.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clean {
    /// For example `2012-01-05`.
    pub date: String,
    /// Null if the row was rejected.
    pub day: Option<Day>,
    /// Columns without a value.
    pub missing: Vec<String>,
    /// Why the row was rejected.
    pub rejected: Vec<Fault>,
}

/// A sound row.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Day {
    /// Millimetres.
    pub precipitation: Option<f64>,
    /// Degrees Celsius.
    pub temp_max: Option<f64>,
    /// Degrees Celsius.
    pub temp_min: Option<f64>,
    /// Metres a second.
    pub wind: Option<f64>,
    /// What the day was like.
    pub weather: Option<String>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Line of the table.
    pub line: u64,
    /// The column.
    pub column: String,
    /// What stands there.
    pub text: String,
    /// Why it cannot be used.
    pub reason: String,
}

/// A month in numbers. Means and sums are rounded to two decimals.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Output {
    /// For example `2012-01`.
    pub month: String,
    /// Days with a sound row.
    pub days: u32,
    /// Days of the calendar month.
    pub days_in_month: u32,
    /// Dates without a row, in order.
    pub missing_days: Vec<String>,
    /// Values that sound rows lack.
    pub missing_values: u32,
    /// Faults of rows that were rejected.
    pub rejected: Vec<Fault>,
    /// Null where no day has both a low and a high.
    pub temperature: Option<TemperatureSummary>,
    /// Null where no day has a value.
    pub precipitation: Option<PrecipitationSummary>,
    /// Mean in metres a second; null where no day has a value.
    pub wind: Option<f64>,
    /// Number of days by what they were like.
    pub weather: BTreeMap<String, u32>,
    /// True where the month was summarized before all of its days were there.
    pub partial: bool,
}

/// Degrees Celsius.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TemperatureSummary {
    /// Lowest of all lows.
    pub min: f64,
    /// Mean of the daily lows.
    pub mean_min: f64,
    /// Mean of the daily highs.
    pub mean_max: f64,
    /// Highest of all highs.
    pub max: f64,
}

/// Millimetres.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PrecipitationSummary {
    /// Sum of the month.
    pub total: f64,
    /// Most in a day.
    pub wettest: f64,
    /// Days with 1 mm or more.
    pub wet_days: u32,
}
