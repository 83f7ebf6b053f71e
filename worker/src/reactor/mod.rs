//! What the users of one thread wait for, and who goes on when it comes.
//!
//! The runtime's own way from a socket to its task is made for tasks that may be anywhere: for a request it takes some 500
//! instructions and 14 atomic ones. A user never leaves its thread. So the sockets of a thread have a queue of the
//! kernel's to themselves, and whoever waits for one goes on as soon as it is found there, without a lock. The queue is
//! one descriptor among others to the runtime, and [`Reactor::run`] one of its tasks: timers, names and signals stay the
//! runtime's, and wake a user the usual way.

mod calls;
mod crowd;
mod source;
mod task;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::poll_fn,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    io::Errno,
};
use slab::Slab;
use tokio::{
    io::{Interest, unix::AsyncFd},
    task::{coop::unconstrained, yield_now},
};

pub use self::crowd::Crowd;
use self::{
    calls::Calls,
    crowd::Members,
    source::{Readiness, Source, Who},
    task::Task,
};

/// How many go on because they were called before sockets are looked after, and how many at least go on before the rest of
/// the thread has its turn.
const CALLS_AT_ONCE: usize = 64;
/// How much is taken from the queue at once. Whoever is called to connect is told of it by the queue a few times: were it
/// not more than are called, those who come would overtake those who are half connected.
const EVENTS_AT_ONCE: usize = 4 * CALLS_AT_ONCE;
/// Who finds fewer waits until there are more: asking again would hardly find any.
const FEW: usize = 4;
/// How often a task may read or write through a library before others have their turn.
const TURNS_AT_ONCE: u32 = 128;

/// The sockets of a thread, and the tasks that use them.
pub struct Reactor {
    queue: OwnedFd,
    sources: RefCell<Slab<Rc<Source>>>,
    /// How many there have been: places are used again, and what is said of one that is gone must reach nobody else.
    serial: Cell<u32>,
    tasks: RefCell<Slab<Rc<Task>>>,
    calls: Arc<Calls>,
    /// Who goes on right now.
    current: RefCell<Option<Rc<Task>>>,
    turns_left: Cell<u32>,
}

/// A descriptor in the queue, until this is dropped.
pub struct Registration {
    reactor: Rc<Reactor>,
    place: usize,
    source: Rc<Source>,
}

impl Reactor {
    /// One without sockets and tasks.
    ///
    /// # Errors
    /// Returns an error when there is no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            queue: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            sources: RefCell::default(),
            serial: Cell::new(0),
            tasks: RefCell::default(),
            calls: Arc::default(),
            current: RefCell::default(),
            turns_left: Cell::new(0),
        })
    }

    /// Lets tasks go on whenever there is a reason to, until the kernel refuses the queue. Needs a runtime. Dropping it
    /// drops the tasks.
    pub async fn run(self: Rc<Self>) -> io::Error {
        let _clearing = Clearing(&self);
        // How much one of the runtime's tasks may do in a turn is meant for one user, and this is all of them.
        let Err(error) = unconstrained(self.turn_for_ever()).await;
        error
    }

    async fn turn_for_ever(&self) -> io::Result<Infallible> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a descriptor borrowed for as long keeps the promise that it asks for"
        )]
        let queue = AsyncFd::with_interest(self.queue.as_fd(), Interest::READABLE)?;
        let (mut called, mut events, mut done) = (Vec::new(), Vec::with_capacity(EVENTS_AT_ONCE), 0);
        loop {
            let found = self.turn(&mut called, &mut events)?;
            done += found;
            let has_had_its_turn = done >= CALLS_AT_ONCE;
            // What the kernel still has it does not tell a second time.
            let has_more = events.len() >= EVENTS_AT_ONCE || self.calls.has_any();
            if !has_more && (has_had_its_turn || found < FEW) {
                done = 0;
                // The rest of the thread has its turn meanwhile, also if there is a reason already.
                poll_fn(|cx| self.poll_reason(cx, &queue)).await?;
            } else if has_had_its_turn {
                done = 0;
                yield_now().await;
            }
        }
    }

    /// Ready when somebody was called, or something may be in the queue.
    fn poll_reason(&self, cx: &mut Context<'_>, queue: &AsyncFd<BorrowedFd<'_>>) -> Poll<io::Result<()>> {
        if self.calls.wait(cx.waker()) {
            return Poll::Ready(Ok(()));
        }
        // Whatever comes to the queue after this makes it ready again, so nothing that the next turn misses is lost.
        let ready = queue.poll_read_ready(cx).map_ok(|mut guard| guard.clear_ready());
        if ready.is_ready() {
            self.calls.wait_no_more();
        }
        ready
    }

    /// Lets everybody go on who has a reason, and says how many reasons there were.
    fn turn(&self, called: &mut Vec<usize>, events: &mut Vec<epoll::Event>) -> io::Result<usize> {
        self.calls.take(CALLS_AT_ONCE, called);
        let calls = called.len();
        for place in called.drain(..) {
            let task = self.tasks.borrow().get(place).cloned();
            if let Some(task) = task {
                task.note_heard();
                self.go_on(&task);
            }
        }
        events.clear();
        match epoll::wait(&self.queue, spare_capacity(events), Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &*events {
            let (place, serial) = unpacked(event.data.u64());
            let source = self.sources.borrow().get(place).filter(|source| source.serial == serial).cloned();
            let Some(source) = source else { continue };
            for who in source.note(event.flags).into_iter().flatten() {
                match who {
                    Who::Task(task) => self.go_on(&task),
                    Who::Other(waker) => waker.wake(),
                }
            }
        }
        Ok(calls + events.len())
    }

    fn go_on(&self, task: &Rc<Task>) {
        self.turns_left.set(TURNS_AT_ONCE);
        self.current.replace(Some(Rc::clone(task)));
        let is_done = task.go_on();
        self.current.take();
        if is_done {
            self.dismiss(task);
        }
    }

    /// Begins a task, which goes on until it is done, or dropped with the reactor.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.admit(future, None);
    }

    fn admit(&self, future: impl Future<Output = ()> + 'static, members: Option<Rc<Members>>) {
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        let task = Rc::new(Task::new(Box::pin(future), entry.key(), &self.calls, members));
        task.call();
        entry.insert(task);
    }

    /// Drops what a task is about to do. It runs code of the task's own, so nothing may be borrowed meanwhile.
    fn dismiss(&self, task: &Task) {
        if let Some(future) = task.take() {
            let known = self.tasks.borrow_mut().try_remove(task.place());
            drop(future);
            drop(known);
        }
    }

    /// Puts a descriptor into the queue.
    ///
    /// # Errors
    /// Returns an error when the kernel takes no more.
    pub fn register(self: &Rc<Self>, descriptor: BorrowedFd<'_>) -> io::Result<Registration> {
        let serial = self.serial.replace(self.serial.get().wrapping_add(1));
        let source = Rc::new(Source::new(serial));
        let place = self.sources.borrow_mut().insert(Rc::clone(&source));
        // From here on dropping it takes it out again.
        let registration = Registration { reactor: Rc::clone(self), place, source };
        epoll::add(&self.queue, descriptor, epoll::EventData::new_u64(packed(place, serial)), source::WATCHED)?;
        Ok(registration)
    }

    /// How many descriptors are in the queue.
    pub fn sockets(&self) -> u64 {
        self.sources.borrow().len() as u64
    }

    /// Whoever asks with this: the task that goes on, if it asks for itself.
    fn who(&self, cx: &Context<'_>) -> Who {
        match &*self.current.borrow() {
            Some(task) if task.wakes_as(cx.waker()) => Who::Task(Rc::clone(task)),
            _ => Who::Other(cx.waker().clone()),
        }
    }
}

/// Drops all tasks when the reactor runs no more: they hold it, and would hold it for ever.
struct Clearing<'a>(&'a Reactor);

impl Drop for Clearing<'_> {
    fn drop(&mut self) {
        let tasks: Vec<_> = self.0.tasks.borrow().iter().map(|(_, task)| Rc::clone(task)).collect();
        tasks.iter().for_each(|task| self.0.dismiss(task));
    }
}

impl Registration {
    /// What is known of the descriptor.
    pub fn readiness(&self) -> &Readiness {
        &self.source.readiness
    }

    /// Ready when a read may find something.
    pub fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        if self.readiness().is_readable() {
            return Poll::Ready(());
        }
        self.source.reader.replace(Some(self.reactor.who(cx)));
        Poll::Pending
    }

    /// Ready when a write may find room.
    pub fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        if self.readiness().is_writable() {
            return Poll::Ready(());
        }
        self.source.writer.replace(Some(self.reactor.who(cx)));
        Poll::Pending
    }

    /// Takes one of the turns that a task has before others have theirs.
    pub fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        let left = &self.reactor.turns_left;
        if left.get() > 0 {
            left.set(left.get() - 1);
            return Poll::Ready(());
        }
        left.set(TURNS_AT_ONCE);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let source = self.reactor.sources.borrow_mut().try_remove(self.place);
        drop(source);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a thread has no four thousand million descriptors")]
fn packed(place: usize, serial: u32) -> u64 {
    u64::from(serial) << 32 | u64::from(place as u32)
}

#[expect(clippy::cast_possible_truncation, reason = "each half is taken for itself")]
fn unpacked(data: u64) -> (usize, u32) {
    (data as u32 as usize, (data >> 32) as u32)
}
