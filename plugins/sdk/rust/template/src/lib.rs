//! Greets a person.

mod types;

use types::{Input, Output};
use wharf_task::{TaskError, log};

fn run(input: Input) -> Result<Output, TaskError> {
    let name = input.name.trim();
    if name.is_empty() {
        return Err(TaskError::invalid_input("input.name: it is empty"));
    }
    log::info("greeting", &[("name", &name)]);
    Ok(Output { text: format!("Hello, {name}!") })
}

wharf_task::task!(run);

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_task::testing::Host;

    #[test]
    fn a_person_is_greeted() {
        let host = Host::new();
        assert_eq!(host.call(run, r#"{"name": "Ada"}"#).unwrap(), r#"{"text":"Hello, Ada!"}"#);
        assert_eq!(host.logs()[0].fields["name"], "Ada");
    }

    #[test]
    fn bad_input_is_named_by_its_path() {
        let error = Host::new().call(run, r#"{"name": 7}"#).unwrap_err();
        assert_eq!(error.to_string(), "invalid input: input.name: invalid type: integer `7`, expected a string");
    }
}
