//! One thread of the engine: its users, its second hand, and the end of the run.

use std::{
    io,
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
    time::{Duration, Instant},
};

use dlt_model::segment::Segment;
use tokio::{
    runtime,
    sync::{mpsc, watch},
    task::{JoinSet, LocalSet},
    time::{sleep, sleep_until},
};

use super::{
    recorder::Recorder,
    user::{Halt, User},
    window::Window,
};
use crate::{
    clock::RunClock,
    pacer::Pacer,
    plan::Plan,
    transport::{Roots, Session, Wire},
};

/// How often the event loop is asked how late it is.
const LAG_PROBE: Duration = Duration::from_millis(10);
/// Timers are that coarse by themselves.
const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// What one thread is given.
pub struct Shard {
    pub number: usize,
    pub plan: Arc<Plan>,
    /// Its share of the whole group.
    pub segment: Segment,
    pub clock: RunClock,
    pub roots: Roots,
    pub stop: watch::Receiver<bool>,
    pub seconds: mpsc::Sender<Delivery>,
    /// Windows on their way back: where to send them, and where they arrive.
    pub spares: (Sender<Box<Window>>, Receiver<Box<Window>>),
}

/// One thread's second on its way to the aggregate.
pub struct Delivery {
    pub shard: usize,
    /// From 1.
    pub second: u64,
    /// Whether the thread is done: nothing comes after this.
    pub is_last: bool,
    pub window: Box<Window>,
    /// Where the window goes when it has been read.
    pub spares: Sender<Box<Window>>,
}

impl Shard {
    /// Runs the thread's users to the end. Call it on a thread of its own.
    ///
    /// # Errors
    /// Returns an error when the thread's event loop cannot be made.
    pub fn run(self) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, self.drive());
        Ok(())
    }

    async fn drive(mut self) {
        let recorder = Rc::new(Recorder::new(self.spare()));
        let halt = Rc::new(Halt::default());
        if !self.wait_for_start().await {
            halt.raise();
        }
        let mut users = self.start_users(&recorder, &halt);
        let probe = tokio::task::spawn_local(probe_lag(Rc::clone(&recorder)));
        let end = self.clock.at(Duration::from_millis(self.plan.execution.end_ms()));
        let mut cut_off = end + self.plan.graceful_stop;
        let mut second = 1;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.clock.at(Duration::from_secs(second)).into()) => {
                    self.deliver(second, false, &recorder).await;
                    second += 1;
                }
                () = told_to_stop(&mut self.stop), if !halt.is_raised() => {
                    halt.raise();
                    cut_off = cut_off.min(Instant::now() + self.plan.graceful_stop);
                }
                () = sleep_until(cut_off.into()) => {
                    users.shutdown().await;
                    break;
                }
                ended = users.join_next() => match ended {
                    None => break,
                    Some(ended) => raise_panic(ended),
                },
            }
        }
        probe.abort();
        self.deliver(second, true, &recorder).await;
    }

    /// Whether the start came before a stop.
    async fn wait_for_start(&mut self) -> bool {
        let start = self.clock.at(Duration::ZERO);
        tokio::select! {
            () = sleep_until(start.into()) => true,
            () = told_to_stop(&mut self.stop) => false,
        }
    }

    fn start_users(&self, recorder: &Rc<Recorder>, halt: &Rc<Halt>) -> JoinSet<()> {
        let wire = Rc::new(Wire::new(&self.plan.client, &self.roots).expect("it was built when the plan was made"));
        let mut users = JoinSet::new();
        let peak = self.plan.execution.executor.peak_virtual_users();
        for number in self.segment.numbers(peak) {
            let user = User {
                pacer: Pacer::of_user(&self.plan.execution, number),
                plan: Arc::clone(&self.plan),
                clock: self.clock,
                session: Session::new(Rc::clone(&wire)),
                recorder: Rc::clone(recorder),
                halt: Rc::clone(halt),
            };
            users.spawn_local(user.run());
        }
        users
    }

    async fn deliver(&self, second: u64, is_last: bool, recorder: &Recorder) {
        let window = recorder.rotate(self.spare());
        let delivery = Delivery { shard: self.number, second, is_last, window, spares: self.spares.0.clone() };
        // Nobody listens any more only when the worker itself is failing, and then it says why.
        let _ = self.seconds.send(delivery).await;
    }

    fn spare(&self) -> Box<Window> {
        self.spares.1.try_recv().unwrap_or_else(|_| Box::new(Window::new(self.plan.labels.len())))
    }
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Who could tell us is gone: nobody will.
        std::future::pending::<()>().await;
    }
}

/// A user that panicked is our own mistake, and must not look like a quiet user.
fn raise_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

async fn probe_lag(recorder: Rc<Recorder>) {
    loop {
        let due = Instant::now() + LAG_PROBE;
        sleep(LAG_PROBE).await;
        recorder.note_lag(due.elapsed().saturating_sub(TIMER_GRAIN));
    }
}
