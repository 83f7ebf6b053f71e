//! What: one virtual user, doing the steps of an iteration when its pacer says so.

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use dlt_model::program::Expect;
use tokio::{sync::Notify, time::sleep_until};

use super::recorder::Recorder;
use crate::{
    Fault,
    clock::RunClock,
    follow::{self, MAX_REDIRECTS},
    pacer::Pacer,
    plan::{Plan, Step},
    transport::{Answer, Session, Traffic, Want},
};

/// Tells the users of one thread to begin no further iteration.
#[derive(Default)]
pub struct Halt {
    is_raised: Cell<bool>,
    raised: Notify,
}

impl Halt {
    /// From now on no iteration begins, and who waits for one waits no more.
    pub fn raise(&self) {
        self.is_raised.set(true);
        self.raised.notify_waiters();
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.is_raised.get()
    }

    /// Waits until the instant or the halt, whichever comes first.
    async fn sleep_until(&self, at: Instant) {
        if self.is_raised.get() || at <= Instant::now() {
            return;
        }
        tokio::select! {
            () = sleep_until(at.into()) => {}
            () = self.raised.notified() => {}
        }
    }
}

/// A virtual user.
pub struct User {
    pub pacer: Pacer,
    pub plan: Arc<Plan>,
    pub clock: RunClock,
    pub session: Session,
    pub recorder: Rc<Recorder>,
    pub halt: Rc<Halt>,
}

impl User {
    /// Iterates until the profile is over or the halt is raised.
    pub async fn run(self) {
        let Self { pacer, plan, clock, mut session, recorder, halt } = self;
        let mut presence = None;
        while !halt.is_raised.get() {
            let now = clock.since_start(Instant::now());
            let Some(begin) = pacer.next(now) else { break };
            if begin > now {
                halt.sleep_until(clock.at(begin)).await;
                continue;
            }
            presence.get_or_insert_with(|| recorder.enter());
            let think_time = iterate(&plan.steps, clock.at(begin), &mut session, &recorder).await;
            // The pause after the last step belongs to no iteration: nobody waits for it at the end.
            if !think_time.is_zero() {
                halt.sleep_until((Instant::now() + think_time).min(clock.at(pacer.end()))).await;
            }
        }
    }
}

/// Does every step once and says how long to pause before the next iteration.
async fn iterate(steps: &[Step], begin: Instant, session: &mut Session, recorder: &Recorder) -> Duration {
    let iteration = recorder.begin_iteration();
    let mut intended = begin;
    let mut think_time = Duration::ZERO;
    for (number, step) in steps.iter().enumerate() {
        if !think_time.is_zero() {
            tokio::time::sleep(think_time).await;
        }
        if number > 0 {
            intended = Instant::now();
        }
        let mut sample = recorder.begin_sample(step.label, intended);
        let outcome = request(step, session, &mut sample.traffic).await;
        let succeeded = outcome.is_ok_and(|status| step.expect.accepts(status));
        sample.finish(outcome, succeeded);
        think_time = step.think_time;
    }
    iteration.complete();
    think_time
}

/// One request, and those that its answers redirect to.
async fn request(step: &Step, session: &mut Session, traffic: &mut Traffic) -> Result<u16, Fault> {
    let answer = session.exchange(&step.request, Want::default(), step.timeout, traffic).await?;
    if answer.location.is_none() || is_expected(&step.expect, answer.status) {
        return Ok(answer.status);
    }
    Box::pin(follow(step, answer, session, traffic)).await
}

/// Who expects a redirect by its status wants to see it, not where it leads.
fn is_expected(expect: &Expect, status: u16) -> bool {
    matches!(expect, Expect::Status(statuses) if statuses.contains(&status))
}

async fn follow(step: &Step, mut answer: Answer, session: &mut Session, traffic: &mut Traffic) -> Result<u16, Fault> {
    let mut target = step.target.clone();
    for _ in 0..MAX_REDIRECTS {
        let Some(next) = follow::next(&target, answer.status, answer.location.as_deref()) else {
            return Ok(answer.status);
        };
        target = next?;
        answer = session.exchange(&target.render(), Want::default(), step.timeout, traffic).await?;
        if is_expected(&step.expect, answer.status) {
            return Ok(answer.status);
        }
    }
    match follow::next(&target, answer.status, answer.location.as_deref()) {
        Some(_) => Err(Fault::TooManyRedirects),
        None => Ok(answer.status),
    }
}
