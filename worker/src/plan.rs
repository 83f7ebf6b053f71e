//! Everything that is decided before the first request: the assignment, checked and compiled.

use std::{ops::Range, time::Duration};

use dlt_model::assignment::{Assignment, Expect, Profile, Request};

use crate::{
    WorkerError, pacer,
    request::{Rendered, Target},
};

/// How long any part of a run may last: instants far beyond it cannot be told by a clock.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How many virtual users one worker can have; each is a socket and a few kilobytes.
const MAX_USERS: u64 = 1_000_000;

/// What this worker does.
#[derive(Debug)]
pub struct Plan {
    pub profile: Profile,
    /// The numbers of its virtual users in the whole group.
    pub users: Range<u64>,
    /// The names under which samples are counted.
    pub labels: Vec<String>,
    pub steps: Vec<Step>,
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
        check_bounds(assignment).map_err(WorkerError::Assignment)?;
        let mut labels = Vec::new();
        let steps = assignment
            .steps
            .iter()
            .enumerate()
            .map(|(number, request)| {
                compile(request, &mut labels).map_err(|problem| {
                    WorkerError::Assignment(format!("step {} `{}`: {problem}", number + 1, request.label))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            users: pacer::users_of(&assignment.profile, assignment.segment),
            profile: assignment.profile.clone(),
            labels,
            steps,
            graceful_stop: Duration::from_millis(assignment.graceful_stop_ms),
        })
    }
}

fn check_bounds(assignment: &Assignment) -> Result<(), String> {
    if assignment.steps.is_empty() {
        return Err("it has no steps".to_owned());
    }
    match &assignment.profile {
        Profile::ConstantVus { ramp_up_ms, hold_for_ms, .. } => {
            bounded("ramp_up", *ramp_up_ms)?;
            bounded("hold_for", *hold_for_ms)?;
        }
    }
    bounded("the graceful stop", assignment.graceful_stop_ms)?;
    let users = pacer::users_of(&assignment.profile, assignment.segment);
    let count = users.end - users.start;
    if count > MAX_USERS {
        return Err(format!("{count} virtual users are too many for one worker; {MAX_USERS} is the limit"));
    }
    Ok(())
}

fn bounded(what: &str, ms: u64) -> Result<Duration, String> {
    let duration = Duration::from_millis(ms);
    if duration > MAX_DURATION { Err(format!("{what} of {ms} ms is over 30 days")) } else { Ok(duration) }
}

fn compile(request: &Request, labels: &mut Vec<String>) -> Result<Step, String> {
    let target = Target::new(&request.method, &request.url, &request.headers, &request.body)?;
    if request.timeout_ms == 0 {
        return Err("a timeout of 0 ms would let nothing pass".to_owned());
    }
    Ok(Step {
        label: place_of(&request.label, labels),
        request: target.render(),
        target,
        expect: request.expect.clone(),
        timeout: bounded("the timeout", request.timeout_ms)?,
        think_time: bounded("the think time", request.think_time_ms)?,
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
    use dlt_model::{id::Region, segment::Segment};

    use super::*;

    fn assignment() -> Assignment {
        let request = |label: &str| Request {
            label: label.to_owned(),
            method: "GET".to_owned(),
            url: "http://a.test/".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            timeout_ms: 1,
            expect: Expect::Success,
            think_time_ms: 0,
        };
        Assignment {
            test_id: "T".parse().expect("an id"),
            run_id: "R".parse().expect("an id"),
            region: Region::local(),
            worker: 0,
            segment: Segment { index: 1, count: 2 },
            profile: Profile::ConstantVus { virtual_users: 5, ramp_up_ms: 0, hold_for_ms: 1 },
            steps: vec![request("a"), request("b"), request("a")],
            graceful_stop_ms: 0,
            start_deadline_ms: 0,
        }
    }

    #[test]
    fn steps_of_one_label_are_counted_together_and_users_are_the_segments() {
        let plan = Plan::new(&assignment()).expect("valid");
        assert_eq!(plan.labels, ["a", "b"]);
        assert_eq!(plan.steps.iter().map(|step| step.label).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(plan.users, 2..5);
    }

    #[test]
    fn what_no_worker_can_do_is_refused() {
        type Spoil = fn(&mut Assignment);
        let spoilt: [Spoil; 7] = [
            |assignment| assignment.steps.clear(),
            |assignment| assignment.steps[1].timeout_ms = 0,
            |assignment| assignment.steps[1].timeout_ms = u64::MAX,
            |assignment| assignment.steps[1].think_time_ms = u64::MAX,
            |assignment| assignment.steps[1].url = "ftp://a.test/".to_owned(),
            |assignment| assignment.graceful_stop_ms = u64::MAX,
            |assignment| {
                let (ramp_up_ms, hold_for_ms) = (u64::MAX, u64::MAX);
                assignment.profile = Profile::ConstantVus { virtual_users: u64::MAX, ramp_up_ms, hold_for_ms };
            },
        ];
        for (number, spoil) in spoilt.into_iter().enumerate() {
            let mut assignment = assignment();
            spoil(&mut assignment);
            assert!(Plan::new(&assignment).is_err(), "{number}");
        }
    }
}
