//! `dlt doctor`: an account that would take an environment and its test, and accounts that would not.

use serde_json::Value;

use crate::{
    cloud::{HUB, SECOND, Stage},
    support::{Ended, Sandbox},
};

/// Everything, but not these.
const NEARLY_EVERYTHING: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": ["s3:PutBucketPolicy", "iam:PassRole", "servicequotas:*"], "Resource": "*"}]}"#;

/// The checks of a report that are about something, as area, region, state, what they say and their cure.
fn checks<'r>(report: &'r Value, area: &str, what: &str) -> Vec<&'r Value> {
    let checks = report["checks"].as_array().expect("a list of checks");
    checks
        .iter()
        .filter(|check| check["area"] == area && check["what"].as_str().unwrap_or_default().contains(what))
        .collect()
}

fn states(report: &Value, area: &str, what: &str) -> Vec<String> {
    checks(report, area, what).iter().map(|check| check["state"].as_str().unwrap_or_default().to_owned()).collect()
}

fn doctor(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    sandbox.dlt(&[&["doctor", "shop", "--output", "json"], arguments].concat())
}

#[test]
fn a_test_that_fits_is_told_from_one_that_does_not_before_anything_is_built() {
    let stage = Stage::set(&[SECOND], None);
    let small = doctor(&stage.sandbox, &["--users", "20000"]).with_code(0).json();
    assert_eq!(small["planned"]["workers"], 2, "{small:#}");
    assert_eq!(states(&small, "quotas", "Fargate vCPUs"), ["ok", "ok"], "{small:#}");
    assert_eq!(states(&small, "quotas", "IoT"), ["ok"], "{small:#}");
    let interfaces = checks(&small, "quotas", "network interfaces");
    assert!(interfaces[0]["says"].as_str().expect("words").ends_with(" of 5000 are in use"), "{small:#}");
    assert_eq!(states(&small, "account", "clock"), ["ok"]);
    assert_eq!(states(&small, "account", "the role of ECS"), ["warn"], "a fresh account has none");
    assert_eq!(states(&small, "names", "names of dlt-shop"), ["ok"; 4], "{small:#}");
    assert_eq!(states(&small, "regions", ""), ["ok", "ok"]);

    let large = doctor(&stage.sandbox, &["--users", "500000", "--workers", "120"]).with_code(4).json();
    let vcpus = checks(&large, "quotas", "Fargate vCPUs");
    assert_eq!((vcpus[0]["state"].as_str(), vcpus[0]["region"].as_str()), (Some("fail"), Some(HUB)), "{large:#}");
    assert_eq!(vcpus[0]["says"], "needs 120; 0 of 100 are in use");
    let cure = vcpus[0]["cure"].as_str().expect("a cure");
    assert!(cure.starts_with("aws service-quotas request-service-quota-increase ") && cure.contains(HUB), "{cure}");
    assert_eq!(states(&large, "network", "addresses"), ["ok", "ok"], "4,091 addresses in each of two subnets");

    // A name that somebody else has, and whoever may not do everything.
    stage.look(&["role", HUB, "dlt-shop-us-east-1-worker"]);
    let keys = stage.look(&["keys", HUB, "eva", NEARLY_EVERYTHING]);
    let [id, secret]: [String; 2] = serde_json::from_str(&keys).expect("two keys");
    let mut sandbox = stage.sandbox;
    sandbox.variable("AWS_ACCESS_KEY_ID", id).variable("AWS_SECRET_ACCESS_KEY", secret);
    let refused = doctor(&sandbox, &[]).with_code(4);
    sandbox.fits("doctor", &refused.out);
    let refused = refused.json();
    assert_eq!(states(&refused, "names", "dlt-shop-us-east-1-worker"), ["fail"], "{refused:#}");
    assert_eq!(states(&refused, "permissions", ""), ["fail", "fail"], "{refused:#}");
    let policies = checks(&refused, "permissions", "s3");
    assert_eq!(policies[0]["says"], "not allowed: s3:PutBucketPolicy");
    assert!(policies[0]["cure"].as_str().expect("a cure").starts_with("aws iam put-user-policy --user-name eva "));
    assert!(states(&refused, "quotas", "").iter().all(|state| state == "not-known"), "a denied question is no crash");

    let page = sandbox.dlt(&["doctor", "shop"]).with_code(4);
    assert!(page.out.contains("✗ iam  not allowed: iam:PassRole"), "{}", page.out);
    assert!(page.out.lines().all(|line| line.chars().count() <= 80 || line.contains('→')), "{}", page.out);
    assert!(!page.out.contains('\u{1b}'), "a pipe gets no colours");
}

#[test]
fn what_is_deployed_is_its_own_and_its_time_and_money_are_known() {
    let stage = Stage::set(&[], None);
    let told = stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0).err;
    assert!(told.contains("this takes about "), "{told}");
    let report = doctor(&stage.sandbox, &[]).with_code(0).json();
    assert_eq!(states(&report, "names", ""), ["ok", "ok"], "{report:#}");
    assert_eq!(states(&report, "account", "the role of ECS"), ["ok"]);

    let cost = stage.sandbox.dlt(&["cost", "shop", "--deployed", "--output", "json"]).with_code(0);
    stage.sandbox.fits("cost", &cost.out);
    let cost = cost.json();
    let lines = cost["deployed"]["lines"].as_array().expect("lines");
    assert!(lines.iter().any(|line| line["what"] == "keys" && line["usd"] == 1.0), "{cost:#}");
    let page = stage.sandbox.dlt(&["cost", "shop", "--deployed"]).with_code(0).out;
    assert!(page.contains("a deployment would change nothing about it"), "{page}");

    let larger = ["--set", "worker.cpu=4096", "--set", "worker.memory=8192"];
    let page = stage.sandbox.dlt(&[&["cost", "shop", "--deployed"][..], &larger].concat()).with_code(0).out;
    assert!(page.contains(" with the 2 vCPU, 4 GB of today"), "{page}");

    let learned = stage.sandbox.path().join("home/.local/state/dlt/durations.json");
    let text = std::fs::read_to_string(&learned).expect("what was learned");
    let past: Value = serde_json::from_str(&text).expect("JSON");
    let (_, place) = past["places"].as_object().expect("places").iter().next().expect("a place");
    assert!(place["AWS::IAM::Role"]["create"].as_array().is_some_and(|samples| samples.len() > 3), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&learned).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
}

#[test]
fn without_credentials_what_needs_none_is_told_all_the_same() {
    let mut sandbox = Sandbox::new();
    sandbox
        .write("stacks/shop.yaml", "stack: dlt-shop\nregion: us-east-1\nadmin: {name: chief, email: c@example.com}\n");
    sandbox.variable("AWS_ENDPOINT_URL", "http://127.0.0.1:9").variable("AWS_EC2_METADATA_DISABLED", "true");
    let report = doctor(&sandbox, &["--users", "100000"]).with_code(4).json();
    assert_eq!(states(&report, "account", "credentials"), ["fail"], "{report:#}");
    assert_eq!(states(&report, "account", "clock"), ["not-known"]);
    assert_eq!(states(&report, "network", "addresses"), ["ok"]);
    assert_eq!(states(&report, "permissions", ""), ["not-known"]);
}
