//! What must hold for every profile and every way of sharing it: the shares together are exactly the whole.

use std::time::Duration;

use dlt_model::{
    load::{Executor, Stage},
    segment::Segment,
};
use proptest::prelude::*;

use super::{Level, Pacing, Quota, Share};

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

/// The stages of an executor: begin and length in µs, the numbers it goes from and to.
fn ramps(executor: &Executor) -> Vec<(u64, u64, f64, f64)> {
    let (mut from, stages) = match executor {
        Executor::RampingVus { start_virtual_users, stages, .. } => (*start_virtual_users as f64, stages.clone()),
        Executor::RampingArrivalRate { start_rate, stages, .. } => (*start_rate, stages.clone()),
        Executor::ConstantArrivalRate { rate, duration_ms, .. } => {
            (*rate, vec![Stage { target: *rate, duration_ms: *duration_ms }])
        }
        other => {
            let users = other.peak_virtual_users() as f64;
            (users, vec![Stage { target: users, duration_ms: other.duration_ms() }])
        }
    };
    let mut begin = 0;
    let ramp = |stage: Stage| {
        let ramp = (begin, stage.duration_ms * 1_000, from, stage.target);
        (begin, from) = (begin + ramp.1, stage.target);
        ramp
    };
    stages.into_iter().map(ramp).collect()
}

/// How many users there are by the formula, in whole numbers without rounding, while there are any stages; and whether
/// that is certain, because nobody comes or goes within a microsecond.
fn users_at(executor: &Executor, micros: u64) -> Option<(u64, bool)> {
    let ramps = ramps(executor);
    let (begin, length, from, to) =
        ramps.into_iter().find(|(begin, length, ..)| (*begin..begin + length).contains(&micros))?;
    let (from, to, length) = (from as i128, to as i128, i128::from(length));
    // Users number 0 to n − 1 are there while the level is above their number: n is the level, rounded up.
    let users = |after: i128| (from * length + (to - from) * after.clamp(0, length) + length - 1).div_euclid(length);
    let after = i128::from(micros - begin);
    let now = users(after);
    let is_certain = users(after - 1) == now && users(after + 1) == now;
    Some((u64::try_from(now).expect("no level is below zero"), is_certain))
}

/// The area below the rate up to an instant: how many iterations should have begun.
fn area_at(executor: &Executor, micros: u64) -> f64 {
    let per_ms = match executor {
        Executor::ConstantArrivalRate { per_ms, .. } | Executor::RampingArrivalRate { per_ms, .. } => *per_ms,
        _ => 1,
    };
    let area = |(begin, length, from, to): (u64, u64, f64, f64)| {
        if length == 0 {
            return 0.0;
        }
        let after = micros.saturating_sub(begin).min(length) as f64;
        let here = from + (to - from) * after / length as f64;
        (from + here) / 2.0 * after / 1_000.0 / per_ms as f64
    };
    ramps(executor).into_iter().map(area).sum()
}

/// Whether the user of this number iterates at this instant.
fn iterates(level: &Level, number: u64, at: Duration) -> bool {
    level.next(number, at).is_some_and(|stint| stint.begin <= at)
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
    fn at_every_instant_the_level_is_the_formula_and_the_shares_add_up_to_it(
        executor in closed(),
        workers in 1..51_u32,
        instants in prop::collection::vec(0..9_000_000_u64, 1..8),
    ) {
        let Pacing::Closed { level, .. } = Pacing::of(&executor) else { panic!("closed") };
        for micros in instants {
            let at = Duration::from_micros(micros);
            let Some((users, is_certain)) = users_at(&executor, micros) else {
                prop_assert!((0..level.peak()).all(|number| !iterates(&level, number, at)));
                continue;
            };
            let share = |segment: Segment| {
                segment.numbers(level.peak()).filter(|number| iterates(&level, *number, at)).count() as u64
            };
            let together: u64 = Segment::split(workers).map(share).sum();
            prop_assert_eq!(together, share(Segment::WHOLE), "shares of {} at {:?}", workers, at);
            // A user comes or goes at this very instant, give or take what a number of seconds is rounded by.
            let difference = together.abs_diff(users);
            prop_assert!(difference == 0 || (!is_certain && difference == 1), "{} and not {} at {:?}", together, users, at);
        }
    }

    #[test]
    fn at_every_instant_as_many_arrivals_are_due_as_the_rate_has_made_and_the_shares_add_up_to_them(
        executor in open(),
        workers in 1..51_u32,
        instants in prop::collection::vec(0..9_000_000_u64, 1..8),
    ) {
        let Pacing::Open { arrivals, .. } = Pacing::of(&executor) else { panic!("open") };
        for micros in instants {
            let at = Duration::from_micros(micros);
            let due = |segment: Segment| {
                let mut schedule = arrivals.schedule(segment);
                let mut count = 0_u64;
                while schedule.peek().is_some_and(|instant| instant <= at) {
                    count += 1;
                    schedule.advance();
                }
                count
            };
            let together: u64 = Segment::split(workers).map(due).sum();
            prop_assert_eq!(together, due(Segment::WHOLE), "shares of {} at {:?}", workers, at);
            // Iteration n begins when the area below the rate is n, the first at once; so many are due as fit below it.
            let area = area_at(&executor, micros);
            let (least, most) = ((area - 1e-3).max(0.0).ceil(), (area + 1e-3).floor() + 1.0);
            let together = together as f64;
            let is_over = together >= arrivals.total() as f64;
            prop_assert!(least <= together || is_over, "{} of {} at {:?}", together, area, at);
            prop_assert!(together <= most, "{} of {} at {:?}", together, area, at);
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
