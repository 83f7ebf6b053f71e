//! `dlt image list`: which worker images an environment's registries hold, and who needs them.

use comfy_table::{Table, presets};
use futures::future::try_join_all;

use super::Global;
use crate::{
    cli::{Output, environment::EnvironmentArgs},
    cloud::Cloud,
    deploy::report,
    exit::Exit,
    failure::Failure,
    release::repository::{self, Stored},
    terminal,
};

/// How many digits of a digest tell images apart.
const DIGITS: usize = 12;

/// List the worker images of an environment: how large, pushed when, used by whom.
///
/// Those that are deployed stay, of the others the last thirty, by the repository's lifecycle rules. With --all, parts of
/// images and what is attached to them are listed too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt image list dev")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Also list what bears no tag: images of an index, bills of materials, provenance.
    #[arg(long)]
    all: bool,
}

/// Prints the images, the latest of every region first.
///
/// # Errors
/// A wrong environment file, or a refusal of AWS.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let stack = config.stack.to_string();
    let images = try_join_all(cloud.regions().map(|region| repository::images(&cloud, region, &stack))).await?;
    let images: Vec<Stored> = images.into_iter().flatten().filter(|image| args.all || is_release(image)).collect();
    match global.output {
        Output::Json => terminal::print(&serde_json::json!(images).to_string()),
        Output::Text if images.is_empty() => {
            terminal::say(&format!("no images: `dlt up` or `dlt image push` brings one to `{stack}/worker`"));
        }
        Output::Text => terminal::print(&table(&images)),
    }
    Ok(Exit::Done)
}

/// What a person pushed, rather than a part of it.
fn is_release(image: &Stored) -> bool {
    image.tags.iter().any(|tag| !tag.starts_with("sha256-")) || !image.used_by.is_empty()
}

fn table(images: &[Stored]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["region", "image", "size", "pushed (UTC)", "used by"]);
    for image in images {
        let digest: String = image.digest.trim_start_matches("sha256:").chars().take(DIGITS).collect();
        let kind = if image.kind == "image" { String::new() } else { format!(" ({})", image.kind) };
        let used = if image.used_by.is_empty() { "–".to_owned() } else { image.used_by.join(", ") };
        table.add_row([
            image.region.to_string(),
            format!("{digest}{kind}"),
            image.bytes.map(report::size).unwrap_or_default(),
            image.pushed_ms.map(day).unwrap_or_default(),
            used,
        ]);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn day(pushed_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(pushed_ms).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_size_time_and_users_and_leaves_out_parts() {
        let image = |digest: &str, tags: &[&str], used_by: &[&str]| Stored {
            region: "eu-west-1".parse().unwrap(),
            digest: format!("sha256:{}", digest.repeat(64)),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            kind: if digest == "b" { "index" } else { "image" }.to_owned(),
            bytes: Some(6_543_210),
            pushed_ms: Some(1_795_000_000_000),
            used_by: used_by.iter().map(|user| (*user).to_owned()).collect(),
        };
        let content = format!("content-{}", "1".repeat(40));
        let images = [
            image("a", &[&content, "deployed-aaaaaaaaaaaaaaaa"], &["dlt-shop-worker:3", "2 workers"]),
            image("b", &[&content], &[]),
            image("c", &[], &[]),
            image("d", &["sha256-dddd"], &[]),
        ];
        assert_eq!(images.iter().filter(|image| is_release(image)).count(), 2);
        insta::assert_snapshot!(table(&images[..2]));
    }
}
