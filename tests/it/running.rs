//! `dlt run` on a system: started, heard, stopped, left alone, and judged as a run on this machine is.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read as _},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use dlt::target::Target;
use serde_json::Value;

use crate::{
    cloud::{HUB, SECOND, Stage},
    local::{LocalServer, signal},
    support::{Ended, Sandbox, eventually},
};

/// Two users on two workers.
fn scenario(url: &str, hold_for: &str) -> String {
    format!("name: checkout\nworkers: 2\nload: {{virtual_users: 2, hold_for: {hold_for}}}\nrequests: [GET {url}]\n")
}

/// A sandbox that knows the address of a local system, and has to name it.
fn stage() -> (tokio::runtime::Runtime, Target, Sandbox, LocalServer) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    let sandbox = Sandbox::new();
    let server = LocalServer::start(&sandbox);
    (runtime, target, sandbox, server)
}

fn event<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    events.iter().find(|event| event["event"] == kind).unwrap_or_else(|| panic!("no {kind}: {events:#?}"))
}

fn samples(ended: &Value) -> u64 {
    let total = &ended["results"]["total"];
    total["succ"].as_u64().unwrap_or_default() + total["fail"].as_u64().unwrap_or_default()
}

/// Samples in the seconds that were heard.
fn heard(events: &[Value]) -> u64 {
    let seconds = events.iter().filter(|event| event["event"] == "second");
    seconds.filter_map(|second| Some(second["succeeded"].as_u64()? + second["failed"].as_u64()?)).sum()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// A `dlt` in flight, whose standard output is read as it comes.
struct Running {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.start(arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, out }
    }

    /// The next line with this in it.
    fn line(&mut self, wanted: &str) -> String {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert_ne!(self.out.read_line(&mut line).expect("UTF-8"), 0, "no line with `{wanted}`");
        }
        line
    }

    fn end(mut self) -> Ended {
        let mut out = String::new();
        self.out.read_to_string(&mut out).expect("UTF-8");
        let ended = Ended::of(self.process.wait_with_output().expect("it ends"));
        Ended { out, ..ended }
    }
}

#[test]
fn a_run_on_a_system_tells_what_a_run_here_tells_and_is_kept_there() {
    let (_runtime, target, sandbox, server) = stage();
    sandbox.write("checkout.yaml", &scenario(&target.url(), "3s"));
    let arguments = ["run", "checkout.yaml", "--gate", "p95 <= 5s", "--output", "json"];
    let here = sandbox.dlt(&arguments).with_code(0).events();
    let before = target.answered();
    let there = sandbox.dlt(&[&arguments[..], &["--api", &server.url]].concat()).with_code(0).events();

    let (here_ended, ended) = (event(&here, "ended"), there.last().expect("events"));
    assert_eq!(keys(ended), keys(here_ended));
    assert_eq!(keys(&ended["results"]["total"]), keys(&here_ended["results"]["total"]));
    assert_eq!((&ended["status"], &ended["verdict"]), (&"complete".into(), &here_ended["verdict"]), "{ended:#}");
    assert_eq!(samples(ended), target.answered() - before, "{ended:#}");
    // A busy machine may tell of a second when it was shown already.
    assert!((samples(ended) / 2..=samples(ended)).contains(&heard(&there)), "its seconds are heard: {there:#?}");
    let (proposed, accepted) = (&there[0], event(&there, "accepted"));
    assert_eq!((&proposed["event"], &proposed["workers"]), (&"proposed".into(), &2.into()), "{proposed:#}");
    assert_eq!(proposed["usdPerHour"], Value::Null, "this machine costs nothing");
    assert!(keys(event(&here, "accepted")).is_subset(&keys(accepted)), "{accepted:#}");

    // Once more, by the name under which it is stored, for a person.
    let again = sandbox.dlt(&["run", "checkout", "--api", &server.url]).with_code(0);
    assert!(again.out.contains("DONE") && again.out.contains("2/2 workers"), "{}", again.out);
    assert!(again.err.starts_with("starting `checkout` on this machine\n  2 VUs · 2 workers"), "{}", again.err);
    let runs = sandbox.dlt(&["runs", "list", "checkout", "--api", &server.url, "--output", "json"]).with_code(0).json();
    assert_eq!(runs.as_array().map(Vec::len), Some(2), "one scenario with two runs: {runs:#}");
    assert_eq!(runs[1]["testRunId"], accepted["runId"]);
    let failed = sandbox.dlt(&["run", "checkout", "--api", &server.url, "--gate", "p50 <= 1us"]).with_code(99);
    assert!(failed.out.contains("✗ p50 <= 1us"), "{}", failed.out);
}

#[test]
fn a_run_on_a_system_is_stopped_by_ctrl_c_and_left_by_a_second_one_with_a_way_back() {
    let (_runtime, target, sandbox, server) = stage();
    let slow = scenario(&format!("{}/delay/6000", target.url()), "5m");
    sandbox.write("slow.yaml", &slow.replace("name: checkout", "name: slow").replace("5m}", "5m, graceful_stop: 30s}"));
    let mut run = Running::start(&sandbox, &["run", "slow.yaml", "--api", &server.url, "--output", "json"]);
    let accepted: Value = serde_json::from_str(&run.line("\"accepted\"")).expect("JSON");
    run.line("\"running\"");
    signal("INT", &run.process);
    run.line("\"interrupted\"");
    signal("INT", &run.process);
    let left = run.end().with_code(130);
    let ended = left.events().pop().expect("events");
    assert_eq!((&ended["event"], &ended["exitCode"]), (&"ended".into(), &130.into()), "{ended:#}");
    assert!(!["complete", "cancelled"].contains(&ended["status"].as_str().expect("text")), "it goes on: {ended:#}");

    // What is said is what can be typed.
    let watch = accepted["watch"].as_str().expect("a command");
    let words: Vec<&str> = watch.split_whitespace().skip(1).collect();
    let watched = sandbox.dlt(&words).with_code(98);
    assert!(watched.out.contains("cancelled") && watched.out.contains("samples"), "{}", watched.out);

    // One Ctrl-C alone waits for the workers, and shows what they measured.
    sandbox.write("long.yaml", &scenario(&target.url(), "5m"));
    let before = target.answered();
    let mut run = Running::start(&sandbox, &["run", "long.yaml", "--api", &server.url, "--output", "json"]);
    run.line("\"second\":3");
    signal("INT", &run.process);
    let stopped = run.end().with_code(130).events().pop().expect("events");
    assert_eq!(
        (&stopped["status"], samples(&stopped)),
        (&"cancelled".into(), target.answered() - before),
        "{stopped:#}"
    );
}

#[test]
fn a_run_that_is_left_alone_goes_on_is_heard_from_its_begin_and_keeps_its_scenario_busy() {
    let (_runtime, target, sandbox, server) = stage();
    let api = ["--api", &server.url];
    let dlt = |arguments: &[&str]| sandbox.dlt(&[arguments, &api].concat());
    sandbox.write("checkout.yaml", &scenario(&format!("{}/delay/5", target.url()), "5m"));
    let begun = dlt(&["run", "checkout.yaml", "--detach", "--gate", "p95 <= 1s"]).with_code(0);
    let run = begun.out.trim();
    assert!(run.len() == 26 && !run.contains('\n'), "the run's id alone: {}", begun.out);
    for verb in ["watch", "stop", "judge"] {
        let command = format!("dlt runs {verb} ");
        assert!(
            begun.err.contains(&command) && begun.err.contains(&format!("{run} --api {}", server.url)),
            "{}",
            begun.err
        );
    }
    let busy = dlt(&["run", "checkout.yaml"]).with_code(8);
    assert!(busy.err.contains("--test-id"), "{}", busy.err);
    eventually("the load goes on", Duration::from_secs(60), || (target.answered() > 1_000).then_some(()));

    // Whoever comes late sees all that was counted so far.
    let mut watcher = Running::start(&sandbox, &["runs", "watch", "checkout", "--api", &server.url]);
    let mut talk = BufReader::new(watcher.process.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let live = talk.find(|line| line.contains(" VUs · ")).expect("a live line");
    let before_samples = live.split(" samples").next().and_then(|text| text.rsplit(" · ").next()).expect("a number");
    let counted: u64 = before_samples.replace('\u{202f}', "").parse().unwrap_or_else(|_| panic!("a number: {live}"));
    assert!(counted > 700, "{live}");
    drop(talk.next());
    dlt(&["runs", "stop", "checkout", run]).with_code(0);
    talk.for_each(drop);
    assert_eq!(watcher.process.wait().expect("it ends").code(), Some(98));
    let shown = dlt(&["runs", "show", "checkout", run]).with_code(0);
    assert!(shown.out.contains("cancelled"), "{}", shown.out);
}

#[test]
fn an_abort_clause_stops_a_run_on_a_local_system_at_once() {
    let (_runtime, target, sandbox, server) = stage();
    sandbox.write("bad.yaml", &scenario(&format!("{}/status/500", target.url()), "5m"));
    let arguments = ["run", "bad.yaml", "--api", &server.url, "--gate", "abort error_rate < 20% over 2s"];
    let events = sandbox.dlt(&[&arguments[..], &["--output", "json"]].concat()).with_code(99).events();
    assert_eq!(event(&events, "aborted")["clause"], "abort error_rate < 20% over 2s");
    assert_eq!(samples(events.last().expect("events")), target.answered());
}

#[test]
fn a_flag_that_means_nothing_where_the_run_is_is_refused_before_any_load() {
    let (_runtime, target, sandbox, server) = stage();
    sandbox.write("checkout.yaml", &scenario(&target.url(), "1s"));
    let here = sandbox.dlt(&["run", "checkout.yaml", "--detach"]).with_code(2);
    assert!(here.err.contains("--env") && here.err.contains("--api"), "{}", here.err);
    let there = sandbox.dlt(&["run", "checkout.yaml", "--data", "kept", "--api", &server.url]).with_code(2);
    assert!(there.err.contains("`--data`") && there.err.contains("runs show"), "{}", there.err);
    let unknown = sandbox.dlt(&["run", "chekcout", "--api", &server.url]).with_code(2);
    assert!(unknown.err.contains("neither a file nor a stored scenario"), "{}", unknown.err);
    let absent = sandbox.dlt(&["run", "checkout"]).with_code(2);
    assert!(absent.err.contains("`--env NAME`"), "{}", absent.err);
    assert_eq!(target.answered(), 0);
}

/// A part of the story of a deployed system in two regions: its workers' seconds come over MQTT, and its price is known.
pub fn on_an_environment(stage: &Stage, target: &Target) {
    let regions = format!("regions: [{{region: {HUB}, workers: 1}}, {{region: {SECOND}, workers: 1}}]");
    let scenario =
        |hold_for: &str| scenario(&format!("{}/delay/5", target.url()), hold_for).replace("workers: 2", &regions);
    stage.sandbox.write("run.yaml", &scenario("6s").replace("checkout", "from the command line"));
    let before = target.answered();
    let arguments = ["run", "run.yaml", "--env", "shop", "--gate", "success_rate >= 99%", "--output", "json"];
    let events = stage.sandbox.dlt(&arguments).with_code(0).events();
    let (proposed, ended) = (&events[0], events.last().expect("events"));
    assert_eq!((&proposed["place"], &proposed["workers"]), (&"on the environment `shop`".into(), &2.into()));
    assert!(proposed["usdPerHour"].as_f64().is_some_and(|usd| usd > 0.1), "{proposed:#}");
    assert_eq!((&ended["event"], &ended["status"]), (&"ended".into(), &"complete".into()), "{ended:#}");
    assert_eq!(samples(ended), target.answered() - before, "{ended:#}");
    assert!(ended["results"][HUB].is_object() && ended["results"][SECOND].is_object(), "{ended:#}");
    assert!(heard(&events) > 0, "its seconds were heard: {events:#?}");

    stage.sandbox.write("run.yaml", &scenario("10m").replace("checkout", "from the command line"));
    let before = target.answered();
    let mut run = Running::start(&stage.sandbox, &["run", "run.yaml", "--env", "shop", "--output", "json"]);
    let page: Value = serde_json::from_str(&run.line("\"accepted\"")).expect("JSON");
    assert!(page["stop"].as_str().is_some_and(|stop| stop.ends_with(" --env shop")), "{page:#}");
    eventually("the load arrives", Duration::from_secs(150), || (target.answered() > before + 20).then_some(()));
    signal("INT", &run.process);
    let stopped = run.end().with_code(130).events().pop().expect("events");
    assert_eq!(
        (&stopped["status"], samples(&stopped)),
        (&"cancelled".into(), target.answered() - before),
        "{stopped:#}"
    );
}
