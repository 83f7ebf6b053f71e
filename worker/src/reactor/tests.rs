//! Tasks that wait for pipes, timers, channels and each other.

use std::{
    future::pending,
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::oneshot,
    task::spawn_local,
    time::{sleep, timeout},
};

use super::*;

const SOON: Duration = Duration::from_secs(20);

fn reactor() -> Rc<Reactor> {
    let reactor = Rc::new(Reactor::new().expect("a descriptor"));
    spawn_local(Rc::clone(&reactor).run());
    reactor
}

/// One end of a pipe in the queue; the other is its peer.
struct Pipe {
    place: Registration,
    near: UnixStream,
}

impl Pipe {
    fn new(reactor: &Rc<Reactor>) -> (Self, UnixStream) {
        let (near, far) = UnixStream::pair().expect("a pipe");
        near.set_nonblocking(true).expect("set");
        (Self { place: reactor.register(near.as_fd()).expect("registered"), near }, far)
    }

    /// The next bytes; none at the end.
    async fn read(&mut self) -> Vec<u8> {
        let mut buffer = [0; 16];
        loop {
            poll_fn(|cx| self.place.poll_readable(cx)).await;
            match self.near.read(&mut buffer) {
                Ok(length) => {
                    self.place.readiness().note_short_read();
                    return buffer[..length].to_vec();
                }
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    self.place.readiness().note_empty();
                }
            }
        }
    }
}

async fn ended(crowd: &Crowd) {
    timeout(SOON, crowd.ended()).await.expect("all are done");
}

#[tokio::test(flavor = "local")]
async fn whoever_waits_for_a_socket_goes_on_when_something_has_come() {
    let reactor = reactor();
    let crowd = Crowd::new(&reactor);
    let read = Rc::new(Cell::new(0));
    // More than are told at once.
    let far: Vec<_> = (0..EVENTS_AT_ONCE + CALLS_AT_ONCE)
        .map(|_| {
            let ((mut pipe, far), read) = (Pipe::new(&reactor), Rc::clone(&read));
            crowd.spawn(async move {
                while !pipe.read().await.is_empty() {
                    read.set(read.get() + 1);
                }
            });
            far
        })
        .collect();
    for turn in 1..=3 {
        far.iter().for_each(|mut far| far.write_all(b"hello").expect("written"));
        let all_have_read = async {
            while read.get() < turn * far.len() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(SOON, all_have_read).await.expect("all have read");
    }
    drop(far);
    ended(&crowd).await;
    assert_eq!((reactor.tasks.borrow().len(), reactor.sockets()), (0, 0));
}

#[tokio::test(flavor = "local")]
async fn timers_channels_and_other_threads_call_a_task_too() {
    let reactor = reactor();
    let crowd = Crowd::new(&reactor);
    let (far_end, near_end) = oneshot::channel();
    let (go, gone) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        gone.recv().expect("told to go");
        far_end.send(7).expect("somebody waits");
    });
    let (said, heard) = oneshot::channel();
    crowd.spawn(async move { said.send(near_end.await.expect("sent")).expect("somebody waits") });
    crowd.spawn(async move {
        sleep(Duration::from_millis(2)).await;
        assert_eq!(heard.await, Ok(7));
    });
    sleep(Duration::from_millis(5)).await;
    go.send(()).expect("somebody waits");
    ended(&crowd).await;
}

#[tokio::test(flavor = "local")]
async fn a_task_that_waits_for_several_things_hears_of_each() {
    let reactor = reactor();
    let crowd = Crowd::new(&reactor);
    let (mut pipes, mut far): (Vec<_>, Vec<_>) = (0..8).map(|_| Pipe::new(&reactor)).unzip();
    crowd.spawn(async move {
        let read = join_all(pipes.iter_mut().map(Pipe::read)).await;
        assert!(read.iter().all(|bytes| bytes == b"x"));
    });
    for far in far.iter_mut().rev() {
        sleep(Duration::from_millis(1)).await;
        far.write_all(b"x").expect("written");
    }
    ended(&crowd).await;
}

#[tokio::test(flavor = "local")]
async fn a_task_that_never_rests_holds_nobody_up() {
    let reactor = reactor();
    let restless = Crowd::new(&reactor);
    restless.spawn(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let (mut pipe, mut far) = Pipe::new(&reactor);
    let crowd = Crowd::new(&reactor);
    crowd.spawn(async move { assert_eq!(pipe.read().await, b"x") });
    sleep(Duration::from_millis(2)).await;
    far.write_all(b"x").expect("written");
    ended(&crowd).await;
}

#[tokio::test(flavor = "local")]
async fn who_is_dismissed_is_dropped_and_all_are_with_the_reactor() {
    let reactor = Rc::new(Reactor::new().expect("a descriptor"));
    let reacting = spawn_local(Rc::clone(&reactor).run());
    let known = Rc::new(());
    let (staying, going, leaving) = (Crowd::new(&reactor), Crowd::new(&reactor), Crowd::new(&reactor));
    for crowd in [&staying, &going, &leaving] {
        for _ in 0..3 {
            let (held, pipe) = (Rc::clone(&known), Pipe::new(&reactor));
            crowd.spawn(async move {
                pending::<()>().await;
                drop((held, pipe));
            });
        }
    }
    reactor.spawn(pending());
    sleep(Duration::from_millis(1)).await;
    assert_eq!(Rc::strong_count(&known), 10);
    going.dismiss();
    ended(&going).await;
    drop(leaving);
    assert_eq!((Rc::strong_count(&known), reactor.sockets()), (4, 3));
    reacting.abort();
    assert!(reacting.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!((Rc::strong_count(&known), reactor.tasks.borrow().len()), (1, 0));
    drop((staying, going));
    assert_eq!(Rc::strong_count(&reactor), 1, "nobody holds it any more");
}

#[tokio::test(flavor = "local")]
async fn what_is_said_of_a_socket_that_is_gone_reaches_nobody_else() {
    let reactor = Rc::new(Reactor::new().expect("a descriptor"));
    let (Pipe { place, near }, mut far) = Pipe::new(&reactor);
    far.write_all(b"x").expect("written");
    let gone = place.place;
    drop(place);
    let (other, _far) = Pipe::new(&reactor);
    assert_eq!(other.place.place, gone, "places are used again");
    let (mut called, mut events) = (Vec::new(), Vec::with_capacity(EVENTS_AT_ONCE));
    // The descriptor is still open, so the queue still speaks of it.
    assert!(reactor.turn(&mut called, &mut events).expect("a queue") >= 1);
    assert!(!other.place.readiness().is_readable());
    drop(near);
}

#[test]
fn after_the_end_there_is_always_something_to_read() {
    let source = Source::new(0);
    assert!(!source.readiness.is_readable() && !source.readiness.is_writable());
    source.note(epoll::EventFlags::OUT);
    assert!(!source.readiness.is_readable() && source.readiness.is_writable());
    source.note(epoll::EventFlags::IN);
    source.readiness.note_short_read();
    assert!(!source.readiness.is_readable());
    source.note(epoll::EventFlags::IN | epoll::EventFlags::RDHUP);
    source.readiness.note_short_read();
    assert!(source.readiness.is_readable(), "the end is still to be read");
    source.readiness.note_full();
    source.note(epoll::EventFlags::ERR);
    assert!(source.readiness.is_writable(), "a write would fail and not wait");
}

#[test]
fn a_place_and_its_serial_travel_together() {
    for (place, serial) in [(0, 0), (1, u32::MAX), (123_456, 7), (u32::MAX as usize, 1)] {
        assert_eq!(unpacked(packed(place, serial)), (place, serial));
    }
}
