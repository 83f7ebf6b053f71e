//! The worker as a process of its own: what ships in the worker image.

use std::process::ExitCode;

/// What this executable is made of, where cargo-auditable would put it and scanners look for it.
#[used]
#[expect(unsafe_code, reason = "a section's name is a contract with readers of the file; no code of ours reads it")]
#[unsafe(link_section = ".dep-v0")]
static DEPENDENCIES: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/dependencies.zlib")).len()] =
    *include_bytes!(concat!(env!("OUT_DIR"), "/dependencies.zlib"));

fn main() -> ExitCode {
    // Named here, so that the linker does not take it for unused.
    std::hint::black_box(&DEPENDENCIES);
    dlt_worker::main_from_env()
}
