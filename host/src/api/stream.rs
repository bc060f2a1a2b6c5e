use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;

/// Events that wait for a reader. With more the sender waits, and what it cannot keep up with it leaves out.
const WAITING: usize = 64;
/// A silent stream says this often that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends events to one reader.
#[derive(Debug, Clone)]
pub(super) struct Sender(mpsc::Sender<Event>);

/// The reader went away.
#[derive(Debug)]
pub(super) struct Gone;

impl Sender {
    /// Sends an event. Waits for a reader that is behind.
    pub(super) async fn send<T: Serialize>(&self, name: &'static str, data: &T) -> Result<(), Gone> {
        // Our own types always serialise.
        let event = Event::default().event(name).json_data(data).map_err(|_| Gone)?;
        self.0.send(event).await.map_err(|_| Gone)
    }

    /// Waits until the reader has gone away.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}

/// A stream that ends when its sender is dropped.
pub(super) fn open() -> (Sender, Sse<impl Stream<Item = Result<Event, Infallible>>>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (Ok(event), receiver))
    });
    (Sender(sender), Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
