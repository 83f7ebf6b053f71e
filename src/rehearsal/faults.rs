//! What goes wrong in a rehearsal: with calls, with resources, with change sets, with lists of events.

use std::collections::BTreeSet;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Too many calls.
    Throttled,
    /// An error on AWS's side; nothing was done.
    Broken,
    /// The connection breaks; with `accepted` only after AWS has done what was asked.
    Dropped {
        /// Whether AWS has done what was asked.
        accepted: bool,
    },
    /// No answer comes; with `accepted` although AWS has done what was asked.
    Silent {
        /// Whether AWS has done what was asked.
        accepted: bool,
    },
    /// A read tells what was true this many milliseconds ago.
    Stale {
        /// How long ago.
        by_ms: u32,
    },
}

/// Which calls go wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weather {
    /// What goes wrong with the first calls to CloudFormation, in their order.
    pub calls: Vec<Option<Trouble>>,
    /// What goes wrong with every so manieth call to CloudFormation after those.
    pub every: Vec<(usize, Trouble)>,
    /// From when to when credentials are expired, in milliseconds since the beginning, for every service.
    pub expired: Vec<(i64, i64)>,
}

impl Weather {
    /// What goes wrong with the call of this number, counted from 0.
    pub fn trouble(&self, number: usize) -> Option<Trouble> {
        let Some(after) = number.checked_sub(self.calls.len()) else { return self.calls[number] };
        self.every.iter().find(|(every, _)| after % every == every - 1).map(|(_, trouble)| *trouble)
    }

    /// True when credentials are expired, `since_ms` after the beginning.
    pub fn is_expired(&self, since_ms: i64) -> bool {
        self.expired.iter().any(|(from, to)| (*from..*to).contains(&since_ms))
    }
}

/// When a resource fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// While it is made.
    Create,
    /// While it is changed.
    Update,
    /// While the operation goes back.
    Undo,
    /// While it is deleted, because it is not in the template any more or because its stack goes.
    Delete,
}

/// A resource that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mishap {
    /// Its name in the template.
    pub logical_id: String,
    /// When it fails.
    pub when: When,
    /// What AWS says about it.
    pub reason: String,
}

/// Everything that goes wrong inside of the account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Resources that fail.
    pub mishaps: Vec<Mishap>,
    /// Resources that take ten times as long.
    pub slow: BTreeSet<String>,
    /// How long an event stays hidden after it happened, at most.
    pub events_late_ms: u32,
    /// Whether neighbouring events change places from one look to the next.
    pub events_shuffled: bool,
    /// Whether every change set is found to be without changes.
    pub empty_change_sets: bool,
    /// A resource that early validation refuses.
    pub invalid: Option<String>,
    /// Whether the token of a request to make a change set is forgotten, so that asking again is refused.
    pub forgetful: bool,
    /// Somebody else begins an operation on the same stack, so long after a change set was made.
    pub intruder_after_ms: Option<u32>,
}

impl Faults {
    /// Why a resource fails at this point, if it does. Going back and deleting fail once: the next attempt succeeds, as it
    /// does when somebody has mended the cause.
    pub fn failure(&mut self, logical_id: &str, when: When) -> Option<String> {
        let index = self.mishaps.iter().position(|it| it.logical_id == logical_id && it.when == when)?;
        let lasts = matches!(when, When::Create | When::Update);
        Some(if lasts { self.mishaps[index].reason.clone() } else { self.mishaps.remove(index).reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_calls_go_wrong_as_listed_and_later_ones_by_their_number() {
        let weather = Weather {
            calls: vec![None, Some(Trouble::Broken)],
            every: vec![(2, Trouble::Throttled)],
            ..Weather::default()
        };
        let told: Vec<_> = (0..6).map(|number| weather.trouble(number)).collect();
        let throttled = Some(Trouble::Throttled);
        assert_eq!(told, [None, Some(Trouble::Broken), None, throttled, None, throttled]);
    }

    #[test]
    fn credentials_are_good_again_when_their_window_is_over() {
        let weather = Weather { expired: vec![(10, 20)], ..Weather::default() };
        assert_eq!([9, 10, 19, 20].map(|at| weather.is_expired(at)), [false, true, true, false]);
    }

    #[test]
    fn what_fails_on_the_way_back_fails_once() {
        let mishap = |when| Mishap { logical_id: "A".to_owned(), when, reason: "no".to_owned() };
        let mut faults = Faults { mishaps: vec![mishap(When::Create), mishap(When::Undo)], ..Faults::default() };
        for (when, first, second) in
            [(When::Create, true, true), (When::Undo, true, false), (When::Delete, false, false)]
        {
            let told = [faults.failure("A", when).is_some(), faults.failure("A", when).is_some()];
            assert_eq!(told, [first, second], "{when:?}");
        }
    }
}
