//! A CloudFormation that answers as a test says, over the real protocol: what no emulation can be made to answer.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use aws_sdk_cloudformation::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use axum::{Router, extract::State, http::StatusCode, routing::post};

use super::{
    answer::{StackDrift, Verdict, tests::answer},
    detect, screen,
};
use crate::deploy::{event::StackRef, screen::Paint};

/// What is answered to each call of an action, in order; the last answer is repeated.
type Script = BTreeMap<&'static str, VecDeque<(u16, String)>>;

#[derive(Clone, Default)]
struct Fake {
    script: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// A settled stack with a topic, a table and a user, whose comparison ends well.
    fn settled() -> Self {
        let summary = |name: &str, kind: &str| {
            format!(
                "<member><LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>p-{name}</PhysicalResourceId>\
                 <ResourceType>{kind}</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
            )
        };
        let kinds =
            [("Topic", "AWS::SNS::Topic"), ("Table", "AWS::DynamoDB::Table"), ("User", "AWS::Cognito::UserPoolUser")];
        let list: String = kinds.iter().map(|(name, kind)| summary(name, kind)).collect();
        Self::default()
            .on("DescribeStacks", [stack("CREATE_COMPLETE")])
            .on("ListStackResources", [(200, format!("<StackResourceSummaries>{list}</StackResourceSummaries>"))])
            .on("DetectStackDrift", [(200, "<StackDriftDetectionId>d-1</StackDriftDetectionId>".to_owned())])
            .on("DescribeStackDriftDetectionStatus", [ended("DETECTION_COMPLETE", "")])
    }

    fn on(self, action: &'static str, answers: impl IntoIterator<Item = (u16, String)>) -> Self {
        self.script.lock().unwrap().insert(action, answers.into_iter().collect());
        self
    }

    async fn client(&self) -> Client {
        let app = Router::new().route("/", post(reply)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url(endpoint)
            .build();
        Client::from_conf(config)
    }

    fn called(&self, action: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|called| *called == action).count()
    }

    /// What is found in the stack, and what is said about it.
    async fn look(&self) -> (Vec<StackDrift>, Verdict, String) {
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        let stacks = detect::detect(&self.client().await, &stack).await;
        let judged = answer(stacks.clone()).judged();
        (stacks, judged.verdict, screen::text(&judged, 80, Paint::Plain))
    }
}

async fn reply(State(fake): State<Fake>, body: String) -> (StatusCode, String) {
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default().to_owned();
    fake.calls.lock().unwrap().push(action.clone());
    let mut script = fake.script.lock().unwrap();
    let (status, result) = match script.get_mut(action.as_str()) {
        Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some(answers) => answers.front().cloned().unwrap(),
        None => error("InvalidAction", "Unknown action"),
    };
    let wrapped = match status {
        200 => format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
        _ => result,
    };
    (StatusCode::from_u16(status).unwrap(), wrapped)
}

fn error(code: &str, message: &str) -> (u16, String) {
    (400, format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"))
}

fn stack(status: &str) -> (u16, String) {
    let member = format!(
        "<StackId>arn:shop</StackId><StackName>shop</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
         <StackStatus>{status}</StackStatus>"
    );
    (200, format!("<Stacks><member>{member}</member></Stacks>"))
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
    let fake = Fake::settled().on("DescribeStackResourceDrifts", pages);
    let (stacks, verdict, text) = fake.look().await;
    let coverage = stacks[0].coverage;
    assert_eq!((coverage.resources, coverage.compared, coverage.unsupported, coverage.failed), (3, 2, 1, 0));
    assert_eq!(verdict, Verdict::Drifted);
    assert_eq!(stacks[0].resources[0].properties[0].path, "DisplayName");
    assert!(text.contains("AWS::Cognito::UserPoolUser: User") && text.contains("2 of 3 resources compared"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_compared_keeps_a_stack_from_being_called_free_of_drift() {
    let all = [drifts(&[("Topic", "IN_SYNC", ""), ("Table", "IN_SYNC", "")], None)];
    let (_, verdict, text) = Fake::settled().on("DescribeStackResourceDrifts", all).look().await;
    assert_eq!(verdict, Verdict::NothingFound);
    assert!(!text.contains("no drift"), "{text}");
}

#[tokio::test]
async fn a_page_that_is_not_read_makes_the_answer_incomplete() {
    let pages = [drifts(&[("Topic", "IN_SYNC", "")], Some("2")), error("InternalFailure", "try later")];
    let (stacks, verdict, text) = Fake::settled().on("DescribeStackResourceDrifts", pages).look().await;
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
    let fake = Fake::settled().on("DescribeStackResourceDrifts", pages);
    assert_eq!(fake.look().await.1, Verdict::Incomplete);
    assert_eq!(fake.called("DescribeStackResourceDrifts"), 2);
}

#[tokio::test]
async fn an_unknown_status_is_incomplete_with_its_reason() {
    let unknown = ("Table", "UNKNOWN", "<DriftStatusReason>access denied</DriftStatusReason>");
    let pages = [drifts(&[("Topic", "IN_SYNC", ""), unknown], None)];
    let (stacks, verdict, text) = Fake::settled().on("DescribeStackResourceDrifts", pages).look().await;
    assert_eq!((verdict, stacks[0].coverage.failed), (Verdict::Incomplete, 1));
    assert!(text.contains("UNKNOWN about it: access denied"), "{text}");
}

#[tokio::test]
async fn a_comparison_that_failed_is_incomplete_and_what_it_found_is_told() {
    let reason = "<DetectionStatusReason>Failed to detect drift on resources [User]</DetectionStatusReason>";
    let fake = Fake::settled()
        .on(
            "DescribeStackDriftDetectionStatus",
            [ended("DETECTION_IN_PROGRESS", ""), ended("DETECTION_FAILED", reason)],
        )
        .on("DescribeStackResourceDrifts", [drifts(&[("Table", "MODIFIED", CHANGED)], None)]);
    let (stacks, verdict, text) = fake.look().await;
    assert_eq!((verdict, stacks[0].resources.len()), (Verdict::Incomplete, 1));
    assert!(text.contains("[User]"), "{text}");
}

#[tokio::test]
async fn a_count_that_does_not_fit_what_was_read_is_incomplete() {
    let fake = Fake::settled()
        .on(
            "DescribeStackDriftDetectionStatus",
            [ended("DETECTION_COMPLETE", "<DriftedStackResourceCount>2</DriftedStackResourceCount>")],
        )
        .on("DescribeStackResourceDrifts", [drifts(&[("Table", "MODIFIED", CHANGED), ("Topic", "IN_SYNC", "")], None)]);
    let (stacks, verdict, _) = fake.look().await;
    assert_eq!(verdict, Verdict::Incomplete);
    assert_eq!(stacks[0].gaps, ["CloudFormation counts 2 drifted resources and named 1"]);
}

#[tokio::test]
async fn throttling_and_a_comparison_of_somebody_else_are_waited_for() {
    let throttled = || error("Throttling", "Rate exceeded");
    let busy = error("ValidationError", "Drift detection is already in progress for stack arn:shop");
    let begun = (200, "<StackDriftDetectionId>d-1</StackDriftDetectionId>".to_owned());
    let fake = Fake::settled()
        .on("DetectStackDrift", [throttled(), busy, begun])
        .on("DescribeStackDriftDetectionStatus", [throttled(), ended("DETECTION_COMPLETE", "")])
        .on(
            "DescribeStackResourceDrifts",
            [throttled(), drifts(&[("Topic", "IN_SYNC", ""), ("Table", "IN_SYNC", "")], None)],
        );
    assert_eq!(fake.look().await.1, Verdict::NothingFound);
    assert_eq!((fake.called("DetectStackDrift"), fake.called("DescribeStackResourceDrifts")), (3, 2));
}

#[tokio::test]
async fn a_stack_that_may_not_be_compared_is_incomplete_and_says_which_action_is_missing() {
    let denied = error("AccessDenied", "User: eva is not authorized to perform: cloudformation:DetectStackDrift");
    let (_, verdict, text) = Fake::settled().on("DetectStackDrift", [denied]).look().await;
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(text.contains("cloudformation:DetectStackDrift"), "{text}");
}

#[tokio::test]
async fn a_moving_stack_is_incomplete_and_an_absent_one_is_drift() {
    let moving = Fake::settled().on("DescribeStacks", [stack("UPDATE_IN_PROGRESS")]);
    assert_eq!(moving.look().await.1, Verdict::Incomplete);
    assert_eq!(moving.called("DetectStackDrift"), 0);
    let absent = Fake::settled().on("DescribeStacks", [error("ValidationError", "Stack with id shop does not exist")]);
    let (stacks, verdict, text) = absent.look().await;
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
    let fake = Fake::settled()
        .on("ListStackResources", [nested("arn:aws:cloudformation:eu-west-1:1:stack/shop-inner/u"), empty])
        .on(
            "DescribeStackResourceDrifts",
            [drifts(&[("Inner", "IN_SYNC", "")], None), drifts(&[("Topic", "MODIFIED", CHANGED)], None)],
        );
    let (stacks, verdict, _) = fake.look().await;
    assert_eq!((stacks.len(), verdict), (2, Verdict::Drifted));
    assert_eq!((stacks[1].name.as_str(), stacks[1].nested_in.as_deref()), ("shop-inner", Some("shop")));
    assert_eq!(stacks[1].resources[0].logical_id, "Topic");
}
