//! Labels that say whose a Job is and what it is for. They, not its name, decide.

use std::collections::BTreeMap;
use wharf_contract::AttemptId;

/// Label whose value is `wharf` on all that wharf makes.
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label that names the coordinator by the id of its store.
pub(super) const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label that says what the object is for: a [`Purpose`].
pub(super) const COMPONENT: &str = "app.kubernetes.io/component";
/// Label that names the program.
const NAME: &str = "app.kubernetes.io/name";
const PART_OF: &str = "app.kubernetes.io/part-of";
/// Label: the flow's name.
const FLOW: &str = "wharf.dev/flow";
/// Label: the run's number.
const RUN: &str = "wharf.dev/run";
/// Label: the task's name.
const TASK: &str = "wharf.dev/task";
/// Label: position in the fan-out; absent without one.
const ITEM: &str = "wharf.dev/item";
/// Label: the attempt's number.
const ATTEMPT: &str = "wharf.dev/attempt";
/// Label: the leader's epoch under which the object was made.
const EPOCH: &str = "wharf.dev/epoch";

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// What an object of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It runs an attempt.
    Attempt,
    /// It compiles a component.
    Compile,
    /// It serves a store in a volume.
    Store,
}

impl Purpose {
    /// As the label has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Purpose::Attempt => "attempt",
            Purpose::Compile => "compile",
            Purpose::Store => "store",
        }
    }
}

/// The coordinator that makes an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Maker<'a> {
    /// Id of its store: a label value.
    pub(super) instance: &'a str,
    /// The leader's epoch.
    pub(super) epoch: u64,
}

/// Labels of anything that this coordinator makes.
pub(super) fn of(maker: Maker<'_>, purpose: Purpose) -> Labels {
    let Maker { instance, epoch } = maker;
    let labels = [
        (MANAGED_BY, "wharf"),
        (INSTANCE, instance),
        (COMPONENT, purpose.as_str()),
        (NAME, "wharf-runtime"),
        (PART_OF, "wharf"),
        (EPOCH, &epoch.to_string()),
    ];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Labels of an attempt's Job and pod.
pub(super) fn of_attempt(maker: Maker<'_>, flow: &str, id: &AttemptId) -> Labels {
    let AttemptId { run, task, item, attempt } = id;
    let mut labels = of(maker, Purpose::Attempt);
    let mut put = |name: &str, value: String| labels.insert(name.to_owned(), value);
    put(FLOW, flow.to_owned());
    put(RUN, run.to_string());
    put(TASK, task.clone());
    put(ATTEMPT, attempt.to_string());
    if let Some(item) = item {
        put(ITEM, item.to_string());
    }
    labels
}

/// The label selector of what a coordinator made for a purpose.
pub(super) fn selector(instance: &str, purpose: Purpose) -> String {
    format!("{MANAGED_BY}=wharf,{INSTANCE}={instance},{COMPONENT}={}", purpose.as_str())
}

/// The attempt that an object belongs to; none where it is not an attempt's, or not of this instance, or was tampered with.
pub(super) fn attempt(labels: Option<&Labels>, instance: &str) -> Option<AttemptId> {
    let labels = labels?;
    let get = |name: &str| labels.get(name).map(String::as_str);
    let ours = get(MANAGED_BY) == Some("wharf")
        && get(INSTANCE) == Some(instance)
        && get(COMPONENT) == Some(Purpose::Attempt.as_str());
    if !ours {
        return None;
    }
    Some(AttemptId {
        run: number(get(RUN)?)?,
        task: get(TASK)?.to_owned(),
        item: get(ITEM).map(number).map_or(Some(None), |item| item.map(Some))?,
        attempt: number(get(ATTEMPT)?)?,
    })
}

/// The epoch under which an object was made; 0, before all epochs, where it does not say.
pub(super) fn epoch(labels: Option<&Labels>) -> u64 {
    labels.and_then(|labels| number(labels.get(EPOCH)?)).unwrap_or(0)
}

/// A number as this module writes it: a sign or a leading zero is not ours.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|n: &T| n.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAKER: Maker<'static> = Maker { instance: "0b51", epoch: 3 };

    fn id(item: Option<u32>) -> AttemptId {
        AttemptId { run: 7, task: "extract".into(), item, attempt: 2 }
    }

    #[test]
    fn an_attempt_is_read_back_from_its_labels() {
        for item in [None, Some(0), Some(u32::MAX)] {
            let labels = of_attempt(MAKER, "daily", &id(item));
            assert_eq!(attempt(Some(&labels), "0b51"), Some(id(item)));
        }
    }

    #[test]
    fn what_is_not_ours_or_not_as_we_write_it_is_no_attempt() {
        let good = of_attempt(MAKER, "daily", &id(Some(4)));
        assert_eq!(attempt(Some(&good), "another"), None);
        assert_eq!(attempt(Some(&of(MAKER, Purpose::Compile)), "0b51"), None);
        assert_eq!(attempt(None, "0b51"), None);
        for (name, value) in [
            (MANAGED_BY, "helm"),
            (COMPONENT, "worker"),
            (RUN, "x"),
            (RUN, "07"),
            (RUN, "-7"),
            (ITEM, ""),
            (ITEM, "4294967296"),
            (ATTEMPT, "+2"),
        ] {
            let mut bad = good.clone();
            bad.insert(name.into(), value.into());
            assert_eq!(attempt(Some(&bad), "0b51"), None, "{name}={value}");
        }
        for name in [MANAGED_BY, INSTANCE, COMPONENT, RUN, TASK, ATTEMPT] {
            let mut bad = good.clone();
            bad.remove(name);
            assert_eq!(attempt(Some(&bad), "0b51"), None, "without {name}");
        }
    }

    #[test]
    fn what_says_no_epoch_is_older_than_all() {
        let mut labels = of(MAKER, Purpose::Compile);
        assert_eq!(epoch(Some(&labels)), 3);
        for bad in ["", "03", "x", "-1"] {
            labels.insert(EPOCH.into(), bad.into());
            assert_eq!(epoch(Some(&labels)), 0, "{bad}");
        }
        assert_eq!(epoch(None), 0);
    }

    #[test]
    fn the_selector_names_every_label_that_makes_an_object_ours() {
        let labels = of_attempt(MAKER, "daily", &id(None));
        let selector = selector("0b51", Purpose::Attempt);
        let pairs: Vec<_> = selector.split(',').filter_map(|pair| pair.split_once('=')).collect();
        assert_eq!(pairs.len(), 3);
        for (name, value) in pairs {
            assert_eq!(labels.get(name).map(String::as_str), Some(value));
        }
    }
}
