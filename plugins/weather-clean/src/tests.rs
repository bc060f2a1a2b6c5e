use super::*;
use types::Weather;
use wharf_task::testing::Host;

fn row(fields: &str) -> Output {
    let fields = fields.split(' ').map(|f| f.split_once('=').unwrap());
    let fields: std::collections::BTreeMap<_, _> = fields.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    run(Input { row: types::Row { date: "2012-01-05".into(), line: 6, fields }, units: types::Units::default() })
        .unwrap()
}

#[test]
fn a_row_of_the_real_table_becomes_a_day() {
    let output = row("precipitation=1.3 temp_max=8.9 temp_min=2.8 wind=6.1 weather=rain");
    assert_eq!(
        output.day,
        Some(Day {
            precipitation: Some(1.3),
            temp_max: Some(8.9),
            temp_min: Some(2.8),
            wind: Some(6.1),
            weather: Some(Weather::Rain)
        })
    );
    assert!(output.missing.is_empty() && output.rejected.is_empty());
}

#[test]
fn a_missing_value_is_named_and_the_row_kept() {
    let output = row("precipitation= temp_max=8.9 temp_min=NA wind=-9999 weather=");
    assert_eq!(output.missing, ["precipitation", "temp_min", "weather", "wind"]);
    let day = output.day.unwrap();
    assert_eq!((day.temp_max, day.temp_min, day.weather), (Some(8.9), None, None));
}

#[test]
fn a_bad_row_is_reported_with_every_reason() {
    let host = Host::new();
    let output = host.enter(|| row("precipitation=wet temp_max=2 temp_min=8.9 wind=400 weather=hail"));
    assert_eq!(output.day, None);
    let faults: Vec<_> = output.rejected.iter().map(|f| format!("{} {}: {}", f.line, f.column, f.reason)).collect();
    assert_eq!(
        faults,
        [
            "6 precipitation: not a number",
            "6 wind: outside of 0 to 115 m/s",
            "6 weather: not one of drizzle, fog, rain, snow, sun",
            "6 temp_min: the day's low of 8.9 is above its high of 2",
        ]
    );
    assert_eq!(output.rejected[0].text, "wet");
    assert_eq!(host.logs().len(), 4);
}

#[test]
fn a_table_without_a_column_is_no_table_of_missing_values() {
    let output = row("precipitation=0 temp_max=2 temp_min=1 weather=sun");
    assert_eq!(output.rejected[0].reason, "the table has no such column");
    let output = row("precipitation=0 temp_max=2 temp_min=1 weather=sun wind=nan");
    assert_eq!(output.rejected[0].reason, "outside of 0 to 115 m/s");
}

#[test]
fn other_units_become_metric() {
    let input = r#"{
        "row": {"date": "2012-01-05", "line": 6, "fields":
            {"precipitation": "0.05", "temp_max": "48.0", "temp_min": "37.0", "wind": "13.6", "weather": "rain"}},
        "units": {"temperature": "fahrenheit", "precipitation": "inches", "wind": "miles-per-hour"}
    }"#;
    let output = Host::new().call(run, input).unwrap();
    assert_eq!(
        output,
        r#"{"date":"2012-01-05","day":{"precipitation":1.27,"tempMax":8.89,"tempMin":2.78,"wind":6.08,"weather":"rain"},"missing":[],"rejected":[]}"#
    );
}
