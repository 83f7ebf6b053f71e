//! `dlt release`: everything that ships, in one directory, with one file that names it all.

use std::path::PathBuf;

use super::{Global, Output, plan::ReleaseArgs};
use crate::{
    deploy::report,
    exit::Exit,
    failure::Failure,
    release::{
        Release, bundle,
        manifest::{self, FILE, Manifest},
        place,
    },
    terminal,
};

/// How many digits of a digest are shown.
const DIGITS: usize = 12;

/// Pack everything that ships into one directory: functions, worker image, console, templates, and this program.
///
/// `release.json` names the digest of each. The same parts give the same bytes. The program in the directory carries the
/// whole release, so that it can deploy from anywhere by itself: `up` needs nothing else.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt release --out dist\n  dlt release --release target/x86_64-unknown-linux-gnu/release --out dist && dist/dlt up dev"
)]
pub struct Args {
    /// Where the release goes; an earlier release there is replaced.
    #[arg(long, value_name = "DIR", default_value = "release")]
    out: PathBuf,
    #[command(flatten)]
    release: ReleaseArgs,
}

/// Packs a release and prints what is in it.
///
/// # Errors
/// Parts that are not there, or a directory that cannot be written to.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let release = Release::find(args.release.release.as_deref())?;
    let out = args.out.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let program = std::env::current_exe().and_then(|path| place::bare(&path));
        let program =
            program.map_err(|error| Failure::from_error(Exit::Internal, "failed to read this very program", &error))?;
        let packed = manifest::pack(&release, &program)?;
        bundle::write(&out, &packed, &program)?;
        Ok::<_, Failure>(packed.manifest)
    });
    let manifest =
        packed.await.map_err(|error| Failure::from_error(Exit::Internal, "failed to pack the release", &error))??;
    match global.output {
        Output::Json => terminal::print(&serde_json::json!(manifest).to_string()),
        Output::Text => {
            terminal::print(&text(&manifest));
            terminal::say(&format!(
                "written to {}; `dlt up ENV --release {0}` deploys it",
                args.out.join(FILE).display()
            ));
        }
    }
    Ok(Exit::Done)
}

fn text(manifest: &Manifest) -> String {
    let Manifest { functions, worker_image, console, templates, program, .. } = manifest;
    let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    let line = |what: &str, size: String, name: &str| format!("{what:<12}  {size:>8}  {name}");
    [
        line("functions", report::size(functions.file.bytes), &short(&functions.file.sha256)),
        line(
            "worker image",
            report::size(worker_image.bytes),
            &format!("{}  {}", short(&worker_image.digest), worker_image.platforms.join(", ")),
        ),
        line("console", files(console.files.len()), console.prefix.as_deref().map(short).unwrap_or_default().as_str()),
        line("templates", files(templates.files.len()), ""),
        line("program", report::size(program.bytes), &short(&program.sha256)),
    ]
    .map(|line| line.trim_end().to_owned())
    .join("\n")
}

/// As many digits of a digest as tell things apart; `release.json` has all of them.
fn short(digest: &str) -> String {
    let digits = digest.rsplit([':', '/']).next().unwrap_or(digest);
    digits.chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_cut_whatever_stands_before_it() {
        let digits = "0123456789abcdef";
        for text in [digits.to_owned(), format!("sha256:{digits}"), format!("console/{digits}")] {
            assert_eq!(short(&text), "0123456789ab");
        }
    }
}
