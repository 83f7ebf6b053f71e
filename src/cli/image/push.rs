//! `dlt image push`: the worker image into the registries of an environment, or into any other.

use std::time::{Duration, Instant};

use console::Term;
use futures::future::join_all;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{Global, PartsArgs, login, make};
use crate::{
    cli::{Output, environment::EnvironmentArgs},
    cloud::Cloud,
    deploy::{engine, report},
    exit::Exit,
    failure::Failure,
    release::{
        self, Image,
        registry::{self, Meter, Pushed, Reference, Registry, Sent},
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
        Some(to) => vec![elsewhere(to, &parts.worker.tag)?],
        None => of_environment(args, &parts.worker.tag).await?,
    };
    let image = make(&parts.worker).await?;
    let bars = Bars::new(global.output);
    let pushes = destinations.iter().map(|destination| push(destination, &image, &bars));
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for result in join_all(pushes).await {
        match result {
            Ok(line) => lines.push(line),
            Err(failure) => failures.push(failure),
        }
    }
    match global.output {
        Output::Json => terminal::print(&serde_json::json!(lines).to_string()),
        Output::Text => lines.iter().for_each(|line| terminal::print(&line.image)),
    }
    engine::worst(failures).map_or(Ok(Exit::Done), Err)
}

fn elsewhere(to: &str, content_tag: &str) -> Result<Destination, Failure> {
    let reference = Reference::parse(to)?;
    if reference.digest.is_some() {
        return Err(Failure::new(Exit::Usage, format!("`{to}` names a digest, which follows from the image"))
            .hint("give it a tag, or nothing"));
    }
    let (host, repository) = (reference.answering_host(), reference.repository.clone());
    let registry = Registry::new(host, reference.is_local(), repository, login(&reference)?)?;
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

async fn push(destination: &Destination, image: &Image, bars: &Bars) -> Result<Line, Failure> {
    let Destination { registry, tag, place } = destination;
    let began = Instant::now();
    let meter = bars.meter(place);
    let pushed = registry::push(registry, image, tag, &meter).await.map_err(|mut trouble| {
        trouble.doing = format!("{} at `{place}`", trouble.doing);
        trouble
    })?;
    let took = began.elapsed();
    bars.say(&told(place, &pushed, took));
    Ok(Line { image: format!("{place}@{}", image.digest()), tag: tag.clone(), pushed, took_ms: took.as_millis() })
}

fn told(place: &str, pushed: &Pushed, took: Duration) -> String {
    let secs = took.as_secs_f64();
    match pushed {
        Pushed { bytes_sent: 0, .. } => format!("· {place} has it already ({secs:.1}s)"),
        Pushed { blobs_sent, blobs_present, bytes_sent } => {
            let size = report::size(*bytes_sent);
            format!(
                "✓ {place}: {size} sent, {blobs_sent} new layers and files, {blobs_present} there already ({secs:.1}s)"
            )
        }
    }
}

/// A bar for every place on a terminal, and a line at the end everywhere but in JSON.
struct Bars {
    output: Output,
    bars: MultiProgress,
}

impl Bars {
    fn new(output: Output) -> Self {
        let draws = output == Output::Text && Term::stderr().is_term();
        let target = if draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { output, bars: MultiProgress::with_draw_target(target) }
    }

    fn meter(&self, place: &str) -> Meter {
        let template = "{bar:20.cyan/dim} {bytes} / {total_bytes} {wide_msg}";
        let style = ProgressStyle::with_template(template).expect("a constant template");
        let bar = self.bars.add(ProgressBar::no_length().with_style(style).with_message(place.to_owned()));
        Meter::new(move |Sent { sent, total }| {
            bar.set_length(total);
            bar.set_position(sent);
            if sent == total {
                bar.finish_and_clear();
            }
        })
    }

    fn say(&self, line: &str) {
        if self.output == Output::Text {
            self.bars.suspend(|| terminal::say(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_told_apart_from_what_was_sent() {
        let pushed = Pushed { blobs_sent: 2, blobs_present: 3, bytes_sent: 1_234_567 };
        assert_eq!(
            told("r.example/a", &pushed, Duration::from_millis(1_250)),
            "✓ r.example/a: 1.2 MB sent, 2 new layers and files, 3 there already (1.2s)"
        );
        assert!(told("r.example/a", &Pushed::default(), Duration::ZERO).contains("has it already"));
    }

    #[test]
    fn a_destination_with_a_digest_is_refused_and_one_without_a_tag_gets_the_contents() {
        let digest = format!("registry.example/a@sha256:{}", "a".repeat(64));
        assert_eq!(elsewhere(&digest, "content-1").err().map(|it| it.exit), Some(Exit::Usage));
        assert_eq!(elsewhere("127.0.0.1:1/a", "content-1").ok().map(|it| it.tag), Some("content-1".to_owned()));
    }
}
