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

    /// How many of `total` things are this share's.
    pub fn share_of(self, total: u64) -> u64 {
        self.before(u64::from(self.index) + 1, total) - self.before(u64::from(self.index), total)
    }

    /// How many of `total` things belong to the shares before this one: the number of the first thing of this share.
    pub fn offset_in(self, total: u64) -> u64 {
        self.before(u64::from(self.index), total)
    }

    fn before(self, index: u64, total: u64) -> u64 {
        let cut = u128::from(total) * u128::from(index) / u128::from(self.count);
        u64::try_from(cut).expect("a share is no larger than the whole")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_workers_share_ten_users_without_losing_one() {
        let shares = Segment::split(3).map(|segment| segment.share_of(10));
        assert_eq!(shares.sum::<u64>(), 10);
    }

    #[test]
    fn shares_follow_each_other_without_gap_or_overlap() {
        for total in [0, 1, 7, 64, 1_000_003] {
            for count in 1..=50 {
                let mut next = 0;
                for segment in Segment::split(count) {
                    assert_eq!(segment.offset_in(total), next);
                    next += segment.share_of(total);
                }
                assert_eq!(next, total);
            }
        }
    }
}
