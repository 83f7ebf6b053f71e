//! The engine against a CloudFormation that answers as a test says: what no emulation can be made to do.

use tokio::sync::watch;

use super::{
    changes::Act,
    consent::{Approved, Consent},
    event::{Event, Observer, Operation},
    follow::{self, Begun, Ending, Wish},
    patience::Asking,
    plan::{Live, decide, tests::wanted},
    proposal::{self, Proposal, Source},
    stacks,
    status::Verdict,
};
use crate::rehearsal::scripted::{Fake, client_of, error, stack};

fn events(events: &[(u32, &str, &str, &str)], next: Option<&str>) -> (u16, String) {
    let members: String = events
        .iter()
        .map(|(at, name, status, reason)| {
            let (physical, kind) =
                if *name == "shop" { ("arn:shop", "AWS::CloudFormation::Stack") } else { ("p", "AWS::SNS::Topic") };
            format!(
                "<member><StackId>arn:shop</StackId><EventId>{at}</EventId><StackName>shop</StackName>\
                 <LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
                 <ResourceType>{kind}</ResourceType><Timestamp>2026-01-01T00:00:{at:02}Z</Timestamp>\
                 <ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason></member>"
            )
        })
        .collect();
    let next = next.map(|token| format!("<NextToken>{token}</NextToken>")).unwrap_or_default();
    (200, format!("<StackEvents>{members}</StackEvents>{next}"))
}

fn begun() -> Begun {
    Begun {
        stack: wanted("Resources: {}").stack,
        stack_id: "arn:shop".to_owned(),
        operation: Operation::Create,
        before: Live { status: Some("REVIEW_IN_PROGRESS".to_owned()), ..Live::default() },
        earlier: Default::default(),
        joined: false,
        token: None,
    }
}

async fn followed(fake: &Fake) -> (Ending, Vec<Event>) {
    let (observer, receiver) = Observer::channel();
    let (_sender, wishes) = watch::channel(Wish::Continue);
    let ending = follow::follow(&fake.client().await, begun(), &observer, wishes).await.unwrap();
    drop(observer);
    (ending, heard(receiver).await)
}

async fn heard(mut receiver: tokio::sync::mpsc::UnboundedReceiver<Event>) -> Vec<Event> {
    let mut told = Vec::new();
    while let Some(event) = receiver.recv().await {
        told.push(event);
    }
    told
}

#[tokio::test]
async fn aws_that_is_out_of_reach_for_good_ends_the_watch_and_decides_nothing() {
    let fake = Fake::default()
        .on("DescribeStackEvents", [error("InternalFailure", "gone")])
        .on("DescribeStacks", [stack("CREATE_IN_PROGRESS"), error("InternalFailure", "gone")]);
    let (observer, receiver) = Observer::channel();
    let (_sender, wishes) = watch::channel(Wish::Continue);
    let soon = std::time::Duration::from_millis(1_200);
    let left = follow::follow_for(&fake.client().await, begun(), &observer, wishes, soon).await.unwrap_err();
    assert_eq!(left.exit, crate::exit::Exit::DeadlinePassed);
    assert!(left.to_string().contains("goes on in AWS") && left.to_string().contains("dlt attach"), "{left}");
    drop(observer);
    let troubles = heard(receiver).await.iter().filter(|event| matches!(event, Event::ReadTrouble { .. })).count();
    assert!(fake.called("DescribeStacks") > 2, "it was asked again and again");
    assert_eq!(troubles, 1, "the same trouble is told once");
}

#[tokio::test]
async fn who_leaves_need_not_wait_for_an_answer() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_of(&format!("http://{}", silent.local_addr().unwrap()));
    let (observer, _receiver) = Observer::channel();
    let (sender, wishes) = watch::channel(Wish::Continue);
    let asked = async {
        let hanging = silent.accept().await.unwrap();
        sender.send_replace(Wish::Detach);
        hanging
    };
    let (left, _hanging) = tokio::join!(follow::follow(&client, begun(), &observer, wishes), asked);
    assert_eq!(left.unwrap_err().exit, crate::exit::Exit::Interrupted);
}

#[tokio::test]
async fn what_is_left_as_it_is_goes_with_the_call_by_name() {
    let fake = Fake::default()
        .on("DeleteStack", [(200, String::new())])
        .on("ContinueUpdateRollback", [(200, String::new())])
        .on("RollbackStack", [(200, String::new())]);
    let client = fake.client().await;
    let names = || vec!["Data".to_owned(), "Role".to_owned()];
    stacks::delete_again(&client, "shop", "t1", names(), false).await.unwrap();
    stacks::delete_again(&client, "shop", "t2", Vec::new(), true).await.unwrap();
    stacks::continue_roll_back(&client, "shop", "t3", names()).await.unwrap();
    stacks::continue_roll_back(&client, "shop", "t4", Vec::new()).await.unwrap();
    stacks::roll_back(&client, "shop", "t5").await.unwrap();
    let bodies = fake.bodies();
    for (index, needed, absent) in [
        (0, "RetainResources.member.2=Role", "DeletionMode"),
        (1, "DeletionMode=FORCE_DELETE_STACK", "RetainResources"),
        (2, "ResourcesToSkip.member.1=Data", "RetainResources"),
        (3, "ClientRequestToken=t4", "ResourcesToSkip"),
        (4, "Action=RollbackStack", "ResourcesToSkip"),
    ] {
        assert!(bodies[index].contains(needed) && !bodies[index].contains(absent), "{needed}: {}", bodies[index]);
    }
}

#[tokio::test]
async fn reads_that_fail_never_decide_the_verdict() {
    let throttled = || error("Throttling", "Rate exceeded");
    let fake = Fake::default()
        .on("DescribeStackEvents", [throttled(), events(&[(1, "shop", "CREATE_IN_PROGRESS", "")], None)])
        .on(
            "DescribeStacks",
            [throttled(), (500, String::new()), stack("CREATE_IN_PROGRESS"), stack("CREATE_COMPLETE")],
        );
    let (ending, told) = followed(&fake).await;
    assert_eq!(ending.verdict, Verdict::Succeeded);
    assert!(
        told.iter().any(|event| matches!(event, Event::ReadTrouble { .. })),
        "the failure without a reason is told"
    );
}

#[tokio::test]
async fn every_page_of_events_is_read_and_the_first_failure_is_the_cause() {
    let fake = Fake::default()
        .on(
            "DescribeStackEvents",
            [
                events(
                    &[(5, "shop", "ROLLBACK_COMPLETE", ""), (4, "B", "CREATE_FAILED", "Resource creation cancelled")],
                    Some("2"),
                ),
                events(
                    &[(3, "A", "CREATE_FAILED", "The name is taken"), (2, "A", "CREATE_IN_PROGRESS", "")],
                    Some("3"),
                ),
                events(&[(1, "shop", "CREATE_IN_PROGRESS", "User Initiated")], None),
            ],
        )
        .on("DescribeStacks", [stack("ROLLBACK_COMPLETE")]);
    let (ending, told) = followed(&fake).await;
    assert_eq!(ending.verdict, Verdict::RolledBack);
    assert_eq!(ending.cause.map(|cause| cause.reason), Some("The name is taken".to_owned()));
    let order: Vec<String> = told
        .iter()
        .filter_map(|event| match event {
            Event::Resource { resource, .. } => Some(resource.id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["1", "2", "3", "4", "5"]);
    let echoes = told.iter().find_map(|event| match event {
        Event::Ended { echoes, .. } => Some(*echoes),
        _ => None,
    });
    assert_eq!(echoes, Some(1));
}

fn made() -> (u16, String) {
    (200, "<Id>arn:change</Id><StackId>arn:shop</StackId>".to_owned())
}

async fn proposed(fake: &Fake) -> Result<Proposal, crate::failure::Failure> {
    let wanted = wanted("Resources: {}");
    let plan = decide(&wanted, &Live::default());
    let client = fake.client().await;
    let source = Source::Text(wanted.template.clone());
    proposal::propose(&Asking::quietly(&client), &wanted, &plan, &source).await
}

#[tokio::test]
async fn an_empty_change_set_is_success_and_is_removed_with_the_stack_that_it_made() {
    let reason = "The submitted information didn't contain changes.";
    let failed = format!("<Status>FAILED</Status><StatusReason>{reason}</StatusReason>");
    let fake = Fake::default()
        .on("CreateChangeSet", [made()])
        .on("DescribeChangeSet", [(200, failed)])
        .on("DeleteChangeSet", [(200, String::new())])
        .on("DescribeStacks", [stack("REVIEW_IN_PROGRESS")])
        .on("DeleteStack", [(200, String::new())]);
    assert!(matches!(proposed(&fake).await.unwrap(), Proposal::Nothing));
    assert_eq!((fake.called("DeleteChangeSet"), fake.called("DeleteStack")), (1, 1));
}

#[tokio::test]
async fn trouble_while_a_change_set_is_made_is_told_and_waited_out() {
    let fake = Fake::default()
        .on("CreateChangeSet", [error("InternalFailure", "in a moment"), made()])
        .on("DescribeChangeSet", [(200, "<Status>CREATE_COMPLETE</Status>".to_owned())]);
    let wanted = wanted("Resources: {}");
    let plan = decide(&wanted, &Live::default());
    let (observer, receiver) = Observer::channel();
    let (client, source) = (fake.client().await, Source::Text(wanted.template.clone()));
    let asking = Asking::telling(&client, &observer, &wanted.stack);
    let proposal = proposal::propose(&asking, &wanted, &plan, &source).await.unwrap();
    assert!(matches!(proposal, Proposal::Changes(_)));
    drop(observer);
    let told = heard(receiver).await;
    let [Event::ReadTrouble { stack, message }] = told.as_slice() else { panic!("one trouble is told: {told:?}") };
    assert_eq!(*stack, wanted.stack);
    assert!(message.contains("make a change set") && message.contains("in a moment"), "{message}");
}

#[tokio::test]
async fn a_change_set_of_an_earlier_command_is_found_again_and_not_made_twice() {
    let ready = "<ChangeSetId>arn:change</ChangeSetId><StackId>arn:shop</StackId><Status>CREATE_COMPLETE</Status>\
                 <ExecutionStatus>AVAILABLE</ExecutionStatus>";
    let fake = Fake::default()
        .on("CreateChangeSet", [error("AlreadyExistsException", "ChangeSet already exists")])
        .on("DescribeChangeSet", [(200, ready.to_owned())]);
    let Proposal::Changes(change_set) = proposed(&fake).await.unwrap() else { panic!("there is a change set") };
    assert_eq!((change_set.id.as_str(), change_set.stack_id.as_str()), ("arn:change", "arn:shop"));
    assert_eq!(fake.called("DeleteChangeSet"), 0);
}

#[tokio::test]
async fn a_change_set_that_another_command_executes_is_not_taken_from_it() {
    for status in ["EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"] {
        let found = format!(
            "<ChangeSetId>arn:change</ChangeSetId><StackId>arn:shop</StackId><Status>CREATE_COMPLETE</Status>\
             <ExecutionStatus>{status}</ExecutionStatus>"
        );
        let refused = error("InvalidChangeSetStatus", &format!("cannot be executed in its status of [{status}]"));
        let fake = Fake::default()
            .on("CreateChangeSet", [error("AlreadyExistsException", "ChangeSet already exists")])
            .on("DescribeChangeSet", [(200, found)])
            .on("ExecuteChangeSet", [refused]);
        let Proposal::Changes(change_set) = proposed(&fake).await.unwrap() else { panic!("there is a change set") };
        assert_eq!(fake.called("DeleteChangeSet"), 0);
        let yes = Consent { yes: true, ..Consent::default() };
        let approved = Approved::new(change_set, &yes).unwrap();
        let client = fake.client().await;
        let begun = proposal::execute(&Asking::quietly(&client), approved).await.unwrap();
        assert_eq!(begun.id, "arn:change", "the operation of the other one is ours to watch");
    }
}

#[tokio::test]
async fn what_is_there_already_is_asked_for_by_name_and_only_then() {
    for (imports, expected) in [(true, 1), (false, 0)] {
        let fake = Fake::default().on("CreateChangeSet", [error("ValidationError", "enough")]);
        let wanted = wanted("Resources: {Table: {Type: AWS::DynamoDB::Table}}");
        let mut plan = decide(&wanted, &Live::default());
        if imports {
            plan.resources[0].act = Act::Import;
        }
        let source = Source::Text(wanted.template.clone());
        let client = fake.client().await;
        proposal::propose(&Asking::quietly(&client), &wanted, &plan, &source).await.unwrap_err();
        let said = fake.bodies().iter().filter(|it| it.contains("ImportExistingResources=true")).count();
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn every_page_of_a_change_set_is_read_with_values_and_without() {
    let page = |name: &str, next: &str| {
        let change = format!(
            "<Changes><member><Type>Resource</Type><ResourceChange><Action>Add</Action>\
             <LogicalResourceId>{name}</LogicalResourceId><ResourceType>AWS::SNS::Topic</ResourceType>\
             </ResourceChange></member></Changes>"
        );
        (200, format!("<Status>CREATE_COMPLETE</Status>{change}{next}"))
    };
    let more = "<NextToken>2</NextToken>";
    // First the wait looks once, then two pages without values, then two with values, of which one lacks a change.
    let pages = [page("A", ""), page("A", more), page("B", ""), page("A", more), page("A", "")];
    let fake = Fake::default().on("CreateChangeSet", [made()]).on("DescribeChangeSet", pages);
    let Proposal::Changes(change_set) = proposed(&fake).await.unwrap() else { panic!("there is a change set") };
    let names: Vec<&str> = change_set.changes.iter().map(|change| change.logical_id.as_str()).collect();
    assert_eq!(names, ["A", "B"]);
    assert_eq!(fake.called("DescribeChangeSet"), 5);
}

#[tokio::test]
async fn a_change_set_that_aws_cannot_make_is_an_invalid_template_and_leaves_nothing() {
    let failed = "<Status>FAILED</Status><StatusReason>Template error: no such thing</StatusReason>";
    let fake = Fake::default()
        .on("CreateChangeSet", [made()])
        .on("DescribeChangeSet", [(200, failed.to_owned())])
        .on("DeleteChangeSet", [(200, String::new())])
        .on("DescribeStacks", [stack("REVIEW_IN_PROGRESS")])
        .on("DeleteStack", [(200, String::new())]);
    let failure = proposed(&fake).await.unwrap_err();
    assert_eq!(failure.exit, crate::exit::Exit::Invalid);
    assert!(failure.to_string().contains("no such thing"), "{failure}");
    assert_eq!((fake.called("DeleteChangeSet"), fake.called("DeleteStack")), (1, 1));
}
