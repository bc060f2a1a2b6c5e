use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Form of the process's own log on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; with colours on a terminal only.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends the process's own log to standard error. `filter` is in the form of `RUST_LOG`, for example `info` or
/// `wharf=debug`. Where a log is there already, it stays.
///
/// # Errors
/// The filter cannot be read.
pub fn init(format: LogFormat, filter: &str) -> Result<(), String> {
    // The client of Kubernetes calls each answer that it does not like an error: what to make of one is said elsewhere.
    let filter = EnvFilter::try_new(format!("kube_client=off,kube_runtime=off,{filter}"))
        .map_err(|e| format!("the log filter `{filter}` cannot be read: {e}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let result = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A second call in one process (a test) finds the first one's log.
    drop(result);
    Ok(())
}
