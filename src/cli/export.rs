//! `dlt export`: an environment for the tools that deploy everything else.

use std::path::{Path, PathBuf};

use super::{Global, Output, environment::EnvironmentArgs, plan::ReleaseArgs};
use crate::{
    config::{Config, Console},
    exit::Exit,
    export::{
        shipped::{FOLDER, Shipped},
        terraform,
    },
    failure::Failure,
    release::{
        Release, bundle,
        manifest::{self, Manifest, Packed},
        place,
    },
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
/// What was uploaded (ArtifactBucket, CodeKey, WorkerImage, ConsolePrefix) is for you to say, unless the module has the release
/// in it (--with-release): then one `terraform apply` makes the foundation, uploads everything, and makes the stack. Asks no network.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt export terraform qa\n  dlt export terraform qa --with-release && terraform -chdir=terraform/dlt-qa apply\n  dlt export terraform qa --out modules/load-testing --force"
)]
pub struct TerraformArgs {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// The folder to write to [default: terraform/STACK].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Put the release into the module too, so that nothing has to be uploaded before.
    #[arg(long)]
    with_release: bool,
    #[command(flatten)]
    release: ReleaseArgs,
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
    let packed = args.with_release.then(|| pack(&args.release)).transpose()?;
    let shipped =
        packed.as_ref().map(|(release, packed, _)| shipped(&config, release, &packed.manifest)).transpose()?;
    let source = terraform::Source {
        stack: &stack,
        region: config.region.as_str(),
        template: &rendered.text,
        values: &values,
        tags: &config.tags,
        shipped: shipped.as_ref(),
    };
    let files = terraform::module(&source).map_err(|error| fault("failed to read our own template", &error))?;
    let folder = args.out.clone().unwrap_or_else(|| Path::new("terraform").join(&stack));
    let files: Vec<(PathBuf, String)> = files.into_iter().map(|(name, text)| (folder.join(name), text)).collect();
    write(&folder, &files, args.force)?;
    let mut names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    if let Some((_, packed, program)) = &packed {
        let release = folder.join(FOLDER);
        bundle::write(&release, packed, program)?;
        names.push(release.join(manifest::FILE).display().to_string());
    }
    terminal::print(&match global.output {
        Output::Text => names.join("\n"),
        Output::Json => serde_json::json!({ "folder": folder, "files": names }).to_string(),
    });
    Ok(Exit::Done)
}

/// A release with its files and the program that belongs to it.
fn pack(args: &ReleaseArgs) -> Result<(Release, Packed, Vec<u8>), Failure> {
    let release = Release::find(args.release.as_deref())?;
    let program = std::env::current_exe().and_then(|path| place::bare(&path));
    let program =
        program.map_err(|error| Failure::from_error(Exit::Internal, "failed to read this very program", &error))?;
    let packed = manifest::pack(&release, &program)?;
    Ok((release, packed, program))
}

/// What the module says of the release.
fn shipped(config: &Config, release: &Release, manifest: &Manifest) -> Result<Shipped, Failure> {
    release.fits(config)?;
    let foundation = render::render(Part::Foundation, config, &config.region)
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to render", &error))?;
    let console = &release.console;
    let files = || console.files.iter().map(|file| (file.path.clone(), file.content_type())).collect();
    let image = &manifest.worker_image;
    Ok(Shipped {
        foundation: foundation.text,
        code_key: release.functions.key.clone(),
        console: (config.console == Console::Cloudfront).then(|| (console.prefix.clone(), files())),
        image: config.worker_image.is_none().then(|| (image.tag.clone(), image.digest.clone())),
    })
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
