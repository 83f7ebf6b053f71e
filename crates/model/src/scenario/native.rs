//! Our own format: a page of YAML that a user of k6, Taurus or Artillery reads without a manual. `docs/scenarios.md` is the
//! manual all the same.
//!
//! ```yaml
//! name: shop front
//! load:
//!   virtual_users: 50        # over all workers of the scenario
//!   ramp_up: 30s             # 0s unless given
//!   hold_for: 2m
//! workers: 2                 # 1 unless given; or `regions: [{region: eu-west-1, workers: 2}, us-east-1]`
//! defaults:
//!   base_url: https://${TARGET:-shop.example.com}
//! requests:
//!   - GET /products          # a method and a path or URL
//!   - label: add to basket
//!     method: POST
//!     url: /basket
//!     json: { product: 7 }
//!     expect: 201
//!     extract: { basket: $.id }
//!     think_time: 1s
//!   - GET /basket/{{ basket }}
//! thresholds:
//!   - success_rate >= 99.5%
//! ```

mod auth;
mod body;
mod checks;
mod data;
mod extract;
mod fleet;
mod grpc;
mod http;
mod load;
mod pause;
mod rate;
mod request;
mod scope;
mod socket;
mod steps;
mod table;
mod values;
mod words;

use std::collections::BTreeMap;

use self::{
    scope::Scope,
    values::{optional, required},
};
use super::{
    Kind, Scenario, Sources, Warning,
    limits::{self, MAX_FLOWS, MAX_REQUESTS, MAX_TAGS},
    sources::Files,
};
use crate::{
    document::{Node, Value},
    fields::Fields,
    gate::{self, Clause},
    id::Region,
    load::Execution,
    problem::{Place, Problem, Problems},
    program::{Flow, Program, Step},
};

/// Reads a scenario; variables have been replaced before.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(
    root: &Node,
    sources: &Sources<'_>,
    default_region: Option<&Region>,
) -> Result<(Scenario, Vec<Warning>), Problems> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let mut scope = Scope::new(Files::new(sources));
    let scenario = read_root(root, default_region, &mut scope, &mut problems, &mut warnings);
    match scenario {
        Some(scenario) => Problems::unless_empty(problems, (scenario, warnings)),
        None => Problems::unless_empty(problems, ()).map(|()| unreachable!("what could not be read was noted")),
    }
}

fn read_root(
    root: &Node,
    default_region: Option<&Region>,
    scope: &mut Scope<'_>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) -> Option<Scenario> {
    let mut fields = Fields::of(root, "", problems)?;
    let name = required(&mut fields, "name", limits::name);
    let description = optional(&mut fields, "description", limits::description);
    // What flows may ask for comes before them; variables come last, since they may ask for secrets.
    let secrets = data::secrets(&mut fields, scope);
    let variables = data::variables(&mut fields, scope);
    let client = http::read(&mut fields, scope);
    scope.end_globals(fields.problems());
    let feeds = data::feeds(&mut fields, scope);
    request::read_defaults(&mut fields, scope);
    let flow_name = name.clone().unwrap_or_else(|| "requests".to_owned());
    let flows = read_flows(&mut fields, &flow_name, scope);
    let names: Vec<String> = flows.keys().cloned().collect();
    let load = load::read(&mut fields, &flow_name, &names);
    let workers = fleet::read(&mut fields, default_region);
    let thresholds = read_thresholds(&mut fields);
    let tags = read_tags(&mut fields);
    let show_live = fields.optional_bool("show_live");
    fields.finish_knowing(&words::AT_THE_TOP);
    let (name, load, workers) = (name?, load?, workers?);
    let users = load.iter().map(|execution| execution.executor.peak_virtual_users()).sum();
    warnings.extend(idle(&flows, &load, root));
    let fleet = fleet::share(users, &workers, root.place, problems, warnings);
    Some(Scenario {
        description: description.unwrap_or_default(),
        kind: Kind::Simple,
        fleet,
        load,
        program: Program { flows, variables, feeds, secrets, client },
        thresholds,
        tags,
        name,
        show_live: show_live.unwrap_or(true),
        extras: serde_json::Map::new(),
        written: None,
    })
}

/// The flows by name; `requests` is the only one, called as the scenario.
fn read_flows(fields: &mut Fields<'_>, name: &str, scope: &mut Scope<'_>) -> BTreeMap<String, Flow> {
    let Some(node) = fields.optional("flows") else {
        let before = fields.problems().len();
        let steps = read_requests(fields, scope);
        scope.end_flow(None, fields.problems());
        let flow = Flow { start: Vec::new(), steps };
        if let Some(node) = fields.optional("requests")
            && fields_are_fine(fields, before)
            && is_idle(&flow)
        {
            fields.reject("requests", node, "nothing is sent: expected at least one request");
        }
        return [(name.to_owned(), flow)].into();
    };
    if let Some(requests) = fields.optional("requests") {
        fields.reject("requests", requests, "give either `flows` or `requests`, not both");
    }
    let entries = fields.optional_map("flows");
    if matches!(node.value, Value::Mapping(_)) && !(1..=MAX_FLOWS).contains(&entries.len()) {
        fields.reject("flows", node, format!("expected 1 to {MAX_FLOWS} flows, found {}", entries.len()));
    }
    let mut flows = BTreeMap::new();
    for (key, node) in entries {
        let path = format!("flows.{}", key.text);
        if let Err(why) = limits::key(&key.text) {
            fields.problems().push(Problem::at(key.place, &path, why));
        }
        let before = fields.problems().len();
        let flow = read_flow(node, &path, scope, fields.problems());
        scope.end_flow(Some(&key.text), fields.problems());
        if fields_are_fine(fields, before) && is_idle(&flow) {
            fields.problems().push(Problem::at(node.place, &path, "nothing is sent: expected at least one request"));
        }
        flows.insert(key.text.clone(), flow);
    }
    flows
}

fn fields_are_fine(fields: &mut Fields<'_>, problems_before: usize) -> bool {
    fields.problems().len() == problems_before
}

/// Whether a flow sends nothing.
fn is_idle(flow: &Flow) -> bool {
    let program = Program { flows: [(String::new(), flow.clone())].into(), ..Program::default() };
    !program.steps().any(Step::is_sample)
}

/// A list of steps, or `start` and `steps`.
fn read_flow(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Flow {
    if !matches!(node.value, Value::Mapping(_)) {
        return Flow { start: Vec::new(), steps: steps::list(node, path, scope, problems) };
    }
    let mut flow = Flow::default();
    let Some(mut fields) = Fields::of(node, path, problems) else { return flow };
    if let Some(node) = fields.optional("start") {
        flow.start = steps::list(node, &format!("{path}.start"), scope, fields.problems());
    }
    if let Some(node) = fields.required("steps") {
        flow.steps = steps::list(node, &format!("{path}.steps"), scope, fields.problems());
    }
    fields.finish_knowing(&[
        ("requests", "write `steps`"),
        ("flow", "write `steps`"),
        ("setup", "write `start`: once for each virtual user"),
        ("on_start", "write `start`"),
        ("weight", "write `choose` in one flow, or give each flow an execution below `load`"),
    ]);
    flow
}

fn read_requests(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Vec<Step> {
    let Some(node) = fields.required("requests") else { return Vec::new() };
    let items = fields.optional_list("requests");
    if matches!(node.value, Value::Sequence(_)) && !(1..=MAX_REQUESTS).contains(&items.len()) {
        fields.reject("requests", node, format!("expected 1 to {MAX_REQUESTS} requests, found {}", items.len()));
    }
    steps::each(items, scope, fields.problems())
}

/// A warning for each flow that nobody runs.
fn idle(flows: &BTreeMap<String, Flow>, load: &[Execution], root: &Node) -> Vec<Warning> {
    let unused = flows.keys().filter(|name| load.iter().all(|execution| execution.flow != **name));
    let place = |name: &String| root.get("flows").unwrap_or(root).entries().iter().find(|(key, _)| key.text == *name);
    let warning = |name: &String| {
        let at = place(name).map_or(root.place, |(key, _)| key.place);
        Problem::at(at, format!("flows.{name}"), "no execution runs this flow")
    };
    unused.map(warning).collect()
}

fn read_thresholds(fields: &mut Fields<'_>) -> Vec<Clause> {
    let Some(node) = fields.optional("thresholds") else { return Vec::new() };
    match node.text() {
        Some(_) => read_clauses("thresholds", node, fields.problems()),
        None => fields
            .optional_list("thresholds")
            .into_iter()
            .flat_map(|(path, item)| read_clauses(&path, item, fields.problems()))
            .collect(),
    }
}

/// The clauses of a text; their problems at their places in the document where these can be told.
pub(super) fn read_clauses(path: &str, node: &Node, problems: &mut Vec<Problem>) -> Vec<Clause> {
    let Value::Scalar { text, plain } = &node.value else {
        problems.push(Problem::at(
            node.place,
            path,
            format!("expected a clause such as `p95 <= 800ms`, found {}", node.kind()),
        ));
        return Vec::new();
    };
    gate::parse(text).unwrap_or_else(|wrong| {
        problems.extend(wrong.into_vec().into_iter().map(|problem| {
            let offset = problem.place.filter(|place| *plain && place.line == 1).map_or(0, |place| place.column - 1);
            let place = Place { line: node.place.line, column: node.place.column + offset };
            Problem { place: Some(place), path: path.to_owned(), ..problem }
        }));
        Vec::new()
    })
}

pub(super) fn read_tags(fields: &mut Fields<'_>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let Some(node) = fields.optional("tags") else { return tags };
    for (path, item) in fields.optional_list("tags") {
        match item.text().map_or_else(|| Err(format!("expected text, found {}", item.kind())), limits::tag) {
            Ok(tag) if tags.contains(&tag) => {}
            Ok(tag) => tags.push(tag),
            Err(why) => fields.problems().push(Problem::at(item.place, path, why)),
        }
    }
    if tags.len() > MAX_TAGS {
        fields.reject("tags", node, format!("expected at most {MAX_TAGS} tags, found {}", tags.len()));
    }
    tags
}
