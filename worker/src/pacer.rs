//! When: the instants at which iterations are meant to begin, whatever the target does.

use std::{ops::Range, time::Duration};

use dlt_model::{assignment::Profile, segment::Segment};

/// The numbers of this segment's virtual users, counted over the whole group.
pub fn users_of(profile: &Profile, segment: Segment) -> Range<u64> {
    match profile {
        Profile::ConstantVus { virtual_users, .. } => {
            let first = segment.offset_in(*virtual_users);
            first..first + segment.share_of(*virtual_users)
        }
    }
}

/// From the common start to the instant at which no iteration begins any more.
pub fn duration(profile: &Profile) -> Duration {
    Duration::from_millis(profile.duration_ms())
}

/// Yields the intended instants of one virtual user's iterations, as offsets from the common start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacer {
    begin: Duration,
    end: Duration,
}

impl Pacer {
    /// The pacer of the user with this number in the whole group. Users start evenly over the ramp-up, so the share of a
    /// worker does not change when any of them starts.
    pub fn of_user(profile: &Profile, number: u64) -> Self {
        match profile {
            Profile::ConstantVus { virtual_users, ramp_up_ms, .. } => {
                let begin_us = u128::from(*ramp_up_ms) * 1_000 * u128::from(number) / u128::from(*virtual_users).max(1);
                let begin = Duration::from_micros(u64::try_from(begin_us).unwrap_or(u64::MAX));
                Self { begin, end: duration(profile) }
            }
        }
    }

    /// The intended begin of the next iteration of a user that is free at `now`; `None` when the profile is over.
    ///
    /// In a closed model a user begins as soon as it is free, so the intended begin is never before `now`.
    pub fn next(&self, now: Duration) -> Option<Duration> {
        let intended = now.max(self.begin);
        (intended < self.end).then_some(intended)
    }

    /// When the profile ends.
    pub fn end(&self) -> Duration {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn constant(virtual_users: u64, ramp_up_ms: u64, hold_for_ms: u64) -> Profile {
        Profile::ConstantVus { virtual_users, ramp_up_ms, hold_for_ms }
    }

    #[test]
    fn the_first_user_starts_at_once_and_the_others_follow_evenly() {
        let profile = constant(4, 2_000, 1_000);
        let starts: Vec<_> = (0..4).map(|number| Pacer::of_user(&profile, number).next(Duration::ZERO)).collect();
        assert_eq!(starts, [0, 500, 1_000, 1_500].map(|ms| Some(Duration::from_millis(ms))));
    }

    #[test]
    fn no_iteration_begins_at_the_end_of_the_profile_or_later() {
        let pacer = Pacer::of_user(&constant(1, 0, 1_000), 0);
        assert_eq!(pacer.next(Duration::from_micros(999_999)), Some(Duration::from_micros(999_999)));
        assert_eq!(pacer.next(Duration::from_millis(1_000)), None);
        assert_eq!(pacer.next(Duration::from_millis(9_000)), None);
    }

    #[test]
    fn a_profile_without_time_or_without_users_begins_nothing() {
        assert_eq!(Pacer::of_user(&constant(1, 0, 0), 0).next(Duration::ZERO), None);
        assert!(users_of(&constant(0, 0, 1_000), Segment::WHOLE).is_empty());
    }

    proptest! {
        #[test]
        fn all_workers_together_start_exactly_the_users_of_the_whole_in_order(
            users in 0_u64..2_000, ramp_up_ms in 0_u64..100_000, hold_for_ms in 1_u64..1_000, workers in 1_u32..=50,
        ) {
            let profile = constant(users, ramp_up_ms, hold_for_ms);
            let whole: Vec<_> = (0..users).map(|number| Pacer::of_user(&profile, number)).collect();
            let shared: Vec<_> = Segment::split(workers)
                .flat_map(|segment| users_of(&profile, segment))
                .map(|number| Pacer::of_user(&profile, number))
                .collect();
            prop_assert_eq!(&shared, &whole);
            let starts: Vec<_> = whole.iter().filter_map(|pacer| pacer.next(Duration::ZERO)).collect();
            prop_assert_eq!(starts.len() as u64, users);
            prop_assert!(starts.is_sorted());
        }

        #[test]
        fn intended_instants_never_go_back_and_never_lie_before_the_user_is_free(
            users in 1_u64..500, ramp_up_ms in 0_u64..10_000, hold_for_ms in 0_u64..10_000, number in 0_u64..500,
            works_us in proptest::collection::vec(0_u64..1_000_000, 0..50),
        ) {
            let pacer = Pacer::of_user(&constant(users, ramp_up_ms, hold_for_ms), number % users);
            let (mut now, mut last) = (Duration::ZERO, Duration::ZERO);
            for work_us in works_us {
                let Some(intended) = pacer.next(now) else { break };
                prop_assert!(intended >= now && intended >= last && intended < pacer.end());
                last = intended;
                now = intended + Duration::from_micros(work_us);
            }
        }
    }
}
