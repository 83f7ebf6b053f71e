//! A deployed system, on the emulated AWS: an environment by one command, and a load test that runs on it.

use std::{
    io::{BufRead, BufReader, Lines},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use dlt::target::Target;
use dlt_model::{dlt_results, id::Region, report::Report, summary::Summary};
use serde_json::Value;

use crate::support::{EmulatedAws, Ended, Sandbox, eventually, python, root};

pub const HUB: &str = "us-east-1";
pub const SECOND: &str = "eu-west-1";
pub const PASSWORD: &str = "Correct-horse-7-battery";

/// An emulated AWS, a sandbox that sees it, and an environment file named `shop`.
pub struct Stage {
    pub sandbox: Sandbox,
    pub aws: EmulatedAws,
}

impl Stage {
    /// An environment in two regions, or in the hub alone.
    pub fn set(regions: &[&str], password_parameter: Option<&str>) -> Self {
        let mut sandbox = Sandbox::new();
        let log = sandbox.path().join("aws.log");
        let aws = EmulatedAws::start(&log);
        aws.serve(&mut sandbox);
        let password = password_parameter.map_or_else(String::new, |name| format!(", password_parameter: {name}"));
        let environment = format!(
            "stack: dlt-shop\nregion: {HUB}\nregions: [{}]\nadmin: {{name: chief, email: chief@example.com{password}}}\n",
            regions.join(", ")
        );
        sandbox.write("stacks/shop.yaml", &environment);
        Self { sandbox, aws }
    }

    pub fn script(&self, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.sandbox.command(python("bin/python"));
        command.arg(root().join("tests/it").join(name)).args(arguments).envs(variables.iter().copied());
        Ended::of(command.output().expect("python starts"))
    }

    pub fn look(&self, arguments: &[&str]) -> String {
        self.script("look.py", arguments, &[]).with_code(0).out.trim().to_owned()
    }

    pub fn account(&self) -> Value {
        serde_json::from_str(&self.look(&["account", HUB, SECOND])).expect("JSON")
    }

    pub fn outputs(&self) -> Value {
        self.sandbox.dlt(&["outputs", "shop", "--output", "json"]).with_code(0).json()
    }

    fn port(&self) -> &str {
        self.aws.endpoint.rsplit(':').next().expect("a port")
    }
}

/// Somebody who is signed in, and whose requests botocore signs.
#[derive(Clone)]
pub struct Caller<'a> {
    stage: &'a Stage,
    pub variables: Vec<(String, String)>,
}

impl<'a> Caller<'a> {
    /// Signs in as the scripts of existing pipelines do; a first password is changed when Cognito asks.
    pub fn sign_in(stage: &'a Stage, user: &str, password: &str, new_password: Option<&str>) -> Self {
        let outputs = stage.outputs();
        let text = |key: &str| outputs[key].as_str().unwrap_or_else(|| panic!("no {key} in {outputs:#}")).to_owned();
        let api = text("ApiEndpoint");
        let id = api.trim_start_matches("https://").split('.').next().expect("an id");
        let mut variables = vec![
            ("API".to_owned(), format!("{}/prod", stage.aws.endpoint)),
            ("HOST_HEADER".to_owned(), format!("{id}.execute-api.localhost:{}", stage.port())),
            ("REGION".to_owned(), HUB.to_owned()),
            ("POOL".to_owned(), text("UserPoolId")),
            ("CLIENT".to_owned(), text("UserPoolClientId")),
            ("IDENTITY_POOL".to_owned(), text("IdentityPoolId")),
            ("ENDPOINT".to_owned(), stage.aws.endpoint.clone()),
        ];
        let mut caller = Self { stage, variables: variables.clone() };
        let mut arguments = vec!["login", user, password];
        arguments.extend(new_password.iter().flat_map(|new| ["--new-password", *new]));
        let keys = caller.client(&arguments).out.trim().to_owned();
        variables.push(("CREDENTIALS".to_owned(), keys));
        caller.variables = variables;
        caller
    }

    /// The same caller with another value of what `client.py` reads.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub fn client(&self, arguments: &[&str]) -> Ended {
        let variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.stage.script("client.py", arguments, &variables).with_code(0)
    }

    pub fn call(&self, method: &str, path: &str, body: Option<&PathBuf>) -> (u64, Value) {
        let mut arguments = vec!["request".to_owned(), method.to_owned(), path.to_owned()];
        arguments.extend(body.map(|file| file.display().to_string()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = self.client(&arguments).json();
        let text = answer["body"].as_str().expect("a body");
        (answer["status"].as_u64().expect("a status"), serde_json::from_str(text).unwrap_or_else(|_| text.into()))
    }

    pub fn until(&self, test: &str, statuses: &[&str]) -> Value {
        eventually(&format!("{test} gets to {statuses:?}"), Duration::from_secs(120), || {
            let (_, answer) = self.call("GET", &format!("/scenarios/{test}"), None);
            statuses.contains(&answer["status"].as_str().unwrap_or_default()).then_some(answer)
        })
    }

    pub fn run_of(&self, test: &str) -> Value {
        let (_, runs) = self.call("GET", &format!("/scenarios/{test}/testruns"), None);
        let run = runs["testRuns"][0]["testRunId"].as_str().unwrap_or_else(|| panic!("no run: {runs:#}")).to_owned();
        self.call("GET", &format!("/scenarios/{test}/testruns/{run}"), None).1
    }
}

/// The seed's scenario on two tasks of the hub, unchanged but for where it goes and how long.
pub fn scenario(stage: &Stage, url: &str, hold_for: &str) -> PathBuf {
    let text = std::fs::read_to_string(root().join("docs/examples/dlt_test.json")).expect("the example");
    let mut scenario: Value = serde_json::from_str(&text).expect("JSON");
    scenario["testTaskConfigs"][0]["region"] = HUB.into();
    scenario["testTaskConfigs"][0]["taskCount"] = "2".into();
    scenario["testTaskConfigs"][0]["concurrency"] = "3".into();
    let load = &mut scenario["testScenario"];
    load["execution"][0]["ramp-up"] = "1s".into();
    load["execution"][0]["hold-for"] = hold_for.into();
    for (_, scenario) in load["scenarios"].as_object_mut().expect("scenarios") {
        scenario["requests"][0]["url"] = url.into();
    }
    stage.sandbox.write("dlt_test.json", &scenario.to_string())
}

/// The worker processes of one emulated AWS, by their task index.
pub fn worker(stage: &Stage, index: u32) -> Option<u32> {
    let wanted = [format!("TASK_INDEX={index}"), format!("AWS_ENDPOINT_URL={}", stage.aws.endpoint)];
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
        let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        let variables: Vec<&str> = environment.split('\0').collect();
        read("cmdline").starts_with(b"/dlt-worker") && wanted.iter().all(|want| variables.contains(&want.as_str()))
    })
}

#[test]
fn an_environment_comes_up_stays_as_it_is_and_goes_without_a_trace() {
    let stage = Stage::set(&[SECOND], None);
    let before = stage.account();

    let planned = stage.sandbox.dlt(&["plan", "shop", "--exit-code"]).with_code(20);
    assert!(planned.out.contains("dlt-shop"), "{}", planned.out);
    let refused = stage.sandbox.dlt(&["up", "shop"]).with_code(5);
    assert!(refused.err.contains("--yes"), "nobody is there to ask: {}", refused.err);
    assert_eq!(stage.account(), before, "refusing leaves nothing behind");

    let up = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    assert!(format!("{}{}", up.out, up.err).contains("ApiEndpoint"), "{}{}", up.out, up.err);
    let there = stage.account();
    assert_eq!(there[format!("{HUB} cloudformation")], serde_json::json!(["dlt-shop", "dlt-shop-foundation"]));
    assert_eq!(
        there[format!("{SECOND} cloudformation")],
        serde_json::json!(["dlt-shop-foundation", "dlt-shop-regional"])
    );

    let change_sets = stage.look(&["changes", HUB, "dlt-shop"]);
    let again = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    assert!(format!("{}{}", again.out, again.err).contains("nothing to do"), "{}{}", again.out, again.err);
    assert_eq!(stage.look(&["changes", HUB, "dlt-shop"]), change_sets, "a no-op makes no change set");
    stage.sandbox.dlt(&["plan", "shop", "--exit-code"]).with_code(0);

    let listed = stage.sandbox.dlt(&["down", "shop"]).with_code(5);
    assert!(
        format!("{}{}", listed.out, listed.err).contains("dlt-shop-data-"),
        "it lists what would go: {}",
        listed.err
    );
    let down = stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
    assert!(
        format!("{}{}", down.out, down.err).contains("nothing of this environment is left"),
        "{}{}",
        down.out,
        down.err
    );
    assert_eq!(stage.account(), before);
}

#[test]
fn a_protected_environment_stays_and_a_change_is_shown_before_it_is_made() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes", "--set", "protection=true"]).with_code(0);
    let plan = stage.sandbox.dlt(&["plan", "shop", "--set", "worker.memory=8192", "--exit-code"]);
    let plan = plan.with_code(20).out;
    assert!(plan.contains("4096") && plan.contains("8192"), "before and after:\n{plan}");
    let kept = stage.sandbox.dlt(&["down", "shop", "--yes", "--set", "protection=true"]);
    assert!(kept.with_code(5).err.contains("protect"));
    assert_eq!(
        stage.account()[format!("{HUB} cloudformation")],
        serde_json::json!(["dlt-shop", "dlt-shop-foundation"])
    );
}

#[test]
fn the_invited_admin_runs_the_seeds_scenario_and_a_viewer_may_not() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    let stage = Stage::set(&[SECOND], Some("/shop/admin"));
    stage.look(&["secret", HUB, "/shop/admin", PASSWORD]);
    stage.look(&["secret", HUB, "/shop/viewer", PASSWORD]);
    let up = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    assert!(!format!("{}{}", up.out, up.err).contains(PASSWORD), "a password is never printed");
    let viewer =
        ["invite", "viewer@example.com", "--group", "dlt-viewer", "--password-parameter", "/shop/viewer", "shop"];
    let invited = stage.sandbox.dlt(&viewer).with_code(0);
    assert!(!format!("{}{}", invited.out, invited.err).contains(PASSWORD), "a password is never printed");

    let body = scenario(&stage, &format!("{}/delay/2", target.url()), "2s");
    let viewer = Caller::sign_in(&stage, "viewer-at-example.com", PASSWORD, None);
    assert_eq!(viewer.call("POST", "/scenarios", Some(&body)).0, 403);
    assert_eq!(viewer.call("GET", "/scenarios", None).0, 200);
    assert_eq!(target.answered(), 0);

    let admin = Caller::sign_in(&stage, "chief", PASSWORD, None);
    let listener = Listener::start(&stage);
    let (status, created) = admin.call("POST", "/scenarios", Some(&body));
    assert_eq!(status, 200, "{created:#}");
    let test = created["testId"].as_str().expect("an id").to_owned();
    let (topic, tick) = listener.first();
    assert_eq!(topic, format!("dlt/{test}"));
    assert!(tick[HUB].is_array(), "as existing consoles expect it, by region: {tick:#}");
    admin.until(&test, &["complete", "failed", "cancelled"]);
    let run = admin.run_of(&test);
    assert_eq!(run["status"], "complete", "{run:#}");
    let total = &run["results"]["total"];
    assert_eq!(total["succ"], target.answered(), "{total:#}");

    let merged = merged_by_hand(&stage, &test, run["testRunId"].as_str().expect("a run"));
    for field in ["succ", "fail", "throughput", "p50_0", "p95_0", "p99_9", "p100_0"] {
        assert_eq!(total[field], merged["total"][field], "{field}");
    }

    let metrics: Vec<(String, Value)> =
        serde_json::from_str(&stage.look(&["metrics", HUB, "dlt/dlt-shop"])).expect("JSON");
    let dimensions = serde_json::json!({ "TestId": test, "Region": HUB });
    assert!(metrics.iter().any(|(name, found)| name == "Succeeded" && *found == dimensions), "{metrics:#?}");

    a_killed_worker_leaves_a_partial_run(&stage, &admin, &target);
    stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
}

/// Somebody who listens to live data before a run begins.
struct Listener {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    fn start(stage: &Stage) -> Self {
        let mut command = stage.sandbox.command(python("bin/python"));
        let mut process = command
            .arg(root().join("tests/it/listen.py"))
            .args([HUB, "dlt/+", "1", "90"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("a line").expect("UTF-8");
        assert_eq!(first, "listening");
        Self { process, lines }
    }

    /// The first message: its topic and what it says.
    fn first(mut self) -> (String, Value) {
        let line = self.lines.next().expect("a message in time").expect("UTF-8");
        drop(self.process.wait());
        let (topic, payload) = line.split_once(' ').expect("a topic and a payload");
        (topic.to_owned(), serde_json::from_str(payload).expect("JSON"))
    }
}

/// What merging the two workers' histograms gives, read from the bucket without the control plane.
fn merged_by_hand(stage: &Stage, test: &str, run: &str) -> Value {
    let bucket = stage.outputs()["DataBucket"].as_str().expect("a bucket").to_owned();
    let region: Region = HUB.parse().expect("a region");
    let (test_id, run_id) = (test.parse().expect("an id"), run.parse().expect("an id"));
    let mut summary = Summary::new(&test_id, &run_id, [(0, &region), (1, &region)]);
    for worker in 0..2 {
        let text = stage.look(&["object", HUB, &bucket, &format!("runs/{test}/{run}/reports/{worker}.json")]);
        let report: Report = serde_json::from_str(&text).expect("a report");
        assert!(report.labels.values().any(|label| label.samples() > 0), "worker {worker} made load");
        summary.add(&report).expect("one of its workers");
    }
    Value::Object(dlt_results::results(&summary))
}

fn a_killed_worker_leaves_a_partial_run(stage: &Stage, admin: &Caller<'_>, target: &Target) {
    let before = target.answered();
    let body = scenario(stage, &format!("{}/delay/5", target.url()), "6s");
    let (_, created) = admin.call("POST", "/scenarios", Some(&body));
    let test = created["testId"].as_str().unwrap_or_else(|| panic!("{created:#}")).to_owned();
    eventually("the load arrives", Duration::from_secs(60), || (target.answered() > before + 50).then_some(()));
    let refused = stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(8);
    assert!(refused.err.contains("a load test is running"), "{}", refused.err);
    let pid = worker(stage, 1).expect("worker 1 runs");
    let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
    assert!(killed.is_ok_and(|status| status.success()));
    admin.until(&test, &["complete", "failed", "cancelled"]);
    let run = admin.run_of(&test);
    assert_eq!((&run["status"], &run["partial"]), (&"complete".into(), &true.into()), "{run:#}");
    let reason = run["errorReason"].as_str().unwrap_or_default();
    assert!(reason.contains("137"), "it says why: {run:#}");
    let samples = run["results"]["total"]["throughput"].as_u64().unwrap_or_default();
    assert!(samples > 0 && samples <= target.answered() - before, "the other worker's data is kept: {run:#}");
}

#[test]
fn the_invitation_has_the_link_the_name_and_a_password_that_works_once() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "10", &format!("{}/_ministack/ses/messages", stage.aws.endpoint)])
        .output()
        .expect("curl runs");
    let messages: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = messages.to_string();
    assert!(text.contains("chief@example.com") && text.contains("/prod/console"), "{text}");
    let password = text
        .split("<b>")
        .skip(1)
        .filter_map(|rest| rest.split("</b>").next())
        .find(|word| word.len() >= 8 && !word.contains("://") && *word != "chief")
        .unwrap_or_else(|| panic!("no password in {text}"))
        .replace("&amp;", "&");
    let admin = Caller::sign_in(&stage, "chief", &password, Some(PASSWORD));
    assert_eq!(admin.call("GET", "/scenarios", None).0, 200);
}
