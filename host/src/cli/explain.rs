//! What a task may use and reach, in words.

mod pod;

use super::human;
use super::out::Paint;
use serde::Serialize;
use std::time::Duration;
use wharf_contract::{HttpGrant, Limits};
use wharf_core::plan::{Executor, Mount, Plan, SecretSource, Task, Tenant};
use wharf_core::schedule::duration;

/// A task and what is said about it.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    flow: String,
    task: String,
    facts: Vec<Fact>,
}

/// One thing that holds for a task.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    about: &'static str,
    words: String,
}

/// Every task of a plan, in the order of flows and tasks.
pub(super) fn plan(plan: &Plan) -> Vec<Explained> {
    let mut all = Vec::new();
    for flow in plan.flows.values() {
        let tenant = plan.tenants.get(&flow.name.tenant);
        for task in &flow.tasks {
            all.push(Explained {
                flow: flow.name.to_string(),
                task: task.name.clone(),
                facts: facts(task, tenant.map(AsRef::as_ref), &plan.coordinator.executor),
            });
        }
    }
    all
}

/// For a person.
pub(super) fn render(all: &[Explained], color: bool) -> String {
    let mut text = String::new();
    let mut flow = "";
    for task in all {
        if task.flow != flow {
            flow = &task.flow;
            text.push_str(&format!("{}\n", Paint::Strong.on(flow, color)));
        }
        text.push_str(&format!("  {}\n", Paint::Strong.on(&task.task, color)));
        for fact in &task.facts {
            text.push_str(&format!("    {} {}\n", Paint::Dim.on(&format!("{:<12}", fact.about), color), fact.words));
        }
    }
    text
}

fn facts(task: &Task, tenant: Option<&Tenant>, executor: &Executor) -> Vec<Fact> {
    let defaults = Limits::default();
    let mut facts = Vec::new();
    let mut say = |about, words: String| facts.push(Fact { about, words });
    say("component", format!("{} ({})", task.component.path.display(), task.component.digest));
    let size = |given: Option<u64>, default: u64| match given {
        Some(n) => format!("at most {}, enforced", human::bytes(n)),
        None => format!("at most {}, enforced (the default)", human::bytes(default)),
    };
    say("memory", size(task.resources.limit_memory, defaults.memory));
    if *executor == Executor::Local {
        say(
            "cpu",
            match task.resources.limit_cpu {
                Some(n) => format!("limit of {} cores, not enforced on one machine (in a cluster it is)", cores(n)),
                None => "no limit".to_owned(),
            },
        );
        if task.resources.request_cpu.is_some() || task.resources.request_memory.is_some() {
            let cpu = task.resources.request_cpu.map(|n| format!("{} cores", cores(n)));
            let memory = task.resources.request_memory.map(human::bytes);
            let asked: Vec<String> = cpu.into_iter().chain(memory).collect();
            say("requests", format!("{}, only looked at in a cluster", asked.join(" and ")));
        }
    }
    say("disk", size(task.resources.limit_ephemeral_storage, defaults.disk));
    say(
        "time",
        match task.timeout_us {
            Some(us) => format!("at most {} an attempt, enforced", micros(us)),
            None => "no limit".to_owned(),
        },
    );
    if let Some(us) = task.start_deadline_us {
        say("start", format!("within {} of being ready, or not at all", micros(us)));
    }
    say("network", none_or(task.http.iter().map(http).collect()));
    say("files", none_or(task.mounts.iter().map(|m| mount(m, executor)).collect()));
    let mut env: Vec<String> = task.env.keys().cloned().collect();
    env.extend(task.secret_env.iter().map(|(k, s)| format!("{k} (secret, {})", source(tenant, &s.name))));
    say("environment", none_or(env));
    let secrets = task.secrets.iter().map(|(k, s)| format!("{k} ({})", source(tenant, &s.name)));
    say("secrets", none_or(secrets.collect()));
    let retry = &task.retry;
    let mut words = human::count(retry.attempts as usize, "attempt");
    if retry.attempts > 1 {
        words.push_str(&format!(", {} to {} apart", micros(retry.backoff_min_us), micros(retry.backoff_max_us)));
    }
    if let Some(on) = &retry.on {
        let names: Vec<&str> = on.iter().map(|c| c.as_str()).collect();
        words.push_str(&format!(", only after {}", names.join(", ")));
    }
    if retry.memory_factor_percent > 100 {
        words.push_str(&format!(", with {}% of the memory after a memory limit", retry.memory_factor_percent));
    }
    words.push_str(&format!("; {} more where the platform loses one", retry.platform_attempts));
    say("retry", words);
    if let Some(pool) = &task.pool {
        say("pool", format!("{} of {pool}", human::count(task.slots as usize, "slot")));
    }
    if let Executor::Kubernetes(kubernetes) = executor {
        pod::facts(kubernetes, tenant, task, &mut facts);
    }
    facts
}

fn none_or(list: Vec<String>) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

fn micros(us: u64) -> String {
    duration::display(Duration::from_micros(us)).to_string()
}

/// Thousandths of a core as cores: `0.5`, `2`.
fn cores(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn http(grant: &HttpGrant) -> String {
    let methods = if grant.methods.is_empty() { String::new() } else { format!("{} ", grant.methods.join("/")) };
    let scheme = if grant.plain { "http or https" } else { "https" };
    let port = grant.port.map_or_else(String::new, |p| format!(":{p}"));
    let private = if grant.private { ", also at private addresses" } else { "" };
    format!("{methods}{scheme} to {}{port}{private}", grant.host)
}

fn mount(mount: &Mount, executor: &Executor) -> String {
    let how = if mount.read_only { "read-only" } else { "writable" };
    match executor {
        Executor::Local => format!("{} at {}, {how}", mount.source.display(), mount.path),
        Executor::Kubernetes(_) => format!("the pod's volume {} at {}, {how}", mount.volume, mount.path),
    }
}

/// Where a secret's value is read; never the value.
fn source(tenant: Option<&Tenant>, name: &str) -> String {
    match tenant.and_then(|t| t.secrets.get(name)) {
        Some(SecretSource::Env { name }) => format!("from the variable {name}"),
        Some(SecretSource::File { path }) => format!("from {}", path.display()),
        Some(SecretSource::SecretKeyRef { name, key }) => format!("from the key {key} of the Secret {name}"),
        None => "from nowhere".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_and_grants_in_words() {
        assert_eq!(["0", "0.5", "2", "1.25"].map(str::to_owned), [0, 500, 2000, 1250].map(cores));
        let grant = HttpGrant {
            host: "api.example.org".into(),
            port: Some(8443),
            plain: false,
            private: false,
            methods: vec!["GET".into(), "HEAD".into()],
        };
        assert_eq!(http(&grant), "GET/HEAD https to api.example.org:8443");
        let folder = Mount { volume: "data".into(), source: "/data".into(), path: "/in".into(), read_only: true };
        assert_eq!(mount(&folder, &Executor::Local), "/data at /in, read-only");
    }
}
