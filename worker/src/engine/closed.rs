//! The closed model: a user begins its next iteration as soon as it is free, for as long as it is wanted.

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::{task::yield_now, time::sleep_until};

use super::stream::Stream;
use crate::{
    clock::Instant,
    pacer::{Level, Pacing, Quota, Stint},
    reactor::Crowd,
    script::Actor,
};

/// How long a user waits before it tries again after nobody let it connect: without that a target that is down would be
/// asked as fast as this machine can, by users that were never meant to be that fast.
const UNCONNECTED_PAUSE: Duration = Duration::from_millis(50);

/// How many users come before those who are there go on. What a user needs only to connect serves the next one, too, and
/// the first need not wait for ten thousand to be made.
const USERS_AT_ONCE: usize = 64;

/// Runs this thread's users to the end of the execution.
pub async fn run(stream: &Rc<Stream>, level: &Level, quota: Quota) {
    let shared = Rc::new(Cell::new(match quota {
        Quota::Shared(iterations) => {
            stream.share.iterations(level.peak()).map_or(0, |share| share.share_of(iterations))
        }
        Quota::Endless | Quota::Each(_) => 0,
    }));
    let users = Crowd::new(&stream.desk.wire.reactor);
    for (place, number) in stream.share.users().numbers(level.peak()).enumerate() {
        if place > 0 && place % USERS_AT_ONCE == 0 {
            yield_now().await;
        }
        let left = match quota {
            Quota::Endless => Left::Endless,
            Quota::Each(iterations) => Left::Own(iterations),
            Quota::Shared(_) => Left::Shared(Rc::clone(&shared)),
        };
        users.spawn(User { stream: Rc::clone(stream), number, left, actor: None }.run());
    }
    stream.see_off(&users).await;
    if !stream.halt.is_raised() {
        stream.recorder.give_up(shared.get());
    }
}

/// One of them.
struct User {
    stream: Rc<Stream>,
    number: u64,
    left: Left,
    /// Made when it is first wanted.
    actor: Option<Box<Actor>>,
}

/// How many iterations a user may still begin.
enum Left {
    Endless,
    Own(u64),
    Shared(Rc<Cell<u64>>),
}

/// Why a stint is over.
#[derive(PartialEq, Eq)]
enum End {
    /// The user is not wanted now.
    Rest,
    /// The user has nothing left to do.
    Done,
}

impl User {
    async fn run(mut self) {
        let stream = Rc::clone(&self.stream);
        while let Some(stint) = self.next_stint() {
            stream.halt.sleep_until(stream.at(stint.begin)).await;
            if stream.halt.is_raised() {
                return;
            }
            if stream.elapsed() < stint.begin {
                continue;
            }
            let end = match stint.cut_off {
                None => self.work(stint).await,
                Some(cut_off) => tokio::select! {
                    biased;
                    end = self.work(stint) => end,
                    () = sleep_until(stream.at(cut_off).into()) => End::Rest,
                },
            };
            if end == End::Done {
                return;
            }
        }
    }

    fn next_stint(&self) -> Option<Stint> {
        let Pacing::Closed { level, .. } = &self.stream.execution().pacing else { return None };
        level.next(self.number, self.stream.elapsed())
    }

    async fn work(&mut self, stint: Stint) -> End {
        let Self { stream, number, left, actor } = self;
        let recorder = &*stream.recorder;
        let _presence = recorder.enter();
        let actor = match actor {
            Some(actor) => actor,
            None => {
                let new = actor.insert(Box::new(Actor::new(Rc::clone(&stream.desk), stream.flow, *number)));
                if new.start(recorder).await.is_err() {
                    return End::Done;
                }
                new
            }
        };
        let end = stream.at(stint.end);
        // Where one iteration ends the next one begins: the clock is read once for both.
        let mut now = Instant::now();
        while !stream.halt.is_raised() {
            if now >= end {
                return End::Rest;
            }
            if !left.take() {
                return End::Done;
            }
            let Ok(rest) = actor.iterate(now, now, recorder).await else { return End::Done };
            now = rest.from;
            let unconnected = if recorder.is_unconnected() { UNCONNECTED_PAUSE } else { Duration::ZERO };
            let pause = rest.pause.max(unconnected);
            // The pause after the last step belongs to no iteration: nobody waits for it at the end.
            if !pause.is_zero() {
                stream.halt.sleep_until((now + pause).min(end)).await;
                now = Instant::now();
            }
        }
        End::Rest
    }
}

impl Drop for User {
    /// What is left of a user's own iterations when time is up begins no more.
    fn drop(&mut self) {
        if let Left::Own(left) = self.left
            && !self.stream.halt.is_raised()
        {
            self.stream.recorder.give_up(left);
        }
    }
}

impl Left {
    /// Takes one; false when there is none.
    fn take(&mut self) -> bool {
        let take = |left: u64| left.checked_sub(1);
        match self {
            Self::Endless => true,
            Self::Own(left) => take(*left).inspect(|rest| *left = *rest).is_some(),
            Self::Shared(left) => take(left.get()).inspect(|rest| left.set(*rest)).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A user's task, with room for a request under way.
    const MAX_TASK_BYTES: usize = 2_000;
    /// What a user knows and holds, its variables, cookies and connections aside.
    const MAX_ACTOR_BYTES: usize = 512;

    fn size_of_future<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_user_takes_no_more_memory_than_its_budget() {
        let (task, actor) = (size_of_future(User::run), size_of::<Actor>());
        assert!(task <= MAX_TASK_BYTES, "a user's task has {task} bytes");
        assert!(actor <= MAX_ACTOR_BYTES, "an actor has {actor} bytes");
    }
}
