//! What: one virtual user, doing the steps of an iteration when it is told to.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use dlt_model::program::Expect;

use super::recorder::Recorder;
use crate::{
    Fault,
    follow::{self, MAX_REDIRECTS},
    plan::{Plan, Step},
    transport::{Answer, Session, Traffic, Want, Wire},
};

/// What the users of one thread share.
pub struct Desk {
    plan: Arc<Plan>,
    wire: Rc<Wire>,
}

impl Desk {
    /// The desk of a thread.
    pub fn new(plan: Arc<Plan>, wire: Rc<Wire>) -> Self {
        Self { plan, wire }
    }
}

/// A virtual user.
pub struct Actor {
    desk: Rc<Desk>,
    flow: Rc<str>,
    session: Session,
}

/// The user has nothing left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done;

impl Actor {
    /// The user of a flow. Needs a runtime.
    pub fn new(desk: Rc<Desk>, flow: Rc<str>, _number: u64) -> Self {
        let session = Session::new(Rc::clone(&desk.wire));
        Self { desk, flow, session }
    }

    /// Does what the flow does once for each user: nothing.
    #[expect(clippy::unused_async, reason = "flows that begin with steps of their own wait here")]
    pub async fn start(&mut self, _recorder: &Recorder) -> Result<(), Done> {
        if self.desk.plan.flows.contains_key(&*self.flow) { Ok(()) } else { Err(Done) }
    }

    /// Does every step once. Answers how long to pause before the next iteration, which belongs to neither.
    pub async fn iterate(&mut self, intended: Instant, recorder: &Recorder) -> Result<Option<Duration>, Done> {
        let Some(steps) = self.desk.plan.flows.get(&*self.flow) else { return Err(Done) };
        let iteration = recorder.begin_iteration();
        let mut intended = intended;
        let mut think_time = Duration::ZERO;
        for (number, step) in steps.iter().enumerate() {
            if !think_time.is_zero() {
                tokio::time::sleep(think_time).await;
            }
            if number > 0 {
                intended = Instant::now();
            }
            let mut sample = recorder.begin_sample(step.label, intended);
            let outcome = request(step, &mut self.session, &mut sample.traffic).await;
            let succeeded = outcome.is_ok_and(|status| step.expect.accepts(status));
            sample.finish(outcome, succeeded);
            think_time = step.think_time;
        }
        iteration.complete();
        Ok(Some(think_time).filter(|pause| !pause.is_zero()))
    }
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
