//! `dlt history`: the operations of this machine, newest first.

use super::{Global, Output};
use crate::{
    config::loader,
    exit::Exit,
    failure::Failure,
    journal::{recording::Recording, report, shelf::Shelf},
    terminal,
    text::Paint,
};

/// List the operations of this machine: when, what, how they ended, who.
///
/// Every operation leaves a recording in a folder that only you can read. Passwords, tokens, keys and addresses are not in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dlt history\n  dlt history dev --last 5")]
pub struct Args {
    /// Only those of this environment.
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// How many, at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,
}

/// Prints the list.
///
/// # Errors
/// When the recordings cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let wanted = |it: &Recording| args.environment.as_ref().is_none_or(|name| is_of(it, name));
    let mut recordings: Vec<Recording> = recordings()?.into_iter().filter(wanted).collect();
    recordings.truncate(usize::from(args.last));
    let paint = Paint::of_stdout();
    match global.output {
        Output::Json => terminal::print(&report::json(&recordings).to_string()),
        Output::Text => report::table(&recordings, super::width(), paint).iter().for_each(|line| terminal::print(line)),
    }
    Ok(Exit::Done)
}

/// Whether a recording is of an environment, which has a name and may be named by its file.
pub fn is_of(recording: &Recording, environment: &str) -> bool {
    let header = &recording.header;
    header.stack == environment || loader::path_of(&header.environment) == loader::path_of(environment)
}

/// All recordings of this user, newest first.
///
/// # Errors
/// When the folder cannot be read.
pub fn recordings() -> Result<Vec<Recording>, Failure> {
    let Some(shelf) = Shelf::of_user() else { return Ok(Vec::new()) };
    shelf.recordings().map_err(|error| {
        let message = format!("failed to read the recordings in `{}`", shelf.path().display());
        Failure::from_error(Exit::Internal, message, &error)
    })
}
