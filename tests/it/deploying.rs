//! Deployments in all their fortunes: kept data, failures, interruptions, and several commands at once.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cloud::{HUB, SECOND, Stage},
    support::{Ended, Sandbox, eventually},
};

/// So slow that no test waits for it: whoever holds an operation also lets it go.
pub const HELD_SECS: &str = "3600";
/// How long a test waits for what takes a moment.
const PATIENCE: Duration = Duration::from_secs(90);

/// An environment file that keeps its data.
pub fn keeping(stage: &Stage, data: &str) {
    let text = format!(
        "stack: dlt-shop\nregion: {HUB}\nadmin: {{name: chief, email: chief@example.com}}\nretention: {{data: {data}}}\n"
    );
    stage.sandbox.write("stacks/shop.yaml", &text);
}

pub fn stacks(stage: &Stage) -> Value {
    serde_json::from_str(&stage.look(&["stacks", HUB, SECOND])).expect("JSON")
}

pub fn said(ended: &Ended) -> String {
    format!("{}{}", ended.out, ended.err)
}

/// A command that goes on beside the test, and never longer than it.
pub struct Running(Option<Child>);

impl Running {
    /// Whether it has ended by itself.
    pub fn is_over(&mut self) -> bool {
        self.child().try_wait().expect("a process").is_some()
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("it was not ended yet")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            drop(child.kill().and_then(|()| child.wait()));
        }
    }
}

pub fn spawn(stage: &Stage, arguments: &[&str]) -> Running {
    let mut command = stage.sandbox.start(arguments);
    Running(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")))
}

pub fn end(mut running: Running) -> Ended {
    let child = running.0.take().expect("it was not ended yet");
    Ended::of(child.wait_with_output().expect("it ends"))
}

/// A command that is seen to join an operation which goes on already.
pub struct Joining {
    running: Running,
    lines: Lines<BufReader<ChildStdout>>,
    heard: String,
}

impl Joining {
    pub fn start(stage: &Stage, arguments: &[&str]) -> Self {
        let mut running = spawn(stage, arguments);
        let mut lines = BufReader::new(running.child().stdout.take().expect("piped")).lines();
        let mut heard = String::new();
        for line in lines.by_ref() {
            let line = line.expect("UTF-8") + "\n";
            heard += &line;
            let event: Value = serde_json::from_str(&line).expect("JSON");
            if event["event"] == "started" && event["joined"] == true {
                return Self { running, lines, heard };
            }
        }
        panic!("it joined nothing:\n{heard}{}", end(running).err);
    }

    pub fn end(mut self) -> Ended {
        for line in self.lines {
            self.heard += &(line.expect("UTF-8") + "\n");
        }
        Ended { out: self.heard, ..end(self.running) }
    }
}

pub fn until_status(stage: &Stage, stack: &str, status: &str) {
    eventually(&format!("{stack} is {status}"), PATIENCE, || (stacks(stage)[stack] == status).then_some(()));
}

fn named<'a>(list: &'a Value, kind: &str) -> Vec<&'a str> {
    let list = list.as_array().expect("a list");
    list.iter().filter(|it| it["kind"] == kind).map(|it| it["name"].as_str().expect("a name")).collect()
}

/// The last event of a kind that a command told as JSON.
pub fn told(ended: &Ended, event: &str) -> Value {
    ended.events().into_iter().rfind(|it| it["event"] == event).unwrap_or_else(|| panic!("no {event}: {}", ended.out))
}

#[test]
fn kept_data_comes_back_into_the_next_stack_and_goes_when_it_is_purged() {
    let stage = Stage::set(&[], None);
    let before = stage.account();
    keeping(&stage, "keep");
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let first = stage.outputs();
    let bucket = first["DataBucket"].as_str().expect("a bucket").to_owned();
    stage.look(&["put", HUB, &bucket, "results/1.json", "gold"]);
    stage.look(&["item", HUB, "dlt-shop", "run-1"]);
    // Somebody else's pool of the same name is none of our business.
    let foreign = stage.look(&["pool", HUB, "dlt-shop"]);

    let down = stage.sandbox.dlt(&["down", "shop", "--yes", "--output", "json"]).with_code(0);
    let again = stage.sandbox.dlt(&["down", "shop", "--output", "json"]).with_code(0);
    for ended in [down, again] {
        let remains = &told(&ended, "ledger")["remains"];
        assert_eq!(named(remains, "bucket"), [bucket.as_str()]);
        assert_eq!(named(remains, "table"), ["dlt-shop"]);
        assert_eq!(named(remains, "user pool"), [first["UserPoolId"].as_str().expect("an id")], "and not {foreign}");
        let groups = named(remains, "log group");
        assert!(groups.contains(&"/dlt/dlt-shop/workers") && groups.len() == 6, "{groups:?}");
        let group = remains.as_array().expect("a list").iter().find(|it| it["kind"] == "log group").expect("one");
        assert!(group["bytes"].is_u64() && group["why"].as_str().is_some_and(|why| why.contains("--purge")), "{group}");
        let kept = remains.as_array().expect("a list").iter().find(|it| it["kind"] == "bucket").expect("one");
        assert_eq!((&kept["count"], &kept["bytes"]), (&json!(1), &json!(4)));
    }

    keeping(&stage, "delete");
    let refused = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(5);
    for word in [bucket.as_str(), "/dlt/dlt-shop/workers", "retention.data: keep", "--purge"] {
        assert!(refused.err.contains(word), "{word}: {}", refused.err);
    }
    assert_eq!(stacks(&stage), json!({}), "nothing was begun");

    keeping(&stage, "keep");
    let plan = stage.sandbox.dlt(&["plan", "shop", "--output", "json"]).with_code(0).json();
    let main = plan["stacks"].as_array().and_then(|stacks| stacks.iter().find(|it| it["part"] == "main"));
    let main = main.expect("a main stack");
    let imported: Vec<&Value> =
        main["resources"].as_array().expect("a list").iter().filter(|it| it["act"] == "import").collect();
    assert_eq!(imported.len(), 8, "bucket, table and six log groups: {imported:#?}");
    assert!(imported.iter().any(|it| it["physical_id"] == bucket.as_str()), "{imported:#?}");
    let pool = first["UserPoolId"].as_str().expect("an id");
    assert!(main["notes"].to_string().contains(pool), "the pool stays beside the new one: {}", main["notes"]);
    let shown = stage.sandbox.dlt(&["plan", "shop"]).with_code(0).out;
    assert!(shown.contains("8 import") && shown.contains(&format!("import {bucket}")), "{shown}");

    let up = stage.sandbox.dlt(&["up", "shop", "--yes", "--output", "json"]).with_code(0);
    let proposed: Vec<Value> = up.events().into_iter().filter(|it| it["event"] == "proposed").collect();
    let changes = proposed.iter().flat_map(|it| it["changes"].as_array().expect("a list"));
    assert_eq!(changes.filter(|it| it["act"] == "import").count(), 8, "CloudFormation agrees");
    let second = stage.outputs();
    assert_eq!((&second["DataBucket"], &second["TableName"]), (&first["DataBucket"], &first["TableName"]));
    assert_ne!(second["UserPoolId"], first["UserPoolId"]);
    assert_eq!(stage.look(&["object", HUB, &bucket, "results/1.json"]), "gold");
    assert_eq!(stage.look(&["items", HUB, "dlt-shop"]), "1");
    let settled = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    assert!(said(&settled).contains("nothing to do"), "{}", said(&settled));

    let purged = stage.sandbox.dlt(&["down", "shop", "--yes", "--purge"]).with_code(0);
    assert!(said(&purged).contains("nothing of this environment is left"), "{}", said(&purged));
    let mut after = stage.account();
    assert_eq!(after[format!("{HUB} cognito-idp")], json!(["dlt-shop"]), "only somebody else's pool");
    after.as_object_mut().expect("an object").remove(&format!("{HUB} cognito-idp"));
    assert_eq!(after, before);
}

#[test]
fn a_failed_deployment_names_its_cause_leaves_nothing_even_of_what_is_kept_and_can_be_made_good() {
    let stage = Stage::set(&[], None);
    keeping(&stage, "keep");
    let before = stage.account();
    let role = format!("dlt-shop-{HUB}-viewer");
    stage.look(&["role", HUB, &role]);
    let failed = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(6);
    assert!(failed.err.contains(&role) && failed.err.contains("already exists"), "the first cause: {}", failed.err);
    stage.look(&["role", HUB, &role, "gone"]);
    let stuck = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(7);
    assert!(stuck.err.contains("ROLLBACK_COMPLETE") && stuck.err.contains("dlt recover"), "the way out: {}", stuck.err);
    let down = stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
    assert!(said(&down).contains("nothing of this environment is left"), "{}", said(&down));
    assert_eq!(stage.account(), before);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
}

#[test]
fn a_second_command_joins_a_running_operation_and_an_interrupted_one_goes_on_the_next_time() {
    let stage = Stage::set(&[SECOND], None);
    two_commands_make_one_environment(&stage);
    all_is_there_and_stays_as_it_is(&stage);
    an_interrupted_command_leaves_its_operation_to_the_next(&stage);
}

fn two_commands_make_one_environment(stage: &Stage) {
    stage.look(&["pace", HELD_SECS]);
    let first = spawn(stage, &["up", "shop", "--yes"]);
    until_status(stage, &format!("{HUB} dlt-shop-foundation"), "CREATE_IN_PROGRESS");
    let second = Joining::start(stage, &["up", "shop", "--yes", "--output", "json"]);
    // Slow enough for the spans of two stacks to be told apart.
    stage.look(&["pace", "2"]);
    let (first, second) = (end(first).with_code(0), second.end().with_code(0));
    assert!(said(&first).contains("ApiEndpoint"), "{}", said(&first));
    let outputs = stage.outputs();
    assert_eq!(told(&second, "outputs")["outputs"], outputs, "both end with the same");
    assert_eq!(stage.look(&["changes", HUB, "dlt-shop"]), "1", "one change set for both");

    let span = |region: &str, stack: &str| -> (f64, f64) {
        serde_json::from_str(&stage.look(&["span", region, stack])).expect("two instants")
    };
    let (main, regional) = (span(HUB, "dlt-shop"), span(SECOND, "dlt-shop-regional"));
    let overlap = main.1.min(regional.1) - main.0.max(regional.0);
    assert!(overlap > 1.0, "main and regional stacks are made at the same time: {main:?} {regional:?}");
    stage.look(&["pace", "0"]);
}

fn all_is_there_and_stays_as_it_is(stage: &Stage) {
    let complete = json!({
        format!("{HUB} dlt-shop-foundation"): "CREATE_COMPLETE",
        format!("{HUB} dlt-shop"): "CREATE_COMPLETE",
        format!("{SECOND} dlt-shop-foundation"): "CREATE_COMPLETE",
        format!("{SECOND} dlt-shop-regional"): "CREATE_COMPLETE",
    });
    assert_eq!(stacks(stage), complete);
    let change_sets = stage.look(&["changes", HUB, "dlt-shop"]);
    // The quickest of three, because other tests want the machine too.
    let nothing = || {
        let began = Instant::now();
        let again = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
        assert!(said(&again).contains("nothing to do"), "{}", said(&again));
        began.elapsed()
    };
    let took = [nothing(), nothing(), nothing()].into_iter().min().expect("three");
    assert_eq!(stage.look(&["changes", HUB, "dlt-shop"]), change_sets, "a no-op makes no change set");
    let bound = Duration::from_secs(1).mul_f64(crowd());
    assert!(took < bound, "a no-op takes {took:?}, and at most {bound:?} on a machine as busy as this");
}

/// How many times slower than alone everything is: programs that want to run for each processor, and at least 1.
fn crowd() -> f64 {
    let load = std::fs::read_to_string("/proc/loadavg").expect("Linux says how busy it is");
    let load: f64 = load.split(' ').next().and_then(|minute| minute.parse().ok()).expect("a number");
    let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    (load / processors).max(1.0)
}

fn an_interrupted_command_leaves_its_operation_to_the_next(stage: &Stage) {
    let main = format!("{HUB} dlt-shop");
    let change = ["up", "shop", "--yes", "--set", "worker.memory=8192"];
    stage.look(&["pace", HELD_SECS]);
    let mut interrupted = spawn(stage, &change);
    until_status(stage, &main, "UPDATE_IN_PROGRESS");
    assert!(
        Command::new("kill")
            .args(["-INT", &interrupted.child().id().to_string()])
            .status()
            .is_ok_and(|it| it.success()),
        "it still runs"
    );
    let ended = end(interrupted).with_code(130);
    assert!(ended.err.contains("goes on in AWS") && ended.err.contains("hint:"), "{}", ended.err);
    assert_eq!(stacks(stage)[&main], "UPDATE_IN_PROGRESS", "nothing was taken back");

    let other = stage.sandbox.dlt(&["up", "shop", "--yes", "--set", "worker.memory=16384", "--set", "worker.cpu=4096"]);
    assert!(other.with_code(8).err.contains("another operation holds"), "another wish has to wait");
    let next = Joining::start(stage, &[&change[..], &["--output", "json"]].concat());
    stage.look(&["pace", "0"]);
    next.end().with_code(0);
    assert_eq!(stacks(stage)[&main], "UPDATE_COMPLETE");
    let after = stage.sandbox.dlt(&["plan", "shop", "--exit-code", "--set", "worker.memory=8192"]).with_code(0);
    assert!(after.out.contains("nothing to do"), "{}", after.out);
}

#[test]
fn another_address_or_name_of_the_admin_is_explained_and_set_without_a_failure() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let pool = stage.outputs()["UserPoolId"].as_str().expect("a pool").to_owned();
    let user = |name: &str| -> Value { serde_json::from_str(&stage.look(&["user", HUB, &pool, name])).expect("JSON") };
    assert_eq!(user("chief")["email"], "chief@example.com");

    let moved = ["--set", "admin.email=boss@example.org"];
    // The emulated change set lists what uses a parameter that changes, also where the value stays the same.
    let plan = stage.sandbox.dlt(&[&["plan", "shop", "--local-only"][..], &moved].concat()).with_code(0).out;
    assert!(plan.contains("the admin `chief` stays") && plan.contains("boss@example.org"), "{plan}");
    assert!(!plan.contains("AdminUser"), "no user is made anew: {plan}");
    let up = stage.sandbox.dlt(&[&["up", "shop", "--yes"][..], &moved].concat()).with_code(0);
    assert!(said(&up).contains("the invitation was sent again"), "{}", said(&up));
    assert_eq!(user("chief")["email"], "boss@example.org");
    let again = stage.sandbox.dlt(&[&["up", "shop", "--yes"][..], &moved].concat()).with_code(0);
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));

    let renamed = [&moved[..], &["--set", "admin.name=leader"]].concat();
    let plan = stage.sandbox.dlt(&[&["plan", "shop"][..], &renamed].concat()).with_code(0).out;
    assert!(plan.contains("`leader` is made and invited, and `chief` is removed"), "{plan}");
    stage.sandbox.dlt(&[&["up", "shop", "--yes"][..], &renamed].concat()).with_code(0);
    assert_eq!(user("leader")["email"], "boss@example.org");
    let users = stage.look(&["users", HUB, &pool]);
    assert_eq!(users, r#"["leader"]"#);
}

#[test]
fn profile_region_and_endpoint_are_those_of_aws_own_files_and_a_missing_profile_is_told() {
    let stage = Stage::set(&[], None);
    let keys: [String; 2] = serde_json::from_str(&stage.look(&["keys", HUB, "eva"])).expect("two keys");
    let mut sandbox = Sandbox::new();
    sandbox.write(
        "home/.aws/credentials",
        &format!("[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n", keys[0], keys[1]),
    );
    let endpoint = &stage.aws.endpoint;
    sandbox.write("home/.aws/config", &format!("[profile work]\nregion = {SECOND}\nendpoint_url = {endpoint}\n"));
    // The file names no region: whose account it is and where is up to whoever deploys.
    sandbox.write("stacks/shop.yaml", "stack: dlt-shop\nadmin: {name: chief, email: chief@example.com}\n");
    sandbox.variable("AWS_EC2_METADATA_DISABLED", "true");
    sandbox.variable("AWS_PROFILE", "nobody");
    let missing = sandbox.dlt(&["plan", "shop", "--set", &format!("region={SECOND}")]).with_code(4);
    let told = ["the profile `nobody`", "hint: set AWS_PROFILE", "list-profiles"];
    assert!(told.iter().all(|words| missing.err.contains(words)), "{}", missing.err);

    sandbox.variable("AWS_PROFILE", "work");
    let origins = sandbox.dlt(&["config", "shop", "--origin"]).with_code(0).out;
    assert!(origins.lines().any(|line| line.contains(SECOND) && line.contains("profile work")), "{origins}");
    let asked = |since: usize| -> Vec<Value> {
        let all: Vec<Value> = serde_json::from_str(&stage.look(&["requests"])).expect("JSON");
        all.into_iter().filter(|it| it["key"] == keys[0].as_str()).skip(since).collect()
    };
    sandbox.dlt(&["plan", "shop", "--exit-code"]).with_code(20);
    let requests = asked(0);
    let services: std::collections::BTreeSet<&str> = requests.iter().filter_map(|it| it["service"].as_str()).collect();
    assert!(["cloudformation", "ecr", "s3", "sts"].iter().all(|service| services.contains(service)), "{services:?}");
    assert!(requests.iter().all(|it| it["region"] == SECOND), "{requests:#?}");
    assert!(requests.iter().all(|it| it["host"] == endpoint.trim_start_matches("http://")), "{requests:#?}");

    sandbox.variable("AWS_REGION", HUB);
    sandbox.dlt(&["plan", "shop", "--exit-code"]).with_code(20);
    let later = asked(requests.len());
    assert!(!later.is_empty() && later.iter().all(|it| it["region"] == HUB), "the variable wins: {later:#?}");
}
