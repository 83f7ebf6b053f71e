//! Whatever a peer sends: known inputs with mistakes in them, against everything that reads what comes from a wire.
//!
//! In every test run some thousand cases that are always the same. `FUZZ_SECS=600` goes on for so many seconds with cases
//! that are new each time; the seed of a case that fails is printed, and `FUZZ_SEED` begins with it.

mod mutate;
mod parsers;

use std::{
    env,
    io::{Write, stderr},
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rand::{SeedableRng, rngs::SmallRng};

use self::parsers::{Parser, all};

/// How many cases each parser gets in an ordinary test run.
const USUAL_CASES: u64 = 300;
/// How long one input may keep a parser busy, on however busy a machine.
const LONGEST: Duration = Duration::from_secs(10);

fn setting(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not `{text}`")))
}

/// One input; says what it was if it was too much.
fn play(parser: &Parser, seed: u64) {
    let mut random = SmallRng::seed_from_u64(seed);
    let input = mutate::mutated(&parser.seeds, &mut random);
    let mut pieces = Vec::new();
    let mut rest = &input[..];
    for size in mutate::cuts(input.len(), &mut random) {
        let (piece, after) = rest.split_at(size);
        pieces.push(piece);
        rest = after;
    }
    let began = Instant::now();
    let played = catch_unwind(AssertUnwindSafe(|| (parser.read)(&input, &pieces)));
    let is_late = began.elapsed() > LONGEST;
    let what = played.map_or("panicked on", |()| if is_late { "was too long about" } else { "" });
    assert!(what.is_empty(), "{} {what} FUZZ_SEED={seed}: b\"{}\"", parser.name, input.escape_ascii());
}

#[test]
fn nothing_that_a_peer_sends_makes_a_parser_fall_over() {
    let parsers = all();
    let long = setting("FUZZ_SECS").map(Duration::from_secs);
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let first = setting("FUZZ_SEED").unwrap_or_else(|| if long.is_some() { clock() as u64 } else { 0 });
    let began = Instant::now();
    let mut seed = first;
    while long.map_or(seed - first < USUAL_CASES, |long| began.elapsed() < long) {
        parsers.iter().for_each(|parser| play(parser, seed));
        seed += 1;
    }
    let (secs, each) = (began.elapsed().as_secs(), seed - first);
    let names: Vec<_> = parsers.iter().map(|parser| parser.name).collect();
    let said = writeln!(
        stderr(),
        "{secs} s, {each} cases for each of {} parsers ({}), from FUZZ_SEED={first}",
        names.len(),
        names.join(", ")
    );
    said.expect("standard error is there");
}
