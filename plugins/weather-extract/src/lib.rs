//! Reads one day's row from a CSV table on a mount.

pub mod types;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use types::{Input, Output};
use wharf_task::{TaskError, context};

/// Finds the row of the day.
///
/// # Errors
/// Invalid input if the table has no such day; permanent if it has the day twice, has no `date` column or is no CSV.
pub fn run(input: Input) -> Result<Output, TaskError> {
    if let Some(journal) = &input.journal {
        note(journal, &input.date)?;
    }
    let table = File::open(&input.path).map_err(|e| at(&input.path, e))?;
    find(table, &input.path, &input.date)
}

wharf_task::task!(run);

fn find(table: impl Read, path: &str, date: &str) -> Result<Output, TaskError> {
    let malformed = |why: String| TaskError::permanent(format!("{path}: {why}"));
    let mut reader = csv::Reader::from_reader(table);
    let header = reader.headers().map_err(|e| malformed(e.to_string()))?.clone();
    let column = header.iter().position(|name| name == "date").ok_or_else(|| malformed("no column `date`".into()))?;

    let mut found: Option<Output> = None;
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|e| malformed(e.to_string()))? {
        if !row.get(column).is_some_and(|text| same_day(text, date)) {
            continue;
        }
        let line = row.position().map_or(0, csv::Position::line);
        if let Some(first) = found {
            return Err(malformed(format!("lines {} and {line} are both of {date}", first.line)));
        }
        let fields = header.iter().zip(&row).filter(|(name, _)| *name != "date");
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        found = Some(Output { date: date.to_owned(), line, fields });
    }
    found.ok_or_else(|| TaskError::invalid_input(format!("{path} has no row of {date}")))
}

fn same_day(text: &str, date: &str) -> bool {
    text.len() == date.len() && text.bytes().zip(date.bytes()).all(|(a, b)| a == b || (a == b'/' && b == b'-'))
}

/// One write, so that lines of executions side by side do not mix.
fn note(journal: &str, date: &str) -> Result<(), TaskError> {
    let attempt = context::attempt();
    let partition = attempt.partition.map_or_else(|| date.to_owned(), |p| p.key);
    let mut file = OpenOptions::new().append(true).create(true).open(journal).map_err(|e| at(journal, e))?;
    file.write_all(format!("{partition} {}\n", attempt.number).as_bytes()).map_err(|e| at(journal, e))
}

fn at(path: &str, error: std::io::Error) -> TaskError {
    std::io::Error::new(error.kind(), format!("{path}: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_task::testing::Host;

    const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/examples/weather/data/seattle-weather.csv");

    fn day(date: &str) -> Result<Output, TaskError> {
        run(Input { path: TABLE.into(), date: date.into(), journal: None })
    }

    #[test]
    fn a_day_of_the_real_table_is_found_with_its_line() {
        let row = day("2012-01-05").unwrap();
        assert_eq!((row.date.as_str(), row.line), ("2012-01-05", 6));
        let fields: Vec<_> = row.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            fields,
            [("precipitation", "1.3"), ("temp_max", "8.9"), ("temp_min", "2.8"), ("weather", "rain"), ("wind", "6.1")]
        );
        assert_eq!(day("2015-12-31").unwrap().line, 1462);
    }

    #[test]
    fn a_day_outside_of_the_table_is_invalid_input() {
        assert_eq!(day("2016-01-01"), Err(TaskError::InvalidInput(format!("{TABLE} has no row of 2016-01-01"))));
    }

    #[test]
    fn a_broken_table_is_permanent_and_says_where() {
        let check = |table: &str, expect: &str| {
            assert_eq!(find(table.as_bytes(), "t.csv", "2012-01-01"), Err(TaskError::Permanent(expect.to_owned())));
        };
        check("day,rain\n2012-01-01,1\n", "t.csv: no column `date`");
        check("date,rain\n2012/01/01,1\n2012-01-01,2\n", "t.csv: lines 2 and 3 are both of 2012-01-01");
        check(
            "date,rain\n2012/01/01\n",
            "t.csv: CSV error: record 1 (line: 2, byte: 10): found record with 1 fields, but the previous record has 2 fields",
        );
    }

    #[test]
    fn each_execution_leaves_a_line_in_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let input =
            Input { path: TABLE.into(), date: "2012-01-05".into(), journal: Some(journal.display().to_string()) };
        for number in [1, 2] {
            let host = Host::new().partition("2012-01-05").attempt(|a| a.number = number);
            host.enter(|| run(input.clone())).unwrap();
        }
        assert_eq!(std::fs::read_to_string(journal).unwrap(), "2012-01-05 1\n2012-01-05 2\n");
    }
}
