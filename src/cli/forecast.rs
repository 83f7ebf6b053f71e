//! `dlt check SCENARIO`: what a run will be, before it is one.

use std::path::Path;

use dlt_model::{
    document,
    duration::Duration,
    forecast::{ASSUMED_LATENCY, Assumptions, Forecast, Size},
    id::Region,
    scenario::{Scenario, Sources},
};

use super::Output;
use crate::{
    exit::Exit, failure::Failure, report::forecast as page, report::summary::Paint, sources::Beside, terminal,
};

/// Keys by which a file is known to be a scenario rather than an environment.
const KEYS: [&str; 9] = [
    "load",
    "requests",
    "flows",
    "testScenario",
    "testTaskConfigs",
    "testName",
    "execution",
    "scenarios",
    "thresholds",
];
/// Scripts of other tools, which are refused with a word.
const SCRIPTS: [&str; 6] = ["jmx", "js", "ts", "mjs", "py", "zip"];
/// What a worker is unless an environment says otherwise.
pub(super) const SIZE: Size = Size { vcpus: 2.0, memory_gib: 4.0, arm: false };

/// What may be assumed of a target and of a place.
#[derive(Debug, clap::Args)]
pub struct Assumed {
    /// How long an answer of a scenario's target takes, for the estimate: `250ms`.
    #[arg(long, value_name = "DURATION")]
    latency: Option<Duration>,
    /// Where a scenario runs that names no region, for its price: `eu-west-1`.
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,
}

/// Whether an argument is the file of a scenario.
pub(super) fn is_scenario(argument: &str) -> bool {
    let path = Path::new(argument);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !path.is_file() {
        return false;
    }
    if SCRIPTS.contains(&extension) {
        return true;
    }
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    match document::parse(&text) {
        Ok(root) => KEYS.iter().any(|key| root.get(key).is_some()),
        // A file that is no YAML yet is told by how its lines begin.
        Err(_) => {
            KEYS.iter().any(|key| text.lines().any(|line| line.trim_start_matches(['"', ' ', '{']).starts_with(key)))
        }
    }
}

/// Thinks one scenario through.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn of(argument: &str, assumed: &Assumed) -> Result<Forecast, Failure> {
    let path = Path::new(argument);
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::from_error(Exit::Usage, format!("failed to read the scenario `{argument}`"), &error)
    })?;
    let beside = Beside::of(path);
    let file = |name: &str| beside.read(name);
    let sources = Sources { variable: &super::run::variable, file: &file };
    let region = assumed.region.clone().unwrap_or_else(Region::local);
    let (scenario, warnings) = Scenario::read(argument, &text, &sources, Some(&region))
        .map_err(|problems| Failure::invalid(argument, problems))?;
    let assumptions = Assumptions { latency: assumed.latency.unwrap_or(ASSUMED_LATENCY), size: SIZE };
    let mut forecast =
        Forecast::new(&scenario, &assumptions).map_err(|problems| Failure::invalid(argument, problems))?;
    forecast.warnings.splice(0..0, warnings.iter().map(ToString::to_string));
    Ok(forecast)
}

/// Prints what was thought: pages one after the other, or one JSON value.
pub(super) fn show(forecasts: &[Forecast], output: Output) {
    match (output, forecasts) {
        (Output::Json, [one]) => terminal::print(&serde_json::to_string_pretty(one).expect("a forecast is plain data")),
        (Output::Json, several) => {
            terminal::print(&serde_json::to_string_pretty(several).expect("forecasts are plain data"));
        }
        (Output::Text, several) => {
            let paint = Paint::new(console::colors_enabled());
            let pages: Vec<String> = several.iter().map(|forecast| page::text(forecast, &paint)).collect();
            terminal::print(pages.join("\n").trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::FIELDS;

    #[test]
    fn a_worker_is_what_an_environment_has_unless_it_says_otherwise() {
        let default = |key: &str| FIELDS.iter().find(|field| field.key == key).and_then(|field| field.default);
        assert_eq!(default("worker.cpu"), Some("2048"));
        assert_eq!(default("worker.memory"), Some("4096"));
        assert_eq!(default("worker.architecture"), Some("x86_64"));
        assert_eq!((SIZE.vcpus * 1_024.0, SIZE.memory_gib * 1_024.0, SIZE.arm), (2_048.0, 4_096.0, false));
    }

    #[test]
    fn scenarios_are_told_from_environments_by_what_they_say() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("the folder is ours");
            path.display().to_string()
        };
        assert!(is_scenario(&file("a.yaml", "name: a\nload: {}\n")));
        assert!(is_scenario(&file("b.json", "{\"testName\": \"a\"}")));
        assert!(is_scenario(&file("c.yaml", "name: a\nrequests: [\n")));
        assert!(is_scenario(&file("d.jmx", "<x/>")));
        assert!(!is_scenario(&file("e.yaml", "stack: a\nregion: eu-west-1\n")));
        assert!(!is_scenario("dev"));
    }
}
