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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    verb: Word,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    kind: Word,
}

impl ClusterMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "kubernetes_calls",
            "Calls of the Kubernetes API for attempts, by verb and code",
            self.calls.clone(),
        );
        registry.register("kubernetes_watches", "Watches that were begun with a list, by kind", self.watches.clone());
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
    pub fn called(&self, verb: &'static str, code: u16) {
        // What no API server answers makes no label of its own.
        let code = if (100..600).contains(&code) { code } else { 0 };
        self.calls.get_or_create(&CallLabels { verb: Word(verb), code }).inc();
    }

    /// Objects of a kind are listed and then watched.
    pub fn watched(&self, kind: &'static str) {
        self.watches.get_or_create(&WatchLabels { kind: Word(kind) }).inc();
    }
}
