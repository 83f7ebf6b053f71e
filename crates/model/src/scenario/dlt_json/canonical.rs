//! Loads and programs as they are stored, inside of AWS DLT's envelope: what we write for what AWS DLT has no words for.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{
    load::Execution,
    program::{Program, Step},
    scenario::limits::{self, MAX_STAGE_MS},
    template::Part,
};

/// Executions of one scenario.
const MAX_EXECUTIONS: usize = 50;
/// Steps of one scenario over all flows.
const MAX_STEPS: usize = 1_000;

/// What is wrong: the key and why.
type Wrong = (&'static str, String);

/// The load, for so many virtual users in all, and the program.
pub(super) fn read(json: &Json, virtual_users: u64) -> Result<(Vec<Execution>, Program), Vec<Wrong>> {
    let (load, program) = (part::<Vec<Execution>>(json, "load"), part::<Program>(json, "program"));
    let (load, program) = match (load, program) {
        (Ok(load), Ok(program)) => (load, program),
        (load, program) => return Err(load.err().into_iter().chain(program.err()).collect()),
    };
    let mut wrong = Vec::new();
    check_load(&load, &program, &mut wrong);
    check_program(&program, &mut wrong);
    let users: u64 = load.iter().map(|execution| execution.executor.peak_virtual_users()).fold(0, u64::saturating_add);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    // The envelope says how many users there are, as it does for every other scenario.
    let scaled = virtual_users > 0 && users != virtual_users;
    let load = if scaled { load.iter().map(|one| one.part(virtual_users, users)).collect() } else { load };
    Ok((load, program))
}

fn part<T: DeserializeOwned>(json: &Json, key: &'static str) -> Result<T, Wrong> {
    let part = json.get(key).ok_or_else(|| (key, format!("`{key}` is required beside the other")))?;
    serde_json::from_value(part.clone()).map_err(|error| (key, error.to_string()))
}

fn check_load(load: &[Execution], program: &Program, wrong: &mut Vec<Wrong>) {
    if !(1..=MAX_EXECUTIONS).contains(&load.len()) {
        wrong.push(("load", format!("expected 1 to {MAX_EXECUTIONS} executions, found {}", load.len())));
    }
    for execution in load {
        let name = &execution.name;
        if !program.flows.contains_key(&execution.flow) {
            wrong.push(("load", format!("`{name}` runs `{}`, which is no flow of this program", execution.flow)));
        }
        if execution.executor.peak_virtual_users() == 0 {
            wrong.push(("load", format!("`{name}` has no virtual users")));
        }
        if execution.executor.duration_ms() == 0 {
            wrong.push(("load", format!("`{name}` must be longer than 0s")));
        }
        if execution.end_ms() > 2 * MAX_STAGE_MS || execution.graceful_stop_ms > MAX_STAGE_MS {
            wrong.push(("load", format!("`{name}` must not be longer than 60 days")));
        }
    }
}

fn check_program(program: &Program, wrong: &mut Vec<Wrong>) {
    let steps = program.steps().count();
    if steps > MAX_STEPS {
        wrong.push(("program", format!("expected at most {MAX_STEPS} steps, found {steps}")));
    }
    for step in program.steps() {
        let Step::Request(request) = step else { continue };
        if let Err(why) = limits::method(&request.method) {
            wrong.push(("program", why));
        }
        for (name, value) in &request.headers {
            let literal: String =
                value.parts().iter().map(|part| if let Part::Text(text) = part { text } else { "x" }).collect();
            if let Err(why) = limits::header(name, &literal) {
                wrong.push(("program", why));
            }
        }
        if let Some(url) = request.url.as_literal()
            && let Err(why) = limits::url(url)
        {
            wrong.push(("program", why));
        }
    }
}
