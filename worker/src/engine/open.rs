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

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Arc};

    use dlt_model::{
        assignment::Assignment,
        id::Region,
        load::{Execution, Executor},
        program::{Flow, Program, Request, with_pause},
        segment::Segment,
        template::Template,
    };
    use rustix::thread::{NanosleepRelativeResult, nanosleep};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::spawn_local,
    };

    use super::*;
    use crate::{
        clock::{RunClock, epoch_ms},
        engine::{ledger::Totals, recorder::Recorder},
        pacer::{Pacing, Share},
        plan::Plan,
        reactor::Reactor,
        script::Desk,
        secrets::Secrets,
        transport::{Roots, Wire},
    };

    /// Arrivals per millisecond.
    const RATE: u64 = 1;
    const LASTS_MS: u64 = 1_000;
    const PRE_ALLOCATED: u64 = 10;
    const HELD_UP_MS: u64 = 400;

    fn plan(url: &str) -> Plan {
        let request = Request { timeout_ms: 5_000, ..Request::new("GET", Template::literal(url)) };
        let flow = Flow { start: Vec::new(), steps: with_pause(request, 0) };
        let executor = Executor::ConstantArrivalRate {
            rate: RATE as f64,
            per_ms: 1,
            duration_ms: LASTS_MS,
            pre_allocated_virtual_users: PRE_ALLOCATED,
            max_virtual_users: RATE * LASTS_MS,
        };
        let assignment = Assignment {
            test_id: "T".parse().expect("an id"),
            run_id: "R".parse().expect("an id"),
            region: Region::local(),
            worker: 0,
            segment: Segment::WHOLE,
            load: vec![Execution {
                name: "x".to_owned(),
                flow: "x".to_owned(),
                start_after_ms: 0,
                graceful_stop_ms: 5_000,
                executor,
            }],
            program: Program { flows: [("x".to_owned(), flow)].into(), ..Program::default() },
            start_deadline_ms: 0,
        };
        Plan::new(&assignment, 1, &Secrets::default()).unwrap_or_else(|why| panic!("{why}"))
    }

    fn stream(plan: Plan, reactor: &Rc<Reactor>) -> Rc<Stream> {
        let wire = Wire::new(&plan.client, &Roots::none(), reactor).expect("a client");
        let desk = Rc::new(Desk::new(Arc::clone(&plan.scripts), Rc::new(wire), Segment::WHOLE));
        let now_ms = epoch_ms();
        let clock = RunClock::new(now_ms, now_ms, Instant::now());
        Rc::new(Stream {
            plan: Arc::new(plan),
            number: 0,
            flow: 0,
            share: Share::new(Segment::WHOLE, Segment::WHOLE),
            clock,
            desk,
            recorder: Rc::new(Recorder::new(clock, Box::default())),
            halt: Rc::default(),
        })
    }

    /// Answers everybody at once, on the same thread, which it holds up once, and counts who connects.
    async fn serve(listener: TcpListener, connections: Rc<Cell<u64>>) {
        let answers = Rc::new(Cell::new(0));
        while let Ok((mut peer, _)) = listener.accept().await {
            connections.set(connections.get() + 1);
            let answers = Rc::clone(&answers);
            spawn_local(async move {
                let mut request = [0; 1_024];
                while peer.read(&mut request).await.is_ok_and(|length| length > 0) {
                    answers.set(answers.get() + 1);
                    if answers.get() == 100 {
                        hold_up(Duration::from_millis(HELD_UP_MS));
                    }
                    peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("written");
                }
            });
        }
    }

    fn hold_up(lasts: Duration) {
        assert!(matches!(nanosleep(&lasts.try_into().expect("short")), NanosleepRelativeResult::Ok));
    }

    #[tokio::test(flavor = "local")]
    async fn who_is_late_reads_the_answers_that_are_there_before_it_makes_users() {
        let reactor = Rc::new(Reactor::new().expect("a descriptor"));
        let _reacting = spawn_local(Rc::clone(&reactor).run());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let stream = stream(plan(&url), &reactor);
        let connections = Rc::new(Cell::new(0));
        let _serving = spawn_local(serve(listener, Rc::clone(&connections)));
        let Pacing::Open { arrivals, pre_allocated, most } = &stream.execution().pacing else { panic!("closed") };
        let users = Users { pre_allocated: *pre_allocated, most: *most };
        run(&stream, arrivals, users, ExactTimer::new().expect("a descriptor")).await;
        let mut totals = Totals::default();
        totals.add(&stream.recorder.close());
        assert_eq!((totals.iterations.completed, totals.iterations.dropped), (RATE * LASTS_MS, 0));
        // Nearly all arrivals of the time in which nothing went on would have got a user of their own.
        let made = connections.get().saturating_sub(PRE_ALLOCATED);
        assert!(made < RATE * HELD_UP_MS * 3 / 4, "{made} users were made");
    }
}
