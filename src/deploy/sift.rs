//! Which events of a stack belong to our operation, by the token of the operation that they carry.
//!
//! Lists of events lag behind, and somebody else may have changed the stack just before us or may do so right after. Where
//! AWS tells no token nothing is sifted.

use super::{
    event::ResourceEvent,
    status::{is_start, verdict},
};

/// What tokens begin with of operations that stop ours on our behalf.
pub const CANCEL: &str = "dlt-cancel";

/// What is known of the beginning and of the end of our operation.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    token: Option<String>,
    began_ms: Option<i64>,
    ended_ms: Option<i64>,
    overtaken_ms: Option<i64>,
}

impl Sieve {
    /// For the operation with this token, where it is known.
    pub fn new(token: Option<String>) -> Self {
        Self { token, ..Self::default() }
    }

    /// True when our operation is over and somebody else's has begun: what the stack is now says nothing about ours.
    pub fn is_overtaken(&self) -> bool {
        self.overtaken_ms.is_some()
    }

    /// Leaves out what happened before our operation began, and what somebody else began after it was over.
    pub fn sift(&mut self, mut events: Vec<ResourceEvent>) -> Vec<ResourceEvent> {
        let Some(token) = self.token.clone() else { return events };
        let is_foreign = |event: &ResourceEvent| {
            event.token.as_ref().is_some_and(|other| *other != token && !other.starts_with(CANCEL))
        };
        let own = events.iter().filter(|event| event.token.as_ref() == Some(&token));
        self.began_ms = own.map(|event| event.at_ms).chain(self.began_ms).min();
        let began_ms = self.began_ms;
        events.retain(|event| !is_foreign(event) || began_ms.is_some_and(|began_ms| event.at_ms >= began_ms));
        let of_stack = |event: &&ResourceEvent| event.of_stack;
        let last =
            events.iter().filter(of_stack).filter(|event| !is_foreign(event) && verdict(&event.status).is_some());
        self.ended_ms = last.map(|event| event.at_ms).chain(self.ended_ms).min();
        if let Some(ended_ms) = self.ended_ms {
            let next = events.iter().filter(of_stack).filter(|event| is_foreign(event) && is_start(&event.status));
            let next = next.map(|event| event.at_ms).filter(|at_ms| *at_ms >= ended_ms);
            self.overtaken_ms = next.chain(self.overtaken_ms).min();
        }
        let overtaken_ms = self.overtaken_ms;
        events.retain(|event| !is_foreign(event) || overtaken_ms.is_none_or(|at_ms| event.at_ms < at_ms));
        events
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fold::tests::event, *};

    fn of(token: Option<&str>, at_ms: i64, status: &str) -> ResourceEvent {
        let token = token.map(ToOwned::to_owned);
        ResourceEvent { token, ..event(&at_ms.to_string(), at_ms, "Stack", status, None) }
    }

    fn sifted(sieve: &mut Sieve, events: &[ResourceEvent]) -> Vec<i64> {
        sieve.sift(events.to_vec()).into_iter().map(|event| event.at_ms).collect()
    }

    const OURS: Option<&str> = Some("dlt-1");
    const THEIRS: Option<&str> = Some("Console-ExecuteChangeSet-1");

    #[test]
    fn what_somebody_else_has_just_finished_is_not_ours() {
        let mut sieve = Sieve::new(OURS.map(ToOwned::to_owned));
        let theirs = of(THEIRS, 1, "UPDATE_COMPLETE");
        assert_eq!(sifted(&mut sieve, std::slice::from_ref(&theirs)), Vec::<i64>::new());
        assert_eq!(sifted(&mut sieve, &[of(OURS, 2, "UPDATE_IN_PROGRESS"), theirs]), [2]);
        assert!(!sieve.is_overtaken());
    }

    #[test]
    fn what_somebody_else_begins_after_our_end_is_not_ours() {
        let mut sieve = Sieve::new(OURS.map(ToOwned::to_owned));
        let (began, ended) = (of(OURS, 1, "UPDATE_IN_PROGRESS"), of(OURS, 2, "UPDATE_ROLLBACK_COMPLETE"));
        let theirs = [of(THEIRS, 4, "UPDATE_COMPLETE"), of(THEIRS, 3, "UPDATE_IN_PROGRESS")];
        assert_eq!(sifted(&mut sieve, &[&theirs[..], &[ended, began]].concat()), [2, 1]);
        assert!(sieve.is_overtaken());
        assert_eq!(sifted(&mut sieve, &[of(THEIRS, 5, "UPDATE_IN_PROGRESS")]), Vec::<i64>::new());
    }

    #[test]
    fn whoever_stops_our_operation_belongs_to_it() {
        for token in [Some("dlt-cancel"), Some("dlt-cancel-7"), Some("Console-DeleteStack-1"), None] {
            let mut sieve = Sieve::new(OURS.map(ToOwned::to_owned));
            let events = [
                of(token, 3, "DELETE_COMPLETE"),
                of(token, 2, "DELETE_IN_PROGRESS"),
                of(OURS, 1, "CREATE_IN_PROGRESS"),
            ];
            assert_eq!(sifted(&mut sieve, &events), [3, 2, 1], "{token:?}");
            assert!(!sieve.is_overtaken(), "{token:?}");
        }
    }

    #[test]
    fn without_tokens_nothing_is_sifted() {
        let events = [of(THEIRS, 2, "UPDATE_COMPLETE"), of(None, 1, "UPDATE_IN_PROGRESS")];
        assert_eq!(sifted(&mut Sieve::new(None), &events), [2, 1]);
        let events = [of(None, 2, "UPDATE_COMPLETE"), of(None, 1, "UPDATE_IN_PROGRESS")];
        assert_eq!(sifted(&mut Sieve::new(OURS.map(ToOwned::to_owned)), &events), [2, 1]);
    }
}
