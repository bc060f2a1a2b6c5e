use super::super::calls::Verb;
use super::*;
use crate::telemetry::{AttemptPhase, Format, WatchBegins};
use std::collections::{BTreeMap, BTreeSet};

/// Uses every metric with these names, so that each family has a sample.
fn use_all(metrics: &mut Metrics, name: &str) {
    let flow = FlowName { tenant: name.into(), flow: name.into() };
    metrics.run_ended(&flow, RunState::Failed);
    for cause in Cause::ALL {
        metrics.attempt_ended(&AttemptEnd { tenant: name, cause, setup: Duration::ZERO, run: Duration::ZERO });
    }
    for phase in AttemptPhase::ALL {
        metrics.phases.took(phase, Duration::from_millis(3));
    }
    metrics.set_pools(&[PoolUse { pool: "p".into(), used: 1, total: 2 }]);
    metrics.reloaded(true);
    metrics.cluster.called(Verb::Create, 201);
    metrics.cluster.watched("jobs", WatchBegins::First);
}

/// Name, kind and labels of each family, in order, as OpenMetrics says.
fn families(metrics: &Metrics) -> Vec<(String, String, BTreeSet<String>)> {
    let text = metrics.text(Format::OpenMetrics);
    let mut families: Vec<(String, String, BTreeSet<String>)> = Vec::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' ')) {
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            families.push((format!("{name}{suffix}"), kind.to_owned(), BTreeSet::new()));
        } else if let Some((_, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let names = labels.split_once('}').unwrap().0.split("\",").map(|l| l.split_once('=').unwrap().0.to_owned());
            families.last_mut().unwrap().2.extend(names.filter(|name| name != "le"));
        }
    }
    families
}

#[test]
fn every_metric_is_in_the_table_and_the_other_way_round() {
    let table = include_str!("../../METRICS.md");
    let documented = table.lines().filter(|l| l.starts_with("| `wharf_")).map(|line| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let labels = cells[3].split(',').map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect();
        assert!(!cells[4].is_empty(), "{line}");
        (cells[1].clone(), cells[2].clone(), labels)
    });
    let documented: Vec<(String, String, BTreeSet<String>)> = documented.collect();
    // A metric with labels shows only once it has a value.
    let mut metrics = Metrics::default();
    use_all(&mut metrics, "a");
    assert_eq!(documented, families(&metrics));
}

#[test]
fn every_phase_is_in_the_table_of_phases() {
    let text = include_str!("../../METRICS.md");
    let rows = text.lines().filter_map(|l| l.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name);
    let documented: Vec<_> = rows.filter(|name| !name.starts_with("wharf_")).collect();
    assert_eq!(documented, AttemptPhase::ALL.map(AttemptPhase::as_str));
}

#[test]
fn however_many_names_there_are_labels_are_those_of_the_config() {
    let mut metrics = Metrics::default();
    let set = |metrics: &mut Metrics, names: &[&str]| {
        let flow = |name: &&str| FlowName { tenant: (*name).into(), flow: (*name).into() };
        metrics.set_names(names.iter().map(|n| (*n).into()).collect(), names.iter().map(flow).collect());
    };
    set(&mut metrics, &["a", "b"]);
    for name in (0..500).map(|n| format!("stranger-{n}")).chain(["a".into(), "b".into()]) {
        use_all(&mut metrics, &name);
        metrics.set_pools(&[PoolUse { pool: name.clone(), used: 0, total: 1 }]);
        metrics.cluster.called(Verb::List, u16::try_from(600 + name.len()).unwrap());
    }
    let values = |metrics: &Metrics, label: &str| -> BTreeMap<String, u32> {
        let (text, start) = (metrics.text(Format::Prometheus), format!("{label}=\""));
        let mut values = BTreeMap::new();
        for (_, rest) in text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(start.as_str())) {
            *values.entry(rest.split_once('"').unwrap().0.to_owned()).or_default() += 1;
        }
        values
    };
    let causes = u32::try_from(Cause::ALL.len()).unwrap();
    let each = |names: &[&str], n: u32| names.iter().map(|name| ((*name).to_owned(), n)).collect::<BTreeMap<_, _>>();
    assert_eq!(values(&metrics, "tenant"), each(&["a", "b", "other"], causes));
    assert_eq!(values(&metrics, "flow"), each(&["a/a", "b/b", "other"], 1));
    assert_eq!(values(&metrics, "pool"), each(&["b"], 2), "only those that there are now");
    assert_eq!(values(&metrics, "code"), each(&["0", "201"], 1));
    set(&mut metrics, &["b"]);
    assert_eq!(values(&metrics, "tenant"), each(&["b", "other"], causes), "what is gone from the config is gone");
    assert_eq!(values(&metrics, "flow"), each(&["b/b", "other"], 1));
    use_all(&mut metrics, "a");
    assert_eq!(values(&metrics, "tenant"), each(&["b", "other"], causes));
}

#[test]
fn an_attempt_counts_by_tenant_outcome_and_cause() {
    let mut metrics = Metrics::default();
    let (setup, run) = (Duration::ZERO, Duration::from_millis(3));
    for (tenant, cause) in [("a", Cause::Trap), ("b", Cause::Trap), ("a", Cause::Succeeded), ("a", Cause::Cancelled)] {
        metrics.attempt_ended(&AttemptEnd { tenant, cause, setup, run });
    }
    let text = metrics.text(Format::Prometheus);
    for line in [
        r#"wharf_attempts_total{tenant="other",outcome="failed",cause="trap"} 2"#,
        r#"wharf_attempts_total{tenant="other",outcome="succeeded",cause="succeeded"} 1"#,
        r#"wharf_attempts_total{tenant="other",outcome="cancelled",cause="cancelled"} 1"#,
        "# TYPE wharf_attempts_total counter",
        "# TYPE wharf_build_info gauge",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
}
