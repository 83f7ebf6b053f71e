//! The page of a plan as a person sees it: at 80 and 120 columns, with and without colour, in a pipe, and unfolded.

use std::collections::BTreeMap;

use super::{
    super::{
        changes::{ChangeDetail, Fate, ResourceChange, tests::change},
        evidence,
        plan::{
            Action, AssetPlan, Live, Server, Wanted, decide,
            tests::{deployed, wanted},
        },
        stakes::Stake,
    },
    *,
};

const OLD: &str = include_str!("pages/old.yaml");
const NEW: &str = include_str!("pages/new.yaml");

/// What CloudFormation would say about the two templates, with a change of its own and one that it does not have.
fn change_set() -> Vec<ResourceChange> {
    let detail = |path: &str, recreates| ChangeDetail {
        path: format!("Properties.{path}"),
        before: None,
        after: None,
        recreates,
        perhaps: false,
        follows: None,
    };
    let with = |name: &str, kind: &str, act, paths: &[&str]| ResourceChange {
        details: paths.iter().map(|path| detail(path, act == Act::Replace)).collect(),
        fate: if act == Act::Replace { Fate::Deleted } else { Fate::Unknown },
        ..change(name, kind, act)
    };
    vec![
        with("Table", "AWS::DynamoDB::Table", Act::Replace, &["TableName"]),
        with("ApiFunction", "AWS::Lambda::Function", Act::Modify, &["Code", "Environment"]),
        with("AdvanceFunction", "AWS::Lambda::Function", Act::Modify, &["Code"]),
        with("LiveFunction", "AWS::Lambda::Function", Act::Modify, &["Code"]),
        with("WorkerTask", "AWS::ECS::TaskDefinition", Act::Replace, &["Cpu"]),
        with("WorkerRole", "AWS::IAM::Role", Act::Modify, &["Policies"]),
        with("WorkerSecurityGroup", "AWS::EC2::SecurityGroup", Act::Modify, &["SecurityGroupEgress"]),
        with("StateMachine", "AWS::StepFunctions::StateMachine", Act::Modify, &["DefinitionString"]),
        with("Queue", "AWS::SQS::Queue", Act::Add, &[]),
        with("OldTopic", "AWS::SNS::Topic", Act::Remove, &[]),
        with("UserPoolClient", "AWS::Cognito::UserPoolClient", Act::Modify, &["CallbackURLs"]),
        with("Cluster", "AWS::ECS::Cluster", Act::Modify, &[]),
    ]
}

fn whole() -> Plan {
    let live = Live { parameters: BTreeMap::from([("Memory".to_owned(), "512".to_owned())]), ..was() };
    let wish = Wanted {
        tags: BTreeMap::from([("team".to_owned(), "load".to_owned())]),
        parameters: BTreeMap::from([("Memory".to_owned(), "1024".to_owned())]),
        ..wanted(NEW)
    };
    let mut stack = decide(&wish, &live);
    evidence::merge(&mut stack.resources, &change_set());
    stack.server = Server::Answered;
    let table = stack.resources.iter_mut().find(|it| it.logical_id == "Table").unwrap();
    table.stake = Some(Stake {
        count: Some(1_204),
        bytes: Some(3_400_000),
        backup: "no point-in-time recovery; the last backup is of 2026-11-02T03:04:05Z".to_owned(),
    });
    let asset = AssetPlan {
        asset: "functions".to_owned(),
        region: "eu-west-1".parse().unwrap(),
        address: "functions/1".to_owned(),
        present: false,
    };
    Plan { stack: "shop".to_owned(), account: "123456789012".to_owned(), stacks: vec![stack], assets: vec![asset] }
}

fn was() -> Live {
    deployed(&wanted(OLD), "CREATE_COMPLETE")
}

fn shown(width: Option<usize>, paint: Paint, full: bool) -> String {
    page(&whole(), View { width, paint, full })
}

#[test]
fn the_page_fits_80_columns() {
    let page = shown(Some(80), Paint::Plain, false);
    assert!(page.lines().all(|line| crate::text::measure::columns(line) <= 80), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn the_page_fits_120_columns() {
    insta::assert_snapshot!(shown(Some(120), Paint::Plain, false));
}

#[test]
fn the_page_in_colour_says_the_same() {
    let page = shown(Some(80), Paint::Colour, false);
    assert_eq!(console_free(&page), shown(Some(80), Paint::Plain, false));
    insta::assert_snapshot!(page.replace('\u{1b}', "␛"));
}

/// Without colours.
fn console_free(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn the_page_in_a_pipe_is_not_cut() {
    insta::assert_snapshot!(shown(None, Paint::Plain, false));
}

#[test]
fn the_unfolded_page_has_every_place_with_its_values() {
    let page = shown(Some(100), Paint::Plain, true);
    for place in ["Code.S3Key: code-1 → code-2", "States.Wait.Seconds: 5 → 10", "Outputs.Api.Value"] {
        assert!(page.contains(place), "{place}\n{page}");
    }
    insta::assert_snapshot!(page);
}

#[test]
fn a_stack_that_is_made_is_a_number_and_not_a_list() {
    let stack = decide(&wanted(NEW), &Live::default());
    assert_eq!(stack.action, Action::Create);
    let plan = Plan { stacks: vec![stack], ..whole() };
    insta::assert_snapshot!(page(&plan, View { width: Some(80), paint: Paint::Plain, full: false }));
}

#[test]
fn an_empty_plan_says_so() {
    let stacks = vec![decide(
        &wanted(OLD),
        &Live { parameters: BTreeMap::from([("Memory".to_owned(), "512".to_owned())]), ..was() },
    )];
    let empty = Plan { stacks, assets: Vec::new(), ..whole() };
    assert_eq!(plan(&empty, Paint::Plain), "nothing to do: everything is as it should be");
}
