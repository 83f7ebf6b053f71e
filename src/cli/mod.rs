//! The command line: one file per verb, each with its `Args` and its `run`.

mod asking;
pub mod config;
pub mod down;
pub mod environment;
pub mod invite;
pub mod outputs;
pub mod plan;
pub mod render;
pub mod up;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{exit::Exit, failure::Failure};

/// Distributed load testing on AWS, provisioned by one command.
#[derive(Debug, Parser)]
#[command(name = "dlt", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb understands.
#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// What to print on standard output: for people, or for programs.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// What standard output carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    Text,
    /// JSON for programs: one value, or one event a line.
    Json,
}

/// What can be done.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the effective settings of an environment.
    Config(config::Args),
    /// Print a template as it would be deployed.
    Render(render::Args),
    /// Show what `up` would change, property by property.
    Plan(plan::Args),
    /// Make an environment as its file says.
    Up(up::Args),
    /// Print the values of an environment.
    Outputs(outputs::Args),
    /// Take an environment away, and list what remains.
    Down(down::Args),
    /// Invite a user of the console.
    Invite(invite::Args),
}

/// Reads the arguments, does what they say, and answers how the process ends. Talk goes to standard error.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match dispatch(&cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            crate::terminal::complain(&failure);
            failure.exit.into()
        }
    }
}

fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.verb {
        Verb::Config(args) => config::run(args, &cli.global),
        Verb::Render(args) => render::run(args, &cli.global),
        Verb::Plan(args) => wait(plan::run(args, &cli.global)),
        Verb::Up(args) => wait(up::run(args, &cli.global)),
        Verb::Outputs(args) => wait(outputs::run(args, &cli.global)),
        Verb::Down(args) => wait(down::run(args, &cli.global)),
        Verb::Invite(args) => wait(invite::run(args, &cli.global)),
    }
}

/// Does what waits for others: AWS, timers, the keyboard.
fn wait(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to start the runtime", &error))?;
    runtime.block_on(work)
}
