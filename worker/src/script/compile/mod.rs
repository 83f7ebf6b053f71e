//! From the written program to the compiled one. Everything that can be wrong is found here, before a worker says ready.

mod protocols;
mod request;
mod steps;
mod texts;

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::AtomicU64,
};

use dlt_model::program::{Extract, Feed as WrittenFeed, FeedOrder, MetricKind, Program, SocketAction, Step};

use super::{
    feeds::Feed,
    names::{MAX_CHECKS, MAX_LABELS, MAX_METRICS, Names},
    patterns,
    program::{Flow, Scripts, Tables},
    value::Slot,
};
use crate::secrets::Secrets;

/// What a worker is, as far as programs can ask.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Which of the run's workers, from 0.
    pub worker: u32,
    /// What chance begins with: the run's id.
    pub seed: &'a str,
}

/// Compiles these flows of a program.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn compile<'a>(
    program: &Program,
    flows: impl IntoIterator<Item = &'a str>,
    secrets: &Secrets,
    place: Place<'_>,
) -> Result<Scripts, Vec<String>> {
    let mut compiler = Compiler::new(program, secrets);
    let variables = compiler.variables();
    let feeds = compiler.feeds();
    let url_groups = compiler.url_groups();
    let names: BTreeSet<&str> = flows.into_iter().collect();
    let several = names.len() > 1;
    let mut compiled = Vec::new();
    for name in names {
        let Some(flow) = program.flows.get(name) else {
            compiler.problems.push(format!("there is no flow `{name}`"));
            continue;
        };
        if flow.steps.is_empty() {
            compiler.problems.push(format!("the flow `{name}` has no steps"));
        }
        let front = if several { format!("flow `{name}`, ") } else { String::new() };
        let start = compiler.steps(&flow.start, &format!("{front}start step "));
        let steps = compiler.steps(&flow.steps, &format!("{front}step "));
        compiled.push(Flow { name: name.to_owned(), start, steps });
    }
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    Ok(Scripts {
        flows: compiled,
        names: compiler.names,
        feeds,
        slots: compiler.slots.len(),
        variables,
        cookies: program.client.cookies,
        reuse: program.client.reuse,
        url_groups,
        secrets: secrets.clone(),
        seed: place.seed.to_owned(),
        worker: place.worker,
    })
}

/// What is known while a program is compiled.
struct Compiler<'a> {
    program: &'a Program,
    secrets: &'a Secrets,
    names: Tables,
    /// Every variable that something sets.
    slots: HashMap<&'a str, Slot>,
    /// Sign-ins that are the same share a session.
    pools: HashMap<String, usize>,
    kinds: HashMap<String, MetricKind>,
    problems: Vec<String>,
}

impl<'a> Compiler<'a> {
    fn new(program: &'a Program, secrets: &'a Secrets) -> Self {
        let names = Tables {
            labels: Names::new(MAX_LABELS, "(other labels)"),
            checks: Names::new(MAX_CHECKS, "(other checks)"),
            metrics: Names::new(MAX_METRICS, "(other metrics)"),
            transactions: Names::new(MAX_CHECKS, "(other transactions)"),
        };
        let (slots, pools, kinds) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut compiler = Self { program, secrets, names, slots, pools, kinds, problems: Vec::new() };
        let columns = program.feeds.iter().flat_map(|feed| &feed.columns);
        let first = program.variables.iter().map(|(name, _)| name).chain(columns).map(String::as_str);
        for name in first.chain(program.steps().flat_map(set_by)) {
            if compiler.secrets.get(name).is_some() {
                compiler.problems.push(format!("`{name}` is a secret, and nothing else may set it"));
            }
            let next = compiler.slots.len();
            compiler.slots.entry(name).or_insert(next);
        }
        compiler.problems.sort();
        compiler.problems.dedup();
        compiler
    }

    fn variables(&mut self) -> Vec<(Slot, super::value::Text)> {
        let mut variables = Vec::new();
        for (name, value) in &self.program.variables {
            match self.text(value) {
                Ok(text) => variables.push((self.slots[name.as_str()], text)),
                Err(why) => self.problems.push(format!("variable `{name}`: {why}")),
            }
        }
        variables
    }

    fn feeds(&mut self) -> Vec<Feed> {
        let mut feeds = Vec::new();
        for feed in &self.program.feeds {
            if let Some(why) = impossible(feed) {
                self.problems.push(format!("feed `{}`: {why}", feed.name));
            }
            feeds.push(Feed {
                name: feed.name.clone(),
                columns: feed.columns.iter().map(|column| self.slots[column.as_str()]).collect(),
                rows: feed.rows.clone(),
                order: feed.order,
                repeat: feed.repeat,
                taken: AtomicU64::new(0),
            });
        }
        feeds
    }

    fn url_groups(&mut self) -> Vec<(regex::Regex, String)> {
        let mut groups = Vec::new();
        for group in &self.program.client.url_groups {
            match patterns::regex(&group.pattern) {
                Ok(pattern) => groups.push((pattern, group.label.clone())),
                Err(why) => self.problems.push(format!("URL group `{}`: {why}", group.label)),
            }
        }
        groups
    }
}

fn impossible(feed: &WrittenFeed) -> Option<String> {
    if feed.rows.is_empty() {
        return Some("it has no rows".to_owned());
    }
    if let Some(at) = feed.rows.iter().position(|row| row.len() != feed.columns.len()) {
        let (found, expected) = (feed.rows[at].len(), feed.columns.len());
        return Some(format!("row {} has {found} values, expected {expected}", at + 1));
    }
    let contradicts = feed.order == FeedOrder::Unique && feed.repeat;
    contradicts.then(|| "rows that are used once in the whole run cannot begin anew; say `partitioned`".to_owned())
}

/// The variables that a step sets itself.
fn set_by(step: &Step) -> Vec<&str> {
    match step {
        Step::Request(request) => extracted(&request.extract),
        Step::Grpc(grpc) => extracted(&grpc.extract),
        Step::Tcp(tcp) => extracted(&tcp.extract),
        Step::Set(values) => values.iter().map(|(name, _)| name.as_str()).collect(),
        Step::Loop { .. } => vec![super::INDEX],
        Step::ForEach { item, .. } => vec![item],
        Step::WebSocket(socket) => {
            let received = socket.actions.iter().filter_map(|action| match action {
                SocketAction::Receive { extract, .. } => Some(extracted(extract)),
                _ => None,
            });
            received.flatten().collect()
        }
        _ => Vec::new(),
    }
}

fn extracted(extract: &[Extract]) -> Vec<&str> {
    extract.iter().map(|extract| extract.variable.as_str()).collect()
}
