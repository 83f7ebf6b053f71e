//! What a deployment calls, by service: derived from the types in the rendered templates, and from what `dlt up` does itself.
//!
//! Actions of types follow the `handlers` of CloudFormation's public resource schemas; a stack without a role of its own
//! calls them in the name of whoever deploys.

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::id::Region;

use super::finding::{Area, Finding, State};
use crate::config::Config;

/// What `dlt up` calls itself, whatever is in the templates.
const OWN: &[&str] = &[
    "cloudformation:CancelUpdateStack",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeEvents",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
    "cloudformation:UpdateTerminationProtection",
    "cognito-idp:AdminSetUserPassword",
    "cognito-idp:AdminUpdateUserAttributes",
    "cognito-idp:ListUserPools",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchDeleteImage",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
    "ecs:DescribeTasks",
    "ecs:ListTaskDefinitions",
    "iot:ListTargetsForPolicy",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "ssm:DeleteParameter",
    "ssm:GetParameter",
    "ssm:PutParameter",
];

/// Type, and what making, changing and removing one calls.
const OF_TYPES: &[(&str, &str)] = &[
    ("AWS::ApiGatewayV2::", "apigateway:DELETE apigateway:GET apigateway:PATCH apigateway:POST"),
    (
        "AWS::CloudFront::Distribution",
        "cloudfront:CreateDistribution cloudfront:DeleteDistribution cloudfront:GetDistribution cloudfront:TagResource \
         cloudfront:UpdateDistribution",
    ),
    (
        "AWS::CloudFront::Function",
        "cloudfront:CreateFunction cloudfront:DeleteFunction cloudfront:DescribeFunction cloudfront:PublishFunction \
         cloudfront:UpdateFunction",
    ),
    (
        "AWS::CloudFront::OriginAccessControl",
        "cloudfront:CreateOriginAccessControl cloudfront:DeleteOriginAccessControl cloudfront:GetOriginAccessControl",
    ),
    (
        "AWS::CloudFront::ResponseHeadersPolicy",
        "cloudfront:CreateResponseHeadersPolicy cloudfront:DeleteResponseHeadersPolicy cloudfront:GetResponseHeadersPolicy",
    ),
    ("AWS::CloudWatch::Alarm", "cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms cloudwatch:PutMetricAlarm"),
    ("AWS::CloudWatch::Dashboard", "cloudwatch:DeleteDashboards cloudwatch:GetDashboard cloudwatch:PutDashboard"),
    (
        "AWS::CodeBuild::Project",
        "codebuild:BatchGetProjects codebuild:CreateProject codebuild:DeleteProject iam:PassRole",
    ),
    (
        "AWS::CodePipeline::Pipeline",
        "codepipeline:CreatePipeline codepipeline:DeletePipeline codepipeline:GetPipeline iam:PassRole",
    ),
    (
        "AWS::Cognito::IdentityPool",
        "cognito-identity:CreateIdentityPool cognito-identity:DeleteIdentityPool cognito-identity:DescribeIdentityPool",
    ),
    (
        "AWS::Cognito::IdentityPoolRoleAttachment",
        "cognito-identity:GetIdentityPoolRoles cognito-identity:SetIdentityPoolRoles iam:PassRole",
    ),
    (
        "AWS::Cognito::UserPool",
        "cognito-idp:CreateUserPool cognito-idp:DeleteUserPool cognito-idp:DescribeUserPool cognito-idp:UpdateUserPool",
    ),
    (
        "AWS::Cognito::UserPoolClient",
        "cognito-idp:CreateUserPoolClient cognito-idp:DeleteUserPoolClient cognito-idp:DescribeUserPoolClient",
    ),
    (
        "AWS::Cognito::UserPoolGroup",
        "cognito-idp:CreateGroup cognito-idp:DeleteGroup cognito-idp:GetGroup iam:PassRole",
    ),
    ("AWS::Cognito::UserPoolUser", "cognito-idp:AdminCreateUser cognito-idp:AdminDeleteUser cognito-idp:AdminGetUser"),
    (
        "AWS::Cognito::UserPoolUserToGroupAttachment",
        "cognito-idp:AdminAddUserToGroup cognito-idp:AdminRemoveUserFromGroup",
    ),
    (
        "AWS::DynamoDB::Table",
        "dynamodb:CreateTable dynamodb:DeleteTable dynamodb:DescribeContinuousBackups dynamodb:DescribeTable \
         dynamodb:UpdateContinuousBackups dynamodb:UpdateTable",
    ),
    (
        "AWS::EC2::InternetGateway",
        "ec2:CreateInternetGateway ec2:CreateTags ec2:DeleteInternetGateway ec2:DescribeInternetGateways",
    ),
    ("AWS::EC2::Route", "ec2:CreateRoute ec2:DeleteRoute ec2:DescribeRouteTables"),
    ("AWS::EC2::RouteTable", "ec2:CreateRouteTable ec2:CreateTags ec2:DeleteRouteTable ec2:DescribeRouteTables"),
    (
        "AWS::EC2::SecurityGroup",
        "ec2:AuthorizeSecurityGroupEgress ec2:CreateSecurityGroup ec2:CreateTags ec2:DeleteSecurityGroup \
         ec2:DescribeSecurityGroups ec2:RevokeSecurityGroupEgress",
    ),
    (
        "AWS::EC2::Subnet",
        "ec2:CreateSubnet ec2:CreateTags ec2:DeleteSubnet ec2:DescribeAvailabilityZones ec2:DescribeSubnets",
    ),
    ("AWS::EC2::SubnetRouteTableAssociation", "ec2:AssociateRouteTable ec2:DisassociateRouteTable"),
    ("AWS::EC2::VPC", "ec2:CreateTags ec2:CreateVpc ec2:DeleteVpc ec2:DescribeVpcs ec2:ModifyVpcAttribute"),
    ("AWS::EC2::VPCEndpoint", "ec2:CreateVpcEndpoint ec2:DeleteVpcEndpoints ec2:DescribeVpcEndpoints"),
    ("AWS::EC2::VPCGatewayAttachment", "ec2:AttachInternetGateway ec2:DetachInternetGateway"),
    (
        "AWS::ECR::Repository",
        "ecr:CreateRepository ecr:DeleteRepository ecr:DescribeRepositories ecr:PutImageScanningConfiguration \
         ecr:PutImageTagMutability ecr:PutLifecyclePolicy",
    ),
    (
        "AWS::ECS::Cluster",
        "ecs:CreateCluster ecs:DeleteCluster ecs:DescribeClusters ecs:PutClusterCapacityProviders ecs:UpdateCluster",
    ),
    (
        "AWS::ECS::TaskDefinition",
        "ecs:DeregisterTaskDefinition ecs:DescribeTaskDefinition ecs:RegisterTaskDefinition iam:PassRole",
    ),
    (
        "AWS::Events::Rule",
        "events:DeleteRule events:DescribeRule events:PutRule events:PutTargets events:RemoveTargets",
    ),
    (
        "AWS::IAM::Role",
        "iam:CreateRole iam:DeleteRole iam:DeleteRolePolicy iam:GetRole iam:GetRolePolicy iam:PutRolePolicy \
         iam:UpdateAssumeRolePolicy",
    ),
    ("AWS::IoT::Policy", "iot:CreatePolicy iot:CreatePolicyVersion iot:DeletePolicy iot:GetPolicy"),
    (
        "AWS::KMS::Key",
        "kms:CreateKey kms:DescribeKey kms:EnableKeyRotation kms:GetKeyPolicy kms:PutKeyPolicy kms:ScheduleKeyDeletion",
    ),
    (
        "AWS::Lambda::EventInvokeConfig",
        "lambda:DeleteFunctionEventInvokeConfig lambda:GetFunctionEventInvokeConfig lambda:PutFunctionEventInvokeConfig",
    ),
    (
        "AWS::Lambda::Function",
        "iam:PassRole lambda:CreateFunction lambda:DeleteFunction lambda:GetFunction lambda:UpdateFunctionCode \
         lambda:UpdateFunctionConfiguration",
    ),
    ("AWS::Lambda::Permission", "lambda:AddPermission lambda:GetPolicy lambda:RemovePermission"),
    ("AWS::Logs::LogGroup", "logs:CreateLogGroup logs:DeleteLogGroup logs:DescribeLogGroups logs:PutRetentionPolicy"),
    ("AWS::Logs::MetricFilter", "logs:DeleteMetricFilter logs:DescribeMetricFilters logs:PutMetricFilter"),
    (
        "AWS::Logs::SubscriptionFilter",
        "logs:DeleteSubscriptionFilter logs:DescribeSubscriptionFilters logs:PutSubscriptionFilter",
    ),
    (
        "AWS::S3::Bucket",
        "s3:CreateBucket s3:DeleteBucket s3:ListBucket s3:PutBucketCORS s3:PutBucketOwnershipControls \
         s3:PutBucketPublicAccessBlock s3:PutBucketVersioning s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration",
    ),
    ("AWS::S3::BucketPolicy", "s3:DeleteBucketPolicy s3:GetBucketPolicy s3:PutBucketPolicy"),
    ("AWS::SNS::Subscription", "sns:Subscribe sns:Unsubscribe"),
    ("AWS::SNS::Topic", "sns:CreateTopic sns:DeleteTopic sns:GetTopicAttributes sns:SetTopicAttributes"),
    ("AWS::SNS::TopicPolicy", "sns:GetTopicAttributes sns:SetTopicAttributes"),
    ("AWS::SSM::Parameter", "ssm:DeleteParameter ssm:GetParameters ssm:PutParameter"),
    (
        "AWS::StepFunctions::StateMachine",
        "iam:PassRole states:CreateStateMachine states:DeleteStateMachine states:DescribeStateMachine \
         states:UpdateStateMachine",
    ),
];

/// Where the names that we choose lead, by service: a policy that is narrowed to them is broad enough. What is not listed is
/// named by AWS, so only `*` can be asked about beforehand.
const NARROW: &[(&str, &str)] = &[
    ("apigateway", "arn:{partition}:apigateway:{region}::/apis"),
    ("cloudformation", "arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/1"),
    ("cloudwatch", "arn:{partition}:cloudwatch:{region}:{account}:alarm:{stack}-EventsFailed"),
    ("dynamodb", "arn:{partition}:dynamodb:{region}:{account}:table/{stack}"),
    ("ecr", "arn:{partition}:ecr:{region}:{account}:repository/{stack}/worker"),
    ("events", "arn:{partition}:events:{region}:{account}:rule/{stack}-workers"),
    ("iam", "arn:{partition}:iam::{account}:role/{stack}-{region}-worker"),
    ("iot", "arn:{partition}:iot:{region}:{account}:policy/{stack}-live"),
    ("lambda", "arn:{partition}:lambda:{region}:{account}:function:{stack}-live"),
    ("logs", "arn:{partition}:logs:{region}:{account}:log-group:/dlt/{stack}/workers:*"),
    ("s3", "arn:{partition}:s3:::{stack}-artifacts-{account}-{region}"),
    ("sns", "arn:{partition}:sns:{region}:{account}:{stack}-alarms"),
    ("ssm", "arn:{partition}:ssm:{region}:{account}:parameter/dlt/{stack}/network"),
    ("states", "arn:{partition}:states:{region}:{account}:stateMachine:{stack}-runs"),
];

/// Actions that can be asked about together, because they are about one thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Batch {
    /// What they are about.
    pub resource: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// Everything that deploying these types in a region calls. Types that the table does not have come second.
pub fn actions(kinds: &BTreeSet<String>) -> (BTreeSet<&'static str>, Vec<&str>) {
    let mut actions: BTreeSet<&'static str> = OWN.iter().copied().collect();
    let mut unknown = Vec::new();
    for kind in kinds {
        let fits = |known: &str| known == kind || (known.ends_with("::") && kind.starts_with(known));
        match OF_TYPES.iter().find(|(known, _)| fits(known)) {
            Some((_, list)) => actions.extend(list.split_whitespace()),
            None => unknown.push(kind.as_str()),
        }
    }
    (actions, unknown)
}

/// The same, by what each is about.
pub fn batches(actions: &BTreeSet<&'static str>, config: &Config, account: &str, region: &Region) -> Vec<Batch> {
    let mut batches: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for action in actions {
        let (service, verb) = action.split_once(':').expect("actions of the table name their service");
        let narrow = NARROW.iter().find(|(known, _)| *known == service).map(|(_, resource)| *resource);
        let mut resource = match narrow {
            // These know no resource, or others than the one in the table.
            Some(_) if is_wide(service, verb) => "*".to_owned(),
            Some(resource) => resource
                .replace("{partition}", config.partition().arn_word())
                .replace("{region}", region.as_str())
                .replace("{account}", account)
                .replace("{stack}", config.stack.as_str()),
            None => "*".to_owned(),
        };
        if service == "s3" && verb.ends_with("Object") {
            resource += "/template";
        }
        batches.entry(resource).or_default().push((*action).to_owned());
    }
    batches.into_iter().map(|(resource, actions)| Batch { resource, actions }).collect()
}

fn is_wide(service: &str, verb: &str) -> bool {
    use crate::check::actions::{Known, of};
    of(service, verb) == Known::Wide || verb.contains("Dashboard") || verb.starts_with("Describe") && service == "logs"
}

/// Who is asked about: a user or a role, out of the ARN of whoever is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The account itself.
    Root,
    /// A user, by ARN and name.
    User(String, String),
    /// A role, by ARN (of a role without a path) and name.
    Role(String, String),
    /// Something whose policies cannot be asked about.
    Other,
}

impl Principal {
    /// Reads an ARN such as STS answers.
    pub fn of(arn: &str) -> Self {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, partition, service, _, account, what] = parts.as_slice() else { return Self::Other };
        let last = what.rsplit('/').next().unwrap_or_default().to_owned();
        match (*service, what.split('/').next().unwrap_or_default()) {
            ("iam", "root") => Self::Root,
            ("iam", "user") => Self::User(arn.to_owned(), last),
            ("iam", "role") => Self::Role(arn.to_owned(), last),
            ("sts", "assumed-role") => {
                let name = what.split('/').nth(1).unwrap_or_default();
                Self::Role(format!("arn:{partition}:iam::{account}:role/{name}"), name.to_owned())
            }
            _ => Self::Other,
        }
    }
}

/// What the simulation of all batches means. `denied` are the actions that are not allowed, each with what it was about.
pub fn judge(principal: &Principal, asked: usize, denied: &[(String, String)]) -> Vec<Finding> {
    if denied.is_empty() {
        let says = format!("all {asked} actions that a deployment calls are allowed");
        return vec![Finding::new(Area::Permissions, "policies", State::Ok, says)];
    }
    let mut by_service: BTreeMap<&str, Vec<&(String, String)>> = BTreeMap::new();
    for pair in denied {
        by_service.entry(pair.0.split(':').next().unwrap_or_default()).or_default().push(pair);
    }
    let one = |(service, denied): (&str, Vec<&(String, String)>)| {
        let names: BTreeSet<&str> = denied.iter().map(|(action, _)| action.as_str()).collect();
        let says = format!("not allowed: {}", names.into_iter().collect::<Vec<_>>().join(", "));
        Finding::new(Area::Permissions, service, State::Fail, says).cure(allowing(principal, service, &denied))
    };
    by_service.into_iter().map(one).collect()
}

/// The command that lets a user or role do what it may not.
fn allowing(principal: &Principal, service: &str, denied: &[&(String, String)]) -> String {
    let mut by_resource: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (action, resource) in denied {
        by_resource.entry(resource).or_default().insert(action);
    }
    let statement = |(resource, actions): (&str, BTreeSet<&str>)| serde_json::json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let statements: Vec<_> = by_resource.into_iter().map(statement).collect();
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    let (verb, flag, name) = match principal {
        Principal::User(_, name) => ("put-user-policy", "--user-name", name.as_str()),
        Principal::Role(_, name) => ("put-role-policy", "--role-name", name.as_str()),
        Principal::Root | Principal::Other => return format!("allow: {policy}"),
    };
    format!("aws iam {verb} {flag} {name} --policy-name dlt-{service} --policy-document '{policy}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::actions::{Known, of},
        config::Layers,
        doctor::names,
        render::Part,
    };

    const FILE: &str =
        "stack: shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: admin, email: a@example.com}\n";

    fn config() -> Config {
        Config::read(FILE, &Layers::default()).unwrap()
    }

    #[test]
    fn every_action_exists_and_is_listed_in_order() {
        let listed = OF_TYPES.iter().flat_map(|(_, list)| list.split_whitespace()).chain(OWN.iter().copied());
        for action in listed {
            let (service, verb) = action.split_once(':').unwrap();
            assert!(!matches!(of(service, verb), Known::Missing | Known::Uncovered), "{action}");
        }
        assert!(OF_TYPES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (kind, list) in OF_TYPES {
            let list: Vec<&str> = list.split_whitespace().collect();
            assert!(list.is_sorted(), "{kind}");
        }
    }

    #[test]
    fn every_type_of_our_templates_is_known_and_every_row_is_a_type_of_ours() {
        let config = config();
        let parts = [Part::Foundation, Part::Main, Part::Regional, Part::Pipeline];
        let kinds: BTreeSet<String> = parts
            .into_iter()
            .flat_map(|part| names::kinds(part, &config, &part.regions(&config)[0]).unwrap())
            .collect();
        assert_eq!(actions(&kinds).1, Vec::<&str>::new());
        for (row, _) in OF_TYPES {
            assert!(kinds.iter().any(|kind| kind.starts_with(row)), "{row} is in no template");
        }
    }

    #[test]
    fn what_we_name_ourselves_is_asked_about_by_its_name_and_the_rest_by_a_star() {
        let asked = ["s3:CreateBucket", "s3:PutObject", "ec2:CreateVpc", "ecr:GetAuthorizationToken", "ecr:PutImage"];
        let batches = batches(&asked.into_iter().collect(), &config(), "123456789012", &"eu-west-1".parse().unwrap());
        let told: Vec<_> = batches.iter().map(|it| format!("{} {}", it.resource, it.actions.join(" "))).collect();
        assert_eq!(
            told,
            [
                "* ec2:CreateVpc ecr:GetAuthorizationToken",
                "arn:aws:ecr:eu-west-1:123456789012:repository/shop/worker ecr:PutImage",
                "arn:aws:s3:::shop-artifacts-123456789012-eu-west-1 s3:CreateBucket",
                "arn:aws:s3:::shop-artifacts-123456789012-eu-west-1/template s3:PutObject",
            ]
        );
    }

    #[test]
    fn a_session_is_judged_by_its_role() {
        let role = |arn: &str, name: &str| Principal::Role(arn.to_owned(), name.to_owned());
        for (arn, principal) in [
            ("arn:aws:iam::1:root", Principal::Root),
            ("arn:aws:iam::1:user/a/eva", Principal::User("arn:aws:iam::1:user/a/eva".to_owned(), "eva".to_owned())),
            ("arn:aws:sts::1:assumed-role/deploy/eva@example.com", role("arn:aws:iam::1:role/deploy", "deploy")),
            ("arn:aws-us-gov:sts::1:assumed-role/deploy/x", role("arn:aws-us-gov:iam::1:role/deploy", "deploy")),
            ("arn:aws:sts::1:federated-user/eva", Principal::Other),
            ("eva", Principal::Other),
        ] {
            assert_eq!(Principal::of(arn), principal, "{arn}");
        }
    }

    #[test]
    fn what_is_missing_comes_with_the_command_that_allows_it() {
        let principal = Principal::of("arn:aws:iam::1:user/eva");
        assert_eq!(judge(&principal, 61, &[])[0].says, "all 61 actions that a deployment calls are allowed");
        let denied = [("s3:PutObject", "b/*"), ("iam:PassRole", "r"), ("s3:CreateBucket", "b")];
        let denied = denied.map(|(action, resource)| (action.to_owned(), resource.to_owned()));
        let findings = judge(&principal, 61, &denied);
        assert_eq!(findings.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), ["iam", "s3"]);
        assert_eq!(findings[1].says, "not allowed: s3:CreateBucket, s3:PutObject");
        assert_eq!(
            findings[0].cure.as_deref(),
            Some(
                r#"aws iam put-user-policy --user-name eva --policy-name dlt-iam --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:PassRole"],"Resource":"r"}]}'"#
            )
        );
    }
}
