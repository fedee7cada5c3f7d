//! captd, the program: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    captd::cli::run(std::env::args_os().collect())
}
