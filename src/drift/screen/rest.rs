//! What stands below the differences: what could not be read, what nobody can compare, and what to do next.

use super::Page;
use crate::drift::answer::{Answer, ResourceDrift, StackDrift};

/// How many names of one type are listed.
const MOST_NAMES: usize = 4;

impl Page {
    pub(super) fn gaps(&mut self, answer: &Answer) {
        let of_stack = |stack: &StackDrift| {
            let title = stack.title();
            let unread = stack.unread.iter().map(|it| format!("{} ({}): {}", it.logical_id, it.kind, it.why));
            let all: Vec<String> = stack.gaps.iter().cloned().chain(unread).collect();
            all.into_iter().map(move |gap| format!("{title}: {gap}")).collect::<Vec<_>>()
        };
        let gaps: Vec<String> = answer.stacks.iter().flat_map(of_stack).chain(answer.gaps.iter().cloned()).collect();
        if !gaps.is_empty() {
            self.lines.push(format!("{} {}", self.paint.moving("▸"), self.paint.bad("could not be read")));
        }
        for gap in gaps {
            self.fold(&format!("    {} ", self.paint.bad("?")), &gap, "      ");
        }
    }

    pub(super) fn unsupported(&mut self, answer: &Answer) {
        let mut kinds = std::collections::BTreeMap::<&str, Vec<&str>>::new();
        for (kind, names) in answer.stacks.iter().flat_map(|stack| &stack.unsupported) {
            kinds.entry(kind).or_default().extend(names.iter().map(String::as_str));
        }
        if kinds.is_empty() {
            return;
        }
        self.lines.push(format!("{} CloudFormation cannot compare these", self.paint.moving("▸")));
        for (kind, mut names) in kinds {
            names.sort_unstable();
            names.dedup();
            let more = names.len().saturating_sub(MOST_NAMES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names = names.into_iter().take(MOST_NAMES).collect::<Vec<_>>().join(", ");
            self.fold("    ", &format!("{kind}: {names}{more}"), "      ");
        }
    }

    pub(super) fn next_steps(&mut self, answer: &Answer) {
        if answer.stacks.iter().any(|stack| stack.absent) {
            self.fold("next: ", "`dlt up` makes the stacks that are not there", "      ");
        }
        if answer.stacks.iter().flat_map(|stack| &stack.resources).any(ResourceDrift::counts) {
            let revert = "`dlt drift revert` makes it as described";
            self.fold("next: ", &format!("{revert}; `dlt drift accept` writes it into the file"), "      ");
        }
    }
}
