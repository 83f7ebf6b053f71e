//! The `dlt` command. Everything it does is in the library; this is the door.

use std::process::ExitCode;

fn main() -> ExitCode {
    dlt::cli::main(std::env::args_os())
}
