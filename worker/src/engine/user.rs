//! One virtual user: its pacer says when, its actor does what.

use std::{cell::Cell, rc::Rc, time::Instant};

use tokio::{sync::Notify, time::sleep_until};

use super::recorder::Recorder;
use crate::{clock::RunClock, pacer::Pacer, script::Actor};

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
    pub actor: Actor,
    pub clock: RunClock,
    pub recorder: Rc<Recorder>,
    pub halt: Rc<Halt>,
}

impl User {
    /// Iterates until the profile is over or the halt is raised.
    pub async fn run(self) {
        let Self { pacer, mut actor, clock, recorder, halt } = self;
        let mut presence = None;
        while !halt.is_raised.get() {
            let now = clock.since_start(Instant::now());
            let Some(begin) = pacer.next(now) else { break };
            if begin > now {
                halt.sleep_until(clock.at(begin)).await;
                continue;
            }
            if presence.is_none() {
                presence = Some(recorder.enter());
                if actor.start(&recorder).await.is_err() {
                    break;
                }
            }
            let Ok(pause) = actor.iterate(clock.at(begin), &recorder).await else { break };
            // The pause after the last step belongs to no iteration: nobody waits for it at the end.
            if let Some(think_time) = pause {
                halt.sleep_until((Instant::now() + think_time).min(clock.at(pacer.end()))).await;
            }
        }
    }
}
