//! The word to stop, for everything on one thread.

use std::cell::Cell;

use tokio::{sync::Notify, time::sleep_until};

use crate::clock::Instant;

/// Tells the users of one thread to begin no further iteration.
#[derive(Default)]
pub struct Halt {
    is_raised: Cell<bool>,
    raised: Notify,
}

impl Halt {
    /// From now on no iteration begins, and who waits for one waits no more.
    pub fn raise(&self) {
        self.is_raised.set(true);
        self.raised.notify_waiters();
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.is_raised.get()
    }

    /// Ready when it is raised.
    pub async fn wait(&self) {
        if !self.is_raised.get() {
            self.raised.notified().await;
        }
    }

    /// Waits until the instant or the halt, whichever comes first.
    pub async fn sleep_until(&self, at: Instant) {
        if self.is_raised.get() || at <= Instant::now() {
            return;
        }
        tokio::select! {
            () = sleep_until(at.into()) => {}
            () = self.raised.notified() => {}
        }
    }
}
