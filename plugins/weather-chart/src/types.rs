//! What goes in and comes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wharf_task::Artifact;

/// A title and the months.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Title of the chart.
    pub title: String,
    /// Where the data come from: the line at the chart's foot.
    #[serde(default)]
    pub source: Option<String>,
    /// One entry a month, in any order. A month that is not there is a gap.
    pub months: Vec<Item>,
}

/// The output of one month's partition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Key of the partition.
    pub partition: String,
    /// As `weather-summarize` gives it; null or left out where the month has no result.
    #[serde(default)]
    pub output: Option<Month>,
}

/// A month in numbers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Month {
    /// For example `2012-01`.
    pub month: String,
    /// Days with a sound row.
    pub days: u32,
    /// Days of the calendar month.
    pub days_in_month: u32,
    /// Dates without a row.
    pub missing_days: Vec<String>,
    /// Values that sound rows lack.
    pub missing_values: u32,
    /// Faults of rows that were rejected.
    pub rejected: Vec<Fault>,
    /// Degrees Celsius.
    pub temperature: Option<Temperature>,
    /// Millimetres.
    pub precipitation: Option<Precipitation>,
    /// Mean in metres a second.
    pub wind: Option<f64>,
    /// Number of days by what they were like.
    pub weather: BTreeMap<String, u32>,
    /// True where the month was summarized before all of its days were there.
    pub partial: bool,
}

/// Degrees Celsius.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Temperature {
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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Precipitation {
    /// Sum of the month.
    pub total: f64,
    /// Most in a day.
    pub wettest: f64,
    /// Days with 1 mm or more.
    pub wet_days: u32,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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

/// The two artifacts, and what they show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Output {
    /// `chart.svg`.
    pub chart: Artifact,
    /// `months.csv`: a row a month.
    pub table: Artifact,
    /// Months that are shown.
    pub months: u32,
    /// Days behind them.
    pub days: u32,
    /// Faults of rows that were rejected on the way.
    pub rejected: u32,
}
