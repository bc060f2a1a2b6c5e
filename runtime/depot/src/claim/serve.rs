//! The side that has the folder.

use super::folder::{Folder, Refused, invalid};
use super::wire;
use crate::Digest;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};
use wharf_contract::CONTRACT_VERSION;
use wharf_contract::claim::{AT_ONCE, Answer, Ask, Request, Told};

/// How long whoever connects may take to say who it is.
const HELLO: Duration = Duration::from_secs(10);
/// How often whoever waits is told that it goes on.
const WORKING: Duration = Duration::from_secs(5);

/// Serves a folder to those who know a token.
#[derive(Debug, Clone)]
pub struct Server {
    folder: Arc<Folder>,
    /// The token's.
    digest: Digest,
}

impl Server {
    /// A server of this folder, for those who know the token with this digest.
    ///
    /// # Errors
    /// It cannot be opened, or written to.
    pub fn open(folder: &Path, digest: Digest) -> io::Result<Server> {
        Ok(Server { folder: Arc::new(Folder::open(folder)?), digest })
    }

    /// Answers what comes over a connection until its other end closes it.
    ///
    /// # Errors
    /// The other end does not know the token, or sends what is no frame; or the connection is lost.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> io::Result<()> {
        let (mut from, mut to) = tokio::io::split(stream);
        let hello = tokio::time::timeout(HELLO, wire::read::<Ask>(&mut from)).await??;
        let Some((Ask { id, what: Request::Hello { token } }, _)) = hello else { return Err(stranger()) };
        if Digest::of(token.as_bytes()) != self.digest {
            return Err(stranger());
        }
        let ready = Told { id, what: Answer::Ready { contract: CONTRACT_VERSION } };
        wire::write(&mut to, &ready, &[]).await?;

        let (answers, mut written) = mpsc::channel::<(Told, Vec<u8>)>(AT_ONCE);
        let writing = async move {
            while let Some((told, body)) = written.recv().await {
                wire::write(&mut to, &told, &body).await?;
            }
            Ok(())
        };
        let reading = async {
            let room = Arc::new(Semaphore::new(AT_ONCE));
            while let Some((ask, body)) = wire::read::<Ask>(&mut from).await? {
                let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
                let (server, answers) = (self.clone(), answers.clone());
                tokio::spawn(async move {
                    server.answer(ask, body, &answers).await;
                    drop(permit);
                });
            }
            drop(answers);
            Ok(())
        };
        futures_util::future::try_join(reading, writing).await.map(drop)
    }

    async fn answer(self, Ask { id, what }: Ask, body: Vec<u8>, answers: &mpsc::Sender<(Told, Vec<u8>)>) {
        let folder = Arc::clone(&self.folder);
        let mut work = tokio::task::spawn_blocking(move || carry_out(&folder, what, &body));
        let done = loop {
            match tokio::time::timeout(WORKING, &mut work).await {
                Ok(done) => break done,
                // Whoever listens no more is found out by the reader.
                Err(_) => drop(answers.send((Told { id, what: Answer::Working }, Vec::new())).await),
            }
        };
        let done = done.unwrap_or_else(|e| Err((wharf_contract::claim::Failure::Failed, e.to_string())));
        let (what, body) = done.unwrap_or_else(|(why, message)| (Answer::Failed { why, message }, Vec::new()));
        drop(answers.send((Told { id, what }, body)).await);
    }
}

fn carry_out(folder: &Folder, what: Request, body: &[u8]) -> Result<(Answer, Vec<u8>), Refused> {
    let answer = match what {
        Request::Hello { .. } => return Err(invalid("a second greeting")),
        Request::Head { key } => Answer::There { stat: folder.head(&key)? },
        Request::Get { key, offset, length, of } => {
            let (stat, tag, bytes) = folder.get(&key, offset, length, of)?;
            return Ok((Answer::Piece { stat, tag }, bytes));
        }
        Request::Put { key, over } => done(folder.put(&key, &over, body))?,
        Request::Part { upload, offset } => done(folder.part(&upload, offset, body))?,
        Request::Finish { upload, key, size } => done(folder.finish(&upload, &key, size))?,
        Request::Abort { upload } => done(folder.abort(&upload))?,
        Request::Copy { from, to } => done(folder.copy(&from, &to))?,
        Request::List { folder: of, after, deep } => folder.list(&of, after.as_deref(), deep)?,
        Request::Delete { keys } => done(folder.delete(&keys))?,
    };
    Ok((answer, Vec::new()))
}

fn done(done: Result<(), Refused>) -> Result<Answer, Refused> {
    done.map(|()| Answer::Done)
}

fn stranger() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "whoever connected does not know the token")
}
