//! The file that AWS DLT writes for each task: Taurus's `execution` and `scenarios` without an envelope.
//!
//! What else Taurus can do is refused or warned about, as it is inside an envelope.

use serde_json::Map;

use super::{Reader, Submission, join, present};
use crate::{
    document::Node,
    scenario::{
        DEFAULT_GRACEFUL_STOP, Kind, RegionLoad, Scenario,
        limits::{self, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS},
    },
};

/// Reporters that change nothing about a run.
const REPORTERS: [&str; 4] = ["final-stats", "console", "junit-xml", "blazemeter"];
/// What Taurus would do and this release would silently leave out.
const REFUSED: [&str; 4] = ["services", "included-configs", "provisioning", "cli"];
const KNOWN: [&str; 7] = ["execution", "scenarios", "reporting", "services", "included-configs", "provisioning", "cli"];

pub(super) fn looks_like(root: &Node) -> bool {
    root.get("testScenario").is_none() && root.get("execution").is_some() && root.get("scenarios").is_some()
}

impl Reader<'_> {
    pub(super) fn task_file(&mut self, root: &Node) -> Option<Submission> {
        for key in REFUSED {
            if let Some(node) = present(root, key) {
                self.refuse(node, key, format!("`{key}` is not supported by this release"), "leave it out");
            }
        }
        self.reporting(root);
        self.warn_unknown_keys(root, "", &KNOWN);
        let work = self.work(root, "");
        let fleet = self.own_fleet(root);
        let (work, fleet) = (work?, fleet?);
        let name_of_it = work.name.clone();
        let (load, program) = work.into_load(fleet.virtual_users, DEFAULT_GRACEFUL_STOP);
        let scenario = Scenario {
            name: name_of_it,
            description: String::new(),
            kind: Kind::Simple,
            fleet: vec![fleet],
            load,
            program,
            thresholds: Vec::new(),
            tags: Vec::new(),
            show_live: false,
            extras: Map::new(),
        };
        let name = present(root, "scenarios").unwrap_or(root);
        if let Err(why) = limits::name(&scenario.name) {
            self.reject(name, "scenarios", format!("the scenario's name is not fit for a test: {why}"));
        }
        Some(Submission { test_id: None, save_only: false, scenario, warnings: Vec::new() })
    }

    /// Tasks and users stand in the execution, which names no region.
    fn own_fleet(&mut self, root: &Node) -> Option<RegionLoad> {
        let written = present(root, "execution")?;
        let execution = written.items().first().unwrap_or(written);
        let path = "execution[0]";
        let tasks = self.optional(execution, path, "taskCount", |text| limits::number(text, 1, MAX_WORKERS.into()));
        let most = MAX_VIRTUAL_USERS_PER_WORKER;
        let users = self.optional(execution, path, "concurrency", |text| limits::number(text, 1, most));
        let (tasks, users) = (tasks.unwrap_or(1), users.unwrap_or(1));
        let Some(region) = self.default_region.cloned() else {
            self.refuse(root, "", "this file names no region", "choose one when it is run");
            return None;
        };
        let workers = u32::try_from(tasks).expect("at most MAX_WORKERS");
        Some(RegionLoad { region, workers, virtual_users: tasks * users })
    }

    fn reporting(&mut self, root: &Node) {
        let items = present(root, "reporting").map(Node::items).unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let module = item.get("module").unwrap_or(item);
            if !module.text().is_some_and(|text| REPORTERS.contains(&text)) {
                let path = join(&format!("reporting[{index}]"), "module");
                let hint = "write criteria as `thresholds` of our own format, or pass them to the gate";
                self.refuse(module, &path, "this reporter is not supported by this release", hint);
            }
        }
    }
}
