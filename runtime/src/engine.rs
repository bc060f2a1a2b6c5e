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

/// Which CPUs can run what is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpus {
    /// This machine's, with all that it can do.
    Own,
    /// Every one of this architecture that is in use in a cluster: on x86-64 those of level 2 (SSE4.2 and POPCNT; all
    /// since 2011), on arm64 those of Armv8.0.
    Baseline,
}

/// What [`Cpus::Baseline`] may use, as Cranelift names it.
const BASELINE: &[&str] = if cfg!(target_arch = "x86_64") {
    &["has_cmpxchg16b", "has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"]
} else {
    &[]
};

/// An engine without a ticker, for the compiler.
///
/// # Errors
/// Where the compiler does not know the machine.
pub fn compiler(cpus: Cpus) -> wasmtime::Result<Engine> {
    let mut config = config(Allocation::OnDemand);
    if cpus == Cpus::Baseline {
        config.target(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))?;
        for feature in BASELINE {
            // SAFETY: a feature of the CPU and no other setting; whoever loads the code checks that its CPU has it.
            unsafe { config.cranelift_flag_enable(feature) };
        }
    }
    Engine::new(&config)
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

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::component::Component;

    /// A CPU that can do what the baseline needs and no more.
    fn plain_cpu(feature: &str) -> Option<bool> {
        Some(["cmpxchg16b", "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt"].contains(&feature))
    }

    fn loads(engine: &Engine, code: &[u8]) -> bool {
        // SAFETY: every caller compiled it just before, with our own compiler.
        unsafe { Component::deserialize(engine, code) }.is_ok()
    }

    #[test]
    fn what_is_compiled_for_the_baseline_loads_on_any_cpu_and_what_is_not_does_not() {
        let wasm = wat::parse_str(
            r#"(component (core module $m (func (export "f") (param v128) (result i32)
                (i32.popcnt (i8x16.bitmask (local.get 0))))) (core instance (instantiate $m)))"#,
        )
        .unwrap();
        let (own, baseline) = (compiler(Cpus::Own).unwrap(), compiler(Cpus::Baseline).unwrap());
        let mut plain = config(Allocation::OnDemand);
        plain.target(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH)).unwrap();
        // SAFETY: it claims less than this machine can do.
        unsafe { plain.detect_host_feature(plain_cpu) };
        let plain = Engine::new(&plain).unwrap();

        let code = baseline.precompile_component(&wasm).unwrap();
        assert!(loads(&own, &code) && loads(&plain, &code) && loads(&baseline, &code));
        let code = own.precompile_component(&wasm).unwrap();
        assert!(loads(&own, &code));
        if cfg!(target_arch = "x86_64") && std::arch::is_x86_feature_detected!("avx") {
            assert!(!loads(&plain, &code), "code for AVX must be refused where there is none");
        }
        assert_eq!(fingerprint(&own), fingerprint(Runtime::new(Allocation::OnDemand).unwrap().engine()));
        assert_ne!(fingerprint(&own), fingerprint(&baseline));
    }
}
