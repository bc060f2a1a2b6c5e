use crate::bindings::TaskPre;
use crate::cache::Cache;
use crate::compile::{self, CompileLimits, Purpose, parse_digest};
use crate::engine::Runtime;
use crate::sandbox::{self, Guest};
use crate::{Digest, Refusal, imports};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::component::{Component, Linker};
use wasmtime_wasi::p2::bindings::CommandPre;
use wharf_contract::Cause;

/// Loaded components that are kept in memory.
const KEPT: usize = 64;

/// A component that is ready to be instantiated.
pub struct Loaded {
    /// Its way in as a task.
    pub(crate) task: Result<TaskPre<Guest>, Refusal>,
    /// Its way in as a command.
    pub(crate) command: Result<CommandPre<Guest>, Refusal>,
}

/// What is done where the cache does not have a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// A process with these limits compiles it.
    Compile(CompileLimits),
    /// The attempt ends: in a pod, which never compiles.
    Refuse,
}

/// Finds components: in memory, in the cache, or by having them compiled.
pub struct Loader {
    runtime: Runtime,
    linker: Linker<Guest>,
    cache: Cache,
    absent: Absent,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    clock: u64,
    by_digest: HashMap<Digest, (u64, Arc<Loaded>)>,
    /// Held while a component is loaded, so that those who want the same one wait.
    loading: HashMap<Digest, Arc<tokio::sync::Mutex<()>>>,
}

impl Kept {
    fn get(&mut self, digest: &Digest) -> Option<Arc<Loaded>> {
        self.clock += 1;
        let (used, loaded) = self.by_digest.get_mut(digest)?;
        *used = self.clock;
        Some(loaded.clone())
    }

    fn put(&mut self, digest: Digest, loaded: Arc<Loaded>) {
        self.clock += 1;
        if self.by_digest.len() >= KEPT
            && let Some(oldest) = self.by_digest.iter().min_by_key(|(_, (used, _))| *used).map(|(d, _)| *d)
        {
            self.by_digest.remove(&oldest);
        }
        self.by_digest.insert(digest, (self.clock, loaded));
    }
}

impl Loader {
    /// A loader over this cache.
    ///
    /// # Errors
    /// Where the host's interfaces do not fit together: a fault of this program.
    pub fn new(runtime: Runtime, cache: Cache, absent: Absent) -> wasmtime::Result<Loader> {
        let linker = sandbox::linker(runtime.engine())?;
        Ok(Loader { runtime, linker, cache, absent, kept: Mutex::default() })
    }

    /// The engine that its components belong to.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The component, and whether it had to be compiled.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn get(&self, component: &wharf_contract::Component) -> Result<(Arc<Loaded>, bool), Refusal> {
        let digest = parse_digest(&component.digest)?;
        let loading = {
            let mut kept = self.kept();
            if let Some(loaded) = kept.get(&digest) {
                return Ok((loaded, false));
            }
            kept.loading.entry(digest).or_default().clone()
        };
        let _held = loading.lock().await;
        if let Some(loaded) = self.kept().get(&digest) {
            return Ok((loaded, false));
        }
        let found = self.load(component, &digest).await;
        let mut kept = self.kept();
        kept.loading.remove(&digest);
        let (loaded, compiled) = found?;
        kept.put(digest, loaded.clone());
        Ok((loaded, compiled))
    }

    async fn load(
        &self,
        component: &wharf_contract::Component,
        digest: &Digest,
    ) -> Result<(Arc<Loaded>, bool), Refusal> {
        if let Some(loaded) = self.load_cached(digest)? {
            return Ok((loaded, false));
        }
        let limits = match self.absent {
            Absent::Compile(limits) => limits,
            Absent::Refuse => return Err(self.refuse(digest)),
        };
        compile::ensure(&self.cache, &component.path, digest, limits, &Purpose::Own).await?;
        match self.load_cached(digest)? {
            Some(loaded) => Ok((loaded, true)),
            None => Err(Refusal::internal("cannot read what was compiled", self.cache.path(digest).display())),
        }
    }

    fn refuse(&self, digest: &Digest) -> Refusal {
        let path = self.cache.path(digest);
        let path = path.display();
        if self.cache.path(digest).exists() {
            let message = format!("the compiled component in {path} does not bear our compiler's seal for {digest}");
            return Refusal::new(Cause::InvalidComponent, message);
        }
        Refusal::new(Cause::ComponentMissing, format!("there is no compiled component in {path}"))
    }

    fn load_cached(&self, digest: &Digest) -> Result<Option<Arc<Loaded>>, Refusal> {
        let Some(code) = self.cache.load(digest) else { return Ok(None) };
        // SAFETY: these very bytes carry the signature of our own compiler, for this component and this engine.
        let component = unsafe { Component::deserialize(self.runtime.engine(), &code) };
        let component = component.map_err(|e| Refusal::internal("cannot load the compiled component", e))?;
        self.link(&component).map(|loaded| Some(Arc::new(loaded)))
    }

    fn link(&self, component: &Component) -> Result<Loaded, Refusal> {
        let engine = self.runtime.engine();
        let ty = component.component_type();
        let names: Vec<&str> = ty.imports(engine).map(|(name, _)| name).collect();
        imports::check(&names)?;
        let pre = self.linker.instantiate_pre(component).map_err(|e| {
            Refusal::new(Cause::InvalidComponent, format!("an import of the component does not fit: {e:#}"))
        })?;
        let exports: Vec<&str> = ty.exports(engine).map(|(name, _)| name).collect();
        let no_way_in = |wanted: &str| {
            let have = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
            Refusal::new(
                Cause::InvalidComponent,
                format!("the component cannot be entered as a {wanted}: it exports {have}"),
            )
        };
        let task = TaskPre::new(pre.clone()).map_err(|_| no_way_in("task, which exports `run` of wharf:task/task"));
        let command = CommandPre::new(pre).map_err(|_| no_way_in("command, which exports wasi:cli/run"));
        Ok(Loaded { task, command })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
