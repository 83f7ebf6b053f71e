//! AWS DLT's scenario JSON, read as its oldest clients write it and written as its newest read it.
//!
//! Lenient where the meaning is plain: numbers as digit strings, empty ids and file types, `{}` for no body, an invented
//! capacity block, `testScenario` as JSON in a string, the placeholder `aws-region`. What would run differently than
//! written is refused with its place. What AWS passes through without effect is kept and warned about.
//!
//! `testScenario` is Taurus's: `taurus` reads it, and the file that AWS DLT writes for each of its tasks, too.

mod canonical;
mod load;
mod starts;
mod write;

use serde_json::{Map, Value as Json};

use super::{
    DEFAULT_GRACEFUL_STOP, Kind, Scenario, Warning, beside, body, limits, native,
    sources::Sources,
    taurus::{self, Reader, names, present},
};
use crate::{
    document::{self, Node, Value},
    gate::Clause,
    id::{Region, TestId},
    problem::{Problem, Problems},
    schedule::Wish,
};

/// What somebody posted: a scenario, and what to do with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The scenario to replace; `None` makes a new one.
    pub test_id: Option<TestId>,
    /// Whether it is only to be stored rather than started too.
    pub save_only: bool,
    /// When it is to start by itself.
    pub schedule: Option<Wish>,
    /// The scenario.
    pub scenario: Scenario,
    /// What was ignored.
    pub warnings: Vec<Warning>,
}

/// How `testScenario` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestScenario {
    /// As an object.
    Object,
    /// As JSON in a string, as AWS DLT stores it and answers a POST.
    Text,
}

/// Keys that answers carry and that mean nothing in a request.
const ANSWER_KEYS: [&str; 23] = [
    "status",
    "startTime",
    "endTime",
    "results",
    "history",
    "completeTasks",
    "totalTestRuns",
    "nextRun",
    "nextRunAtMs",
    "scheduleRecurrence",
    "errorReason",
    "taskFailureCount",
    "desiredTaskCount",
    "tasksPerRegion",
    "baselineId",
    "testRunId",
    "succPercent",
    "startedAtMs",
    "endedAtMs",
    "partial",
    "lostWorkers",
    "historyTruncated",
    "warnings",
];
/// Keys that are read, or that need no word: the capacity is looked up here, and a time zone alone schedules nothing.
const KNOWN_KEYS: [&str; 17] = [
    "testId",
    "testName",
    "testDescription",
    "testTaskConfigs",
    "testScenario",
    "testType",
    "fileType",
    "showLive",
    "regionalTaskDetails",
    "tags",
    "saveOnly",
    "healthyThreshold",
    "thresholds",
    "gracefulStop",
    "scheduleTimezone",
    "eventBridge",
    "nativeRunMode",
];

/// Whether a document is AWS DLT's or Taurus's rather than ours.
pub fn looks_like(root: &Node) -> bool {
    taurus::looks_like(root)
        || ["testScenario", "testTaskConfigs", "testName"].iter().any(|key| root.get(key).is_some())
}

impl Scenario {
    /// Reads AWS DLT's JSON as it came over the wire: nothing in it is looked up in an environment.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn from_dlt_json(text: &str, default_region: Option<&Region>) -> Result<Submission, Problems> {
        let mut root = document::parse(&super::json_escapes(text))?;
        let mut reader = Reader::new(&Sources::NONE, default_region);
        reader.open(&mut root);
        reader.close(&root)
    }

    /// Writes AWS DLT's JSON: the keys that describe the scenario, without ids, times and results.
    pub fn to_dlt_json(&self, test_scenario: TestScenario) -> Map<String, Json> {
        write::write(self, test_scenario)
    }
}

/// Reads a file: `${NAME}` that it does not define itself is looked up.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub(super) fn read_file(
    mut root: Node,
    sources: &Sources<'_>,
    default_region: Option<&Region>,
) -> Result<(Scenario, Vec<Warning>), Problems> {
    let mut reader = Reader::new(sources, default_region);
    reader.open(&mut root);
    let own = taurus::environment(&root);
    let lookup = |name: &str| {
        let own = own.iter().find(|(known, value)| known == name && !value.contains("${"));
        own.map(|(_, value)| value.clone()).or_else(|| (sources.variable)(name))
    };
    let unset = names::put_in(&mut root, &reader.names, &lookup);
    let starts = starts::place(&root).map(|place| {
        Problem::at(place, "scheduleStep", "says when a stored scenario starts, and is not heeded here")
            .hint("`dlt scenarios schedule` tells a system when to start it")
    });
    beside(
        unset,
        reader.close(&root).map(|Submission { scenario, mut warnings, .. }| {
            warnings.extend(starts);
            (scenario, warnings)
        }),
    )
}

impl Reader<'_> {
    /// Unpacks `testScenario` and finds out which names the document defines.
    fn open(&mut self, root: &mut Node) {
        if let Value::Mapping(entries) = &mut root.value
            && let Some((_, node)) = entries.iter_mut().find(|(key, _)| key.text == "testScenario")
            && let Some(text) = node.text().filter(|text| !text.is_empty())
            && !node.is_null()
        {
            match load::parse_inside(text, node) {
                Ok(inside) => *node = inside,
                Err(problem) => self.problems.push(problem),
            }
        }
        self.collect_names(root);
        if let Some(inside) = root.get("testScenario") {
            self.collect_names(inside);
        }
    }

    fn close(mut self, root: &Node) -> Result<Submission, Problems> {
        let submission = if taurus::looks_like(root) {
            let scenario = self.taurus_file(root);
            scenario.map(|scenario| Submission {
                test_id: None,
                save_only: false,
                schedule: None,
                scenario,
                warnings: Vec::new(),
            })
        } else {
            self.envelope(root)
        };
        let Self { problems, warnings, .. } = self;
        match submission {
            Some(submission) => Problems::unless_empty(problems, Submission { warnings, ..submission }),
            None => Problems::unless_empty(problems, ()).map(|()| unreachable!("what could not be read was noted")),
        }
    }

    fn envelope(&mut self, root: &Node) -> Option<Submission> {
        if !matches!(root.value, Value::Mapping(_)) {
            self.reject(root, "", format!("expected an object, found {}", root.kind()));
            return None;
        }
        self.refuse_what_cannot_run(root);
        let test_id = self.optional(root, "", "testId", |text| text.parse::<TestId>().map_err(|why| why.to_string()));
        let name = self.required(root, "", "testName", limits::name);
        let description = self.optional(root, "", "testDescription", limits::description);
        let fleet = self.fleet(root);
        let work = self.test_scenario(root, &fleet);
        let mut thresholds = self.thresholds(root);
        let tags = self.tags(root);
        let show_live = self.switch(root, "", "showLive").unwrap_or(false);
        let save_only = self.switch(root, "", "saveOnly").unwrap_or(false);
        let graceful_stop = self.optional(root, "", "gracefulStop", limits::stage);
        let schedule = self.starts(root);
        let extras = self.extras(root);
        let (work, name) = (work?, name?);
        for clause in work.thresholds {
            if !thresholds.contains(&clause) {
                thresholds.push(clause);
            }
        }
        let mut scenario = Scenario {
            name,
            description: description.unwrap_or_default(),
            kind: Kind::Simple,
            fleet: work.fleet,
            load: work.load,
            program: work.program,
            thresholds,
            tags,
            show_live,
            extras,
            written: work.written,
        };
        if !work.stops {
            for execution in &mut scenario.load {
                execution.graceful_stop_ms = graceful_stop.unwrap_or(DEFAULT_GRACEFUL_STOP).as_millis();
            }
        }
        Some(Submission { test_id, save_only, schedule, scenario, warnings: Vec::new() })
    }

    fn refuse_what_cannot_run(&mut self, root: &Node) {
        if let Some(node) = present(root, "testType") {
            match node.text() {
                Some("simple") => {}
                Some(kind @ ("jmeter" | "k6" | "locust")) => self.refuse(
                    node,
                    "testType",
                    format!("`{kind}` tests cannot be run by this release"),
                    "list the requests under `testScenario.scenarios` with testType `simple`",
                ),
                _ => self.reject(node, "testType", "expected `simple`"),
            }
        }
        if let Some(node) = present(root, "fileType").filter(|node| node.text() != Some("none")) {
            self.refuse(node, "fileType", "scripts cannot be run by this release", "leave it out, or write `none`");
        }
        if let Some(node) = present(root, "nativeRunMode") {
            let hint = "leave it out: every worker here is native";
            self.refuse(node, "nativeRunMode", "this mode runs scripts, which this release cannot", hint);
        }
    }

    fn thresholds(&mut self, root: &Node) -> Vec<Clause> {
        let Some(node) = present(root, "thresholds") else { return Vec::new() };
        if node.text().is_some() {
            return native::read_clauses("thresholds", node, &mut self.problems);
        }
        let items = self.list(node, "thresholds");
        let problems = &mut self.problems;
        let read =
            |(index, item): (usize, &Node)| native::read_clauses(&format!("thresholds[{index}]"), item, problems);
        items.iter().enumerate().flat_map(read).collect()
    }

    fn tags(&mut self, root: &Node) -> Vec<String> {
        let Some(node) = present(root, "tags") else { return Vec::new() };
        let mut tags = Vec::new();
        for (index, item) in self.list(node, "tags").iter().enumerate() {
            match item.text().map_or_else(|| Err(format!("expected text, found {}", item.kind())), limits::tag) {
                Ok(tag) if tags.contains(&tag) => {}
                Ok(tag) => tags.push(tag),
                Err(why) => self.reject(item, &format!("tags[{index}]"), why),
            }
        }
        if tags.len() > limits::MAX_TAGS {
            self.reject(node, "tags", format!("expected at most {} tags, found {}", limits::MAX_TAGS, tags.len()));
        }
        tags
    }

    /// Keeps what has no effect here, for the clients that sent it.
    fn extras(&mut self, root: &Node) -> Map<String, Json> {
        let mut extras = Map::new();
        if let Some(node) = present(root, "healthyThreshold") {
            self.check(node, "healthyThreshold", |text| limits::number(text, 0, 100));
            let message = "is kept and has no effect: a run that loses any worker is marked partial";
            self.warnings.push(Problem::at(node.place, "healthyThreshold", message));
            extras.insert("healthyThreshold".to_owned(), body::to_json(node));
        }
        for (key, node) in root.entries() {
            let word = key.text.as_str();
            if KNOWN_KEYS.contains(&word) || starts::KEYS.contains(&word) || ANSWER_KEYS.contains(&word) {
                continue;
            }
            self.warn_unknown(key.place, "", word, &KNOWN_KEYS);
            extras.insert(key.text.clone(), body::to_json(node));
        }
        extras
    }
}
