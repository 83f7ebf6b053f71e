//! Cases that went wrong once, each as small as it could be made, and what they were about.

use super::{
    House,
    lots::{Case, Scene, Sketch},
    try_out,
};
use crate::rehearsal::faults::{Faults, Weather};

/// A topic.
const TOPIC: Sketch = (0, 0);

/// A stack that is made.
fn made() -> Scene {
    Scene { before: Vec::new(), after: vec![TOPIC], remains: false }
}

/// Nothing goes wrong.
fn fair(scenes: Vec<Scene>) -> Case {
    let (faults, weather) = (Faults::default(), Weather::default());
    Case { scenes, faults, weather, wish: None, agrees: true, speed: 5.0 }
}

#[test]
fn what_went_wrong_once_goes_well_for_ever() {
    let house = House::open();
    let cases: Vec<(&str, Case)> = vec![("nothing goes wrong", fair(vec![made()]))];
    for (about, case) in cases {
        if let Err(wrong) = try_out(&house, &case) {
            panic!("{about}: {wrong}");
        }
    }
}
