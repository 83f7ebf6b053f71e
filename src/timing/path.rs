//! The longest chain through a graph: what a deployment takes even if everything else were free.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    graph::{Graph, Resource},
    span::Span,
};

/// A chain of resources, each waiting for the one before.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Chain {
    /// From the first that can begin to the last that ends.
    pub steps: Vec<Step>,
    /// How long all of it takes.
    pub takes: Span,
}

/// One link of a chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How long it takes.
    pub takes: Span,
    /// When all before it is done, counted from the beginning.
    pub done: Span,
}

/// The longest chain, given how long each resource takes. What takes no time is passed through and not named.
pub fn longest(graph: &Graph, takes: impl Fn(&str, &Resource) -> Span) -> Chain {
    let mut search = Search { graph, takes: &takes, known: BTreeMap::new(), open: BTreeSet::new() };
    for name in graph.resources.keys() {
        search.until(name);
    }
    let known = search.known;
    let last = known.iter().max_by(|(_, a), (_, b)| a.done.p90_secs.total_cmp(&b.done.p90_secs));
    let mut chain = Chain { steps: Vec::new(), takes: last.map(|(_, reached)| reached.done).unwrap_or_default() };
    let mut next = last.map(|(name, _)| *name);
    while let Some(name) = next {
        let (reached, resource) = (&known[name], &graph.resources[name]);
        let (logical_id, kind) = (name.to_owned(), resource.kind.clone());
        if reached.takes.p90_secs > 0.0 {
            chain.steps.push(Step { logical_id, kind, takes: reached.takes, done: reached.done });
        }
        next = reached.after;
    }
    chain.steps.reverse();
    chain
}

#[derive(Clone, Copy, Default)]
struct Reached<'g> {
    takes: Span,
    done: Span,
    after: Option<&'g str>,
}

struct Search<'g, F> {
    graph: &'g Graph,
    takes: &'g F,
    known: BTreeMap<&'g str, Reached<'g>>,
    open: BTreeSet<&'g str>,
}

impl<'g, F: Fn(&str, &Resource) -> Span> Search<'g, F> {
    /// When a resource is done. A circle, which the checker refuses, counts as nothing where it closes.
    fn until(&mut self, name: &'g str) -> Span {
        if let Some(reached) = self.known.get(name) {
            return reached.done;
        }
        self.open.insert(name);
        let resource = &self.graph.resources[name];
        let (mut begins, mut after) = (Span::default(), None);
        for needed in resource.needs.iter().filter(|needed| self.graph.resources.contains_key(*needed)) {
            if self.open.contains(needed.as_str()) {
                continue;
            }
            let done = self.until(needed);
            if after.is_none() || done.p90_secs > begins.p90_secs {
                (begins, after) = (done, Some(needed.as_str()));
            }
        }
        let takes = (self.takes)(name, resource);
        let done = begins.then(takes);
        self.open.remove(name);
        self.known.insert(name, Reached { takes, done, after });
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let resource = |needs: &&[&str]| Resource {
            kind: "AWS::SNS::Topic".to_owned(),
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
        };
        Graph { resources: edges.iter().map(|(name, needs)| ((*name).to_owned(), resource(needs))).collect() }
    }

    fn names(chain: &Chain) -> Vec<&str> {
        chain.steps.iter().map(|step| step.logical_id.as_str()).collect()
    }

    /// A name's first letter says its seconds: `a` takes 1, `j` takes 10.
    fn by_letter(name: &str, _: &Resource) -> Span {
        let seconds = f64::from(name.as_bytes()[0] - b'a' + 1);
        Span::new(seconds, seconds)
    }

    #[test]
    fn the_chain_that_takes_longest_wins_however_many_links_it_has() {
        let graph = graph(&[("j", &[]), ("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["j"]), ("e", &["c", "j"])]);
        let chain = longest(&graph, by_letter);
        assert_eq!((names(&chain), chain.takes), (vec!["j", "e"], Span::new(15.0, 15.0)));
    }

    #[test]
    fn what_does_not_move_is_passed_through() {
        let graph = graph(&[("j", &[]), ("b", &["j"]), ("c", &["b"])]);
        let chain =
            longest(&graph, |name, resource| if name == "b" { Span::default() } else { by_letter(name, resource) });
        assert_eq!((names(&chain), chain.takes), (vec!["j", "c"], Span::new(13.0, 13.0)));
    }

    #[test]
    fn circles_and_empty_templates_come_to_an_end() {
        assert!(longest(&graph(&[("a", &["b"]), ("b", &["a"])]), by_letter).takes.p50_secs <= 3.0);
        assert_eq!(longest(&Graph::default(), by_letter), Chain::default());
    }
}
