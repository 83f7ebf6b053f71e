//! How much longer a stack takes, given what is done and what moves: the longest chain of what is left of it.

use std::collections::BTreeMap;

use super::{graph::Graph, path, span::Span};

/// What comes after the last resource: CloudFormation tidies up and says so. Assumed.
const TIDYING: Span = Span { p50_secs: 4.0, p90_secs: 10.0 };

/// What a stack has to go through: what waits for what, how long what moves takes, and what goes at the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// What waits for what.
    pub graph: Graph,
    /// How long each resource takes that comes or changes.
    pub takes: BTreeMap<String, Span>,
    /// How long it takes until everything is gone that is not wanted any more.
    pub leaving: Span,
}

/// How far a resource is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// It has not begun.
    Waiting,
    /// It has moved for so many seconds.
    Moving(f64),
    /// It is done.
    Done,
}

impl Course {
    /// True when nothing is known of it, as of an operation that another command began.
    pub fn is_unknown(&self) -> bool {
        self.takes.is_empty()
    }

    /// How much longer it takes.
    pub fn left(&self, progress: impl Fn(&str) -> Progress) -> Span {
        let left = |name: &str| match (self.takes.get(name), progress(name)) {
            (None, _) | (Some(_), Progress::Done) => Span::default(),
            (Some(takes), Progress::Waiting) => *takes,
            (Some(takes), Progress::Moving(secs)) => takes.left_after(secs).unwrap_or_else(|| overdue(*takes)),
        };
        path::longest(&self.graph, |name, _| left(name)).takes.then(self.leaving).then(TIDYING)
    }
}

/// What takes longer than the slow tenth may end at once, or take as long again as the slow differ from the usual.
fn overdue(takes: Span) -> Span {
    Span::new(0.0, takes.p90_secs - takes.p50_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::graph::Resource;

    /// A table (20–30 s), a function that needs it (10–15 s) and a distribution beside both (60–100 s).
    fn course() -> Course {
        let resource = |needs: &[&str]| Resource {
            kind: String::new(),
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
        };
        let resources = [("Table", &[][..]), ("Function", &["Table"]), ("Distribution", &[])];
        let graph = Graph { resources: resources.map(|(name, needs)| (name.to_owned(), resource(needs))).into() };
        let takes = [("Table", 20.0, 30.0), ("Function", 10.0, 15.0), ("Distribution", 60.0, 100.0)];
        let takes = takes.map(|(name, p50, p90)| (name.to_owned(), Span::new(p50, p90))).into();
        Course { graph, takes, leaving: Span::default() }
    }

    fn left(done: &[&str], moving: &[(&str, f64)]) -> u64 {
        let progress = |name: &str| match moving.iter().find(|(known, _)| *known == name) {
            Some((_, secs)) => Progress::Moving(*secs),
            None if done.contains(&name) => Progress::Done,
            None => Progress::Waiting,
        };
        (course().left(progress).p50_secs - TIDYING.p50_secs).round() as u64
    }

    #[test]
    fn what_is_left_is_the_longest_chain_of_what_is_not_done() {
        for (done, moving, secs) in [
            (&[][..], &[][..], 60),
            (&[], &[("Table", 5.0), ("Distribution", 5.0)], 55),
            // The distribution was quick: what waits for the table is the longest chain now.
            (&["Distribution"], &[("Table", 15.0)], 15),
            (&["Distribution", "Table"], &[], 10),
            (&["Distribution", "Table", "Function"], &[], 0),
            // The table is slow, and what waits for it has its time still before it.
            (&["Distribution"], &[("Table", 29.0)], 10),
        ] {
            assert_eq!(left(done, moving), secs, "{done:?} {moving:?}");
        }
    }

    #[test]
    fn what_is_overdue_may_end_at_once_or_take_as_long_again_as_the_slow_do() {
        let left = course().left(|name| if name == "Distribution" { Progress::Moving(500.0) } else { Progress::Done });
        assert_eq!(left.p50_secs, TIDYING.p50_secs);
        assert!(left.p90_secs > 40.0, "{left:?}");
    }
}
