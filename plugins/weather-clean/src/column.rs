use crate::types::{Length, Speed, Temperature, Weather};
use std::ops::RangeInclusive;

/// What one field says.
pub(crate) enum Reading {
    /// In metric units.
    Value(f64),
    /// The field is empty or says that there is no value.
    Missing,
    /// Why it cannot be used.
    Bad(String),
}

/// Texts by which tables say that there is no value.
const MISSING: [&str; 6] = ["", "NA", "N/A", "null", "NaN", "-9999"];

pub(crate) fn precipitation(text: Option<&str>, unit: Length) -> Reading {
    let millimetres = match unit {
        Length::Millimetres => 1.0,
        Length::Inches => 25.4,
    };
    number(text, |value| value * millimetres, 0.0..=2000.0, "mm")
}

pub(crate) fn temperature(text: Option<&str>, unit: Temperature) -> Reading {
    let celsius = |value: f64| match unit {
        Temperature::Celsius => value,
        Temperature::Fahrenheit => (value - 32.0) / 1.8,
    };
    number(text, celsius, -90.0..=60.0, "°C")
}

pub(crate) fn wind(text: Option<&str>, unit: Speed) -> Reading {
    let metres_per_second = match unit {
        Speed::MetresPerSecond => 1.0,
        Speed::MilesPerHour => 0.447_04,
        Speed::Knots => 1852.0 / 3600.0,
    };
    number(text, |value| value * metres_per_second, 0.0..=115.0, "m/s")
}

pub(crate) fn weather(text: Option<&str>) -> Result<Option<Weather>, String> {
    match text.map(str::trim) {
        None => Err("the table has no such column".to_owned()),
        Some("drizzle") => Ok(Some(Weather::Drizzle)),
        Some("fog") => Ok(Some(Weather::Fog)),
        Some("rain") => Ok(Some(Weather::Rain)),
        Some("snow") => Ok(Some(Weather::Snow)),
        Some("sun") => Ok(Some(Weather::Sun)),
        Some(text) if MISSING.contains(&text) => Ok(None),
        Some(_) => Err("not one of drizzle, fog, rain, snow, sun".to_owned()),
    }
}

/// `range` holds what has been measured anywhere on earth, in metric units; outside of it lies a fault of the table.
fn number(text: Option<&str>, metric: impl Fn(f64) -> f64, range: RangeInclusive<f64>, unit: &str) -> Reading {
    let Some(text) = text.map(str::trim) else { return Reading::Bad("the table has no such column".to_owned()) };
    if MISSING.contains(&text) {
        return Reading::Missing;
    }
    match text.parse::<f64>() {
        Ok(value) => {
            // Two decimals are finer than any of the instruments, and hide what the conversion adds.
            let value = (metric(value) * 100.0).round() / 100.0;
            if range.contains(&value) {
                Reading::Value(value)
            } else {
                Reading::Bad(format!("outside of {} to {} {unit}", range.start(), range.end()))
            }
        }
        Err(_) => Reading::Bad("not a number".to_owned()),
    }
}
