//! A look for drift against a CloudFormation that answers as a test says: what no emulation can be made to answer.

use super::{
    answer::{StackDrift, Verdict, tests::answer},
    detect, screen,
};
use crate::{
    deploy::event::StackRef,
    rehearsal::scripted::{Fake, error, stack},
    text::Paint,
};

/// A settled stack with a topic, a table and a user, whose comparison ends well.
fn settled() -> Fake {
    let summary = |name: &str, kind: &str| {
        format!(
            "<member><LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>p-{name}</PhysicalResourceId>\
             <ResourceType>{kind}</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
        )
    };
    let kinds =
        [("Topic", "AWS::SNS::Topic"), ("Table", "AWS::DynamoDB::Table"), ("User", "AWS::Cognito::UserPoolUser")];
    let list: String = kinds.iter().map(|(name, kind)| summary(name, kind)).collect();
    Fake::default()
        .on("DescribeStacks", [stack("CREATE_COMPLETE")])
        .on("ListStackResources", [(200, format!("<StackResourceSummaries>{list}</StackResourceSummaries>"))])
        .on("DetectStackDrift", [(200, "<StackDriftDetectionId>d-1</StackDriftDetectionId>".to_owned())])
        .on("DescribeStackDriftDetectionStatus", [ended("DETECTION_COMPLETE", "")])
}

/// What is found in the stack, and what is said about it.
async fn look(fake: &Fake) -> (Vec<StackDrift>, Verdict, String) {
    let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
    let stacks = detect::detect(&fake.client().await, &stack).await;
    let judged = answer(stacks.clone()).judged();
    (stacks, judged.verdict, screen::text(&judged, 80, Paint::Plain))
}

fn ended(status: &str, more: &str) -> (u16, String) {
    (
        200,
        format!("<StackDriftDetectionId>d-1</StackDriftDetectionId><DetectionStatus>{status}</DetectionStatus>{more}"),
    )
}

fn drifts(resources: &[(&str, &str, &str)], next: Option<&str>) -> (u16, String) {
    let member = |(name, status, more): &(&str, &str, &str)| {
        format!(
            "<member><StackId>arn:shop</StackId><LogicalResourceId>{name}</LogicalResourceId>\
             <PhysicalResourceId>p-{name}</PhysicalResourceId><ResourceType>AWS::X::Y</ResourceType>\
             <StackResourceDriftStatus>{status}</StackResourceDriftStatus>{more}\
             <Timestamp>2026-01-01T00:00:00Z</Timestamp></member>"
        )
    };
    let members: String = resources.iter().map(member).collect();
    let next = next.map(|token| format!("<NextToken>{token}</NextToken>")).unwrap_or_default();
    (200, format!("<StackResourceDrifts>{members}</StackResourceDrifts>{next}"))
}

const CHANGED: &str = "<PropertyDifferences><member><PropertyPath>/DisplayName</PropertyPath>\
    <ExpectedValue>a</ExpectedValue><ActualValue>b</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType>\
    </member></PropertyDifferences>";

#[tokio::test]
async fn every_page_is_read_and_a_type_that_cannot_be_compared_is_named() {
    let pages = [drifts(&[("Topic", "IN_SYNC", "")], Some("2")), drifts(&[("Table", "MODIFIED", CHANGED)], None)];
    let fake = settled().on("DescribeStackResourceDrifts", pages);
    let (stacks, verdict, text) = look(&fake).await;
    let coverage = stacks[0].coverage;
    assert_eq!((coverage.resources, coverage.compared, coverage.unsupported, coverage.failed), (3, 2, 1, 0));
    assert_eq!(verdict, Verdict::Drifted);
    assert_eq!(stacks[0].resources[0].properties[0].path, "DisplayName");
    assert!(text.contains("AWS::Cognito::UserPoolUser: User") && text.contains("2 of 3 resources compared"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_compared_keeps_a_stack_from_being_called_free_of_drift() {
    let all = [drifts(&[("Topic", "IN_SYNC", ""), ("Table", "IN_SYNC", "")], None)];
    let (_, verdict, text) = look(&settled().on("DescribeStackResourceDrifts", all)).await;
    assert_eq!(verdict, Verdict::NothingFound);
    assert!(!text.contains("no drift"), "{text}");
}

#[tokio::test]
async fn a_page_that_is_not_read_makes_the_answer_incomplete() {
    let pages = [drifts(&[("Topic", "IN_SYNC", "")], Some("2")), error("InternalFailure", "try later")];
    let (stacks, verdict, text) = look(&settled().on("DescribeStackResourceDrifts", pages)).await;
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(stacks[0].gaps[0].starts_with("page 2"), "{:?}", stacks[0].gaps);
    assert_eq!(
        (stacks[0].unread.len(), stacks[0].coverage.unsupported),
        (2, 0),
        "nothing is called unsupported by mistake"
    );
    assert!(!text.contains("no drift"), "{text}");
}

#[tokio::test]
async fn pages_that_lead_back_to_themselves_end_and_are_a_gap() {
    let pages = [drifts(&[("Topic", "IN_SYNC", "")], Some("again"))];
    let fake = settled().on("DescribeStackResourceDrifts", pages);
    assert_eq!(look(&fake).await.1, Verdict::Incomplete);
    assert_eq!(fake.called("DescribeStackResourceDrifts"), 2);
}

#[tokio::test]
async fn an_unknown_status_is_incomplete_with_its_reason() {
    let unknown = ("Table", "UNKNOWN", "<DriftStatusReason>access denied</DriftStatusReason>");
    let pages = [drifts(&[("Topic", "IN_SYNC", ""), unknown], None)];
    let (stacks, verdict, text) = look(&settled().on("DescribeStackResourceDrifts", pages)).await;
    assert_eq!((verdict, stacks[0].coverage.failed), (Verdict::Incomplete, 1));
    assert!(text.contains("UNKNOWN about it: access denied"), "{text}");
}

#[tokio::test]
async fn a_comparison_that_failed_is_incomplete_and_what_it_found_is_told() {
    let reason = "<DetectionStatusReason>Failed to detect drift on resources [User]</DetectionStatusReason>";
    let fake = settled()
        .on(
            "DescribeStackDriftDetectionStatus",
            [ended("DETECTION_IN_PROGRESS", ""), ended("DETECTION_FAILED", reason)],
        )
        .on("DescribeStackResourceDrifts", [drifts(&[("Table", "MODIFIED", CHANGED)], None)]);
    let (stacks, verdict, text) = look(&fake).await;
    assert_eq!((verdict, stacks[0].resources.len()), (Verdict::Incomplete, 1));
    assert!(text.contains("[User]"), "{text}");
}

#[tokio::test]
async fn a_count_that_does_not_fit_what_was_read_is_incomplete() {
    let fake = settled()
        .on(
            "DescribeStackDriftDetectionStatus",
            [ended("DETECTION_COMPLETE", "<DriftedStackResourceCount>2</DriftedStackResourceCount>")],
        )
        .on("DescribeStackResourceDrifts", [drifts(&[("Table", "MODIFIED", CHANGED), ("Topic", "IN_SYNC", "")], None)]);
    let (stacks, verdict, _) = look(&fake).await;
    assert_eq!(verdict, Verdict::Incomplete);
    assert_eq!(stacks[0].gaps, ["CloudFormation counts 2 drifted resources and named 1"]);
}

#[tokio::test]
async fn throttling_and_a_comparison_of_somebody_else_are_waited_for() {
    let throttled = || error("Throttling", "Rate exceeded");
    let busy = error("ValidationError", "Drift detection is already in progress for stack arn:shop");
    let begun = (200, "<StackDriftDetectionId>d-1</StackDriftDetectionId>".to_owned());
    let fake = settled()
        .on("DetectStackDrift", [throttled(), busy, begun])
        .on("DescribeStackDriftDetectionStatus", [throttled(), ended("DETECTION_COMPLETE", "")])
        .on(
            "DescribeStackResourceDrifts",
            [throttled(), drifts(&[("Topic", "IN_SYNC", ""), ("Table", "IN_SYNC", "")], None)],
        );
    assert_eq!(look(&fake).await.1, Verdict::NothingFound);
    assert_eq!((fake.called("DetectStackDrift"), fake.called("DescribeStackResourceDrifts")), (3, 2));
}

#[tokio::test]
async fn a_stack_that_may_not_be_compared_is_incomplete_and_says_which_action_is_missing() {
    let denied = error("AccessDenied", "User: eva is not authorized to perform: cloudformation:DetectStackDrift");
    let (_, verdict, text) = look(&settled().on("DetectStackDrift", [denied])).await;
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(text.contains("cloudformation:DetectStackDrift"), "{text}");
}

#[tokio::test]
async fn a_moving_stack_is_incomplete_and_an_absent_one_is_drift() {
    let moving = settled().on("DescribeStacks", [stack("UPDATE_IN_PROGRESS")]);
    assert_eq!(look(&moving).await.1, Verdict::Incomplete);
    assert_eq!(moving.called("DetectStackDrift"), 0);
    let absent = settled().on("DescribeStacks", [error("ValidationError", "Stack with id shop does not exist")]);
    let (stacks, verdict, text) = look(&absent).await;
    assert_eq!((verdict, stacks[0].absent), (Verdict::Drifted, true));
    assert!(text.contains("is not there"), "{text}");
}

#[tokio::test]
async fn a_stack_in_a_stack_is_compared_too() {
    let nested = |physical: &str| {
        let list = format!(
            "<member><LogicalResourceId>Inner</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
             <ResourceType>AWS::CloudFormation::Stack</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
        );
        (200, format!("<StackResourceSummaries>{list}</StackResourceSummaries>"))
    };
    let empty = (200, "<StackResourceSummaries></StackResourceSummaries>".to_owned());
    let fake = settled()
        .on("ListStackResources", [nested("arn:aws:cloudformation:eu-west-1:1:stack/shop-inner/u"), empty])
        .on(
            "DescribeStackResourceDrifts",
            [drifts(&[("Inner", "IN_SYNC", "")], None), drifts(&[("Topic", "MODIFIED", CHANGED)], None)],
        );
    let (stacks, verdict, _) = look(&fake).await;
    assert_eq!((stacks.len(), verdict), (2, Verdict::Drifted));
    assert_eq!((stacks[1].name.as_str(), stacks[1].nested_in.as_deref()), ("shop-inner", Some("shop")));
    assert_eq!(stacks[1].resources[0].logical_id, "Topic");
}
