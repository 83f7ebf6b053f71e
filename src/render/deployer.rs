//! What whoever runs `dlt up` on an environment may do: the calls that `dlt doctor` asks about, on the names that the environment
//! gives. For the stage Deploy of a pipeline whose buildspec is the one that we ship.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value, context};

use super::Part;
use crate::{
    check::actions::{Known, of},
    config::Config,
    doctor::{names, permissions},
};

/// Where the names that an environment gives lead, by service. What AWS itself names is narrowed to the account.
const WHERE: &[(&str, &[&str])] = &[
    ("apigateway", &["apigateway:*::/apis", "apigateway:*::/apis/*"]),
    ("cloudformation", &["cloudformation:*:{account}:stack/{stack}/*", "cloudformation:*:{account}:stack/{stack}-*/*"]),
    ("cloudfront", &["cloudfront::{account}:*"]),
    ("cloudwatch", &["cloudwatch:*:{account}:alarm:{stack}-*", "cloudwatch::{account}:dashboard/{stack}*"]),
    ("cognito-identity", &["cognito-identity:*:{account}:identitypool/*"]),
    ("cognito-idp", &["cognito-idp:*:{account}:userpool/*"]),
    ("dynamodb", &["dynamodb:*:{account}:table/{stack}"]),
    ("ec2", &["ec2:*:{account}:*"]),
    ("ecr", &["ecr:*:{account}:repository/{stack}/*"]),
    (
        "ecs",
        &[
            "ecs:*:{account}:cluster/{stack}",
            "ecs:*:{account}:task/{stack}/*",
            "ecs:*:{account}:task-definition/{stack}-*",
        ],
    ),
    ("events", &["events:*:{account}:rule/{stack}-*"]),
    ("iam", &["iam::{account}:role/{stack}-*"]),
    ("iot", &["iot:*:{account}:policy/{stack}-*"]),
    ("kms", &["kms:*:{account}:key/*"]),
    ("lambda", &["lambda:*:{account}:function:{stack}-*"]),
    ("logs", &["logs:*:{account}:log-group:/dlt/{stack}/*"]),
    (
        "s3",
        &[
            "s3:::{stack}-artifacts-{account}-*",
            "s3:::{stack}-artifacts-{account}-*/*",
            "s3:::{stack}-data-{account}-*",
        ],
    ),
    ("sns", &["sns:*:{account}:{stack}-*"]),
    ("ssm", &["ssm:*:{account}:parameter/dlt/{stack}/*"]),
    ("states", &["states:*:{account}:stateMachine:{stack}-*"]),
];
/// What knows no resource, or none that can be named before it is there, whatever the table of actions says.
const WIDE: &[&str] = &[
    "cloudfront:CreateOriginAccessControl",
    "cognito-identity:CreateIdentityPool",
    "cognito-identity:SetIdentityPoolRoles",
    "cognito-idp:CreateUserPool",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTaskDefinitions",
    "kms:CreateKey",
    "logs:DescribeLogGroups",
    "sns:Unsubscribe",
];
/// What knows a resource by now, which the table of actions does not know yet.
const NARROW: &[&str] =
    &["cloudfront:CreateDistribution", "cloudfront:CreateFunction", "cloudfront:CreateResponseHeadersPolicy"];
/// What doctor does not ask about, because its simulation knows no such resource.
const OF_CLUSTER: &str = "ecs:ListTasks";
const OF_VIEWERS: &str = "iot:DetachPolicy";

/// Why statements are about everything, as the template says it.
const OF_CLUSTER_WHY: &str =
    "Tasks are listed by cluster, which this action takes as a condition and not as a resource.";
const OF_VIEWERS_WHY: &str = "The target is a viewer's identity at Cognito, which no ARN names.";
const WIDE_WHY: &str = "These actions know no resource, or none that has a name before it is there.";

/// What is about the role of ECS, which belongs to the account.
const OF_ECS: &[&str] = &["iam:CreateServiceLinkedRole", "iam:GetRole"];

/// A statement of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    /// Its name.
    sid: String,
    /// What it allows.
    actions: Vec<String>,
    /// On what, as CloudFormation substitutes it; nothing means everything.
    resources: Vec<String>,
    /// Why it is allowed on everything, where it is: a comment of the template.
    why: Option<&'static str>,
    /// The only cluster that it is allowed on, where that is a condition.
    cluster: Option<String>,
}

/// The statements for an environment, for the template.
pub(super) fn context(config: &Config) -> Vec<Value> {
    let one = |Statement { sid, actions, resources, why, cluster }| context! { sid, actions, resources, why, cluster };
    statements(config).into_iter().map(one).collect()
}

/// The statements for an environment. A template that cannot be read, which is a fault of ours, allows nothing.
fn statements(config: &Config) -> Vec<Statement> {
    let mut kinds = BTreeSet::new();
    for part in Part::ALL {
        let region = part.regions(config).into_iter().next();
        kinds.extend(region.and_then(|region| names::kinds(part, config, &region).ok()).into_iter().flatten());
    }
    let mut narrow: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut wide = Vec::new();
    for action in permissions::actions(&kinds).0 {
        let (service, verb) = action.split_once(':').expect("actions of the table name their service");
        let is_wide = of(service, verb) == Known::Wide && !NARROW.contains(&action) || WIDE.contains(&action);
        let is_narrow = !is_wide && resources(service).is_some();
        let list = if is_narrow { narrow.entry(service).or_default() } else { &mut wide };
        list.push(action.to_owned());
    }
    let stack = config.stack.as_str();
    let of_service = |(service, actions): (&str, Vec<String>)| Statement {
        sid: sid(service),
        actions,
        resources: resources(service).into_iter().flatten().map(|resource| arn(resource, stack)).collect(),
        why: None,
        cluster: None,
    };
    let mut statements: Vec<Statement> = narrow.into_iter().map(of_service).collect();
    let role = "iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";
    statements.push(Statement {
        sid: "RoleOfEcs".to_owned(),
        actions: OF_ECS.iter().map(ToString::to_string).collect(),
        resources: vec![arn(role, stack)],
        why: None,
        cluster: None,
    });
    let of_cluster = Statement {
        cluster: Some(arn("ecs:*:{account}:cluster/{stack}", stack)),
        ..on_everything("OfTheCluster", vec![OF_CLUSTER.to_owned()], OF_CLUSTER_WHY)
    };
    statements.extend([
        of_cluster,
        on_everything("OfViewers", vec![OF_VIEWERS.to_owned()], OF_VIEWERS_WHY),
        on_everything("WithoutResources", wide, WIDE_WHY),
    ]);
    statements
}

fn on_everything(sid: &str, actions: Vec<String>, why: &'static str) -> Statement {
    Statement { sid: sid.to_owned(), actions, resources: Vec::new(), why: Some(why), cluster: None }
}

fn resources(service: &str) -> Option<&'static [&'static str]> {
    WHERE.iter().find(|(known, _)| *known == service).map(|(_, resources)| *resources)
}

fn arn(resource: &str, stack: &str) -> String {
    let resource = resource.replace("{account}", "${AWS::AccountId}").replace("{stack}", stack);
    format!("arn:${{AWS::Partition}}:{resource}")
}

/// A service's name as the name of a statement, which may have letters and digits only.
fn sid(service: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    service.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    const ENVIRONMENT: &str = "stack: shop\nregion: eu-west-1\nadmin: {name: admin, email: a@example.com}\n";
    const ACCOUNT: &str = "123456789012";
    /// What IAM takes inline for a role, spaces not counted.
    const MOST_CHARACTERS: usize = 10_240;
    /// How much of that artifacts, log and reports take.
    const WHAT_EVERY_STAGE_MAY: usize = 1_000;

    fn of(more: &str) -> Vec<Statement> {
        statements(&Config::read(&format!("{ENVIRONMENT}{more}"), &Layers::default()).unwrap())
    }

    #[test]
    fn nothing_that_the_environment_names_is_allowed_elsewhere() {
        for statement in of("") {
            let own =
                ["shop", "/apis", "identitypool", "userpool", ":key/", "cloudfront::", "ec2:*:", "ServiceRoleForECS"];
            for resource in &statement.resources {
                assert!(own.iter().any(|own| resource.contains(own)), "{resource}");
            }
            let changes = |action: &&String| !["Describe", "List", "Get"].iter().any(|verb| action.contains(verb));
            let wide = statement.resources.is_empty().then_some(&statement.actions).into_iter().flatten();
            assert!(wide.filter(changes).count() < 20, "{statement:#?}");
        }
    }

    #[test]
    fn what_is_allowed_on_everything_says_why_and_nothing_else_does() {
        for statement in of("") {
            assert_eq!(statement.why.is_some(), statement.resources.is_empty(), "{statement:#?}");
        }
    }

    #[test]
    fn an_environment_without_a_console_needs_nothing_of_cloudfront_and_a_policy_fits_into_a_role() {
        let has = |statements: &[Statement]| statements.iter().any(|it| it.sid == "Cloudfront");
        assert!(has(&of("")) && !has(&of("console: headless\n")));
        let long = Config::read(&ENVIRONMENT.replace("shop", &"a".repeat(28)), &Layers::default()).unwrap();
        let shown =
            |text: &String| text.replace("${AWS::Partition}", "aws-us-gov").replace("${AWS::AccountId}", ACCOUNT);
        let texts =
            |it: &Statement| it.actions.iter().chain(&it.resources).map(|it| shown(it).len() + 3).sum::<usize>();
        let length: usize = statements(&long).iter().map(|it| texts(it) + 60).sum();
        assert!(length < MOST_CHARACTERS - WHAT_EVERY_STAGE_MAY, "{length}");
        assert_eq!(sid("cognito-idp"), "CognitoIdp");
    }
}
