//! The command line: one file per verb, each with its `Args` and its `run`.

mod asked_for;
mod asking;
mod attach;
mod cancel;
mod check;
mod config;
mod cost;
mod critical_path;
mod demo;
mod doctor;
mod down;
mod drift;
mod environment;
mod explain;
mod export;
mod forecast;
mod gate;
mod history;
mod image;
mod import;
mod init;
mod invite;
mod local;
mod logs;
mod outputs;
mod pipeline;
mod plan;
mod recover;
mod rehearse;
mod release;
mod render;
mod replay;
mod run;
mod runs;
mod scenarios;
mod session;
mod up;

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
    /// Write a commented environment file to start from.
    Init(init::Args),
    /// Show the effective settings of an environment, and where each comes from.
    Config(config::Args),
    /// Find what is wrong with an environment before AWS sees it, or say what a scenario's run will be.
    Check(check::Args),
    /// Print a template as it would be deployed.
    Render(render::Args),
    /// Show what `up` would change, property by property.
    Plan(plan::Args),
    Drift(drift::Args),
    /// Make an environment as its file says.
    Up(up::Args),
    /// Print the values of an environment.
    Outputs(outputs::Args),
    Logs(logs::Args),
    Doctor(doctor::Args),
    Cost(cost::Args),
    /// Invite a user of the console.
    Invite(invite::Args),
    /// Take an environment away, and list what remains.
    Down(down::Args),
    Attach(attach::Args),
    Cancel(cancel::Args),
    Explain(explain::Args),
    Recover(recover::Args),
    History(history::Args),
    Replay(replay::Args),
    Run(Box<run::Args>),
    Import(import::Args),
    Gate(Box<gate::Args>),
    /// The runs that a system keeps: list, show, watch, stop, judge again, compare.
    #[command(subcommand)]
    Runs(runs::Verb),
    /// The scenarios that a system keeps: list, get, put, schedule, remove.
    #[command(subcommand)]
    Scenarios(scenarios::Verb),
    /// Write an environment down for another tool.
    #[command(subcommand)]
    Export(export::Verb),
    /// A pipeline whose stage QA asks the gate.
    #[command(subcommand)]
    Pipeline(pipeline::Verb),
    /// The worker image, without Docker.
    #[command(subcommand)]
    Image(image::Verb),
    Release(release::Args),
    Demo(demo::Args),
    Local(local::Args),
    /// Be a worker of a run, as the environment says; the local system starts these.
    #[command(hide = true)]
    Worker,
}

/// Reads the arguments, does what they say, and answers how the process ends. Talk goes to standard error.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    // A worker is a process of its own kind: it has its own runtime, its own talk and its own exit codes.
    if matches!(cli.verb, Verb::Worker) {
        return dlt_worker::main_from_env();
    }
    match dispatch(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            crate::terminal::complain(&failure);
            failure.exit.into()
        }
    }
}

/// How wide a line on standard output may be: as wide as the terminal, and without one as wide as it is.
fn width() -> usize {
    let term = console::Term::stdout();
    if term.is_term() { usize::from(term.size().1).max(40) } else { usize::MAX }
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Cli { global, verb } = cli;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to start the runtime", &error))?;
    runtime.block_on(async {
        match verb {
            Verb::Init(args) => init::run(&args),
            Verb::Config(args) => config::run(&args, &global),
            Verb::Check(args) => check::run(&args, &global),
            Verb::Render(args) => render::run(&args, &global),
            Verb::Plan(args) => plan::run(&args, &global).await,
            Verb::Drift(args) => drift::run(&args, &global).await,
            Verb::Up(args) => up::run(&args, &global).await,
            Verb::Outputs(args) => outputs::run(&args, &global).await,
            Verb::Logs(args) => logs::run(&args, &global).await,
            Verb::Doctor(args) => doctor::run(&args, &global).await,
            Verb::Cost(args) => cost::run(&args, &global).await,
            Verb::Invite(args) => invite::run(&args, &global).await,
            Verb::Down(args) => down::run(&args, &global).await,
            Verb::Attach(args) => attach::run(&args, &global).await,
            Verb::Cancel(args) => cancel::run(&args, &global).await,
            Verb::Explain(args) => explain::run(&args, &global).await,
            Verb::Recover(args) => recover::run(&args, &global).await,
            Verb::History(args) => history::run(&args, &global),
            Verb::Replay(args) => replay::run(&args, &global).await,
            Verb::Import(args) => import::run(&args),
            Verb::Run(args) => run::run(*args, &global).await,
            Verb::Gate(args) => gate::run(*args, &global).await,
            Verb::Runs(verb) => runs::run(verb, &global).await,
            Verb::Scenarios(verb) => scenarios::run(verb, &global).await,
            Verb::Export(verb) => export::run(&verb, &global),
            Verb::Pipeline(verb) => pipeline::run(&verb, &global).await,
            Verb::Image(verb) => image::run(&verb, &global).await,
            Verb::Release(args) => release::run(&args, &global).await,
            Verb::Demo(args) => demo::run(args, &global).await,
            Verb::Local(args) => local::run(args, &global).await,
            Verb::Worker => unreachable!("main has taken this way out"),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::layers::OTHER_VARIABLES;

    /// Every variable that a flag of a command, or of one below it, is read from.
    fn variables(command: &clap::Command) -> Vec<String> {
        let own = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(ToOwned::to_owned));
        own.chain(command.get_subcommands().flat_map(variables)).collect()
    }

    #[test]
    fn a_flags_own_variable_is_never_taken_for_a_setting_of_an_environment() {
        let unknown: Vec<String> = variables(&Cli::command())
            .into_iter()
            .filter(|name| name.starts_with("DLT_") && !OTHER_VARIABLES.contains(&name.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    /// Every verb and sub-verb that does something, as the words that call it.
    fn doers(command: &clap::Command, path: &[String]) -> Vec<(Vec<String>, clap::Command)> {
        let path: Vec<String> = path.iter().cloned().chain([command.get_name().to_owned()]).collect();
        let below = command.get_subcommands().filter(|below| !below.is_hide_set());
        let mut found: Vec<_> = below.flat_map(|below| doers(below, &path)).collect();
        if found.is_empty() {
            found.push((path, command.clone()));
        }
        found
    }

    /// The arguments of an example, without its variables, its comment, what follows it and where it reads from or writes to.
    fn arguments(example: &str) -> Vec<String> {
        // What stands in quotes is the command's own.
        let outside = |text: &str| text.matches('\'').count().is_multiple_of(2);
        let command =
            ["   #", " && ", " | ", " < ", " > "].iter().fold(example, |text, end| match text.split_once(end) {
                Some((before, _)) if outside(before) => before,
                _ => text,
            });
        let words = crate::import::shell::words(command).expect("a command");
        words.into_iter().skip_while(|word| word.contains('=') && !word.starts_with('-')).collect()
    }

    #[test]
    fn the_help_of_every_verb_and_sub_verb_has_an_example_of_it_and_every_example_can_be_typed() {
        for (path, mut command) in doers(&Cli::command(), &[]) {
            let help = command.render_long_help().to_string();
            let examples: Vec<Vec<String>> = help
                .lines()
                .skip_while(|line| !line.starts_with("Example"))
                .skip(1)
                .take_while(|line| !line.is_empty())
                .map(|line| arguments(line.trim()))
                .filter(|words| words.first().is_some_and(|program| program == "dlt"))
                .collect();
            assert!(examples.iter().any(|words| words.starts_with(&path)), "{path:?} has no example: {help}");
            for words in examples {
                let read = Cli::command().try_get_matches_from(&words);
                assert!(
                    read.is_ok(),
                    "{words:?} of {path:?}: {}",
                    read.err().map(|error| error.to_string()).unwrap_or_default()
                );
            }
        }
    }
}
