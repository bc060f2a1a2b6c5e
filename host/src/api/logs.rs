use super::extract::{Ask, Id};
use super::server::Shared;
use super::stream::{self, Gone, Sender};
use super::types::{ErrorBody, LogRecord, LogsQuery};
use super::views;
use crate::logs::{self, LogFilter, Tail};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::io;
use tokio::sync::mpsc;
use wharf_core::event::RunId;
use wharf_core::time::Timestamp;

/// Lines that are read at one time.
const PIECE: usize = 256;

pub(super) async fn logs(
    State(shared): State<Shared>,
    Id(run): Id,
    Ask(query): Ask<LogsQuery>,
) -> Result<Response, ErrorBody> {
    let run = RunId(run);
    shared.read(move |reads| reads.run(run)?.ok_or_else(|| views::no_run(run))).await?;
    let filter = LogFilter { task: query.task, item: query.item, attempt: query.attempt };
    let tail = Tail::new(&shared.state_dir, run, filter);
    if query.follow {
        let (sender, answer) = stream::open();
        tokio::spawn(async move {
            let stop = shared.stop.clone();
            tokio::select! {
                _ = follow(&shared, run, tail, &sender) => {}
                () = sender.closed() => {}
                () = stop.cancelled() => {}
            }
        });
        return Ok(answer.into_response());
    }
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || all(tail, &sender));
    let body = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
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
async fn follow(shared: &Shared, run: RunId, mut tail: Tail, to: &Sender) -> Result<(), Gone> {
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
        if !is_final {
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
