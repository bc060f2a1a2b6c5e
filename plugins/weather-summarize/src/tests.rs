use super::*;
use serde_json::{Value, json};
use wharf_task::testing::Host;

const TABLE: &str = include_str!("../../../deploy/examples/weather/data/seattle-weather.csv");

/// The month's days of the real table, as `weather-clean` gives them.
fn real(month: &str) -> Vec<Value> {
    let rows = TABLE.lines().map(|line| line.replacen('/', "-", 2)).filter(|line| line.starts_with(month));
    rows.map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        json!({"partition": fields[0], "output": {
            "date": fields[0], "missing": [], "rejected": [],
            "day": {"precipitation": number(1), "tempMax": number(2), "tempMin": number(3), "wind": number(4),
                    "weather": fields[5]},
        }})
    })
    .collect()
}

fn summarize(host: &Host, month: &str, days: &[Value]) -> Result<Value, TaskError> {
    let input = json!({"month": month, "days": days}).to_string();
    host.call(run, &input).map(|output| serde_json::from_str(&output).unwrap())
}

#[test]
fn a_month_of_the_real_table_adds_up() {
    let days = real("2012-01");
    let output = summarize(&Host::new(), "2012-01", &days).unwrap();
    assert_eq!(
        output,
        json!({
            "month": "2012-01", "days": 31, "daysInMonth": 31,
            "missingDays": [], "missingValues": 0, "rejected": [],
            "temperature": {"min": -3.3, "meanMin": 1.54, "meanMax": 7.05, "max": 12.8},
            "precipitation": {"total": 173.3, "wettest": 27.7, "wetDays": 21},
            "wind": 3.9,
            "weather": {"drizzle": 2, "rain": 18, "snow": 7, "sun": 4},
            "partial": false,
        })
    );

    let mut backwards = days;
    backwards.reverse();
    assert_eq!(summarize(&Host::new(), "2012-01", &backwards).unwrap(), output);
}

#[test]
fn what_is_not_there_is_named() {
    let mut days = real("2012-02");
    days.remove(3);
    days[0] = json!({"partition": "2012-02-01"});
    days[1]["output"]["day"] = Value::Null;
    days[1]["output"]["rejected"] = json!([{"line": 34, "column": "wind", "text": "x", "reason": "not a number"}]);
    days[2]["output"]["day"]["wind"] = Value::Null;
    days[2]["output"]["missing"] = json!(["wind"]);
    let host = Host::new().attempt(|a| a.partial = true);
    let output = summarize(&host, "2012-02", &days).unwrap();
    assert_eq!(output["days"], 26);
    assert_eq!(output["missingDays"], json!(["2012-02-01", "2012-02-04"]));
    assert_eq!(output["missingValues"], 1);
    assert_eq!(output["rejected"][0]["line"], 34);
    assert_eq!(output["partial"], true);
}

#[test]
fn an_empty_month_has_no_numbers() {
    let output = summarize(&Host::new(), "2012-02", &[]).unwrap();
    assert_eq!((output["days"].as_u64(), output["missingDays"].as_array().unwrap().len()), (Some(0), 29));
    assert!(output["temperature"].is_null() && output["precipitation"].is_null() && output["wind"].is_null());
}

#[test]
fn wrong_days_are_invalid_input() {
    let check = |month: &str, days: &[Value], expect: &str| {
        assert_eq!(summarize(&Host::new(), month, days), Err(TaskError::InvalidInput(expect.to_owned())));
    };
    let days = real("2012-01");
    check("January", &days, "input.month: `January` is not like 2012-01");
    check("2012-02", &days, "input.days[0]: 2012-01-01 is no day of the month");
    check("2012-01", &[days[4].clone(), days[4].clone()], "input.days[1]: 2012-01-05 comes twice");
    let mut broken = days;
    broken[1]["output"]["day"]["wind"] = json!("calm");
    check("2012-01", &broken, r#"input.days[1].output.day.wind: invalid type: string "calm", expected f64"#);
}
