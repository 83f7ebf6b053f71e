//! A load test on this machine, from a file to a verdict.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use dlt::target::Target;
use serde_json::Value;

use crate::support::{Ended, Sandbox, eventually, free_port, root};

/// A scenario of the seed's shape: strings for numbers, empty ids, objects where nothing is meant, an invented capacity.
fn seed_scenario(url: &str, hold_for: &str) -> String {
    let text = std::fs::read_to_string(root().join("docs/examples/dlt_test.json")).expect("the example");
    let mut scenario: Value = serde_json::from_str(&text).expect("JSON");
    let load = &mut scenario["testScenario"];
    load["execution"][0]["ramp-up"] = "1s".into();
    load["execution"][0]["hold-for"] = hold_for.into();
    for (_, scenario) in load["scenarios"].as_object_mut().expect("scenarios") {
        scenario["requests"][0]["url"] = url.into();
    }
    scenario.to_string()
}

fn native_scenario(url: &str) -> String {
    format!(
        "name: two steps\nload: {{virtual_users: 6, ramp_up: 1s, hold_for: 2s}}\nworkers: 3\nrequests:\n  - GET {url}/\n  - {{label: slow, url: \"{url}/delay/5\"}}\n"
    )
}

/// The target lives on a runtime of its own, as an application would.
fn target() -> (tokio::runtime::Runtime, Target) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    (runtime, target)
}

fn samples(ended: &Value) -> u64 {
    let count =
        |field: &str| ended["results"]["total"][field].as_u64().unwrap_or_else(|| panic!("no {field} in {ended:#}"));
    count("succ") + count("fail")
}

#[test]
fn the_report_counts_what_the_target_counts_in_both_formats() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    sandbox.write("native.yaml", &native_scenario(&target.url()));
    sandbox.write("dlt_test.json", &seed_scenario(&target.url(), "2s"));
    for file in ["native.yaml", "dlt_test.json"] {
        let before = target.answered();
        let ended = sandbox.dlt(&["run", file, "--output", "json"]).with_code(0);
        let last = ended.events().pop().expect("a last event");
        assert_eq!(samples(&last), target.answered() - before, "{file}: {last:#}");
        assert!(samples(&last) > 0, "{file}");
        assert_eq!(last["status"], "complete");
    }
}

#[test]
fn the_variables_of_existing_pipelines_decide_the_exit_code() {
    let (_runtime, target) = target();
    let mut sandbox = Sandbox::new();
    sandbox.write("ok.json", &seed_scenario(&format!("{}/delay/30", target.url()), "2s"));
    sandbox.write("bad.json", &seed_scenario(&format!("{}/status/503", target.url()), "2s"));
    sandbox.variable("EXPECT_SUCCESS_RATE", "99.5").variable("SUCCESS_P95", "0.8");
    let passed = sandbox.dlt(&["run", "ok.json"]).with_code(0);
    assert!(passed.out.contains("✓ success_rate >= 99.5%"), "{}", passed.out);
    assert!(passed.out.contains("✓ p95 <= 800ms"), "{}", passed.out);
    let failed = sandbox.dlt(&["run", "bad.json"]).with_code(99);
    assert!(failed.out.contains("✗ success_rate >= 99.5%"), "{}", failed.out);
    assert!(failed.out.contains("✓ p95 <= 800ms"), "every clause is judged: {}", failed.out);
    sandbox.variable("SUCCESS_P95", "1ms");
    let slow = sandbox.dlt(&["run", "ok.json"]).with_code(99);
    assert!(slow.out.contains("✗ p95 <= 1ms"), "{}", slow.out);
}

#[test]
fn a_target_that_is_not_there_fails_and_says_so() {
    let mut sandbox = Sandbox::new();
    sandbox.write("gone.json", &seed_scenario(&format!("http://127.0.0.1:{}/", free_port()), "2s"));
    sandbox.variable("EXPECT_SUCCESS_RATE", "99");
    let ended = sandbox.dlt(&["run", "gone.json"]).with_code(99);
    assert!(ended.out.contains("connect refused"), "{}", ended.out);
}

#[test]
fn an_abort_clause_stops_the_run_at_once() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    sandbox.write("bad.json", &seed_scenario(&format!("{}/status/500", target.url()), "120s"));
    let ended = sandbox.dlt(&["run", "bad.json", "--gate", "abort error_rate < 20% over 2s", "--output", "json"]);
    let events = ended.with_code(99).events();
    assert!(events.iter().any(|event| event["event"] == "aborted"), "{events:#?}");
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    sandbox.write("long.json", &seed_scenario(&format!("{}/delay/10", target.url()), "120s"));
    let child = sandbox
        .start(&["run", "long.json", "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    eventually("the load arrives", Duration::from_secs(20), || (target.answered() > 20).then_some(()));
    signal("INT", &child);
    let ended = Ended::of(child.wait_with_output().expect("it ends")).with_code(130);
    let last = ended.events().pop().expect("a last event");
    assert_eq!(samples(&last), target.answered());
    assert_eq!(last["status"], "cancelled");
    assert_eq!(last["verdict"]["verdict"], "invalid", "half a run proves nothing: {last:#}");
}

#[test]
fn the_demo_starts_everything_and_judges_it() {
    let mut sandbox = Sandbox::new();
    sandbox.variable("EXPECT_SUCCESS_RATE", "99.5").variable("SUCCESS_P95", "0.8");
    let ended = sandbox.dlt(&["demo"]).with_code(0);
    assert!(ended.out.contains("PASSED"), "{}", ended.out);
    let line = ended.out.lines().find(|line| line.starts_with("the target answered")).expect("the two counts");
    let numbers: Vec<&str> = line.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    assert_eq!(numbers[0], numbers[1], "{line}");
    // The page of this very run, not one on which it must be found.
    let said = |text: &str, what: &str| text.lines().find_map(|line| line.strip_prefix(what).map(ToOwned::to_owned));
    let run = said(&ended.err, "run ").expect("its name").chars().take_while(|c| *c != ' ').collect::<String>();
    let page = said(&ended.out, "page: ").expect("a page");
    assert!(page.starts_with("http://127.0.0.1:") && page.contains("/details/"), "{page}");
    assert!(page.ends_with(&format!("#{run}")), "{page} {run}");
    assert_eq!(said(&ended.err, "watch it at "), Some(page));
}

#[test]
fn malformed_scenarios_are_refused_with_their_places_and_no_load() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    let url = target.url();
    let cases = [
        ("name: x\nload: {virtual_users: 0, ramp_up: 1s, hold_for: 1s}\nrequests: [GET URL]\n", "2:23"),
        ("name: x\nlaod: {virtual_users: 1}\nrequests: [GET URL]\n", "did you mean `load`"),
        ("name: x\nload: {virtual_users: 1, hold_for: 1 fortnight}\nrequests: [GET URL]\n", "hold_for"),
        ("{\"testName\": \"x\"", "not valid YAML"),
        ("[]", "expected a mapping"),
        ("", "the document is empty"),
    ];
    for (text, expected) in cases {
        sandbox.write("bad.yaml", &text.replace("URL", &url));
        let ended = sandbox.dlt(&["run", "bad.yaml"]).with_code(3);
        assert!(ended.err.contains(expected), "{text:?}: {}", ended.err);
    }
    sandbox.dlt(&["run", "absent.yaml"]).with_code(2);
    assert_eq!(target.answered(), 0);
}

/// `dlt local`, running.
pub struct LocalServer {
    process: Child,
    pub url: String,
}

impl LocalServer {
    pub fn start(sandbox: &Sandbox) -> Self {
        let mut process = sandbox
            .start(&["local", "--port", "0", "--data", "data", "--output", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("a first line").expect("UTF-8");
        let listening: Value = serde_json::from_str(&first).expect("JSON");
        let url = listening["url"].as_str().expect("it says where it listens");
        Self { process, url: url.trim_end_matches('/').to_owned() }
    }

    fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let output = Command::new("curl")
            .args(["--silent", "--max-time", "20", "--write-out", "\n%{http_code}", "--request", method])
            .args(["--header", "content-type: application/json", "--data", body, &format!("{}/prod{path}", self.url)])
            .output()
            .expect("curl runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let (body, status) = text.rsplit_once('\n').expect("a status");
        (status.parse().expect("a number"), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn ended(&self, test: &str) -> Value {
        eventually("the run ends", Duration::from_secs(60), || {
            let (_, answer) = self.call("GET", &format!("/scenarios/{test}"), "");
            let status = answer["status"].as_str().unwrap_or_default().to_owned();
            ["complete", "failed", "cancelled"].contains(&status.as_str()).then_some(answer)
        })
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal("TERM", &self.process);
        }
        drop(self.process.wait());
    }
}

pub fn signal(name: &str, process: &Child) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
}

#[test]
fn the_local_api_runs_the_seeds_scenario_as_its_script_would_post_it() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    let server = LocalServer::start(&sandbox);
    let (status, created) = server.call("POST", "/scenarios", &seed_scenario(&target.url(), "2s"));
    assert_eq!(status, 200, "{created:#}");
    let test = created["testId"].as_str().expect("an id").to_owned();
    let ended = server.ended(&test);
    assert_eq!(ended["status"], "complete", "{ended:#}");
    let (_, runs) = server.call("GET", &format!("/scenarios/{test}/testruns"), "");
    assert_eq!(runs["testRuns"][0]["requests"], target.answered(), "{runs:#}");
    assert_eq!(server.call("DELETE", &format!("/scenarios/{test}"), "").0, 200);
    assert_eq!(server.call("GET", &format!("/scenarios/{test}"), "").0, 404);
}

#[test]
fn a_killed_system_takes_up_or_marks_what_ran_and_keeps_what_had_ended() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    let mut server = LocalServer::start(&sandbox);
    let short = seed_scenario(&target.url(), "1s");
    let (_, finished) = server.call("POST", "/scenarios", &short);
    let finished = finished["testId"].as_str().expect("an id").to_owned();
    server.ended(&finished);
    let answered = target.answered();
    let (_, running) = server.call("POST", "/scenarios", &seed_scenario(&target.url(), "120s"));
    let running = running["testId"].as_str().expect("an id").to_owned();
    eventually("the load arrives", Duration::from_secs(20), || (target.answered() > answered + 20).then_some(()));
    server.process.kill().expect("it was running");
    drop(server);

    let server = LocalServer::start(&sandbox);
    let (_, runs) = server.call("GET", &format!("/scenarios/{finished}/testruns"), "");
    assert_eq!(runs["testRuns"][0]["requests"], answered, "a finished result is not lost: {runs:#}");
    let ended = server.ended(&running);
    let (_, runs) = server.call("GET", &format!("/scenarios/{running}/testruns"), "");
    let run = runs["testRuns"][0]["testRunId"].as_str().expect("a run");
    let (_, detail) = server.call("GET", &format!("/scenarios/{running}/testruns/{run}"), "");
    let told = detail["errorReason"].as_str().unwrap_or_default();
    assert!(!told.is_empty(), "it says what happened: {ended:#} {detail:#}");
}

#[test]
fn a_gates_link_leads_to_its_run_on_the_local_page_too() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    let local = LocalServer::start(&sandbox);
    let (status, made) = local.call("POST", "/scenarios", &seed_scenario(&target.url(), "1s"));
    assert_eq!(status, 200, "{made:#}");
    let test = made["testId"].as_str().expect("an id");
    let first = local.ended(test)["testRunId"].as_str().expect("a run").to_owned();
    let (_, second) = local.call("POST", &format!("/scenarios/{test}/runs"), "");
    assert_ne!(second["testRunId"], first.as_str(), "{second:#}");
    local.ended(test);
    // The earlier run is not the latest any more, and is what the link shows.
    let link = format!("{}/details/{test}#{first}", local.url);
    let seen = crate::reports::looked_at(&link, "local", "The run of");
    assert_eq!((&seen["findings"], &seen["complaints"]), (&serde_json::json!([]), &serde_json::json!([])), "{seen:#}");
}
