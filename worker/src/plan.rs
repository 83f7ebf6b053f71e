//! Everything that is decided before the first request: the assignment, checked and compiled.

use std::{rc::Rc, sync::Arc, time::Duration};

use dlt_model::{
    assignment::Assignment,
    load::{Execution, Executor},
    program::Client,
    segment::Segment,
};

use crate::{
    WorkerError,
    pacer::Pacing,
    reactor::Reactor,
    script::{Place, Scripts, bounded, compile},
    secrets::Secrets,
    transport::{Roots, Wire},
};

/// How many virtual users one worker can have; each is a socket and a few kilobytes.
const MAX_USERS: u64 = 1_000_000;
/// The largest rate, per its period, and the largest number of users.
const MAX_RATE: f64 = 1e9;

/// What this worker does.
pub struct Plan {
    /// Side by side.
    pub executions: Vec<PlannedExecution>,
    /// Its share of each of them.
    pub segment: Segment,
    /// Its share of the rows of feeds: those are the whole run's.
    pub rows: Segment,
    /// What users do.
    pub scripts: Arc<Scripts>,
    /// How connections are made and kept.
    pub client: Client,
}

/// One execution, over the whole group of workers that share it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedExecution {
    pub flow: String,
    /// From the common start.
    pub begin: Duration,
    pub duration: Duration,
    pub graceful_stop: Duration,
    pub pacing: Pacing,
}

impl Plan {
    /// Compiles an assignment of a run of so many workers.
    ///
    /// # Errors
    /// Returns an error that names everything that cannot be run.
    pub fn new(assignment: &Assignment, workers: u32, secrets: &Secrets) -> Result<Self, WorkerError> {
        check_users(assignment).map_err(WorkerError::Assignment)?;
        let mut problems = Vec::new();
        let executions: Result<_, _> = assignment.load.iter().map(plan_execution).collect();
        let executions = executions.map_err(|found| problems.push(found));
        let place = Place { worker: assignment.worker, seed: assignment.run_id.as_str() };
        let flows = assignment.load.iter().map(|execution| execution.flow.as_str());
        let scripts = compile(&assignment.program, flows, secrets, place).map_err(|found| problems.extend(found));
        let client = secrets.fill_client(&assignment.program.client).and_then(|client| {
            // Threads make their own of the same; whatever is wrong with it is found here.
            let reactor = Rc::new(Reactor::new().map_err(|error| format!("there is no event loop: {error}"))?);
            Wire::new(&client, &Roots::load(), &reactor).map(|_| client)
        });
        let client = client.map_err(|found| problems.push(found));
        let (Ok(executions), Ok(scripts), Ok(client)) = (executions, scripts, client) else {
            return Err(WorkerError::Assignment(problems.join("; ")));
        };
        Ok(Self {
            executions,
            segment: assignment.segment,
            rows: Segment { index: assignment.worker, count: workers },
            scripts: Arc::new(scripts),
            client,
        })
    }
}

fn check_users(assignment: &Assignment) -> Result<(), String> {
    if assignment.load.is_empty() {
        return Err("it has no execution".to_owned());
    }
    let shares = assignment.load.iter().map(|execution| {
        let users = execution.executor.peak_virtual_users();
        assignment.segment.share_of(users)
    });
    let count = shares.fold(0, u64::saturating_add);
    if count > MAX_USERS {
        return Err(format!("{count} virtual users are too many for one worker; {MAX_USERS} is the limit"));
    }
    Ok(())
}

fn plan_execution(execution: &Execution) -> Result<PlannedExecution, String> {
    let what = |what: &str| format!("{what} of execution `{}`", execution.name);
    bounded(&what("the end"), execution.end_ms())?;
    let executor = &execution.executor;
    if executor.duration_ms() == 0 {
        return Err(format!("the execution `{}` has no duration", execution.name));
    }
    check_rates(execution)?;
    Ok(PlannedExecution {
        flow: execution.flow.clone(),
        begin: Duration::from_millis(execution.start_after_ms),
        duration: Duration::from_millis(executor.duration_ms()),
        graceful_stop: bounded(&what("the graceful stop"), execution.graceful_stop_ms)?,
        pacing: Pacing::of(executor),
    })
}

/// Rates and levels must be numbers that a schedule can be made of.
fn check_rates(execution: &Execution) -> Result<(), String> {
    let wrong = |what: &str, number: f64| Err(format!("the execution `{}` has {what} {number}", execution.name));
    let (rates, per_ms): (Vec<f64>, u64) = match &execution.executor {
        Executor::ConstantArrivalRate { rate, per_ms, .. } => (vec![*rate], *per_ms),
        Executor::RampingArrivalRate { start_rate, stages, per_ms, .. } => {
            (std::iter::once(*start_rate).chain(stages.iter().map(|stage| stage.target)).collect(), *per_ms)
        }
        Executor::RampingVus { stages, graceful_ramp_down_ms, .. } => {
            bounded("the graceful ramp-down", *graceful_ramp_down_ms)?;
            (stages.iter().map(|stage| stage.target).collect(), 1_000)
        }
        _ => return Ok(()),
    };
    if per_ms == 0 {
        return wrong("rates per a period of", 0.0);
    }
    match rates.into_iter().find(|rate| !(0.0..=MAX_RATE).contains(rate)) {
        Some(rate) => wrong(&format!("a rate or number of users that is not between 0 and {MAX_RATE}:"), rate),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::{
        id::Region,
        program::{self, Flow, Program, Request, Step as Written},
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

    fn plan(assignment: &Assignment) -> Result<Plan, WorkerError> {
        Plan::new(assignment, 2, &Secrets::default())
    }

    #[test]
    fn steps_of_one_label_are_counted_together() {
        let plan = plan(&assignment()).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(plan.scripts.names.labels.all(), ["a", "b"]);
        assert_eq!(plan.scripts.flows[0].steps.len(), 3);
    }

    fn rate(rate: f64, per_ms: u64) -> Executor {
        let (pre_allocated_virtual_users, max_virtual_users, duration_ms) = (1, 1, 1_000);
        Executor::ConstantArrivalRate { rate, per_ms, duration_ms, pre_allocated_virtual_users, max_virtual_users }
    }

    #[test]
    fn executions_of_one_flow_share_its_steps_and_labels() {
        let mut assignment = assignment();
        let second = Execution { start_after_ms: 70, executor: rate(2.0, 1_000), ..assignment.load[0].clone() };
        assignment.load.push(second);
        let plan = plan(&assignment).unwrap_or_else(|why| panic!("{why}"));
        let scripts = &plan.scripts;
        assert_eq!((plan.executions.len(), scripts.flows.len(), scripts.names.labels.all().len()), (2, 1, 2));
        assert_eq!((plan.executions[1].begin.as_millis(), plan.executions[1].duration.as_millis()), (70, 1_000));
    }

    #[test]
    fn what_no_worker_can_do_is_refused() {
        type Spoil = fn(&mut Assignment);
        let spoilt: [Spoil; 9] = [
            |assignment| assignment.program.flows.clear(),
            |assignment| request(assignment).timeout_ms = 0,
            |assignment| request(assignment).timeout_ms = u64::MAX,
            |assignment| request(assignment).url = Template::literal("ftp://a.test/"),
            |assignment| assignment.load[0].graceful_stop_ms = u64::MAX,
            |assignment| assignment.load[0].executor = Executor::ramp_and_hold(u64::MAX, u64::MAX, u64::MAX),
            |assignment| assignment.load.clear(),
            |assignment| assignment.load[0].executor = rate(f64::NAN, 1_000),
            |assignment| assignment.load[0].executor = rate(1.0, 0),
        ];
        for (number, spoil) in spoilt.into_iter().enumerate() {
            let mut assignment = assignment();
            spoil(&mut assignment);
            assert!(plan(&assignment).is_err(), "{number}");
        }
    }
}
