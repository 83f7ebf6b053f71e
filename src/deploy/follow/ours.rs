//! What of all that is heard belongs to the operation that is followed, and how it ended, if it did. Pure.

use std::time::Duration;

use super::Begun;
use crate::deploy::{
    event::{Operation, ResourceEvent},
    fold::Fold,
    plan::Live,
    status::{self, Verdict, verdict},
};

/// How long an operation may say nothing new about its beginning before its final status is believed all the same.
const BELIEVED_AFTER: Duration = Duration::from_secs(20);

/// How far back events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// To the first page that brings nothing new.
    News,
    /// To the beginning of the operation: what came late may stand below what is known.
    All,
}

/// A page that reaches back before the operation, or brings nothing new, has no news behind it.
pub(super) fn is_far_enough(page: &[ResourceEvent], begun: &Begun, fold: &Fold, depth: Depth) -> bool {
    let reaches_back = page.iter().any(|event| begun.earlier.contains(&event.id) || is_start(event, begun));
    reaches_back || (depth == Depth::News && page.iter().all(|event| fold.knows(&event.id)))
}

/// The events of this operation, out of events that are given newest first. AWS may give neighbours in another order, so one
/// event of an earlier operation says nothing about the next; two do.
pub(super) fn own(events: Vec<ResourceEvent>, begun: &Begun) -> Vec<ResourceEvent> {
    let (mut started, mut earlier) = (false, 0);
    let goes_on = |event: &ResourceEvent| {
        let goes_on = !started && earlier < 2;
        started |= is_start(event, begun);
        earlier += usize::from(begun.earlier.contains(&event.id));
        goes_on
    };
    let near: Vec<ResourceEvent> = events.into_iter().take_while(goes_on).collect();
    near.into_iter().filter(|event| !begun.earlier.contains(&event.id)).collect()
}

/// Who joins an operation does not know what was there before it, but the operation's first event says that it is.
fn is_start(event: &ResourceEvent, begun: &Begun) -> bool {
    begun.joined && event.of_stack && status::is_start(&event.status)
}

/// How the operation ended, if it did. AWS may still answer with a status from before, so a final status counts only when it
/// cannot be such a one: when it is another, was reached by a later change, or is what the stack's own events end with. Of a
/// stack that stood still and is updated only the events count: somebody else may have updated it between our look and our
/// turn, and that would be another status by a later change as well.
pub(super) fn conclusion(begun: &Begun, live: &Live, fold: &Fold, elapsed: Duration) -> Option<Verdict> {
    let Some(status) = live.status.as_deref() else {
        // A deleted stack can be gone altogether; any other stack that nobody knows is a stale answer.
        return (begun.operation == Operation::Delete).then_some(Verdict::Deleted);
    };
    let verdict = verdict(status)?;
    let is_older = live.changed_ms < begun.before.changed_ms;
    let before = begun.before.status.as_deref();
    let stood_still = begun.operation == Operation::Update && before.and_then(status::verdict).is_some();
    let differs = before != Some(status) || begun.before.changed_ms != live.changed_ms;
    let is_new = fold.stack_verdict() == Some(verdict) || (differs && !stood_still);
    ((is_new && !is_older) || elapsed >= BELIEVED_AFTER).then_some(verdict)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::deploy::{event::StackRef, fold::tests::event};

    fn begun(operation: Operation, status: Option<&str>) -> Begun {
        Begun {
            stack: StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() },
            stack_id: "arn:shop".to_owned(),
            operation,
            before: live(status, 1),
            earlier: BTreeSet::new(),
            joined: false,
            token: None,
        }
    }

    fn live(status: Option<&str>, changed_ms: i64) -> Live {
        Live { status: status.map(ToOwned::to_owned), changed_ms, ..Live::default() }
    }

    #[test]
    fn events_of_earlier_operations_are_not_told() {
        let page = || {
            ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_IN_PROGRESS"]
                .into_iter()
                .enumerate()
                .map(|(index, status)| event(&index.to_string(), 9 - index as i64, "Stack", status, None))
                .collect::<Vec<_>>()
        };
        let ids = |begun: &Begun| own(page(), begun).into_iter().map(|it| it.id).collect::<Vec<_>>();
        let fresh =
            Begun { earlier: BTreeSet::from(["2".to_owned(), "3".to_owned()]), ..begun(Operation::Update, None) };
        assert_eq!(ids(&fresh), ["0", "1"]);
        let joined = Begun { joined: true, ..begun(Operation::Update, None) };
        assert_eq!(ids(&joined), ["0", "1"]);
        assert!(is_far_enough(&page(), &joined, &Fold::default(), Depth::All));
        let mut swapped = page();
        swapped.swap(1, 2);
        let told: Vec<_> = own(swapped, &fresh).into_iter().map(|it| it.id).collect();
        assert_eq!(told, ["0", "1"], "neighbours may stand the other way round");
    }

    #[test]
    fn what_comes_late_is_found_below_what_is_known() {
        let mut fold = Fold::default();
        let page = vec![event("1", 1, "A", "CREATE_FAILED", None)];
        fold.take(page.clone());
        let begun = begun(Operation::Create, None);
        assert!(is_far_enough(&page, &begun, &fold, Depth::News));
        assert!(!is_far_enough(&page, &begun, &fold, Depth::All));
    }

    const SOON: Duration = Duration::from_secs(1);

    #[test]
    fn a_status_from_before_the_update_is_not_its_end() {
        let begun = begun(Operation::Update, Some("UPDATE_COMPLETE"));
        for stale in
            [live(Some("UPDATE_COMPLETE"), 1), live(Some("UPDATE_COMPLETE"), 2), live(Some("CREATE_COMPLETE"), 0)]
        {
            assert_eq!(conclusion(&begun, &stale, &Fold::default(), SOON), None, "{stale:?}");
        }
        let mut fold = Fold::default();
        fold.take(vec![event("1", 1, "Stack", "UPDATE_COMPLETE", None)]);
        let now = live(Some("UPDATE_COMPLETE"), 2);
        assert_eq!(conclusion(&begun, &now, &fold, SOON), Some(Verdict::Succeeded));
    }

    #[test]
    fn a_status_that_cannot_be_told_from_the_one_before_counts_when_the_stacks_events_end_with_it() {
        let begun = begun(Operation::Update, Some("UPDATE_COMPLETE"));
        let mut fold = Fold::default();
        let now = live(Some("UPDATE_COMPLETE"), 1);
        fold.take(vec![event("1", 1, "Stack", "UPDATE_IN_PROGRESS", None)]);
        assert_eq!(conclusion(&begun, &now, &fold, SOON), None, "it has only begun: the status is stale");
        fold.take(vec![event("2", 2, "Stack", "UPDATE_COMPLETE", None)]);
        assert_eq!(conclusion(&begun, &now, &fold, SOON), Some(Verdict::Succeeded));
    }

    #[test]
    fn a_status_from_before_an_operation_that_is_joined_is_not_its_end() {
        let joined =
            Begun { joined: true, before: live(Some("UPDATE_IN_PROGRESS"), 2), ..begun(Operation::Update, None) };
        let at = |changed_ms| conclusion(&joined, &live(Some("UPDATE_COMPLETE"), changed_ms), &Fold::default(), SOON);
        assert_eq!((at(1), at(2)), (None, Some(Verdict::Succeeded)));
    }

    #[test]
    fn a_review_that_is_still_reported_after_execution_is_stale() {
        let begun = begun(Operation::Create, Some("REVIEW_IN_PROGRESS"));
        assert_eq!(conclusion(&begun, &live(Some("REVIEW_IN_PROGRESS"), 1), &Fold::default(), SOON), None);
        assert_eq!(
            conclusion(&begun, &live(Some("ROLLBACK_COMPLETE"), 1), &Fold::default(), SOON),
            Some(Verdict::RolledBack)
        );
    }

    #[test]
    fn a_stack_that_nobody_knows_is_deleted_only_when_it_was_being_deleted() {
        let nothing = live(None, 0);
        let deleting = begun(Operation::Delete, Some("CREATE_COMPLETE"));
        assert_eq!(conclusion(&deleting, &nothing, &Fold::default(), SOON), Some(Verdict::Deleted));
        let creating = begun(Operation::Create, None);
        assert_eq!(conclusion(&creating, &nothing, &Fold::default(), SOON), None);
    }

    #[test]
    fn a_status_that_never_moves_is_believed_in_the_end() {
        let begun = begun(Operation::Update, Some("UPDATE_COMPLETE"));
        let now = live(Some("UPDATE_COMPLETE"), 1);
        assert_eq!(conclusion(&begun, &now, &Fold::default(), BELIEVED_AFTER), Some(Verdict::Succeeded));
    }
}
