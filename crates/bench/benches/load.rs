//! `cargo bench --bench load`: our worker next to its peers, in the same run, against the same servers. `--help` says more.

use std::process::ExitCode;

fn main() -> ExitCode {
    dlt_bench::main_from_args()
}
