//! Runs that differ by chance, and runs that differ: how often the comparison says which.

use dlt_model::{
    baseline::{Change, Comparison, Judged, Measured, Tolerance, compare},
    buckets::Buckets,
    histogram::Histogram,
    id::Region,
    report::Measurements,
    summary::{Slice, Summary},
};

const NONE: Tolerance = Tolerance { p95_growth_percent: 0, success_rate_fall: 0 };
const USUAL: Tolerance = Tolerance { p95_growth_percent: 20, success_rate_fall: 100 };
/// How many pairs of runs a frequency is counted over.
const PAIRS: usize = 100;

/// Numbers between 0 and 1 that are the same in every run of the tests (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number of the normal distribution.
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.next()).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

/// What a system is like.
#[derive(Clone, Copy)]
struct System {
    /// The median in microseconds.
    median_us: f64,
    /// How differently its seconds go, as the deviation of a logarithm.
    moods: f64,
    /// The share of samples that fail.
    failing: f64,
}

const STEADY: System = System { median_us: 50_000.0, moods: 0.0, failing: 0.01 };

/// A run of twenty-four seconds with sixty samples each.
fn run(system: System, seed: u64) -> Measured {
    let mut chance = Chance(seed);
    let (test_id, run_id) = ("a".parse().unwrap(), "r".parse().unwrap());
    let mut summary = Summary::new(&test_id, &run_id, [(0, &Region::local())]);
    let mut all = Measurements::default();
    for _ in 0..=24 {
        let mood = chance.normal() * system.moods;
        let mut histogram = Histogram::default();
        let mut failed = 0;
        for _ in 0..60 {
            let latency_us = system.median_us * (mood + 0.4 * chance.normal()).exp();
            histogram.record(latency_us as u64);
            all.latency.record(latency_us as u64);
            failed += u64::from(chance.next() < (system.failing * (2.0 * mood).exp()).min(1.0));
        }
        all.succeeded += 60 - failed;
        all.failed += failed;
        let latency = Buckets::from(&histogram);
        summary.seconds.push(Slice { virtual_users: 5, succeeded: 60 - failed, failed, latency });
    }
    summary.total.all = all;
    Measured::of(&summary).unwrap()
}

/// Many pairs of runs, compared.
fn pairs(before: System, now: System, tolerance: Tolerance) -> Vec<[Comparison; 2]> {
    (0..PAIRS as u64).map(|seed| compare(&run(before, seed * 2 + 1), &run(now, seed * 2 + 2), tolerance)).collect()
}

/// How many of them say so of a number.
fn count(pairs: &[[Comparison; 2]], change: Change, judged: &[Judged]) -> usize {
    pairs.iter().flatten().filter(|one| one.change == change && judged.contains(&one.judged)).count()
}

/// One in a hundred, and what that can come to by chance.
const ALARMS: usize = 4;
const WORSE: &[Judged] = &[Judged::Worse, Judged::WorseByTolerance];

#[test]
fn two_runs_of_the_same_system_are_hardly_ever_called_different_though_nothing_is_tolerated() {
    let moody = System { moods: 0.3, ..STEADY };
    for system in [STEADY, moody] {
        let pairs = pairs(system, system, NONE);
        for change in [Change::P95, Change::Failures] {
            let alarms = count(&pairs, change, WORSE);
            assert!(alarms <= ALARMS, "{change:?}: {alarms} of {PAIRS}");
        }
    }
    // The tolerance alone would have failed many of the moody runs; that is what the interval is for.
    let tenth = Tolerance { p95_growth_percent: 10, ..USUAL };
    let excused = count(&pairs(moody, moody, tenth), Change::P95, &[Judged::Noise]);
    assert!(excused > PAIRS / 20, "{excused} of {PAIRS}");
}

#[test]
fn a_real_change_is_seen_nearly_always() {
    let worse = System { median_us: 75_000.0, failing: 0.05, ..STEADY };
    let pairs = pairs(STEADY, worse, USUAL);
    for change in [Change::P95, Change::Failures] {
        let seen = count(&pairs, change, &[Judged::Worse]);
        assert!(seen >= PAIRS * 95 / 100, "{change:?}: {seen} of {PAIRS}");
    }
}

#[test]
fn a_real_change_within_the_tolerance_is_held_and_so_is_what_got_better() {
    let little = System { median_us: 52_500.0, ..STEADY };
    assert!(count(&pairs(STEADY, little, USUAL), Change::P95, &[Judged::Held]) >= PAIRS * 98 / 100);
    let better = pairs(STEADY, System { median_us: 25_000.0, failing: 0.0, ..STEADY }, NONE);
    for change in [Change::P95, Change::Failures] {
        assert_eq!(count(&better, change, &[Judged::Held]), PAIRS);
    }
}

#[test]
fn when_a_run_is_too_short_to_know_its_noise_the_tolerance_alone_decides() {
    let short = |p95_us| Measured { samples: 50, failed: 0, latency_us_p95: p95_us, ..Measured::default() };
    let [p95, failures] = compare(&short(100_000), &short(121_000), USUAL);
    assert_eq!((p95.judged, p95.interval, failures.judged), (Judged::WorseByTolerance, None, Judged::Held));
    assert!(p95.is_worse());
    assert_eq!(compare(&short(100_000), &short(120_000), USUAL)[0].judged, Judged::Held, "on the limit");
    let failed = Measured { failed: 1, ..short(100_000) };
    assert_eq!(compare(&short(100_000), &failed, USUAL)[1].judged, Judged::WorseByTolerance, "2 points of 1");
}

#[test]
fn a_comparison_says_in_words_what_was_seen_and_what_it_means() {
    let slower = System { median_us: 100_000.0, failing: 0.001, ..STEADY };
    let [p95, failures] = compare(&run(STEADY, 1), &run(slower, 2), USUAL);
    assert_eq!(p95.question(), "p95 at most 20% over the baseline's");
    assert!(p95.observed().contains("% sure: +") && p95.observed().contains("ms after "), "{}", p95.observed());
    assert_eq!(p95.meaning(), "worse, and more than noise");
    assert_eq!(failures.question(), "success_rate at most 1 point under the baseline's");
    assert!(
        failures.observed().contains("% after 9") && failures.observed().contains("points"),
        "{}",
        failures.observed()
    );
    assert_eq!(failures.meaning(), "within the tolerance");
}

#[test]
fn what_a_run_leaves_survives_being_written_and_read() {
    let before = run(STEADY, 7);
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Measured>(&text).unwrap(), before);
    assert!(text.len() < 20_000, "{} bytes", text.len());
}
