//! Taurus's YAML and JSON, where lists of requests are described: what JMeter would do for them, done natively.
//!
//! [`reader`] is what all parts share. `executions` and `profile` say how much is done when, `scenarios`, `blocks`, `requests`,
//! `bodies`, `answers` and `data` what is done, `passfail` what must hold. `names`, `holes`, `functions` and `conditions` are
//! JMeter's `${…}` in our words. What would be done differently than it is written is refused with its place.
//!
//! Where the original has a default that is not ours, the original's is kept: users keep their cookies, 20 redirects are
//! followed, what HTML pages embed is fetched too, pauses come before their requests, labels are URLs as they are written.

mod answers;
mod blocks;
mod bodies;
mod conditions;
mod data;
mod executions;
mod functions;
mod holes;
pub(super) mod names;
mod passfail;
mod profile;
pub(super) mod reader;
mod requests;
mod scenarios;

use serde_json::Map;

pub(super) use self::{
    executions::Tasks,
    reader::{Reader, join, present},
};
use super::{DEFAULT_GRACEFUL_STOP, Kind, RegionLoad, Scenario, body, limits};
use crate::document::{Node, Value};

const KNOWN: [&str; 11] = [
    "execution",
    "scenarios",
    "reporting",
    "services",
    "modules",
    "settings",
    "provisioning",
    "included-configs",
    "cli",
    "cli-aliases",
    "properties",
];
/// What Taurus would do and this release would silently leave out.
const REFUSED: [(&str, &str); 2] = [
    ("included-configs", "put everything into one file"),
    ("cli", "leave it out: it is the writer's own command line"),
];
/// Services that watch and change nothing.
const WATCHING: [&str; 5] = ["monitoring", "online-kpi", "check-resources", "resources-check", "consolidator"];

/// Whether a document is Taurus's own, without an envelope of AWS DLT.
pub(super) fn looks_like(root: &Node) -> bool {
    root.get("testScenario").is_none() && root.get("execution").is_some() && root.get("load").is_none()
}

impl Reader<'_> {
    /// A whole file of Taurus, or the one that AWS DLT writes for each of its tasks.
    pub fn taurus_file(&mut self, root: &Node) -> Option<Scenario> {
        self.refuse_keys(root, "", &REFUSED);
        self.around(root, "");
        self.warn_unknown_keys(root, "", &KNOWN);
        let thresholds = self.reporting(root, "");
        let work = self.work(root, "", None);
        if self.default_region.is_none() {
            self.refuse(root, "", "this file names no region", "choose one when it is run");
        }
        let (work, region) = (work?, self.default_region.cloned()?);
        let workers = u32::try_from(work.workers).expect("at most MAX_WORKERS");
        let virtual_users = work.load.iter().map(|execution| execution.executor.peak_virtual_users()).sum();
        let mut scenario = Scenario {
            name: fit(&work.name),
            description: String::new(),
            kind: Kind::Simple,
            fleet: vec![RegionLoad { region, workers, virtual_users }],
            load: work.load,
            program: work.program,
            thresholds,
            tags: Vec::new(),
            show_live: false,
            extras: Map::new(),
            written: self.written(root),
        };
        for execution in &mut scenario.load {
            execution.graceful_stop_ms = DEFAULT_GRACEFUL_STOP.as_millis();
        }
        Some(scenario)
    }

    /// What stands around `execution` and `scenarios` and changes nothing about the requests.
    pub fn around(&mut self, root: &Node, path: &str) {
        if let Some(node) = present(root, "provisioning") {
            let path = join(path, "provisioning");
            match node.text() {
                Some("local") => {}
                Some("cloud") => self.warn(node.place, &path, "runs on the workers of this system, not in BlazeMeter"),
                _ => self.refuse(node, &path, "this provisioning is not supported by this release", "leave it out"),
            }
        }
        if let Some(services) = present(root, "services") {
            let path = join(path, "services");
            for (index, item) in self.items(services).iter().enumerate() {
                let module = item.get("module").unwrap_or(item);
                let path = format!("{path}[{index}]");
                match module.text() {
                    Some(text) if WATCHING.contains(&text) => {
                        self.warn(module.place, &path, format!("`{text}` is ignored: workers watch themselves"));
                    }
                    Some("shellexec") => {
                        self.refuse(
                            module,
                            &path,
                            "workers run no commands",
                            "run them before and after, in the pipeline",
                        );
                    }
                    _ => self.refuse(module, &path, "this service is not supported by this release", "leave it out"),
                }
            }
        }
        for (key, used) in [("settings", ["env", "default-executor"].as_slice()), ("modules", &["jmeter"])] {
            let Some(node) = present(root, key) else { continue };
            for (entry, _) in node.entries().iter().filter(|(entry, _)| !used.contains(&entry.text.as_str())) {
                let why = format!("`{}` is ignored: it is about Taurus itself", entry.text);
                self.warn(entry.place, &join(&join(path, key), &entry.text), why);
            }
        }
        let jmeter = root.get("modules").and_then(|modules| modules.get("jmeter"));
        for (entry, _) in jmeter.map(Node::entries).unwrap_or_default() {
            if entry.text != "properties" {
                let path = join(path, &format!("modules.jmeter.{}", entry.text));
                self.warn(entry.place, &path, format!("`{}` is ignored: it is about JMeter itself", entry.text));
            }
        }
    }

    /// What was written, for those who ask for it; not when it cannot be read again because files belong to it.
    pub fn written(&self, node: &Node) -> Option<serde_json::Value> {
        (!self.has_read_files()).then(|| body::to_json(node))
    }
}

/// What `settings.env` says that a name stands for.
pub(super) fn environment(root: &Node) -> Vec<(String, String)> {
    let env = root.get("settings").and_then(|settings| settings.get("env")).map(Node::entries).unwrap_or_default();
    let text = |node: &Node| match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Some(text.clone()),
        _ => None,
    };
    env.iter().filter_map(|(key, node)| Some((key.text.clone(), text(node)?))).collect()
}

/// The name of a test after the name of a scenario, which may be shorter.
fn fit(name: &str) -> String {
    let one_line: String =
        name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limits::MAX_NAME_LENGTH).collect();
    let trimmed = one_line.trim();
    limits::name(trimmed).unwrap_or_else(|_| format!("scenario {trimmed}").trim().to_owned())
}
