//! What to do with one stack, decided from what is wanted and what is there.

use super::{Action, Live, Server, StackPlan, Wanted, compare::Compared};
use crate::deploy::{
    status::{Standing, standing},
    token::Token,
};

/// Decides what to do with one stack.
pub fn decide(wanted: &Wanted, live: &Live) -> StackPlan {
    let action = |differs: bool| match standing(live.status.as_deref()) {
        Standing::Absent | Standing::Review => Action::Create,
        Standing::Settled if differs => Action::Update,
        Standing::Settled => Action::Nothing,
        Standing::Moving => moving(wanted, live),
        Standing::Stuck(stuck) => {
            let (why, way_out) = stuck.way_out(&wanted.stack.name);
            Action::Blocked { status: status_of(live), why: why.to_owned(), way_out }
        }
    };
    let compared = Compared::new(wanted, live);
    StackPlan {
        stack: wanted.stack.clone(),
        part: wanted.part,
        action: action(compared.differs()),
        protection: (live.protection != wanted.protection).then_some(wanted.protection),
        token: token(wanted, live),
        resources: compared.resources,
        parameters: compared.parameters,
        tags: compared.tags,
        sections: compared.sections,
        unchanged: compared.unchanged,
        server: Server::default(),
        obstacles: Vec::new(),
        notes: Vec::new(),
    }
}

fn status_of(live: &Live) -> String {
    live.status.clone().unwrap_or_default()
}

fn moving(wanted: &Wanted, live: &Live) -> Action {
    let ours = |running: &String| token(wanted, live).same_content(running);
    match live.running_token.as_ref().filter(|running| ours(running)) {
        Some(_) => Action::Join,
        None => Action::Held { status: status_of(live) },
    }
}

fn token(wanted: &Wanted, live: &Live) -> Token {
    let base = match standing(live.status.as_deref()) {
        Standing::Absent | Standing::Review => String::new(),
        _ => format!("{}@{}", live.stack_id, live.changed_ms),
    };
    Token::new(&wanted.template, &wanted.parameters, &wanted.tags, &base)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::{
        deploy::{changes::Act, event::StackRef},
        render::Part,
    };

    /// A small stack as we want it.
    pub fn wanted(template: &str) -> Wanted {
        Wanted {
            stack: StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() },
            part: Part::Main,
            template: template.to_owned(),
            parameters: BTreeMap::new(),
            tags: BTreeMap::from([("team".to_owned(), "qa".to_owned())]),
            protection: false,
        }
    }

    /// The same stack, deployed.
    pub fn deployed(wanted: &Wanted, status: &str) -> Live {
        Live {
            status: Some(status.to_owned()),
            stack_id: "arn:shop".to_owned(),
            changed_ms: 1,
            template: Some(wanted.template.clone()),
            parameters: wanted.parameters.clone(),
            tags: wanted.tags.clone(),
            protection: wanted.protection,
            ..Live::default()
        }
    }

    const TOPIC: &str = "Parameters: {A: {Type: String, Default: x}}\nResources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}}\n";

    fn with_defaults(mut live: Live) -> Live {
        live.parameters.insert("A".to_owned(), "x".to_owned());
        live
    }

    #[test]
    fn a_stack_that_is_not_there_is_made() {
        let plan = decide(&wanted(TOPIC), &Live::default());
        assert_eq!(plan.action, Action::Create);
        assert_eq!(plan.count(Act::Add), 1);
    }

    #[test]
    fn a_stack_that_a_forgotten_change_set_left_is_made() {
        let live = Live { status: Some("REVIEW_IN_PROGRESS".to_owned()), ..Live::default() };
        assert_eq!(decide(&wanted(TOPIC), &live).action, Action::Create);
    }

    #[test]
    fn a_stack_as_wanted_is_left_alone() {
        let wanted = wanted(TOPIC);
        let live = with_defaults(deployed(&wanted, "UPDATE_COMPLETE"));
        assert_eq!(decide(&wanted, &live).action, Action::Nothing);
        let trailing = Live { template: Some(TOPIC.trim_end().to_owned()), ..live };
        assert_eq!(decide(&wanted, &trailing).action, Action::Nothing, "AWS may drop the last newline");
    }

    #[test]
    fn another_parameter_changes_the_resource_that_uses_it() {
        let before = wanted(TOPIC);
        let live = with_defaults(deployed(&before, "CREATE_COMPLETE"));
        let wanted = Wanted { parameters: BTreeMap::from([("A".to_owned(), "y".to_owned())]), ..before };
        let plan = decide(&wanted, &live);
        assert_eq!(plan.action, Action::Update);
        assert_eq!(plan.resources[0].properties[0].at.path, "DisplayName");
        assert_eq!(plan.parameters[0].after.as_deref(), Some("y"));
    }

    #[test]
    fn a_name_written_with_the_account_is_the_same_name_written_out() {
        let by_hand =
            wanted("Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'd-${AWS::AccountId}'}}}");
        let ours = Wanted {
            template: by_hand.template.replace("!Sub 'd-${AWS::AccountId}'", "d-123456789012"),
            ..by_hand.clone()
        };
        let stack_id = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/0".to_owned();
        let live = Live { stack_id, ..deployed(&by_hand, "CREATE_COMPLETE") };
        assert_eq!(decide(&ours, &live).action, Action::Nothing);
    }

    #[test]
    fn a_secret_parameter_is_neither_shown_nor_always_different() {
        let text = "Parameters: {Key: {Type: String, NoEcho: true}}\nResources: {T: {Type: AWS::SNS::Topic, Properties: {X: !Ref Key}}}\n";
        let wanted = Wanted { parameters: BTreeMap::from([("Key".to_owned(), "s3cret".to_owned())]), ..wanted(text) };
        let mut live = deployed(&wanted, "CREATE_COMPLETE");
        live.parameters.insert("Key".to_owned(), "****".to_owned());
        let plan = decide(&wanted, &live);
        assert_eq!(plan.action, Action::Nothing);
        let moved = Wanted { template: wanted.template.replace("X:", "Y:"), ..wanted };
        let plan = decide(&moved, &live);
        assert_eq!(plan.resources.len(), 1);
        assert!(!json!(plan).to_string().contains("s3cret"), "{plan:?}");
    }

    #[test]
    fn another_output_is_a_change_and_another_default_that_nobody_uses_is_none() {
        let before = wanted(TOPIC);
        let live = with_defaults(deployed(&before, "CREATE_COMPLETE"));
        let output = Wanted { template: format!("{TOPIC}Outputs: {{A: {{Value: !Ref A}}}}\n"), ..before.clone() };
        let plan = decide(&output, &live);
        assert_eq!((plan.action, plan.sections[0].path.as_str()), (Action::Update, "Outputs.A"));
        let given = Wanted { parameters: BTreeMap::from([("A".to_owned(), "x".to_owned())]), ..before };
        let default = Wanted { template: TOPIC.replace("Default: x", "Default: y"), ..given };
        assert_eq!(decide(&default, &live).action, Action::Nothing);
    }

    #[test]
    fn another_tag_is_a_change() {
        let wanted = wanted(TOPIC);
        let live = Live { tags: BTreeMap::new(), ..with_defaults(deployed(&wanted, "CREATE_COMPLETE")) };
        assert_eq!(decide(&wanted, &live).action, Action::Update);
    }

    #[test]
    fn protection_alone_needs_no_change_set() {
        let wanted = Wanted { protection: true, ..wanted(TOPIC) };
        let live = Live { protection: false, ..with_defaults(deployed(&wanted, "CREATE_COMPLETE")) };
        let plan = decide(&wanted, &live);
        assert_eq!((plan.action, plan.protection), (Action::Nothing, Some(true)));
    }

    #[test]
    fn an_operation_with_the_same_wish_is_joined_and_any_other_holds_the_stack() {
        let wanted = wanted(TOPIC);
        let ours = decide(&wanted, &Live::default()).token;
        let moving = |token: Option<&str>| Live {
            running_token: token.map(ToOwned::to_owned),
            ..deployed(&wanted, "CREATE_IN_PROGRESS")
        };
        assert_eq!(decide(&wanted, &moving(Some(ours.as_str()))).action, Action::Join);
        for other in [Some("Console-UpdateStack-1"), None] {
            assert!(matches!(decide(&wanted, &moving(other)).action, Action::Held { .. }));
        }
    }

    #[test]
    fn a_stuck_stack_comes_with_its_way_out() {
        let wanted = wanted(TOPIC);
        let plan = decide(&wanted, &deployed(&wanted, "ROLLBACK_COMPLETE"));
        let Action::Blocked { way_out, .. } = plan.action else { panic!("{:?}", plan.action) };
        assert!(way_out.contains("dlt recover"), "{way_out}");
    }
}
