//! Live data: one line a second, written where it can hold nothing up.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    thread,
    time::Duration,
};

use dlt_model::tick::Tick;

use crate::WorkerError;

/// How many lines wait for a reader that does not read. The report holds everything, so live data may be lost.
const LINES_WAITING: usize = 60;
/// How long the end of the run waits for the last lines to be written.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(2);

/// Writes ticks on a thread of its own.
pub struct Ticks {
    lines: SyncSender<Vec<u8>>,
    /// Hangs up when everything is written.
    written: Receiver<()>,
    lost: u64,
    /// Those of them that no later tick has told of yet.
    untold: u64,
}

impl Ticks {
    /// Ticks that go to `out`.
    ///
    /// # Errors
    /// Returns an error when no thread can be started.
    pub fn to(out: impl Write + Send + 'static) -> Result<Self, WorkerError> {
        let (lines, waiting) = sync_channel(LINES_WAITING);
        let (writing, written) = sync_channel(0);
        thread::Builder::new()
            .name("ticks".to_owned())
            .spawn(move || {
                write_all(out, &waiting);
                drop(writing);
            })
            .map_err(|error| WorkerError::Engine(format!("cannot start a thread: {error}")))?;
        Ok(Self { lines, written, lost: 0, untold: 0 })
    }

    /// Hands a tick over, which tells of those before it that were lost.
    pub fn push(&mut self, tick: &mut Tick) {
        tick.health.lost_ticks = self.untold;
        let mut line = serde_json::to_vec(tick).expect("a tick is made of numbers and names");
        line.push(b'\n');
        match self.lines.try_send(line) {
            Err(TrySendError::Full(_)) => {
                self.lost += 1;
                self.untold += 1;
            }
            // Who has hung up wants none, so none is lost.
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.untold = 0,
        }
    }

    /// Waits until everything is written, though not for a reader that does not read; says how many ticks were lost for
    /// certain.
    pub fn finish(self) -> u64 {
        drop(self.lines);
        let is_stuck = self.written.recv_timeout(LAST_LINES_TIMEOUT) == Err(RecvTimeoutError::Timeout);
        self.lost.max(u64::from(is_stuck))
    }
}

/// A line is one write, so that a reader never sees half of one for long; who has hung up is left alone.
fn write_all(mut out: impl Write, lines: &Receiver<Vec<u8>>) {
    for line in lines {
        if let Err(error) = out.write_all(&line).and_then(|()| out.flush()) {
            let _ = writeln!(io::stderr(), "live data is off: {error}");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::{histogram::Histogram, id::Region, tick::Health};

    use super::*;

    fn tick() -> Tick {
        Tick {
            schema: dlt_model::tick::SCHEMA.to_owned(),
            test_id: "T".parse().expect("an id"),
            run_id: "R".parse().expect("an id"),
            region: Region::local(),
            worker: 0,
            at_ms: 0,
            second: 1,
            virtual_users: 0,
            succeeded: 0,
            failed: 0,
            avg_rt: 0.0,
            latency_ms_p95: 0.0,
            bytes_received: 0,
            bytes_sent: 0,
            latency: Histogram::default(),
            health: Health::default(),
        }
    }

    #[test]
    fn a_reader_that_has_hung_up_ends_nothing_but_the_live_data() {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let mut ticks = Ticks::to(writer).expect("a thread");
        for _ in 0..3 {
            ticks.push(&mut tick());
        }
        assert_eq!(ticks.finish(), 0);
    }

    #[test]
    fn a_reader_that_does_not_read_loses_ticks_and_holds_nothing_up() {
        let (_reader, writer) = io::pipe().expect("a pipe");
        let mut ticks = Ticks::to(writer).expect("a thread");
        for _ in 0..2_000 {
            ticks.push(&mut tick());
        }
        assert!(ticks.finish() > 0);
    }

    #[test]
    fn the_ticks_that_get_through_tell_of_every_one_that_did_not() {
        use io::BufRead;
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut ticks = Ticks::to(writer).expect("a thread");
        for _ in 0..2_000 {
            ticks.push(&mut tick());
        }
        let lost = ticks.lost;
        let mut lines = io::BufReader::new(reader).lines();
        let mut told = || {
            let line = lines.next().expect("a line").expect("UTF-8");
            serde_json::from_str::<Tick>(&line).expect("a tick").health.lost_ticks
        };
        let before: u64 = (0..2_000 - lost).map(|_| told()).sum();
        ticks.push(&mut tick());
        assert!(lost > 0);
        assert_eq!(before + told(), lost);
        assert_eq!(ticks.finish(), lost);
    }
}
