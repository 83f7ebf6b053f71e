//! The gate as a pipeline sees it: `buildspecs/buildspec_dlt.yml` run as CodeBuild runs it, row by row of docs/pipeline.md.

use std::{collections::BTreeSet, process::Command, time::Duration};

use dlt::target::Target;
use serde_json::Value;

use crate::{
    buildspec::{Build, Built, run},
    cloud::{HUB, Stage, worker},
    support::{Sandbox, eventually, free_port, root},
};

const PASSWORD: &str = "Correct-horse-7-battery";

fn buildspec() -> String {
    std::fs::read_to_string(root().join("buildspecs/buildspec_dlt.yml")).expect("the buildspec")
}

fn target() -> (tokio::runtime::Runtime, Target) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    (runtime, target)
}

/// One virtual user that makes the same requests again and again, so that shares are exact.
fn scenario(url: &str, good: usize, bad: usize) -> String {
    let (good, bad) = (vec!["/"; good], vec!["/status/503"; bad]);
    let requests: Vec<String> = good
        .iter()
        .chain(&bad)
        .map(|path| {
            format!("  - {{label: \"{}\", url: \"{url}{path}\"}}\n", if *path == "/" { "home" } else { "broken" })
        })
        .collect();
    format!("name: checkout\nload: {{virtual_users: 1, hold_for: 1s}}\nrequests:\n{}", requests.concat())
}

/// A build of the real buildspec on a scenario of the given shape.
fn judged(scenario: &str, project: &[(&str, &str)]) -> (Sandbox, Built) {
    let sandbox = Sandbox::new();
    sandbox.write("qa.yaml", scenario);
    let mut variables = vec![("SCENARIO", "qa.yaml")];
    variables.extend_from_slice(project);
    let built = run(&sandbox, &buildspec(), &variables);
    (sandbox, built)
}

fn report(sandbox: &Sandbox) -> Value {
    let text = std::fs::read_to_string(sandbox.path().join("dlt-reports/gate.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

#[track_caller]
fn last_line_is_the_link(built: &Built, link: &str) {
    let last = built.log.lines().last().unwrap_or_default();
    assert!(last.contains(link), "{}", built.log);
}

#[test]
fn gate_passes_and_every_reader_gets_its_report() {
    let (_runtime, target) = target();
    let (sandbox, built) = judged(&scenario(&target.url(), 3, 0), &[]);
    assert_eq!(
        (built.code, built.phases.as_slice()),
        (0, &[("install".to_owned(), 0), ("build".to_owned(), 0)][..]),
        "{}",
        built.log
    );
    last_line_is_the_link(&built, "dlt-reports/report.html");
    assert!(built.log.contains("success_rate >= 99.5%") && built.log.contains("p95 <= 800ms"), "{}", built.log);
    let junit = &built.reports["dlt-qa"][0];
    assert!(junit.contains("tests=\"3\" skipped=\"0\" failures=\"0\" errors=\"0\""), "{junit}");
    let report = report(&sandbox);
    assert_eq!(report["total"]["samples"], target.answered(), "{report:#}");
    for name in ["gate.md", "report.html"] {
        let text = std::fs::read_to_string(sandbox.path().join("dlt-reports").join(name)).expect("a report");
        assert!(text.contains("success_rate"), "{name}");
    }
}

#[test]
fn gate_fails_just_below_the_floor_and_passes_on_it() {
    let (_runtime, target) = target();
    let floor = [("EXPECT_SUCCESS_RATE", "95"), ("SUCCESS_P95", "5")];
    let (_sandbox, on_it) = judged(&scenario(&target.url(), 19, 1), &floor);
    assert_eq!(on_it.code, 0, "19 of 20: {}", on_it.log);
    let (_sandbox, below) = judged(&scenario(&target.url(), 94, 5), &floor);
    assert_eq!(below.code, 99, "94 of 99: {}", below.log);
    assert!(below.log.contains("94.9494") && below.log.contains("most failing requests"), "{}", below.log);
    last_line_is_the_link(&below, "dlt-reports/report.html");
    let junit = &below.reports["dlt-qa"][0];
    assert!(junit.contains("failures=\"1\""), "{junit}");
}

#[test]
fn gate_judges_every_clause_although_the_first_is_broken() {
    let (_runtime, target) = target();
    let slow = scenario(&target.url(), 1, 1).replace("/\"}", "/delay/30\"}");
    let (sandbox, built) =
        judged(&slow, &[("SUCCESS_P95", "1ms"), ("EXPECT_SUCCESS_RATE", "99.5"), ("GATE", "warn max < 1ms")]);
    assert_eq!(built.code, 99, "{}", built.log);
    let report = report(&sandbox);
    let outcomes: Vec<&str> =
        report["clauses"].as_array().expect("clauses").iter().filter_map(|one| one["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["warning", "broken", "broken"], "{report:#}");
    assert!(
        report["clauses"].as_array().expect("clauses").iter().all(|one| one["samples"].as_u64() > Some(0)),
        "{report:#}"
    );
}

#[test]
fn gate_questions_a_limit_of_99_seconds_before_any_load() {
    let (_runtime, target) = target();
    let (sandbox, built) =
        judged(&scenario(&target.url(), 1, 0), &[("SUCCESS_P95", "99"), ("EXPECT_SUCCESS_RATE", "101")]);
    assert_eq!(built.code, 2, "{}", built.log);
    assert!(built.log.contains("`99ms`") && built.log.contains("more than 100%"), "{}", built.log);
    let (_sandbox, nothing) =
        judged(&scenario(&target.url(), 1, 0), &[("SUCCESS_P95", ""), ("EXPECT_SUCCESS_RATE", "")]);
    assert_eq!(nothing.code, 2, "{}", nothing.log);
    assert_eq!(target.answered(), 0);
    assert!(!sandbox.path().join("dlt-reports").exists());
}

#[test]
fn gate_never_passes_without_samples() {
    let (_runtime, target) = target();
    let sandbox = Sandbox::new();
    sandbox.write("qa.yaml", &scenario(&target.url(), 1, 0).replace("hold_for: 1s", "hold_for: 120s"));
    let build = Build::start(&sandbox, &buildspec(), &[("SCENARIO", "qa.yaml")], &|_| None);
    eventually("the load arrives", Duration::from_secs(60), || (target.answered() > 5).then_some(()));
    let gates = children(build.process.id());
    let workers: Vec<u32> = gates.iter().flat_map(|gate| children(*gate)).collect();
    assert_eq!(workers.len(), 1, "the gate's only child is its worker");
    let killed = Command::new("kill").args(["-KILL", &workers[0].to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let built = build.end();
    assert_eq!(built.code, 98, "{}", built.log);
    assert_eq!(report(&sandbox)["clauses"].as_array().map(Vec::len), Some(2), "every clause is listed");
    let junit = &built.reports["dlt-qa"][0];
    assert!(junit.contains("the run is sound") && !junit.contains("errors=\"0\""), "{junit}");
    last_line_is_the_link(&built, "dlt-reports/report.html");
}

/// The processes that a process has started.
fn children(of: u32) -> Vec<u32> {
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let pids = std::fs::read_dir("/proc").expect("a list of processes").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent(*pid) == Some(of)).collect()
}

#[test]
fn gate_fails_when_the_target_is_down() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let (_sandbox, built) = judged(&scenario(&url, 1, 0), &[]);
    assert_eq!(built.code, 99, "{}", built.log);
    assert!(built.log.contains("connect refused"), "{}", built.log);
}

#[test]
fn gate_cancels_the_run_when_the_build_is_stopped_and_when_the_deadline_passes() {
    let (_runtime, target) = target();
    let long = scenario(&target.url(), 1, 0).replace("hold_for: 1s", "hold_for: 120s");
    let sandbox = Sandbox::new();
    sandbox.write("qa.yaml", &long);
    let build = Build::start(&sandbox, &buildspec(), &[("SCENARIO", "qa.yaml")], &|_| None);
    eventually("the load arrives", Duration::from_secs(60), || (target.answered() > 5).then_some(()));
    build.stop();
    let stopped = build.end();
    assert_eq!(stopped.code, 130, "{}", stopped.log);
    let at_the_end = target.answered();
    assert_eq!(report(&sandbox)["total"]["samples"], at_the_end, "what was measured is kept: {}", stopped.log);
    last_line_is_the_link(&stopped, "dlt-reports/report.html");

    let (sandbox, late) = judged(&long, &[("DLT_DEADLINE", "4s")]);
    assert_eq!(late.code, 98, "{}", late.log);
    assert_eq!(report(&sandbox)["stoppedBy"], "deadline");
}

#[test]
fn gate_compares_with_an_earlier_run() {
    let (_runtime, target) = target();
    let fast = scenario(&target.url(), 1, 0);
    let (sandbox, first) = judged(&fast, &[("SUCCESS_P95", "5")]);
    assert_eq!(first.code, 0, "{}", first.log);
    std::fs::copy(sandbox.path().join("dlt-reports/gate.json"), sandbox.path().join("baseline.json")).expect("a copy");
    sandbox.write("qa.yaml", &fast.replace("/\"}", "/delay/400\"}"));
    let variables = [
        ("SCENARIO", "qa.yaml"),
        ("SUCCESS_P95", "5"),
        ("DLT_BASELINE", "baseline.json"),
        ("DLT_BASELINE_GROWTH", "50"),
    ];
    let worse = run(&sandbox, &buildspec(), &variables);
    assert_eq!(worse.code, 99, "{}", worse.log);
    for part in ["compared with baseline.json", "too short to tell from noise", "p95 at most 50% over the baseline's"] {
        assert!(worse.log.contains(part), "{part}: {}", worse.log);
    }
    let json = report(&sandbox);
    assert_eq!(json["baseline"]["comparisons"][0]["outcome"], "broken", "{json:#}");
    let junit = &worse.reports["dlt-qa"][0];
    assert!(junit.contains("p95 at most 50% over the baseline") && junit.contains("failures=\"1\""), "{junit}");
}

#[test]
fn gate_on_a_deployed_system_for_a_role_and_for_a_user() {
    let (_runtime, target) = target();
    let stage = Stage::set(&[], Some("/cognito/password"));
    stage.look(&["secret", HUB, "/cognito/password", PASSWORD]);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let sandbox = &stage.sandbox;
    let spec = buildspec();
    sandbox.write("qa.yaml", &scenario(&target.url(), 19, 1));

    // The job's own keys; the scenario's first status is no end, and is waited through.
    let on_env = [("SCENARIO", "qa.yaml"), ("DLT_ENV", "shop"), ("EXPECT_SUCCESS_RATE", "95"), ("SUCCESS_P95", "5")];
    let passed = run(sandbox, &spec, &on_env);
    assert_eq!(passed.code, 0, "{}", passed.log);
    assert!(passed.log.contains("queued\n") || passed.log.contains("provisioning\n"), "{}", passed.log);
    let first = report(sandbox);
    assert_eq!(first["total"]["samples"], target.answered(), "{first:#}");
    let link = first["link"].as_str().expect("a link").to_owned();
    assert!(link.starts_with("https://") && link.contains("/details/"), "{link}");
    last_line_is_the_link(&passed, &link);

    // The same scenario, by its name, as a user whose password CodeBuild takes from Parameter Store.
    let as_user =
        spec.replace("phases:\n", "  parameter-store:\n    COGNITO_PASSWORD: $COGNITO_PASSWORD_NAME\n\nphases:\n");
    let project = [
        ("SCENARIO", "checkout"),
        ("DLT_ENV", "shop"),
        ("COGNITO_USER", "chief"),
        ("COGNITO_PASSWORD_NAME", "/cognito/password"),
        ("EXPECT_SUCCESS_RATE", "95.1"),
        ("SUCCESS_P95", "1us"),
    ];
    let stored = |name: &str| (name == "/cognito/password").then(|| PASSWORD.to_owned());
    let failed = Build::start(sandbox, &as_user, &project, &stored).end();
    assert_eq!(failed.code, 99, "{}", failed.log);
    assert!(!failed.log.contains(PASSWORD), "a password is never printed");
    let second = report(sandbox);
    assert_eq!(second["testId"], first["testId"], "one history");
    let outcomes: Vec<&Value> =
        second["clauses"].as_array().expect("clauses").iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["broken", "broken"], "{second:#}");
    last_line_is_the_link(&failed, second["link"].as_str().expect("a link"));

    // A target that is down is a broken clause; a worker that is lost makes the run prove nothing.
    sandbox.write("qa.yaml", &scenario(&format!("http://127.0.0.1:{}", free_port()), 1, 0));
    // This user's password is read by the gate itself, and the run before is the baseline.
    let signed_in =
        [("COGNITO_USER", "chief"), ("COGNITO_PASSWORD_NAME", "/cognito/password"), ("DLT_BASELINE", "previous")];
    let down = run(sandbox, &spec, &[on_env.as_slice(), &signed_in].concat());
    assert_eq!(down.code, 99, "{}", down.log);
    assert!(down.log.contains("compared with the run") && !down.log.contains(PASSWORD), "{}", down.log);
    assert!(down.log.contains("connect refused"), "{}", down.log);
    sandbox.write("qa.yaml", &scenario(&target.url(), 1, 0).replace("hold_for: 1s", "hold_for: 10m"));
    let before = target.answered();
    let build = Build::start(sandbox, &spec, &on_env, &|_| None);
    eventually("the load arrives", Duration::from_secs(120), || (target.answered() > before + 5).then_some(()));
    let pid = worker(&stage, 0).expect("worker 0 runs").to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().is_ok_and(|status| status.success()));
    let lost = build.end();
    assert_eq!(lost.code, 98, "{}", lost.log);
    last_line_is_the_link(&lost, report(sandbox)["link"].as_str().expect("a link"));

    // A build that is stopped cancels the run on AWS too.
    sandbox.write("qa.yaml", &scenario(&target.url(), 1, 0).replace("hold_for: 1s", "hold_for: 10m"));
    let before = target.answered();
    let build = Build::start(sandbox, &spec, &on_env, &|_| None);
    eventually("the load arrives", Duration::from_secs(120), || (target.answered() > before + 5).then_some(()));
    build.stop();
    let stopped = build.end();
    assert_eq!(stopped.code, 130, "{}", stopped.log);
    assert_eq!(report(sandbox)["status"], "cancelled", "{}", stopped.log);
    assert_eq!(report(sandbox)["total"]["samples"], target.answered() - before, "{}", stopped.log);
}

#[test]
fn gate_on_a_deployed_system_stops_when_it_must_and_says_why_it_may_not_begin() {
    let (_runtime, target) = target();
    let stage = Stage::set(&[], Some("/cognito/password"));
    stage.look(&["secret", HUB, "/cognito/password", PASSWORD]);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let (sandbox, spec) = (&stage.sandbox, buildspec());
    let long = |good, bad| scenario(&target.url(), good, bad).replace("hold_for: 1s", "hold_for: 10m");
    let on_env = |more: &[(&'static str, &'static str)]| {
        let always = [("SCENARIO", "qa.yaml"), ("DLT_ENV", "shop"), ("SUCCESS_P95", "5"), ("EXPECT_SUCCESS_RATE", "")];
        run(sandbox, &spec, &[always.as_slice(), more].concat())
    };

    // Nobody who may not sign in makes load: a wrong password, and keys that are no longer good.
    sandbox.write("qa.yaml", &scenario(&target.url(), 1, 0));
    let wrong = on_env(&[("COGNITO_USER", "chief"), ("COGNITO_PASSWORD", "Wrong-horse-7-battery")]);
    assert_eq!(wrong.code, 4, "{}", wrong.log);
    assert!(wrong.log.contains("sign in as `chief`") && !wrong.log.contains("Wrong-horse"), "{}", wrong.log);
    assert_eq!(target.answered(), 0);

    a_user_who_is_asked_for_more_than_a_password_makes_no_load(&stage, &target);

    // A target that takes connections and never answers breaks the clause; it does not hang the build.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let silent = format!("http://{}", silent.local_addr().expect("an address"));
    sandbox.write(
        "qa.yaml",
        &scenario(&silent, 1, 0).replace("name: checkout", "name: checkout\ndefaults: {timeout: 1s}"),
    );
    let unanswered = on_env(&[("EXPECT_SUCCESS_RATE", "95")]);
    assert_eq!(unanswered.code, 99, "{}", unanswered.log);
    assert!(unanswered.log.contains("timed out") || unanswered.log.contains("timeout"), "{}", unanswered.log);
    last_line_is_the_link(&unanswered, report(sandbox)["link"].as_str().expect("a link"));
    sandbox.write("qa.yaml", &scenario(&target.url(), 1, 0));

    // The page that the link leads to shows the run to whoever signs in.
    let passed = on_env(&[]);
    assert_eq!(passed.code, 0, "{}", passed.log);
    let seen = page_of(&stage, &report(sandbox));
    assert_eq!((&seen["complaints"], &seen["findings"]), (&serde_json::json!([]), &serde_json::json!([])), "{seen:#}");
    let text = seen["text"].as_str().expect("text");
    assert!(text.contains("checkout") && text.contains("complete") && text.contains("home"), "{text}");

    // An `abort` clause ends the run while it goes on.
    sandbox.write("qa.yaml", &long(0, 1));
    let before = target.answered();
    let aborted = on_env(&[("GATE", "abort error_rate < 50% over 3s")]);
    assert_eq!(aborted.code, 99, "{}", aborted.log);
    assert!(aborted.log.contains("stopping: `abort error_rate < 50% over 3s` is broken"), "{}", aborted.log);
    let told = report(sandbox);
    assert_eq!((&told["status"], &told["clauses"][0]["outcome"]), (&"cancelled".into(), &"broken".into()), "{told:#}");
    assert_eq!(told["total"]["samples"], target.answered() - before, "{}", aborted.log);

    // So does the deadline.
    sandbox.write("qa.yaml", &long(1, 0));
    let late = on_env(&[("DLT_DEADLINE", "12s")]);
    assert_eq!(late.code, 98, "{}", late.log);
    let told = report(sandbox);
    assert_eq!((&told["stoppedBy"], &told["status"]), (&"deadline".into(), &"cancelled".into()), "{}", late.log);
}

/// The password of an invitation, and a second factor: a job can answer neither, and is told what to do.
fn a_user_who_is_asked_for_more_than_a_password_makes_no_load(stage: &Stage, target: &Target) {
    let before = target.answered();
    stage.sandbox.dlt(&["invite", "eva@example.com", "--group", "operator", "shop"]).with_code(0);
    let mails = stage.look(&["mails", HUB]);
    let mail = mails.split("eva@example.com").last().expect("an invitation").to_owned();
    let invitation = mails.split("<b>").skip(1).filter_map(|rest| rest.split("</b>").next());
    let temporary = invitation.filter(|word| word.len() >= 8 && !word.contains("://") && !word.contains("-at-")).last();
    let temporary = temporary.unwrap_or_else(|| panic!("no password in {mail}")).replace("&amp;", "&");
    let sign_in = |user: &str, password: &str| {
        let mut gate = stage.sandbox.start(&["gate", "qa.yaml", "--env", "shop", "--user", user, "--success-p95", "5"]);
        crate::support::Ended::of(gate.env("COGNITO_PASSWORD", password).output().expect("it starts")).with_code(4)
    };
    let invited = sign_in("eva-at-example.com", &temporary);
    assert!(invited.err.contains("NEW_PASSWORD_REQUIRED") && invited.err.contains("dlt invite"), "{}", invited.err);
    let pool = stage.outputs()["UserPoolId"].as_str().expect("a pool").to_owned();
    stage.look(&["factor", HUB, &pool, "chief"]);
    let factor = sign_in("chief", PASSWORD);
    assert!(factor.err.contains("SOFTWARE_TOKEN_MFA") && factor.err.contains("second factor"), "{}", factor.err);
    stage.look(&["factor", HUB, &pool, "chief", "none"]);
    assert_eq!(target.answered(), before, "nobody made load");
}

#[test]
fn gate_with_expired_credentials_makes_no_load() {
    let (_runtime, target) = target();
    let (_server, url) = refusing();
    let credentials = [
        ("AWS_ACCESS_KEY_ID", "ASIAEXPIRED"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "gone"),
        ("AWS_REGION", HUB),
        ("DLT_API_HOST", url.as_str()),
    ];
    let (sandbox, built) = judged(&scenario(&target.url(), 1, 0), &credentials);
    assert_eq!(built.code, 4, "{}", built.log);
    assert!(built.log.contains("is expired"), "{}", built.log);
    assert_eq!(target.answered(), 0);
    assert!(!sandbox.path().join("dlt-reports/junit.xml").exists() && built.reports["dlt-qa"].is_empty());
}

/// An API that lets nobody in whose keys are no longer good, as API Gateway words it.
fn refusing() -> (std::thread::JoinHandle<()>, String) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}/prod", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            drop(stream.read(&mut [0_u8; 16_384]));
            let body = r#"{"message":"The security token included in the request is expired"}"#;
            let length = body.len();
            drop(write!(
                stream,
                "HTTP/1.1 403 Forbidden\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            ));
        }
    });
    (server, url)
}

/// What a browser sees of a gate's link.
fn page_of(stage: &Stage, report: &Value) -> Value {
    let outputs = stage.outputs();
    // The emulated API has a name of its own, which is a part of what is signed.
    let api = outputs["ApiEndpoint"].as_str().expect("an API");
    let id = api.trim_start_matches("https://").split('.').next().expect("an id");
    let port = stage.aws.endpoint.rsplit(':').next().expect("a port");
    let api = format!("https://{id}.execute-api.localhost:{port}/prod");
    let settings = serde_json::json!({
        "stack": "dlt-shop", "region": HUB, "apiEndpoint": api, "userPoolId": outputs["UserPoolId"],
        "userPoolClientId": outputs["UserPoolClientId"], "identityPoolId": outputs["IdentityPoolId"],
    });
    let link = report["link"].as_str().expect("a link");
    let run = report["testRunId"].as_str().expect("a run");
    let output = Command::new("node")
        .arg(root().join("tests/browser/details.mjs"))
        .args([link, &settings.to_string(), "chief", PASSWORD, &stage.aws.endpoint, &format!("Run {run}: complete")])
        .output();
    crate::support::Ended::of(output.expect("node starts")).with_code(0).json()
}

#[test]
fn a_pipeline_comes_and_goes_and_its_gate_needs_nothing_but_what_it_is_given() {
    let (_runtime, target) = target();
    let stage = Stage::set(&[], None);
    let sandbox = &stage.sandbox;
    let bootstrap = [
        "pipeline",
        "bootstrap",
        "shop",
        "--connection",
        "arn:aws:codeconnections:us-east-1:000000000000:connection/c0ffee",
        "--repository",
        "shop/checkout",
        "--binary",
        "dlt-linux",
        "--yes",
    ];
    let mut program = vec![0_u8; 64];
    program[..4].copy_from_slice(b"\x7fELF");
    program[18] = 62;
    std::fs::write(sandbox.path().join("dlt-linux"), program).expect("a file");
    let early = sandbox.dlt(&bootstrap).with_code(3);
    assert!(early.err.contains("not deployed"), "{}", early.err);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let without = stage.account();

    let made = sandbox.dlt(&bootstrap).with_code(0);
    assert!(made.out.contains("dlt-shop-pipeline"), "{}{}", made.out, made.err);
    let again = sandbox.dlt(&bootstrap).with_code(0);
    assert!(format!("{}{}", again.out, again.err).contains("nothing to do"), "{}{}", again.out, again.err);

    // What the project is given is enough for the gate, in a container without an environment file.
    let project: Value = serde_json::from_str(&stage.look(&["project", HUB, "dlt-shop-dlt-qa"])).expect("JSON");
    assert_eq!(project["buildspec"], "buildspecs/buildspec_dlt.yml");
    let given = project["variables"].as_object().expect("variables");
    assert!(given["DLT_BINARY"].as_str().is_some_and(|url| url.starts_with("s3://dlt-shop-artifacts-")), "{project:#}");
    let policy = sandbox.dlt(&["pipeline", "bootstrap", "shop", "--print-policy"]).with_code(0).out;
    let keys: Vec<String> = serde_json::from_str(&stage.look(&["keys", HUB, "job", &policy])).expect("two keys");
    let mut container = Sandbox::new();
    container
        .variable("AWS_ENDPOINT_URL", &stage.aws.endpoint)
        .variable("AWS_ACCESS_KEY_ID", &keys[0])
        .variable("AWS_SECRET_ACCESS_KEY", &keys[1])
        .variable("AWS_EC2_METADATA_DISABLED", "true");
    container.write("qa.yaml", &scenario(&target.url(), 1, 0));
    let mut variables = vec![("SCENARIO", "qa.yaml"), ("SUCCESS_P95", "5")];
    variables.extend(given.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("text"))));
    let built = run(&container, &buildspec(), &variables);
    assert_eq!(built.code, 0, "{}", built.log);
    assert_eq!(report(&container)["total"]["samples"], target.answered(), "{}", built.log);

    sandbox.dlt(&["pipeline", "rm", "shop", "--yes"]).with_code(0);
    assert_eq!(stage.account(), without, "the pipeline leaves nothing behind");
    let gone = sandbox.dlt(&["pipeline", "rm", "shop", "--yes"]).with_code(0);
    assert!(gone.err.contains("there is no pipeline"), "{}{}", gone.out, gone.err);
    sandbox.dlt(&bootstrap).with_code(0);
    let down = sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
    assert!(format!("{}{}", down.out, down.err).contains("dlt-shop-pipeline"), "{}{}", down.out, down.err);
}

#[test]
fn every_row_of_the_pipelines_table_is_a_test() {
    let table = std::fs::read_to_string(root().join("docs/pipeline.md")).expect("the page");
    let places = [
        "tests/it/gate.rs",
        "tests/it/reports.rs",
        "src/gate/conclusion.rs",
        "src/run/follower.rs",
        "crates/model/tests/it/baseline.rs",
    ];
    let sources = places.map(|place| std::fs::read_to_string(root().join(place)).expect("a source")).concat();
    let named: BTreeSet<&str> = table
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with("` |"))
        .filter_map(|line| line.rsplit('`').nth(1))
        .collect();
    assert!(named.len() >= 14, "{named:?}");
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "{name}");
    }
}
