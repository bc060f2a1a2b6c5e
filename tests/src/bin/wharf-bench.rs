//! Prints performance as ratios to floors of the same run. `cargo xtask bench` builds and starts it.

use anyhow::Result;

fn main() -> Result<()> {
    let only: Vec<char> = std::env::args().skip(1).filter_map(|a| a.chars().next()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(wharf_tests::bench::run(&only))
}
