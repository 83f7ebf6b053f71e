//! The open model: iterations begin at instants of their own, whoever is free.
//!
//! An iteration that is due while the event loop is busy begins late, and its latency counts from its instant. One that
//! finds nobody free gets a new user, for as long as there may be more; after that it is dropped and counted. Before that,
//! answers that are there are looked at: whoever is late would else make users for want of those whose answers it has not
//! read, and be later still, since making one takes longer than most requests.

use std::{rc::Rc, time::Duration};

use super::{
    pool::{Pool, Seat},
    stream::Stream,
    timer::ExactTimer,
};
use crate::{clock::Instant, pacer::Arrivals, reactor::Crowd, script::Actor};

/// How long the timer rests at least: at high rates all iterations that are due by then begin together.
const QUANTUM: Duration = Duration::from_micros(200);
/// How many iterations begin before sockets are looked after again.
const ITERATIONS_AT_ONCE: usize = 256;
/// How many users come before sockets are looked after again.
const USERS_AT_ONCE: usize = 16;

/// How many users there are, and may be.
#[derive(Clone, Copy)]
pub struct Users {
    pub pre_allocated: u64,
    pub most: u64,
}

/// Runs this thread's share of the arrivals to the end of the execution.
pub async fn run(stream: &Rc<Stream>, arrivals: &Arrivals, users: Users, timer: ExactTimer) {
    let Some(share) = stream.share.iterations(users.most) else { return };
    let pool = Rc::new(Pool::default());
    let mut coming = stream.share.users().numbers(users.most);
    let first = stream.share.users().share_of(users.pre_allocated);
    let present = Crowd::new(&stream.desk.wire.reactor);
    let mut come = || {
        let Some(number) = coming.next() else { return false };
        present.spawn(attend(Rc::clone(stream), Rc::clone(&pool), pool.admit(), number));
        true
    };
    for _ in 0..first {
        come();
    }
    let mut schedule = arrivals.schedule(share);
    // Whether everybody whose answer has come is free.
    let mut has_looked = false;
    while !stream.halt.is_raised() {
        let now = Instant::now();
        let (mut begun, mut new) = (0, 0);
        while begun < ITERATIONS_AT_ONCE
            && let Some(due) = schedule.peek().map(|due| stream.at(due)).filter(|due| *due <= now)
        {
            if !pool.hand(due) {
                if !has_looked || new == USERS_AT_ONCE {
                    break;
                }
                if come() && pool.hand(due) {
                    new += 1;
                } else {
                    stream.recorder.drop_iteration();
                }
            }
            schedule.advance();
            begun += 1;
        }
        let Some(due) = schedule.peek().map(|due| stream.at(due)) else { break };
        has_looked = due <= now;
        if has_looked {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            biased;
            set = timer.sleep_until(due.max(now + QUANTUM)) => if set.is_err() {
                // The kernel has no exact timer for us; the event loop's own is a millisecond late and no more.
                stream.halt.sleep_until(due).await;
            },
            () = stream.halt.wait() => break,
        }
    }
    pool.close();
    stream.see_off(&present).await;
}

/// One user: iterates whenever it is told to.
async fn attend(stream: Rc<Stream>, pool: Rc<Pool>, seat: Rc<Seat>, number: u64) {
    let recorder = &*stream.recorder;
    let mut actor = Box::new(Actor::new(Rc::clone(&stream.desk), stream.flow, number));
    if actor.start(recorder).await.is_err() {
        if pool.leave(&seat) {
            recorder.drop_iteration();
        }
        return;
    }
    while let Some(intended) = pool.next(&seat).await {
        let presence = recorder.enter();
        let now = Instant::now();
        recorder.note_lateness(intended, now);
        let Ok(rest) = actor.iterate(intended, now, recorder).await else { return };
        drop(presence);
        if !rest.pause.is_zero() {
            stream.halt.sleep_until(rest.from + rest.pause).await;
        }
        pool.release(&seat);
    }
}
