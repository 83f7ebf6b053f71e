//! The load benchmark: our worker and its peers in the same run, against the same servers of our own, on pinned processors.
//!
//! CPU is what the tool's whole process life cost, divided by the requests that the *server* counted. Tools take turns, a
//! ratio is of the same round, and rounds in which others kept the machine busy are marked or left out.

mod args;
mod build;
mod contest;
mod machine;
mod parts;
mod run;
mod server;
mod statistics;
mod table;
mod task;
mod tools;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    args::Args,
    run::{Bench, MAX_FOREIGN},
    statistics::MIN_QUIET_ROUNDS,
    table::Table,
    tools::Tool,
};

/// Measures what the command line asks for.
pub fn main_from_args() -> ExitCode {
    match measure(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            talk(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<(), Box<dyn Error>> {
    let root = build::root()?;
    let worker = match &args.worker {
        Some(worker) => worker.clone(),
        None => build::worker(&root)?,
    };
    // It takes minutes to build, so somebody has to ask for it once.
    if args.names(Tool::Goose) || (args.wants(Tool::Goose) && build::has_goose(&root)) {
        build::goose(&root)?;
    }
    let bench = Bench::new(root, worker, !args.no_grace)?;
    say(&format!("{}\n", machine::description()))?;
    say(&format!(
        "quiet: at most {MAX_FOREIGN} processors of foreign load; noisy rounds are left out where {MIN_QUIET_ROUNDS} quiet ones \
         are left, and marked N where not\n"
    ))?;
    for tool in args.tools(&Tool::ALL) {
        if let Err(absent) = bench.find(tool) {
            say(&format!("{absent}\n"))?;
        }
    }
    let mut shown = Ok(());
    for part in args.parts() {
        part.measure(&bench, args, &mut |table| {
            let told = show(table, args.markdown);
            shown = std::mem::replace(&mut shown, Ok(())).and(told);
        });
    }
    shown?;
    say(&format!("load average at the end {}\n", machine::load()))?;
    Ok(())
}

fn show(table: &Table, markdown: bool) -> io::Result<()> {
    say(&format!("\n{}", if markdown { table.markdown() } else { table.text() }))
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Progress and errors; a closed standard error is no reason to fail.
fn talk(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
