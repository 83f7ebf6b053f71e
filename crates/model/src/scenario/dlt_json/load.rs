//! Where the load comes from and how long it lasts: `testTaskConfigs` and `testScenario.execution`.

use super::{Reader, join, present};
use crate::{
    document::{self, Node, Value},
    duration::Duration,
    id::Region,
    load::{Execution, Executor},
    problem::Problem,
    program::{Flow, Program, Step},
    scenario::{
        RegionLoad,
        limits::{self, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS},
    },
};

/// What the examples of AWS and of others write where a region belongs.
const PLACEHOLDERS: [&str; 3] = ["aws-region", "task-region", "region"];
const EXECUTION_KEYS: [&str; 7] = ["scenario", "ramp-up", "hold-for", "concurrency", "taskCount", "executor", "delay"];
const REFUSED_IN_EXECUTION: [(&str, &str); 5] = [
    ("iterations", "this release ends by time: write `hold-for`"),
    ("throughput", "this release has constant virtual users only"),
    ("steps", "this release ramps up evenly"),
    ("start-at", "leave it out: a run begins when its workers are ready"),
    ("files", "this release runs no scripts"),
];

/// What `testScenario` says.
pub(super) struct Work {
    pub name: String,
    pub ramp_up: Duration,
    pub hold_for: Duration,
    pub steps: Vec<Step>,
}

impl Work {
    /// The one execution, of so many virtual users, and the program that it runs.
    pub(super) fn into_load(self, virtual_users: u64, graceful_stop: Duration) -> (Vec<Execution>, Program) {
        let execution = Execution {
            name: self.name.clone(),
            flow: self.name.clone(),
            start_after_ms: 0,
            graceful_stop_ms: graceful_stop.as_millis(),
            executor: Executor::ramp_and_hold(virtual_users, self.ramp_up.as_millis(), self.hold_for.as_millis()),
        };
        let flow = Flow { start: Vec::new(), steps: self.steps };
        (vec![execution], Program { flows: [(self.name, flow)].into(), ..Program::default() })
    }
}

impl Reader<'_> {
    pub(super) fn fleet(&mut self, root: &Node) -> Vec<RegionLoad> {
        let Some(node) = present(root, "testTaskConfigs") else {
            self.reject(root, "testTaskConfigs", "`testTaskConfigs` is required");
            return Vec::new();
        };
        let mut fleet: Vec<RegionLoad> = Vec::new();
        for (index, item) in self.list(node, "testTaskConfigs").iter().enumerate() {
            let path = format!("testTaskConfigs[{index}]");
            let Some(load) = self.region_load(item, &path) else { continue };
            match fleet.iter_mut().find(|known| known.region == load.region) {
                None => fleet.push(load),
                Some(known) => {
                    if let Err(why) = join_loads(known, &load) {
                        self.reject(item, &path, why);
                    }
                }
            }
        }
        if fleet.iter().map(|load| u64::from(load.workers)).sum::<u64>() > u64::from(MAX_WORKERS) {
            self.reject(node, "testTaskConfigs", format!("expected at most {MAX_WORKERS} tasks in all"));
        }
        fleet
    }

    fn region_load(&mut self, node: &Node, path: &str) -> Option<RegionLoad> {
        if !matches!(node.value, Value::Mapping(_)) {
            self.reject(node, path, format!("expected an object, found {}", node.kind()));
            return None;
        }
        let region = self.region(node, path);
        let tasks = self.required(node, path, "taskCount", |text| limits::number(text, 1, MAX_WORKERS.into()));
        let most = MAX_VIRTUAL_USERS_PER_WORKER;
        let users = self.required(node, path, "concurrency", |text| limits::number(text, 1, most));
        // The rest is what answers repeat about a region's network and cluster.
        let (region, tasks, users) = (region?, tasks?, users?);
        let workers = u32::try_from(tasks).expect("at most MAX_WORKERS");
        Some(RegionLoad { region, workers, virtual_users: tasks * users })
    }

    fn region(&mut self, node: &Node, path: &str) -> Option<Region> {
        let written = present(node, "region");
        let text = written.and_then(Node::text).unwrap_or_default();
        if !text.is_empty() && !PLACEHOLDERS.contains(&text) || written.is_some_and(|node| node.text().is_none()) {
            return self.required(node, path, "region", |text| text.parse::<Region>().map_err(|why| why.to_string()));
        }
        if self.default_region.is_none() {
            let message = if text.is_empty() {
                "`region` is required".to_owned()
            } else {
                format!("`{text}` stands for a region that is not known here")
            };
            self.refuse(written.unwrap_or(node), &join(path, "region"), message, "write a region such as `eu-west-1`");
        }
        self.default_region.cloned()
    }

    pub(super) fn test_scenario(&mut self, root: &Node) -> Option<Work> {
        let Some(written) = present(root, "testScenario") else {
            self.reject(root, "testScenario", "`testScenario` is required");
            return None;
        };
        let parsed = written.text().map(|text| parse_inside(text, written)).transpose();
        let parsed = parsed.map_err(|problem| self.problems.push(problem)).ok()?;
        let node = parsed.as_ref().unwrap_or(written);
        if !matches!(node.value, Value::Mapping(_)) {
            self.reject(node, "testScenario", format!("expected an object, found {}", node.kind()));
            return None;
        }
        self.warn_unknown_keys(node, "testScenario", &["execution", "scenarios", "reporting"]);
        self.work(node, "testScenario")
    }

    /// What `execution` and `scenarios` say, wherever they stand.
    pub(super) fn work(&mut self, node: &Node, path: &str) -> Option<Work> {
        let execution = self.execution(node, &join(path, "execution"));
        let path_of_first = join(path, "execution[0]");
        let name = execution
            .and_then(|execution| self.required(execution, &path_of_first, "scenario", |text| Ok(text.to_owned())));
        let ramp_up =
            execution.and_then(|execution| self.optional(execution, &path_of_first, "ramp-up", limits::stage));
        let hold_for = execution
            .and_then(|execution| self.required(execution, &path_of_first, "hold-for", limits::longer_than_nothing));
        let steps = self.requests_of(node, &join(path, "scenarios"), name.as_deref());
        Some(Work { name: name?, ramp_up: ramp_up.unwrap_or_default(), hold_for: hold_for?, steps })
    }

    pub(super) fn execution<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n Node> {
        let Some(written) = present(node, "execution") else {
            self.reject(node, path, "`execution` is required");
            return None;
        };
        let execution = match &written.value {
            Value::Mapping(_) => written,
            _ => {
                let items = self.list(written, path);
                if let Some(second) = items.get(1) {
                    let hint = "AWS DLT itself runs the first one only; post one scenario for each";
                    self.refuse(
                        second,
                        &format!("{path}[1]"),
                        "several executions cannot be run by this release",
                        hint,
                    );
                }
                items.first()?
            }
        };
        if !matches!(execution.value, Value::Mapping(_)) {
            self.reject(execution, &format!("{path}[0]"), format!("expected an object, found {}", execution.kind()));
            return None;
        }
        self.check_execution(execution, &format!("{path}[0]"));
        Some(execution)
    }

    fn check_execution(&mut self, execution: &Node, path: &str) {
        for (key, instead) in REFUSED_IN_EXECUTION {
            if let Some(node) = present(execution, key) {
                self.refuse(node, &join(path, key), format!("`{key}` is not supported by this release"), instead);
            }
        }
        if let Some(node) = present(execution, "delay").filter(|node| !matches!(node.text(), Some("0" | "0s"))) {
            self.reject(node, &join(path, "delay"), "`delay` is not supported by this release");
        }
        if let Some(node) = present(execution, "executor").filter(|node| node.text() != Some("jmeter")) {
            let hint = "leave it out: lists of requests are run natively";
            self.refuse(node, &join(path, "executor"), "other executors cannot be run by this release", hint);
        }
        let refused = REFUSED_IN_EXECUTION.iter().map(|(key, _)| *key);
        let known: Vec<&str> = EXECUTION_KEYS.into_iter().chain(refused).collect();
        self.warn_unknown_keys(execution, path, &known);
    }
}

/// Puts two entries of one region together; what comes out must be what was written.
fn join_loads(known: &mut RegionLoad, more: &RegionLoad) -> Result<(), String> {
    let per_worker = |load: &RegionLoad| load.virtual_users / u64::from(load.workers);
    if per_worker(known).abs_diff(per_worker(more)) > 1 {
        return Err(format!(
            "`{}` is given twice with different concurrency; its tasks share their users evenly",
            known.region
        ));
    }
    known.workers = known.workers.saturating_add(more.workers);
    known.virtual_users += more.virtual_users;
    Ok(())
}

/// Reads JSON that stands in a string; everything in it stands where the string does.
fn parse_inside(text: &str, written: &Node) -> Result<Node, Problem> {
    let mut node = document::parse(text).map_err(|problem| {
        let inside = problem.place.map(|place| format!(" at {place} of the text")).unwrap_or_default();
        Problem::at(written.place, "testScenario", format!("{}{inside}", problem.message))
    })?;
    put_at(&mut node, written);
    Ok(node)
}

fn put_at(node: &mut Node, written: &Node) {
    node.place = written.place;
    match &mut node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter_mut().for_each(|item| put_at(item, written)),
        Value::Mapping(entries) => entries.iter_mut().for_each(|(key, value)| {
            key.place = written.place;
            put_at(value, written);
        }),
    }
}
