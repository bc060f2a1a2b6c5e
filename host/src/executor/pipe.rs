use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::unix::pipe;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;

/// Bytes of buffer that are kept for the next turn.
const KEPT: usize = 1 << 20;

/// Writes to a worker without waiting: at once what fits, the rest by a task of its own. Dropping it closes the pipe once
/// all is written.
#[derive(Debug)]
pub(super) struct Pipe {
    sender: Arc<pipe::Sender>,
    rest: mpsc::UnboundedSender<Vec<u8>>,
    /// Batches that the task has not written yet. While there are some, nothing may overtake them.
    waiting: Arc<AtomicUsize>,
}

impl Pipe {
    pub(super) fn new(stdin: ChildStdin) -> io::Result<Pipe> {
        let sender = Arc::new(pipe::Sender::from_owned_fd(stdin.into_owned_fd()?)?);
        let (rest, batches) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        tokio::spawn(drain(Arc::clone(&sender), batches, Arc::clone(&waiting)));
        Ok(Pipe { sender, rest, waiting })
    }

    /// Takes all of `bytes`. A reader that is gone is no error here: that its process is gone is reported elsewhere.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let at_once = match self.waiting.load(Ordering::Acquire) {
            0 => match self.sender.try_write(bytes) {
                Err(e) if e.kind() != ErrorKind::WouldBlock => bytes.len(),
                written => written.unwrap_or(0),
            },
            _ => 0,
        };
        if at_once < bytes.len() {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            let _ = self.rest.send(bytes.split_off(at_once));
        }
        bytes.clear();
        if bytes.capacity() > KEPT {
            *bytes = Vec::new();
        }
    }
}

async fn drain(sender: Arc<pipe::Sender>, mut batches: mpsc::UnboundedReceiver<Vec<u8>>, waiting: Arc<AtomicUsize>) {
    while let Some(batch) = batches.recv().await {
        let mut rest = &batch[..];
        while !rest.is_empty() {
            match sender.try_write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    if sender.writable().await.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
        waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;
    use tokio::io::AsyncReadExt as _;

    #[tokio::test]
    async fn a_slow_reader_gets_every_byte_in_order_and_then_the_end() {
        // It passes on what it reads, and its own output is not read before all is written.
        let mut child =
            tokio::process::Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let pipe = Pipe::new(child.stdin.take().unwrap()).unwrap();
        let mut expect = Vec::new();
        for n in 0..200_u8 {
            let mut batch = vec![n; 10_000];
            expect.extend_from_slice(&batch);
            pipe.write(&mut batch);
            assert!(batch.is_empty());
        }
        drop(pipe);
        let mut seen = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut seen).await.unwrap();
        assert!(seen == expect, "{} of {} bytes", seen.len(), expect.len());
        assert!(child.wait().await.unwrap().success());
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_holds_nothing_up() {
        let mut child = tokio::process::Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let pipe = Pipe::new(child.stdin.take().unwrap()).unwrap();
        child.wait().await.unwrap();
        for _ in 0..100 {
            pipe.write(&mut vec![0; 100_000]);
        }
        assert_eq!(pipe.waiting.load(Ordering::Acquire), 0);
    }
}
