//! Everything that is decided before the first request: the assignment, checked and compiled.

use std::{ops::Range, time::Duration};

use dlt_model::assignment::{Assignment, Expect, Profile, Request};

use crate::{
    WorkerError, pacer,
    request::{Rendered, Target},
};

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
        if assignment.steps.is_empty() {
            return Err(WorkerError::Assignment("it has no steps".to_owned()));
        }
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
        timeout: Duration::from_millis(request.timeout_ms),
        think_time: Duration::from_millis(request.think_time_ms),
    })
}

fn place_of(label: &str, labels: &mut Vec<String>) -> usize {
    labels.iter().position(|known| known == label).unwrap_or_else(|| {
        labels.push(label.to_owned());
        labels.len() - 1
    })
}
