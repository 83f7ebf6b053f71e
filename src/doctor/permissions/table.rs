//! What a deployment calls, and where the names that we choose lead.

/// What `dlt up` calls itself, whatever is in the templates.
pub(super) const OWN: &[&str] = &[
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
pub(super) const OF_TYPES: &[(&str, &str)] = &[
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
pub(super) const NARROW: &[(&str, &str)] = &[
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::actions::{Known, of};

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
}
