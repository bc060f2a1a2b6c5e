use crate::panel::{Columns, LEFT, RIGHT, axis};
use crate::scale::Scale;
use crate::svg::{Anchor, Svg};
use crate::types::Month;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 640.0;
/// Top and bottom of the panel of temperatures.
const TEMPERATURE: (f64, f64) = (116.0, 380.0);
/// Top and bottom of the panel of precipitation.
const PRECIPITATION: (f64, f64) = (412.0, 556.0);

const STYLE: &str = "text{font-family:'Helvetica Neue',Helvetica,Arial,sans-serif;fill:#3c4247}\
.page{fill:#fff}.title{font-size:22px;font-weight:600;fill:#1d2226}.subtitle{font-size:13px;fill:#626a70}\
.legend,.axis{font-size:12px}.tick{font-size:11px;fill:#626a70}.year{font-size:12px;font-weight:600}\
.source{font-size:11px;fill:#7b8389}.shade{fill:#f5f6f7}.grid{stroke:#e1e5e8}.zero{stroke:#8c959b}\
.range{fill:#d1603d}.extreme{stroke:#e8b39f;stroke-width:2;stroke-linecap:round}.rain{fill:#3b78a8}";

const NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The chart of the months of `span`; those that are not there are gaps.
pub(crate) fn draw(
    title: &str,
    source: Option<&str>,
    months: &BTreeMap<i32, Month>,
    span: RangeInclusive<i32>,
) -> String {
    let columns = Columns::new(&span);
    let subtitle = subtitle(months, &span);
    let description = format!("Temperature range and precipitation a month. {subtitle}");
    let mut svg = Svg::new(WIDTH, HEIGHT, title, &description, STYLE);
    svg.rect("page", 0.0, 0.0, WIDTH, HEIGHT, None);
    svg.text("title", 22.0, 38.0, Anchor::Start, title);
    svg.text("subtitle", 22.0, 60.0, Anchor::Start, &subtitle);
    legend(&mut svg);
    for (top, bottom) in [TEMPERATURE, PRECIPITATION] {
        columns.shade(&mut svg, top, bottom);
    }
    temperature(&mut svg, &columns, months);
    precipitation(&mut svg, &columns, months);
    columns.labels(&mut svg, PRECIPITATION.1);
    if let Some(source) = source {
        svg.text("source", 22.0, HEIGHT - 14.0, Anchor::Start, &format!("Source: {source}"));
    }
    svg.finish()
}

fn name(index: i32) -> String {
    format!("{} {}", NAMES[index.rem_euclid(12) as usize], index.div_euclid(12))
}

/// What is shown, and honestly what is not.
fn subtitle(months: &BTreeMap<i32, Month>, span: &RangeInclusive<i32>) -> String {
    let (first, last) = (name(*span.start()), name(*span.end()));
    let mut text = if first == last { first } else { format!("{first} to {last}") };
    let days: u32 = months.values().map(|m| m.days).sum();
    text.push_str(&format!(", {}", count(days, "day")));
    let missing: u32 = months.values().map(|m| m.days_in_month.saturating_sub(m.days)).sum();
    if missing > 0 {
        text.push_str(&format!(", {missing} without a usable row"));
    }
    let gaps = (span.end() - span.start() + 1).unsigned_abs() - u32::try_from(months.len()).unwrap_or(0);
    if gaps > 0 {
        text.push_str(&format!(", {} not there", count(gaps, "month")));
    }
    text
}

/// `1 day`, `1,461 days`.
fn count(n: u32, unit: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    match n {
        0..1000 => format!("{n} {unit}{plural}"),
        _ => format!("{},{:03} {unit}{plural}", n / 1000, n % 1000),
    }
}

fn legend(svg: &mut Svg) {
    let y = 88.0;
    svg.rect("range", LEFT, y - 9.0, 10.0, 10.0, None);
    svg.text("legend", LEFT + 16.0, y, Anchor::Start, "Mean daily low to mean daily high");
    svg.stroke("extreme", (LEFT + 245.0, y - 10.0), (LEFT + 245.0, y + 1.0));
    svg.text("legend", LEFT + 254.0, y, Anchor::Start, "Lowest to highest of the month");
    svg.rect("rain", LEFT + 460.0, y - 9.0, 10.0, 10.0, None);
    svg.text("legend", LEFT + 476.0, y, Anchor::Start, "Total precipitation");
}

fn temperature(svg: &mut Svg, columns: &Columns, months: &BTreeMap<i32, Month>) {
    let all = || months.values().filter_map(|m| m.temperature.as_ref());
    let low = all().map(|t| t.min).fold(0.0, f64::min);
    let high = all().map(|t| t.max).fold(0.0, f64::max);
    let scale = Scale::new(low, high, 6, TEMPERATURE.0, TEMPERATURE.1);
    axis(svg, &scale, "Temperature, °C", TEMPERATURE.0, TEMPERATURE.1);
    for (&index, month) in months {
        let Some(t) = &month.temperature else { continue };
        let (x, width) = columns.bar(index);
        let middle = columns.middle(index);
        svg.stroke("extreme", (middle, scale.at(t.max)), (middle, scale.at(t.min)));
        let hint = format!(
            "{}: mean low {:.1} °C, mean high {:.1} °C; lowest {:.1} °C, highest {:.1} °C",
            name(index),
            t.mean_min,
            t.mean_max,
            t.min,
            t.max
        );
        let (top, bottom) = (scale.at(t.mean_max), scale.at(t.mean_min));
        svg.rect("range", x, top, width, (bottom - top).max(1.0), Some(&hint));
    }
}

fn precipitation(svg: &mut Svg, columns: &Columns, months: &BTreeMap<i32, Month>) {
    let high = months.values().filter_map(|m| m.precipitation.as_ref()).map(|p| p.total).fold(0.0, f64::max);
    let scale = Scale::new(0.0, high, 4, PRECIPITATION.0, PRECIPITATION.1);
    axis(svg, &scale, "Precipitation, mm", PRECIPITATION.0, PRECIPITATION.1);
    for (&index, month) in months {
        let Some(p) = &month.precipitation else { continue };
        let (x, width) = columns.bar(index);
        let hint =
            format!("{}: {:.1} mm on {} wet days, most in a day {:.1} mm", name(index), p.total, p.wet_days, p.wettest);
        let top = scale.at(p.total);
        svg.rect("rain", x, top, width, scale.at(0.0) - top, Some(&hint));
    }
    svg.stroke("zero", (LEFT, PRECIPITATION.1), (RIGHT, PRECIPITATION.1));
}
