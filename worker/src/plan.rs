//! Everything that is decided before the first request: the assignment, checked and compiled.

use std::{sync::Arc, time::Duration};

use dlt_model::{
    assignment::Assignment,
    load::{Execution, Executor},
    program::Client,
    segment::Segment,
};

use crate::{
    WorkerError,
    script::{Place, Scripts, bounded, compile},
    secrets::Secrets,
    transport::{Roots, Wire},
};

/// How many virtual users one worker can have; each is a socket and a few kilobytes.
const MAX_USERS: u64 = 1_000_000;

/// What this worker does.
pub struct Plan {
    pub execution: Execution,
    /// Its share of the virtual users of the whole group.
    pub segment: Segment,
    /// Its share of the rows of feeds: those are the whole run's.
    pub rows: Segment,
    pub scripts: Arc<Scripts>,
    pub client: Client,
    pub graceful_stop: Duration,
}

impl Plan {
    /// Compiles an assignment of a run of so many workers.
    ///
    /// # Errors
    /// Returns an error that names everything that cannot be run.
    pub fn new(assignment: &Assignment, workers: u32, secrets: &Secrets) -> Result<Self, WorkerError> {
        let execution = check_bounds(assignment).map_err(WorkerError::Assignment)?;
        let place = Place { worker: assignment.worker, seed: assignment.run_id.as_str() };
        let mut problems = Vec::new();
        let scripts = compile(&assignment.program, [execution.flow.as_str()], secrets, place);
        let scripts = scripts.map_err(|found| problems.extend(found));
        let client = secrets.fill_client(&assignment.program.client).and_then(|client| {
            // Threads make their own of the same; whatever is wrong with it is found here.
            Wire::new(&client, &Roots::load()).map(|_| client)
        });
        let client = client.map_err(|found| problems.push(found));
        let (Ok(scripts), Ok(client)) = (scripts, client) else {
            return Err(WorkerError::Assignment(problems.join("; ")));
        };
        Ok(Self {
            segment: assignment.segment,
            rows: Segment { index: assignment.worker, count: workers },
            execution: execution.clone(),
            scripts: Arc::new(scripts),
            client,
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
        assert_eq!(plan.scripts.flows["x"].steps.len(), 3);
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
            assert!(plan(&assignment).is_err(), "{number}");
        }
    }
}
