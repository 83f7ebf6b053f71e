//! What a deployment will do, decided from what is wanted and what is there. After this nothing is left to decide.

mod compare;

use std::collections::BTreeMap;

use dlt_model::id::Region;
use serde::{Deserialize, Serialize};

use self::compare::Compared;
use super::{
    area::Area,
    changes::Act,
    diff::{PropertyDiff, ResourceDiff},
    event::StackRef,
    status::{Standing, standing},
    token::Token,
};
use crate::render::Part;

/// A stack as we want it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which stack.
    pub stack: StackRef,
    /// Which template.
    pub part: Part,
    /// The template, verbatim.
    pub template: String,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Tags of the stack and of all that is in it.
    pub tags: BTreeMap<String, String>,
    /// Whether CloudFormation is to refuse its deletion.
    pub protection: bool,
}

/// A stack as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// CloudFormation's word; none when it is not there.
    pub status: Option<String>,
    /// Why it has this status, where CloudFormation says so.
    pub status_reason: Option<String>,
    /// Its unique id.
    pub stack_id: String,
    /// When it was changed last, in milliseconds since 1970.
    pub changed_ms: i64,
    /// The template, as it was sent.
    pub template: Option<String>,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Whether CloudFormation refuses its deletion.
    pub protection: bool,
    /// The token of the operation that is going on, if one is and it has one.
    pub running_token: Option<String>,
    /// What the last drift detection found, and when: `IN_SYNC@1764000000000`.
    pub drift: Option<String>,
}

/// What will be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Plan {
    /// The environment's stack name.
    pub stack: String,
    /// The account.
    pub account: String,
    /// Stack by stack, foundations first.
    pub stacks: Vec<StackPlan>,
    /// Upload by upload.
    pub assets: Vec<AssetPlan>,
}

/// What will be done to one stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StackPlan {
    /// Which stack.
    pub stack: StackRef,
    /// Which template.
    pub part: Part,
    /// What will be done.
    pub action: Action,
    /// Resources that will come, change or go.
    pub resources: Vec<ResourceDiff>,
    /// Parameters with other values.
    pub parameters: Vec<ValueDiff>,
    /// Tags with other values.
    pub tags: Vec<ValueDiff>,
    /// Places in sections of the template, other than resources, that differ.
    pub sections: Vec<PropertyDiff>,
    /// How many resources stay as they are, by what they are for.
    pub unchanged: BTreeMap<Area, usize>,
    /// What CloudFormation says, if it was asked.
    pub server: Server,
    /// The termination protection to set, when it differs.
    pub protection: Option<bool>,
    /// What the operation is called.
    pub token: Token,
    /// What is there already under a name that this stack would give, and cannot come into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
    /// What else is worth knowing beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether CloudFormation was asked what it would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Server {
    /// It was not.
    #[default]
    Unasked,
    /// It could not be.
    Unable {
        /// Why.
        why: String,
    },
    /// It was: who saw what stands beside each change.
    Answered,
    /// It was, and finds nothing to change.
    Nothing,
}

/// Something that is there under a name that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Obstacle {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What will be done to a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is as it should be.
    Nothing,
    /// The very same deployment is going on: we watch it.
    Join,
    /// Another operation is going on.
    Held {
        /// The stack's status.
        status: String,
    },
    /// Nothing can be done before somebody helps.
    Blocked {
        /// The stack's status.
        status: String,
        /// What happened.
        why: String,
        /// What to do.
        way_out: String,
    },
}

/// A named value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ValueDiff {
    /// Its name.
    pub name: String,
    /// The value now.
    pub before: Option<String>,
    /// The value then.
    pub after: Option<String>,
}

/// A thing to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AssetPlan {
    /// Which: `functions`, `worker image`, `console`, `release.json`.
    pub asset: String,
    /// The region.
    #[cfg_attr(test, schemars(with = "String"))]
    pub region: Region,
    /// Its content address there.
    pub address: String,
    /// True when it is there already.
    pub present: bool,
}

impl Plan {
    /// True when there is nothing to do at all.
    pub fn is_empty(&self) -> bool {
        let settled = |stack: &StackPlan| stack.action == Action::Nothing && stack.protection.is_none();
        self.stacks.iter().all(settled) && self.assets.iter().all(|asset| asset.present)
    }

    /// Names all that is deployed, whatever it is applied to.
    pub fn content(&self) -> String {
        self.stacks.iter().map(|stack| stack.token.content()).collect::<Vec<_>>().join(" ")
    }

    /// The stacks and resources whose data would be gone.
    pub fn losses(&self) -> Vec<(&StackRef, &ResourceDiff)> {
        let losing = |plan: &'_ StackPlan| plan.resources.iter().filter(|it| it.loses_data).count();
        self.stacks
            .iter()
            .filter(|plan| losing(plan) > 0)
            .flat_map(|plan| plan.resources.iter().filter(|it| it.loses_data).map(|it| (&plan.stack, it)))
            .collect()
    }
}

impl StackPlan {
    /// How many resources have this fate.
    pub fn count(&self, act: Act) -> usize {
        self.resources.iter().filter(|resource| resource.act == act).count()
    }
}

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
    use serde_json::json;

    use super::*;

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
