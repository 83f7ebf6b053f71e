//! When it goes wrong: every state that a stack can be stuck in, the way out of it, and what is told about it.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use serde_json::{Value, json};

use crate::{
    cloud::{HUB, Stage},
    deploying::{HELD_SECS, Joining, end, keeping, said, spawn, stacks, until_status},
    support::{Ended, Sandbox, eventually},
};

const MAIN: &str = "us-east-1 dlt-shop";
const LOCK: &str = "/dlt/dlt-shop/lock";

fn status(stage: &Stage, stack: &str) -> Value {
    stacks(stage)[stack].clone()
}

fn lock(stage: &Stage) -> Vec<String> {
    serde_json::from_str(&stage.look(&["parameter", HUB, LOCK])).expect("JSON")
}

/// The operations that this sandbox has recorded, newest first.
fn history(sandbox: &Sandbox) -> Vec<Value> {
    let listed = sandbox.dlt(&["history", "--output", "json"]).with_code(0).json();
    listed.as_array().expect("a list").clone()
}

/// What a failed try proposes to leave as it is.
fn proposed(failed: &Ended) -> String {
    let named = failed.err.rsplit("dlt recover --skip ").next().and_then(|rest| rest.split('`').next());
    named.expect("a name").to_owned()
}

/// The same machine without a way to AWS.
fn offline(stage: &Stage) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let state = stage.sandbox.path().join("home/.local/state");
    sandbox.variable("XDG_STATE_HOME", state.display().to_string());
    sandbox
}

#[test]
fn a_failed_deployment_is_listed_explained_replayed_and_recovered_by_one_command_each() {
    let stage = Stage::set(&[], None);
    let role = format!("dlt-shop-{HUB}-viewer");
    stage.look(&["role", HUB, &role]);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(6);

    let listed = history(&stage.sandbox);
    assert_eq!(
        (&listed[0]["verb"], &listed[0]["verdict"], &listed[0]["exit"]),
        (&json!("up"), &json!("rolled back"), &json!(6))
    );
    it_is_kept_for_this_user_alone_and_holds_no_address(&stage);
    it_is_explained_with_and_without_a_network(&stage, &role);
    it_is_played_again_as_it_was(&stage);
    what_programs_read_has_the_form_that_we_promise(&stage);

    let stuck = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(7);
    assert!(stuck.err.contains("dlt recover"), "{}", stuck.err);
    let asked = stage.sandbox.dlt(&["recover", "shop"]).with_code(5);
    assert!(asked.err.contains("ROLLBACK_COMPLETE") && asked.err.contains("delete the stack"), "{}", asked.err);
    assert_eq!(status(&stage, MAIN), "ROLLBACK_COMPLETE", "nobody agreed");
    let recovered = stage.sandbox.dlt(&["recover", "shop", "--yes"]).with_code(0);
    assert!(recovered.err.contains("recovered"), "{}", recovered.err);
    assert_eq!(status(&stage, MAIN), Value::Null);
    let nothing = stage.sandbox.dlt(&["recover", "shop"]).with_code(0);
    assert!(nothing.err.contains("nothing to recover"), "{}", nothing.err);

    stage.look(&["role", HUB, &role, "gone"]);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let explained = stage.sandbox.dlt(&["explain", "shop"]).with_code(0).out;
    assert!(explained.contains("nothing: the last operation ended well"), "{explained}");
    let verbs: Vec<Value> = history(&stage.sandbox).iter().map(|it| it["verb"].clone()).collect();
    assert_eq!(verbs, ["up", "recover", "recover", "recover", "up", "up"]);
    assert!(lock(&stage).is_empty(), "nobody holds it any more");
}

fn it_is_kept_for_this_user_alone_and_holds_no_address(stage: &Stage) {
    let folder = stage.sandbox.path().join("home/.local/state/dlt/operations");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in std::fs::read_dir(&folder).expect("a folder").flatten() {
        assert_eq!(mode(&file.path()), 0o600);
        let text = std::fs::read_to_string(file.path()).expect("text");
        assert!(text.contains("CREATE_FAILED") && !text.contains("chief@example.com"), "{text}");
    }
}

fn it_is_explained_with_and_without_a_network(stage: &Stage, role: &str) {
    let online = stage.sandbox.dlt(&["explain", "shop"]).with_code(0).out;
    let blocks = ["WHAT BROKE", "WHY", "WHAT AWS IS DOING NOW", "WHAT TO DO"];
    let places: Vec<usize> =
        blocks.iter().map(|block| online.find(block).unwrap_or_else(|| panic!("{block}: {online}"))).collect();
    assert!(places.is_sorted(), "{online}");
    for words in [role, "already exists", "[name-taken]", "is in ROLLBACK_COMPLETE", "dlt recover shop"] {
        assert!(online.contains(words), "{words}: {online}");
    }
    let away = offline(stage);
    let last = away.dlt(&["explain", "last"]).with_code(0).out;
    for words in [role, "[name-taken]", "was left in ROLLBACK_COMPLETE"] {
        assert!(last.contains(words), "{words}: {last}");
    }
    let json = away.dlt(&["explain", "last", "--output", "json"]).with_code(0).json();
    assert_eq!((&json["causes"][0]["id"], &json["live"]), (&json!("name-taken"), &json!(false)), "{json:#}");
    assert_eq!(json["why"][0]["source"], "event");
    let unknown = away.dlt(&["explain", "zzzzzz"]);
    assert!(unknown.code == 3 && unknown.err.contains("dlt history"), "{}", unknown.err);
}

fn it_is_played_again_as_it_was(stage: &Stage) {
    let away = offline(stage);
    let id = history(&stage.sandbox)[0]["operation"].as_str().expect("an id").to_owned();
    let lines = away.dlt(&["replay", &id[..4]]).with_code(0).err;
    for words in ["== deploy", "▸ creating dlt-shop", "ended in ROLLBACK_COMPLETE", "cause:", "exit code 6"] {
        assert!(lines.contains(words), "{words}: {lines}");
    }
    let events = away.dlt(&["replay", "last", "--output", "json"]).with_code(0).events();
    assert_eq!(events[0]["event"], "began");
    assert!(events.iter().any(|it| it["event"] == "planned"), "also what is large is read back");
    assert!(events.iter().any(|it| it["event"] == "ended" && it["verdict"] == "rolled-back"));
    let wrong = away.dlt(&["replay", "zzz"]).with_code(2);
    assert!(wrong.err.contains("dlt history"), "{}", wrong.err);
}

fn what_programs_read_has_the_form_that_we_promise(stage: &Stage) {
    let printed =
        [("history", &["history"][..]), ("explanation", &["explain", "last"]), ("explanation", &["explain", "shop"])];
    for (schema, arguments) in printed {
        let out = stage.sandbox.dlt(&[arguments, &["--output", "json"]].concat()).with_code(0).out;
        stage.sandbox.fits(schema, &out);
    }
}

#[test]
fn a_recording_that_cannot_be_written_is_told_and_changes_nothing_else() {
    let mut stage = Stage::set(&[], None);
    let file = stage.sandbox.write("not-a-folder", "");
    stage.sandbox.variable("XDG_STATE_HOME", file.display().to_string());
    let down = stage.sandbox.dlt(&["recover", "shop"]).with_code(0);
    assert!(down.err.contains("could not be recorded") && down.err.contains("nothing to recover"), "{}", down.err);
}

#[test]
fn a_stack_whose_update_could_not_go_back_goes_back_without_what_is_in_the_way() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    // The first log group changes, the second one fails, and the first one cannot go back either.
    stage.look(&["refuse", "AWS::Logs::LogGroup", "The service is out of order", "1"]);
    let change = ["up", "shop", "--yes", "--set", "retention.logs_days=30"];
    let failed = stage.sandbox.dlt(&change).with_code(7);
    assert!(failed.err.contains("The service is out of order"), "{}", failed.err);
    assert_eq!(status(&stage, MAIN), "UPDATE_ROLLBACK_FAILED", "{}", failed.err);

    let again = stage.sandbox.dlt(&["recover", "shop", "--yes"]).with_code(7);
    assert!(again.err.contains("--skip"), "it says what is in the way: {}", again.err);
    let wrong = stage.sandbox.dlt(&["recover", "shop", "--yes", "--skip", "Nobody"]).with_code(2);
    assert!(wrong.err.contains("these are: "), "{}", wrong.err);
    let name = proposed(&again);
    let recovered = stage.sandbox.dlt(&["recover", "shop", "--yes", "--skip", &name]).with_code(0);
    assert!(recovered.err.contains(&format!("{name} (AWS::Logs::LogGroup) was skipped")), "{}", recovered.err);
    assert_eq!(status(&stage, MAIN), "UPDATE_ROLLBACK_COMPLETE");
    stage.look(&["refuse"]);
    stage.sandbox.dlt(&change).with_code(0);
}

#[test]
fn a_deletion_that_failed_goes_on_without_the_bucket_that_is_in_its_way() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let bucket = stage.outputs()["DataBucket"].as_str().expect("a bucket").to_owned();
    stage.look(&["put", HUB, &bucket, "results/1.json", "gold"]);
    stage.look(&["delete-stack", HUB, "dlt-shop"]);
    until_status(&stage, MAIN, "DELETE_FAILED");

    let online = stage.sandbox.dlt(&["explain", "shop"]).with_code(0).out;
    assert!(online.contains("[bucket-not-empty]") && online.contains("DELETE_FAILED"), "{online}");
    let again = stage.sandbox.dlt(&["recover", "shop", "--yes"]).with_code(7);
    assert!(again.err.contains("is not empty") && again.err.contains("--skip"), "{}", again.err);
    let name = proposed(&again);
    let recovered = stage.sandbox.dlt(&["recover", "shop", "--yes", "--skip", &name]).with_code(0);
    assert!(recovered.err.contains(&bucket) && recovered.err.contains("belongs to no stack"), "{}", recovered.err);
    assert_eq!(status(&stage, MAIN), Value::Null);
    assert_eq!(stage.look(&["object", HUB, &bucket, "results/1.json"]), "gold", "nothing was lost");

    let purged = stage.sandbox.dlt(&["down", "shop", "--yes", "--purge"]).with_code(0);
    assert!(said(&purged).contains("nothing of this environment is left"), "{}", said(&purged));
}

#[test]
fn a_stack_that_only_a_forgotten_change_set_made_goes() {
    let stage = Stage::set(&[], None);
    stage.look(&["review", HUB, "dlt-shop"]);
    assert_eq!(status(&stage, MAIN), "REVIEW_IN_PROGRESS");
    let shown = stage.sandbox.dlt(&["recover", "shop", "--yes", "--output", "json"]).with_code(0);
    let cases = shown.events().into_iter().find(|it| it["event"] == "cases").expect("cases");
    assert_eq!(cases["cases"][0]["remedy"], "discard", "{cases:#}");
    assert_eq!(status(&stage, MAIN), Value::Null);
}

#[test]
fn what_goes_on_is_followed_from_elsewhere_and_stopped_from_elsewhere() {
    let stage = Stage::set(&[], None);
    let nothing = stage.sandbox.dlt(&["attach", "shop"]).with_code(0);
    assert!(nothing.err.contains("nothing is in flight"), "{}", nothing.err);
    let nothing = stage.sandbox.dlt(&["cancel", "shop"]).with_code(0);
    assert!(nothing.err.contains("nothing is in flight"), "{}", nothing.err);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);

    stage.look(&["pace", HELD_SECS]);
    let up = spawn(&stage, &["up", "shop", "--yes", "--set", "worker.memory=8192"]);
    until_status(&stage, MAIN, "UPDATE_IN_PROGRESS");
    let late = stage.sandbox.dlt(&["attach", "shop", "--deadline", "2s"]).with_code(10);
    assert!(late.err.contains("goes on"), "{}", late.err);
    let busy = stage.sandbox.dlt(&["recover", "shop", "--yes"]).with_code(8);
    assert!(busy.err.contains("dlt attach") && busy.err.contains("dlt cancel"), "{}", busy.err);
    let asked = stage.sandbox.dlt(&["cancel", "shop"]).with_code(5);
    assert!(asked.err.contains("goes back to what was before"), "{}", asked.err);
    let attached = Joining::start(&stage, &["attach", "shop", "--output", "json"]);
    let cancelled = Joining::start(&stage, &["cancel", "shop", "--yes", "--output", "json"]);
    stage.look(&["pace", "0"]);
    cancelled.end().with_code(0);
    let (up, attached) = (end(up).with_code(6), attached.end().with_code(6));
    for (told, err) in [("up", up.err), ("attach", attached.err)] {
        assert!(err.contains("rolled it back"), "{told} has the verdict of the stack: {err}");
    }
    assert_eq!(status(&stage, MAIN), "UPDATE_ROLLBACK_COMPLETE");
}

#[test]
fn two_people_do_not_deploy_different_things_at_once() {
    let stage = Stage::set(&[], None);
    keeping(&stage, "delete");
    let holder = |until_ms: i64| {
        json!({
            "who": "arn:aws:iam::000000000000:user/ann", "host": "anns-desk", "verb": "up", "content": "something else",
            "token": "1", "since_ms": 1_790_000_000_000_i64, "until_ms": until_ms,
        })
        .to_string()
    };
    stage.look(&["parameter", HUB, LOCK, &holder(4_000_000_000_000)]);
    for arguments in [&["up", "shop", "--yes"][..], &["down", "shop", "--yes", "--purge"]] {
        let held = stage.sandbox.dlt(arguments).with_code(8);
        for words in ["user/ann", "anns-desk", "`dlt up`", "since", "dlt attach"] {
            assert!(held.err.contains(words), "{words}: {}", held.err);
        }
    }
    assert_eq!(stacks(&stage), json!({}), "nothing was begun");
    assert_eq!(lock(&stage).len(), 1, "what is somebody else's stays");

    stage.look(&["parameter", HUB, LOCK, &holder(1)]);
    let over = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    assert!(over.err.contains("took over the lock"), "{}", over.err);
    assert!(lock(&stage).is_empty());
}

#[test]
fn of_two_who_find_the_same_lock_expired_exactly_one_takes_it_over() {
    let stage = Stage::set(&[], None);
    let left = json!({
        "who": "arn:aws:iam::000000000000:user/ann", "host": "anns-desk", "verb": "up", "content": "something else",
        "token": "1", "since_ms": 1, "until_ms": 1,
    });
    stage.look(&["parameter", HUB, LOCK, &left.to_string()]);
    // Whoever has it keeps it until the other one knows.
    stage.look(&["pace", HELD_SECS]);
    let memories = ["worker.memory=4096", "worker.memory=8192"];
    let mut racing = memories.map(|memory| spawn(&stage, &["up", "shop", "--yes", "--set", memory]));
    let over = || racing.iter_mut().position(|it| it.is_over());
    let first = eventually("one of them is kept out", Duration::from_secs(120), over);
    stage.look(&["pace", "0"]);
    let [one, other] = racing;
    let (kept_out, holder) = if first == 0 { (one, other) } else { (other, one) };
    let kept_out = end(kept_out).with_code(8);
    assert!(kept_out.err.contains("holds"), "{}", kept_out.err);
    let holder = end(holder).with_code(0);
    // The one that was kept out may have come while the lock was there, never after it was let go.
    assert!(holder.err.contains("took over the lock"), "{}", holder.err);
    assert!(lock(&stage).is_empty(), "whoever was kept out left nothing");
}

#[test]
fn live_data_is_switched_off_while_somebody_may_listen_and_leaves_nothing_behind() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let policies = |stage: &Stage| stage.account()[format!("{HUB} iot policies")].clone();
    assert_eq!(policies(&stage), json!(["dlt-shop-live"]));
    stage.look(&["let-listen", HUB, "dlt-shop-live", "us-east-1:11111111-2222-3333-4444-555555555555"]);
    let off = ["up", "shop", "--yes", "--set", "live_data=false", "--allow-data-loss", "LiveLogs"];
    let off = stage.sandbox.dlt(&off).with_code(0);
    assert!(off.err.contains("took the right to listen from 1 viewers"), "{}", off.err);
    assert_eq!(policies(&stage), Value::Null, "{}", stage.account());
}
