//! One stack on the screen: what moves in it, how long it has taken and how long it will.

use std::collections::BTreeMap;

use super::{duration, eta};
use crate::{
    deploy::{
        event::{Operation, ResourceEvent, StackRef},
        status::Verdict,
    },
    text::Paint,
    timing::Estimate,
};

/// How many moving resources are shown for each stack.
const MOST_ROWS: usize = 8;

/// What is known of a stack that moves.
#[derive(Clone, Debug)]
pub(super) struct StackView {
    pub operation: Operation,
    pub expected: Option<usize>,
    pub joined: bool,
    pub began_ms: i64,
    pub resources: BTreeMap<String, Row>,
    pub ended: Option<(i64, Verdict)>,
    pub trouble: Option<String>,
}

/// What is known of a resource that moves.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub kind: String,
    pub status: String,
    pub began_ms: i64,
    pub at_ms: i64,
    pub reason: Option<String>,
    pub told_late: bool,
}

impl StackView {
    pub fn new(operation: Operation, expected: Option<usize>, joined: bool, began_ms: i64) -> Self {
        let resources = BTreeMap::new();
        Self { operation, expected, joined, began_ms, resources, ended: None, trouble: None }
    }

    /// What has become slower than it used to be since it was asked before.
    pub fn late(&mut self, stack: &StackRef, expected: &Estimate, now_ms: i64) -> Vec<String> {
        let slow = |row: &Row| {
            let is_moving = row.status.ends_with("_IN_PROGRESS") && !row.told_late;
            is_moving && eta::is_slow(expected, stack, &row.kind, &row.status, now_ms - row.began_ms)
        };
        let late = self.resources.iter_mut().filter(|(_, row)| slow(row));
        late.map(|(name, row)| {
            row.told_late = true;
            format!("   {stack}  {name} ({})  {}", row.kind, eta::SLOW)
        })
        .collect()
    }

    /// Takes what happened to a resource.
    pub fn hear(&mut self, event: &ResourceEvent) {
        self.trouble = None;
        if event.of_stack {
            // What we joined began before us: its first event says when.
            if self.joined {
                self.began_ms = self.began_ms.min(event.at_ms);
            }
            return;
        }
        let began_ms = self.resources.get(&event.logical_id).map_or(event.at_ms, |row| row.began_ms);
        let row = Row {
            kind: event.kind.clone(),
            status: event.status.clone(),
            began_ms,
            at_ms: event.at_ms,
            reason: event.reason.clone(),
            told_late: self.resources.get(&event.logical_id).is_some_and(|row| row.told_late),
        };
        self.resources.insert(event.logical_id.clone(), row);
    }

    /// What moves, line by line.
    pub fn draw(&self, stack: &StackRef, now_ms: i64, expected: Option<&Estimate>, paint: Paint) -> Vec<String> {
        let done = self.resources.values().filter(|row| row.status.ends_with("_COMPLETE")).count();
        let count = match self.expected {
            Some(expected) => format!("{done}/{expected}"),
            None => done.to_string(),
        };
        let took = duration(now_ms - self.began_ms);
        let left = expected.and_then(|expected| eta::left(expected, stack, self, now_ms)).unwrap_or_default();
        let mut lines = vec![format!("{} {stack}  {count}  {took}{left}", paint.moving(verb(self.operation).0))];
        let failed = self.resources.iter().filter(|(_, row)| row.status.ends_with("_FAILED"));
        lines.extend(failed.map(|(name, row)| {
            let reason = row.reason.as_deref().unwrap_or("failed");
            format!("  {} {name} ({})  {reason}", paint.bad("✗"), row.kind)
        }));
        let mut moving: Vec<_> =
            self.resources.iter().filter(|(_, row)| row.status.ends_with("_IN_PROGRESS")).collect();
        moving.sort_by_key(|(_, row)| row.began_ms);
        let hidden = moving.len().saturating_sub(MOST_ROWS);
        lines.extend(moving.into_iter().take(MOST_ROWS).map(|(name, row)| {
            // The clock here and the clock there may differ by a little.
            let took_ms = (now_ms - row.began_ms).max(row.at_ms - row.began_ms);
            let slow = expected.is_some_and(|expected| eta::is_slow(expected, stack, &row.kind, &row.status, took_ms));
            let slow = if slow { format!("  {}", eta::SLOW) } else { String::new() };
            format!("  {} {name} ({})  {}{slow}", paint.moving("▸"), row.kind, paint.faint(&duration(took_ms)))
        }));
        if hidden > 0 {
            lines.push(paint.faint(&format!("    and {hidden} more")));
        }
        lines.extend(self.trouble.iter().map(|trouble| paint.faint(&format!("  asking again: {trouble}"))));
        lines
    }
}

/// What is done and what was done, in a word.
pub(super) fn verb(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Create => ("creating", "created"),
        Operation::Update => ("updating", "updated"),
        Operation::Delete => ("deleting", "deleted"),
        Operation::RollBack => ("rolling back", "rolled back"),
    }
}
