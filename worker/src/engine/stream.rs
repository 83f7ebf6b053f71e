//! One execution on one thread: when it begins, and what becomes of its users at the end.

use std::{pin::pin, rc::Rc, sync::Arc, time::Duration};

use tokio::{task::JoinError, time::sleep_until};

use super::{closed, halt::Halt, open, recorder::Recorder, timer::ExactTimer};
use crate::{
    clock::{Instant, RunClock},
    pacer::{Pacing, Share},
    plan::{Plan, PlannedExecution},
    reactor::Crowd,
    script::Desk,
};

/// What the users of one execution on one thread have in common.
pub struct Stream {
    pub plan: Arc<Plan>,
    /// Which of the plan's executions it is.
    pub number: usize,
    /// Which of the flows its users follow.
    pub flow: usize,
    pub share: Share,
    pub clock: RunClock,
    pub desk: Rc<Desk>,
    pub recorder: Rc<Recorder>,
    pub halt: Rc<Halt>,
}

impl Stream {
    /// Runs it to its end.
    pub async fn run(self, timer: ExactTimer) {
        let begin = self.at(Duration::ZERO);
        while !self.halt.is_raised() && Instant::now() < begin {
            tokio::select! {
                _ = timer.sleep_until(begin) => {}
                () = self.halt.wait() => {}
            }
        }
        if self.halt.is_raised() {
            return;
        }
        let stream = Rc::new(self);
        match &stream.execution().pacing {
            Pacing::Closed { level, quota } => closed::run(&stream, level, *quota).await,
            Pacing::Open { arrivals, pre_allocated, most } => {
                let users = open::Users { pre_allocated: *pre_allocated, most: *most };
                open::run(&stream, arrivals, users, timer).await;
            }
        }
    }

    /// What it runs.
    pub fn execution(&self) -> &PlannedExecution {
        &self.plan.executions[self.number]
    }

    /// The instant that lies `offset` after the begin of the execution.
    pub fn at(&self, offset: Duration) -> Instant {
        self.clock.at(self.execution().begin + offset)
    }

    /// How long the execution has been going on.
    pub fn elapsed(&self) -> Duration {
        self.clock.since_start(Instant::now()).saturating_sub(self.execution().begin)
    }

    /// Waits for users to end, and cuts them off when the graceful stop is over: after the end of the execution, or
    /// after the word to stop.
    pub async fn see_off(&self, users: &Crowd) {
        let execution = self.execution();
        let mut cut_off = pin!(sleep_until((self.at(execution.duration) + execution.graceful_stop).into()));
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                () = self.halt.wait(), if !is_told => {
                    is_told = true;
                    let sooner = (Instant::now() + execution.graceful_stop).into();
                    if sooner < cut_off.deadline() {
                        cut_off.as_mut().reset(sooner);
                    }
                }
                () = &mut cut_off => return users.dismiss(),
                () = users.ended() => return,
            }
        }
    }
}

/// A task that panicked is our own mistake, and must not look like a quiet user.
pub fn raise_panic(error: JoinError) {
    if error.is_panic() {
        std::panic::resume_unwind(error.into_panic());
    }
}
