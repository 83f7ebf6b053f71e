//! Questions to the account: stacks, events, resources, templates and change sets, as they were at some moment.

use dlt_model::id::Region;

use super::{ChangeSet, Facts, Refusal, Resource, Stack, StackEvent, World};

/// A part of a list, and how to ask for the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is in this part.
    pub items: Vec<T>,
    /// What to say to get the next part, if there is one.
    pub next: Option<String>,
}

impl<T: Clone> Page<T> {
    /// The part of a list that begins at a place. The mark says of which moment the list is, so that what happens between
    /// two questions moves nothing.
    fn of(list: &[T], from: usize, size: usize, mark: i64) -> Self {
        let items: Vec<T> = list.iter().skip(from).take(size).cloned().collect();
        let end = from + items.len();
        Self { items, next: (end < list.len()).then(|| format!("{mark}:{end}")) }
    }
}

/// Reads what `Page::of` wrote: the moment and the place.
fn place(token: Option<&str>, now_ms: i64) -> Result<(i64, usize), Refusal> {
    let Some(token) = token else { return Ok((now_ms, 0)) };
    let parts = token.split_once(':').and_then(|(mark, from)| Some((mark.parse().ok()?, from.parse().ok()?)));
    parts.ok_or_else(|| Refusal::validation("The specified NextToken is invalid"))
}

impl World {
    /// A stack and what it was at a moment. By name only stacks that were there then.
    pub fn describe(&self, as_of_ms: i64, region: &Region, name: &str) -> Result<(&Stack, &Facts), Refusal> {
        let at = |stack: &'_ Stack| stack.facts_at(as_of_ms).is_some_and(|facts| facts.status != "DELETE_COMPLETE");
        let named = |stack: &&Stack| stack.is(region, name) && at(stack);
        let known = |stack: &&Stack| stack.id == name && stack.region == *region;
        let found = self.stacks.iter().rev().find(|stack| known(stack) || named(stack));
        let facts = found.and_then(|stack| Some((stack, stack.facts_at(as_of_ms)?)));
        facts.ok_or_else(|| Refusal::validation(format!("Stack with id {name} does not exist")))
    }

    /// The events of a stack that can be read, newest first.
    pub fn events(
        &self,
        as_of_ms: i64,
        region: &Region,
        name: &str,
        token: Option<&str>,
    ) -> Result<(&Stack, Page<StackEvent>), Refusal> {
        let (stack, _) = self.describe(as_of_ms, region, name)?;
        let (mark, from) = place(token, as_of_ms)?;
        let mut seen: Vec<StackEvent> = stack.events.iter().filter(|it| it.seen_ms <= mark).cloned().collect();
        seen.sort_by_key(|event| event.at_ms);
        seen.reverse();
        // Neighbours change places in one look and not in the next.
        if self.faults.events_shuffled && mark % 2 == 1 {
            seen.chunks_mut(2).for_each(|pair| pair.reverse());
        }
        Ok((stack, Page::of(&seen, from, self.page, mark)))
    }

    /// What is in a stack.
    pub fn resources(
        &self,
        as_of_ms: i64,
        region: &Region,
        name: &str,
        token: Option<&str>,
    ) -> Result<Page<(String, Resource)>, Refusal> {
        let (stack, _) = self.describe(as_of_ms, region, name)?;
        let (mark, from) = place(token, as_of_ms)?;
        let all: Vec<_> = stack.resources.iter().map(|(name, resource)| (name.clone(), resource.clone())).collect();
        Ok(Page::of(&all, from, self.page, mark))
    }

    /// The template that was sent.
    pub fn template(&self, as_of_ms: i64, region: &Region, name: &str) -> Result<&str, Refusal> {
        Ok(&self.describe(as_of_ms, region, name)?.1.goal.template)
    }

    /// A change set with its stack.
    pub fn change_set(
        &self,
        region: &Region,
        stack: Option<&str>,
        name: &str,
    ) -> Result<(&Stack, &ChangeSet), Refusal> {
        let (index, place) = self.find_change_set(region, stack, name)?;
        Ok((&self.stacks[index], &self.stacks[index].change_sets[place]))
    }

    /// A part of what a change set would do. With values, CloudFormation is known to leave out changes: here the last one of
    /// several.
    pub fn changes(
        &self,
        set: &ChangeSet,
        with_values: bool,
        token: Option<&str>,
    ) -> Result<Page<(String, super::Change)>, Refusal> {
        let mut all: Vec<_> = set.changes.iter().map(|(name, change)| (name.clone(), *change)).collect();
        if with_values && all.len() > 1 {
            all.pop();
        }
        let (mark, from) = place(token, 0)?;
        Ok(Page::of(&all, from, self.page, mark))
    }
}
