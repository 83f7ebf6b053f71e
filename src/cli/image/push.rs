//! `dlt image push`: the worker image into the registries of an environment, or into any other.

use std::time::{Duration, Instant};

use console::Term;
use futures::future::{join_all, try_join_all};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{Global, PartsArgs, make};
use crate::{
    cli::{Output, environment::EnvironmentArgs},
    cloud::Cloud,
    deploy::{outcome, report},
    exit::Exit,
    failure::Failure,
    release::{
        self, Image, named,
        registry::{self, Meter, Pushed, Reference, Registry, Sent, Trouble},
    },
    terminal,
};

/// Push the worker image to the registries of an environment, or to any other, without Docker.
///
/// What a registry has is not sent again, and an upload that breaks goes on from where it had come to. `up` does the same
/// by itself; this is for who wants to push before, or elsewhere.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt image push dev\n  dlt image push --to registry.example/team/dlt-worker:1\n  dlt image push --to registry.example/team/worker-full:1 --base docker.io/grafana/k6@sha256:…"
)]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Push there instead of to the environment's registries; without a tag, the one that names the content is used.
    #[arg(long, value_name = "REF")]
    to: Option<String>,
    #[command(flatten)]
    parts: PartsArgs,
}

/// A place that an image is pushed to.
struct Destination {
    registry: Registry,
    tag: String,
    /// What a task definition would name, without the digest.
    place: String,
}

/// What was pushed to where.
#[derive(Serialize)]
struct Line {
    #[serde(skip)]
    place: String,
    image: String,
    tag: String,
    #[serde(flatten)]
    pushed: Pushed,
    took_ms: u128,
}

/// Pushes the image to all places at once.
///
/// # Errors
/// A worker or base that is not there, or what a registry refused; the other registries have got theirs.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let parts = args.parts.gather().await?;
    let destinations = match &args.to {
        Some(to) => vec![elsewhere(to, &parts.worker.tag).await?],
        None => of_environment(args, &parts.worker.tag).await?,
    };
    let bars = Bars::new(global.output);
    // Who cannot be pushed to at all is known before anything is made.
    let looks = destinations.iter().map(|destination| look(destination, &parts.worker.tag));
    let present: Option<Vec<Line>> = try_join_all(looks).await?.into_iter().collect();
    let results = match present {
        Some(lines) => lines.into_iter().map(Ok).collect(),
        None => {
            let image = make(&parts.worker).await?;
            join_all(destinations.iter().map(|destination| push(destination, &image, &bars))).await
        }
    };
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(line) => lines.push(line),
            Err(failure) => failures.push(failure),
        }
    }
    match global.output {
        Output::Json => terminal::print(&serde_json::json!(lines).to_string()),
        Output::Text => lines.iter().for_each(|line| {
            terminal::say(&told(line));
            terminal::print(&line.image);
        }),
    }
    outcome::worst(failures).map_or(Ok(Exit::Done), Err)
}

async fn elsewhere(to: &str, content_tag: &str) -> Result<Destination, Failure> {
    let reference = Reference::parse(to)?;
    if reference.digest.is_some() {
        return Err(Failure::new(Exit::Usage, format!("`{to}` names a digest, which follows from the image"))
            .hint("give it a tag, or nothing"));
    }
    let registry = named::registry(&reference).await?;
    let tag = reference.tag.clone().unwrap_or_else(|| content_tag.to_owned());
    Ok(Destination { registry, tag, place: reference.place() })
}

async fn of_environment(args: &Args, tag: &str) -> Result<Vec<Destination>, Failure> {
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let places = release::places(&cloud, config.stack.as_str());
    let destination = |upload: release::Upload| {
        let host = release::registry_host(&cloud.identity.account, &upload.region);
        let place = format!("{host}/{}", upload.repository);
        Ok(Destination { registry: upload.registry(&cloud)?, tag: tag.to_owned(), place })
    };
    places.into_iter().map(destination).collect()
}

/// Whether a registry has the very image under the tag that names its content, in which case it need not even be made.
async fn look(destination: &Destination, content_tag: &str) -> Result<Option<Line>, Failure> {
    let Destination { registry, tag, place } = destination;
    if tag != content_tag {
        return Ok(None);
    }
    let began = Instant::now();
    let digest = match registry.enter().await {
        Ok(()) => registry.manifest_digest(tag).await,
        Err(trouble) => Err(trouble),
    };
    let digest = digest.map_err(|trouble| at(place, trouble))?;
    let took_ms = began.elapsed().as_millis();
    Ok(digest.map(|digest| Line {
        place: place.clone(),
        image: format!("{place}@{digest}"),
        tag: tag.clone(),
        pushed: Pushed::default(),
        took_ms,
    }))
}

fn at(place: &str, mut trouble: Trouble) -> Trouble {
    trouble.doing = format!("{} at `{place}`", trouble.doing);
    trouble
}

async fn push(destination: &Destination, image: &Image, bars: &Bars) -> Result<Line, Failure> {
    let Destination { registry, tag, place } = destination;
    let began = Instant::now();
    let meter = bars.meter(place);
    let pushed = registry::push(registry, image, tag, &meter).await.map_err(|trouble| at(place, trouble))?;
    let (image, took_ms) = (format!("{place}@{}", image.digest()), began.elapsed().as_millis());
    Ok(Line { place: place.clone(), image, tag: tag.clone(), pushed, took_ms })
}

fn told(line: &Line) -> String {
    let (place, secs) =
        (&line.place, Duration::from_millis(u64::try_from(line.took_ms).unwrap_or(u64::MAX)).as_secs_f64());
    match &line.pushed {
        Pushed { bytes_sent: 0, .. } => format!("· {place} has it already ({secs:.1}s)"),
        Pushed { blobs_sent, blobs_present, bytes_sent } => {
            let size = report::size(*bytes_sent);
            format!("✓ {place}: {size} sent, {blobs_sent} parts new, {blobs_present} there already ({secs:.1}s)")
        }
    }
}

/// A bar for every place that something is sent to, on a terminal.
struct Bars(MultiProgress);

impl Bars {
    fn new(output: Output) -> Self {
        let draws = output == Output::Text && Term::stderr().is_term();
        let target = if draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self(MultiProgress::with_draw_target(target))
    }

    fn meter(&self, place: &str) -> Meter {
        let template = "{bar:20.cyan/dim} {bytes} / {total_bytes} {wide_msg}";
        let style = ProgressStyle::with_template(template).expect("a constant template");
        let bar = self.0.add(ProgressBar::no_length().with_style(style).with_message(place.to_owned()));
        Meter::new(move |Sent { sent, total }| {
            bar.set_length(total);
            bar.set_position(sent);
            if sent == total {
                bar.finish_and_clear();
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_told_apart_from_what_was_sent() {
        let line = |pushed| Line {
            place: "r.example/a".to_owned(),
            image: String::new(),
            tag: String::new(),
            pushed,
            took_ms: 1_250,
        };
        let sent = line(Pushed { blobs_sent: 2, blobs_present: 3, bytes_sent: 1_234_567 });
        assert_eq!(told(&sent), "✓ r.example/a: 1.2 MB sent, 2 parts new, 3 there already (1.2s)");
        assert!(told(&line(Pushed::default())).contains("has it already"));
    }

    #[tokio::test]
    async fn a_destination_with_a_digest_is_refused_and_one_without_a_tag_gets_the_contents() {
        let digest = format!("registry.example/a@sha256:{}", "a".repeat(64));
        assert_eq!(elsewhere(&digest, "content-1").await.err().map(|it| it.exit), Some(Exit::Usage));
        assert_eq!(elsewhere("127.0.0.1:1/a", "content-1").await.ok().map(|it| it.tag), Some("content-1".to_owned()));
    }
}
