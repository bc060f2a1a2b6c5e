//! What goes in and comes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A row as text, and the units that it is in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The row, as `weather-extract` gives it.
    pub row: Row,
    /// Units of the table; metric where nothing is said.
    #[serde(default)]
    pub units: Units,
}

/// One row of the table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The day, for example `2012-01-05`.
    pub date: String,
    /// Line of the table, from 1.
    pub line: u64,
    /// Text by column: `precipitation`, `temp_max`, `temp_min`, `wind`, `weather`.
    pub fields: BTreeMap<String, String>,
}

/// Units of the table.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Units {
    /// Of `temp_max` and `temp_min`.
    pub temperature: Temperature,
    /// Of `precipitation`.
    pub precipitation: Length,
    /// Of `wind`.
    pub wind: Speed,
}

/// A unit of temperature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Temperature {
    #[default]
    Celsius,
    Fahrenheit,
}

/// A unit of the height of rain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Length {
    #[default]
    Millimetres,
    Inches,
}

/// A unit of speed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Speed {
    #[default]
    MetresPerSecond,
    MilesPerHour,
    Knots,
}

/// The day if the row is sound; else every fault of the row.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Output {
    /// The day, for example `2012-01-05`.
    pub date: String,
    /// The row in types and metric units; null if it was rejected.
    pub day: Option<Day>,
    /// Columns without a value, sorted.
    pub missing: Vec<String>,
    /// Why the row was rejected; empty if it was not.
    pub rejected: Vec<Fault>,
}

/// A sound row. A value that the table lacks is null.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
    pub weather: Option<Weather>,
}

/// What a day was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weather {
    Drizzle,
    Fog,
    Rain,
    Snow,
    Sun,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
