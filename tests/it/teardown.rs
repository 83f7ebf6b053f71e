//! What `dlt down` tells of what outlives the stacks for a while.

use serde_json::{Value, json};

use crate::{
    cloud::{HUB, SECOND, Stage},
    deploying::{said, told},
    support::Ended,
};

/// A person who may do everything but find out about keys of stacks that are gone.
const BLIND: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": ["cloudformation:ListStacks", "kms:DescribeKey"], "Resource": "*"}]}"#;

/// Region and id of the keys in one list of a ledger.
fn keys(ended: &Ended, list: &str) -> Vec<(String, String)> {
    let ledger = told(ended, "ledger");
    let text = |it: &Value, name: &str| it[name].as_str().expect("a text").to_owned();
    let list = ledger[list].as_array().expect("a list");
    list.iter().filter(|it| it["kind"] == "key").map(|it| (text(it, "region"), text(it, "name"))).collect()
}

#[test]
fn a_second_down_tells_of_keys_that_wait_for_their_deletion_and_of_those_that_were_brought_back() {
    let mut stage = Stage::set(&[SECOND], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let json = ["down", "shop", "--yes", "--output", "json"];
    let first = stage.sandbox.dlt(&json).with_code(0);
    let waiting = keys(&first, "leaving");
    let regions: Vec<&str> = waiting.iter().map(|(region, _)| region.as_str()).collect();
    assert_eq!(regions, [SECOND, HUB], "a key for the alarms of each region: {}", first.out);
    let again = stage.sandbox.dlt(&json).with_code(0);
    for ended in [&first, &again] {
        let ledger = told(ended, "ledger");
        assert_eq!(keys(ended, "leaving"), waiting);
        assert!(ledger["leaving"].as_array().expect("a list").iter().all(|it| it["until_ms"].is_i64()), "{ledger:#}");
        assert_eq!((&ledger["remains"], &ledger["unknown"]), (&json!([]), &json!([])), "{ledger:#}");
    }
    let shown = said(&stage.sandbox.dlt(&["down", "shop"]).with_code(0));
    for (region, key) in &waiting {
        let command = format!("aws kms cancel-key-deletion --key-id {key} --region {region} brings it back");
        assert!(shown.contains(&command), "{shown}");
    }
    assert!(shown.contains("nothing of this environment is left\n") && shown.contains("AWS deletes it on "), "{shown}");

    let (region, key) = &waiting[1];
    stage.look(&["revive", region, key]);
    let revived = stage.sandbox.dlt(&json).with_code(0);
    assert_eq!(keys(&revived, "leaving"), waiting[..1]);
    assert_eq!(keys(&revived, "remains"), waiting[1..]);
    let command = format!("schedule-key-deletion --key-id {key} ");
    assert!(told(&revived, "ledger")["remains"][0]["command"].as_str().is_some_and(|it| it.contains(&command)));

    let pair: [String; 2] = serde_json::from_str(&stage.look(&["keys", HUB, "eva", BLIND])).expect("two keys");
    let [id, secret] = pair;
    stage.sandbox.variable("AWS_ACCESS_KEY_ID", id).variable("AWS_SECRET_ACCESS_KEY", secret);
    let blind = said(&stage.sandbox.dlt(&["down", "shop"]).with_code(0));
    for words in ["is left, as far as is known", "is not known: failed to list the deleted stacks", HUB, SECOND] {
        assert!(blind.contains(words), "{words}: {blind}");
    }
}
