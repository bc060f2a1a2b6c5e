//! Where a person watches: lines on standard error, and on a terminal bars below them.

use super::out::{Out, Paint};
use super::view::{Line, View, label};
use crate::api::types::{BackfillSummary, LogRecord, TaskState};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::time::Duration;
use wharf_contract::{LogLevel, LogSource};

/// Lines, and bars where there is a terminal. Says nothing where programs read the output.
pub(super) struct Screen<'a> {
    out: &'a Out,
    bars: Option<MultiProgress>,
    tasks: BTreeMap<String, ProgressBar>,
    whole: Option<ProgressBar>,
    told_tenths: u64,
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

impl<'a> Screen<'a> {
    pub(super) fn new(out: &'a Out) -> Screen<'a> {
        let bars = (out.live && !out.json()).then(MultiProgress::new);
        Screen { out, bars, tasks: BTreeMap::new(), whole: None, told_tenths: 0 }
    }

    pub(super) fn say(&self, line: &Line) {
        self.print(&line.paint.on(&safe_lines(&line.text), self.out.color_err));
    }

    pub(super) fn log(&self, record: &LogRecord) {
        self.print(&log_line(record, self.out.color_err, false));
    }

    fn print(&self, text: &str) {
        match &self.bars {
            _ if self.out.json() => {}
            Some(bars) => bars.suspend(|| self.out.note(text)),
            None => self.out.note(text),
        }
    }

    /// Brings the bars up to what the view shows.
    pub(super) fn tasks(&mut self, view: &View) {
        let Some(bars) = &self.bars else { return };
        for row in &view.tasks {
            if row.state != TaskState::Running {
                if let Some(bar) = self.tasks.remove(&row.name) {
                    bar.finish_and_clear();
                    bars.remove(&bar);
                }
                continue;
            }
            let bar = self.tasks.entry(row.name.clone()).or_insert_with(|| {
                let bar = bars.add(ProgressBar::new_spinner());
                bar.enable_steady_tick(Duration::from_millis(120));
                bar.set_prefix(row.name.clone());
                bar
            });
            let (done, total, message) = match (row.items, &row.progress) {
                (Some(i), _) => {
                    let failed = if i.failed > 0 { format!("{} failed", i.failed) } else { String::new() };
                    (u64::from(i.succeeded) + u64::from(i.failed), Some(u64::from(i.total)), failed)
                }
                (None, Some(p)) => (p.done, p.total, safe(p.message.as_deref().unwrap_or_default())),
                (None, None) => (0, None, String::new()),
            };
            match total {
                Some(total) => {
                    bar.set_style(style("{spinner} {prefix} [{bar:30}] {pos}/{len} {msg}"));
                    bar.set_length(total);
                }
                None if done > 0 => bar.set_style(style("{spinner} {prefix} {pos} {msg}")),
                None => bar.set_style(style("{spinner} {prefix} {elapsed} {msg}")),
            }
            bar.set_position(done);
            bar.set_message(message);
        }
    }

    /// Shows how far a backfill is: a bar on a terminal, else a line for each tenth.
    pub(super) fn backfill(&mut self, summary: &BackfillSummary) {
        let runs = &summary.runs;
        let done = runs.succeeded + runs.failed + runs.cancelled;
        let failed = if runs.failed > 0 { format!("{} failed", runs.failed) } else { String::new() };
        let Some(bars) = &self.bars else {
            let tenths = done * 10 / runs.total.unwrap_or(u64::MAX).max(1);
            if tenths > self.told_tenths && !self.out.json() {
                self.told_tenths = tenths;
                let failed = if failed.is_empty() { failed } else { format!(", {failed}") };
                self.out.note(format!(
                    "backfill {}: {done} of {} runs{failed}",
                    summary.backfill,
                    runs.total.unwrap_or(done)
                ));
            }
            return;
        };
        let bar = self.whole.get_or_insert_with(|| {
            let bar = bars.add(ProgressBar::new(0));
            bar.set_style(style("{prefix} [{bar:40}] {pos}/{len} runs  {per_sec}  {eta} left  {msg}"));
            bar.set_prefix(format!("backfill {}", summary.backfill));
            // The rate is of this sitting: what was done before does not count.
            bar.set_position(done);
            bar.reset_eta();
            bar
        });
        bar.set_length(runs.total.unwrap_or(done));
        bar.set_position(done);
        bar.set_message(failed);
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours and fixed, so the fallback is never seen.
    ProgressStyle::with_template(template).map_or_else(|_| ProgressStyle::default_bar(), |s| s.progress_chars("=> "))
}

/// A log line as text: `clean[3] | message key=value`, with the time before it if wanted.
pub(super) fn log_line(record: &LogRecord, color: bool, time: bool) -> String {
    let paint = match (record.level, record.source) {
        (LogLevel::Error, _) => Paint::Bad,
        (LogLevel::Warn, _) => Paint::Busy,
        (LogLevel::Trace | LogLevel::Debug, _) => Paint::Dim,
        (LogLevel::Info, _) => Paint::Plain,
    };
    let mut head = label(&record.task, record.item);
    if record.attempt > 1 {
        head.push_str(&format!("#{}", record.attempt));
    }
    if time {
        head = format!("{} {head}", record.at);
    }
    let mut text = match (record.source, record.level) {
        (LogSource::Stdout | LogSource::Stderr, _) | (_, LogLevel::Info) => String::new(),
        (_, level) => format!("{}: ", format!("{level:?}").to_lowercase()),
    };
    text.push_str(&record.message);
    for (key, value) in &record.fields {
        text.push_str(&match value {
            serde_json::Value::String(s) if !s.contains(|c: char| c.is_whitespace() || c == '"') => {
                format!(" {key}={s}")
            }
            other => format!(" {key}={other}"),
        });
    }
    format!("{} {}", Paint::Dim.on(&format!("{head} |"), color), paint.on(&safe(&text), color))
}

/// The same of several lines: all but the first are moved to the right.
pub(super) fn safe_lines(text: &str) -> String {
    text.trim_end().split('\n').map(safe).collect::<Vec<_>>().join("\n      ")
}

/// What a guest wrote, without what could steer a terminal.
pub(super) fn safe(text: &str) -> String {
    if !text.contains(|c: char| c.is_control() && c != '\t') {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() && c != '\t' { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(level: LogLevel, source: LogSource, message: &str, fields: serde_json::Value) -> LogRecord {
        LogRecord {
            task: "clean".into(),
            item: Some(3),
            attempt: 2,
            at: "2026-01-01T00:00:00Z".into(),
            level,
            source,
            message: message.into(),
            fields: fields.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn log_lines() {
        let check = |record: LogRecord, expect: &str| assert_eq!(log_line(&record, false, false), expect);
        let none = serde_json::json!({});
        check(
            record(LogLevel::Info, LogSource::Task, "read", serde_json::json!({"rows": 3, "of": "a b", "x": "y"})),
            "clean[3]#2 | read of=\"a b\" rows=3 x=y",
        );
        check(record(LogLevel::Warn, LogSource::Task, "bad row", none.clone()), "clean[3]#2 | warn: bad row");
        check(record(LogLevel::Error, LogSource::Stderr, "panicked", none), "clean[3]#2 | panicked");
    }

    #[test]
    fn a_guest_cannot_steer_the_terminal() {
        assert_eq!(safe("\x1b[2Jgone\r\tü"), "\\u{1b}[2Jgone\\r\tü");
        assert_eq!(safe_lines("one\ntwo\x07\n"), "one\n      two\\u{7}");
    }
}
