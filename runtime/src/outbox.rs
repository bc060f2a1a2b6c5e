use crate::attempt::Attempt;
use std::io::Write;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use wharf_contract::FromRuntime;

/// Bytes after which the gathered frames are written without waiting for a quiet moment.
const FULL: usize = 64 << 10;
/// Longest time that a frame waits to be written, and between two fetches of log lines.
const LATEST: Duration = Duration::from_millis(2);
/// Times that [`LATEST`] passes between two fetches of log lines.
const FETCH_EVERY: u32 = 10;

/// Gathers frames and writes many of them at once: whoever has a quiet moment writes what all have gathered.
pub struct Outbox {
    gathered: Mutex<Gathered>,
    /// Held while writing, so that bytes leave in the order in which they were gathered.
    sink: Mutex<Sink>,
    something: Condvar,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    /// Attempts that have lines to fetch.
    talking: Vec<Arc<Attempt>>,
    /// Whether the thread of [`Outbox::pump`] waits for something to do.
    idle: bool,
}

struct Sink {
    to: Box<dyn Write + Send>,
    spare: Vec<u8>,
}

impl Outbox {
    /// An outbox that writes to `to`, with its thread that sees to it that nothing waits long.
    pub fn start(to: Box<dyn Write + Send>) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox {
            gathered: Mutex::default(),
            sink: Mutex::new(Sink { to, spare: Vec::new() }),
            something: Condvar::new(),
        });
        let pumped = outbox.clone();
        thread::spawn(move || pumped.pump());
        outbox
    }

    /// Gathers a frame.
    pub fn send(&self, frame: &FromRuntime) {
        if self.append(|out| drop(wharf_contract::encode(frame, out))) {
            self.flush();
        }
    }

    /// Gathers what `write` appends. True where so much is gathered that it should be written: not done here, because
    /// the caller may hold what a flush waits for.
    pub(crate) fn append(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut gathered = self.gathered();
        write(&mut gathered.bytes);
        self.wake(&mut gathered);
        gathered.bytes.len() >= FULL
    }

    /// Has the attempt's lines fetched soon.
    pub(crate) fn announce(&self, attempt: Arc<Attempt>) {
        let mut gathered = self.gathered();
        gathered.talking.push(attempt);
        self.wake(&mut gathered);
    }

    /// Writes all that is gathered.
    pub fn flush(&self) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = mem::take(&mut sink.spare);
        let mut bytes = mem::replace(&mut self.gathered().bytes, spare);
        self.write(&mut sink, &mut bytes);
    }

    /// Fetches the lines of all who talk, and writes all that is gathered.
    fn flush_all(&self) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = mem::take(&mut sink.spare);
        let (mut bytes, talking) = {
            let mut gathered = self.gathered();
            (mem::replace(&mut gathered.bytes, spare), mem::take(&mut gathered.talking))
        };
        // An attempt that ends meanwhile hands on the rest of its lines and its end through `append`, which leaves
        // after these.
        for attempt in talking {
            attempt.fetch(&mut bytes);
        }
        self.write(&mut sink, &mut bytes);
    }

    fn write(&self, sink: &mut Sink, bytes: &mut Vec<u8>) {
        // Where nobody reads any more, standard input has ended too, and with it this process.
        drop(sink.to.write_all(bytes).and_then(|()| if bytes.is_empty() { Ok(()) } else { sink.to.flush() }));
        bytes.clear();
        bytes.shrink_to(4 * FULL);
        sink.spare = mem::take(bytes);
    }

    fn wake(&self, gathered: &mut Gathered) {
        if mem::take(&mut gathered.idle) {
            self.something.notify_one();
        }
    }

    fn pump(&self) {
        let mut turn = 0;
        loop {
            let mut gathered = self.gathered();
            while gathered.bytes.is_empty() && gathered.talking.is_empty() {
                gathered.idle = true;
                gathered = self.something.wait(gathered).unwrap_or_else(PoisonError::into_inner);
            }
            drop(gathered);
            thread::sleep(LATEST);
            turn += 1;
            if turn % FETCH_EVERY == 0 { self.flush_all() } else { self.flush() }
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
