//! Cases that went wrong once, each as small as it could be made, and what they were about.

use super::{
    House,
    lots::{Case, Scene, Sketch},
    try_out,
};
use crate::rehearsal::faults::{
    Faults,
    Trouble::{self, Broken, Dropped, Silent, Stale, Throttled},
    Weather,
};

const TOPIC: Sketch = (0, 0);
const OTHER_TOPIC: Sketch = (0, 1);
const QUEUE: Sketch = (1, 0);
/// Somebody leaves at once.
const LEAVES: Option<(u64, bool)> = Some((0, false));
/// Somebody else is at work as soon as there is a change set.
const INTRUDER: Option<u32> = Some(0);

/// A stack that is made.
fn made() -> Scene {
    Scene { before: Vec::new(), after: vec![TOPIC], remains: false }
}

/// A stack that is changed.
fn changed(after: Sketch) -> Scene {
    Scene { before: vec![TOPIC], after: vec![after], remains: false }
}

/// Nothing goes wrong, at a fifth of AWS's time.
fn fair(scenes: Vec<Scene>) -> Case {
    let (faults, weather) = (Faults::default(), Weather::default());
    Case { scenes, faults, weather, wish: None, agrees: false, speed: 5.0 }
}

/// The calls of these numbers go wrong, counted from 0.
fn calls(wrong: &[(usize, Trouble)]) -> Weather {
    let last = wrong.iter().map(|(number, _)| *number).max().unwrap_or_default();
    let trouble = |number| wrong.iter().find(|(known, _)| *known == number).map(|(_, trouble)| *trouble);
    Weather { calls: (0..=last).map(trouble).collect(), ..Weather::default() }
}

fn known() -> Vec<(&'static str, Case)> {
    vec![
        (
            "one stack was overtaken and the other was left: that it goes on is what matters",
            Case {
                faults: Faults { intruder_after_ms: INTRUDER, ..Faults::default() },
                weather: calls(&[(1, Throttled), (6, Throttled)]),
                wish: LEAVES,
                speed: 1.0,
                ..fair(vec![made(), made()])
            },
        ),
        (
            "a stack that was just made is not known yet when its empty change set is removed",
            Case {
                faults: Faults { empty_change_sets: true, ..Faults::default() },
                weather: calls(&[(1, Throttled), (2, Broken), (6, Stale { by_ms: 1026 })]),
                ..fair(vec![made(), made()])
            },
        ),
        (
            "a change set is overtaken before its answer is heard, and so is the one in its place",
            Case {
                faults: Faults { forgetful: true, intruder_after_ms: INTRUDER, ..Faults::default() },
                weather: calls(&[
                    (0, Silent { accepted: true }),
                    (1, Throttled),
                    (3, Throttled),
                    (8, Throttled),
                    (9, Dropped { accepted: true }),
                ]),
                speed: 1.0,
                ..fair(vec![changed(QUEUE), made()])
            },
        ),
        (
            "a stale look tells of somebody else's update, which came after the plan",
            Case {
                faults: Faults { forgetful: true, intruder_after_ms: INTRUDER, ..Faults::default() },
                weather: Weather {
                    expired: vec![(4203, 9051)],
                    ..calls(&[
                        (0, Silent { accepted: true }),
                        (5, Throttled),
                        (18, Throttled),
                        (30, Stale { by_ms: 1020 }),
                    ])
                },
                speed: 1.0,
                ..fair(vec![changed(QUEUE), made()])
            },
        ),
        (
            "somebody changes a stack after there was nothing to change",
            Case {
                faults: Faults { empty_change_sets: true, intruder_after_ms: INTRUDER, ..Faults::default() },
                speed: 20.0,
                ..fair(vec![changed(OTHER_TOPIC)])
            },
        ),
    ]
}

#[test]
fn what_went_wrong_once_goes_well_for_ever() {
    let house = House::open();
    let wrong = known().into_iter().filter_map(|(about, case)| {
        let wrong = try_out(&house, &case).err()?;
        Some(format!("{about}: {wrong}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
