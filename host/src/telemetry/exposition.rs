//! Metrics as text, in the two formats that Prometheus reads.

use axum::http::{HeaderMap, header};
use prometheus_client::registry::Registry;
use std::fmt::Write as _;

/// A format of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, version 0.0.4: what every scraper reads.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format that a scraper likes best, by its `Accept` header: OpenMetrics where it is named and is not liked less
    /// than plain text; else, and without such a header, plain text.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Format {
        Format::accepted(headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()))
    }

    fn accepted(accept: Option<&str>) -> Format {
        let weight = |wanted: &[&str]| {
            let ranges = accept.unwrap_or("text/plain").split(',');
            let fits = ranges.filter_map(|range| {
                let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
                let kind = kind.trim();
                if !wanted.iter().any(|w| w.eq_ignore_ascii_case(kind)) {
                    return None;
                }
                let parameter = |p: &str| Some(p.trim().split_once('=')?.1.trim().to_owned());
                let named = |name: &'static str| {
                    move |p: &&str| p.trim().split_once('=').is_some_and(|(n, _)| n.trim().eq_ignore_ascii_case(name))
                };
                let version = parameters.split(';').find(named("version")).and_then(parameter);
                if kind.eq_ignore_ascii_case(OPEN_METRICS) && version.is_some_and(|v| v != "1.0.0") {
                    return None;
                }
                let weight = parameters.split(';').find(named("q")).and_then(parameter);
                Some(weight.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0)))
            });
            fits.fold(0.0, f32::max)
        };
        let open = weight(&[OPEN_METRICS]);
        if open > 0.0 && open >= weight(&["text/plain"]) { Format::OpenMetrics } else { Format::Prometheus }
    }

    /// Everything that is registered.
    pub(super) fn write(self, registry: &Registry) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        if prometheus_client::encoding::text::encode(&mut text, registry).is_err() {
            text.clear();
            text.push_str("# EOF\n");
        }
        match self {
            Format::OpenMetrics => text,
            Format::Prometheus => plain(&text),
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text";

/// OpenMetrics as Prometheus' own format. Samples are written alike in both; what differs is that a family is named as its
/// samples are (with `_total` or `_info`), that there is no kind `info`, and that nothing marks units and the end.
fn plain(open: &str) -> String {
    let (mut text, mut help) = (String::with_capacity(open.len()), None);
    for line in open.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            // The kind, which says how the family is named, comes after the help.
            (Some("HELP"), Some(_), said) => help = said,
            (Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                if let Some(help) = help.take() {
                    let _ = writeln!(text, "# HELP {name}{suffix} {help}");
                }
                let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_what_it_likes_best() {
        use Format::{OpenMetrics, Prometheus};
        let of_prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                             text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, expect) in [
            (None, Prometheus),
            (Some(""), Prometheus),
            (Some("*/*"), Prometheus),
            (Some("text/html"), Prometheus),
            (Some("text/plain; version=0.0.4"), Prometheus),
            (Some(of_prometheus), OpenMetrics),
            (Some("application/openmetrics-text"), OpenMetrics),
            (Some("Application/OpenMetrics-Text; Version=1.0.0; Q=0.9, */*"), OpenMetrics),
            (Some("application/openmetrics-text;version=0.0.1"), Prometheus),
            (Some("application/openmetrics-text;q=0"), Prometheus),
            (Some("application/openmetrics-text;q=0.3,text/plain;q=0.5"), Prometheus),
            (Some("application/openmetrics-text;q=no"), Prometheus),
        ] {
            assert_eq!(Format::accepted(accept), expect, "{accept:?}");
        }
    }

    #[test]
    fn a_family_is_named_as_its_samples_are() {
        let open = "# HELP a Help of \"a\" # and more.\n# TYPE a counter\n# UNIT a seconds\na_total{x=\"# y\"} 1\n\
                    # HELP b B.\n# TYPE b info\nb_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n\
                    # HELP d D.\n# TYPE d histogram\nd_sum 0.5\nd_count 1\nd_bucket{le=\"+Inf\"} 1\n# EOF\n";
        let expect = "# HELP a_total Help of \"a\" # and more.\n# TYPE a_total counter\na_total{x=\"# y\"} 1\n\
                      # HELP b_info B.\n# TYPE b_info gauge\nb_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n\
                      # HELP d D.\n# TYPE d histogram\nd_sum 0.5\nd_count 1\nd_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(plain(open), expect);
    }
}
