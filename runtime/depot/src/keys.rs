//! What lies where in a depot: keys below the store's prefix.

use crate::Digest;
use wharf_contract::AttemptId;

/// What every recorded artifact's key begins with.
pub const ARTIFACTS: &str = "artifacts";
/// What the keys of unfinished and unrecorded attempts begin with.
pub const STAGING: &str = "staging";
/// What the keys of logs begin with.
pub const LOGS: &str = "logs";
/// What the keys of checkpoints begin with.
pub const STATE: &str = "state";
/// What the keys of compiled components begin with.
pub const COMPILED: &str = "compiled";
/// What the keys of components begin with; in the operator's store only.
pub const COMPONENTS: &str = "components";
/// The object that says whose a tenant's store is; beside it lies its lock, where the store is a folder.
pub const OWNER: &str = "coordinator";

/// Longest key in bytes.
const MAX_KEY: usize = 512;

/// Name of a pod's log among what it staged.
const LOG: &str = "log.jsonl";
/// Name of an outcome that is too large for a termination message.
const OUTCOME: &str = "outcome.json";
/// Name of an order that is too large for an annotation.
const ORDER: &str = "order.json";
/// Stands for the item where there is no fan-out.
const NO_ITEM: &str = "x";

/// Whether this may be a key of a depot: below one of the folders of this module, or [`OWNER`]; in segments of letters,
/// digits, `.`, `-` and `_` that do not begin with a dot.
#[must_use]
pub fn is_key(key: &str) -> bool {
    let roots = [ARTIFACTS, STAGING, LOGS, STATE, COMPILED, COMPONENTS];
    match key.split_once('/') {
        Some((root, below)) => key.len() <= MAX_KEY && roots.contains(&root) && below.split('/').all(is_segment),
        None => key == OWNER,
    }
}

/// Whether this may be a folder of keys; the whole depot is the empty one.
#[must_use]
pub fn is_folder(folder: &str) -> bool {
    folder.is_empty() || is_key(&format!("{folder}/x"))
}

/// Whether this may be a part of a key between slashes.
pub(crate) fn is_segment(segment: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !segment.is_empty() && !segment.starts_with('.') && segment.chars().all(plain)
}

/// A recorded artifact.
#[must_use]
pub fn artifact(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{ARTIFACTS}/{}/{hex}", &hex[..2])
}

/// The folder of one attempt: of all pods that ever ran it.
#[must_use]
pub fn staging(id: &AttemptId) -> String {
    let item = id.item.map_or_else(|| NO_ITEM.to_owned(), |n| n.to_string());
    format!("{STAGING}/{}-{}-{item}-{}", id.run, id.task, id.attempt)
}

/// The attempt that a folder of [`STAGING`] is of; the folder's key or its last segment.
#[must_use]
pub fn staging_of(folder: &str) -> Option<AttemptId> {
    let name = folder.trim_end_matches('/').rsplit('/').next()?;
    let (run, rest) = name.split_once('-')?;
    let (rest, attempt) = rest.rsplit_once('-')?;
    let (task, item) = rest.rsplit_once('-')?;
    let item = if item == NO_ITEM { None } else { Some(number(item)?) };
    let id = AttemptId { run: number(run)?, task: task.to_owned(), item, attempt: number(attempt)? };
    (!task.is_empty()).then_some(id)
}

/// A number as it is written in a key: no sign, no leading zero.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|n: &T| n.to_string() == text)
}

/// An order that is too large for an annotation.
#[must_use]
pub fn order(id: &AttemptId) -> String {
    format!("{}/{ORDER}", staging(id))
}

/// The folder of what one pod staged: late twins of an attempt do not meet in it.
#[must_use]
pub fn pod(id: &AttemptId, uid: &str) -> String {
    format!("{}/{uid}", staging(id))
}

/// An artifact that a pod staged.
#[must_use]
pub fn staged(id: &AttemptId, uid: &str, digest: &Digest) -> String {
    format!("{}/{}", pod(id, uid), digest.hex())
}

/// The log that a pod staged.
#[must_use]
pub fn staged_log(id: &AttemptId, uid: &str) -> String {
    format!("{}/{LOG}", pod(id, uid))
}

/// An outcome that is too large for a termination message.
#[must_use]
pub fn staged_outcome(id: &AttemptId, uid: &str) -> String {
    format!("{}/{OUTCOME}", pod(id, uid))
}

/// The log of a recorded attempt: lines of JSON.
#[must_use]
pub fn log(id: &AttemptId) -> String {
    match id.item {
        Some(item) => format!("{LOGS}/{}/{}.{item}.{}.jsonl", id.run, id.task, id.attempt),
        None => format!("{LOGS}/{}/{}.{}.jsonl", id.run, id.task, id.attempt),
    }
}

/// The checkpoint that all attempts of a (run, task, item) share.
#[must_use]
pub fn state(id: &AttemptId) -> String {
    match id.item {
        Some(item) => format!("{STATE}/{}/{}.{item}", id.run, id.task),
        None => format!("{STATE}/{}/{}", id.run, id.task),
    }
}

/// All logs of a run.
#[must_use]
pub fn run_logs(run: u64) -> String {
    format!("{LOGS}/{run}")
}

/// All checkpoints of a run.
#[must_use]
pub fn run_state(run: u64) -> String {
    format!("{STATE}/{run}")
}

/// A compiled component, sealed. `engine` is `<arch>-<hash>`, as the runtime that compiles and loads it calls itself.
#[must_use]
pub fn compiled(engine: &str, component: &Digest) -> String {
    format!("{COMPILED}/{engine}/{}.cwasm", component.hex())
}

/// The engine and the component that a key of [`COMPILED`] names.
#[must_use]
pub fn compiled_of(key: &str) -> Option<(&str, Digest)> {
    let (engine, file) = key.strip_prefix(COMPILED)?.strip_prefix('/')?.split_once('/')?;
    let digest = Digest::parse(&format!("sha256:{}", file.strip_suffix(".cwasm")?))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!engine.is_empty() && engine.chars().all(plain)).then_some((engine, digest))
}

/// A component; in the operator's store only.
#[must_use]
pub fn component(digest: &Digest) -> String {
    format!("{COMPONENTS}/{}.wasm", digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(item: Option<u32>) -> AttemptId {
        AttemptId { run: 7, task: "load-all".into(), item, attempt: 2 }
    }

    #[test]
    fn every_key_is_where_readers_look_for_it() {
        let d = Digest::of(b"wharf");
        let hex = d.hex();
        let check = |key: String, expect: &str| assert_eq!(key, expect.replace("HEX", &hex));
        check(artifact(&d), &format!("artifacts/{}/HEX", &hex[..2]));
        check(staging(&id(None)), "staging/7-load-all-x-2");
        check(staging(&id(Some(0))), "staging/7-load-all-0-2");
        check(order(&id(None)), "staging/7-load-all-x-2/order.json");
        check(staged(&id(Some(3)), "u-1", &d), "staging/7-load-all-3-2/u-1/HEX");
        check(staged_log(&id(None), "u-1"), "staging/7-load-all-x-2/u-1/log.jsonl");
        check(staged_outcome(&id(None), "u-1"), "staging/7-load-all-x-2/u-1/outcome.json");
        check(log(&id(None)), "logs/7/load-all.2.jsonl");
        check(log(&id(Some(0))), "logs/7/load-all.0.2.jsonl");
        check(state(&id(None)), "state/7/load-all");
        check(state(&id(Some(12))), "state/7/load-all.12");
        check(compiled("x86_64-00ff", &d), "compiled/x86_64-00ff/HEX.cwasm");
        check(component(&d), "components/HEX.wasm");
        check(run_logs(7), "logs/7");
        check(run_state(7), "state/7");
    }

    #[test]
    fn a_key_lies_below_a_folder_of_the_scheme() {
        let d = Digest::of(b"wharf");
        for key in [
            artifact(&d),
            order(&id(None)),
            staged(&id(Some(3)), "u-1", &d),
            staged_log(&id(None), "u-1"),
            log(&id(Some(0))),
            state(&id(None)),
            compiled("x86_64-00ff", &d),
            format!("{COMPILED}/index/00ff/{}.json", d.hex()),
            component(&d),
            OWNER.to_owned(),
        ] {
            assert!(is_key(&key), "{key}");
            assert!(!is_key(&format!("/{key}")) && !is_key(&format!("{key}/")), "{key}");
        }
        let long = format!("logs/{}", "x".repeat(600));
        for bad in [
            "",
            "logs",
            "x",
            "x/y",
            "logs/",
            "logs//a",
            "logs/../a",
            "logs/.",
            "logs/a#1",
            "logs/a\\b",
            "logs/é",
            &long,
        ] {
            assert!(!is_key(bad), "{bad}");
        }
        for (folder, expect) in
            [("", true), ("logs", true), ("logs/7", true), ("logs/..", false), ("x", false), ("/", false)]
        {
            assert_eq!(is_folder(folder), expect, "{folder}");
        }
    }

    #[test]
    fn a_compiled_component_tells_its_engine() {
        let d = Digest::of(b"wharf");
        assert_eq!(compiled_of(&compiled("x86_64-00ff", &d)), Some(("x86_64-00ff", d)));
        let hex = d.hex();
        for bad in [
            "compiled/",
            "compiled/e/x.cwasm",
            &format!("compiled/../{hex}.cwasm"),
            &format!("compiled//{hex}.cwasm"),
            &format!("compiled/e/{hex}"),
            &format!("e/{hex}.cwasm"),
        ] {
            assert_eq!(compiled_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_staging_folder_tells_its_attempt_and_nothing_else_does() {
        for id in [id(None), id(Some(0)), id(Some(41)), AttemptId { task: "x".into(), ..id(None) }] {
            assert_eq!(staging_of(&staging(&id)), Some(id.clone()));
            assert_eq!(staging_of(&format!("{}/", staging(&id))), Some(id));
        }
        for bad in ["", "7", "7-a", "7-a-1", "-a-x-1", "a-b-x-1", "7--x-1", "7-a-y-1", "7-a-x-", "07-a-x-1", "7-a-+1-1"]
        {
            assert_eq!(staging_of(bad), None, "{bad}");
        }
    }
}
