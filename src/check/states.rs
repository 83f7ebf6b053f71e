//! State machines that cannot run: states that lead nowhere, that nothing leads to, or that never end.
//!
//! Rules from the Amazon States Language specification.

use std::collections::{HashMap, HashSet};

use dlt_model::{
    document::{Key, Node},
    problem::Place,
};

use super::finding::{Findings, did_you_mean};

const TYPES: [&str; 8] = ["Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait"];
const NAME_CHARACTERS: usize = 80;

/// Checks a machine and the machines inside it; `locate` says where a place of the definition stands in the template.
pub fn check(machine: &Node, path: &str, locate: &dyn Fn(Place) -> Place, findings: &mut Findings) {
    Machine { path, locate, states: machine.get("States").map(Node::entries).unwrap_or_default(), node: machine }
        .check(findings);
}

struct Machine<'a> {
    path: &'a str,
    locate: &'a dyn Fn(Place) -> Place,
    states: &'a [(Key, Node)],
    node: &'a Node,
}

impl<'a> Machine<'a> {
    fn check(&self, findings: &mut Findings) {
        if self.states.is_empty() {
            return self.error("DLT186", self.node.place, "a state machine needs `States`", None, findings);
        }
        for (key, state) in self.states {
            self.shape(key, state, findings);
            self.targets(state, findings);
            self.inner(state, findings);
        }
        match self.node.get("StartAt") {
            None => self.error("DLT181", self.node.place, "a state machine needs `StartAt`", None, findings),
            Some(start) => {
                if self.leads_somewhere("DLT181", "StartAt", start, findings) {
                    self.reach(start.text().unwrap_or_default(), findings);
                }
            }
        }
    }

    fn error(&self, code: &'static str, place: Place, message: &str, hint: Option<String>, findings: &mut Findings) {
        findings.error(code, (self.locate)(place), self.path, message).maybe(hint);
    }

    fn has(&self, name: &str) -> bool {
        self.states.iter().any(|(key, _)| key.text == name)
    }

    fn leads_somewhere(&self, code: &'static str, what: &str, target: &Node, findings: &mut Findings) -> bool {
        let name = target.text().unwrap_or_default();
        if self.has(name) {
            return true;
        }
        let hint = did_you_mean(name, self.states.iter().map(|(key, _)| key.text.as_str()));
        self.error(
            code,
            target.place,
            &format!("`{what}` leads to `{name}`, which is not a state here"),
            hint,
            findings,
        );
        false
    }

    fn targets(&self, state: &Node, findings: &mut Findings) {
        for target in targets(state) {
            self.leads_somewhere("DLT182", "Next", target, findings);
        }
    }

    fn shape(&self, key: &Key, state: &Node, findings: &mut Findings) {
        let name = &key.text;
        let kind = kind(state);
        if name.chars().count() > NAME_CHARACTERS {
            self.error(
                "DLT186",
                key.place,
                &format!("the name of a state may have {NAME_CHARACTERS} characters"),
                None,
                findings,
            );
        }
        if !TYPES.contains(&kind) {
            return self.error(
                "DLT186",
                key.place,
                &format!("state `{name}` has no type that there is: `{kind}`"),
                did_you_mean(kind, TYPES),
                findings,
            );
        }
        let (next, end) = (state.get("Next").is_some(), ends(state));
        match kind {
            "Choice" => self.choice(key, state, findings),
            "Succeed" | "Fail" if next => self.error(
                "DLT186",
                key.place,
                &format!("state `{name}` ends here and cannot have `Next`"),
                None,
                findings,
            ),
            "Succeed" | "Fail" => {}
            _ if next == end => self.error(
                "DLT186",
                key.place,
                &format!("state `{name}` needs either `Next` or `End: true`"),
                None,
                findings,
            ),
            _ => {}
        }
        let needed = match kind {
            "Task" => &["Resource"][..],
            "Wait" => &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"],
            "Parallel" => &["Branches"],
            "Map" => &["ItemProcessor", "Iterator"],
            _ => return,
        };
        if needed.iter().filter(|key| state.get(key).is_some()).count() != 1 {
            self.error(
                "DLT186",
                key.place,
                &format!("state `{name}` needs one of {}", needed.join(", ")),
                None,
                findings,
            );
        }
    }

    fn choice(&self, key: &Key, state: &Node, findings: &mut Findings) {
        let choices = state.get("Choices").map(Node::items).unwrap_or_default();
        if choices.is_empty() {
            self.error("DLT186", key.place, &format!("state `{}` has no `Choices`", key.text), None, findings);
        } else if state.get("Default").is_none() && !is_total(choices) {
            let message = format!("state `{}` fails when none of its choices holds", key.text);
            findings.warning("DLT185", (self.locate)(key.place), self.path, message).hint("give it a `Default`");
        }
    }

    fn inner(&self, state: &Node, findings: &mut Findings) {
        let processors = ["ItemProcessor", "Iterator"].into_iter().filter_map(|key| state.get(key));
        let branches = state.get("Branches").map(Node::items).unwrap_or_default();
        for machine in processors.chain(branches) {
            check(machine, self.path, self.locate, findings);
        }
    }

    fn reach(&self, start: &'a str, findings: &mut Findings) {
        let by_name: HashMap<_, _> = self.states.iter().map(|(key, state)| (key.text.as_str(), state)).collect();
        let mut reached = HashSet::new();
        let mut open = vec![start];
        while let Some(name) = open.pop() {
            if let Some(state) = by_name.get(name).filter(|_| reached.insert(name)) {
                open.extend(targets(state).into_iter().filter_map(Node::text));
            }
        }
        for (key, _) in self.states.iter().filter(|(key, _)| !reached.contains(key.text.as_str())) {
            self.error("DLT183", key.place, &format!("nothing leads to state `{}`", key.text), None, findings);
        }
        if !self.states.iter().any(|(key, state)| reached.contains(key.text.as_str()) && ends(state)) {
            self.error("DLT184", self.node.place, "no state that can be reached ends the machine", None, findings);
        }
    }
}

fn kind(state: &Node) -> &str {
    state.get("Type").and_then(Node::text).unwrap_or_default()
}

fn ends(state: &Node) -> bool {
    matches!(kind(state), "Succeed" | "Fail") || state.get("End").and_then(Node::text) == Some("true")
}

/// Everything that can come after a state.
fn targets(state: &Node) -> Vec<&Node> {
    let lists = ["Choices", "Catch"].into_iter().filter_map(|key| state.get(key)).flat_map(Node::items);
    let next = lists.chain([state]).filter_map(|node| node.get("Next"));
    next.chain(state.get("Default")).collect()
}

/// Whether two of the choices are opposites, so that one of them always holds.
fn is_total(choices: &[Node]) -> bool {
    let tests: Vec<_> = choices
        .iter()
        .flat_map(|choice| {
            ["BooleanEquals", "IsPresent"]
                .map(|test| Some((choice.get("Variable")?.text()?, test, choice.get(test)?.text()?)))
        })
        .flatten()
        .collect();
    tests.iter().any(|(variable, test, truth)| *truth == "true" && tests.contains(&(variable, test, "false")))
}
