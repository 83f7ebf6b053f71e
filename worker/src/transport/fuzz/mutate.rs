//! Inputs that are nearly right: those that are known, with a few mistakes in them.

use rand::{Rng, rngs::SmallRng, seq::IndexedRandom};

/// How long an input is, mostly; the few that are longer cost most of the time.
const USUAL_BYTES: usize = 2 * 1_024;
/// How many mistakes there are in one input at most.
const MAX_MISTAKES: usize = 8;
/// Bytes that mean something to one parser or another.
const TELLING: &[u8] = b"\0\x01\x04\x05\x08\x09\x7e\x7f\x80\x81\xfe\xff\r\n :;,=0f";

/// One of the seeds with some mistakes; every seed stays as it is now and then.
pub fn mutated(seeds: &[Vec<u8>], random: &mut SmallRng) -> Vec<u8> {
    let mut bytes = seeds.choose(random).cloned().unwrap_or_default();
    if bytes.len() > USUAL_BYTES && random.random_ratio(15, 16) {
        bytes.truncate(USUAL_BYTES);
    }
    for _ in 0..random.random_range(0..=MAX_MISTAKES) {
        mistake(&mut bytes, seeds, random);
    }
    bytes
}

/// Where a peer's bytes are cut as they come: sizes that add up to the whole.
pub fn cuts(length: usize, random: &mut SmallRng) -> Vec<usize> {
    let (mut left, mut sizes) = (length, Vec::new());
    let largest = *[1, 3, 20, 400, 20_000].choose(random).unwrap_or(&1);
    while left > 0 {
        let size = random.random_range(1..=largest).min(left);
        sizes.push(size);
        left -= size;
    }
    sizes
}

fn mistake(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut SmallRng) {
    let at = random.random_range(0..=bytes.len());
    let upto = (at + random.random_range(0..=40)).min(bytes.len());
    match random.random_range(0..8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = *TELLING.choose(random).unwrap_or(&0),
        2 => {
            let more: Vec<u8> = (0..random.random_range(1..20)).map(|_| random.random()).collect();
            drop(bytes.splice(at..at, more));
        }
        3 => drop(bytes.drain(at..upto)),
        4 => {
            let again = bytes[at..upto].to_vec();
            drop(bytes.splice(at..at, again));
        }
        5 => {
            let number = *[0_u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX].choose(random).unwrap_or(&0);
            drop(bytes.splice(at..(at + 4).min(bytes.len()), number.to_be_bytes()));
        }
        6 => {
            let other = seeds.choose(random).map_or(&[][..], Vec::as_slice);
            let from = random.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..(from + USUAL_BYTES).min(other.len())]);
        }
        _ => bytes.truncate(at),
    }
}
