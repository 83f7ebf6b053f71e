//! What a deployed system does for whoever uses it: watching, several regions, cancelling, refusing, inviting.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use dlt::target::Target;
use serde_json::{Value, json};

use crate::{
    cloud::{Caller, HUB, PASSWORD, SECOND, Stage, scenario},
    support::{eventually, python, root},
};

const POLICY: &str = "dlt-shop-live";
const JUDGED: [&str; 9] = ["succ", "fail", "throughput", "p50_0", "p90_0", "p95_0", "p99_0", "p99_9", "p100_0"];

/// The seed's scenario with two tasks in the hub and one in the other region.
fn in_two_regions(stage: &Stage, url: &str, hold_for: &str) -> Value {
    let file = scenario(stage, url, hold_for);
    let mut body: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON");
    let mut there = body["testTaskConfigs"][0].clone();
    there["region"] = SECOND.into();
    there["taskCount"] = "1".into();
    body["testTaskConfigs"].as_array_mut().expect("a list").push(there);
    body
}

fn submit(stage: &Stage, caller: &Caller<'_>, body: &Value) -> String {
    let file = stage.sandbox.write("body.json", &body.to_string());
    let (status, created) = caller.call("POST", "/scenarios", Some(&file));
    assert_eq!(status, 200, "{created:#}");
    created["testId"].as_str().expect("an id").to_owned()
}

fn targets(stage: &Stage) -> Vec<String> {
    serde_json::from_str(&stage.look(&["targets", HUB, POLICY])).expect("JSON")
}

/// Somebody who is signed in and listens with nothing but their own credentials, as a browser does.
struct Listener {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    first: String,
}

impl Listener {
    fn start(stage: &Stage, caller: &Caller<'_>, endpoint: &str, topic: &str, messages: u32) -> Self {
        let mut command: Command = stage.sandbox.command(python("bin/python"));
        let person = caller.variables.iter().filter(|(name, _)| name == "CREDENTIALS");
        let mut process = command
            .arg(root().join("tests/it/listen.py"))
            .args([HUB, topic, &messages.to_string(), "120"])
            .envs(person.map(|(name, value)| (name, value)))
            .env("LIVE_ENDPOINT", endpoint)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("a line").expect("UTF-8");
        Self { process, lines, first }
    }

    /// Every message: its topic and what it says.
    fn messages(mut self) -> Vec<(String, Value)> {
        let lines: Vec<String> = self.lines.map(|line| line.expect("UTF-8")).collect();
        drop(self.process.wait());
        let message = |line: &String| {
            let (topic, payload) = line.split_once(' ').expect("a topic and a payload");
            (topic.to_owned(), serde_json::from_str(payload).expect("JSON"))
        };
        lines.iter().map(message).collect()
    }
}

#[test]
fn a_viewer_watches_a_run_in_two_regions_that_somebody_elses_arithmetic_confirms() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    let stage = Stage::set(&[SECOND], Some("/shop/admin"));
    let before = stage.account();
    stage.look(&["secret", HUB, "/shop/admin", PASSWORD]);
    stage.look(&["secret", HUB, "/shop/viewer", PASSWORD]);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let viewer = ["invite", "ann@example.com", "--group", "viewer", "--password-parameter", "/shop/viewer", "shop"];
    stage.sandbox.dlt(&viewer).with_code(0);
    let admin = Caller::sign_in(&stage, "chief", PASSWORD, None);
    let viewer = Caller::sign_in(&stage, "ann-at-example.com", PASSWORD, None);

    let mut body = in_two_regions(&stage, &format!("{}/delay/2", target.url()), "4s");
    body["saveOnly"] = true.into();
    let test = submit(&stage, &admin, &body);
    let endpoint = a_viewer_must_ask_before_listening(&stage, &viewer, &test);
    let listener = Listener::start(&stage, &viewer, &endpoint, &format!("dlt/{test}"), 6);
    assert_eq!(listener.first, "listening");
    body["saveOnly"] = false.into();
    body["testId"] = test.clone().into();
    assert_eq!(submit(&stage, &admin, &body), test);
    let messages = listener.messages();
    assert!(messages.iter().all(|(topic, _)| *topic == format!("dlt/{test}")), "{messages:?}");
    let seen = |region: &str| messages.iter().any(|(_, message)| message[region].is_array());
    assert!(seen(HUB) && seen(SECOND), "both regions are live: {messages:#?}");

    admin.until(&test, &["complete", "failed", "cancelled"]);
    let run = admin.run_of(&test);
    assert_eq!((&run["status"], &run["partial"]), (&json!("complete"), &json!(false)), "{run:#}");
    assert_eq!(run["results"]["total"]["succ"], target.answered(), "{run:#}");
    let judged = judged_by_somebody_else(&stage, &test, &run);
    assert_eq!(judged["total"]["workers"], 3, "{judged:#}");
    assert_eq!((&judged[HUB]["workers"], &judged[SECOND]["workers"]), (&json!(2), &json!(1)), "{judged:#}");

    a_cancelled_run_keeps_what_it_measured(&stage, &admin, &target);

    assert!(!targets(&stage).is_empty(), "somebody may still listen when the stack goes");
    let down = stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
    assert!(format!("{}{}", down.out, down.err).contains("nothing of this environment is left"), "{}", down.err);
    let mut after = stage.account();
    // What the test itself put there.
    after.as_object_mut().expect("a map").remove(&format!("{HUB} ssm"));
    assert_eq!(after, before);
}

/// The role alone does not open the broker; asking how to listen does, for good, and for nobody else.
fn a_viewer_must_ask_before_listening(stage: &Stage, viewer: &Caller<'_>, test: &str) -> String {
    let topic = format!("dlt/{test}");
    let path = format!("/scenarios/{test}/live");
    let mut machine = viewer.clone();
    machine.set("CREDENTIALS", r#"{"AccessKeyId": "test", "SecretKey": "test"}"#);
    let (status, told) = machine.call("GET", &path, None);
    assert_eq!((status, &told["kind"], &told["topic"]), (200, &json!("iot"), &json!(topic)), "{told:#}");
    assert!(targets(stage).is_empty(), "plain IAM callers need no policy");
    let endpoint = told["endpoint"].as_str().expect("a host").to_owned();

    assert_eq!(Listener::start(stage, viewer, &endpoint, &topic, 1).first, "refused");
    for _ in 0..2 {
        assert_eq!(viewer.call("GET", &path, None).0, 200);
        assert_eq!(targets(stage).len(), 1, "asking again changes nothing");
    }
    assert_eq!(Listener::start(stage, viewer, &endpoint, "other/topic", 1).first, "refused");
    endpoint
}

/// Compares the run's results with what another HDR library makes of the workers' reports.
fn judged_by_somebody_else(stage: &Stage, test: &str, run: &Value) -> Value {
    let bucket = stage.outputs()["DataBucket"].as_str().expect("a bucket").to_owned();
    let prefix = format!("runs/{test}/{}/reports/", run["testRunId"].as_str().expect("a run"));
    let judged = stage.script("percentiles.py", &[HUB, &bucket, &prefix], &[]).with_code(0).json();
    let results = run["results"].as_object().expect("results");
    assert_eq!(results.len(), judged.as_object().expect("a map").len(), "{results:#?}\n{judged:#}");
    for (region, part) in results {
        for field in JUDGED {
            assert_eq!(part[field], judged[region][field], "{field} of {region}:\n{part:#}\n{judged:#}");
        }
    }
    judged
}

fn a_cancelled_run_keeps_what_it_measured(stage: &Stage, admin: &Caller<'_>, target: &Target) {
    let before = target.answered();
    let test = submit(stage, admin, &in_two_regions(stage, &format!("{}/delay/5", target.url()), "10m"));
    eventually("the load arrives", Duration::from_secs(60), || (target.answered() > before + 50).then_some(()));
    let (status, answer) = admin.call("POST", &format!("/scenarios/{test}"), None);
    assert_eq!((status, &answer), (200, &json!("test cancelling")));
    let ended = admin.until(&test, &["complete", "failed", "cancelled"]);
    assert_eq!(ended["status"], "cancelled", "{ended:#}");
    let run = admin.run_of(&test);
    assert_eq!(run["status"], "cancelled", "{run:#}");
    let judged = judged_by_somebody_else(stage, &test, &run);
    let samples = judged["total"]["throughput"].as_u64().unwrap_or_default();
    assert!(samples > 50 && samples <= target.answered() - before, "what was measured is kept: {run:#}");
    let (status, again) = admin.call("POST", &format!("/scenarios/{test}"), None);
    assert_eq!((status, &again["code"]), (409, &json!("TEST_NOT_ACTIVE")), "{again:#}");
}
