//! The `passgate` binary: hands the command line over and turns the result into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    passgate::cli::run()
}
