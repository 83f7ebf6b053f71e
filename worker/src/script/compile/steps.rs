//! Steps become instructions: what holds other steps becomes jumps around them.

use dlt_model::{
    program::{Branch, MetricKind, Pause, Step},
    template::Template,
};

use super::Compiler;
use crate::script::{
    INDEX, bounded, metric_name, number_of,
    program::{Measure, Op},
    value::Text,
};

/// How many instructions a flow may have.
const MAX_OPS: usize = 100_000;

impl Compiler<'_> {
    pub(super) fn steps(&mut self, steps: &[Step], place: &str) -> Box<[Op]> {
        let mut ops = Vec::new();
        self.block(steps, place, &mut ops);
        if ops.len() > MAX_OPS {
            self.problems.push(format!("{place}1: more than {MAX_OPS} steps"));
        }
        ops.into()
    }

    fn block(&mut self, steps: &[Step], place: &str, ops: &mut Vec<Op>) {
        for (number, step) in steps.iter().enumerate() {
            let here = format!("{place}{}", number + 1);
            if let Err(why) = self.step(step, &here, ops) {
                self.problems.push(format!("{here}{}: {why}", name_of(step)));
            }
        }
    }

    /// What is inside is compiled as well when something is wrong with what is around it, so that all problems are found.
    fn step(&mut self, step: &Step, here: &str, ops: &mut Vec<Op>) -> Result<(), String> {
        let inside = format!("{here}.");
        match step {
            Step::Request(request) => ops.push(Op::Request(Box::new(self.request(request, here)?))),
            Step::Pause(pause) => {
                check_pause(*pause)?;
                ops.push(Op::Pause(*pause));
            }
            Step::Set(values) => {
                let set: Result<_, String> =
                    values.iter().map(|(name, value)| Ok((self.slot(name)?, self.text(value)?))).collect();
                ops.push(Op::Set(set?));
            }
            Step::Measure { metric, kind, value, tags } => ops.push(self.measure(metric, *kind, value, tags)?),
            Step::Group { name, transaction, steps } => {
                ops.push(Op::Enter(transaction.then(|| self.names.transactions.place(name).index())));
                self.block(steps, &inside, ops);
                ops.push(Op::Leave);
            }
            Step::If { condition, then, otherwise } => {
                let condition = self.logic(condition);
                let test = reserve(ops);
                self.block(then, &inside, ops);
                let skip = if otherwise.is_empty() { None } else { Some(reserve(ops)) };
                let end_of_then = ops.len();
                self.block(otherwise, &inside, ops);
                if let Some(skip) = skip {
                    ops[skip] = Op::Jump(ops.len());
                }
                ops[test] = Op::Unless(condition?, end_of_then);
            }
            Step::Loop { times, steps } => {
                let times = self.times(times);
                let begin = reserve(ops);
                let end = self.turns(steps, &inside, ops);
                ops[begin + 1] = Op::Turn { index: self.slot(INDEX)?, end };
                ops[begin] = Op::Turns(times?);
            }
            Step::While { condition, steps, most } => {
                let condition = self.logic(condition);
                let begin = reserve(ops);
                let end = self.turns(steps, &inside, ops);
                ops[begin + 1] = Op::Holds { condition: condition?, end };
                ops[begin] = Op::While(*most);
            }
            Step::ForEach { list, item, steps } => {
                let list = self.slot(list);
                let begin = reserve(ops);
                let end = self.turns(steps, &inside, ops);
                ops[begin + 1] = Op::Item { item: self.slot(item)?, end };
                ops[begin] = Op::Items(list?);
            }
            Step::Choose(branches) => self.choose(branches, &inside, ops)?,
            Step::WebSocket(socket) => ops.push(Op::WebSocket(Box::new(self.websocket(socket)?))),
            Step::Grpc(grpc) => ops.push(Op::Grpc(Box::new(self.grpc(grpc)?))),
            Step::Tcp(tcp) => ops.push(Op::Tcp(Box::new(self.tcp(tcp)?))),
        }
        Ok(())
    }

    /// The head of a loop's turn, its body and the way back; says where it ends.
    fn turns(&mut self, steps: &[Step], inside: &str, ops: &mut Vec<Op>) -> usize {
        let turn = reserve(ops);
        self.block(steps, inside, ops);
        ops.push(Op::Jump(turn));
        ops.len()
    }

    fn times(&self, times: &Template) -> Result<Text, String> {
        let text = self.text(times)?;
        match text.as_literal() {
            Some(literal) if literal.trim().parse::<u64>().is_err() => {
                Err(format!("`{literal}` is no number of times"))
            }
            _ => Ok(text),
        }
    }

    fn choose(&mut self, branches: &[Branch], inside: &str, ops: &mut Vec<Op>) -> Result<(), String> {
        let fork = reserve(ops);
        let (mut sum, mut ways, mut ends) = (0, Vec::new(), Vec::new());
        for (number, branch) in branches.iter().enumerate() {
            sum += u64::from(branch.weight);
            ways.push((sum, ops.len()));
            self.block(&branch.steps, &format!("{inside}{}.", number + 1), ops);
            ends.push(reserve(ops));
        }
        for end in ends {
            ops[end] = Op::Jump(ops.len());
        }
        ops[fork] = Op::Choose(ways.into());
        if sum == 0 { Err("none of its ways has a weight above 0".to_owned()) } else { Ok(()) }
    }

    fn measure(
        &mut self,
        metric: &str,
        kind: MetricKind,
        value: &Template,
        tags: &[(String, Template)],
    ) -> Result<Op, String> {
        if *self.kinds.entry(metric.to_owned()).or_insert(kind) != kind {
            return Err(format!("the metric `{metric}` is of another kind elsewhere"));
        }
        let value = self.text(value)?;
        if let Some(literal) = value.as_literal()
            && number_of(kind, literal).is_none()
        {
            return Err(format!("`{literal}` is no value of the metric `{metric}`"));
        }
        let tags: Box<[(Box<str>, Text)]> =
            self.pairs(tags)?.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let literal: Option<Vec<(&str, &str)>> =
            tags.iter().map(|(name, value)| Some((&**name, value.as_literal()?))).collect();
        let fixed = literal.map(|tags| {
            let name = metric_name(metric, tags.into_iter());
            self.names.metrics.place(&self.secrets.hide(&name)).index()
        });
        Ok(Op::Measure(Box::new(Measure { metric: metric.into(), kind, value, tags, fixed })))
    }
}

/// A place for an instruction that is not known yet.
fn reserve(ops: &mut Vec<Op>) -> usize {
    ops.push(Op::Leave);
    ops.len() - 1
}

pub(super) fn check_pause(pause: Pause) -> Result<(), String> {
    let longest = match pause {
        Pause::Constant { ms } => ms,
        Pause::Uniform { min_ms, max_ms } if min_ms > max_ms => {
            return Err(format!("a pause of at least {min_ms} ms and at most {max_ms} ms is impossible"));
        }
        Pause::Uniform { max_ms, .. } => max_ms,
        Pause::Normal { mean_ms, .. } | Pause::Poisson { mean_ms } => mean_ms,
    };
    bounded("the think time", longest).map(drop)
}

fn name_of(step: &Step) -> String {
    match step {
        Step::Request(request) => format!(" `{}`", request.label),
        Step::Group { name, .. } => format!(" `{name}`"),
        Step::WebSocket(socket) => format!(" `{}`", socket.label),
        Step::Grpc(grpc) => format!(" `{}`", grpc.label),
        Step::Tcp(tcp) => format!(" `{}`", tcp.label),
        _ => String::new(),
    }
}
