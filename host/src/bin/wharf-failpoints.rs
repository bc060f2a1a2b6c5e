//! `wharf` with the failpoints that a chaos test kills it at. Not part of a release.

fn main() -> std::process::ExitCode {
    wharf::cli::main()
}
