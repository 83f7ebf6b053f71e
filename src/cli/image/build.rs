//! `dlt image build`: the worker image as files, the same to the byte for the same worker.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Global, PartsArgs, make};
use crate::{
    cli::Output,
    deploy::report,
    exit::Exit,
    failure::Failure,
    release::{Image, bundle, image::layout},
    terminal,
};

/// Make the worker image as an OCI image layout, without Docker; the same worker gives the same bytes.
///
/// The image holds the static worker and CA certificates, nothing else. It runs as nobody in particular with a read-only
/// root. What is in it (CycloneDX) and how it was made (in-toto) are attached to it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt image build\n  dlt image build --out worker.tar && skopeo copy oci-archive:worker.tar:TAG docker-daemon:dlt-worker:TAG\n  dlt image build --platform linux/arm64 --out layout/"
)]
pub struct Args {
    #[command(flatten)]
    parts: PartsArgs,
    /// Where the layout goes: a directory, or one file that ends in `.tar`; nowhere unless given, only its digest is printed.
    #[arg(long, value_name = "DIR|FILE.tar")]
    out: Option<PathBuf>,
}

/// Makes the image and prints what it is.
///
/// # Errors
/// A worker or base that is not there, or a place that cannot be written to.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let parts = args.parts.gather().await?;
    let image = make(&parts.worker).await?;
    if let Some(out) = &args.out {
        write(out, &image, &parts.worker.tag).map_err(|error| {
            Failure::from_error(Exit::Invalid, format!("failed to write the image to `{}`", out.display()), &error)
        })?;
    }
    match global.output {
        Output::Json => terminal::print(&value(&image, &parts.worker.tag).to_string()),
        Output::Text => text(&image, &parts.worker.tag, args.out.as_deref()),
    }
    Ok(Exit::Done)
}

fn write(out: &Path, image: &Image, tag: &str) -> std::io::Result<()> {
    let files = layout::files(image, tag)?;
    if out.extension().is_some_and(|extension| extension == "tar") {
        return std::fs::write(out, bundle::archive(&files)?);
    }
    // A layout is a set: what an earlier image left would be in it too.
    if out.join("oci-layout").is_file() {
        std::fs::remove_dir_all(out)?;
    } else if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(std::io::Error::other("there is something in it that is no image layout"));
    }
    bundle::write_files(out, &files)
}

fn value(image: &Image, tag: &str) -> serde_json::Value {
    json!({
        "digest": image.digest(),
        "tag": tag,
        "platforms": image.machines.iter().map(|machine| machine.platform()).collect::<Vec<_>>(),
        "bytes": image.size(),
    })
}

fn text(image: &Image, tag: &str, out: Option<&Path>) {
    let platforms: Vec<String> = image.machines.iter().map(|machine| machine.platform()).collect();
    terminal::print(&format!("digest     {}", image.digest()));
    terminal::print(&format!("tag        {tag}"));
    terminal::print(&format!("platforms  {}", platforms.join(", ")));
    terminal::print(&format!("size       {} compressed", report::size(image.size())));
    if let Some(out) = out {
        terminal::print(&format!("written to {}", out.display()));
    }
}
