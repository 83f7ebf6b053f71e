//! What is known of a descriptor, and who waits for it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
};

use rustix::event::epoll::EventFlags;

use super::task::Task;

/// Only changes are told, and each is told once.
pub const WATCHED: EventFlags = EventFlags::IN.union(EventFlags::OUT).union(EventFlags::RDHUP).union(EventFlags::ET);

/// After these reading never has to wait again.
const READ_ENDS: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);
/// After these writing never has to wait again.
const WRITE_ENDS: EventFlags = EventFlags::HUP.union(EventFlags::ERR);

/// A descriptor in the queue.
pub struct Source {
    pub serial: u32,
    pub readiness: Readiness,
    pub reader: RefCell<Option<Who>>,
    pub writer: RefCell<Option<Who>>,
}

/// Who waits.
pub enum Who {
    /// A task of the reactor's, for itself.
    Task(Rc<Task>),
    /// Anybody else, and a task that waits for one of several things.
    Other(Waker),
}

/// Whether reading and writing are worth a try.
#[derive(Debug, Default)]
pub struct Readiness {
    readable: Cell<bool>,
    /// The peer sends no more: nothing will come that says so again.
    ended: Cell<bool>,
    writable: Cell<bool>,
}

impl Source {
    /// A descriptor of which nothing is known.
    pub fn new(serial: u32) -> Self {
        Self { serial, readiness: Readiness::default(), reader: RefCell::default(), writer: RefCell::default() }
    }

    /// Notes what the queue says, and answers who waited for it.
    pub fn note(&self, flags: EventFlags) -> [Option<Who>; 2] {
        let Readiness { readable, ended, writable } = &self.readiness;
        let reads = flags.intersects(EventFlags::IN.union(READ_ENDS));
        let writes = flags.intersects(EventFlags::OUT.union(WRITE_ENDS));
        readable.set(readable.get() | reads);
        ended.set(ended.get() | flags.intersects(READ_ENDS));
        writable.set(writable.get() | writes);
        [(reads, &self.reader), (writes, &self.writer)].map(|(is_ready, who)| if is_ready { who.take() } else { None })
    }
}

impl Readiness {
    /// Whether reading may find something.
    pub fn is_readable(&self) -> bool {
        self.readable.get()
    }

    /// Whether writing may find room.
    pub fn is_writable(&self) -> bool {
        self.writable.get()
    }

    /// A read found less than it had room for, so nothing is left but, perhaps, the end.
    pub fn note_short_read(&self) {
        self.readable.set(self.ended.get());
    }

    /// A read would have had to wait.
    pub fn note_empty(&self) {
        self.readable.set(false);
    }

    /// A write would have had to wait.
    pub fn note_full(&self) {
        self.writable.set(false);
    }
}
