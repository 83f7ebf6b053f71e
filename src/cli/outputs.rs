//! `dlt outputs`: the values of an environment, for people and for scripts.

use std::collections::BTreeMap;

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{cloud::Cloud, deploy::stacks, exit::Exit, failure::Failure, render::Part, terminal};

/// Print the values of an environment, such as the address of its API.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt outputs dev --get ApiEndpoint")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Print only the value with this name, such as `ApiEndpoint`.
    #[arg(long, value_name = "KEY")]
    get: Option<String>,
}

/// Prints the outputs of the main stack.
///
/// # Errors
/// An environment that is not deployed, or a value that it does not have.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &[]).await?;
    let name = Part::Main.stack_name(&config);
    let outputs = stacks::look(&cloud.hub().cloudformation, &name).await?.outputs;
    if outputs.is_empty() {
        let message = format!("the stack `{name}` in {} has no outputs: it is not deployed", config.region);
        return Err(Failure::new(Exit::Invalid, message).hint("`dlt up` deploys it"));
    }
    match (&args.get, global.output) {
        (Some(key), _) => terminal::print(value(&outputs, key)?),
        (None, Output::Json) => terminal::print(&serde_json::json!(outputs).to_string()),
        (None, Output::Text) => print(&outputs),
    }
    Ok(Exit::Done)
}

fn value<'a>(outputs: &'a BTreeMap<String, String>, key: &str) -> Result<&'a String, Failure> {
    outputs.get(key).ok_or_else(|| {
        let failure = Failure::new(Exit::Usage, format!("there is no output `{key}`"));
        match dlt_model::problem::suggest(key, outputs.keys().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint(format!("there are: {}", outputs.keys().cloned().collect::<Vec<_>>().join(", "))),
        }
    })
}

/// Prints values with their names, in columns.
pub fn print(outputs: &BTreeMap<String, String>) {
    let widest = outputs.keys().map(String::len).max().unwrap_or_default();
    for (name, value) in outputs {
        terminal::print(&format!("{name:<widest$}  {value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_output_is_met_with_the_right_one() {
        let outputs = BTreeMap::from([("ApiEndpoint".to_owned(), "https://a".to_owned())]);
        assert_eq!(value(&outputs, "ApiEndpoint").unwrap(), "https://a");
        let failure = value(&outputs, "ApiEndpont").unwrap_err();
        assert_eq!((failure.exit, failure.hints[0].as_str()), (Exit::Usage, "did you mean `ApiEndpoint`?"));
    }
}
