//! From many event reports to one story: each event once, the first failure as the cause, its echoes counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    event::{Cause, ResourceEvent},
    status::{Verdict, verdict},
};

/// What has been heard about one operation on one stack.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    seen: BTreeSet<String>,
    failures: BTreeMap<(i64, String), Cause>,
    settled: BTreeSet<String>,
    stack_status: Option<(i64, String)>,
}

impl Fold {
    /// True when this event was heard before.
    pub fn knows(&self, id: &str) -> bool {
        self.seen.contains(id)
    }

    /// Takes events as AWS lists them, newest first, and answers those that are new, oldest first. Events of the same
    /// instant stay in the order of the list.
    pub fn take(&mut self, events: Vec<ResourceEvent>) -> Vec<ResourceEvent> {
        let mut fresh: Vec<ResourceEvent> =
            events.into_iter().filter(|event| self.seen.insert(event.id.clone())).collect();
        fresh.reverse();
        fresh.sort_by_key(|event| event.at_ms);
        for event in &fresh {
            self.hear(event);
        }
        fresh
    }

    fn hear(&mut self, event: &ResourceEvent) {
        if event.of_stack {
            // What comes late is not the last word.
            if self.stack_status.as_ref().is_none_or(|(at_ms, _)| *at_ms <= event.at_ms) {
                self.stack_status = Some((event.at_ms, event.status.clone()));
            }
        } else if event.status.ends_with("_COMPLETE") {
            self.settled.insert(event.logical_id.clone());
        }
        if event.status.ends_with("_FAILED") {
            let reason = event.reason.clone().unwrap_or_else(|| "AWS gives no reason".to_owned());
            let cause = Cause {
                logical_id: event.logical_id.clone(),
                kind: event.kind.clone(),
                status: event.status.clone(),
                reason,
            };
            self.failures.insert((event.at_ms, event.id.clone()), cause);
        }
    }

    /// The first failure that is not the echo of another, and how many followed. A failure of the stack itself only
    /// counts when nothing in it failed. An operation that somebody stops has echoes and no such failure.
    pub fn cause(&self) -> (Option<Cause>, usize) {
        let own = |cause: &&Cause| cause.kind != "AWS::CloudFormation::Stack";
        let inner: Vec<&Cause> = self.failures.values().filter(own).collect();
        let first = inner.iter().find(|cause| !is_echo(&cause.reason)).copied();
        let cause = first.or_else(|| self.failures.values().find(|cause| !own(cause)));
        (cause.cloned(), inner.len() - usize::from(first.is_some()))
    }

    /// What the stack's own events say about the end of the operation. It does not decide: DescribeStacks does.
    pub fn stack_verdict(&self) -> Option<Verdict> {
        self.stack_status().and_then(verdict)
    }

    /// The status that the stack's own events end with.
    pub fn stack_status(&self) -> Option<&str> {
        self.stack_status.as_ref().map(|(_, status)| status.as_str())
    }

    /// True when a failure was heard of that is not the echo of another.
    pub fn is_explained(&self) -> bool {
        let own = |cause: &Cause| cause.kind != "AWS::CloudFormation::Stack" && !is_echo(&cause.reason);
        self.failures.values().any(own)
    }
}

/// CloudFormation reports every sibling that it stops after the first failure.
pub(super) fn is_echo(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    reason.contains("cancelled") || reason.contains("canceled")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An event about a resource; `Stack` names the stack itself.
    pub fn event(id: &str, at_ms: i64, logical_id: &str, status: &str, reason: Option<&str>) -> ResourceEvent {
        let of_stack = logical_id == "Stack";
        ResourceEvent {
            id: id.to_owned(),
            logical_id: logical_id.to_owned(),
            kind: if of_stack { "AWS::CloudFormation::Stack" } else { "AWS::SNS::Topic" }.to_owned(),
            status: status.to_owned(),
            reason: reason.map(ToOwned::to_owned),
            at_ms,
            token: None,
            of_stack,
        }
    }

    #[test]
    fn an_event_that_two_pages_report_is_told_once() {
        let mut fold = Fold::default();
        let one = event("1", 1, "Topic", "CREATE_IN_PROGRESS", None);
        assert_eq!(fold.take(vec![one.clone(), one.clone()]).len(), 1);
        assert_eq!(fold.take(vec![one]).len(), 0);
    }

    #[test]
    fn events_are_told_in_the_order_in_which_they_happened() {
        let mut fold = Fold::default();
        let told = fold.take(vec![
            event("b", 2, "Topic", "CREATE_COMPLETE", None),
            event("a", 1, "Topic", "CREATE_IN_PROGRESS", None),
        ]);
        assert_eq!(told.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_first_failure_is_the_cause_and_its_echoes_are_counted() {
        let mut fold = Fold::default();
        fold.take(vec![
            event(
                "4",
                4,
                "Stack",
                "ROLLBACK_IN_PROGRESS",
                Some("The following resource(s) failed to create: [A, B, C]"),
            ),
            event("3", 3, "C", "CREATE_FAILED", Some("Resource creation cancelled")),
            event("1", 1, "B", "CREATE_FAILED", Some("Resource creation Cancelled")),
            event("2", 2, "A", "CREATE_FAILED", Some("The role cannot be assumed")),
        ]);
        let (cause, echoes) = fold.cause();
        assert_eq!(cause.map(|it| it.logical_id), Some("A".to_owned()));
        assert_eq!(echoes, 2);
    }

    #[test]
    fn a_failure_that_arrives_late_is_still_the_cause() {
        let mut fold = Fold::default();
        fold.take(vec![event("2", 2, "B", "CREATE_FAILED", Some("Quota reached"))]);
        fold.take(vec![event("1", 1, "A", "CREATE_FAILED", Some("Name is taken"))]);
        assert_eq!(fold.cause().0.map(|it| it.reason), Some("Name is taken".to_owned()));
    }

    #[test]
    fn an_operation_that_somebody_stops_has_echoes_and_no_cause() {
        let mut fold = Fold::default();
        fold.take(vec![event("1", 1, "A", "CREATE_FAILED", Some("Resource creation cancelled"))]);
        assert_eq!(fold.cause(), (None, 1));
    }

    #[test]
    fn a_status_that_arrives_late_is_not_the_last_word() {
        let mut fold = Fold::default();
        fold.take(vec![event("3", 3, "Stack", "UPDATE_COMPLETE", None)]);
        fold.take(vec![event("2", 2, "Stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None)]);
        assert_eq!(fold.stack_verdict(), Some(Verdict::Succeeded));
    }

    #[test]
    fn when_only_the_stack_failed_it_is_the_cause() {
        let mut fold = Fold::default();
        fold.take(vec![event("1", 1, "Stack", "DELETE_FAILED", Some("The bucket is not empty"))]);
        assert_eq!(fold.cause().0.map(|it| it.reason), Some("The bucket is not empty".to_owned()));
        assert_eq!(fold.cause().1, 0);
    }
}
