//! What goes in and comes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which row of which table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The table: a CSV file on a mount, with a header that has a column `date`.
    pub path: String,
    /// The day, for example `2012-01-05`. The table may write it with slashes.
    pub date: String,
    /// A file on a writable mount to which each execution appends the line `partition attempt`: an audit of how often
    /// the task really ran.
    #[serde(default)]
    pub journal: Option<String>,
}

/// The row as it stands in the table: text, not yet judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The day, as the input says it.
    pub date: String,
    /// Line of the table, from 1; the header is line 1.
    pub line: u64,
    /// Text of every other column by the header's names.
    pub fields: BTreeMap<String, String>,
}
