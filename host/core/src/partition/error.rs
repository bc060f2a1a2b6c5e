/// Why there is no such partition, or no such range of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// The key is not of the form that the partitions have.
    #[error("`{key}` is no {kind} partition: give one of the calendar, written as `{example}`")]
    Form {
        /// What was given, cut where it is long.
        key: String,
        /// Which partitions.
        kind: &'static str,
        /// A key in the right form.
        example: &'static str,
    },
    /// The clocks of the zone leapt over it.
    #[error("there is no partition `{key}`: the clocks of {zone} leapt over it")]
    Leapt {
        /// What was given.
        key: String,
        /// The zone.
        zone: &'static str,
    },
    /// The hour came twice, and the key does not say which one is meant, or says it of an hour that came once.
    #[error("`{key}` does not name one partition: write {}", quoted(.meant))]
    Offset {
        /// What was given.
        key: String,
        /// The keys of that hour.
        meant: Vec<String>,
    },
    /// It lies before the flow's first partition or after its last one.
    #[error("partition `{key}` lies outside the flow's partitions, {bounds}")]
    Outside {
        /// What was given.
        key: String,
        /// The bounds in words.
        bounds: String,
    },
    /// It is not on the list.
    #[error("there is no partition `{key}`{}", near.as_ref().map(|n| format!(": did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// What was given, cut where it is long.
        key: String,
        /// The nearest one on the list.
        near: Option<String>,
    },
    /// The range ends before it begins.
    #[error("the range ends before it begins: `{from}` comes after `{to}`")]
    Backwards {
        /// Key of the first partition.
        from: String,
        /// Key of the last partition.
        to: String,
    },
    /// The range holds more partitions than are made at one time.
    #[error("about {count} partitions are more than the {most} that are allowed at one time: ask for a part of them")]
    TooMany {
        /// About how many there are.
        count: u64,
        /// How many are allowed.
        most: u64,
    },
    /// All partitions were asked for, of a flow whose partitions have no end.
    #[error("the flow's partitions have no {side}: give them a `{side}` date")]
    Open {
        /// `start` or `end`.
        side: &'static str,
    },
    /// The first date comes after the last one.
    #[error("partitions begin on {start} and end on {end}, which is before: swap the dates")]
    Bounds {
        /// The first day.
        start: chrono::NaiveDate,
        /// The last day.
        end: chrono::NaiveDate,
    },
    /// A list of partitions is empty, or too long.
    #[error("a list of partitions has 1 to {most} keys, this one has {count}")]
    Count {
        /// How many there are.
        count: usize,
        /// How many are allowed.
        most: u64,
    },
    /// A key of a list cannot be a key.
    #[error(
        "`{key}` cannot be the key of a partition: use 1 to {most} letters, digits, `.`, `_` and `-`, a letter or digit first"
    )]
    Key {
        /// What was given, cut where it is long.
        key: String,
        /// How many characters are allowed.
        most: usize,
    },
    /// A key is on the list twice.
    #[error("partition `{key}` is on the list twice")]
    Twice {
        /// The key.
        key: String,
    },
}

fn quoted(keys: &[String]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ")
}
