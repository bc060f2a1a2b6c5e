use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::EngineWeak;

/// Time between two epochs: how long a guest can run before the runtime looks whether it still may.
const TICK: Duration = Duration::from_millis(2);
/// Ticks without a guest after which the thread goes to sleep: long enough that a stream of short attempts never wakes it.
const LINGER: u32 = 50;

/// The one thread that advances the engine's epoch, while a guest runs.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: EngineWeak) -> Ticker {
        let shared = Arc::new(Shared { running: AtomicUsize::new(0), asleep: AtomicBool::new(false) });
        let seen = shared.clone();
        let thread = thread::spawn(move || tick(&engine, &seen)).thread().clone();
        Ticker { shared, thread }
    }

    /// Keeps the epoch advancing until the guard is dropped.
    pub(crate) fn watch(self: &Arc<Ticker>) -> Watch {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Watch(self.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

/// See [`Ticker::watch`].
pub(crate) struct Watch(Arc<Ticker>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(engine: &EngineWeak, shared: &Shared) {
    let mut idle = 0;
    loop {
        // The thread must not keep the engine: it ends with it.
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        drop(engine);
        idle = if shared.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle < LINGER {
            thread::sleep(TICK);
            continue;
        }
        shared.asleep.store(true, Ordering::SeqCst);
        if shared.running.load(Ordering::SeqCst) == 0 {
            thread::park();
        }
        shared.asleep.store(false, Ordering::SeqCst);
        idle = 0;
    }
}
