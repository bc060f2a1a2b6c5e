use std::path::PathBuf;
use wharf_contract::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The `.wasm` files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(crate) fn main(_args: &Args) -> ExitCode {
    ExitCode::Usage
}
