//! One virtual user on its way through the program.

mod calls;
mod conversation;
mod exchange;
mod frames;

use std::{rc::Rc, time::Duration};

use dlt_model::program::{Cookies, Reuse};
use rand::Rng;
use tokio::{task::yield_now, time::sleep};

use self::frames::{Frame, Frames};
use super::{
    desk::Desk,
    extract::items,
    metric_name, number_of, pause,
    program::{Measure, Op},
    user::User,
};
use crate::{clock::Instant, engine::Recorder, transport::Session};

/// After so many jumps without waiting, others have their turn.
const JUMPS_AT_ONCE: u32 = 1_000;

/// A virtual user.
pub struct Actor {
    desk: Rc<Desk>,
    /// Which of the flows it follows.
    flow: usize,
    session: Session,
    /// Further connections, for what a page embeds; made when the first page needs them.
    helpers: Vec<Session>,
    user: User,
    /// Whether the rows that were taken are those of the iteration that comes next.
    has_rows: bool,
}

/// What follows an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// When the iteration ended.
    pub from: Instant,
    /// The pause after its last step, which belongs to no iteration.
    pub pause: Duration,
}

/// When a sample begins, as far as that is known before it does.
#[derive(Clone, Copy, Default)]
struct Begin {
    /// When it should begin, if that is not now.
    intended: Option<Instant>,
    /// Now, if nothing has happened since the clock was read.
    now: Option<Instant>,
}

impl Begin {
    /// What follows when there is nothing left to begin.
    fn rest(self, pause: Duration) -> Rest {
        Rest { from: self.now.unwrap_or_else(Instant::now), pause }
    }
}

/// What became of an instruction that sends something.
#[derive(Clone, Copy)]
struct Taken {
    succeeded: bool,
    /// Now, if nothing has happened since its last byte came.
    now: Option<Instant>,
}

impl From<bool> for Taken {
    fn from(succeeded: bool) -> Self {
        Self { succeeded, now: None }
    }
}

/// The user is done: a feed that does not repeat has no row for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done;

impl Actor {
    /// The user of a flow with this number over all workers, from 0. Needs a runtime.
    pub fn new(desk: Rc<Desk>, flow: usize, number: u64) -> Self {
        let session = Session::new(Rc::clone(&desk.wire));
        let user = User::new(&desk.scripts, &desk.scripts.flows[flow].name, number);
        Self { desk, flow, session, helpers: Vec::new(), user, has_rows: false }
    }

    /// Does what the flow does once for each user. Its samples count; it is no iteration. The row that is taken for it
    /// serves the first iteration too.
    pub async fn start(&mut self, recorder: &Recorder) -> Result<(), Done> {
        let desk = Rc::clone(&self.desk);
        let flow = &desk.scripts.flows[self.flow];
        if flow.start.is_empty() {
            return Ok(());
        }
        self.take_rows(recorder)?;
        self.has_rows = true;
        let rest = self.run(&desk, &flow.start, Begin::default(), recorder).await;
        sleep(rest.pause).await;
        self.user.begin_iterating();
        Ok(())
    }

    /// Does the steps of one iteration that was meant to begin at `intended` and begins now.
    pub async fn iterate(&mut self, intended: Instant, now: Instant, recorder: &Recorder) -> Result<Rest, Done> {
        if !std::mem::take(&mut self.has_rows) {
            self.take_rows(recorder)?;
        }
        let desk = Rc::clone(&self.desk);
        let iteration = recorder.begin_iteration(now);
        let steps = &desk.scripts.flows[self.flow].steps;
        let rest = self.run(&desk, steps, Begin { intended: Some(intended), now: Some(now) }, recorder).await;
        iteration.complete(rest.from);
        self.user.end_iteration(desk.scripts.cookies);
        if desk.scripts.reuse == Reuse::Iteration {
            self.close();
        }
        Ok(rest)
    }

    fn take_rows(&mut self, recorder: &Recorder) -> Result<(), Done> {
        self.user.take_rows(&self.desk).map_err(|feed| {
            recorder.exhausted(feed);
            Done
        })
    }

    fn close(&mut self) {
        self.session.close();
        self.helpers.iter_mut().for_each(Session::close);
    }

    /// Whether cookies are kept at all.
    fn cookies(&self) -> Cookies {
        self.desk.scripts.cookies
    }

    /// Does these instructions. `begin` is when the first sample begins.
    async fn run(&mut self, desk: &Desk, ops: &[Op], mut begin: Begin, recorder: &Recorder) -> Rest {
        let mut frames = Frames::default();
        let (mut at, mut jumps, mut has_waited) = (0, 0, false);
        while let Some(op) = ops.get(at) {
            at += 1;
            match op {
                Op::Request(_) | Op::WebSocket(_) | Op::Grpc(_) | Op::Tcp(_) => {
                    has_waited = true;
                    let begins = std::mem::take(&mut begin);
                    let taken = match op {
                        Op::Request(request) => self.request(desk, request, begins, recorder).await,
                        // It takes its memory when it is used, which is seldom.
                        _ => Box::pin(self.talk(desk, op, begins.intended, recorder)).await.into(),
                    };
                    begin.now = taken.now;
                    if !taken.succeeded {
                        frames.fail();
                    }
                    if desk.scripts.reuse == Reuse::Never {
                        self.close();
                    }
                    continue;
                }
                Op::Pause(pause) => {
                    let pause = pause::draw(*pause, &mut self.user.random);
                    if at == ops.len() && has_waited {
                        return begin.rest(pause);
                    }
                    has_waited = true;
                    begin.intended = None;
                    sleep(pause).await;
                }
                Op::Jump(to) => {
                    jumps += 1;
                    if jumps % JUMPS_AT_ONCE == 0 {
                        yield_now().await;
                    }
                    at = *to;
                }
                Op::Measure(measure) => self.measure(desk, measure, recorder),
                Op::Enter(transaction) => {
                    frames.push(Frame::Group(transaction.map(|index| recorder.begin_transaction(index))));
                }
                other => at = self.step(other, at, &mut frames),
            }
            begin.now = None;
        }
        if !has_waited {
            yield_now().await;
            begin.now = None;
        }
        begin.rest(Duration::ZERO)
    }

    /// An instruction that sends something else than a request; says whether it succeeded.
    async fn talk(&mut self, desk: &Desk, op: &Op, intended: Option<Instant>, recorder: &Recorder) -> bool {
        match op {
            Op::WebSocket(socket) => self.converse_over(desk, socket, intended, recorder).await,
            Op::Grpc(call) => self.grpc(desk, call, intended, recorder).await,
            Op::Tcp(tcp) => self.tcp(desk, tcp, intended, recorder).await,
            _ => true,
        }
    }

    /// An instruction that never waits; says which comes next.
    fn step(&mut self, op: &Op, next: usize, frames: &mut Frames<'_>) -> usize {
        let user = &mut self.user;
        match op {
            Op::Set(values) => {
                for (slot, text) in values {
                    user.variables[*slot] = text.get(&mut user.scope());
                }
            }
            Op::Leave => frames.leave(),
            Op::Unless(condition, to) if !condition.holds(&mut user.scope()) => return *to,
            Op::Turns(times) => {
                let times = times.get(&mut user.scope()).trim().parse().unwrap_or(0);
                frames.push(Frame::Turns { done: 0, times, outer: None });
            }
            Op::Turn { index, end } => {
                let Some(done) = frames.next_turn(&mut user.variables[*index]) else { return *end };
                user.variables[*index] = done.to_string();
            }
            Op::While(most) => frames.push(Frame::While { left: *most }),
            Op::Holds { condition, end } => {
                let holds = frames.may_turn() && condition.holds(&mut user.scope());
                if !holds {
                    frames.pop();
                    return *end;
                }
            }
            Op::Items(list) => frames.push(Frame::Items(items(&user.variables[*list]).into_iter())),
            Op::Item { item, end } => match frames.next_item() {
                Some(value) => user.variables[*item] = value,
                None => return *end,
            },
            Op::Choose(ways) => {
                let sum = ways.last().map_or(0, |(sum, _)| *sum);
                let drawn = user.random.random_range(0..sum.max(1));
                return ways.iter().find(|(sum, _)| drawn < *sum).map_or(next, |(_, to)| *to);
            }
            _ => {}
        }
        next
    }

    /// What is no number is counted as a failed check, so that it is not lost without a word.
    fn measure(&mut self, desk: &Desk, measure: &Measure, recorder: &Recorder) {
        let scope = &mut self.user.scope();
        let index = measure.fixed.unwrap_or_else(|| {
            let tags: Vec<_> = measure.tags.iter().map(|(name, value)| (&**name, value.get(scope))).collect();
            let name = metric_name(&measure.metric, tags.iter().map(|(name, value)| (*name, value.as_str())));
            desk.metric(&name)
        });
        match number_of(measure.kind, &measure.value.get(scope)) {
            Some(value) => recorder.measure(index, measure.kind, value),
            None => {
                let name = format!("metric {} has a number", measure.metric);
                recorder.check(desk.scripts.names.checks.place(&name).index(), false);
            }
        }
    }
}
