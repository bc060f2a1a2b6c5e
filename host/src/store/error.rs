use std::path::PathBuf;

/// Why the store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes to it.
    #[error(
        "the store {} is in use by process {}; stop that process, or let it do the work (commands that change something go through its socket)",
        .dir.display(), .pid.map_or_else(|| "unknown".to_owned(), |p| p.to_string())
    )]
    Locked {
        /// The state folder.
        dir: PathBuf,
        /// Who holds it, where it said so.
        pid: Option<u32>,
    },
    /// There is none.
    #[error("there is no store at {}; it is made by the first `wharf run`, `trigger` or `serve`", .0.display())]
    Missing(PathBuf),
    /// Written by a later version of wharf.
    #[error(
        "the store {} has format {found}, and this wharf reads up to format {known}; use the wharf that wrote it, or a later one",
        .path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format that is known.
        known: i64,
    },
    /// Written by an earlier version of wharf, and only opened for reading.
    #[error(
        "the store {} has format {found}, and this wharf reads format {known}; the next command that changes something (`wharf serve`, `run`, `trigger`) brings it up to date",
        .path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The format that is read.
        known: i64,
    },
    /// A file of the state folder cannot be used.
    #[error("cannot {what} {}: {source}", .path.display())]
    File {
        /// What was tried: `make`, `open`, `lock`, ...
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What retention dropped cannot be removed.
    #[error("files that are not needed any more cannot be removed: {0}")]
    Remove(std::io::Error),
    /// What retention dropped cannot be removed from a tenant's store.
    #[error("what is not needed any more cannot be removed from a store: {0}")]
    RemoveStored(String),
    /// The database says no.
    #[error("the store cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    /// What is recorded cannot be understood.
    #[error("the store holds what cannot be read: {0}")]
    Damaged(String),
    /// A version of a flow was pinned and never handed over.
    #[error("flow version {0} is pinned by a run, and was not handed over to the store")]
    UnknownVersion(String),
    /// There is no such run, or it was dropped.
    #[error("there is no run {0} in the store")]
    UnknownRun(u64),
    /// Earlier batches are still to be written.
    #[error("the store cannot be written at present")]
    NotWritable,
    /// The thread that writes is gone.
    #[error("the store is closed")]
    Closed,
}

impl From<serde_json::Error> for StoreError {
    fn from(e: serde_json::Error) -> StoreError {
        StoreError::Damaged(e.to_string())
    }
}
