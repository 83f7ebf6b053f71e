//! The seconds of a run for its report, in a room that is set aside at the start and never grows, however long the run is.
//!
//! An open histogram has two hundred kilobytes; packed, the second of a busy worker has a few.

use dlt_model::report::Second;
use serde_json::value::{RawValue, to_raw_value};

/// How much room there is. When it is full, every two entries become one, which takes no more room than both.
const ROOM_BYTES: usize = 4 << 20;
/// How many entries there are at most: two hours of quiet seconds.
const MAX_ENTRIES: usize = 7_200;

/// The seconds so far.
#[derive(Debug)]
pub struct Seconds {
    /// Packed entries, one after another.
    packed: Vec<u8>,
    entries: usize,
    room: Room,
    resolution_secs: u32,
    /// The entry that is not complete, and of how many seconds it is.
    open: Option<(Second, u32)>,
}

/// What entries may take.
#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: usize,
    entries: usize,
}

impl Default for Seconds {
    fn default() -> Self {
        Self::within(Room { bytes: ROOM_BYTES, entries: MAX_ENTRIES })
    }
}

impl Seconds {
    fn within(room: Room) -> Self {
        // Memory is a worker's from the first time it is written to: what will be needed is taken now.
        let mut packed = vec![u8::MAX; room.bytes];
        packed.clear();
        Self { packed, entries: 0, room, resolution_secs: 1, open: None }
    }

    /// Adds the next second.
    pub fn push(&mut self, second: Second) {
        self.add(second, 1);
    }

    /// Adds what was seen in the next so many seconds, at most as many as an entry stands for.
    fn add(&mut self, part: Second, seconds: u32) {
        let (entry, seconds) = match self.open.take() {
            None => (part, seconds),
            Some((mut first, before)) => {
                first.join(&part);
                (first, before + seconds)
            }
        };
        if seconds < self.resolution_secs {
            self.open = Some((entry, seconds));
            return;
        }
        let packed = pack(&entry);
        let fits = self.packed.len() + packed.len() <= self.room.bytes && self.entries < self.room.entries;
        if fits || self.entries < 2 {
            self.packed.extend(packed);
            self.entries += 1;
        } else {
            self.halve();
            self.add(entry, seconds);
        }
    }

    /// Every two entries become one, in their own place. One that is left over is no longer complete.
    fn halve(&mut self) {
        let (mut read, mut written) = (0, 0);
        while read < self.packed.len() {
            let (mut first, length) = unpack(&self.packed[read..]);
            read += length;
            if read == self.packed.len() {
                self.open = Some((first, self.resolution_secs));
                break;
            }
            let (second, length) = unpack(&self.packed[read..]);
            read += length;
            first.join(&second);
            let joined = pack(&first);
            self.packed[written..written + joined.len()].copy_from_slice(&joined);
            written += joined.len();
        }
        self.packed.truncate(written);
        self.entries /= 2;
        self.resolution_secs *= 2;
    }

    /// All entries as they are written into a report, and how many seconds each stands for.
    pub fn finish(self) -> (Vec<Box<RawValue>>, u32) {
        let mut entries = Vec::with_capacity(self.entries + 1);
        let mut rest = self.packed.as_slice();
        while !rest.is_empty() {
            let (entry, length) = unpack(rest);
            entries.push(written(&entry));
            rest = &rest[length..];
        }
        entries.extend(self.open.iter().map(|(last, _)| written(last)));
        (entries, self.resolution_secs)
    }
}

fn pack(entry: &Second) -> Vec<u8> {
    postcard::to_allocvec(entry).expect("a second is made of numbers")
}

/// An entry, and how many bytes it takes.
fn unpack(packed: &[u8]) -> (Second, usize) {
    let (entry, rest) = postcard::take_from_bytes(packed).expect("packed above");
    (entry, packed.len() - rest.len())
}

fn written(entry: &Second) -> Box<RawValue> {
    to_raw_value(entry).expect("a second is made of numbers")
}

#[cfg(test)]
mod tests {
    use dlt_model::{buckets::Buckets, histogram::Histogram};

    use super::*;

    const FOUR: Room = Room { bytes: 100_000, entries: 4 };

    fn second(number: u64) -> Second {
        let mut latency = Histogram::default();
        latency.record(number);
        Second { virtual_users: number, succeeded: 1, failed: number, latency: Buckets::from(&latency) }
    }

    fn entries(seconds: u64, room: Room) -> (Vec<Second>, u32) {
        let mut kept = Seconds::within(room);
        (1..=seconds).for_each(|number| kept.push(second(number)));
        assert!(kept.packed.len() <= room.bytes && kept.packed.capacity() == room.bytes, "{} bytes", kept.packed.len());
        let (entries, resolution_secs) = kept.finish();
        (entries.iter().map(|text| serde_json::from_str(text.get()).expect("a second")).collect(), resolution_secs)
    }

    #[test]
    fn a_short_run_has_every_second() {
        let (entries, resolution_secs) = entries(3, FOUR);
        assert_eq!((entries, resolution_secs), ((1..=3).map(second).collect(), 1));
    }

    #[test]
    fn a_long_run_has_fewer_entries_and_every_sample() {
        let tight = Room { bytes: 4_000, entries: 1_000 };
        for (seconds, room) in
            [4, 5, 8, 15, 16, 17, 1_000].into_iter().flat_map(|seconds| [(seconds, FOUR), (seconds, tight)])
        {
            let (entries, resolution_secs) = entries(seconds, room);
            assert_eq!(entries.len() as u64, seconds.div_ceil(resolution_secs.into()), "{seconds} in {room:?}");
            assert_eq!(entries.iter().map(|entry| entry.succeeded).sum::<u64>(), seconds);
            assert_eq!(entries.iter().map(|entry| entry.failed).sum::<u64>(), (1..=seconds).sum::<u64>());
            assert_eq!(entries.iter().map(|entry| entry.latency.count()).sum::<u64>(), seconds);
            let firsts = entries.iter().map(|entry| entry.virtual_users);
            assert!(firsts.eq((1..=seconds).step_by(usize::try_from(resolution_secs).expect("small"))));
        }
    }

    #[test]
    fn two_entries_take_no_less_room_than_what_they_become() {
        let busy = |seed: u64| {
            let mut latency = Histogram::default();
            (0..3_000).for_each(|at| latency.record(100 + (at * at * seed) % 90_000));
            Second { virtual_users: seed, succeeded: 3_000, failed: 0, latency: Buckets::from(&latency) }
        };
        for seed in 1..50 {
            let (mut first, second) = (busy(seed), busy(seed * 31));
            let apart = pack(&first).len() + pack(&second).len();
            first.join(&second);
            assert!(pack(&first).len() <= apart, "{seed}");
            assert!(apart < 2 * 6_000, "a busy second is small: {apart} bytes for two");
        }
    }
}
