//! Where the load comes from and how long it lasts: `testTaskConfigs` and `testScenario.execution`.

use super::{canonical, write};
use crate::{
    document::{self, Node, Value},
    gate::Clause,
    id::Region,
    load::Execution,
    problem::Problem,
    program::Program,
    scenario::{
        RegionLoad, body,
        limits::{self, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS},
        taurus::{Reader, Tasks, join, present},
    },
};

/// What the examples of AWS and of others write where a region belongs.
const PLACEHOLDERS: [&str; 3] = ["aws-region", "task-region", "region"];
const KNOWN: [&str; 8] =
    ["execution", "scenarios", "reporting", "services", "modules", "settings", "provisioning", "properties"];

/// What `testScenario` says.
pub(super) struct Work {
    pub load: Vec<Execution>,
    pub program: Program,
    /// The fleet with the users of all executions.
    pub fleet: Vec<RegionLoad>,
    pub thresholds: Vec<Clause>,
    pub written: Option<serde_json::Value>,
    /// Whether the executions say themselves how they stop.
    pub stops: bool,
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

    pub(super) fn test_scenario(&mut self, root: &Node, fleet: &[RegionLoad]) -> Option<Work> {
        let Some(node) = present(root, "testScenario") else {
            self.reject(root, "testScenario", "`testScenario` is required");
            return None;
        };
        if node.text().is_some() {
            // What it is not was said when it was unpacked.
            return None;
        }
        if !self.is_object(node, "testScenario") {
            return None;
        }
        if node.get("program").is_some() || node.get("load").is_some() {
            return self.canonical(node, fleet);
        }
        self.around(node, "testScenario");
        self.warn_unknown_keys(node, "testScenario", &KNOWN);
        self.needs_time(node);
        let thresholds = self.reporting(node, "testScenario");
        let count = fleet.iter().map(|load| u64::from(load.workers)).sum();
        let users = fleet.iter().map(|load| load.virtual_users).sum();
        let tasks = (count > 0).then_some(Tasks { count, users });
        let work = self.work(node, "testScenario", tasks)?;
        let mut fleet = fleet.to_vec();
        let others: u64 = work.load.iter().skip(1).map(|other| other.executor.peak_virtual_users()).sum();
        if others > 0 {
            let each: Vec<u64> = fleet.iter().map(|load| load.virtual_users / u64::from(load.workers.max(1))).collect();
            if each.iter().any(|users| *users != each[0]) {
                let why = "several executions need the same concurrency in all regions";
                self.refuse(
                    node,
                    "testScenario.execution",
                    why,
                    "give each region the same, and tasks as it needs them",
                );
                return None;
            }
            // Every task runs each of the other executions with that one's own concurrency.
            fleet.iter_mut().for_each(|load| load.virtual_users += u64::from(load.workers) * (others / count.max(1)));
        }
        Some(Work {
            load: work.load,
            program: work.program,
            fleet,
            thresholds,
            written: self.written(node),
            stops: false,
        })
    }

    /// AWS DLT takes no test that holds for no time; it is a slip wherever nothing else says when a test ends.
    fn needs_time(&mut self, node: &Node) {
        let executions = present(node, "execution");
        let Some(first) = executions.map(|written| written.items().first().unwrap_or(written)) else { return };
        let is_zero = |node: &&Node| node.text().is_some_and(|text| text.trim_end_matches(char::is_alphabetic) == "0");
        if let Some(hold_for) = present(first, "hold-for").filter(is_zero)
            && present(first, "iterations").is_none()
        {
            self.reject(hold_for, "testScenario.execution[0].hold-for", "must be longer than 0s");
        }
    }

    /// What we write for scenarios that AWS DLT has no words for.
    fn canonical(&mut self, node: &Node, fleet: &[RegionLoad]) -> Option<Work> {
        self.warn_unknown_keys(node, "testScenario", &["load", "program", "execution", "scenarios"]);
        let json = body::to_json(node);
        let users = fleet.iter().map(|load| load.virtual_users).sum();
        match canonical::read(&json, users) {
            Ok((load, program)) => {
                let shape = write::shape(&load, &program).unwrap_or_default();
                let differs = |key: &str| json.get(key).is_some_and(|given| shape.get(key) != Some(given));
                if differs("execution") || differs("scenarios") {
                    let why = "`execution` and `scenarios` say something else than `load` and `program`";
                    self.refuse(node, "testScenario", why, "leave out those that are not meant");
                    return None;
                }
                let fleet = fleet.to_vec();
                Some(Work { load, program, fleet, thresholds: Vec::new(), written: None, stops: true })
            }
            Err(problems) => {
                for (path, why) in problems {
                    self.reject(node, &join("testScenario", path), why);
                }
                None
            }
        }
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
pub(super) fn parse_inside(text: &str, written: &Node) -> Result<Node, Problem> {
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
