use super::{CacheArgs, fail};
use std::path::PathBuf;
use wharf_contract::ExitCode;
use wharf_runtime::{
    Allocation, Cache, CompileLimits, Digest, MAX_WASM, Purpose, Refusal, Runtime, confined, ensure, parse_digest,
    read_component,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The `.wasm` file.
    component: PathBuf,
    #[command(flatten)]
    cache: CacheArgs,
    /// `sha256:` and 64 hex digits that the file must have; by default those that it has.
    #[arg(long)]
    digest: Option<String>,
    /// Address space in bytes that compiling may use.
    #[arg(long, value_name = "BYTES", default_value_t = CompileLimits::default().memory)]
    memory: u64,
    /// Seconds of CPU time that compiling may use.
    #[arg(long, value_name = "S", default_value_t = CompileLimits::default().cpu)]
    cpu: u64,
    /// Seconds that compiling may take.
    #[arg(long, value_name = "S", default_value_t = CompileLimits::default().wall)]
    wall: u64,
    /// Compile for every node of a cluster, and sign with the key in this folder.
    #[arg(long, hide = true, value_name = "DIR", requires = "confined")]
    cluster_keys: Option<PathBuf>,
    /// Compile in this very process: what the command starts for itself.
    #[arg(long, hide = true, requires = "digest")]
    confined: bool,
}

pub(crate) fn main(args: &Args) -> ExitCode {
    let limits = CompileLimits { memory: args.memory, cpu: args.cpu, wall: args.wall };
    let dir = match args.cache.dir() {
        Ok(dir) => dir,
        Err(why) => return fail(ExitCode::Usage, why),
    };
    if args.confined {
        let digest = args.digest.as_deref().unwrap_or_default();
        let purpose = args.cluster_keys.as_ref().map_or(Purpose::Own, |keys| Purpose::Cluster { keys: keys.clone() });
        return match confined(&dir, &args.component, digest, limits, &purpose) {
            Ok(()) => ExitCode::Success,
            Err(refusal) => ExitCode::of(refusal.cause),
        };
    }
    match compile(args, dir, limits) {
        Ok(said) => {
            println!("{said}");
            ExitCode::Success
        }
        Err(refusal) => fail(ExitCode::of(refusal.cause), refusal.message),
    }
}

/// The JSON line that says where the compiled component is.
fn compile(args: &Args, dir: PathBuf, limits: CompileLimits) -> Result<String, Refusal> {
    let digest = match &args.digest {
        Some(text) => parse_digest(text)?,
        None => Digest::of(&read_component(&args.component, MAX_WASM)?),
    };
    let runtime = Runtime::new(Allocation::OnDemand).map_err(|e| Refusal::internal("cannot make the engine", e))?;
    let cache = Cache::new(dir, runtime.engine());
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Refusal::internal("cannot start", e))?;
    let compiled = tokio.block_on(ensure(&cache, &args.component, &digest, limits, &Purpose::Own))?;
    let path = cache.path(&digest);
    Ok(serde_json::json!({"digest": digest.to_string(), "compiled": compiled, "path": path}).to_string())
}
