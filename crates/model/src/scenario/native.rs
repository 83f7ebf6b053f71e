//! Our own format: a page of YAML that a user of k6, Taurus or Artillery reads without a manual.
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
//!   headers: { accept: application/json }
//!   timeout: 10s             # 30s unless given
//! requests:
//!   - GET /products          # a method and a path or URL
//!   - label: add to basket
//!     method: POST
//!     url: /basket
//!     json: { product: 7 }   # or `body:` with text
//!     expect: 201            # a status, a class such as 2xx, or a list of them; any 2xx or 3xx unless given
//!     think_time: 1s
//! thresholds:
//!   - success_rate >= 99.5%
//!   - p95 <= 800ms
//! ```

mod request;

use super::{
    DEFAULT_GRACEFUL_STOP, Kind, RegionLoad, Scenario, Warning,
    limits::{self, MAX_REQUESTS, MAX_TAGS, MAX_VIRTUAL_USERS_PER_WORKER, MAX_WORKERS},
};
use crate::{
    document::{Node, Value},
    duration::Duration,
    fields::Fields,
    gate::{self, Clause},
    id::Region,
    load::{Execution, Executor},
    problem::{Place, Problem, Problems},
    program::{Flow, Program, Step},
    segment::Segment,
};

/// What the field calls our keys elsewhere.
const SYNONYMS: [(&str, &str); 16] = [
    ("vus", "write `load.virtual_users`"),
    ("users", "write `load.virtual_users`"),
    ("concurrency", "write `load.virtual_users`"),
    ("virtual_users", "it belongs below `load`"),
    ("ramp_up", "it belongs below `load`"),
    ("hold_for", "it belongs below `load`"),
    ("ramp-up", "write `load.ramp_up`"),
    ("hold-for", "write `load.hold_for`"),
    ("duration", "write `load.hold_for`"),
    ("base_url", "write `defaults.base_url`"),
    ("target", "write `defaults.base_url`"),
    ("stages", "this release has one ramp-up and one hold-for"),
    ("phases", "this release has one ramp-up and one hold-for"),
    ("arrival_rate", "this release has constant virtual users only"),
    ("iterations", "this release ends by time: write `load.hold_for`"),
    ("execution", "this looks like Taurus; write `load` and `requests`"),
];

/// Reads a scenario; variables have been replaced before.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(root: &Node, default_region: Option<&Region>) -> Result<(Scenario, Vec<Warning>), Problems> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let scenario = read_root(root, default_region, &mut problems, &mut warnings);
    problems.iter_mut().for_each(name_the_key_meant);
    match scenario {
        Some(scenario) => Problems::unless_empty(problems, (scenario, warnings)),
        None => Problems::unless_empty(problems, ()).map(|()| unreachable!("what could not be read was noted")),
    }
}

fn read_root(
    root: &Node,
    default_region: Option<&Region>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) -> Option<Scenario> {
    let mut fields = Fields::of(root, "", problems)?;
    let name = required(&mut fields, "name", limits::name);
    let description = optional(&mut fields, "description", limits::description);
    let load = read_load(&mut fields);
    let workers = read_workers(&mut fields, default_region);
    let defaults = request::read_defaults(&mut fields);
    let steps = read_requests(&mut fields, &defaults);
    let thresholds = read_thresholds(&mut fields);
    let tags = read_tags(&mut fields);
    let show_live = fields.optional_bool("show_live");
    fields.finish();
    let (name, load, workers) = (name?, load?, workers?);
    let fleet = share(load.virtual_users, &workers, root.place, problems, warnings);
    Some(Scenario {
        description: description.unwrap_or_default(),
        kind: Kind::Simple,
        fleet,
        load: vec![Execution {
            name: name.clone(),
            flow: name.clone(),
            start_after_ms: 0,
            graceful_stop_ms: load.graceful_stop.as_millis(),
            executor: Executor::ramp_and_hold(load.virtual_users, load.ramp_up.as_millis(), load.hold_for.as_millis()),
        }],
        program: Program { flows: [(name.clone(), Flow { start: Vec::new(), steps })].into(), ..Program::default() },
        thresholds,
        tags,
        name,
        show_live: show_live.unwrap_or(true),
        extras: serde_json::Map::new(),
        written: None,
    })
}

struct Load {
    virtual_users: u64,
    ramp_up: Duration,
    hold_for: Duration,
    graceful_stop: Duration,
}

fn read_load(fields: &mut Fields<'_>) -> Option<Load> {
    let node = fields.required("load")?;
    let mut fields = Fields::of(node, "load", fields.problems())?;
    let most = MAX_VIRTUAL_USERS_PER_WORKER * u64::from(MAX_WORKERS);
    let virtual_users = required(&mut fields, "virtual_users", |text| limits::number(text, 1, most));
    let ramp_up = optional(&mut fields, "ramp_up", limits::stage);
    let hold_for = required(&mut fields, "hold_for", limits::longer_than_nothing);
    let graceful_stop = optional(&mut fields, "graceful_stop", limits::stage);
    fields.finish();
    Some(Load {
        virtual_users: virtual_users?,
        ramp_up: ramp_up.unwrap_or_default(),
        hold_for: hold_for?,
        graceful_stop: graceful_stop.unwrap_or(DEFAULT_GRACEFUL_STOP),
    })
}

/// How many workers stand in which region; `None` with a problem noted.
fn read_workers(fields: &mut Fields<'_>, default_region: Option<&Region>) -> Option<Vec<(Region, u32)>> {
    let most = u64::from(MAX_WORKERS);
    let workers = fields.optional("workers").is_some();
    let count = optional(fields, "workers", |text| limits::number(text, 1, most));
    let Some(regions) = fields.optional("regions") else {
        let count = if workers { count? } else { 1 };
        let Some(region) = default_region else {
            let problem =
                Problem::at(fields.place(), "regions", "no region is named").hint("write `regions: [eu-west-1]`");
            fields.problems().push(problem);
            return None;
        };
        return Some(vec![(region.clone(), u32::try_from(count).expect("at most MAX_WORKERS"))]);
    };
    if workers {
        fields.reject("workers", regions, "give either `workers` or `regions`, not both");
    }
    let mut read: Vec<(Region, u32)> = Vec::new();
    for (path, node) in fields.optional_list("regions") {
        let Some((region, workers)) = read_region(node, &path, fields.problems()) else { continue };
        if read.iter().any(|(known, _)| *known == region) {
            fields.problems().push(Problem::at(node.place, path, format!("`{region}` is given twice")));
            continue;
        }
        read.push((region, workers));
    }
    if regions.items().is_empty() && matches!(regions.value, Value::Sequence(_)) {
        fields.reject("regions", regions, "name at least one region");
    }
    (!read.is_empty()).then_some(read)
}

fn read_region(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<(Region, u32)> {
    let parse = |text: &str| text.parse::<Region>().map_err(|error| error.to_string());
    if let Some(text) = node.text() {
        return parse(text)
            .map_err(|why| problems.push(Problem::at(node.place, path, why)))
            .ok()
            .map(|region| (region, 1));
    }
    let mut fields = Fields::of(node, path, problems)?;
    let region = required(&mut fields, "region", parse);
    let given = fields.optional("workers").is_some();
    let workers = optional(&mut fields, "workers", |text| limits::number(text, 1, u64::from(MAX_WORKERS)));
    fields.finish();
    let workers = if given { workers? } else { 1 };
    Some((region?, u32::try_from(workers).expect("at most MAX_WORKERS")))
}

/// Gives each region its exact share of the virtual users, in proportion to its workers.
fn share(
    virtual_users: u64,
    workers: &[(Region, u32)],
    place: Place,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) -> Vec<RegionLoad> {
    let total: u64 = workers.iter().map(|(_, count)| u64::from(*count)).sum();
    if total > u64::from(MAX_WORKERS) {
        problems.push(Problem::at(
            place,
            "regions",
            format!("expected at most {MAX_WORKERS} workers in all, found {total}"),
        ));
        return Vec::new();
    }
    if virtual_users.div_ceil(total) > MAX_VIRTUAL_USERS_PER_WORKER {
        let needed = virtual_users.div_ceil(MAX_VIRTUAL_USERS_PER_WORKER);
        let message = format!(
            "a worker runs at most {MAX_VIRTUAL_USERS_PER_WORKER} virtual users; {virtual_users} need {needed} workers"
        );
        problems.push(Problem::at(place, "workers", message));
        return Vec::new();
    }
    let shares: Vec<u64> = Segment::split(u32::try_from(total).expect("at most MAX_WORKERS"))
        .map(|segment| segment.share_of(virtual_users))
        .collect();
    let mut next = 0;
    let mut fleet = Vec::new();
    for (region, count) in workers {
        let end = next + usize::try_from(*count).expect("at most MAX_WORKERS");
        let users = shares[next..end].iter().sum();
        next = end;
        let needed = u32::try_from(users).unwrap_or(u32::MAX).min(*count);
        if users == 0 {
            let message = format!("`{region}` gets none of {virtual_users} virtual users and is left out");
            warnings.push(Problem::at(place, "regions", message));
            continue;
        }
        if needed < *count {
            let message =
                format!("{count} workers for {users} virtual users in `{region}`: {needed} are enough, one user each");
            warnings.push(Problem::at(place, "workers", message));
        }
        fleet.push(RegionLoad { region: region.clone(), workers: needed, virtual_users: users });
    }
    fleet
}

fn read_requests(fields: &mut Fields<'_>, defaults: &request::Defaults) -> Vec<Step> {
    let Some(node) = fields.required("requests") else { return Vec::new() };
    let items = fields.optional_list("requests");
    if matches!(node.value, Value::Sequence(_)) && !(1..=MAX_REQUESTS).contains(&items.len()) {
        fields.reject("requests", node, format!("expected 1 to {MAX_REQUESTS} requests, found {}", items.len()));
    }
    items.iter().flat_map(|(path, item)| request::read(item, path, defaults, fields.problems())).collect()
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

/// A key that may be absent, read and checked at its place.
pub(super) fn optional<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let node = fields.optional(key)?;
    let result = node.text().map_or_else(|| Err(format!("expected text, found {}", node.kind())), read);
    result.map_err(|why| fields.reject(key, node, why)).ok()
}

/// A key that must be there, read and checked at its place.
pub(super) fn required<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    fields.required(key)?;
    optional(fields, key, read)
}

fn name_the_key_meant(problem: &mut Problem) {
    let unknown = problem.message.strip_prefix("unknown key `").and_then(|rest| rest.strip_suffix('`'));
    let meant = unknown.and_then(|key| SYNONYMS.iter().find(|(word, _)| *word == key));
    if let Some((_, hint)) = meant {
        problem.hint = Some((*hint).to_owned());
    }
}
