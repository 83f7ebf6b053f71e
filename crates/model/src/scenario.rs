//! A scenario: which load, from where, doing what, and what must be true of it.
//!
//! One type for every format: [`native`] reads our YAML, [`dlt_json`] reads and writes AWS DLT's JSON, and `taurus` reads what
//! AWS DLT took over from there. The canonical JSON of the store is this type as serde writes it.

mod body;
pub mod dlt_json;
mod limits;
pub mod native;
mod patterns;
pub mod schema;
pub mod sources;
mod substitute;
mod taurus;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::limits::{
    MAX_BODY_BYTES, MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, MAX_REQUESTS, MAX_STAGE_MS, MAX_TAG_LENGTH, MAX_TAGS,
    MAX_URL_LENGTH, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS, METHODS, MIN_NAME_LENGTH,
};
pub use self::sources::{MAX_FILES_BYTES, Sources};
pub use crate::program::{Expect, Request};
use crate::{
    document,
    duration::Duration,
    gate::Clause,
    id::Region,
    load::Execution,
    problem::{Problem, Problems, suggest},
    program::Program,
};

/// Something that is allowed and that the writer should know: ignored, reduced, or probably not meant.
pub type Warning = Problem;

/// What a load test is, whatever it was written in. Readers guarantee the limits of this module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// What people call it; `testName` in AWS DLT.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How its iterations are described.
    #[serde(default)]
    pub kind: Kind,
    /// Where the load comes from: at least one region, each once.
    pub fleet: Vec<RegionLoad>,
    /// How much of which flow is run at which time, by all regions together: at least one execution.
    pub load: Vec<Execution>,
    /// What virtual users do: at least the flows that the executions name.
    pub program: Program,
    /// What must be true of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Clause>,
    /// Words to find it by, in lower case with hyphens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether live data is wanted.
    #[serde(default)]
    pub show_live: bool,
    /// Keys of AWS DLT's JSON that mean nothing here, kept for the clients that sent them.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extras: serde_json::Map<String, serde_json::Value>,
    /// `testScenario` as it was written, for scenarios that came in that shape; it is answered unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<serde_json::Value>,
}

/// How a scenario's iterations are described; `testType` in AWS DLT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A list of HTTP requests.
    #[default]
    Simple,
}

/// The load that comes from one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionLoad {
    /// Where.
    pub region: Region,
    /// How many workers (tasks, in AWS DLT), at least 1.
    pub workers: u32,
    /// Virtual users of all these workers together, at least 1.
    pub virtual_users: u64,
}

/// How long iterations may go on after the end, unless the scenario says otherwise.
pub const DEFAULT_GRACEFUL_STOP: Duration = Duration::from_secs(30);
/// How long one request may take, unless the scenario says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

impl Scenario {
    /// Reads a scenario file of any format we know, told apart by its content: AWS DLT's JSON has `testScenario`.
    ///
    /// `sources` answer `${NAME}` and files that lie beside it; `default_region` stands where the file names none. `file_name`
    /// is used for nothing but telling formats apart that cannot be run yet (`.jmx`, `.js`, …).
    ///
    /// # Errors
    /// Every problem of the file, each with its place.
    pub fn read(
        file_name: &str,
        text: &str,
        sources: &Sources<'_>,
        default_region: Option<&Region>,
    ) -> Result<(Self, Vec<Warning>), Problems> {
        refuse_scripts(file_name)?;
        let mut root = document::parse(&json_escapes(text)).map_err(|problem| quotes(problem, text))?;
        let (scenario, mut warnings) = if dlt_json::looks_like(&root) {
            dlt_json::read_file(root, sources, default_region)?
        } else {
            let unset = substitute::substitute(&mut root, sources.variable);
            beside(unset, native::read(&root, sources, default_region))?
        };
        warnings.extend(scenario.thresholds_of_strangers());
        Ok((scenario, warnings))
    }

    /// Thresholds on labels that no sample will have, which nothing can satisfy.
    fn thresholds_of_strangers(&self) -> Vec<Warning> {
        let Some(labels) = self.program.labels() else { return Vec::new() };
        let stranger = |clause: &Clause| {
            let label = clause.selector.as_deref().filter(|label| !labels.contains(label))?;
            let warning = Problem::of(
                "thresholds",
                format!("no sample will be labelled `{label}`, so `{clause}` can never be judged"),
            );
            Some(match suggest(label, labels.iter().copied()) {
                Some(near) => warning.hint(format!("did you mean `{near}`?")),
                None => {
                    warning.hint(format!("the labels are: {}", labels.iter().copied().collect::<Vec<_>>().join(", ")))
                }
            })
        };
        self.thresholds.iter().filter_map(stranger).collect()
    }

    /// The most virtual users that can exist at once, over all executions and regions.
    pub fn peak_virtual_users(&self) -> u64 {
        self.load.iter().map(|execution| execution.executor.peak_virtual_users()).sum()
    }

    /// From the common start until the last execution ends, without its graceful stop.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.load.iter().map(Execution::end_ms).max().unwrap_or(0))
    }

    /// How long iterations may go on after the last execution's end, at most.
    pub fn graceful_stop(&self) -> Duration {
        let until =
            self.load.iter().map(|execution| execution.end_ms().saturating_add(execution.graceful_stop_ms)).max();
        Duration::from_millis(until.unwrap_or(0).saturating_sub(self.duration().as_millis()))
    }

    /// Workers of all regions together.
    pub fn workers(&self) -> u32 {
        self.fleet.iter().map(|load| load.workers).sum()
    }
}

/// Braces mean something to YAML: whoever writes a template without quotes is told.
fn quotes(problem: Problem, text: &str) -> Problem {
    let line = problem.place.and_then(|place| text.lines().nth(place.line.saturating_sub(1)));
    match line {
        Some(line) if line.contains("{{") => problem.hint("put a text with `{{ … }}` in quotes here"),
        _ => problem,
    }
}

/// What was read, unless variables are missing. What stands where one is missing is not wrong for a second reason.
fn beside<T>(mut unset: Vec<Problem>, read: Result<T, Problems>) -> Result<T, Problems> {
    match read {
        Ok(read) => Problems::unless_empty(unset, read),
        Err(problems) => {
            let places: Vec<_> = unset.iter().map(|problem| problem.place).collect();
            unset.extend(problems.into_vec().into_iter().filter(|problem| !places.contains(&problem.place)));
            Problems::unless_empty(unset, ()).map(|()| unreachable!("there was at least one problem"))
        }
    }
}

fn refuse_scripts(file_name: &str) -> Result<(), Problem> {
    let kind = match file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("jmx") => "a JMeter plan",
        Some("js" | "ts" | "mjs") => "a k6 script",
        Some("py") => "a Locust file",
        Some("zip") => "an archive of scripts",
        _ => return Ok(()),
    };
    Err(Problem::of("", format!("this is {kind}; this release runs scenarios of HTTP requests only"))
        .hint("write the requests as YAML: `name`, `load`, `requests`"))
}

/// JSON writes characters beyond the 16-bit range as two escapes (`\\ud83d\\ude00`), which YAML does not know: they become
/// one of YAML's (`\\U0001f600`). Only JSON is touched.
fn json_escapes(text: &str) -> Cow<'_, str> {
    if !text.trim_start().starts_with('{') || !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(character) = surrogates(rest) {
            result.push_str(&format!("\\U{character:08x}"));
            rest = &rest[12..];
        } else {
            // The escaped character goes along, so that an escaped backslash begins nothing.
            let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
            result.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    result.push_str(rest);
    Cow::Owned(result)
}

fn surrogates(text: &str) -> Option<u32> {
    let unit = |at: usize| -> Option<u32> {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (high, low) = (unit(0)?, unit(6)?);
    ((0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low))
        .then(|| 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
}
