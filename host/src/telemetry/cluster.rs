use super::calls::Verb;
use super::word::Word;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the coordinator does to a Kubernetes cluster. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct ClusterMetrics {
    calls: Family<CallLabels, Counter>,
    watches: Family<WatchLabels, Counter>,
    /// Attempts that had to wait for room in a quota.
    pub quota_waits: Counter,
    /// Writes that may be under way at one time.
    pub writes_limit: Gauge,
}

/// Why a watch begins with a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WatchBegins {
    /// There was none before.
    First,
    /// It is time for the truth again.
    Refresh,
    /// It was lost, for longer than the API server remembers, or it failed before it was complete.
    Lost,
}

impl WatchBegins {
    const fn as_str(self) -> &'static str {
        match self {
            WatchBegins::First => "first",
            WatchBegins::Refresh => "refresh",
            WatchBegins::Lost => "lost",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    verb: Word,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    kind: Word,
    reason: Word,
}

impl ClusterMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("kubernetes_calls", "Calls of the Kubernetes API, by verb and code", self.calls.clone());
        registry.register(
            "kubernetes_watches",
            "Watches that were begun with a list, by kind and reason",
            self.watches.clone(),
        );
        registry.register(
            "kubernetes_quota_waits",
            "Attempts that had to wait for room in a quota",
            self.quota_waits.clone(),
        );
        registry.register(
            "kubernetes_writes_limit",
            "Writes to the Kubernetes API that may be under way at one time",
            self.writes_limit.clone(),
        );
    }

    /// A call of the API was answered with this HTTP status; 0: not at all.
    pub(super) fn called(&self, verb: Verb, code: u16) {
        // What no API server answers makes no label of its own.
        let code = if (100..600).contains(&code) { code } else { 0 };
        self.calls.get_or_create(&CallLabels { verb: Word(verb.as_str()), code }).inc();
    }

    /// Objects of a kind are listed and then watched.
    pub fn watched(&self, kind: &'static str, begins: WatchBegins) {
        self.watches.get_or_create(&WatchLabels { kind: Word(kind), reason: Word(begins.as_str()) }).inc();
    }

    #[cfg(test)]
    pub(super) fn calls(&self, verb: Verb, code: u16) -> u64 {
        self.calls.get(&CallLabels { verb: Word(verb.as_str()), code }).map_or(0, |counter| counter.get())
    }
}
