use super::*;
use serde_json::{Value, json};
use wharf_task::testing::Host;

/// Months of Seattle, as `weather-summarize` gives them.
fn months() -> Vec<Value> {
    let month = |month: &str, t: [f64; 4], rain: f64, days: u32| {
        json!({"partition": month, "output": {
            "month": month, "days": days, "daysInMonth": days, "missingDays": [], "missingValues": 0, "rejected": [],
            "temperature": {"min": t[0], "meanMin": t[1], "meanMax": t[2], "max": t[3]},
            "precipitation": {"total": rain, "wettest": 27.7, "wetDays": 21},
            "wind": 3.9, "weather": {"rain": 18, "sun": 4}, "partial": false,
        }})
    };
    vec![
        month("2012-01", [-3.3, 1.54, 7.05, 12.8], 173.3, 31),
        month("2012-02", [-0.6, 3.2, 9.28, 16.1], 92.3, 29),
        month("2012-04", [1.1, 5.97, 13.87, 23.3], 68.1, 30),
    ]
}

fn chart(host: &Host, months: &[Value]) -> Result<Value, TaskError> {
    let input = json!({"title": "Seattle <weather>", "source": "NOAA", "months": months}).to_string();
    host.call(run, &input).map(|output| serde_json::from_str(&output).unwrap())
}

fn text(host: &Host, name: &str) -> String {
    String::from_utf8(host.artifact(name).unwrap()).unwrap()
}

#[test]
fn the_chart_has_what_a_reader_needs() {
    let host = Host::new();
    let output = chart(&host, &months()).unwrap();
    assert_eq!((&output["months"], &output["days"], &output["rejected"]), (&json!(3), &json!(90), &json!(0)));
    assert_eq!(output["chart"]["mediaType"], "image/svg+xml");

    let svg = text(&host, "chart.svg");
    for part in [
        "Seattle &lt;weather&gt;",
        "January 2012 to April 2012, 90 days, 1 month not there",
        "Temperature, °C",
        "Precipitation, mm",
        "Mean daily low to mean daily high",
        "Source: NOAA",
        ">2012<",
        "April 2012: mean low 6.0 °C, mean high 13.9 °C; lowest 1.1 °C, highest 23.3 °C",
        "February 2012: 92.3 mm on 21 wet days",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    // One in the legend, one a month: the gap has none.
    assert_eq!(svg.matches(r#"class="range""#).count(), 4);
    assert_eq!(svg.matches(r#"class="rain""#).count(), 4);
}

#[test]
fn a_warmer_month_stands_higher() {
    let host = Host::new();
    chart(&host, &months()).unwrap();
    let svg = text(&host, "chart.svg");
    let tops: Vec<f64> = svg
        .lines()
        .filter(|line| line.contains(r#"class="range""#) && line.contains("<title>"))
        .map(|line| line.split(r#" y=""#).nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
        .collect();
    assert!(tops.len() == 3 && tops[0] > tops[1] && tops[1] > tops[2], "{tops:?}");
}

#[test]
fn the_order_of_months_changes_no_byte() {
    let (one, other) = (Host::new(), Host::new());
    let mut months = months();
    chart(&one, &months).unwrap();
    months.reverse();
    chart(&other, &months).unwrap();
    for name in ["chart.svg", "months.csv"] {
        assert_eq!(one.artifact(name), other.artifact(name), "{name}");
    }
}

#[test]
fn the_table_has_a_row_a_month() {
    let host = Host::new();
    let mut months = months();
    months[1]["output"]["temperature"] = Value::Null;
    chart(&host, &months).unwrap();
    let table = text(&host, "months.csv");
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows[1], "2012-01,31,0,0,-3.3,1.54,7.05,12.8,173.3,27.7,21,3.9,false");
    assert_eq!(rows[2], "2012-02,29,0,0,,,,,92.3,27.7,21,3.9,false");
    assert_eq!(rows.len(), 4);
}

#[test]
fn months_that_cannot_be_drawn_are_invalid_input() {
    let check = |months: &[Value], expect: &str| {
        assert_eq!(chart(&Host::new(), months), Err(TaskError::InvalidInput(expect.to_owned())));
    };
    check(&[], "input.months: no month has a result");
    check(&[json!({"partition": "2012-01"})], "input.months: no month has a result");
    let months = months();
    check(&[months[0].clone(), months[0].clone()], "input.months[1]: `2012-01` comes twice");
    let mut odd = months.clone();
    odd[2]["output"]["month"] = json!("2012-13");
    check(&odd, "input.months[2]: `2012-13` is not like 2012-01");
    odd[2]["output"]["month"] = json!("2112-01");
    check(&odd, "input.months: they lie over 100 years apart");
}
