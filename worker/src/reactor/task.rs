//! Something that goes on whenever it has a reason to, and never leaves its thread.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use super::{calls::Calls, crowd::Members};

type Work = Pin<Box<dyn Future<Output = ()>>>;

/// A task of a reactor's.
pub struct Task {
    work: RefCell<Option<Work>>,
    call: Arc<Call>,
    /// The same, as the rest of the world knows it.
    waker: Waker,
    pub members: Option<Rc<Members>>,
}

/// What calls a task, from any thread.
struct Call {
    place: usize,
    is_made: AtomicBool,
    calls: Arc<Calls>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_made.swap(true, Ordering::AcqRel) {
            self.calls.add(self.place);
        }
    }
}

impl Task {
    /// The task in this place.
    pub fn new(work: Work, place: usize, calls: &Arc<Calls>, members: Option<Rc<Members>>) -> Self {
        let call = Arc::new(Call { place, is_made: AtomicBool::new(false), calls: Arc::clone(calls) });
        if let Some(members) = &members {
            members.come();
        }
        Self { work: RefCell::new(Some(work)), waker: Arc::clone(&call).into(), call, members }
    }

    /// Where it is kept.
    pub fn place(&self) -> usize {
        self.call.place
    }

    /// Gives it a reason to go on.
    pub fn call(&self) {
        self.call.wake_by_ref();
    }

    /// The call is answered; the next one counts again.
    pub fn note_heard(&self) {
        self.call.is_made.store(false, Ordering::Release);
    }

    /// Whether whoever wakes this wakes the task.
    pub fn wakes_as(&self, waker: &Waker) -> bool {
        self.waker.will_wake(waker)
    }

    /// Goes on, and says whether it is done.
    pub fn go_on(&self) -> bool {
        match &mut *self.work.borrow_mut() {
            Some(work) => work.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready(),
            None => false,
        }
    }

    /// Takes what it is about to do, once.
    pub fn take(&self) -> Option<Work> {
        let work = self.work.borrow_mut().take()?;
        if let Some(members) = &self.members {
            members.leave();
        }
        Some(work)
    }
}
