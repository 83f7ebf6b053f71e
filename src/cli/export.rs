//! `dlt export`: an environment for the tools that deploy everything else.

use std::path::{Path, PathBuf};

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{
    exit::Exit,
    export::terraform,
    failure::Failure,
    render::{self, Assets, Part},
    terminal,
};

/// Into what an environment can be exported.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Write a Terraform module that makes the main stack from a template in a storage bucket.
    Terraform(TerraformArgs),
}

/// Write a Terraform module that makes the main stack from a template in a storage bucket.
///
/// Its variables are the template's parameters, with what the environment's file says as defaults; its outputs are the template's.
/// What was uploaded (ArtifactBucket, CodeKey, WorkerImage, ConsolePrefix) is for you to say. Asks no network.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt export terraform qa\n  dlt export terraform qa --out modules/load-testing --force"
)]
pub struct TerraformArgs {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// The folder to write to [default: terraform/STACK].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

/// Does it.
///
/// # Errors
/// A wrong environment file, or files that are there already or cannot be written.
pub fn run(verb: &Verb, global: &Global) -> Result<Exit, Failure> {
    let Verb::Terraform(args) = verb;
    let config = args.environment.load()?;
    let fault =
        |what: &str, error: &(dyn std::error::Error + 'static)| Failure::from_error(Exit::Internal, what, error);
    let rendered =
        render::render(Part::Main, &config, &config.region).map_err(|error| fault("failed to render", &error))?;
    let stack = Part::Main.stack_name(&config);
    let mut values = render::parameters(Part::Main, &config, &config.region, &Assets::default());
    // What was uploaded is empty here; the module asks for it.
    values.retain(|_, value| !value.is_empty());
    let source = terraform::Source {
        stack: &stack,
        region: config.region.as_str(),
        template: &rendered.text,
        values: &values,
        tags: &config.tags,
    };
    let files = terraform::module(&source).map_err(|error| fault("failed to read our own template", &error))?;
    let folder = args.out.clone().unwrap_or_else(|| Path::new("terraform").join(&stack));
    let files: Vec<(PathBuf, String)> = files.into_iter().map(|(name, text)| (folder.join(name), text)).collect();
    write(&folder, &files, args.force)?;
    let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    terminal::print(&match global.output {
        Output::Text => names.join("\n"),
        Output::Json => serde_json::json!({ "folder": folder, "files": names }).to_string(),
    });
    Ok(Exit::Done)
}

/// Writes all files or none of them.
fn write(folder: &Path, files: &[(PathBuf, String)], force: bool) -> Result<(), Failure> {
    let there: Vec<String> =
        files.iter().filter(|(path, _)| path.exists()).map(|(path, _)| format!("`{}`", path.display())).collect();
    if !there.is_empty() && !force {
        let (verb, stay) = if there.len() == 1 { ("is", "stays as it is") } else { ("are", "stay as they are") };
        let failure = Failure::new(Exit::Guarded, format!("{} {verb} there already and {stay}", there.join(", ")));
        return Err(failure.hint("name another folder with `--out`, or `--force` to replace them"));
    }
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::from_error(Exit::Usage, format!("failed to write `{}`", path.display()), error)
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    files.iter().try_for_each(|(path, text)| std::fs::write(path, text).map_err(|error| failed(path, &error)))
}
