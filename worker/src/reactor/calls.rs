//! Who was called by something that is no socket: a timer, a channel, another task, perhaps on another thread.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// The tasks that were called since they were last asked for.
#[derive(Default)]
pub struct Calls(Mutex<Called>);

#[derive(Default)]
struct Called {
    places: Vec<usize>,
    /// Whoever waits for the next call.
    waiting: Option<Waker>,
}

impl Calls {
    /// Calls the task in this place.
    pub fn add(&self, place: usize) {
        let mut called = self.called();
        called.places.push(place);
        let waiting = called.waiting.take();
        drop(called);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Takes all that were called into an empty list.
    pub fn take(&self, places: &mut Vec<usize>) {
        std::mem::swap(&mut self.called().places, places);
    }

    /// Says whether somebody was called, and wakes this waker at the next call if nobody was.
    pub fn wait(&self, waker: &Waker) -> bool {
        let mut called = self.called();
        let has_any = !called.places.is_empty();
        called.waiting = (!has_any).then(|| waker.clone());
        has_any
    }

    /// There is something else to do: a call need wake nobody.
    pub fn wait_no_more(&self) {
        self.called().waiting = None;
    }

    /// Nothing that is done under the lock can fail half-way.
    fn called(&self) -> MutexGuard<'_, Called> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
