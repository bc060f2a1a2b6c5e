//! What a person is told of a run that is under way: the fold of its events into rows, and a line for each change.

use super::human;
use super::out::Paint;
use crate::api::types::{AttemptDetail, ItemCounts, Progress, RunDetail, RunEvent, TaskState};
use wharf_contract::Cause;
use wharf_core::event::RunState;

/// A run as it is known so far.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) tasks: Vec<Row>,
    /// How the run ended.
    pub(super) ended: Option<RunState>,
}

/// A task of it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: TaskState,
    pub(super) items: Option<ItemCounts>,
    pub(super) progress: Option<Progress>,
    /// The highest attempt that was seen and is over, and the run time in microseconds of the last one.
    last: Option<(Option<u32>, u32)>,
    run_us: u64,
    told_tenths: u64,
}

/// Something to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) paint: Paint,
    pub(super) text: String,
}

fn line(paint: Paint, text: String) -> Line {
    Line { paint, text }
}

impl View {
    /// Takes an event in; gives what is new to a person.
    pub(super) fn apply(&mut self, event: &RunEvent) -> Vec<Line> {
        match event {
            RunEvent::Snapshot { detail } => self.snapshot(detail),
            RunEvent::Task { task, state, items } => {
                self.row(task).map(|row| row.came_to(*state, *items)).unwrap_or_default()
            }
            RunEvent::Attempt { task, detail } => self.row(task).map(|row| row.attempt(detail)).unwrap_or_default(),
            RunEvent::Progress { task, item, progress, .. } => {
                // A fan-out is told of by its items, not by what each of them says of itself.
                if let Some(row) = self.row(task)
                    && item.is_none()
                {
                    row.progress = Some(progress.clone());
                }
                Vec::new()
            }
            // As with progress; what a fan-out's items wait for, and where attempts run, `wharf show` tells.
            RunEvent::Phase { task, item: None, phase, .. } if !phase.is_empty() && !phase.starts_with("running") => {
                vec![line(Paint::Dim, format!("{task}: {phase}"))]
            }
            RunEvent::Phase { .. } => Vec::new(),
            RunEvent::Ended { state } => {
                self.ended = Some(*state);
                Vec::new()
            }
        }
    }

    fn snapshot(&mut self, detail: &RunDetail) -> Vec<Line> {
        let mut lines = Vec::new();
        for task in &detail.tasks {
            if self.row(&task.task).is_none() {
                self.tasks.push(Row {
                    name: task.task.clone(),
                    state: TaskState::Pending,
                    items: None,
                    progress: None,
                    last: None,
                    run_us: 0,
                    told_tenths: 0,
                });
            }
            let Some(row) = self.row(&task.task) else { continue };
            for attempt in &task.attempts {
                lines.extend(row.attempt(attempt));
            }
            lines.extend(row.came_to(task.state, task.items));
            if let (Some(refused), TaskState::Failed) = (&task.refused, task.state) {
                lines.push(line(Paint::Bad, format!("{}: {}: {}", task.task, refused.cause, refused.message)));
            }
        }
        lines
    }

    fn row(&mut self, name: &str) -> Option<&mut Row> {
        self.tasks.iter_mut().find(|t| t.name == name)
    }
}

impl Row {
    fn came_to(&mut self, state: TaskState, items: Option<ItemCounts>) -> Vec<Line> {
        let mut lines = Vec::new();
        if items.is_some() {
            self.items = items;
        }
        let changed = state != self.state;
        self.state = state;
        let name = &self.name;
        if changed {
            match state {
                TaskState::Pending | TaskState::Ready => {}
                TaskState::Running => lines.push(line(Paint::Plain, format!("{name}: started"))),
                TaskState::Succeeded => lines.push(line(Paint::Good, format!("{name}: succeeded{}", self.took()))),
                TaskState::Failed => lines.push(line(Paint::Bad, format!("{name}: failed{}", self.took()))),
                TaskState::Skipped => lines.push(line(Paint::Dim, format!("{name}: skipped"))),
                TaskState::UpstreamFailed => {
                    lines.push(line(Paint::Bad, format!("{name}: not run, a task that it needs failed")));
                }
                TaskState::Cancelled => lines.push(line(Paint::Busy, format!("{name}: cancelled"))),
            }
        }
        if let (Some(items), TaskState::Running) = (self.items, state) {
            let done = u64::from(items.succeeded) + u64::from(items.failed);
            let tenths = done * 10 / u64::from(items.total.max(1));
            if tenths > self.told_tenths {
                self.told_tenths = tenths;
                let failed = if items.failed > 0 { format!(", {} failed", items.failed) } else { String::new() };
                lines.push(line(Paint::Plain, format!("{name}: {done} of {} items{failed}", items.total)));
            }
        }
        if changed && state != TaskState::Running {
            self.progress = None;
            self.told_tenths = 0;
        }
        lines
    }

    fn attempt(&mut self, detail: &AttemptDetail) -> Vec<Line> {
        let label = label(&self.name, detail.item);
        let Some(outcome) = &detail.outcome else {
            self.progress = detail.progress.clone();
            return match detail.attempt {
                1 => Vec::new(),
                n => vec![line(Paint::Busy, format!("{label}: attempt {n} started"))],
            };
        };
        self.run_us = outcome.usage.run_us;
        let this = (detail.item, detail.attempt);
        let known = self.last.replace(this) == Some(this);
        let quiet = matches!(outcome.cause, Cause::Succeeded | Cause::Cancelled);
        if known || quiet {
            return Vec::new();
        }
        let message = if outcome.message.is_empty() { String::new() } else { format!(": {}", outcome.message) };
        vec![line(Paint::Bad, format!("{label}: attempt {} ended as {}{message}", detail.attempt, outcome.cause))]
    }

    /// ` in 12 ms`, or ` (10 items, 2 failed)`.
    fn took(&self) -> String {
        match self.items {
            Some(i) if i.failed > 0 => format!(" ({}, {} failed)", human::count(i.total as usize, "item"), i.failed),
            Some(i) => format!(" ({})", human::count(i.total as usize, "item")),
            None if self.run_us > 0 => {
                format!(" in {}", human::duration(std::time::Duration::from_micros(self.run_us)))
            }
            None => String::new(),
        }
    }
}

/// `clean`, or `clean[7]` for an item of a fan-out.
pub(super) fn label(task: &str, item: Option<u32>) -> String {
    match item {
        Some(item) => format!("{task}[{item}]"),
        None => task.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::{RunSummary, TaskDetail, TriggerKind};
    use wharf_contract::Outcome;
    use wharf_core::event::RunId;

    fn task(name: &str, state: TaskState) -> TaskDetail {
        TaskDetail {
            task: name.into(),
            needs: Vec::new(),
            state,
            skip_reason: None,
            refused: None,
            items: None,
            started_at: None,
            ended_at: None,
            attempts: Vec::new(),
            attempts_total: 0,
        }
    }

    fn snapshot(tasks: Vec<TaskDetail>) -> RunEvent {
        let summary = RunSummary {
            run: RunId(1),
            flow: "a/b".into(),
            state: RunState::Running,
            trigger: TriggerKind::Manual,
            backfill: None,
            partition: None,
            scheduled_time: None,
            created_at: "2026-01-01T00:00:00Z".into(),
            ended_at: None,
        };
        RunEvent::Snapshot {
            detail: Box::new(RunDetail {
                summary,
                flow_digest: String::new(),
                params: serde_json::Map::new(),
                cancel_requested: false,
                tasks,
                store: None,
            }),
        }
    }

    fn attempt(task: &str, item: Option<u32>, attempt: u32, outcome: Option<Outcome>) -> RunEvent {
        let detail = AttemptDetail {
            item,
            attempt,
            started_at: "2026-01-01T00:00:00Z".into(),
            ended_at: None,
            outcome,
            progress: None,
            phase: None,
        };
        RunEvent::Attempt { task: task.into(), detail: Box::new(detail) }
    }

    fn phase(task: &str, item: Option<u32>, phase: &str) -> RunEvent {
        RunEvent::Phase { task: task.into(), item, attempt: 1, phase: phase.into() }
    }

    fn moved(task: &str, state: TaskState, items: Option<(u32, u32, u32)>) -> RunEvent {
        let items = items.map(|(total, succeeded, failed)| ItemCounts { total, running: 0, succeeded, failed });
        RunEvent::Task { task: task.into(), state, items }
    }

    fn check(events: &[RunEvent], expect: &[&str]) {
        let mut view = View::default();
        let lines: Vec<String> = events.iter().flat_map(|e| view.apply(e)).map(|l| l.text).collect();
        assert_eq!(lines, expect);
    }

    #[test]
    fn each_change_is_told_once() {
        let mut done = Outcome::succeeded(wharf_contract::Payload::null());
        done.usage.run_us = 12_000;
        check(
            &[
                snapshot(vec![task("clean", TaskState::Ready), task("chart", TaskState::Pending)]),
                moved("clean", TaskState::Running, None),
                attempt("clean", None, 1, None),
                phase("clean", None, "waiting for quota"),
                phase("clean", None, ""),
                phase("clean", None, "running on node1"),
                phase("each", Some(7), "waiting for quota"),
                attempt("clean", None, 1, Some(Outcome::failed(Cause::Trap, "out of bounds"))),
                snapshot(vec![task("clean", TaskState::Running), task("chart", TaskState::Pending)]),
                attempt("clean", None, 2, None),
                attempt("clean", None, 2, Some(done)),
                moved("clean", TaskState::Succeeded, None),
                moved("clean", TaskState::Succeeded, None),
                moved("chart", TaskState::Skipped, None),
                RunEvent::Ended { state: RunState::Succeeded },
            ],
            &[
                "clean: started",
                "clean: waiting for quota",
                "clean: attempt 1 ended as trap: out of bounds",
                "clean: attempt 2 started",
                "clean: succeeded in 12 ms",
                "chart: skipped",
            ],
        );
    }

    #[test]
    fn a_fan_out_is_told_of_in_tenths() {
        let mut events = vec![snapshot(vec![task("each", TaskState::Ready)])];
        events.extend((0..=100).map(|n| moved("each", TaskState::Running, Some((100, n, 0)))));
        events.push(moved("each", TaskState::Succeeded, Some((100, 100, 0))));
        let mut expect = vec!["each: started".to_owned()];
        expect.extend((1..=10).map(|n| format!("each: {} of 100 items", n * 10)));
        expect.push("each: succeeded (100 items)".to_owned());
        check(&events, &expect.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn events_read_back_as_they_were_sent() {
        let output = serde_json::from_str(r#"{"json":{"n":1}}"#).unwrap();
        let sent = attempt("clean", None, 1, Some(Outcome::succeeded(output)));
        let text = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<RunEvent>(&text).unwrap(), sent);
    }

    #[test]
    fn an_item_that_fails_is_named() {
        check(
            &[
                snapshot(vec![task("each", TaskState::Ready)]),
                attempt("each", Some(7), 1, Some(Outcome::failed(Cause::Permanent, "no such day"))),
            ],
            &["each[7]: attempt 1 ended as permanent: no such day"],
        );
    }
}
