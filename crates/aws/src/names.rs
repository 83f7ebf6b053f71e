//! Names that the templates give and the adapters find again without being told.

use dlt_control::ports::RunKey;
use dlt_model::id::TestId;
use sha2::{Digest, Sha256};

/// The longest name of a Step Functions execution.
pub const MAX_EXECUTION_NAME: usize = 80;

/// The name of the container in the worker's task definition.
pub const WORKER_CONTAINER: &str = "worker";

/// The family of the worker's task definition.
pub fn worker_family(stack: &str) -> String {
    format!("{stack}-worker")
}

/// The parameter in each region that says where its workers are attached.
pub fn network_parameter(stack: &str) -> String {
    format!("/dlt/{stack}/network")
}

/// The IoT topic that carries a scenario's live data.
pub fn topic(test: &TestId) -> String {
    format!("dlt/{test}")
}

/// The IoT policy that a viewer who signed in needs besides its role.
pub fn viewers_policy(stack: &str) -> String {
    format!("{stack}-live")
}

/// What makes starting a worker idempotent: the same run and worker always give the same token.
pub fn launch_token(run: &RunKey, worker: u32) -> String {
    // Ids may be longer than the 64 characters that ECS allows; a digest in hexadecimal has exactly 64.
    digest(&format!("{}/{}/{worker}", run.test_id, run.run_id))
}

/// The name of the `n`th execution that drives a run, at most [`MAX_EXECUTION_NAME`] characters.
pub fn execution(run: &RunKey, n: u64) -> String {
    let name = format!("{}-{}-{n}", run.test_id, run.run_id);
    if name.len() <= MAX_EXECUTION_NAME {
        return name;
    }
    // The readable beginning, and enough of a digest of the whole that two runs never share a name.
    let digest = digest(&name);
    format!("{}-{}-{n}", &name[..30], &digest[..24])
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: &str, run: &str) -> RunKey {
        RunKey { test_id: test.parse().unwrap(), run_id: run.parse().unwrap() }
    }

    #[test]
    fn a_token_names_one_worker_of_one_run_and_fits() {
        let first = launch_token(&run("a", "r"), 0);
        assert_eq!(first.len(), 64);
        assert_eq!(first, launch_token(&run("a", "r"), 0));
        assert_ne!(first, launch_token(&run("a", "r"), 1));
        assert_ne!(first, launch_token(&run("b", "r"), 0));
    }

    #[test]
    fn an_execution_is_named_after_its_run_and_long_names_are_shortened_without_meeting() {
        assert_eq!(execution(&run("abc", "01J"), 2), "abc-01J-2");
        let long = "x".repeat(128);
        let (one, other) = (execution(&run(&long, "01J"), 0), execution(&run(&long, "01K"), 0));
        assert!(one.len() <= MAX_EXECUTION_NAME && other.len() <= MAX_EXECUTION_NAME);
        assert_ne!(one, other);
        assert_ne!(one, execution(&run(&long, "01J"), 1));
    }
}
