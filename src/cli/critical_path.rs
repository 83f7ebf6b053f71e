//! `dlt render --critical-path`: what a deployment waits for, without any network.

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::id::Region;

use crate::{
    config::Config,
    exit::Exit,
    failure::Failure,
    render::{self, Assets, Part},
    timing::{durations, estimate, graph::Graph, page::CriticalPath},
};

/// The longest chain of one template of an environment.
///
/// # Errors
/// A template that cannot be rendered or read, which is a fault of ours.
pub(super) fn of(part: Part, config: &Config, region: &Region) -> Result<CriticalPath, Failure> {
    let graph = graph(part, config, region)?;
    let mut all = Vec::new();
    for part in Part::ALL {
        for region in part.regions(config) {
            all.push((part, self::graph(part, config, &region)?));
        }
    }
    let kinds = graph.resources.values().map(|resource| resource.kind.clone());
    let untimed: BTreeSet<String> = kinds.filter(|kind| !durations::knows(kind)).collect();
    Ok(CriticalPath {
        part,
        stack: part.stack_name(config),
        region: region.clone(),
        resources: graph.resources.len(),
        chain: estimate::creation(&graph),
        untimed: untimed.into_iter().collect(),
        environment: estimate::from_nothing(all.iter().map(|(part, graph)| (*part, graph))),
        source: durations::SOURCE,
    })
}

fn graph(part: Part, config: &Config, region: &Region) -> Result<Graph, Failure> {
    let rendered = render::render(part, config, region)
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to render", &error))?;
    let parameters = match part {
        // What a pipeline's parameters say decides nothing about what waits for what.
        Part::Pipeline => BTreeMap::new(),
        _ => render::parameters(part, config, region, &nothing_uploaded()),
    };
    Graph::of(&rendered.text, &parameters)
        .map_err(|why| Failure::new(Exit::Internal, format!("failed to read the {} template: {why}", part.word())))
}

/// What is uploaded decides nothing about what waits for what.
fn nothing_uploaded() -> Assets {
    let none = String::new;
    Assets { artifact_bucket: none(), code_key: none(), worker_image: none(), console_prefix: none() }
}
