//! Prints performance as ratios to floors of the same run. `cargo xtask bench` builds and starts it, with the letters of
//! the sections wanted, and with `--cluster` for those on Kubernetes.

use anyhow::Result;
use wharf_tests::bench;

fn main() -> Result<()> {
    let (flags, letters): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a == "--cluster");
    let only: Vec<char> = letters.iter().filter_map(|a| a.chars().next()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if flags.is_empty() { runtime.block_on(bench::run(&only)) } else { runtime.block_on(bench::cluster::run(&only)) }
}
