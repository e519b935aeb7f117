//! The command line of the autoscaling simulator.

fn main() -> std::process::ExitCode {
    autosim::cli::main()
}
