//! `dlt invite`: a user of the console, with or without an invitation to answer.

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{
    cloud::Cloud,
    deploy::{people, stacks},
    exit::Exit,
    failure::Failure,
    render::Part,
    terminal,
};

/// Invite a user of the console.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt invite ann@example.com --group operator dev")]
pub struct Args {
    /// The e-mail address. The user's name is the same with `-at-` for the `@`.
    #[arg(value_parser = people::email)]
    email: String,
    /// What the user may do: viewer reads, operator creates and runs scenarios too, admin does everything.
    #[arg(long, value_parser = people::group)]
    group: String,
    /// The Parameter Store SecureString with the permanent password; no invitation is sent then.
    #[arg(long, value_name = "NAME")]
    password_parameter: Option<String>,
    #[command(flatten)]
    environment: EnvironmentArgs,
}

/// Makes a user and puts it into a group.
///
/// # Errors
/// An environment that is not deployed, a parameter that is no SecureString, or a refusal of AWS.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &[]).await?;
    let clients = cloud.hub();
    let name = Part::Main.stack_name(&config);
    let outputs = stacks::look(&clients.cloudformation, &name).await?.outputs;
    let pool = outputs.get("UserPoolId").ok_or_else(|| {
        Failure::new(Exit::Invalid, format!("the stack `{name}` is not deployed")).hint("`dlt up` deploys it")
    })?;
    let silent = args.password_parameter.is_some();
    let made = people::invite(clients, pool, &args.email, &args.group, silent).await?;
    if let Some(parameter) = &args.password_parameter {
        people::set_password(clients, pool, &people::user_name(&args.email), parameter).await?;
    }
    match global.output {
        Output::Text => terminal::print(&told(args, made)),
        Output::Json => terminal::print(
            &serde_json::json!({ "user": people::user_name(&args.email), "email": args.email, "group": args.group, "made": made, "invited": made && !silent })
                .to_string(),
        ),
    }
    Ok(Exit::Done)
}

fn told(args: &Args, made: bool) -> String {
    let Args { email, group, password_parameter, .. } = args;
    let first = if made { "is now" } else { "was there, and is now also" };
    let first = format!("{email} {first} in {group}, as the user `{}`", people::user_name(email));
    match password_parameter {
        Some(parameter) => format!("{first}, with the password in the parameter `{parameter}`"),
        None if made => format!("{first}, and has an invitation by e-mail"),
        None => first,
    }
}
