//! `dlt render`: the templates as they would be deployed, without any network.

use dlt_model::{id::Region, problem::suggest};

use super::{Global, Output, critical_path, environment::EnvironmentArgs};
use crate::{
    config::Config,
    exit::Exit,
    failure::Failure,
    render::{self, Part},
    terminal,
};

/// Arguments of `dlt render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dlt render dev --part regional\n  dlt render dev --critical-path")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Which template.
    #[arg(long, value_enum, default_value_t = Part::Main)]
    part: Part,
    /// For which of the environment's regions; the first that the template is deployed to unless given.
    #[arg(long)]
    region: Option<String>,
    /// Instead of the template print the longest chain of what waits for what in it, with seconds.
    #[arg(long)]
    critical_path: bool,
}

/// Prints one template.
///
/// # Errors
/// An environment file that is wrong, or a region that the template is not deployed to.
pub fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let region = region(args, &config)?;
    if args.critical_path {
        let path = critical_path::of(args.part, &config, &region)?;
        match global.output {
            Output::Text => terminal::print(path.text().trim_end()),
            Output::Json => terminal::print(&serde_json::json!(path).to_string()),
        }
        return Ok(Exit::Done);
    }
    let rendered = render::render(args.part, &config, &region)
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to render", &error))?;
    match global.output {
        Output::Text => terminal::print(rendered.text.trim_end_matches('\n')),
        Output::Json => {
            let stack = args.part.stack_name(&config);
            let value =
                serde_json::json!({"part": args.part, "stack": stack, "region": region, "template": rendered.text});
            terminal::print(&value.to_string());
        }
    }
    Ok(Exit::Done)
}

fn region(args: &Args, config: &Config) -> Result<Region, Failure> {
    let part = args.part.word();
    let regions = args.part.regions(config);
    let Some(first) = regions.first() else {
        return Err(Failure::new(
            Exit::Usage,
            format!("this environment has no {part} stack: it lists no more `regions`"),
        ));
    };
    let Some(wanted) = &args.region else { return Ok(first.clone()) };
    regions.iter().find(|region| region.as_str() == wanted).cloned().ok_or_else(|| {
        let names: Vec<&str> = regions.iter().map(Region::as_str).collect();
        let failure = Failure::new(Exit::Usage, format!("the {part} template is not deployed to `{wanted}`"));
        match suggest(wanted, names.iter().copied()) {
            Some(region) => failure.hint(format!("did you mean `{region}`?")),
            None => failure.hint(format!("its regions are: {}", names.join(", "))),
        }
    })
}
