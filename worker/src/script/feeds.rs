//! Rows of data, dealt out so that workers and threads get what is theirs and nothing else.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use dlt_model::{program::FeedOrder, segment::Segment};
use rand::{Rng, rngs::SmallRng};

use super::value::Slot;

/// A feed of the program, for all threads of a worker.
pub struct Feed {
    pub name: String,
    pub columns: Vec<Slot>,
    pub rows: Vec<Vec<String>>,
    pub order: FeedOrder,
    pub repeat: bool,
    /// How many rows the users of this worker have taken, in a sequential feed.
    pub taken: AtomicU64,
}

/// How many rows of one feed the users of one thread have taken.
pub type Cursor = Cell<u64>;

impl Feed {
    /// The next row for a user of a thread with this share; `None` when there is none any more.
    pub fn next(&self, cursor: &Cursor, segment: Segment, random: &mut SmallRng) -> Option<&[String]> {
        let total = self.rows.len() as u64;
        let number = match self.order {
            FeedOrder::Random => random.random_range(0..total.max(1)),
            FeedOrder::Sequential => {
                let taken = self.taken.fetch_add(1, Relaxed);
                if self.repeat { taken % total.max(1) } else { taken }
            }
            FeedOrder::Unique | FeedOrder::Partitioned => {
                let share = segment.share_of(total);
                let taken = cursor.replace(cursor.get() + 1);
                if share == 0 || (taken >= share && !self.repeat) {
                    return None;
                }
                u64::from(segment.index) + taken % share * u64::from(segment.count)
            }
        };
        self.rows.get(usize::try_from(number).ok()?).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn feed(order: FeedOrder, rows: usize, repeat: bool) -> Feed {
        let rows = (0..rows).map(|row| vec![row.to_string()]).collect();
        Feed { name: "f".to_owned(), columns: vec![0], rows, order, repeat, taken: AtomicU64::new(0) }
    }

    fn take(feed: &Feed, segment: Segment, most: usize) -> Vec<usize> {
        let (cursor, mut random) = (Cursor::new(0), SmallRng::seed_from_u64(0));
        let rows = std::iter::from_fn(|| feed.next(&cursor, segment, &mut random).map(|row| row[0].clone()));
        rows.take(most).map(|row| row.parse().expect("a number")).collect()
    }

    #[test]
    fn unique_and_partitioned_rows_have_one_owner_over_workers_and_threads() {
        for order in [FeedOrder::Unique, FeedOrder::Partitioned] {
            let mut all: Vec<usize> = Segment::split(3)
                .flat_map(|worker| (0..2).map(move |thread| worker.part(thread, 2)))
                .flat_map(|part| take(&feed(order, 17, false), part, 100))
                .collect();
            all.sort_unstable();
            assert_eq!(all, (0..17).collect::<Vec<_>>());
        }
    }

    #[test]
    fn rows_that_repeat_begin_anew_within_the_share() {
        let second = Segment { index: 1, count: 2 };
        assert_eq!(take(&feed(FeedOrder::Partitioned, 5, true), second, 5), [1, 3, 1, 3, 1]);
        assert_eq!(take(&feed(FeedOrder::Sequential, 2, true), second, 5), [0, 1, 0, 1, 0]);
        assert_eq!(take(&feed(FeedOrder::Sequential, 2, false), second, 5), [0, 1]);
        assert_eq!(take(&feed(FeedOrder::Partitioned, 1, true), second, 5), Vec::<usize>::new());
        assert_eq!(take(&feed(FeedOrder::Random, 3, false), second, 50).len(), 50);
    }
}
