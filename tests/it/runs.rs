//! Scenarios and runs that a system keeps, from the command line.

use std::{process::Stdio, time::Duration};

use dlt::target::Target;
use serde_json::Value;

use crate::{
    local::LocalServer,
    support::{Ended, Sandbox, eventually},
};

fn scenario(url: &str, hold_for: &str) -> String {
    format!(
        "name: checkout\nload: {{virtual_users: 2, hold_for: {hold_for}}}\nrequests: [GET {url}/delay/5]\nthresholds: ['p95 <= 5s']\n"
    )
}

/// A sandbox whose commands ask a local system.
fn stage() -> (tokio::runtime::Runtime, Target, Sandbox, LocalServer) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    let mut sandbox = Sandbox::new();
    let server = LocalServer::start(&sandbox);
    sandbox.variable("DLT_API_HOST", &server.url);
    (runtime, target, sandbox, server)
}

fn ids(runs: &Value) -> Vec<&str> {
    runs.as_array().expect("a list").iter().filter_map(|run| run["testRunId"].as_str()).collect()
}

#[test]
fn what_is_kept_is_listed_shown_judged_again_compared_and_removed() {
    let (_runtime, target, sandbox, _server) = stage();
    let nothing = sandbox.dlt(&["scenarios", "list"]).with_code(0);
    assert!(nothing.out.is_empty() && nothing.err.contains("no scenario is stored on this machine"), "{}", nothing.err);

    sandbox.write("checkout.yaml", &scenario(&target.url(), "2s"));
    let id = sandbox.dlt(&["scenarios", "put", "checkout.yaml"]).with_code(0).out.trim().to_owned();
    let again = sandbox.dlt(&["scenarios", "put", "checkout.yaml"]).with_code(0);
    assert_eq!(again.out.trim(), id, "the same file, the same id");
    let never = sandbox.dlt(&["runs", "show", "checkout"]).with_code(2);
    assert!(never.err.contains("was never run on this machine"), "{}", never.err);

    for _ in 0..2 {
        sandbox.dlt(&["gate", "checkout"]).with_code(0);
    }
    let listed = sandbox.dlt(&["runs", "list", "checkout", "--output", "json"]).with_code(0).json();
    let [now, before] = ids(&listed)[..] else { panic!("two runs: {listed:#}") };
    let table = sandbox.dlt(&["runs", "list", &id]).with_code(0).out;
    assert!(table.contains(now) && table.contains(before) && table.contains("complete"), "{table}");
    let newest = sandbox.dlt(&["runs", "list", "checkout", "--last", "1", "--output", "json"]).with_code(0).json();
    assert_eq!(ids(&newest), [now]);

    let shown = sandbox.dlt(&["runs", "show", "checkout", before]).with_code(0);
    assert!(shown.out.contains(before) && shown.out.contains("✓ p95 <= 5s"), "{}", shown.out);
    let whole = sandbox.dlt(&["runs", "show", "checkout", "--output", "json"]).with_code(0).json();
    let both = [now, before].map(|run| {
        let whole = sandbox.dlt(&["runs", "show", "checkout", run, "--output", "json"]).with_code(0).json();
        whole["summary"]["total"]["all"]["succeeded"].as_u64().expect("a count")
    });
    assert_eq!((&whole["run"]["testRunId"], both.iter().sum::<u64>()), (&now.into(), target.answered()));
    let watched = sandbox.dlt(&["runs", "watch", "checkout", now]).with_code(0);
    assert!(watched.out.contains("complete"), "it is over: {}", watched.out);

    sandbox.dlt(&["runs", "judge", "checkout", "--reports", "held"]).with_code(0);
    let broken = sandbox.dlt(&["runs", "judge", "checkout", before, "--gate", "p50 <= 1ms", "--reports", "broken"]);
    let broken = broken.with_code(99);
    assert!(broken.out.contains("✗") && broken.out.contains("p50 <= 1ms"), "{}", broken.out);
    assert!(sandbox.path().join("held/junit.xml").is_file() && sandbox.path().join("broken/report.html").is_file());
    let compared =
        sandbox.dlt(&["runs", "compare", "checkout", "--growth", "1000", "--output", "json"]).with_code(0).json();
    assert_eq!((&compared["before"], &compared["now"]), (&before.into(), &now.into()));
    assert_eq!(compared["comparisons"].as_array().map(Vec::len), Some(2), "{compared:#}");

    let got = sandbox.dlt(&["scenarios", "get", "checkout"]).with_code(0);
    sandbox.write("got.json", &got.out);
    assert_eq!(sandbox.dlt(&["scenarios", "put", "got.json"]).with_code(0).out.trim(), id, "what is got can be put");
    let kept = sandbox.dlt(&["scenarios", "rm", "checkout"]).with_code(5);
    assert!(kept.err.contains("--yes"), "{}", kept.err);
    sandbox.dlt(&["scenarios", "rm", "checkout", "--yes"]).with_code(0);
    assert_eq!(sandbox.dlt(&["scenarios", "list", "--output", "json"]).with_code(0).json(), serde_json::json!([]));
    sandbox.dlt(&["runs", "list", "checkout"]).with_code(2);
}

#[test]
fn a_run_that_somebody_started_is_watched_without_harm_and_stopped_on_demand() {
    let (_runtime, target, sandbox, _server) = stage();
    sandbox.write("checkout.yaml", &scenario(&target.url(), "120s"));
    let spawn = |arguments: &[&str]| {
        sandbox.start(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let gate = spawn(&["gate", "checkout.yaml"]);
    eventually("the load arrives", Duration::from_secs(60), || (target.answered() > 20).then_some(()));
    let leaver = spawn(&["runs", "watch", "checkout"]);
    let watcher = spawn(&["runs", "watch", "checkout", "--output", "json"]);
    let early = sandbox.dlt(&["runs", "judge", "checkout"]).with_code(8);
    assert!(early.err.contains("is running"), "{}", early.err);
    let busy = sandbox.dlt(&["scenarios", "rm", "checkout", "--yes"]);
    assert_ne!(busy.code, 0, "{}", busy.err);

    crate::local::signal("INT", &leaver);
    let left = Ended::of(leaver.wait_with_output().expect("it ends")).with_code(130);
    let before = target.answered();
    eventually("the load goes on", Duration::from_secs(20), || (target.answered() > before + 20).then_some(()));
    assert!(left.err.is_empty() || left.err.contains("the run goes on"), "{}", left.err);

    sandbox.dlt(&["runs", "stop", "checkout"]).with_code(0);
    let watched = Ended::of(watcher.wait_with_output().expect("it ends")).with_code(98).json();
    assert_eq!(watched["run"]["status"], "cancelled", "{watched:#}");
    assert_eq!(watched["summary"]["total"]["all"]["succeeded"], target.answered());
    let judged = Ended::of(gate.wait_with_output().expect("it ends")).with_code(98);
    assert!(judged.out.contains("somebody cancelled the run"), "{}", judged.out);
    let over = sandbox.dlt(&["runs", "stop", "checkout"]).with_code(2);
    assert!(over.err.contains("there is nothing to stop"), "{}", over.err);
}

#[test]
fn a_scenario_starts_by_itself_when_its_time_has_come() {
    let (_runtime, target, sandbox, _server) = stage();
    sandbox.write("checkout.yaml", &scenario(&target.url(), "1s"));
    sandbox.dlt(&["scenarios", "put", "checkout.yaml"]).with_code(0);
    let schedule = |more: &[&str]| sandbox.dlt(&[&["scenarios", "schedule", "checkout"], more].concat());
    let none = schedule(&[]);
    assert!(none.code != 0 && none.err.contains("has no schedule"), "{}", none.err);

    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    let at = soon.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let set = schedule(&["--at", &at]).with_code(0);
    assert!(set.out.contains(&format!("starts once, at {at} (UTC)")), "{}", set.out);
    let listed = sandbox.dlt(&["scenarios", "list"]).with_code(0).out;
    assert!(listed.contains("next (UTC)") && listed.contains("scheduled"), "{listed}");
    let run = eventually("it starts by itself", Duration::from_secs(60), || {
        let runs = sandbox.dlt(&["runs", "list", "checkout", "--output", "json"]).with_code(0).json();
        (runs[0]["status"] == "complete").then(|| ids(&runs)[0].to_owned())
    });
    assert!(target.answered() > 0);
    let after = schedule(&[]).with_code(0).out;
    assert!(after.contains(&format!("started the run {run}")) && after.contains("no time is yet to come"), "{after}");

    let nightly = schedule(&["--cron", "0 2 * * MON-FRI", "--timezone", "Europe/Berlin", "--output", "json"]);
    assert_eq!(nightly.with_code(0).json()["next"].as_array().map(Vec::len), Some(5));
    let paused = schedule(&["--pause"]).with_code(0).out;
    assert!(paused.contains("by `0 2 * * MON-FRI` (Europe/Berlin) – paused"), "{paused}");
    assert!(!sandbox.dlt(&["scenarios", "list"]).with_code(0).out.contains("next (UTC)"));
    let resumed = schedule(&["--resume", "--output", "json"]).with_code(0).json();
    assert_eq!((&resumed["paused"], &resumed["cron"]), (&false.into(), &"0 2 * * MON-FRI".into()));
    schedule(&["--off"]).with_code(0);
    assert!(schedule(&[]).err.contains("has no schedule"));
}

#[test]
fn a_schedule_that_makes_no_sense_is_refused_with_every_option_that_is_wrong() {
    let (_runtime, target, sandbox, _server) = stage();
    sandbox.write("checkout.yaml", &scenario(&target.url(), "1s"));
    sandbox.dlt(&["scenarios", "put", "checkout.yaml"]).with_code(0);
    let refused =
        |more: &[&str]| sandbox.dlt(&[&["scenarios", "schedule", "checkout"], more].concat()).with_code(2).err;
    let several = refused(&["--cron", "61 * * * *", "--timezone", "Mars/Olympus", "--until", "tomorrow"]);
    for wanted in
        ["--cron: `61 * * * *`", "--timezone: there is no time zone `Mars/Olympus`", "--until: expected a day"]
    {
        assert!(several.contains(wanted), "{wanted}: {several}");
    }
    assert!(refused(&["--timezone", "Europe/Berlin"]).contains("nothing says when"));
    assert!(refused(&["--every", "daily"]).contains("--from"));
    let past = sandbox.dlt(&["scenarios", "schedule", "checkout", "--at", "2001-01-01T00:00"]);
    assert!(past.code != 0 && past.err.contains("no time of this schedule is yet to come"), "{}", past.err);
}

#[test]
fn which_system_is_meant_must_be_said() {
    let sandbox = Sandbox::new();
    for arguments in [&["runs", "list", "checkout"][..], &["scenarios", "list"]] {
        let ended = sandbox.dlt(arguments).with_code(2);
        assert!(ended.err.contains("which system is meant?") && ended.err.contains("--env"), "{}", ended.err);
    }
}
