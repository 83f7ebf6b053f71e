//! A connection of HTTP/2 in the world: a task that reads and writes, and users that wait for their streams.
//!
//! Users only queue what they have to say and wake the task; it writes everything at once, so that the requests of one
//! turn of the event loop leave in one piece.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::core::{Core, Request};
use crate::{
    Fault,
    clock::Instant,
    request::Rendered,
    transport::{Answer, Traffic, Want, Wire, alarm::Alarm, dial::fault_of, stream::Stream, traffic::add},
};

/// A connection that users of one thread share.
pub struct Link {
    core: RefCell<Core>,
    /// The task, while it waits.
    task: RefCell<Option<Waker>>,
    /// How many users hold it.
    users: Cell<u32>,
}

/// A user's hold on a connection. When the last one lets go, it is closed.
pub struct Hold(Rc<Link>);

impl Hold {
    /// Begins to speak HTTP/2.
    pub fn start(stream: Stream, wire: &Rc<Wire>) -> Self {
        let link = Rc::new(Link { core: RefCell::new(Core::new()), task: RefCell::new(None), users: Cell::new(0) });
        wire.reactor.spawn(drive(Rc::clone(&link), stream, Rc::clone(wire)));
        link.hold()
    }

    /// The connection itself.
    pub fn link(&self) -> &Rc<Link> {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let users = self.0.users.get() - 1;
        self.0.users.set(users);
        if users == 0 {
            self.0.core.borrow_mut().leave();
            self.0.wake();
        }
    }
}

impl Link {
    /// One more user.
    pub fn hold(self: &Rc<Self>) -> Hold {
        self.users.set(self.users.get() + 1);
        Hold(Rc::clone(self))
    }

    /// How many users hold it.
    pub fn users(&self) -> u32 {
        self.users.get()
    }

    /// Whether requests may be sent over it.
    pub fn is_usable(&self) -> bool {
        self.core.borrow().is_usable()
    }

    fn wake(&self) {
        if let Some(task) = self.task.borrow_mut().take() {
            task.wake();
        }
    }

    /// Sends a request and waits for its response.
    ///
    /// # Errors
    /// Returns [`Fault::StreamRefused`] when the peer has not looked at the request.
    pub async fn exchange(
        &self,
        request: &Rendered,
        want: Want,
        timeout: Duration,
        alarm: &mut Alarm,
        traffic: &mut Traffic,
    ) -> Result<Answer, Fault> {
        let began = traffic.now();
        alarm.set(began + timeout);
        let mut ride = Ride { link: self, traffic, began, id: None, is_waiting: false };
        let ended = poll_fn(|cx| match ride.poll(cx, request, want) {
            Poll::Pending => alarm.poll(cx).map(|()| Err(Fault::RequestTimeout)),
            ready => ready,
        })
        .await;
        if ended == Err(Fault::RequestTimeout) {
            self.core.borrow_mut().doubt(began);
        }
        let stream = ride.end();
        ended?;
        stream.ok_or(Fault::RequestTimeout)?.into_answer()
    }
}

/// A request under way. Dropping it cancels the stream, and what it has cost is not lost.
struct Ride<'a> {
    link: &'a Link,
    traffic: &'a mut Traffic,
    began: Instant,
    id: Option<u32>,
    is_waiting: bool,
}

impl Ride<'_> {
    fn poll(&mut self, cx: &Context<'_>, request: &Rendered, want: Want) -> Poll<Result<(), Fault>> {
        let mut core = self.link.core.borrow_mut();
        let Some(id) = self.id else {
            if !core.is_usable() {
                // Nothing of it was said, so it may be said elsewhere.
                return Poll::Ready(Err(Fault::StreamRefused));
            }
            let now = Instant::now();
            let parts = Request { block: request.block(), body: request.body(), is_head: request.is_head, want };
            match core.open(parts, now) {
                Some(id) => {
                    self.id = Some(id);
                    if let Some(stream) = core.stream(id) {
                        stream.waker = Some(cx.waker().clone());
                    }
                }
                None => {
                    self.is_waiting = true;
                    core.wait_for_room(cx.waker().clone());
                    return Poll::Pending;
                }
            }
            drop(core);
            if std::mem::take(&mut self.is_waiting) {
                add(&mut self.traffic.blocked, now.saturating_duration_since(self.began));
            }
            self.link.wake();
            return Poll::Pending;
        };
        let Some(stream) = core.stream(id) else { return Poll::Ready(Err(Fault::Interrupted)) };
        match stream.end {
            Some(end) => Poll::Ready(end),
            None => {
                if stream.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                    stream.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// Takes the stream away and pays for it.
    fn end(&mut self) -> Option<super::stream::Stream> {
        let mut core = self.link.core.borrow_mut();
        if std::mem::take(&mut self.is_waiting) {
            add(&mut self.traffic.blocked, self.began.elapsed());
            core.offer_room();
        }
        let stream = core.remove(self.id.take()?)?;
        stream.cost.add_to(self.traffic, stream.began);
        let has_more = !core.unsent().is_empty();
        drop(core);
        if has_more {
            self.link.wake();
        }
        Some(stream)
    }
}

impl Drop for Ride<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads and writes until the connection fails or nobody needs it any more.
async fn drive(link: Rc<Link>, mut stream: Stream, wire: Rc<Wire>) {
    let fault = poll_fn(|cx| poll_drive(cx, &link, &mut stream, &wire)).await;
    link.core.borrow_mut().fail(fault);
}

fn poll_drive(cx: &mut Context<'_>, link: &Link, stream: &mut Stream, wire: &Wire) -> Poll<Fault> {
    let mut core = link.core.borrow_mut();
    let mut buffer = wire.buffer.borrow_mut();
    // What has come is taken before anything is said, so that answers to it leave together with what users have queued.
    loop {
        match stream.poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Fault::ConnectionClosedEarly),
            Poll::Ready(Ok(length)) => {
                if let Err(fault) = core.feed(&buffer[..length], Instant::now()) {
                    return Poll::Ready(fault);
                }
            }
            Poll::Ready(Err(error)) => return Poll::Ready(fault_of(&error)),
            Poll::Pending => break,
        }
    }
    if let Err(fault) = write(cx, &mut core, stream) {
        return Poll::Ready(fault);
    }
    if link.users.get() == 0 && core.is_idle() {
        return Poll::Ready(Fault::Interrupted);
    }
    drop(core);
    *link.task.borrow_mut() = Some(cx.waker().clone());
    Poll::Pending
}

/// Writes what can be written.
fn write(cx: &mut Context<'_>, core: &mut Core, stream: &mut Stream) -> Result<(), Fault> {
    while !core.unsent().is_empty() {
        match stream.poll_write(cx, core.unsent()) {
            Poll::Ready(Ok(0)) => return Err(Fault::ConnectionClosedEarly),
            Poll::Ready(Ok(length)) => core.note_sent(length, Instant::now()),
            Poll::Ready(Err(error)) => return Err(fault_of(&error)),
            Poll::Pending => break,
        }
    }
    match stream.poll_flush(cx) {
        Poll::Ready(Err(error)) => Err(fault_of(&error)),
        _ => Ok(()),
    }
}
