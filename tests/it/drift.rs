//! Drift, as a person makes it: through the services' own calls, behind CloudFormation's back, and found by the real binary.

use std::net::TcpListener;

use serde_json::Value;

use crate::{
    cloud::{HUB, SECOND, Stage},
    support::Ended,
};

/// The emulated account.
const ACCOUNT: &str = "000000000000";

/// What is done, the resource that it is done to, where the difference shows, and a word of what is deployed then.
const DEEDS: &[(&str, &str, &str, &str)] = &[
    ("bucket_encryption", "DataBucket", "BucketEncryption", ""),
    ("public_access", "DataBucket", "PublicAccessBlockConfiguration.BlockPublicPolicy", "false"),
    ("bucket_policy", "DataBucketPolicy", "PolicyDocument.Statement[0].Sid", "Anybody"),
    ("versioning", "DataBucket", "VersioningConfiguration.Status", "Suspended"),
    ("log_retention", "WorkerLogs", "RetentionInDays", "7"),
    ("function_settings", "ApiFunction", "MemorySize", "128"),
    ("function_variables", "LiveFunction", "Environment.Variables.DEBUG", "1"),
    ("role_policy", "ViewerRole", "Policies[1]", "by-hand"),
    ("egress", "WorkerSecurityGroup", "SecurityGroupEgress[1]", "10.0.0.0/8"),
    ("backups", "Table", "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", "false"),
    ("billing", "Table", "BillingMode", "PROVISIONED"),
    ("user_pool", "UserPool", "MfaConfiguration", "OFF"),
    ("alarm", "LiveErrorsAlarm", "Threshold", "1000"),
    ("state_machine", "StateMachine", "DefinitionString.States.Advance.TimeoutSeconds", "1"),
    ("parameter", "NetworkParameter", "Value.assignPublicIp", "Value.assignPublicIp: -"),
    ("insights", "Cluster", "ClusterSettings[0].Value", "disabled"),
    ("rule", "WorkerEvents", "Description", "Changed by hand."),
];

fn meddle(stage: &Stage, deeds: &[&str]) {
    meddle_with(stage, deeds, &[]);
}

fn meddle_with(stage: &Stage, deeds: &[&str], variables: &[(&str, &str)]) {
    let arguments: Vec<&str> = [HUB, "dlt-shop", ACCOUNT].iter().chain(deeds).copied().collect();
    stage.script("meddle.py", &arguments, variables).with_code(0);
}

fn up(regions: &[&str]) -> Stage {
    let stage = Stage::set(regions, None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    stage
}

fn drift(stage: &Stage, code: i32) -> Value {
    stage.sandbox.dlt(&["drift", "shop", "--exit-code", "--output", "json"]).with_code(code).json()
}

/// Everything that differs: the resource and the place.
fn places(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let resources = answer["stacks"]
        .as_array()
        .expect("stacks")
        .iter()
        .flat_map(|it| it["resources"].as_array().expect("resources"));
    let of_resource = |resource: &Value| -> Vec<(String, String)> {
        let name = text(&resource["logical_id"]);
        if resource["fate"] == "deleted" {
            return vec![(name, "gone".to_owned())];
        }
        let properties = resource["properties"].as_array().expect("properties");
        properties.iter().map(|it| (name.clone(), text(&it["path"]))).collect()
    };
    resources.flat_map(of_resource).collect()
}

fn names(answer: &Value, list: &str, key: &str) -> Vec<String> {
    answer[list].as_array().expect("a list").iter().map(|it| it[key].as_str().expect("text").to_owned()).collect()
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
}

#[test]
fn seventeen_kinds_of_change_by_hand_are_found_property_by_property_and_taken_back() {
    let stage = up(&[SECOND]);
    let quiet = stage.sandbox.dlt(&["drift", "shop", "--exit-code"]).with_code(0);
    assert!(!quiet.out.contains("no drift"), "there are types that cannot be compared:\n{}", quiet.out);
    has(
        &quiet.out,
        &["nothing differs among what can be compared", "resources compared", "AWS::Cognito::UserPoolUser"],
    );
    has(&quiet.err, &["comparing dlt-shop", &format!("dlt-shop ({HUB})"), &format!("dlt-shop-regional ({SECOND})")]);
    stage.sandbox.dlt(&["drift", "shop", "--strict"]).with_code(9);

    stage.script("meddle.py", &["watch"], &[]).with_code(0);
    meddle(&stage, &DEEDS.iter().map(|deed| deed.0).collect::<Vec<_>>());
    meddle(&stage, &["mutable_tags", "no_alarm"]);
    let answer = drift(&stage, 20);
    let found = places(&answer);
    for (deed, resource, path, _) in DEEDS {
        let is_found = found.iter().any(|(name, at)| name == resource && at.starts_with(path));
        assert!(is_found, "{deed}: {resource}.{path} is not in {found:#?}");
    }
    assert!(found.contains(&("Repository".to_owned(), "ImageTagMutability".to_owned())), "{found:#?}");
    assert!(found.contains(&("ApiFaultsAlarm".to_owned(), "gone".to_owned())), "{found:#?}");
    assert_eq!(answer["verdict"], "drifted");
    stage.sandbox.fits("drift", &answer.to_string());

    let shown = stage.sandbox.dlt(&["drift", "shop"]).with_code(0).out;
    for (_, resource, path, after) in DEEDS {
        has(&shown, &[resource, path, after]);
    }
    has(
        &shown,
        &["lambda:UpdateFunctionConfiguration", "user/test", "ApiFaultsAlarm (AWS::CloudWatch::Alarm)  IS GONE"],
    );
    has(&shown, &["by whom? CloudTrail names no write"]);

    let refused = stage.sandbox.dlt(&["drift", "revert", "shop"]).with_code(5);
    has(&refused.err, &["--yes"]);
    assert_eq!(places(&drift(&stage, 20)).len(), found.len(), "nothing was changed");
    let reverted = stage.sandbox.dlt(&["drift", "revert", "shop", "--yes"]).with_code(0);
    has(&reverted.err, &["updated dlt-shop (us-east-1)", "updated dlt-shop-foundation (us-east-1)"]);
    assert!(!reverted.err.contains("updated dlt-shop-regional"), "it had none: {}", reverted.err);
    assert_eq!(places(&drift(&stage, 0)), []);
    stage.sandbox.dlt(&["plan", "shop", "--exit-code"]).with_code(0);
}

#[test]
fn what_cloudformation_does_not_compare_is_found_too_each_with_its_cure() {
    let stage = up(&[]);
    let quiet = drift(&stage, 0);
    assert_eq!(
        (&quiet["code"], &quiet["strays"], &quiet["gaps"]),
        (&Value::Array(vec![]), &Value::Array(vec![]), &Value::Array(vec![]))
    );
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    meddle_with(&stage, &["task"], &[("SILENT_ENDPOINT", &endpoint)]);
    meddle(&stage, &["function_code", "task_definition", "log_group", "console_file", "old_console"]);
    let answer = drift(&stage, 20);
    let code = names(&answer, "code", "what");
    assert_eq!(code, ["function dlt-shop-api", "worker task", "console files"], "{answer:#}");
    stage.sandbox.fits("drift", &answer.to_string());
    let strays = names(&answer, "strays", "kind");
    assert_eq!(strays, ["running task", "log group", "consoles"], "{answer:#}");
    let shown = stage.sandbox.dlt(&["drift", "shop"]).with_code(0).out;
    has(
        &shown,
        &[
            "aws lambda update-function-code --function-name dlt-shop-api",
            "aws ecs deregister-task-definition --task-definition dlt-shop-worker:2",
            "aws ecs stop-task --cluster dlt-shop",
            "aws logs delete-log-group --log-group-name /dlt/dlt-shop/old",
            "left lying, no drift",
        ],
    );
}

#[test]
fn what_is_ignored_is_not_counted_until_its_day_has_passed() {
    let stage = up(&[]);
    meddle(&stage, &["log_retention", "function_settings"]);
    let file = stage.sandbox.path().join("stacks/shop.yaml");
    let text = std::fs::read_to_string(&file).expect("the file");
    let ignoring = |until: &str| {
        let entry = |resource: &str| format!("    - {{resource: {resource}, reason: an experiment, until: {until}}}\n");
        let list = format!("drift:\n  ignore:\n{}{}", entry("WorkerLogs"), entry("ApiFunction"));
        std::fs::write(&file, format!("{text}{list}")).expect("the file");
    };
    ignoring("2999-12-31");
    let hidden: Ended = stage.sandbox.dlt(&["drift", "shop", "--exit-code"]).with_code(0);
    has(&hidden.out, &["2 ignored", "ignored until 2999-12-31: an experiment"]);
    ignoring("2020-01-31");
    let passed = stage.sandbox.dlt(&["drift", "shop", "--exit-code"]).with_code(20);
    has(&passed.out, &["2 things drifted", "was to be ignored until 2020-01-31 (an experiment)", "it counts again"]);
}

#[test]
fn what_the_file_decides_is_accepted_into_it_and_up_makes_the_stacks_agree() {
    let stage = up(&[]);
    meddle(&stage, &["log_retention", "function_settings", "task_definition"]);
    let file = stage.sandbox.path().join("stacks/shop.yaml");
    let before = std::fs::read_to_string(&file).expect("the file") + "# The end.\n";
    std::fs::write(&file, &before).expect("the file");
    let refused = stage.sandbox.dlt(&["drift", "accept", "shop"]).with_code(5);
    has(&refused.err, &["--yes"]);
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), before, "nobody agreed");

    let accepted = stage.sandbox.dlt(&["drift", "accept", "shop", "--yes"]).with_code(0);
    has(
        &accepted.out,
        &[
            "+  logs_days: 7",
            "+  cpu: 4096",
            "+  memory: 8192",
            "also changes: ApiLogs.RetentionInDays",
            "not taken over: ApiFunction (us-east-1) MemorySize: no setting of the environment file decides it",
        ],
    );
    let after = std::fs::read_to_string(&file).expect("the file");
    assert!(after.starts_with(&before), "everything else stays as it was:\n{after}");
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let now = stage.sandbox.dlt(&["drift", "shop", "--output", "json"]).with_code(0).json();
    assert!(!places(&now).iter().any(|(resource, _)| resource == "WorkerLogs"), "{now:#}");
    assert_eq!(names(&now, "code", "what"), [""; 0], "workers start from the stack's own revision again");

    meddle(&stage, &["function_settings"]);
    let nothing = stage.sandbox.dlt(&["drift", "accept", "shop", "--yes"]).with_code(5);
    has(&nothing.err, &["nothing of what differs has a place", "`dlt drift revert`", "drift.ignore"]);
}

#[test]
fn an_environment_that_is_not_there_has_no_drift_to_look_for() {
    let stage = Stage::set(&[], None);
    let refused = stage.sandbox.dlt(&["drift", "shop"]).with_code(3);
    has(&refused.err, &["not deployed", "`dlt up`"]);
}
