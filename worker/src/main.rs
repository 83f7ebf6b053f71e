//! The worker as a process of its own: what ships in the worker image.

use std::process::ExitCode;

fn main() -> ExitCode {
    dlt_worker::main_from_env()
}
