//! The four tasks of the demo, one after the other over a year of the real table: what one gives, the next takes.

#![allow(clippy::unwrap_used, reason = "a panic is the failure message")]

use serde_json::{Value, json};
use wharf_task::testing::Host;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/examples/weather/data/seattle-weather.csv");

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_year_goes_through_all_four_tasks() {
    let host = Host::new();
    let days: Vec<String> = std::fs::read_to_string(TABLE)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("2012"))
        .map(|line| line[..10].replace('/', "-"))
        .collect();
    let mut months: Vec<(String, Vec<Value>)> = Vec::new();
    for day in days {
        let row = host.call(weather_extract::run, &json!({"path": TABLE, "date": day}).to_string()).unwrap();
        let clean = host.call(weather_clean::run, &json!({"row": read(&row)}).to_string()).unwrap();
        if months.last().is_none_or(|(month, _)| *month != day[..7]) {
            months.push((day[..7].to_owned(), Vec::new()));
        }
        months.last_mut().unwrap().1.push(json!({"partition": day, "output": read(&clean)}));
    }
    let months: Vec<Value> = months
        .into_iter()
        .map(|(month, days)| {
            let input = json!({"month": month, "days": days}).to_string();
            json!({"partition": month, "output": read(&host.call(weather_summarize::run, &input).unwrap())})
        })
        .collect();
    let input = json!({"title": "Seattle", "months": months}).to_string();
    let output = read(&host.call(weather_chart::run, &input).unwrap());

    assert_eq!((&output["months"], &output["days"], &output["rejected"]), (&json!(12), &json!(366), &json!(0)));
    let table = String::from_utf8(host.artifact("months.csv").unwrap()).unwrap();
    assert_eq!(table.lines().nth(1).unwrap(), "2012-01,31,0,0,-3.3,1.54,7.05,12.8,173.3,27.7,21,3.9,false");
}
