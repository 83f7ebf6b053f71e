//! Plans against the emulated AWS: two witnesses that leave no trace, sealed plans, and data that is not lost by accident.

use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    cloud::{HUB, Stage},
    support::{Ended, python, root},
};

const CHANGE: [&str; 2] = ["--set", "worker.memory=8192"];

fn dlt(stage: &Stage, arguments: &[&str], more: &[&str]) -> Ended {
    stage.sandbox.dlt(&[arguments, more].concat())
}

fn main_stack(plan: &Value) -> &Value {
    plan["stacks"].as_array().expect("a list").iter().find(|it| it["part"] == "main").expect("a main stack")
}

#[test]
fn a_plan_asks_two_witnesses_and_leaves_no_trace_and_a_sealed_one_is_held_to() {
    let stage = Stage::set(&[], None);
    let new = dlt(&stage, &["plan", "shop", "--output", "json"], &[]).with_code(0);
    as_the_schema_says(&new);
    assert_eq!(stage.look(&["stacks", HUB]), "{}", "planning a new environment makes nothing");
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let (account, made) = (stage.account(), stage.look(&["changes", HUB, "dlt-shop"]));

    let plan = dlt(&stage, &["plan", "shop", "--output", "json"], &CHANGE).with_code(0);
    as_the_schema_says(&plan);
    let plan = plan.json();
    let main = main_stack(&plan);
    assert_eq!(main["server"]["answer"], "answered", "{main:#}");
    let task = main["resources"].as_array().expect("a list").iter().find(|it| it["logical_id"] == "WorkerTask");
    let task = task.expect("the task definition has the memory");
    assert_eq!((&task["act"], &task["seen"]), (&"replace".into(), &"both".into()), "{task:#}");
    let local = dlt(&stage, &["plan", "shop", "--local-only", "--output", "json"], &CHANGE).with_code(0).json();
    assert_eq!(main_stack(&local)["server"]["answer"], "unasked");
    let text = dlt(&stage, &["plan", "shop", "--exit-code"], &CHANGE).with_code(20).out;
    for words in ["1 replace", "compared here and by CloudFormation", "Memory: 4096 → 8192", "makes it anew", "both"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(stage.look(&["changes", HUB, "dlt-shop"]), made, "no change set stays");
    assert_eq!(stage.account(), account);

    sealed_plans_are_held_to(&stage);
}

fn sealed_plans_are_held_to(stage: &Stage) {
    let file = stage.sandbox.path().join("shop.plan");
    let name = file.to_str().expect("UTF-8");
    dlt(stage, &["plan", "shop", "--out", name], &CHANGE).with_code(0);
    let mode = std::fs::metadata(&file).expect("the plan").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner reads it");
    let text = std::fs::read_to_string(&file).expect("the plan");
    assert!(!text.contains("chief@example.com") && !text.contains("8192"), "no values: {text}");

    let up = ["up", "shop", "--plan", name];
    let refused = |ended: Ended, words: &str| {
        let ended = ended.with_code(5);
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    };
    refused(dlt(stage, &up, &["--set", "worker.memory=16384"]), "is another one");
    stage.sandbox.write("edited.plan", &text.replace("\"action\": \"update\"", "\"action\": \"create\""));
    refused(dlt(stage, &["up", "shop", "--plan", "edited.plan"], &CHANGE), "edited");
    dlt(stage, &["plan", "shop", "--out", "old.plan", "--valid-for", "0s"], &CHANGE).with_code(0);
    refused(dlt(stage, &["up", "shop", "--plan", "old.plan"], &CHANGE), "expired");

    dlt(stage, &up, &CHANGE).with_code(0);
    refused(dlt(stage, &up, &CHANGE), "meanwhile");
}

#[test]
fn data_is_lost_by_name_only_and_after_saying_how_much() {
    let stage = Stage::set(&[], None);
    let delete = "stack: dlt-shop\nregion: us-east-1\nadmin: {name: chief, email: chief@example.com}\nretention: {data: delete}\n";
    stage.sandbox.write("stacks/shop.yaml", delete);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    // Somebody deployed the table under another name by hand; the next `up` would make it anew.
    stage.look(&["rewrite", HUB, "dlt-shop", "TableName: \"dlt-shop\"", "TableName: \"dlt-by-hand\""]);
    stage.look(&["item", HUB, "dlt-by-hand", "run-1"]);
    let plan = stage.sandbox.dlt(&["plan", "shop", "--local-only"]).with_code(0).out;
    for words in ["1 REPLACES DATA", "Table (AWS::DynamoDB::Table) is made anew", "1 inside", "point-in-time recovery"]
    {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    let refused = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(5);
    assert!(refused.err.contains("--allow-data-loss Table"), "{}", refused.err);
}

/// What is printed is what the committed schema describes, by a judge that is not ours.
fn as_the_schema_says(ended: &Ended) {
    let mut child = Command::new("node")
        .arg(root().join("tests/judges/schema.mjs"))
        .arg(python("node/node_modules").parent().expect("inside .venv/node"))
        .arg(root().join("docs/schema/plan.json"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut stdin = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, ended.out.as_bytes()).expect("node reads");
    drop(stdin);
    Ended::of(child.wait_with_output().expect("it ends")).with_code(0);
}
