//! Rehearsals: `up --simulate` by the real binary, which finds neither credentials nor a network and needs none.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Ended, Sandbox};

/// Fast enough for a test, and slow enough that everything is seen to move.
const SPEED: &str = "200";

/// A sandbox with an environment, and with an endpoint at which nobody listens: whoever asks it fails.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.write(
        "stacks/shop.yaml",
        "stack: dlt-shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: chief, email: chief@example.com, password_parameter: /shop/password}\nretention: {data: keep}\n",
    );
    // A release of a few bytes: what is shipped is not looked into, but for whom it was built.
    let executable = *b"\x7fELF\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x3e\0";
    for file in ["bootstrap", "dlt-worker", "ca-certificates.crt"] {
        std::fs::write(sandbox.write(&format!("release/{file}"), ""), executable).expect("a file");
    }
    let release = sandbox.path().join("release").display().to_string();
    sandbox.variable("DLT_RELEASE", release);
    sandbox.variable("AWS_ENDPOINT_URL", "http://127.0.0.1:9").variable("AWS_EC2_METADATA_DISABLED", "true");
    sandbox
}

fn rehearse(arguments: &[&str]) -> Ended {
    rehearse_in(&sandbox(), arguments)
}

fn rehearse_in(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    let all: Vec<&str> =
        ["up", "shop", "--yes", "--speed", SPEED].into_iter().chain(arguments.iter().copied()).collect();
    sandbox.dlt(&all)
}

fn told<'a>(events: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["event"] == kind)
}

#[test]
fn a_rehearsal_goes_through_everything_and_says_that_it_is_one() {
    let ended = rehearse(&["--simulate"]).with_code(0);
    assert_eq!(ended.err.matches("SIMULATED").count(), 2, "at the beginning and at the end: {}", ended.err);
    for word in ["account 000000000000", "worker image sent to us-east-1", "created dlt-shop (eu-west-1)", "password"] {
        assert!(ended.err.contains(word), "{word}: {}", ended.err);
    }
    assert!(ended.out.contains("ApiEndpoint"), "{}", ended.out);
    let json = rehearse(&["--simulate", "--output", "json"]).with_code(0);
    let events = json.events();
    assert!(events[0]["text"].as_str().is_some_and(|text| text.starts_with("SIMULATED")), "{}", events[0]);
    assert_eq!(told(&events, "ended").filter(|event| event["verdict"] == "succeeded").count(), 4);
}

#[test]
fn what_fails_in_a_rehearsal_ends_with_the_exit_code_that_it_has_in_aws() {
    for (account, faults, code, words) in [
        ("empty", &["create-fails@Table"][..], 6, &["Table (AWS::DynamoDB::Table)", "rehearsed failure"][..]),
        ("empty", &["denied"], 6, &["not authorized to perform"]),
        ("empty", &["rollback-fails@Table"], 7, &["ROLLBACK_FAILED", "Table (AWS::DynamoDB::Table)"]),
        ("empty", &["early-validation@Table"], 3, &["EarlyValidation", "does not match the schema"]),
        ("deployed", &["update-fails"], 6, &["UPDATE_ROLLBACK_COMPLETE", "AWS::Lambda::Function"]),
        ("deployed", &["rollback-fails"], 7, &["UPDATE_ROLLBACK_FAILED"]),
        ("kept", &["denied"], 6, &["import dlt-shop", "not authorized to perform"]),
        ("deployed", &["no-changes"], 0, &["CloudFormation finds nothing to change"]),
    ] {
        let account = format!("--simulate={account}");
        let mut arguments = vec![account.as_str()];
        arguments.extend(faults.iter().flat_map(|fault| ["--fault", *fault]));
        let ended = rehearse(&arguments).with_code(code);
        for word in words {
            assert!(ended.err.contains(word), "{faults:?}: {word}: {}", ended.err);
        }
    }
}

#[test]
fn somebody_elses_operation_is_left_alone() {
    let refused = rehearse(&["--simulate=deployed", "--fault", "someone-else"]);
    // While it goes on it holds the stack; when it is over, what was reviewed is not true any more.
    assert!([5, 8].contains(&refused.code), "{}: {}", refused.code, refused.err);
    let words = ["another operation holds the stack", "somebody else changed the stack"];
    assert!(words.iter().any(|word| refused.err.contains(word)), "{}", refused.err);
}

#[test]
fn trouble_on_the_way_does_not_change_how_a_rehearsal_ends() {
    for trouble in ["server-errors", "dropped"] {
        rehearse(&["--simulate=deployed", "--fault", trouble]).with_code(0);
    }
    let faults = ["stale", "late-events", "shuffled-events", "update-fails"].map(|fault| ["--fault", fault]);
    let bad: Vec<&str> = ["--simulate=deployed"].into_iter().chain(faults.into_iter().flatten()).collect();
    let failed = rehearse(&bad).with_code(6);
    assert!(failed.err.contains("rehearsed failure"), "the first cause, however late it is told: {}", failed.err);
}

#[test]
fn an_interrupted_rehearsal_ends_as_an_interrupted_deployment_does() {
    let sandbox = sandbox();
    let mut command = sandbox.start(&["up", "shop", "--yes", "--simulate", "--fault", "slow", "--speed", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    assert!(lines.any(|line| line.contains("CREATE_IN_PROGRESS")), "an operation begins");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("it is told");
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{rest:#?}");
    assert!(rest.iter().any(|line| line.contains("SIMULATED: detached")), "{rest:#?}");
}

#[test]
fn faults_that_do_not_fit_are_refused_before_anything_begins() {
    let list = sandbox().dlt(&["up", "--fault", "help"]).with_code(0);
    assert!(list.out.contains("rollback-fails[@NAME]"), "{}", list.out);
    for (arguments, words) in [
        (&["--fault", "throttled"][..], &["faults are for rehearsals only", "--simulate"][..]),
        (&["--simulate", "--fault", "throtled"], &["did you mean `throttled`?"]),
        (&["--simulate", "--fault", "slow@Tabel"], &["no resource `Tabel`", "did you mean `Table`?"]),
        (&["--simulate", "--fault", "update-fails"], &["--simulate=deployed"]),
        (&["--simulate", "--speed", "0"], &["expected a number between"]),
    ] {
        let mut all = vec!["up", "shop", "--yes"];
        all.extend(arguments);
        let ended = sandbox().dlt(&all).with_code(2);
        for word in words {
            assert!(ended.err.contains(word), "{arguments:?}: {word}: {}", ended.err);
        }
    }
}
