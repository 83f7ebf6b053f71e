//! Everything that is decided before the first request: the assignment, checked and compiled.

use std::time::Duration;

use dlt_model::{
    assignment::Assignment,
    load::{Execution, Executor},
    program::{Body, Client, Expect, Pause, Request, Step as Written},
    segment::Segment,
};

use crate::{
    WorkerError,
    request::{Rendered, Target},
    transport::{Roots, Wire},
};

/// How long any part of a run may last: instants far beyond it cannot be told by a clock.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How many virtual users one worker can have; each is a socket and a few kilobytes.
const MAX_USERS: u64 = 1_000_000;

/// What this worker does.
#[derive(Debug)]
pub struct Plan {
    pub execution: Execution,
    /// Its share of the virtual users of the whole group.
    pub segment: Segment,
    /// The names under which samples are counted.
    pub labels: Vec<String>,
    pub steps: Vec<Step>,
    /// How connections are made and kept.
    pub client: Client,
    pub graceful_stop: Duration,
}

/// One request of an iteration.
#[derive(Debug)]
pub struct Step {
    /// Its place among the labels.
    pub label: usize,
    pub target: Target,
    pub request: Rendered,
    pub expect: Expect,
    /// For connecting, and again for the rest of the request.
    pub timeout: Duration,
    pub think_time: Duration,
}

impl Plan {
    /// Compiles an assignment.
    ///
    /// # Errors
    /// Returns an error that names the first step that cannot be run.
    pub fn new(assignment: &Assignment) -> Result<Self, WorkerError> {
        let execution = check_bounds(assignment).map_err(WorkerError::Assignment)?;
        let flow = assignment.program.flows.get(&execution.flow);
        let written = flow.map(|flow| flow.steps.as_slice()).unwrap_or_default();
        let mut labels = Vec::new();
        let mut steps: Vec<Step> = Vec::new();
        for step in written {
            match step {
                Written::Request(request) => {
                    let name = request.label.to_string();
                    let compiled = compile(request, &mut labels)
                        .map_err(|why| WorkerError::Assignment(format!("step {} `{name}`: {why}", steps.len() + 1)))?;
                    steps.push(compiled);
                }
                Written::Pause(Pause::Constant { ms }) if !steps.is_empty() => {
                    let pause = bounded("the think time", *ms).map_err(WorkerError::Assignment)?;
                    steps.last_mut().expect("not empty").think_time += pause;
                }
                other => return Err(WorkerError::Assignment(format!("it has a step that cannot be run: {other:?}"))),
            }
        }
        if steps.is_empty() {
            return Err(WorkerError::Assignment("it has no steps".to_owned()));
        }
        Wire::new(&assignment.program.client, &Roots::load()).map_err(WorkerError::Assignment)?;
        Ok(Self {
            segment: assignment.segment,
            execution: execution.clone(),
            labels,
            steps,
            client: assignment.program.client.clone(),
            graceful_stop: Duration::from_millis(execution.graceful_stop_ms),
        })
    }
}

fn check_bounds(assignment: &Assignment) -> Result<&Execution, String> {
    let [execution] = assignment.load.as_slice() else { return Err("it has not one execution".to_owned()) };
    bounded("the load", execution.end_ms())?;
    bounded("the graceful stop", execution.graceful_stop_ms)?;
    if !matches!(execution.executor, Executor::ConstantVus { .. } | Executor::RampingVus { .. }) {
        return Err("it has an executor that cannot be run".to_owned());
    }
    let count = assignment.segment.share_of(execution.executor.peak_virtual_users());
    if count > MAX_USERS {
        return Err(format!("{count} virtual users are too many for one worker; {MAX_USERS} is the limit"));
    }
    Ok(execution)
}

fn bounded(what: &str, ms: u64) -> Result<Duration, String> {
    let duration = Duration::from_millis(ms);
    if duration > MAX_DURATION { Err(format!("{what} of {ms} ms is over 30 days")) } else { Ok(duration) }
}

fn compile(request: &Request, labels: &mut Vec<String>) -> Result<Step, String> {
    let plain = "it has variables, which cannot be filled in";
    let url = request.url.as_literal().ok_or(plain)?;
    let headers: Option<Vec<(String, String)>> =
        request.headers.iter().map(|(name, value)| Some((name.clone(), value.as_literal()?.to_owned()))).collect();
    let body = match &request.body {
        Body::None => "",
        Body::Text(text) => text.as_literal().ok_or(plain)?,
        _ => return Err("its body is of a kind that cannot be sent".to_owned()),
    };
    let target = Target::new(&request.method, url, &headers.ok_or(plain)?, body)?;
    if request.timeout_ms == 0 {
        return Err("a timeout of 0 ms would let nothing pass".to_owned());
    }
    Ok(Step {
        label: place_of(request.label.as_literal().ok_or(plain)?, labels),
        request: target.render(),
        target,
        expect: request.expect.clone(),
        timeout: bounded("the timeout", request.timeout_ms)?,
        think_time: Duration::ZERO,
    })
}

fn place_of(label: &str, labels: &mut Vec<String>) -> usize {
    labels.iter().position(|known| known == label).unwrap_or_else(|| {
        labels.push(label.to_owned());
        labels.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use dlt_model::{
        id::Region,
        program::{self, Flow, Program},
        template::Template,
    };

    use super::*;

    fn assignment() -> Assignment {
        let step = |label: &str| {
            let url = Template::literal("http://a.test/");
            let request = Request { label: Template::literal(label), timeout_ms: 1, ..Request::new("GET", url) };
            program::with_pause(request, 0).remove(0)
        };
        let flow = Flow { start: Vec::new(), steps: vec![step("a"), step("b"), step("a")] };
        Assignment {
            test_id: "T".parse().expect("an id"),
            run_id: "R".parse().expect("an id"),
            region: Region::local(),
            worker: 0,
            segment: Segment { index: 1, count: 2 },
            load: vec![Execution {
                name: "x".to_owned(),
                flow: "x".to_owned(),
                start_after_ms: 0,
                graceful_stop_ms: 0,
                executor: Executor::ramp_and_hold(5, 0, 1),
            }],
            program: Program { flows: [("x".to_owned(), flow)].into(), ..Program::default() },
            start_deadline_ms: 0,
        }
    }

    fn request(assignment: &mut Assignment) -> &mut Request {
        match assignment.program.flows.get_mut("x").map(|flow| &mut flow.steps[1]) {
            Some(Written::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    #[test]
    fn steps_of_one_label_are_counted_together() {
        let plan = Plan::new(&assignment()).expect("valid");
        assert_eq!(plan.labels, ["a", "b"]);
        assert_eq!(plan.steps.iter().map(|step| step.label).collect::<Vec<_>>(), [0, 1, 0]);
    }

    #[test]
    fn what_no_worker_can_do_is_refused() {
        type Spoil = fn(&mut Assignment);
        let spoilt: [Spoil; 7] = [
            |assignment| assignment.program.flows.clear(),
            |assignment| request(assignment).timeout_ms = 0,
            |assignment| request(assignment).timeout_ms = u64::MAX,
            |assignment| request(assignment).url = Template::literal("ftp://a.test/"),
            |assignment| assignment.load[0].graceful_stop_ms = u64::MAX,
            |assignment| assignment.load[0].executor = Executor::ramp_and_hold(u64::MAX, u64::MAX, u64::MAX),
            |assignment| assignment.load.clear(),
        ];
        for (number, spoil) in spoilt.into_iter().enumerate() {
            let mut assignment = assignment();
            spoil(&mut assignment);
            assert!(Plan::new(&assignment).is_err(), "{number}");
        }
    }
}
