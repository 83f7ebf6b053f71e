//! What a deployed system does for whoever uses it: watching, several regions, cancelling, refusing, inviting.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use dlt::target::Target;
use dlt_model::{histogram::Histogram, tick};
use serde_json::{Value, json};

use crate::{
    cloud::{Caller, HUB, PASSWORD, SECOND, Stage, scenario},
    support::{eventually, python, root},
};

const POLICY: &str = "dlt-shop-live";
/// How long a busy machine may take for what a quiet one does in seconds.
const PATIENCE: Duration = Duration::from_secs(150);
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
    fn start(stage: &Stage, caller: &Caller<'_>, endpoint: &str, topic: &str, enough: &str) -> Self {
        let mut command: Command = stage.sandbox.command(python("bin/python"));
        let person = caller.variables.iter().filter(|(name, _)| name == "CREDENTIALS");
        let mut process = command
            .arg(root().join("tests/it/listen.py"))
            .args([HUB, topic, enough, "120"])
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
    let listener = Listener::start(&stage, &viewer, &endpoint, &format!("dlt/{test}"), &format!("{HUB},{SECOND}"));
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
    logs_tell_of_every_part_in_both_regions(&stage);
    crate::running::on_an_environment(&stage, &target);
    a_scheduled_run_starts_in_its_minute(&stage, &admin, &test);

    assert!(!targets(&stage).is_empty(), "somebody may still listen when the stack goes");
    let down = stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
    assert!(format!("{}{}", down.out, down.err).contains("nothing of this environment is left"), "{}", down.err);
    let mut after = stage.account();
    // What the test itself put there.
    after.as_object_mut().expect("a map").remove(&format!("{HUB} ssm"));
    assert_eq!(after, before);
}

/// Nobody starts it: a rule calls every minute, and what is due by then begins.
fn a_scheduled_run_starts_in_its_minute(stage: &Stage, admin: &Caller<'_>, test: &str) {
    let minute = || assert_eq!(stage.look(&["minute", HUB, "dlt-shop-minute"]), "rate(1 minute)");
    let before = admin.run_of(test)["testRunId"].clone();
    let schedule =
        |more: &[&str]| stage.sandbox.dlt(&[&["scenarios", "schedule", test, "--env", "shop"], more].concat());
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(10);
    schedule(&["--at", &soon.strftime("%Y-%m-%dT%H:%M:%S").to_string()]).with_code(0);
    minute();
    assert_eq!(admin.run_of(test)["testRunId"], before, "it is not time yet");
    let run = eventually("it is time", PATIENCE, || {
        minute();
        Some(admin.run_of(test)).filter(|run| run["testRunId"] != before)
    });
    let told = schedule(&[]).with_code(0).out;
    assert!(told.contains(&format!("started the run {}", run["testRunId"].as_str().expect("an id"))), "{told}");
    stage.sandbox.dlt(&["runs", "stop", test, "--env", "shop"]).with_code(0);
    admin.until(test, &["complete", "failed", "cancelled"]);
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

    assert_eq!(Listener::start(stage, viewer, &endpoint, &topic, "1").first, "refused");
    for _ in 0..2 {
        assert_eq!(viewer.call("GET", &path, None).0, 200);
        assert_eq!(targets(stage).len(), 1, "asking again changes nothing");
    }
    assert_eq!(Listener::start(stage, viewer, &endpoint, "other/topic", "1").first, "refused");
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

fn logs_tell_of_every_part_in_both_regions(stage: &Stage) {
    let lines = stage.sandbox.dlt(&["logs", "shop", "--since", "1h", "--output", "json"]).with_code(0).events();
    let parts: BTreeSet<(&str, &str)> =
        lines.iter().filter_map(|line| Some((line["part"].as_str()?, line["region"].as_str()?))).collect();
    for part in [("workers", HUB), ("workers", SECOND), ("advance", HUB)] {
        assert!(parts.contains(&part), "{part:?} is not among {parts:?}");
    }
    assert!(lines.is_sorted_by_key(|line| line["at"].as_str().expect("a time").to_owned()), "{lines:#?}");
    let is_tick = |line: &Value| line["message"]["schema"] == tick::SCHEMA;
    assert!(!lines.iter().any(is_tick), "machines' lines are left out");
    let all = ["logs", "shop", "--since", "1h", "--of", "workers", "--all", "--output", "json"];
    assert!(stage.sandbox.dlt(&all).with_code(0).events().iter().any(is_tick));
    let text = stage.sandbox.dlt(&["logs", "shop", "--of", "workers", "--match", "stopped as told"]).with_code(0).out;
    assert!(
        text.contains("(UTC)") && text.lines().filter(|line| line.contains("stopped as told")).count() == 3,
        "{text}"
    );
    let unknown = stage.sandbox.dlt(&["logs", "shop", "--of", "worker"]).with_code(2);
    assert!(unknown.err.contains("did you mean `workers`?"), "{}", unknown.err);
}

fn a_cancelled_run_keeps_what_it_measured(stage: &Stage, admin: &Caller<'_>, target: &Target) {
    let before = target.answered();
    let test = submit(stage, admin, &in_two_regions(stage, &format!("{}/delay/5", target.url()), "10m"));
    eventually("the load arrives", PATIENCE, || (target.answered() > before + 50).then_some(()));
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

#[test]
fn a_deployed_system_refuses_what_is_wrong_invites_redirects_and_says_when_live_data_fails() {
    let stage = Stage::set(&[], Some("/shop/admin"));
    stage.look(&["secret", HUB, "/shop/admin", PASSWORD]);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let admin = Caller::sign_in(&stage, "chief", PASSWORD, None);
    wrong_requests_are_refused_and_change_nothing(&stage, &admin);
    browsers_may_ask_and_are_sent_to_the_console(&stage);
    somebody_is_invited_by_mail(&stage);
    live_data_that_fails_is_announced(&stage);
}

/// What is wrong with a request: where the good body is changed, and to what.
fn wrong_bodies(good: &Value) -> Vec<String> {
    let changes = [
        ("/testName", json!("")),
        ("/testName", json!(7)),
        ("/testName", Value::Null),
        ("/testId", json!("../x")),
        ("/testId", json!([1])),
        ("/testTaskConfigs", json!([])),
        ("/testTaskConfigs", json!({})),
        ("/testTaskConfigs", json!("two")),
        ("/testTaskConfigs/0", json!(1)),
        ("/testTaskConfigs/0/concurrency", json!("five")),
        ("/testTaskConfigs/0/concurrency", json!(-1)),
        ("/testTaskConfigs/0/concurrency", json!(1.5)),
        ("/testTaskConfigs/0/taskCount", json!("0")),
        ("/testTaskConfigs/0/taskCount", json!(1_000_000_000)),
        ("/testTaskConfigs/0/region", json!("Mars")),
        ("/testTaskConfigs/0/region", json!("eu-west-1")),
        ("/testScenario", Value::Null),
        ("/testScenario", json!("{")),
        ("/testScenario/execution", json!([])),
        ("/testScenario/execution/0/hold-for", json!("soon")),
        ("/testScenario/execution/0/hold-for", json!("1000h")),
        ("/testScenario/execution/0/ramp-up", json!(-1)),
        ("/testScenario/execution/0/scenario", json!("another")),
        ("/testScenario/scenarios/checkout-gate/requests", json!([])),
        ("/testScenario/scenarios/checkout-gate/requests/0/url", json!("ftp://example.com/")),
        ("/testScenario/scenarios/checkout-gate/requests/0/url", json!("not a url")),
        ("/testScenario/scenarios/checkout-gate/requests/0/method", json!("GET IT")),
        ("/testScenario/scenarios/checkout-gate/requests/0/headers", json!(["a"])),
        ("/testType", json!("cobra")),
        ("/showLive", json!("perhaps")),
    ];
    let changed = changes.into_iter().map(|(place, value)| {
        let mut body = good.clone();
        *body.pointer_mut(place).unwrap_or_else(|| panic!("{place} is in the example")) = value;
        body.to_string()
    });
    let texts = ["", " ", "{", "[]", "null", "42", "\"text\"", "{}", "{\"testName\": \"a\", \"testName\"", "\u{7f}"];
    let deep = "[".repeat(100_000);
    changed.chain(texts.map(ToOwned::to_owned)).chain([deep]).collect()
}

fn wrong_requests_are_refused_and_change_nothing(stage: &Stage, admin: &Caller<'_>) {
    let file = scenario(stage, "http://127.0.0.1:9/", "2s");
    let mut good: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON");
    good["saveOnly"] = true.into();
    let test = submit(stage, admin, &good);
    good["saveOnly"] = false.into();
    let state = || (admin.call("GET", "/scenarios", None), admin.call("GET", "/tasks", None));
    let before = state();

    let bodies = wrong_bodies(&good).into_iter().map(|body| ("POST".to_owned(), "/scenarios".to_owned(), body));
    let runs = format!("/scenarios/{test}/testruns");
    let others = [
        ("DELETE", runs.clone(), "{}"),
        ("DELETE", runs.clone(), "[]"),
        ("DELETE", runs.clone(), "[1]"),
        ("DELETE", runs.clone(), "[\"../x\"]"),
        ("GET", format!("{runs}?limit=0"), ""),
        ("GET", format!("{runs}?limit=many"), ""),
        ("GET", format!("{runs}?start_timestamp=yesterday"), ""),
        ("GET", format!("/scenarios/{test}?history=perhaps"), ""),
        ("GET", "/scenarios/a..b".to_owned(), ""),
    ];
    let others = others.into_iter().map(|(method, path, body)| (method.to_owned(), path, body.to_owned()));
    let requests: Vec<(String, String, String)> = bodies.chain(others).collect();
    let file = stage.sandbox.write("requests.json", &serde_json::to_string(&requests).expect("JSON"));
    let answers = admin.client(&["requests", &file.display().to_string()]).json();
    let answers = answers.as_array().expect("a list");
    assert_eq!(answers.len(), requests.len());
    let refused = |answer: &Value| {
        let told: Value = serde_json::from_str(answer["body"].as_str().expect("text")).unwrap_or_default();
        answer["status"] == 400
            && told["code"].as_str().is_some_and(|code| code.starts_with("INVALID_"))
            && told["message"].as_str().is_some_and(|message| message.len() > 10)
            && told["requestId"].as_str().is_some_and(|id| !id.is_empty())
    };
    let shown = |text: &str| text.chars().take(400).collect::<String>();
    let taken: Vec<String> = (requests.iter().zip(answers))
        .filter(|(_, answer)| !refused(answer))
        .map(|((method, path, body), answer)| format!("{method} {path} {}\n→ {answer}", shown(body)))
        .collect();
    assert!(taken.is_empty(), "not refused:\n{}", taken.join("\n"));
    assert_eq!(state(), before, "nothing is stored, and no task is started");
}

/// What curl gets without any signature: status, header lines in lower case, body.
fn unsigned(stage: &Stage, host: &str, path: &str, arguments: &[&str]) -> (String, String, String) {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--include", "--header", &format!("host: {host}")])
        .args(arguments)
        .arg(format!("{}{path}", stage.aws.endpoint))
        .output()
        .expect("curl runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8").replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let status = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    (status, head.to_lowercase(), body.to_owned())
}

fn browsers_may_ask_and_are_sent_to_the_console(stage: &Stage) {
    let outputs = stage.outputs();
    let console = outputs["ConsoleUrl"].as_str().expect("a console");
    let api = outputs["ApiEndpoint"].as_str().expect("an API").trim_start_matches("https://");
    let id = api.split('.').next().expect("an id");
    let host = format!("{id}.execute-api.localhost:{}", stage.aws.endpoint.rsplit(':').next().expect("a port"));
    for (method, path) in [("GET", "/prod/scenarios"), ("POST", "/prod/scenarios/a/runs"), ("DELETE", "/prod/x")] {
        let asked = format!("access-control-request-method: {method}");
        let headers = "access-control-request-headers: authorization,x-amz-date,x-amz-security-token,content-type";
        let arguments = ["-X", "OPTIONS", "-H", "origin: https://console.example", "-H", &asked, "-H", headers];
        let (status, head, _) = unsigned(stage, &host, path, &arguments);
        assert!(["200", "204"].contains(&status.as_str()), "{method} {path}: {head}");
        assert!(head.contains("access-control-allow-origin: *"), "{head}");
        let allowed = |name: &str, word: &str| {
            let line = head.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.contains(word)
        };
        assert!(allowed("access-control-allow-methods", &method.to_lowercase()), "{head}");
        for header in ["authorization", "x-amz-date", "x-amz-security-token", "content-type"] {
            assert!(allowed("access-control-allow-headers", header), "{header}: {head}");
        }
        assert_eq!(unsigned(stage, &host, path, &["-X", method]).0, "403", "what is asked for wants a signature");
    }

    let (status, head, _) = unsigned(stage, &host, "/prod/console", &[]);
    assert_eq!(status, "302", "{head}");
    assert!(head.contains(&format!("location: {console}/\n")), "the invitation's link leads to {console}: {head}");
    let site = console.trim_start_matches("https://");
    let (status, _, page) = unsigned(stage, site, "/", &["-H", "x-forwarded-proto: https"]);
    assert_eq!(status, "200");
    assert!(page.contains("<html"), "{page}");
    let (status, _, deep) = unsigned(stage, site, "/runs/of/mine", &["-H", "x-forwarded-proto: https"]);
    assert_eq!((status.as_str(), deep), ("200", page), "the console's own pages are the console");
    let (status, _, config) = unsigned(stage, site, "/config.json", &["-H", "x-forwarded-proto: https"]);
    let config: Value = serde_json::from_str(&config).expect("JSON");
    assert_eq!((status.as_str(), &config["userPoolId"]), ("200", &outputs["UserPoolId"]), "{config:#}");
    assert_eq!(config["apiEndpoint"], outputs["ApiEndpoint"], "{config:#}");
}

fn somebody_is_invited_by_mail(stage: &Stage) {
    let invite = |email: &str, group: &str| stage.sandbox.dlt(&["invite", email, "--group", group, "shop"]);
    for (email, group, word) in [
        ("bob", "viewer", "e-mail"),
        ("bob@example", "viewer", "e-mail"),
        ("bob@example.com", "root", "viewer, operator, admin"),
        ("bob@example.com", "", "viewer, operator, admin"),
    ] {
        let refused = invite(email, group).with_code(2);
        assert!(refused.err.contains(word), "{}", refused.err);
    }
    assert!(!stage.look(&["mails", HUB]).contains("bob@example"), "nobody is invited by mistake");

    let invited = invite("bob@example.com", "viewer").with_code(0);
    assert!(invited.out.contains("dlt-viewer") && invited.out.contains("invitation"), "{}", invited.out);
    let pool = stage.outputs()["UserPoolId"].as_str().expect("a pool").to_owned();
    let user: Value = serde_json::from_str(&stage.look(&["user", HUB, &pool, "bob-at-example.com"])).expect("JSON");
    assert_eq!(user, json!({"email": "bob@example.com", "status": "FORCE_CHANGE_PASSWORD", "groups": ["dlt-viewer"]}));
    let mails = stage.look(&["mails", HUB]);
    assert!(mails.contains("bob@example.com") && mails.contains("bob-at-example.com"), "{mails}");
}

/// A tick that cannot be published is tried again, announced, and counted where the alarm looks.
fn live_data_that_fails_is_announced(stage: &Stage) {
    let (topic, group) = ("dlt-shop-alarms", "/dlt/dlt-shop/workers");
    let alarm =
        || -> Value { serde_json::from_str(&stage.look(&["alarm", HUB, "dlt-shop-LiveErrors"])).expect("JSON") };
    let quiet = alarm();
    assert!(quiet["highest"].as_f64().is_none_or(|sum| sum <= 0.0), "nothing has failed yet: {quiet}");
    stage.look(&["subscribe", HUB, topic]);
    stage.look(&["deny", HUB, &format!("dlt-shop-{HUB}-live"), "iot:Publish"]);
    let tick = json!({
        "schema": tick::SCHEMA, "testId": "abc", "runId": "01J", "region": HUB, "worker": 0, "atMs": 1_700_000_001_000_u64,
        "second": 1, "virtualUsers": 1, "succeeded": 1, "failed": 0, "avgRt": 0.01, "latencyMsP95": 10.0,
        "bytesReceived": 1, "bytesSent": 1, "latency": Histogram::default(), "health": tick::Health::default(),
    });
    stage.look(&["line", HUB, group, &tick.to_string()]);
    let told = eventually("the failure is announced", PATIENCE, || {
        let told: Vec<String> = serde_json::from_str(&stage.look(&["announced", HUB, topic])).expect("JSON");
        told.into_iter().find(|message| message.contains("awslogs"))
    });
    assert!(told.contains("dlt-shop-live") && told.contains("failed to publish ticks of abc"), "{told}");
    let loud = alarm();
    assert!(loud["highest"].as_f64() > loud["threshold"].as_f64(), "the alarm goes off: {loud}");
    assert!(loud["actions"][0].as_str().is_some_and(|action| action.ends_with(topic)), "{loud}");
}
