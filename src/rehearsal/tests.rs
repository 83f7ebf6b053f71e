//! What the account that is not there answers to AWS's own clients.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_cloudformation::{
    Client,
    error::ProvideErrorMetadata,
    types::{Capability, ChangeSetType},
};
use dlt_model::id::Region;

use super::{
    faults::{Faults, Mishap, Weather, When},
    stage::Stage,
    world::{Goal, SHORT_PAGE, Tempo, World},
};

const BEGAN_MS: i64 = 1_795_000_000_000;
const TEMPLATE: &str = "
Resources:
  A: { Type: AWS::SNS::Topic }
  B: { Type: AWS::SNS::Topic, DependsOn: A }
  C: { Type: AWS::SQS::Queue }
  D: { Type: AWS::SQS::Queue }
  E: { Type: AWS::SQS::Queue }
  F: { Type: AWS::SQS::Queue }
Outputs:
  Topic: { Value: !Sub '${A}/${AWS::Region}' }
";

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

fn stage(faults: Faults, there: Option<&str>) -> (Stage, Client) {
    let mut world = World::new("123456789012", faults, Tempo::new(1.0));
    world.page = SHORT_PAGE;
    if let Some(template) = there {
        let goal = Goal::read(template, &BTreeMap::new(), BTreeMap::new(), &[]).unwrap();
        world.found(BEGAN_MS - 86_400_000, &region(), "shop", goal);
    }
    let stage = Stage::new(world, Weather::default(), BEGAN_MS);
    let client = Client::new(&stage.config(&region(), "http://rehearsal.invalid"));
    (stage, client)
}

async fn proposed(client: &Client, template: &str, kind: ChangeSetType) -> String {
    let request = client.create_change_set().stack_name("shop").change_set_name("one").change_set_type(kind);
    let made = request.template_body(template).capabilities(Capability::CapabilityIam).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    made.id.unwrap()
}

async fn status(client: &Client) -> String {
    let told = client.describe_stacks().stack_name("shop").send().await.unwrap();
    told.stacks()[0].stack_status().unwrap().as_str().to_owned()
}

async fn ended(client: &Client) -> Vec<String> {
    let mut statuses = vec![status(client).await];
    while statuses.last().is_some_and(|last| last.ends_with("_IN_PROGRESS")) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = status(client).await;
        if statuses.last() != Some(&now) {
            statuses.push(now);
        }
    }
    statuses
}

fn mishap(logical_id: &str, when: When) -> Mishap {
    Mishap { logical_id: logical_id.to_owned(), when, reason: "rehearsed".to_owned() }
}

fn failing(mishaps: Vec<Mishap>) -> Faults {
    Faults { mishaps, ..Faults::default() }
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_proposed_page_by_page_made_and_told_newest_first() {
    let (_stage, client) = stage(Faults::default(), None);
    let id = proposed(&client, TEMPLATE, ChangeSetType::Create).await;
    assert_eq!(status(&client).await, "REVIEW_IN_PROGRESS");
    let first = client.describe_change_set().change_set_name(&id).send().await.unwrap();
    let rest = client.describe_change_set().change_set_name(&id).next_token(first.next_token().unwrap()).send().await;
    assert_eq!((first.changes().len(), rest.unwrap().changes().len()), (SHORT_PAGE, 1));
    client.execute_change_set().change_set_name(&id).send().await.unwrap();
    assert_eq!(ended(&client).await, ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]);
    let told = client.describe_stacks().stack_name("shop").send().await.unwrap();
    let output = told.stacks()[0].outputs()[0].output_value().unwrap().to_owned();
    assert!(output.starts_with("shop-A-") && output.ends_with("/eu-west-1"), "{output}");
    let mut times = Vec::new();
    let mut next = None;
    loop {
        let page = client.describe_stack_events().stack_name("shop").set_next_token(next).send().await.unwrap();
        times.extend(page.stack_events().iter().map(|event| event.timestamp().unwrap().to_millis().unwrap()));
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            break;
        }
    }
    assert!(times.is_sorted_by(|newer, older| newer >= older) && times.len() > 12, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_set_is_executed_once_however_often_it_is_asked_for() {
    let (stage, client) = stage(Faults::default(), None);
    let id = proposed(&client, TEMPLATE, ChangeSetType::Create).await;
    let execute = |token: &str| client.execute_change_set().change_set_name(&id).client_request_token(token).send();
    execute("one").await.unwrap();
    execute("one").await.unwrap();
    let refused = execute("other").await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidChangeSetStatus"));
    assert_eq!(stage.world().begun.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_nobody_asks_happens_in_its_order() {
    // Somebody else comes while the stack is being made, and nobody asks before all of it is over.
    let (stage, client) = stage(Faults { intruder_after_ms: Some(2_000), ..Faults::default() }, None);
    let id = proposed(&client, TEMPLATE, ChangeSetType::Create).await;
    client.execute_change_set().change_set_name(&id).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(status(&client).await, "CREATE_COMPLETE", "a stack that moves is not changed by anybody");
    let told = client.describe_change_set().change_set_name(&id).send().await.unwrap();
    assert_eq!(told.execution_status().unwrap().as_str(), "EXECUTE_COMPLETE");
    assert_eq!(stage.world().begun.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_failure_leads_to_the_status_that_aws_gives_it() {
    let changed =
        TEMPLATE.replace("A: { Type: AWS::SNS::Topic }", "A: { Type: AWS::SNS::Topic, Properties: { X: 1 } }");
    let fewer = TEMPLATE.replace("  F: { Type: AWS::SQS::Queue }\n", "");
    let (create, undo) = (When::Create, When::Undo);
    for (there, template, mishaps, last) in [
        (false, TEMPLATE, vec![mishap("B", create)], "ROLLBACK_COMPLETE"),
        (false, TEMPLATE, vec![mishap("B", create), mishap("A", undo)], "ROLLBACK_FAILED"),
        (true, &changed, vec![], "UPDATE_COMPLETE"),
        (true, &changed, vec![mishap("A", When::Update)], "UPDATE_ROLLBACK_COMPLETE"),
        (true, &changed, vec![mishap("A", When::Update), mishap("A", undo)], "UPDATE_ROLLBACK_FAILED"),
        (true, &fewer, vec![mishap("F", When::Delete)], "UPDATE_COMPLETE"),
    ] {
        let (_stage, client) = stage(failing(mishaps), there.then_some(TEMPLATE));
        let kind = if there { ChangeSetType::Update } else { ChangeSetType::Create };
        let id = proposed(&client, template, kind).await;
        client.execute_change_set().change_set_name(&id).send().await.unwrap();
        assert_eq!(ended(&client).await.last().map(String::as_str), Some(last));
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_refused() {
    let (_stage, client) = stage(failing(vec![mishap("B", When::Create)]), None);
    let ask = |kind: ChangeSetType| {
        client
            .create_change_set()
            .stack_name("shop")
            .change_set_name("two")
            .template_body(TEMPLATE)
            .change_set_type(kind)
    };
    let absent = ask(ChangeSetType::Update).send().await.unwrap_err();
    assert!(absent.message().unwrap().contains("does not exist"), "{absent:?}");
    let id = proposed(&client, TEMPLATE, ChangeSetType::Create).await;
    let again = ask(ChangeSetType::Create).change_set_name("one").send().await.unwrap_err();
    assert_eq!(again.code(), Some("AlreadyExistsException"));
    client.execute_change_set().change_set_name(&id).send().await.unwrap();
    let busy = ask(ChangeSetType::Update).send().await.unwrap_err();
    assert!(busy.message().unwrap().contains("is in CREATE_IN_PROGRESS state and can not be updated"), "{busy:?}");
    assert_eq!(ended(&client).await.last().map(String::as_str), Some("ROLLBACK_COMPLETE"));
    let stuck = ask(ChangeSetType::Update).send().await.unwrap_err();
    assert!(stuck.message().unwrap().contains("is in ROLLBACK_COMPLETE state and can not be updated"), "{stuck:?}");
    client.delete_stack().stack_name("shop").send().await.unwrap();
    let gone = client.cancel_update_stack().stack_name("shop").send().await.unwrap_err();
    assert!(gone.message().is_some(), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_imported_when_that_is_asked_for_and_in_the_way_otherwise() {
    let template = "Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: kept}}}";
    for (imports, action, last) in [(true, "Import", "CREATE_COMPLETE"), (false, "Add", "ROLLBACK_COMPLETE")] {
        let (stage, client) = stage(Faults::default(), None);
        stage.world().outside.insert(("AWS::SNS::Topic".to_owned(), "kept".to_owned()));
        let request = client.create_change_set().stack_name("shop").change_set_name("one").template_body(template);
        let request = request.change_set_type(ChangeSetType::Create).import_existing_resources(imports);
        let id = request.send().await.unwrap().id.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let told = client.describe_change_set().change_set_name(&id).send().await.unwrap();
        let change = told.changes()[0].resource_change().unwrap();
        assert_eq!(change.action().unwrap().as_str(), action);
        client.execute_change_set().change_set_name(&id).send().await.unwrap();
        assert_eq!(ended(&client).await.last().map(String::as_str), Some(last));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_update_goes_back_and_one_that_is_stuck_goes_on_when_it_is_asked_to() {
    let changed =
        TEMPLATE.replace("A: { Type: AWS::SNS::Topic }", "A: { Type: AWS::SNS::Topic, Properties: { X: 1 } }");
    let (_stage, client) = stage(failing(vec![mishap("A", When::Undo)]), Some(TEMPLATE));
    let id = proposed(&client, &changed, ChangeSetType::Update).await;
    client.execute_change_set().change_set_name(&id).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.cancel_update_stack().stack_name("shop").send().await.unwrap();
    assert_eq!(ended(&client).await.last().map(String::as_str), Some("UPDATE_ROLLBACK_FAILED"));
    client.continue_update_rollback().stack_name("shop").send().await.unwrap();
    assert_eq!(ended(&client).await.last().map(String::as_str), Some("UPDATE_ROLLBACK_COMPLETE"));
    let template = client.get_template().stack_name("shop").send().await.unwrap();
    assert_eq!(template.template_body(), Some(TEMPLATE), "what was before is there again");
}

#[tokio::test(start_paused = true)]
async fn a_protected_stack_is_not_deleted_and_another_one_is_with_everything_in_it() {
    let (_stage, client) = stage(Faults::default(), Some(TEMPLATE));
    let protect =
        |on| client.update_termination_protection().stack_name("shop").enable_termination_protection(on).send();
    let listed = client.list_stack_resources().stack_name("shop").send().await.unwrap();
    assert_eq!(listed.stack_resource_summaries().len(), SHORT_PAGE);
    protect(true).await.unwrap();
    let refused = client.delete_stack().stack_name("shop").send().await.unwrap_err();
    assert!(refused.message().unwrap().contains("TerminationProtection"), "{refused:?}");
    protect(false).await.unwrap();
    client.delete_stack().stack_name("shop").send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let gone = client.describe_stacks().stack_name("shop").send().await.unwrap_err();
    assert!(gone.message().unwrap().contains("does not exist"), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn what_early_validation_finds_is_told_by_the_newer_list_only() {
    let (_stage, client) = stage(Faults { invalid: Some("C".to_owned()), ..Faults::default() }, None);
    let id = proposed(&client, TEMPLATE, ChangeSetType::Create).await;
    let told = client.describe_change_set().change_set_name(&id).send().await.unwrap();
    assert!(!told.status_reason().unwrap().contains('C') || !told.status_reason().unwrap().contains("schema"));
    let found = client.describe_events().stack_name("shop").change_set_name(&id).send().await.unwrap();
    assert_eq!(found.operation_events()[0].logical_resource_id(), Some("C"));
}
