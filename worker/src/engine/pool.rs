//! The virtual users of one open execution on one thread: who is free for the next iteration.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

use crate::clock::Instant;

/// The users that are free. The one that was busy last comes first: its connection is warm.
#[derive(Default)]
pub struct Pool {
    free: RefCell<Vec<Rc<Seat>>>,
    is_closed: Cell<bool>,
}

/// Where a user waits for its next iteration.
#[derive(Default)]
pub struct Seat {
    intended: Cell<Option<Instant>>,
    waker: Cell<Option<Waker>>,
}

impl Pool {
    /// A place for another user, who is as good as free.
    pub fn admit(&self) -> Rc<Seat> {
        let seat = Rc::new(Seat::default());
        self.release(&seat);
        seat
    }

    /// A user is free again.
    pub fn release(&self, seat: &Rc<Seat>) {
        self.free.borrow_mut().push(Rc::clone(seat));
    }

    /// Gives an iteration to a free user; false when there is none.
    pub fn hand(&self, intended: Instant) -> bool {
        let Some(seat) = self.free.borrow_mut().pop() else { return false };
        seat.intended.set(Some(intended));
        seat.wake();
        true
    }

    /// A user comes no more; answers whether an iteration was handed to it that it did not begin.
    pub fn leave(&self, seat: &Rc<Seat>) -> bool {
        self.free.borrow_mut().retain(|free| !Rc::ptr_eq(free, seat));
        seat.intended.take().is_some()
    }

    /// No more iterations come: who waits for one waits no more.
    pub fn close(&self) {
        self.is_closed.set(true);
        self.free.borrow_mut().drain(..).for_each(|seat| seat.wake());
    }

    /// The next iteration of the user in this seat, and when it was meant to begin; `None` when no more come.
    pub async fn next(&self, seat: &Seat) -> Option<Instant> {
        poll_fn(|cx| match seat.intended.take() {
            Some(intended) => Poll::Ready(Some(intended)),
            None if self.is_closed.get() => Poll::Ready(None),
            None => {
                seat.waker.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

impl Seat {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_iteration_goes_to_who_was_free_last_and_to_nobody_when_none_is() {
        let pool = Pool::default();
        let (early, late) = (pool.admit(), pool.admit());
        let first = Instant::now();
        let second = first + Duration::from_secs(1);
        assert!(pool.hand(first) && pool.hand(second) && !pool.hand(second));
        assert_eq!((pool.next(&late).await, pool.next(&early).await), (Some(first), Some(second)));
        pool.release(&early);
        assert!(pool.hand(first));
        pool.close();
        // What was handed out is still done.
        assert_eq!((pool.next(&early).await, pool.next(&late).await), (Some(first), None));
        pool.release(&early);
        assert!(!pool.leave(&early) && !pool.hand(first));
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_an_iteration_and_by_the_end() {
        let pool = Pool::default();
        let seat = pool.admit();
        let intended = Instant::now();
        let (got, ()) = tokio::join!(pool.next(&seat), async { assert!(pool.hand(intended)) });
        assert_eq!(got, Some(intended));
        pool.release(&seat);
        let (got, ()) = tokio::join!(pool.next(&seat), async { pool.close() });
        assert_eq!(got, None);
    }
}
