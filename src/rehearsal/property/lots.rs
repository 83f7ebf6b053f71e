//! What is drawn by lot: what is there, what is wanted, and what goes wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::rehearsal::faults::{Faults, Mishap, Trouble, Weather, When};

/// What stacks consist of. A pool of users under another name is another pool, which the local comparison does not know.
pub const KINDS: [(&str, &str); 4] = [
    ("AWS::SNS::Topic", "DisplayName"),
    ("AWS::SQS::Queue", "Tag"),
    ("AWS::IAM::Role", "Description"),
    ("AWS::Cognito::UserPool", "UserPoolName"),
];

/// A resource of a template: which sort it is and which value it has.
pub type Sketch = (usize, u8);

/// One stack of a case.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What is there; nothing when the stack is not.
    pub before: Vec<Sketch>,
    /// What is wanted.
    pub after: Vec<Sketch>,
    /// Whether a command that was killed left a stack without resources.
    pub remains: bool,
}

/// Everything that is drawn by lot.
#[derive(Clone, Debug)]
pub struct Case {
    pub scenes: Vec<Scene>,
    pub faults: Faults,
    pub weather: Weather,
    /// After how many milliseconds somebody wants to cancel, or else to leave.
    pub wish: Option<(u64, bool)>,
    /// Whether losing data is agreed to.
    pub agrees: bool,
    /// How many times as fast as AWS the account is: the faster, the fewer times the engine looks.
    pub speed: f64,
}

impl Case {
    /// Whether somebody wants to leave.
    pub fn leaves(&self) -> bool {
        self.wish.is_some_and(|(_, cancels)| !cancels)
    }
}

fn sketches(least: usize) -> impl Strategy<Value = Vec<Sketch>> {
    prop::collection::vec((0..KINDS.len(), 0..3_u8), least..4)
}

fn scene() -> impl Strategy<Value = Scene> {
    let before = prop_oneof![2 => Just(Vec::new()), 3 => sketches(1)];
    (before, sketches(1), prop::bool::weighted(0.2)).prop_map(|(before, after, remains)| Scene {
        remains: remains && before.is_empty(),
        before,
        after,
    })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        4 => Just(Trouble::Throttled),
        2 => Just(Trouble::Broken),
        2 => any::<bool>().prop_map(|accepted| Trouble::Dropped { accepted }),
        1 => any::<bool>().prop_map(|accepted| Trouble::Silent { accepted }),
        4 => (0..5_000_u32).prop_map(|by_ms| Trouble::Stale { by_ms }),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    let fair = prop::collection::vec(prop::option::weighted(0.2, trouble()), 0..60);
    let foul = prop::collection::vec(prop::option::weighted(0.8, trouble()), 0..40);
    let expired = prop::collection::vec((0..90_000_i64, 0..60_000_i64), 0..2);
    (prop_oneof![1 => Just(Vec::new()), 3 => fair, 2 => foul], expired).prop_map(|(calls, expired)| Weather {
        calls,
        expired: expired.into_iter().map(|(from, long)| (from, from + long)).collect(),
        ..Weather::default()
    })
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let when = prop_oneof![Just(When::Create), Just(When::Update), Just(When::Undo), Just(When::Delete)];
    (0..4_usize, when).prop_map(|(number, when)| Mishap {
        logical_id: name_of(number),
        when,
        reason: format!("rehearsed: {when:?} of {number}"),
    })
}

fn faults() -> impl Strategy<Value = Faults> {
    (
        prop::collection::vec(mishap(), 0..3),
        prop_oneof![Just(0_u32), 0..4_000_u32],
        any::<bool>(),
        prop::bool::weighted(0.05),
        prop::option::weighted(0.05, (0..4_usize).prop_map(name_of)),
        any::<bool>(),
        prop::option::weighted(0.15, 0..500_u32),
    )
        .prop_map(|(mishaps, late, shuffled, empty, invalid, forgetful, intruder)| Faults {
            mishaps,
            slow: BTreeSet::new(),
            events_late_ms: late,
            events_shuffled: shuffled,
            empty_change_sets: empty,
            invalid,
            forgetful,
            intruder_after_ms: intruder,
        })
}

pub fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(scene(), 1..=3),
        faults(),
        weather(),
        prop::option::weighted(0.2, (0..30_000_u64, any::<bool>())),
        prop::bool::weighted(0.8),
        prop_oneof![1 => Just(1.0), 4 => Just(5.0), 4 => Just(20.0), 1 => Just(100.0)],
    )
        .prop_map(|(scenes, faults, weather, wish, agrees, speed)| Case {
            scenes,
            faults,
            weather,
            wish,
            agrees,
            speed,
        })
}

pub fn name_of(number: usize) -> String {
    format!("R{number}")
}
