use crate::ticker::Ticker;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Address space that each linear memory reserves: a 32-bit memory then never needs a bounds check. The same for every
/// allocation strategy, so that one compiled component fits all.
const MEMORY_RESERVATION: u64 = 4 << 30;
/// Unmapped bytes after each linear memory.
const MEMORY_GUARD: u64 = 32 << 20;
/// Stack of a guest in bytes; past it the guest traps.
const GUEST_STACK: usize = 1 << 20;
/// Stack of a fiber: the guest's and what the host calls need on top.
const FIBER_STACK: usize = GUEST_STACK + (1 << 20);

/// Bounds of one component, the same under both allocation strategies.
pub(crate) const MEMORIES_PER_COMPONENT: u32 = 4;
const TABLES_PER_COMPONENT: u32 = 8;
const CORE_INSTANCES_PER_COMPONENT: u32 = 32;
const TABLE_ELEMENTS: usize = 64 << 10;

/// Where instances take their memory from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// Mapped when needed: the quickest start of a process that runs one attempt.
    OnDemand,
    /// From slots that are kept warm, for this many attempts at a time.
    Pooling {
        /// Attempts at a time.
        concurrency: u32,
    },
}

/// The WebAssembly engine with its only ticker.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    ticker: Arc<Ticker>,
}

impl Runtime {
    /// Makes the engine and starts its ticker.
    ///
    /// # Errors
    /// Where the machine cannot give the address space that the strategy needs.
    pub fn new(allocation: Allocation) -> wasmtime::Result<Runtime> {
        let engine = Engine::new(&config(allocation))?;
        let ticker = Arc::new(Ticker::start(engine.weak()));
        Ok(Runtime { engine, ticker })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn ticker(&self) -> &Arc<Ticker> {
        &self.ticker
    }
}

/// An engine without a ticker, for the compiler.
pub(crate) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&config(Allocation::OnDemand))
}

/// What compiled code depends on besides its source: version and settings of the compiler, and the machine's kind of
/// CPU with the features that the code uses.
#[must_use]
pub fn fingerprint(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}", std::env::consts::ARCH, hasher.finish())
}

fn config(allocation: Allocation) -> Config {
    let mut c = Config::new();
    c.cranelift_opt_level(OptLevel::Speed);
    c.epoch_interruption(true);
    c.wasm_component_model(true);
    c.concurrency_support(false);
    c.shared_memory(false);
    c.wasm_memory64(false);
    c.wasm_multi_memory(false);
    c.wasm_relaxed_simd(true);
    c.relaxed_simd_deterministic(true);
    c.max_wasm_stack(GUEST_STACK);
    c.async_stack_size(FIBER_STACK);
    c.memory_reservation(MEMORY_RESERVATION);
    c.memory_guard_size(MEMORY_GUARD);
    c.memory_may_move(false);
    c.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(8));
    if let Allocation::Pooling { concurrency } = allocation {
        c.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(concurrency)));
    }
    c
}

fn pool(concurrency: u32) -> PoolingAllocationConfig {
    let mut p = PoolingAllocationConfig::new();
    // Slots for the most that each attempt may take, so that the pool is never what refuses one. Address space is
    // cheap: nothing is mapped before it is used.
    p.total_component_instances(concurrency);
    p.total_core_instances(concurrency * CORE_INSTANCES_PER_COMPONENT);
    p.total_memories(concurrency * MEMORIES_PER_COMPONENT);
    p.total_tables(concurrency * TABLES_PER_COMPONENT);
    p.total_stacks(concurrency);
    p.max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT);
    p.max_memories_per_component(MEMORIES_PER_COMPONENT);
    p.max_tables_per_component(TABLES_PER_COMPONENT);
    p.max_memory_size(MEMORY_RESERVATION as usize);
    p.table_elements(TABLE_ELEMENTS);
    // Small guests are wiped by writing zeros instead of by system calls that stall every thread of the process.
    p.linear_memory_keep_resident(256 << 10);
    p.table_keep_resident(16 << 10);
    p.max_unused_warm_slots(64);
    p
}
