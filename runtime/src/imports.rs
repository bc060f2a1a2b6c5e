//! What the runtime knows of imports, in words: one closed table.

use crate::Refusal;
use wharf_contract::Cause;

/// One interface of the table.
struct Known {
    /// Without the version.
    name: &'static str,
    /// Major and minor version that the runtime has; the task's own package is matched as a whole.
    version: &'static str,
    meaning: &'static str,
    offered: bool,
}

const fn has(name: &'static str, version: &'static str, meaning: &'static str) -> Known {
    Known { name, version, meaning, offered: true }
}

const fn lacks(name: &'static str, meaning: &'static str) -> Known {
    Known { name, version: "", meaning, offered: false }
}

const TABLE: &[Known] = &[
    has("wharf:task/types", "0.1", "types of the task world; grants nothing"),
    has("wharf:task/context", "0.1", "learns which attempt this is"),
    has("wharf:task/log", "0.1", "writes structured log lines"),
    has("wharf:task/progress", "0.1", "reports how far it is"),
    has("wharf:task/artifacts", "0.1", "writes artifacts, and reads those that its input names"),
    has("wharf:task/state", "0.1", "saves and loads one checkpoint"),
    has("wharf:task/secrets", "0.1", "reads the secrets that the flow grants"),
    has("wharf:adapter/exit", "0.1", "ends with an exit code"),
    has("wasi:io/error", "0.2", "errors of streams; grants nothing"),
    has("wasi:io/poll", "0.2", "waits for streams and clocks"),
    has("wasi:io/streams", "0.2", "byte streams of what else is granted"),
    has("wasi:cli/environment", "0.2", "reads its arguments and the environment variables that the flow grants"),
    has("wasi:cli/exit", "0.2", "ends with an exit code"),
    has("wasi:cli/stdin", "0.2", "reads standard input"),
    has("wasi:cli/stdout", "0.2", "writes standard output, kept as log lines"),
    has("wasi:cli/stderr", "0.2", "writes standard error, kept as log lines"),
    has("wasi:cli/terminal-input", "0.2", "asks whether input is a terminal; it never is"),
    has("wasi:cli/terminal-output", "0.2", "asks whether output is a terminal; it never is"),
    has("wasi:cli/terminal-stdin", "0.2", "asks whether standard input is a terminal; it never is"),
    has("wasi:cli/terminal-stdout", "0.2", "asks whether standard output is a terminal; it never is"),
    has("wasi:cli/terminal-stderr", "0.2", "asks whether standard error is a terminal; it never is"),
    has("wasi:clocks/wall-clock", "0.2", "reads the time of day"),
    has("wasi:clocks/monotonic-clock", "0.2", "measures and waits for time"),
    has("wasi:random/random", "0.2", "reads random bytes, up to a limit"),
    has("wasi:random/insecure", "0.2", "reads cheap random bytes"),
    has("wasi:random/insecure-seed", "0.2", "reads a seed for hash tables"),
    has("wasi:filesystem/types", "0.2", "reads and writes files in the folders that the flow mounts"),
    has("wasi:filesystem/preopens", "0.2", "lists the folders that the flow mounts"),
    has("wasi:http/types", "0.2", "requests and responses; grants nothing"),
    has("wasi:http/outgoing-handler", "0.2", "sends HTTP requests to the hosts that the flow grants"),
    has("wasi:sockets/network", "0.2", "names the network; every socket call is refused, use wasi:http"),
    has("wasi:sockets/instance-network", "0.2", "names the network; every socket call is refused, use wasi:http"),
    has("wasi:sockets/ip-name-lookup", "0.2", "looks up host names; always refused, use wasi:http"),
    has("wasi:sockets/tcp", "0.2", "TCP sockets; every call is refused, use wasi:http"),
    has("wasi:sockets/tcp-create-socket", "0.2", "opens TCP sockets; always refused, use wasi:http"),
    has("wasi:sockets/udp", "0.2", "UDP sockets; every call is refused, use wasi:http"),
    has("wasi:sockets/udp-create-socket", "0.2", "opens UDP sockets; always refused, use wasi:http"),
    lacks("wasi:clocks/timezone", "reads the machine's time zone: not offered, times are UTC"),
    lacks("wasi:http/incoming-handler", "serves HTTP: not offered, a task is no server"),
    lacks("wasi:config/store", "reads configuration: not offered, use the input or the environment"),
    lacks("wasi:keyvalue/store", "a key-value store: not offered, use wharf:task/state"),
    lacks("wasi:blobstore/blobstore", "a blob store: not offered, use wharf:task/artifacts"),
    lacks("wasi:messaging/producer", "sends messages: not offered, use wasi:http"),
    lacks("wasi:logging/logging", "writes logs: not offered, use wharf:task/log or standard error"),
    lacks("wasi:nn/inference", "runs models: not offered"),
];

/// What an import lets a task do, in words, and whether the runtime offers it. `None`: the runtime does not know it.
#[must_use]
pub fn meaning(import: &str) -> Option<(&'static str, bool)> {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let known = TABLE.iter().find(|k| k.name == name)?;
    if !known.offered {
        return Some((known.meaning, false));
    }
    let fits = version.strip_prefix(known.version).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let offered = fits && !version.contains('-');
    Some(if offered { (known.meaning, true) } else { ("a version that the runtime does not have", false) })
}

/// Refuses a component that needs what the runtime does not have, naming each such import in words.
///
/// # Errors
/// [`Cause::NotGranted`] where all of them are known, else [`Cause::InvalidComponent`].
pub(crate) fn check(imports: &[&str]) -> Result<(), Refusal> {
    let mut all_known = true;
    let mut missing = Vec::new();
    for import in imports {
        match meaning(import) {
            Some((_, true)) => {}
            Some((words, false)) => missing.push(format!("{import} ({words})")),
            None => {
                all_known = false;
                missing.push(format!("{import} (unknown to this runtime)"));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let cause = if all_known { Cause::NotGranted } else { Cause::InvalidComponent };
    Err(Refusal::new(cause, format!("the component imports what it cannot get: {}", missing.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_meaning(import: &str, offered: Option<bool>) {
        assert_eq!(meaning(import).map(|(_, o)| o), offered, "{import}");
    }

    #[test]
    fn versions_are_matched_by_major_and_minor() {
        check_meaning("wasi:cli/environment@0.2.0", Some(true));
        check_meaning("wasi:cli/environment@0.2.9", Some(true));
        check_meaning("wasi:cli/environment@0.20.0", Some(false));
        check_meaning("wasi:cli/environment@0.3.0", Some(false));
        check_meaning("wasi:cli/environment@0.2.0-rc-2023-11-10", Some(false));
        check_meaning("wasi:cli/environment", Some(false));
        check_meaning("wharf:task/log@0.1.0", Some(true));
        check_meaning("wharf:task/log@0.2.0", Some(false));
        check_meaning("wasi:keyvalue/store@0.2.0-draft", Some(false));
        check_meaning("acme:private/thing@1.0.0", None);
    }

    #[test]
    fn each_missing_import_is_named() {
        assert_eq!(check(&["wasi:io/poll@0.2.6"]), Ok(()));
        let refusal = check(&["wasi:io/poll@0.2.6", "wasi:keyvalue/store@0.2.0"]).unwrap_err();
        assert_eq!(refusal.cause, Cause::NotGranted);
        assert!(refusal.message.contains("wasi:keyvalue/store@0.2.0 (a key-value store"));
        let refusal = check(&["wasi:keyvalue/store@0.2.0", "host"]).unwrap_err();
        assert_eq!(refusal.cause, Cause::InvalidComponent);
        assert!(refusal.message.contains("host (unknown to this runtime)"));
    }
}
