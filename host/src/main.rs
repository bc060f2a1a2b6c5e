//! `wharf`: the command line and the coordinator in one binary.

fn main() -> std::process::ExitCode {
    wharf::cli::main()
}
