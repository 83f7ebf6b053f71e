//! `dlt config`: the effective settings of an environment.

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{config::Setting, exit::Exit, failure::Failure, terminal};

/// Arguments of `dlt config`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt config dev --origin")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Say beside every value where it came from: default, line of the file, variable or flag.
    #[arg(long)]
    origin: bool,
}

/// Prints the effective settings.
///
/// # Errors
/// An environment file that cannot be read or is wrong.
pub fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    match global.output {
        Output::Json => {
            let text = serde_json::to_string_pretty(config.settings()).expect("settings are texts");
            terminal::print(&text);
        }
        Output::Text => lines(config.settings(), args.origin).iter().for_each(|line| terminal::print(line)),
    }
    Ok(Exit::Done)
}

/// One line for each setting, its columns aligned.
fn lines(settings: &[Setting], origin: bool) -> Vec<String> {
    let width =
        |of: fn(&Setting) -> &str| settings.iter().map(|setting| of(setting).chars().count()).max().unwrap_or_default();
    let (key, value) = (width(|setting| &setting.key), width(|setting| &setting.value));
    let line = |setting: &Setting| match origin {
        true => format!("{:key$}  {:value$}  {}", setting.key, setting.value, setting.origin),
        false => format!("{:key$}  {}", setting.key, setting.value),
    };
    settings.iter().map(line).collect()
}
