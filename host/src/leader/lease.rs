use super::Timing;
use super::election::{Looked, Record, Write, Wrote};
use crate::clock;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::time::Duration;
use tokio::time::Instant;
use wharf_depot::chain;

/// One Lease of a cluster, as a candidate uses it.
pub(super) struct LeaseClient {
    api: Api<Lease>,
    name: String,
    me: String,
    seconds: i32,
    /// As it was last seen: what others keep in it stays there.
    seen: Option<Lease>,
    /// What is said when it does not work, so that it is said once.
    trouble: Option<String>,
}

impl LeaseClient {
    pub(super) fn new(client: Client, namespace: &str, name: &str, me: &str, timing: &Timing) -> LeaseClient {
        LeaseClient {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            me: me.to_owned(),
            seconds: timing.lease_seconds(),
            seen: None,
            trouble: None,
        }
    }

    /// Looks at the Lease.
    pub(super) async fn look(&mut self, until: Instant) -> Looked {
        let api = self.api.clone();
        match self.answer("read", until, api.get_opt(&self.name.clone())).await {
            Some(Ok(found)) => {
                let looked = found.as_ref().map_or(Looked::Nothing, |lease| Looked::Lease(record(lease)));
                self.seen = found;
                looked
            }
            Some(Err(Refusal::Conflict)) | None => Looked::Failed,
        }
    }

    /// Writes to it, where it is still as it was seen last.
    pub(super) async fn write(&mut self, write: Write, until: Instant) -> Wrote {
        let lease = changed(self.seen.clone(), &self.name, &self.me, self.seconds, write, now());
        let (api, how) = (self.api.clone(), PostParams::default());
        let answer = match write {
            Write::Create => self.answer("make", until, api.create(&how, &lease)).await,
            Write::Take | Write::Renew | Write::Release => {
                let name = self.name.clone();
                self.answer("write", until, api.replace(&name, &how, &lease)).await
            }
        };
        match answer {
            Some(Ok(lease)) => {
                let version = record(&lease).version;
                self.seen = Some(lease);
                Wrote::Done(version)
            }
            Some(Err(Refusal::Conflict)) => Wrote::Conflict,
            None => Wrote::Failed,
        }
    }

    /// Waits for an answer; none where it does not come or says nothing of the Lease.
    async fn answer<T>(
        &mut self,
        verb: &str,
        until: Instant,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Option<Result<T, Refusal>> {
        let why = match tokio::time::timeout_at(until, call).await {
            Ok(Ok(answer)) => {
                if self.trouble.take().is_some() {
                    tracing::info!("the Lease {} can be used again", self.name);
                }
                return Some(Ok(answer));
            }
            // A Lease that is gone was written by somebody too.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 || status.code == 404 => {
                return Some(Err(Refusal::Conflict));
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                format!(
                    "{}; a candidate needs the verbs get, create and update on leases of coordination.k8s.io",
                    status.message
                )
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        if self.trouble.as_ref() != Some(&why) {
            tracing::warn!("cannot {verb} the Lease {}, trying again: {why}", self.name);
            self.trouble = Some(why);
        }
        None
    }
}

enum Refusal {
    Conflict,
}

fn now() -> Timestamp {
    Timestamp::from_microsecond(clock::now().as_micros()).unwrap_or_default()
}

/// What a Lease says. A duration that is none counts as not said.
fn record(lease: &Lease) -> Record {
    let spec = lease.spec.as_ref();
    let seconds = spec.and_then(|s| s.lease_duration_seconds).and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
    Record {
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
        holder: spec.and_then(|s| s.holder_identity.clone()).filter(|holder| !holder.is_empty()),
        duration: seconds.map(Duration::from_secs),
    }
}

/// The Lease after a write. Its times are for people and for `kubectl`.
fn changed(seen: Option<Lease>, name: &str, me: &str, seconds: i32, write: Write, now: Timestamp) -> Lease {
    let mut lease = match write {
        Write::Create => {
            Lease { metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }, ..Lease::default() }
        }
        Write::Take | Write::Renew | Write::Release => seen.unwrap_or_default(),
    };
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    let now = Some(MicroTime(now));
    spec.renew_time.clone_from(&now);
    match write {
        Write::Create | Write::Take => {
            let before = if write == Write::Take { spec.lease_transitions.unwrap_or(0) } else { -1 };
            spec.lease_transitions = Some(before.saturating_add(1));
            (spec.acquire_time, spec.holder_identity) = (now, Some(me.to_owned()));
            spec.lease_duration_seconds = Some(seconds);
        }
        Write::Renew => spec.lease_duration_seconds = Some(seconds),
        Write::Release => spec.holder_identity = None,
    }
    lease
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn lease(spec: Value) -> Lease {
        let metadata = json!({"name": "wharf", "resourceVersion": "7", "labels": {"a": "b"}});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    #[test]
    fn a_lease_is_read_as_others_may_have_written_it() {
        let check = |spec: Value, holder: Option<&str>, seconds: Option<u64>| {
            let expect = Record {
                version: "7".into(),
                holder: holder.map(str::to_owned),
                duration: seconds.map(Duration::from_secs),
            };
            assert_eq!(record(&lease(spec.clone())), expect, "{spec}");
        };
        check(json!({"holderIdentity": "a", "leaseDurationSeconds": 15}), Some("a"), Some(15));
        check(json!({"holderIdentity": "", "leaseDurationSeconds": 1}), None, Some(1));
        check(json!({"holderIdentity": "a", "leaseDurationSeconds": 0}), Some("a"), None);
        check(json!({"holderIdentity": "a", "leaseDurationSeconds": -5}), Some("a"), None);
        check(json!({}), None, None);
    }

    #[test]
    fn a_write_changes_its_own_fields_and_no_others() {
        let (early, late) = ("1970-01-01T00:00:05.000000Z", "1970-01-01T00:00:09.000000Z");
        let before = json!({
            "holderIdentity": "a", "leaseDurationSeconds": 30, "leaseTransitions": 4, "acquireTime": early,
            "renewTime": early,
        });
        let check = |write, expect: Value| {
            let after = changed(Some(lease(before.clone())), "wharf", "me", 15, write, at(9));
            assert_eq!(serde_json::to_value(&after.spec).unwrap(), expect, "{write:?}");
            (after.metadata.resource_version, after.metadata.labels.is_some(), after.metadata.name)
        };
        let kept = (Some("7".to_owned()), true, Some("wharf".to_owned()));
        let taken = json!({
            "holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 5, "acquireTime": late,
            "renewTime": late,
        });
        assert_eq!(check(Write::Take, taken), kept);
        let renewed = json!({
            "holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 4, "acquireTime": early,
            "renewTime": late,
        });
        assert_eq!(check(Write::Renew, renewed), kept);
        let released = json!({
            "leaseDurationSeconds": 30, "leaseTransitions": 4, "acquireTime": early, "renewTime": late,
        });
        assert_eq!(check(Write::Release, released), kept);
        let made = json!({
            "holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 0, "acquireTime": late,
            "renewTime": late,
        });
        assert_eq!(check(Write::Create, made), (None, false, Some("wharf".to_owned())));
    }
}
