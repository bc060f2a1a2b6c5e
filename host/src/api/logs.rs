use super::extract::{Ask, Id};
use super::server::Shared;
use super::stream::{self, Gone, Sender};
use super::types::{ErrorBody, LogRecord, LogsQuery};
use super::views;
use crate::coordinator::unavailable;
use crate::logs::{self, LogFilter, Tail};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::Display;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use wharf_core::event::RunId;
use wharf_core::time::Timestamp;

/// Lines that are read at one time.
const PIECE: usize = 256;
/// How long a reader waits for logs of attempts that just ended.
const SETTLED: Duration = Duration::from_secs(10);

pub(super) async fn logs(
    State(shared): State<Shared>,
    Id(run): Id,
    Ask(query): Ask<LogsQuery>,
) -> Result<Response, ErrorBody> {
    let run = RunId(run);
    let row = shared.read(move |reads| reads.run(run)?.ok_or_else(|| views::no_run(run))).await?;
    let filter = LogFilter { task: query.task, item: query.item, attempt: query.attempt };
    let tail = Tail::new(&shared.state_dir, run, filter.clone());
    let stored = Stored { tenant: row.spec.flow.tenant, run, filter };
    if query.follow {
        // Before what there is is brought, so that nothing falls in between.
        let watching = shared.following.as_ref().map(|f| f.watch(run, stored.filter.clone()));
        stored.bring(&shared).await?;
        let (sender, answer) = stream::open();
        tokio::spawn(async move {
            let _watching = watching;
            let stop = shared.stop.clone();
            tokio::select! {
                _ = follow(&shared, &stored, tail, &sender) => {}
                () = sender.closed() => {}
                () = stop.cancelled() => {}
            }
        });
        return Ok(answer.into_response());
    }
    stored.bring(&shared).await?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || all(tail, &sender));
    let body = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
}

/// The logs that a run's pods left in its tenant's store, as far as they are asked for.
struct Stored {
    tenant: String,
    run: RunId,
    filter: LogFilter,
}

impl Stored {
    /// Brings them to where logs are read.
    async fn bring(&self, shared: &Shared) -> Result<(), ErrorBody> {
        if !shared.depots.has(&self.tenant) {
            return Ok(());
        }
        shared.settling.wait(self.run, SETTLED).await;
        let unavailable = |e: &dyn Display| unavailable(e.to_string(), "ask again when the store answers");
        let depot = shared.depots.tenant(&self.tenant).await.map_err(|e| unavailable(&e))?;
        logs::fetch(&depot, &shared.state_dir, self.run, &self.filter).await.map_err(|e| unavailable(&e))
    }
}

/// All lines that there are now, one JSON object each.
fn all(mut tail: Tail, to: &mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let piece = tail.read(PIECE).and_then(|records| {
            let mut text = Vec::new();
            let last = records.len() < PIECE;
            for record in records {
                serde_json::to_writer(&mut text, &LogRecord::from(record))?;
                text.push(b'\n');
            }
            Ok((Bytes::from(text), last))
        });
        let last = piece.as_ref().map_or(true, |(_, last)| *last);
        // Whoever asked may have gone away.
        if to.blocking_send(piece.map(|(text, _)| text)).is_err() || last {
            return;
        }
    }
}

/// What there is, then what comes, until the run is final.
async fn follow(shared: &Shared, stored: &Stored, mut tail: Tail, to: &Sender) -> Result<(), Gone> {
    let run = stored.run;
    let mut hint = shared.log_hints.subscribe(run);
    let mut listed = shared.readers.listed();
    let mut is_final = false;
    loop {
        let read = tokio::task::spawn_blocking(move || (tail.read(PIECE), tail)).await.map_err(|_| Gone)?;
        tail = read.1;
        let records = read.0.map_err(|_| Gone)?;
        let more = records.len() == PIECE;
        for record in records {
            to.send("log", &LogRecord::from(record)).await?;
        }
        if more {
            continue;
        }
        if is_final {
            return to.send("end", &serde_json::json!({})).await;
        }
        let row = shared.read(move |reads| Ok(reads.run(run)?)).await.map_err(|_| Gone)?;
        is_final = row.is_none_or(|r| r.state.is_final());
        if is_final {
            if let Err(e) = stored.bring(shared).await {
                to.send("lagged", &e.message).await?;
            }
        } else {
            tokio::select! {
                more = hint.more() => if !more { return Err(Gone) },
                changed = listed.changed() => changed.map_err(|_| Gone)?,
            }
        }
    }
}

impl From<logs::LogRecord> for LogRecord {
    fn from(record: logs::LogRecord) -> LogRecord {
        let logs::LogRecord { key, line } = record;
        LogRecord {
            task: key.task,
            item: key.item,
            attempt: key.attempt,
            at: Timestamp::from_micros(line.at).to_string(),
            level: line.level,
            source: line.source,
            message: line.message,
            fields: line.fields,
        }
    }
}
