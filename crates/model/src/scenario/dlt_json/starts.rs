//! When a posted scenario starts by itself: AWS DLT's six keys, of which `scheduleStep` says that they hold.

use super::{Node, Problem, Reader, present};
use crate::{
    problem::Place,
    schedule::{Mistake, Part, Schedule, Wish},
};

/// The keys that say when.
pub(super) const KEYS: [&str; 6] =
    ["scheduleStep", "scheduleDate", "scheduleTime", "recurrence", "cronValue", "cronExpiryDate"];

impl Reader<'_> {
    /// What the keys say. Without `scheduleStep` they are those of an answer and say nothing.
    pub(super) fn starts(&mut self, root: &Node) -> Option<Wish> {
        let Some(step) = present(root, "scheduleStep") else {
            for (key, node) in KEYS.iter().filter_map(|key| Some((key, present(root, key)?))) {
                self.warn(node.place, key, "says nothing without `scheduleStep`");
            }
            return None;
        };
        if !matches!(step.text(), Some("create" | "start")) {
            self.reject(step, "scheduleStep", "expected `create` or `start`");
        }
        let mut text = |key| self.optional(root, "", key, |text| Ok(text.to_owned()));
        let (cron, every) = (text("cronValue"), text("recurrence"));
        let (day, time) = (text("scheduleDate"), text("scheduleTime"));
        let (until, timezone) = (text("cronExpiryDate"), text("scheduleTimezone"));
        let moment = day.as_ref().zip(time.as_ref()).map(|(day, time)| format!("{day}T{time}"));
        let wish = Wish { timezone, ..Wish::default() };
        if cron.is_some() {
            for (key, node) in
                ["scheduleDate", "scheduleTime"].iter().filter_map(|key| Some((key, present(root, key)?)))
            {
                self.warn(node.place, key, "says nothing beside `cronValue`");
            }
            // The console says `daily` beside every line of crontab.
            if let Some(node) = present(root, "recurrence").filter(|_| every.as_deref() != Some("daily")) {
                self.warn(node.place, "recurrence", "says nothing beside `cronValue`");
            }
        }
        let wish = match (cron, every) {
            (Some(cron), _) => Wish { cron: Some(cron), until, ..wish },
            (None, Some(every)) => Wish { every: Some(every), from: moment.clone(), until, ..wish },
            (None, None) => Wish { at: moment.clone(), until, ..wish },
        };
        if wish.cron.is_none() && moment.is_none() {
            for (key, _) in [("scheduleDate", day), ("scheduleTime", time)].iter().filter(|(_, is)| is.is_none()) {
                self.reject(step, key, format!("`{key}` is required without `cronValue`"));
            }
            return None;
        }
        match Schedule::new(wish) {
            Ok(schedule) => Some(schedule.into()),
            Err(mistakes) => {
                self.problems.extend(mistakes.into_iter().map(|mistake| told(root, mistake)));
                None
            }
        }
    }
}

/// A mistake at the key where it was written.
fn told(root: &Node, mistake: Mistake) -> Problem {
    let key = match mistake.part {
        Part::At | Part::From => "scheduleDate",
        Part::Cron => "cronValue",
        Part::Every => "recurrence",
        Part::Until => "cronExpiryDate",
        Part::Timezone => "scheduleTimezone",
    };
    Problem::at(present(root, key).map_or(root.place, |node| node.place), key, mistake.message)
}

/// Where a document says when it starts.
pub(super) fn place(root: &Node) -> Option<Place> {
    present(root, "scheduleStep").map(|node| node.place)
}
