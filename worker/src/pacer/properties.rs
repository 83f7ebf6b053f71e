//! What must hold for every profile and every way of sharing it: the shares together are exactly the whole.

use std::time::Duration;

use dlt_model::{
    load::{Executor, Stage},
    segment::Segment,
};
use proptest::prelude::*;

use super::{Pacing, Quota, Share};

fn stages(most: u32) -> impl Strategy<Value = Vec<Stage>> {
    let stage = (0..most, prop_oneof![Just(0_u64), 1..2_000_u64]);
    let stage = stage.prop_map(|(target, duration_ms)| Stage { target: f64::from(target), duration_ms });
    prop::collection::vec(stage, 1..6)
}

fn closed() -> impl Strategy<Value = Executor> {
    prop_oneof![
        (0..90_u64, stages(90)).prop_map(|(start_virtual_users, stages)| Executor::RampingVus {
            start_virtual_users,
            stages,
            graceful_ramp_down_ms: 100
        }),
        (1..90_u64, 1..900_u64, 1..900_u64).prop_map(|(virtual_users, iterations, max_duration_ms)| {
            Executor::SharedIterations { virtual_users, iterations, max_duration_ms }
        }),
    ]
}

fn open() -> impl Strategy<Value = Executor> {
    prop_oneof![
        (0.1..900.0_f64, 1..3_000_u64, 1..4_000_u64, 0..50_u64, 1..60_u64).prop_map(
            |(rate, per_ms, duration_ms, pre_allocated_virtual_users, max_virtual_users)| {
                Executor::ConstantArrivalRate {
                    rate,
                    per_ms: per_ms.max(200),
                    duration_ms,
                    pre_allocated_virtual_users,
                    max_virtual_users,
                }
            }
        ),
        (0.0..900.0_f64, stages(900), 0..50_u64, 1..60_u64).prop_map(
            |(start_rate, stages, pre_allocated_virtual_users, max_virtual_users)| Executor::RampingArrivalRate {
                start_rate,
                per_ms: 1_000,
                stages,
                pre_allocated_virtual_users,
                max_virtual_users,
            }
        ),
    ]
}

/// Workers that need not have the same number of threads.
fn shares() -> impl Strategy<Value = Vec<Share>> {
    prop::collection::vec(1..9_u32, 1..51).prop_map(|threads| {
        let workers = u32::try_from(threads.len()).expect("at most fifty");
        let worker = |(index, threads)| {
            let worker = Segment { index, count: workers };
            Segment::split(threads).map(move |thread| Share::new(worker, thread))
        };
        (0..).zip(threads).flat_map(worker).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_user_and_every_shared_iteration_is_one_threads(executor in closed(), shares in shares()) {
        let pacing = Pacing::of(&executor);
        let mut users: Vec<u64> = shares.iter().flat_map(|share| share.users().numbers(pacing.users())).collect();
        users.sort_unstable();
        prop_assert_eq!(users, (0..pacing.users()).collect::<Vec<_>>());
        if let Pacing::Closed { quota: Quota::Shared(iterations), .. } = pacing {
            let parts = shares.iter().filter_map(|share| Some((share.iterations(pacing.users())?, share.users())));
            let mut taken = 0;
            for (part, users) in parts {
                taken += part.share_of(iterations);
                prop_assert!(users.share_of(pacing.users()) > 0);
            }
            prop_assert_eq!(taken, iterations);
        }
    }

    #[test]
    fn users_iterate_exactly_while_the_level_is_above_their_number(executor in closed(), at_ms in 0..9_000_u64) {
        let Pacing::Closed { level, .. } = Pacing::of(&executor) else { panic!("closed") };
        let at = Duration::from_micros(at_ms * 1_000 + 500);
        for number in 0..level.peak() {
            let mut now = Duration::ZERO;
            let mut active = 0;
            while let Some(stint) = level.next(number, now) {
                prop_assert!(stint.begin < stint.end && stint.end > now && stint.begin >= now);
                prop_assert!(stint.end <= Duration::from_millis(executor.duration_ms()));
                active += u32::from(stint.begin <= at && at < stint.end);
                now = stint.end;
            }
            // A lower number is never there for less time than a higher one.
            if active > 0 && number > 0 {
                let below = level.next(number - 1, at);
                prop_assert!(below.is_some_and(|stint| stint.begin <= at));
            }
        }
    }

    #[test]
    fn every_arrival_is_one_threads_at_the_instant_of_the_whole(executor in open(), shares in shares()) {
        let pacing = Pacing::of(&executor);
        let Pacing::Open { arrivals, most, .. } = &pacing else { panic!("open") };
        let whole: Vec<Duration> = (0..arrivals.total()).map_while(|n| arrivals.instant(n)).collect();
        prop_assert_eq!(whole.len() as u64, arrivals.total());
        prop_assert!(whole.is_sorted());
        let end = Duration::from_millis(executor.duration_ms());
        prop_assert!(whole.last().is_none_or(|last| *last < end));
        for (n, instant) in (0_u32..).zip(&whole) {
            prop_assert!((arrivals.due_by(*instant) - f64::from(n)).abs() < 1e-3, "{} at {:?}", n, instant);
        }
        let mut together = Vec::new();
        for share in &shares {
            let Some(part) = share.iterations(*most) else { continue };
            prop_assert!(share.users().share_of(*most) > 0);
            let mut schedule = arrivals.schedule(part);
            let mut last = Duration::ZERO;
            while let Some(instant) = schedule.peek() {
                prop_assert!(instant >= last);
                last = instant;
                together.push(instant);
                schedule.advance();
            }
        }
        together.sort_unstable();
        prop_assert_eq!(together, whole);
    }
}
