//! Tasks that belong together: the users of an execution.

use std::{
    cell::Cell,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

use super::{Reactor, task::Task};

/// Tasks that are waited for together. Dropping it drops those that are not done.
pub struct Crowd {
    reactor: Rc<Reactor>,
    members: Rc<Members>,
}

/// How many are not done.
#[derive(Default)]
pub struct Members {
    present: Cell<usize>,
    /// Whoever waits for the last.
    waiting: Cell<Option<Waker>>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(reactor: &Rc<Reactor>) -> Self {
        Self { reactor: Rc::clone(reactor), members: Rc::default() }
    }

    /// One more, which begins with the next turn.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.reactor.admit(future, Some(Rc::clone(&self.members)));
    }

    /// Ready when all are done.
    pub async fn ended(&self) {
        poll_fn(|cx| match self.members.present.get() {
            0 => Poll::Ready(()),
            _ => {
                self.members.waiting.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await;
    }

    /// Drops those that are not done.
    pub fn dismiss(&self) {
        let is_ours = |task: &Task| task.members.as_ref().is_some_and(|members| Rc::ptr_eq(members, &self.members));
        let all = self.reactor.tasks.borrow();
        let ours: Vec<_> = all.iter().filter(|(_, task)| is_ours(task)).map(|(_, task)| Rc::clone(task)).collect();
        drop(all);
        ours.iter().for_each(|task| self.reactor.dismiss(task));
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if self.members.present.get() > 0 {
            self.dismiss();
        }
    }
}

impl Members {
    /// One more.
    pub fn come(&self) {
        self.present.set(self.present.get() + 1);
    }

    /// One less.
    pub fn leave(&self) {
        self.present.set(self.present.get() - 1);
        if self.present.get() == 0
            && let Some(waker) = self.waiting.take()
        {
            waker.wake();
        }
    }
}
