//! A worker's exact share of a whole: users, iterations, rate.
//!
//! A worker knows its share from its index and the number of workers alone, as k6's execution segments do: nobody deals
//! out users, and none is lost in rounding.

use serde::{Deserialize, Serialize};

/// One of `count` equal shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Which share, from 0.
    pub index: u32,
    /// How many shares there are, at least 1.
    pub count: u32,
}

impl Segment {
    /// The whole, as one share.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Every share of a whole that is cut into `count`.
    pub fn split(count: u32) -> impl Iterator<Item = Self> {
        (0..count).map(move |index| Self { index, count })
    }

    /// Whose this thing is: things are dealt out in turn, so nobody's share changes when the whole grows.
    pub fn owns(self, number: u64) -> bool {
        number % u64::from(self.count) == u64::from(self.index)
    }

    /// How many of the first `total` things are this share's.
    pub fn share_of(self, total: u64) -> u64 {
        let (count, index) = (u64::from(self.count), u64::from(self.index));
        total / count + u64::from(index < total % count)
    }

    /// The numbers of its things among the first `total`, in order.
    pub fn numbers(self, total: u64) -> impl ExactSizeIterator<Item = u64> + Clone {
        let (count, index) = (u64::from(self.count), u64::from(self.index));
        let share = usize::try_from(self.share_of(total)).unwrap_or(usize::MAX);
        (0..share).map(move |place| index + place as u64 * count)
    }

    /// One of `count` equal parts of this share.
    #[must_use]
    pub fn part(self, index: u32, count: u32) -> Self {
        Self { index: self.index + index * self.count, count: self.count * count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_workers_share_ten_users_without_losing_one() {
        let shares = Segment::split(3).map(|segment| segment.share_of(10));
        assert_eq!(shares.collect::<Vec<_>>(), [4, 3, 3]);
    }

    #[test]
    fn every_thing_has_one_owner_however_shares_are_cut_again() {
        for total in [0, 1, 7, 64, 1_003] {
            for (workers, threads) in [(1, 1), (3, 2), (50, 4)] {
                let mut owners = vec![0; usize::try_from(total).expect("small")];
                for part in Segment::split(workers)
                    .flat_map(|worker| (0..threads).map(move |thread| worker.part(thread, threads)))
                {
                    assert_eq!(part.numbers(total).len() as u64, part.share_of(total));
                    for number in part.numbers(total) {
                        assert!(part.owns(number));
                        owners[usize::try_from(number).expect("small")] += 1;
                    }
                }
                assert!(owners.iter().all(|owners| *owners == 1));
            }
        }
    }
}
