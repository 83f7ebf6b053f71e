//! `execution`: who runs which scenario, how many, how long and how fast.

use std::collections::BTreeMap;

use super::{
    profile::{self, Profile},
    reader::{Reader, join, present},
    scenarios::Executed,
};
use crate::{
    document::{Node, Value},
    load::Execution,
    problem::suggest,
    program::{Client, Cookies, Feed, Pause, Program, Reuse, Step},
    scenario::limits::{self, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS},
};

/// Executions of one scenario.
const MAX_EXECUTIONS: usize = 50;
const KNOWN: [&str; 26] = [
    "scenario",
    "ramp-up",
    "hold-for",
    "concurrency",
    "taskCount",
    "executor",
    "delay",
    "start-at",
    "iterations",
    "throughput",
    "steps",
    "provisioning",
    "locations",
    "locations-weighted",
    "files",
    "properties",
    "env",
    "class",
    "detached",
    "distributed",
    "modifications",
    "additional-classpath",
    "blazemeter",
    "cwd",
    "run-id",
    "name",
];
const REFUSED: [(&str, &str); 4] = [
    ("start-at", "write `delay`; a run begins when its workers are ready"),
    ("modifications", "they change a JMeter plan, of which there is none here"),
    ("additional-classpath", "scripts are not run"),
    ("distributed", "say how many workers: `taskCount`, or `testTaskConfigs`"),
];
const IGNORED: [(&str, &str); 6] = [
    ("locations", "regions are chosen where the test is run"),
    ("locations-weighted", "regions are chosen where the test is run"),
    ("files", "files that requests and data-sources name are read by themselves"),
    ("env", "no process is started"),
    ("blazemeter", "nothing is sent there"),
    ("cwd", "files are read beside the scenario"),
];
/// Executors that send lists of requests as we do, and fetch nothing else.
const LIKE_US: [&str; 8] = ["apiritif", "gatling", "grinder", "locust", "ab", "siege", "pbench", "tsung"];

/// Who runs it, where that does not stand in the executions themselves.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) struct Tasks {
    pub count: u64,
    /// Users of the first execution over all of them.
    pub users: u64,
}

/// What `execution` and `scenarios` say.
pub(in crate::scenario) struct Work {
    /// The first scenario's name.
    pub name: String,
    /// How many workers, at least.
    pub workers: u64,
    pub load: Vec<Execution>,
    pub program: Program,
}

/// An execution whose scenario was read.
struct Planned {
    name: String,
    scenario: Executed,
    profile: Profile,
    delay_ms: u64,
}

impl Reader<'_> {
    /// What `execution` and `scenarios` say, wherever they stand.
    pub fn work(&mut self, node: &Node, path: &str, tasks: Option<Tasks>) -> Option<Work> {
        let executions = self.executions(node, &join(path, "execution"))?;
        let scenarios = present(node, "scenarios");
        let path_of_scenarios = join(path, "scenarios");
        let scenarios = scenarios.filter(|scenarios| self.is_object(scenarios, &path_of_scenarios));
        let count = match tasks {
            Some(tasks) => Some(tasks.count),
            None => executions.first().and_then(|(path, first)| {
                self.optional(first, path, "taskCount", |text| limits::number(text, 1, MAX_WORKERS.into()))
            }),
        };
        let mut planned = Vec::new();
        let mut complete = true;
        let mut known: BTreeMap<String, Option<Executed>> = BTreeMap::new();
        for (index, (path, execution)) in executions.iter().enumerate() {
            let users = tasks.filter(|_| index == 0).map(|tasks| tasks.users);
            let inside = (node, scenarios, path_of_scenarios.as_str());
            match self.planned((index, execution), path, inside, (count.unwrap_or(1), users), &mut known) {
                Some(one) => planned.push(one),
                None => complete = false,
            }
        }
        self.warn_unused(scenarios, &path_of_scenarios, &known);
        let name = planned.first().map(|first| first.name.clone())?;
        let at = executions.first().map_or(node, |(_, first)| *first);
        let (load, program) = self.joined(planned, at, &join(path, "execution"))?;
        let users: u64 = load.iter().map(|execution| execution.executor.peak_virtual_users()).sum();
        let workers = count.unwrap_or_else(|| users.div_ceil(MAX_VIRTUAL_USERS_PER_WORKER).max(1));
        if users.div_ceil(workers) > MAX_VIRTUAL_USERS_PER_WORKER || workers > u64::from(MAX_WORKERS) {
            let why = format!(
                "a worker runs at most {MAX_VIRTUAL_USERS_PER_WORKER} virtual users; these are {users} on {workers} workers"
            );
            self.reject(at, &join(path, "execution"), why);
            return None;
        }
        complete.then_some(Work { name, workers, load, program })
    }

    /// The executions with their paths; one alone may stand without a list.
    fn executions<'n>(&mut self, node: &'n Node, path: &str) -> Option<Vec<(String, &'n Node)>> {
        let Some(written) = present(node, "execution") else {
            self.reject(node, path, "`execution` is required");
            return None;
        };
        let items = match &written.value {
            Value::Mapping(_) => std::slice::from_ref(written),
            _ => self.list(written, path),
        };
        if items.len() > MAX_EXECUTIONS {
            self.reject(written, path, format!("expected at most {MAX_EXECUTIONS} executions, found {}", items.len()));
        }
        let paths = items.iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item));
        Some(paths.filter(|(path, item)| self.is_object(item, path)).collect())
    }

    fn planned(
        &mut self,
        (index, execution): (usize, &Node),
        path: &str,
        (root, scenarios, path_of_scenarios): (&Node, Option<&Node>, &str),
        (tasks, users): (u64, Option<u64>),
        known: &mut BTreeMap<String, Option<Executed>>,
    ) -> Option<Planned> {
        self.refuse_keys(execution, path, &REFUSED);
        self.warn_keys(execution, path, &IGNORED);
        self.warn_unknown_keys(execution, path, &KNOWN);
        let fetches = self.executor(execution, root, path);
        let warnings_before = self.warnings.len();
        let profile = self.profile(execution, root, path, tasks, users);
        let delay_ms = self.span(execution, path, "delay").unwrap_or(0);
        let Some(written) = present(execution, "scenario") else {
            self.missing(execution, path, "scenario");
            return None;
        };
        let path = join(path, "scenario");
        let (name, scenario) = if written.text().is_some() {
            let name = self.check(written, &path, |text| Ok(text.to_owned()))?;
            if !known.contains_key(&name) {
                let scenario = self.named(written, &path, &name, (root, scenarios, path_of_scenarios));
                known.insert(name.clone(), scenario);
            }
            let scenario = known.get(&name).cloned().flatten();
            (name, scenario)
        } else {
            let name = format!("execution {}", index + 1);
            let scenario = self.scenario(&name, written, &path, scenarios);
            (name, scenario)
        };
        let (mut scenario, profile) = (scenario?, profile?);
        if !fetches {
            scenario.flow.steps.iter_mut().for_each(fetch_nothing);
            let mut later = self.warnings.split_off(warnings_before.min(self.warnings.len()));
            later.retain(|warning| !warning.path.ends_with(".retrieve-resources"));
            self.warnings.append(&mut later);
        }
        Some(Planned { name, scenario, profile, delay_ms })
    }

    /// The scenario that an execution names.
    fn named(
        &mut self,
        written: &Node,
        path: &str,
        name: &str,
        (root, scenarios, path_of_scenarios): (&Node, Option<&Node>, &str),
    ) -> Option<Executed> {
        if let Some(scenario) = scenarios.and_then(|scenarios| scenarios.get(name)) {
            return self.scenario(name, scenario, &join(path_of_scenarios, name), scenarios);
        }
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        if matches!(
            extension.as_deref(),
            Some("jmx" | "js" | "ts" | "py" | "zip" | "scala" | "java" | "yml" | "yaml" | "json")
        ) {
            let hint = "list `requests` below `scenarios` instead";
            self.refuse(
                written,
                path,
                format!("`{name}` is a script, and scripts cannot be run by this release"),
                hint,
            );
            return None;
        }
        let Some(scenarios) = scenarios else {
            self.reject(root, path_of_scenarios, "`scenarios` is required");
            return None;
        };
        let names = || scenarios.entries().iter().map(|(key, _)| key.text.as_str());
        let hint = match suggest(name, names()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
        };
        let why = format!("there is no scenario `{name}`, which `execution` names");
        self.refuse(scenarios, path_of_scenarios, why, &hint);
        None
    }

    fn warn_unused(&mut self, scenarios: Option<&Node>, path: &str, known: &BTreeMap<String, Option<Executed>>) {
        for (key, _) in scenarios.map(Node::entries).unwrap_or_default() {
            if !known.contains_key(&key.text) && !self.names.included.contains(&key.text) {
                let why = format!("`{}` is not the scenario that is executed", key.text);
                self.warn(key.place, &join(path, &key.text), why);
            }
        }
    }

    /// Whether the executor that is named fetches what pages embed.
    fn executor(&mut self, execution: &Node, root: &Node, path: &str) -> bool {
        let default = root.get("settings").and_then(|settings| present(settings, "default-executor"));
        let Some(node) = present(execution, "executor").or(default) else { return true };
        let path = join(path, "executor");
        match node.text() {
            Some("jmeter") => true,
            Some(like_us) if LIKE_US.contains(&like_us) => {
                let why = format!("lists of requests are run natively, without `{like_us}`");
                self.warn(node.place, &path, why);
                false
            }
            _ => {
                let hint = "leave it out: lists of requests are run natively";
                self.refuse(node, &path, "other executors cannot be run by this release", hint);
                true
            }
        }
    }

    /// One program of all that is executed side by side.
    fn joined(&mut self, planned: Vec<Planned>, at: &Node, path: &str) -> Option<(Vec<Execution>, Program)> {
        let mut load: Vec<Execution> = Vec::new();
        let mut program = Program { client: client_of(planned.first()?), ..Program::default() };
        let alone = planned.iter().all(|one| one.scenario == planned[0].scenario);
        if planned.iter().any(|one| client_of(one) != program.client) {
            let why = "scenarios that are run side by side share `store-cookie` and `keepalive`";
            self.refuse(at, path, why, "give all of them the same, or run them as tests of their own");
        }
        for Planned { name, mut scenario, profile, delay_ms } in planned {
            let spread = profile.spread_ms();
            let requests = profile::requests(&scenario.flow.steps);
            let executor = match profile.executor(requests) {
                Ok((executor, warnings)) => {
                    warnings.into_iter().for_each(|warning| self.warn(at.place, path, warning));
                    executor
                }
                Err((why, instead)) => {
                    self.refuse(at, path, why, instead);
                    return None;
                }
            };
            if alone {
                program.variables.clone_from(&scenario.variables);
            } else if !scenario.variables.is_empty() {
                scenario.flow.start.insert(0, Step::Set(std::mem::take(&mut scenario.variables)));
            }
            if spread > 0 {
                scenario.flow.start.insert(0, Step::Pause(Pause::Uniform { min_ms: 0, max_ms: spread }));
            }
            self.join_feeds(&mut program.feeds, scenario.feeds, alone, at, path);
            let flow = free(&name, |name| program.flows.get(name).is_some_and(|flow| *flow != scenario.flow));
            program.flows.insert(flow.clone(), scenario.flow);
            let name = free(&name, |name| load.iter().any(|other| other.name == name));
            load.push(Execution { name, flow, start_after_ms: delay_ms, graceful_stop_ms: 0, executor });
        }
        Some((load, program))
    }

    /// Every iteration takes a row of every feed, whichever scenario it runs.
    fn join_feeds(&mut self, feeds: &mut Vec<Feed>, more: Vec<Feed>, alone: bool, at: &Node, path: &str) {
        for feed in more {
            if feeds.contains(&feed) {
                continue;
            }
            let twice = feed.columns.iter().find(|column| feeds.iter().any(|other| other.columns.contains(column)));
            if let Some(column) = twice {
                let why = format!("`{column}` is a column of two data-sources");
                self.refuse(at, path, why, "name the columns by `variable-names`");
            } else if !alone && !feed.repeat {
                let why = format!("the rows of `{}` would be used up by other scenarios too", feed.name);
                self.refuse(at, path, why, "leave `loop` at true, or run the scenarios as tests of their own");
            }
            feeds.push(feed);
        }
    }
}

fn client_of(planned: &Planned) -> Client {
    let (cookies, reuse): (Cookies, Reuse) = (planned.scenario.cookies, planned.scenario.reuse);
    Client { cookies, reuse, ..Client::default() }
}

fn fetch_nothing(step: &mut Step) {
    match step {
        Step::Request(request) => request.resources = false,
        Step::Group { steps, .. }
        | Step::Loop { steps, .. }
        | Step::While { steps, .. }
        | Step::ForEach { steps, .. } => {
            steps.iter_mut().for_each(fetch_nothing);
        }
        Step::If { then, otherwise, .. } => then.iter_mut().chain(otherwise).for_each(fetch_nothing),
        _ => {}
    }
}

/// A name that is not taken: itself, or with a number.
fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut tried = name.to_owned();
    let mut number = 2;
    while taken(&tried) {
        tried = format!("{name} {number}");
        number += 1;
    }
    tried
}
