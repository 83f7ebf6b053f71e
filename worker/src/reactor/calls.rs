//! Who was called by something that is no socket: a timer, a channel, another task, perhaps on another thread.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// The tasks that were called since they were last asked for.
#[derive(Default)]
pub struct Calls(Mutex<Called>);

#[derive(Default)]
struct Called {
    places: VecDeque<usize>,
    /// Whoever waits for the next call.
    waiting: Option<Waker>,
}

impl Calls {
    /// Calls the task in this place.
    pub fn add(&self, place: usize) {
        let mut called = self.called();
        called.places.push_back(place);
        let waiting = called.waiting.take();
        drop(called);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Moves the first that were called into a list, but not more than so many.
    pub fn take(&self, most: usize, places: &mut Vec<usize>) {
        let mut called = self.called();
        let most = most.min(called.places.len());
        places.extend(called.places.drain(..most));
    }

    /// Whether somebody was called.
    pub fn has_any(&self) -> bool {
        !self.called().places.is_empty()
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
