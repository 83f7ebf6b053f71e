//! One thread of the engine: its share of every execution, its second hand, and the end of the run.

use std::{
    io,
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
    time::Duration,
};

use dlt_model::segment::Segment;
use tokio::{
    runtime::{self, LocalOptions},
    sync::{mpsc, watch},
    task::{JoinSet, spawn_local},
    time::{sleep, sleep_until},
};

use super::{
    halt::Halt,
    ledger::Ledger,
    recorder::Recorder,
    stream::{Stream, raise_panic},
    timer::ExactTimer,
    window::Window,
};
use crate::{
    clock::{Instant, RunClock},
    pacer::Share,
    plan::Plan,
    processors,
    reactor::Reactor,
    script::Desk,
    transport::{Roots, Wire},
};

/// How often the event loop is asked how late it is.
const LAG_PROBE: Duration = Duration::from_millis(10);
/// Timers are that coarse by themselves.
const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// What one thread is given.
pub struct Shard {
    pub number: usize,
    /// The processor that it stays on.
    pub home: Option<usize>,
    pub plan: Arc<Plan>,
    /// Its share of the whole.
    pub share: Share,
    /// Its share of the rows of feeds, of which the whole run has one set.
    pub rows: Segment,
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
    pub window: Box<Window>,
    /// Everything that the thread saw, when it is done: nothing comes after this.
    pub ledger: Option<Box<Ledger>>,
    /// Where the window goes when it has been read.
    pub spares: Sender<Box<Window>>,
}

impl Shard {
    /// Runs the thread's users to the end. Call it on a thread of its own.
    ///
    /// # Errors
    /// Returns an error when the thread's event loop or its timers cannot be made.
    pub fn run(self) -> io::Result<()> {
        if let Some(home) = self.home {
            processors::stay_on(home);
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
        runtime.block_on(self.drive())
    }

    async fn drive(mut self) -> io::Result<()> {
        let recorder = Rc::new(Recorder::new(self.clock, self.spare()));
        let halt = Rc::new(Halt::default());
        let timers: io::Result<Vec<_>> = self.plan.executions.iter().map(|_| ExactTimer::new()).collect();
        let timers = timers?;
        // Everything that takes its time is done before the start.
        let reactor = Rc::new(Reactor::new()?);
        let desk = self.desk(&reactor)?;
        let mut reacting = spawn_local(Rc::clone(&reactor).run());
        if !self.wait_for_start().await {
            halt.raise();
        }
        let mut streams = self.start_streams(timers, &desk, &recorder, &halt);
        let probe = spawn_local(probe_lag(Rc::clone(&recorder)));
        let mut second = 1;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.clock.at(Duration::from_secs(second)).into()) => {
                    self.deliver(second, None, &recorder, &reactor).await;
                    second += 1;
                }
                () = told_to_stop(&mut self.stop), if !halt.is_raised() => halt.raise(),
                failed = &mut reacting => match failed {
                    Ok(error) => return Err(error),
                    Err(error) => raise_panic(error),
                },
                ended = streams.join_next() => match ended {
                    None => break,
                    Some(ended) => ended.unwrap_or_else(raise_panic),
                },
            }
        }
        probe.abort();
        reacting.abort();
        let ledger = Box::new(recorder.close());
        self.deliver(second, Some(ledger), &recorder, &reactor).await;
        Ok(())
    }

    /// Whether the start came before a stop. The last milliseconds are left to the exact timers.
    async fn wait_for_start(&mut self) -> bool {
        let start = self.clock.at(Duration::ZERO);
        let nearly = start.checked_sub(2 * TIMER_GRAIN).unwrap_or(start);
        tokio::select! {
            () = sleep_until(nearly.into()) => true,
            () = told_to_stop(&mut self.stop) => false,
        }
    }

    fn desk(&self, reactor: &Rc<Reactor>) -> io::Result<Rc<Desk>> {
        let wire = Wire::new(&self.plan.client, &self.roots, reactor).map_err(io::Error::other)?;
        Ok(Rc::new(Desk::new(Arc::clone(&self.plan.scripts), Rc::new(wire), self.rows)))
    }

    fn start_streams(
        &self,
        timers: Vec<ExactTimer>,
        desk: &Rc<Desk>,
        recorder: &Rc<Recorder>,
        halt: &Rc<Halt>,
    ) -> JoinSet<()> {
        let mut streams = JoinSet::new();
        for (number, timer) in timers.into_iter().enumerate() {
            let stream = Stream {
                plan: Arc::clone(&self.plan),
                number,
                flow: self.place_of_flow(number),
                share: self.share,
                clock: self.clock,
                desk: Rc::clone(desk),
                recorder: Rc::clone(recorder),
                halt: Rc::clone(halt),
            };
            streams.spawn_local(stream.run(timer));
        }
        streams
    }

    fn place_of_flow(&self, execution: usize) -> usize {
        let name = &self.plan.executions[execution].flow;
        self.plan.scripts.place_of_flow(name).expect("a plan's flows are compiled")
    }

    async fn deliver(&self, second: u64, ledger: Option<Box<Ledger>>, recorder: &Recorder, reactor: &Reactor) {
        let mut window = recorder.rotate(self.spare());
        window.open_sockets = reactor.sockets();
        let delivery = Delivery { shard: self.number, second, window, ledger, spares: self.spares.0.clone() };
        // Nobody listens any more only when the worker itself is failing, and then it says why.
        let _ = self.seconds.send(delivery).await;
    }

    fn spare(&self) -> Box<Window> {
        self.spares.1.try_recv().unwrap_or_default()
    }
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Who could tell us is gone: nobody will.
        std::future::pending::<()>().await;
    }
}

async fn probe_lag(recorder: Rc<Recorder>) {
    loop {
        let due = Instant::now() + LAG_PROBE;
        sleep(LAG_PROBE).await;
        recorder.note_lag(due.elapsed().saturating_sub(TIMER_GRAIN));
    }
}
