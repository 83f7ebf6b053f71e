//! The engine in every weather: whatever goes wrong, `up` ends with the verdict that CloudFormation's last word means,
//! executes a change set at most once, and leaves nothing behind that is not in use.
//!
//! `REHEARSALS` says how many cases there are, `REHEARSAL_SEED` from which seed they come, `REHEARSAL_SPEED` how many times as
//! fast as AWS all of them go.

mod house;
mod judgement;
mod known;
mod lots;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use self::{
    house::House,
    lots::{Case, case},
};

/// Into how many parts the cases are dealt. Each has a seed of its own, counted on from the first, and a thread of its own.
const PARTS: u32 = 2;
/// How many cases there are unless `REHEARSALS` says otherwise.
const CASES: u32 = 1_000;
/// Where they come from unless `REHEARSAL_SEED` says otherwise.
const SEED: u64 = 20_261_122;

fn setting<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Plays a case and judges it.
fn try_out(house: &House, case: &Case) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let told = runtime.expect("a clock needs nothing of the machine").block_on(house::play(house, case));
    judgement::judge(case, &told)
}

/// Plays cases that come from a seed, and says which of them went wrong and how.
fn rehearse(cases: u32, seed: u64) -> Result<(), String> {
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let house = House::open();
    let played = TestRunner::new(config).run(&case(), |case| try_out(&house, &case));
    played.map_err(|error| format!("seed {seed}: {error}"))
}

#[test]
fn in_any_weather_the_verdict_is_cloudformations_nothing_runs_twice_and_nothing_is_left() {
    let (cases, seed) = (setting("REHEARSALS", CASES), setting("REHEARSAL_SEED", SEED));
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let part = |number| scope.spawn(move || rehearse(cases.div_ceil(PARTS), seed + u64::from(number)));
        let parts: Vec<_> = (0..PARTS).map(part).collect();
        parts.into_iter().filter_map(|part| part.join().expect("what goes wrong is told").err()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
