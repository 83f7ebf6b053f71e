//! Who wrote to a drifted resource, and when, as far as CloudTrail says. A look for drift never fails for lack of it.

use std::time::Duration;

use aws_sdk_cloudtrail::{
    Client,
    types::{Event, LookupAttribute, LookupAttributeKey},
};
use serde_json::Value;
use tokio::time::Instant;

use super::answer::{Answer, Author, ResourceDrift};
use crate::cloud::{Cloud, CloudError, Doing, Kind};

/// How many resources are asked about. CloudTrail answers two questions a second.
const MOST_RESOURCES: usize = 40;
/// How many pages of a resource's events are read.
const MOST_PAGES: usize = 3;
/// How many events a page holds at most; AWS's own limit.
const A_PAGE: i32 = 50;
/// How many calls are told for a resource.
const MOST_AUTHORS: usize = 3;
/// How long all questions together may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait when CloudTrail says that we ask too often.
const PAUSE: Duration = Duration::from_secs(1);
/// Services whose events are kept in one region only, whatever region is asked.
const GLOBAL: [&str; 2] = ["AWS::CloudFront::", "AWS::IAM::"];
/// Services that CloudTrail calls otherwise than CloudFormation does.
const OTHERWISE: [(&str, &str); 5] = [
    ("apigatewayv2", "apigateway"),
    ("cloudwatch", "monitoring"),
    ("cognito", "cognito-idp"),
    ("stepfunctions", "states"),
    ("elasticloadbalancingv2", "elasticloadbalancing"),
];
/// CloudFormation's own calls explain nothing.
const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";

/// Adds what CloudTrail knows to every resource that counts.
pub async fn ask(cloud: &Cloud, answer: &mut Answer) {
    let deadline = Instant::now() + PATIENCE;
    let global = cloud.identity.global_region();
    let mut refused: Option<String> = None;
    let mut asked = 0;
    for stack in &mut answer.stacks {
        let region = stack.region.clone();
        for resource in stack.resources.iter_mut().filter(|resource| resource.counts()) {
            if let Some(why) = &refused {
                resource.authors_unknown = Some(why.clone());
            } else if asked >= MOST_RESOURCES || Instant::now() >= deadline {
                resource.authors_unknown = Some("not asked: there are too many to ask CloudTrail about".to_owned());
            } else {
                asked += 1;
                let is_global = GLOBAL.iter().any(|prefix| resource.kind.starts_with(prefix));
                let client = cloud.trail(if is_global { global } else { &region });
                refused = ask_about(&client, resource, deadline).await;
            }
        }
    }
}

/// Asks about one resource; a refusal that would come again is answered.
async fn ask_about(client: &Client, resource: &mut ResourceDrift, deadline: Instant) -> Option<String> {
    let (mut authors, service) = (Vec::new(), service(&resource.kind));
    for name in names(&resource.physical_id) {
        match events(client, &name, &service, deadline).await {
            Ok(found) => authors.extend(found),
            Err(error) => {
                let why = match error.kind {
                    Kind::Denied => "these credentials may not ask CloudTrail (`cloudtrail:LookupEvents`)".to_owned(),
                    _ => format!("CloudTrail does not say: {}", error.message),
                };
                resource.authors_unknown = Some(why.clone());
                return (error.kind != Kind::Other).then_some(why);
            }
        }
    }
    authors.sort_by(|a, b| b.at.cmp(&a.at));
    authors.dedup();
    authors.truncate(MOST_AUTHORS);
    if authors.is_empty() {
        resource.authors_unknown = Some("CloudTrail names no write to it in the last 90 days".to_owned());
    }
    resource.authors = authors;
    None
}

/// CloudTrail knows some things by ARN and some by name.
fn names(physical_id: &str) -> Vec<String> {
    let last = physical_id.rsplit([':', '/']).next().unwrap_or_default();
    let is_arn = physical_id.starts_with("arn:") && !last.is_empty();
    std::iter::once(physical_id).chain(is_arn.then_some(last)).map(ToOwned::to_owned).collect()
}

/// The service of a type, as the first word of its event source: many things of one environment share a name.
fn service(kind: &str) -> String {
    let service = kind.split("::").nth(1).unwrap_or_default().to_lowercase();
    OTHERWISE.iter().find(|(ours, _)| *ours == service).map_or(service.clone(), |(_, theirs)| (*theirs).to_owned())
}

/// The writes of one service to what has a name.
async fn events(client: &Client, name: &str, service: &str, deadline: Instant) -> Result<Vec<Author>, CloudError> {
    let doing = format!("ask CloudTrail about `{name}`");
    let attribute = LookupAttribute::builder().attribute_key(LookupAttributeKey::ResourceName).attribute_value(name);
    let attribute = attribute.build().map_err(|error| CloudError::unexpected(doing.clone(), error.to_string()))?;
    let (mut found, mut next) = (Vec::new(), None::<String>);
    for _ in 0..MOST_PAGES {
        let page = loop {
            let request = client.lookup_events().lookup_attributes(attribute.clone()).max_results(A_PAGE);
            match request.set_next_token(next.clone()).send().await.doing(doing.clone()) {
                Err(error) if error.kind == Kind::Throttled && Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                answer => break answer?,
            }
        };
        found.extend(page.events().iter().filter_map(|event| author(event, service)));
        next = page.next_token;
        if next.is_none() || found.len() >= MOST_AUTHORS {
            break;
        }
    }
    Ok(found)
}

/// A call of a service that wrote and was not CloudFormation's.
fn author(event: &Event, expected: &str) -> Option<Author> {
    let service = event.event_source().and_then(|source| source.split('.').next()).unwrap_or_default();
    if event.read_only() == Some("true") || service != expected {
        return None;
    }
    let detail: Value = event.cloud_trail_event().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let identity = &detail["userIdentity"];
    let by_service = [&detail["sourceIPAddress"], &identity["invokedBy"]];
    if by_service.iter().any(|it| it.as_str() == Some(CLOUDFORMATION)) {
        return None;
    }
    let who = identity["arn"].as_str().or(event.username()).unwrap_or("somebody whom CloudTrail does not name");
    let at = jiff::Timestamp::from_second(event.event_time()?.secs()).ok()?;
    Some(Author { at: at.to_string(), who: who.to_owned(), call: format!("{service}:{}", event.event_name()?) })
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudtrail::primitives::DateTime;

    use super::*;

    fn event(read_only: &str, detail: &str) -> Event {
        Event::builder()
            .event_name("PutRetentionPolicy")
            .event_source("logs.amazonaws.com")
            .event_time(DateTime::from_secs(1_795_327_200))
            .username("eva")
            .read_only(read_only)
            .cloud_trail_event(detail)
            .build()
    }

    #[test]
    fn a_write_names_who_made_which_call_and_when() {
        let told = author(&event("false", r#"{"userIdentity":{"arn":"arn:aws:iam::1:user/eva"}}"#), "logs").unwrap();
        assert_eq!(told.who, "arn:aws:iam::1:user/eva");
        assert_eq!((told.call.as_str(), told.at.as_str()), ("logs:PutRetentionPolicy", "2026-11-22T06:00:00Z"));
        assert_eq!(author(&event("false", "not JSON"), "logs").unwrap().who, "eva");
    }

    #[test]
    fn reads_and_what_cloudformation_did_itself_explain_nothing() {
        let author = |event: &Event| author(event, "logs");
        assert_eq!(author(&event("true", "{}")), None);
        assert_eq!(author(&event("false", r#"{"sourceIPAddress":"cloudformation.amazonaws.com"}"#)), None);
        assert_eq!(author(&event("false", r#"{"userIdentity":{"invokedBy":"cloudformation.amazonaws.com"}}"#)), None);
    }

    #[test]
    fn a_write_to_something_else_of_the_same_name_is_another_matter() {
        assert_eq!(author(&event("false", "{}"), "ecs"), None);
        for (kind, expected) in [
            ("AWS::ECS::Cluster", "ecs"),
            ("AWS::StepFunctions::StateMachine", "states"),
            ("AWS::Logs::LogGroup", "logs"),
        ] {
            assert_eq!(service(kind), expected);
        }
    }

    #[test]
    fn a_thing_is_asked_for_by_arn_and_by_name() {
        assert_eq!(names("/dlt/shop/workers"), ["/dlt/shop/workers"]);
        let arn = "arn:aws:states:eu-west-1:1:stateMachine:shop-runs";
        assert_eq!(names(arn), [arn, "shop-runs"]);
    }
}
