//! What requests are grouped by: transactions, conditions, loops, other scenarios, pauses and variables.

use super::{
    conditions,
    reader::{Reader, join, present},
    scenarios::{Found, Shared},
};
use crate::{
    condition::{Condition, Operator},
    document::{Node, Value},
    expression::{Expression, Function},
    program::{Pause, Step},
    scenario::limits,
    template::Template,
};

/// Turns that a `while` or a `loop` takes at most, so that no iteration lasts for ever.
const MAX_TURNS: u64 = 1_000_000;
/// How deeply blocks may be nested.
const MAX_DEPTH: usize = 20;
const BLOCKS: [&str; 9] =
    ["transaction", "if", "loop", "while", "foreach", "once", "include-scenario", "action", "set-variables"];

/// Where a block stands.
#[derive(Clone, Copy)]
pub(super) struct Within<'n> {
    pub depth: usize,
    /// In which kind of loop, if any.
    pub turns: Turns,
    /// All scenarios of the document.
    pub scenarios: Option<&'n Node>,
}

/// What repeats the steps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turns {
    /// Iterations alone.
    Iterations,
    /// A loop that counts.
    Counted,
    /// A loop that does not.
    Uncounted,
}

impl Within<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

/// Where a block stands, and what its requests share.
#[derive(Clone, Copy)]
pub(super) struct Here<'n> {
    pub within: Within<'n>,
    pub shared: &'n Shared,
}

impl Here<'_> {
    fn deeper(self) -> Self {
        Self { within: self.within.deeper(), ..self }
    }

    fn repeated(self, turns: Turns) -> Self {
        Self { within: Within { turns, ..self.within }, ..self }
    }
}

impl Reader<'_> {
    pub(super) fn steps(&mut self, items: &[Node], path: &str, here: Here<'_>, found: &mut Found) -> Vec<Step> {
        if here.within.depth > MAX_DEPTH {
            if let Some(first) = items.first() {
                self.reject(first, path, format!("blocks are nested more than {MAX_DEPTH} deep"));
            }
            return Vec::new();
        }
        let mut steps = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let block = BLOCKS.iter().find(|key| present(item, key).is_some());
            match block {
                None => steps.extend(self.request(item, &path, here.shared)),
                Some(block) => steps.extend(self.block(block, item, &path, here, found)),
            }
        }
        steps
    }

    fn block(&mut self, kind: &str, node: &Node, path: &str, here: Here<'_>, found: &mut Found) -> Vec<Step> {
        let inner = here.deeper();
        match kind {
            "transaction" => {
                self.warn_unknown_keys(node, path, &["transaction", "do", "force-parent-sample", "include-timers"]);
                let own = here.shared.of_transaction(self, node, path);
                let name = self.required(node, path, kind, |text| Ok(text.to_owned()));
                let steps = self.inner(node, path, "do", Here { shared: &own, ..inner }, found);
                vec![Step::Group { name: name.unwrap_or_default(), transaction: true, steps }]
            }
            "if" => {
                self.warn_unknown_keys(node, path, &["if", "then", "else"]);
                let condition = self.condition(node, path, kind);
                let then = self.inner(node, path, "then", inner, found);
                let otherwise = present(node, "else").is_some().then(|| self.inner(node, path, "else", inner, found));
                let otherwise = otherwise.unwrap_or_default();
                condition.map(|condition| Step::If { condition, then, otherwise }).into_iter().collect()
            }
            "once" => {
                self.warn_unknown_keys(node, path, &["once"]);
                let then = self.inner(node, path, "once", inner, found);
                let turn = match here.within.turns {
                    Turns::Iterations => Expression::Call(Function::Iteration, Vec::new()),
                    Turns::Counted => Expression::Variable("index".to_owned()),
                    Turns::Uncounted => {
                        let instead = "put it before the loop";
                        self.refuse(node, path, "`once` inside `while` or `foreach` is not supported", instead);
                        return Vec::new();
                    }
                };
                let condition = Condition::Compare(turn, Operator::Equal, Expression::Literal("0".to_owned()));
                vec![Step::If { condition, then, otherwise: Vec::new() }]
            }
            "loop" => {
                self.warn_unknown_keys(node, path, &["loop", "do"]);
                let times = self.times(node, path);
                let inner = inner.repeated(Turns::Counted);
                let steps = self.inner(node, path, "do", inner, found);
                times.map(|times| Step::Loop { times, steps }).into_iter().collect()
            }
            "while" => {
                self.warn_unknown_keys(node, path, &["while", "do"]);
                let condition = self.condition(node, path, kind);
                let inner = inner.repeated(Turns::Uncounted);
                let steps = self.inner(node, path, "do", inner, found);
                condition.map(|condition| Step::While { condition, steps, most: MAX_TURNS }).into_iter().collect()
            }
            "foreach" => {
                self.warn_unknown_keys(node, path, &["foreach", "do"]);
                let names = self.required(node, path, kind, |text| {
                    let names =
                        text.split_once(" in ").map(|(item, list)| (item.trim().to_owned(), list.trim().to_owned()));
                    names.ok_or_else(|| format!("expected `item in list`, found `{text}`"))
                });
                let names = names.filter(|(_, list)| {
                    let known = self.names.lists.contains(list);
                    if !known {
                        let why = format!("`{list}` holds no list");
                        self.refuse(
                            node,
                            &join(path, kind),
                            why,
                            "extract it with `match-no: -1`, which keeps all matches",
                        );
                    }
                    known
                });
                let inner = inner.repeated(Turns::Uncounted);
                let steps = self.inner(node, path, "do", inner, found);
                names.map(|(item, list)| Step::ForEach { list, item, steps }).into_iter().collect()
            }
            "include-scenario" => {
                self.warn_unknown_keys(node, path, &["include-scenario"]);
                self.included(node, path, inner.within, found)
            }
            "action" => self.action(node, path),
            _ => {
                self.warn_unknown_keys(node, path, &["set-variables"]);
                let path = join(path, kind);
                let Some(values) = present(node, kind).filter(|values| self.is_object(values, &path)) else {
                    return Vec::new();
                };
                vec![Step::Set(self.variables(values, &path))]
            }
        }
    }

    /// The steps below a key.
    fn inner(&mut self, node: &Node, path: &str, key: &str, here: Here<'_>, found: &mut Found) -> Vec<Step> {
        let Some(items) = present(node, key) else {
            self.missing(node, path, key);
            return Vec::new();
        };
        let path = join(path, key);
        let items = self.items(items);
        self.steps(items, &path, here, found)
    }

    fn condition(&mut self, node: &Node, path: &str, key: &str) -> Option<Condition> {
        let written = present(node, key)?;
        let path = join(path, key);
        let Some(text) = written.text() else {
            self.reject(written, &path, format!("expected a condition, found {}", written.kind()));
            return None;
        };
        match conditions::translate(text, &self.names) {
            Ok((condition, warnings)) => {
                warnings.into_iter().for_each(|warning| self.warn(written.place, &path, warning));
                Some(condition)
            }
            Err((why, instead)) => {
                self.refuse(written, &path, why, instead);
                None
            }
        }
    }

    fn times(&mut self, node: &Node, path: &str) -> Option<Template> {
        let written = present(node, "loop")?;
        let path = join(path, "loop");
        if written.text() == Some("forever") {
            self.refuse(
                written,
                &path,
                "an iteration without end cannot be run",
                "leave the loop out: `hold-for` repeats all requests",
            );
            return None;
        }
        let template = self.template(written, &path)?;
        if let Some(literal) = template.as_literal() {
            limits::number(literal, 0, MAX_TURNS).map_err(|why| self.reject(written, &path, why)).ok()?;
        }
        Some(template)
    }

    fn included(&mut self, node: &Node, path: &str, within: Within<'_>, found: &mut Found) -> Vec<Step> {
        let Some(name) = self.required(node, path, "include-scenario", |text| Ok(text.to_owned())) else {
            return Vec::new();
        };
        let path = join(path, "include-scenario");
        if found.open.contains(&name) {
            self.reject(node, &path, format!("`{name}` includes itself: {} -> {name}", found.open.join(" -> ")));
            return Vec::new();
        }
        match within.scenarios.and_then(|scenarios| scenarios.get(&name)) {
            Some(scenario) => self.scenario_steps(&name, scenario, &format!("scenarios.{name}"), within, found),
            None => {
                self.reject(node, &path, format!("there is no scenario `{name}`"));
                Vec::new()
            }
        }
    }

    fn action(&mut self, node: &Node, path: &str) -> Vec<Step> {
        self.warn_unknown_keys(node, path, &["action", "target", "pause-duration"]);
        let Some(action) = self.required(node, path, "action", |text| Ok(text.to_owned())) else { return Vec::new() };
        if action != "pause" {
            let path = join(path, "action");
            self.refuse(
                node,
                &path,
                format!("the action `{action}` is not supported by this release"),
                "put what follows into an `if`",
            );
            return Vec::new();
        }
        match present(node, "target").and_then(Node::text) {
            None | Some("current-thread") => {}
            Some(_) => {
                let path = join(path, "target");
                self.refuse(node, &path, "a user pauses for itself alone", "write `target: current-thread`");
            }
        }
        let span = self.required(node, path, "pause-duration", limits::stage);
        span.filter(|span| !span.is_zero())
            .map(|span| Step::Pause(Pause::Constant { ms: span.as_millis() }))
            .into_iter()
            .collect()
    }

    /// Names and values below `variables` or `set-variables`.
    pub(super) fn variables(&mut self, values: &Node, path: &str) -> Vec<(String, Template)> {
        let mut read = Vec::new();
        for (key, value) in values.entries() {
            let path = join(path, &key.text);
            if !super::holes::is_name(&key.text) {
                let why = format!("`{}` is not the name of a variable here", key.text);
                self.refuse(value, &path, why, "name it with letters, digits, `_`, `-` and `.`");
            } else if matches!(value.value, Value::Scalar { .. }) {
                read.extend(self.template(value, &path).map(|template| (key.text.clone(), template)));
            } else {
                self.reject(value, &path, format!("expected text, found {}", value.kind()));
            }
        }
        read
    }
}
