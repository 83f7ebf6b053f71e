//! Steps: which one a line or a mapping is, and those that hold others, wait, compute or measure.

use super::{
    body, grpc, pause, request,
    scope::{Scope, variable},
    socket,
    values::{items, one_of, optional, required, required_template, templates, text_of, word},
    words,
};
use crate::{
    document::{Node, Value},
    expression::Expression,
    fields::Fields,
    problem::{Problem, suggest},
    program::{Branch, MetricKind, Step},
    scenario::limits::{self, MAX_NAMES, MAX_STEPS, MAX_TURNS},
    template::{Part, Template},
};

/// Turns that a `while` takes at most, unless it says otherwise.
const DEFAULT_TURNS: u64 = 1_000;
/// The largest weight of a way.
const MAX_WEIGHT: u64 = 1_000_000;

type Read = fn(&mut Fields<'_>, &mut Scope<'_>) -> Option<Step>;

/// The key that says which step a mapping is. Everything else is a request.
const KINDS: [(&str, Read); 13] = [
    ("group", group),
    ("transaction", transaction),
    ("pause", thinking),
    ("set", set),
    ("if", branch),
    ("loop", repeat),
    ("while", repeat_while),
    ("foreach", for_each),
    ("choose", choose),
    ("measure", measure),
    ("websocket", socket::websocket),
    ("grpc", grpc::read),
    ("tcp", socket::tcp),
];

/// Steps of a list, in order.
pub(super) fn list(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Vec<Step> {
    let items = items(node, path, problems);
    if items.is_empty() && matches!(node.value, Value::Sequence(_)) {
        problems.push(Problem::at(node.place, path, "expected at least one step"));
    }
    each(items, scope, problems)
}

/// Steps, each at its path.
pub(super) fn each(items: Vec<(String, &Node)>, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Vec<Step> {
    items.into_iter().flat_map(|(path, item)| read(item, &path, scope, problems)).collect()
}

fn read(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Vec<Step> {
    scope.steps += 1;
    if scope.steps == MAX_STEPS + 1 {
        problems.push(Problem::at(node.place, path, format!("more than {MAX_STEPS} steps in all")));
    }
    let kind = KINDS.iter().find(|(key, _)| node.get("url").is_none() && node.get(key).is_some());
    if let Some((_, read)) = kind {
        let Some(mut fields) = Fields::of(node, path, problems) else { return Vec::new() };
        let step = read(&mut fields, scope);
        fields.finish_knowing(&words::STEPS);
        return step.into_iter().collect();
    }
    if let Some(problem) = stranger(node, path) {
        problems.push(problem);
        return Vec::new();
    }
    request::read(node, path, scope, problems)
}

/// A mapping that is no request and no step, and what it was probably meant to be.
fn stranger(node: &Node, path: &str) -> Option<Problem> {
    let (key, _) = node.entries().first()?;
    if node.entries().iter().any(|(key, _)| request::KEYS.contains(&key.text.as_str())) {
        return None;
    }
    let synonym = words::STEPS.iter().find(|(word, _)| *word == key.text).map(|(_, here)| (*here).to_owned());
    let meant =
        || suggest(&key.text, KINDS.iter().map(|(key, _)| *key)).map(|meant| format!("did you mean `{meant}`?"));
    let problem = Problem::at(key.place, path, format!("`{}` is no step", key.text));
    synonym.or_else(meant).map(|hint| problem.hint(hint))
}

/// The steps below a key that must be there.
fn below(fields: &mut Fields<'_>, key: &'static str, scope: &mut Scope<'_>) -> Vec<Step> {
    let path = fields.path_of(key);
    fields.required(key).map(|node| list(node, &path, scope, fields.problems())).unwrap_or_default()
}

fn group(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let name = required(fields, "group", limits::key);
    let steps = below(fields, "steps", scope);
    Some(Step::Group { name: name?, transaction: false, steps })
}

fn transaction(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let name = required(fields, "transaction", limits::key);
    let steps = below(fields, "steps", scope);
    Some(Step::Group { name: name?, transaction: true, steps })
}

fn thinking(fields: &mut Fields<'_>, _: &mut Scope<'_>) -> Option<Step> {
    fields.required("pause")?;
    pause::read(fields, "pause").map(Step::Pause)
}

fn set(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    fields.required("set")?;
    let path = fields.path_of("set");
    let mut values = Vec::new();
    for (key, node) in fields.optional_map("set") {
        let path = format!("{path}.{}", key.text);
        let value = body::value(node, &path, scope, fields.problems());
        match variable(&key.text) {
            Ok(name) => {
                scope.set(&name);
                values.extend(value.map(|value| (name, value)));
            }
            Err(why) => fields.problems().push(Problem::at(key.place, path, why)),
        }
    }
    Some(Step::Set(values))
}

fn branch(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let condition = condition(fields, "if", scope);
    let then = below(fields, "then", scope);
    let otherwise = if fields.optional("else").is_some() { below(fields, "else", scope) } else { Vec::new() };
    Some(Step::If { condition: condition?, then, otherwise })
}

fn condition(fields: &mut Fields<'_>, key: &'static str, scope: &mut Scope<'_>) -> Option<crate::condition::Condition> {
    let node = fields.required(key)?;
    let path = fields.path_of(key);
    scope.condition(node, &path, fields.problems())
}

fn repeat(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let times = required_template(fields, "loop", scope);
    if let Some((text, node)) = times.as_ref().and_then(Template::as_literal).zip(fields.optional("loop"))
        && let Err(why) = limits::number(text, 0, MAX_TURNS)
    {
        fields.reject("loop", node, why);
    }
    scope.enter("index");
    let steps = below(fields, "steps", scope);
    scope.leave();
    Some(Step::Loop { times: times?, steps })
}

fn repeat_while(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let condition = condition(fields, "while", scope);
    let most = optional(fields, "most", |text| limits::number(text, 1, MAX_TURNS));
    let steps = below(fields, "steps", scope);
    Some(Step::While { condition: condition?, steps, most: most.unwrap_or(DEFAULT_TURNS) })
}

fn for_each(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let list = required(fields, "foreach", bare_variable);
    if let Some((list, node)) = list.as_ref().zip(fields.optional("foreach")) {
        scope.note(list, node.place, &fields.path_of("foreach"));
    }
    let item = optional(fields, "as", variable).unwrap_or_else(|| "item".to_owned());
    scope.enter(&item);
    let steps = below(fields, "steps", scope);
    scope.leave();
    Some(Step::ForEach { list: list?, item, steps })
}

/// A variable's name, in braces or without.
fn bare_variable(text: &str) -> Result<String, String> {
    match text.parse::<Template>()?.parts() {
        [Part::Hole(Expression::Variable(name))] => Ok(name.clone()),
        _ => variable(text),
    }
}

fn choose(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let node = fields.required("choose")?;
    let listed = fields.optional_list("choose");
    let mut branches = Vec::new();
    for (path, item) in &listed {
        let Some(mut way) = Fields::of(item, path, fields.problems()) else { continue };
        let weight = optional(&mut way, "weight", |text| limits::number(text, 0, MAX_WEIGHT)).unwrap_or(1);
        let steps = below(&mut way, "steps", scope);
        way.finish();
        branches.push(Branch { weight: u32::try_from(weight).expect("at most MAX_WEIGHT"), steps });
    }
    if matches!(node.value, Value::Sequence(_)) && branches.iter().all(|branch| branch.weight == 0) {
        fields.reject("choose", node, "expected at least one way with a weight above 0");
    }
    Some(Step::Choose(branches))
}

fn measure(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Step> {
    let node = fields.required("measure")?;
    let path = fields.path_of("measure");
    let mut inner = Fields::of(node, path.as_str(), fields.problems())?;
    let metric = required(&mut inner, "metric", limits::key);
    inner.required("kind");
    let kinds = [
        ("counter", MetricKind::Counter),
        ("gauge", MetricKind::Gauge),
        ("rate", MetricKind::Rate),
        ("trend", MetricKind::Trend),
    ];
    let kind = word(&mut inner, "kind", &kinds);
    let value = required_template(&mut inner, "value", scope);
    if let Some((text, node)) = value.as_ref().and_then(Template::as_literal).zip(inner.optional("value")) {
        let boolean = kind == Some(MetricKind::Rate) && matches!(text, "true" | "false");
        if !boolean && text.parse::<f64>().is_err() {
            inner.reject("value", node, format!("expected a number, found `{text}`"));
        }
    }
    let tags = templates(&mut inner, "tags", scope, |name, _| limits::key(name).map(drop));
    if let Some(node) = inner.optional("tags").filter(|_| tags.len() > MAX_NAMES) {
        inner.reject("tags", node, format!("expected at most {MAX_NAMES} tags"));
    }
    inner.finish_knowing(&[("name", "write `metric`"), ("type", "write `kind`"), ("add", "write `value`")]);
    let (metric, kind) = (metric?, kind?);
    if let Some(before) = scope.metric(&metric, kind) {
        let message = format!("the metric `{metric}` is a {before:?} elsewhere").to_lowercase();
        fields.reject("measure", node, message);
    }
    Some(Step::Measure { metric, kind, value: value?, tags })
}

/// The one of several keys that says what a mapping is about; a problem when one is needed and none is there.
pub(super) fn content<'a>(
    fields: &mut Fields<'a>,
    keys: &[&'static str],
    required: bool,
) -> Option<(&'static str, &'a Node)> {
    let found = one_of(fields, keys);
    if found.is_none() && required {
        let problem = Problem::at(fields.place(), fields.path(), format!("give one of {}", keys.join(", ")));
        fields.problems().push(problem);
    }
    found
}

/// The name of a file, and its bytes.
pub(super) fn file(fields: &mut Fields<'_>, key: &'static str, node: &Node, scope: &Scope<'_>) -> Option<Vec<u8>> {
    let read = text_of(node).and_then(|name| scope.files.read(name));
    read.map_err(|why| fields.reject(key, node, why)).ok()
}
