//! Names under which things are counted: numbered, shared by all threads, and bounded.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many labels are told apart; samples of any other are counted together.
pub const MAX_LABELS: usize = 500;
/// How many combinations of metric and tags are told apart.
pub const MAX_METRICS: usize = 500;
/// How many checks and transactions there may be.
pub const MAX_CHECKS: usize = 1_000;

/// A table of names. Places never change, so a thread may remember them.
pub struct Names {
    most: usize,
    /// Where everything goes that finds no place any more.
    others: &'static str,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    places: HashMap<Box<str>, usize>,
    names: Vec<String>,
    others: Option<usize>,
}

/// Where a name is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Under its own number.
    Own(usize),
    /// With all others that came too late.
    Others(usize),
}

impl Place {
    /// The number.
    pub fn index(self) -> usize {
        match self {
            Self::Own(index) | Self::Others(index) => index,
        }
    }
}

impl Names {
    /// An empty table.
    pub fn new(most: usize, others: &'static str) -> Self {
        Self { most, others, table: Mutex::default() }
    }

    /// The place of a name, which is given one when there is any left.
    pub fn place(&self, name: &str) -> Place {
        let mut table = self.table();
        if let Some(place) = table.places.get(name) {
            return Place::Own(*place);
        }
        let next = table.names.len();
        if let Some(others) = table.others {
            return Place::Others(others);
        }
        if next >= self.most {
            table.others = Some(next);
            table.names.push(self.others.to_owned());
            return Place::Others(next);
        }
        table.places.insert(name.into(), next);
        table.names.push(name.to_owned());
        Place::Own(next)
    }

    /// All names, in the order of their places.
    pub fn all(&self) -> Vec<String> {
        self.table().names.clone()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A thread that panicked left the table as it was before or after one entry.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_too_late_is_counted_with_the_others() {
        let names = Names::new(2, "(others)");
        assert_eq!(
            (names.place("a"), names.place("b"), names.place("a")),
            (Place::Own(0), Place::Own(1), Place::Own(0))
        );
        assert_eq!(
            (names.place("c"), names.place("d"), names.place("b")),
            (Place::Others(2), Place::Others(2), Place::Own(1))
        );
        assert_eq!(names.all(), ["a", "b", "(others)"]);
    }
}
