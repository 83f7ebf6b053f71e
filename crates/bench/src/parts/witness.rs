//! Who sees whether a processor is there at all: a thread that goes before every program and wakes again and again.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::thread::gettid;

use crate::{machine, task::Place, tools::on_path};

/// What lets a thread go before everything else, and as far before as there is.
const FOREMOST: [&str; 4] = ["chrt", "--fifo", "--pid", "99"];
/// How often it wakes.
const EVERY: Duration = Duration::from_micros(500);
/// From how long on a processor counts as away.
const AWAY: Duration = Duration::from_millis(1);

/// A thread on the processor where the client is.
pub struct Witness {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Witness {
    /// Has the processor watched from now on.
    ///
    /// # Errors
    /// Says who may do that.
    pub fn set(place: &Place) -> Result<Self, String> {
        let [program, options @ ..] = FOREMOST;
        let program = on_path(program).ok_or_else(|| format!("{program} is absent: apt-get install util-linux"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let (until, processors) = (Arc::clone(&stop), place.client.clone());
        let thread = thread::spawn(move || {
            machine::pin_this_thread(&processors);
            // Who set it waits for this.
            let _ = tell.send(gettid());
            watch(&until)
        });
        let witness = Self { stop, thread };
        let id = told.recv().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(options).arg(id.as_raw_nonzero().to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return Ok(witness);
        }
        witness.end();
        Err("only root may, or who has CAP_SYS_NICE".to_owned())
    }

    /// For how long, in stretches of a millisecond and more, not even the foremost program could run there.
    pub fn end(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watch cannot panic")
    }
}

fn watch(until: &AtomicBool) -> Duration {
    let (mut away, mut due) = (Duration::ZERO, Instant::now());
    while !until.load(Ordering::Relaxed) {
        due += EVERY;
        machine::rest(due.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        away += counted(now.saturating_duration_since(due));
        due = now.max(due);
    }
    away
}

/// How much of being late is the processor's.
fn counted(late: Duration) -> Duration {
    if late >= AWAY { late } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shorter_than_a_millisecond_is_waking_up_and_what_is_longer_counts_whole() {
        assert_eq!(counted(Duration::from_micros(999)), Duration::ZERO);
        assert_eq!(counted(Duration::from_micros(2_500)), Duration::from_micros(2_500));
    }

    #[test]
    fn a_watch_ends_when_it_is_told_and_has_seen_no_more_than_there_was() {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let began = Instant::now();
        let thread = thread::spawn(move || watch(&until));
        machine::rest(Duration::from_millis(50));
        let away = Witness { stop, thread }.end();
        assert!(away <= began.elapsed(), "{away:?}");
    }
}
