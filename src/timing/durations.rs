//! How many seconds AWS takes for a resource of each type that our templates use.
//!
//! Seconds of creating and updating are historical averages that the public tool rain carries (aws-cloudformation/rain, July
//! 2026); where it says none at all, one stands here. It has none for deleting: those are our own assumption, told apart by
//! nothing but this sentence and corrected by what each machine learns (`past`).

use super::span::Span;
use crate::deploy::event::Operation;

/// Where the seconds come from, for those who read them.
pub const SOURCE: &str = "averages by type of the public tool rain, July 2026";
/// How much longer than on average the slow tenth takes. Assumed; what was learned on this machine knows better.
const SLOW: f64 = 1.6;
/// What a type costs that the table does not have.
const UNKNOWN_SECS: u16 = 10;

/// Type, and the seconds of creating, updating and deleting one.
const TABLE: &[(&str, u16, u16, u16)] = &[
    ("AWS::ApiGatewayV2::Api", 2, 1, 2),
    ("AWS::ApiGatewayV2::Integration", 1, 1, 2),
    ("AWS::ApiGatewayV2::Route", 1, 3, 2),
    ("AWS::ApiGatewayV2::Stage", 1, 1, 2),
    ("AWS::CloudFront::Distribution", 266, 164, 240),
    ("AWS::CloudFront::Function", 5, 41, 5),
    ("AWS::CloudFront::OriginAccessControl", 2, 1, 2),
    ("AWS::CloudFront::ResponseHeadersPolicy", 2, 2, 2),
    ("AWS::CloudWatch::Alarm", 2, 1, 2),
    ("AWS::CloudWatch::Dashboard", 2, 1, 2),
    ("AWS::CodeBuild::Project", 2, 3, 2),
    ("AWS::CodePipeline::Pipeline", 71, 3, 2),
    ("AWS::Cognito::IdentityPool", 1, 1, 2),
    ("AWS::Cognito::IdentityPoolRoleAttachment", 1, 1, 2),
    ("AWS::Cognito::UserPool", 3, 2, 3),
    ("AWS::Cognito::UserPoolClient", 1, 2, 2),
    ("AWS::Cognito::UserPoolGroup", 21, 1, 2),
    ("AWS::Cognito::UserPoolUser", 1, 1, 2),
    ("AWS::Cognito::UserPoolUserToGroupAttachment", 1, 1, 2),
    ("AWS::DynamoDB::Table", 15, 10, 10),
    ("AWS::EC2::InternetGateway", 17, 16, 2),
    ("AWS::EC2::Route", 2, 1, 2),
    ("AWS::EC2::RouteTable", 12, 11, 2),
    ("AWS::EC2::SecurityGroup", 6, 2, 5),
    ("AWS::EC2::Subnet", 4, 10, 3),
    ("AWS::EC2::SubnetRouteTableAssociation", 2, 1, 2),
    ("AWS::EC2::VPC", 12, 2, 3),
    ("AWS::EC2::VPCEndpoint", 47, 11, 30),
    ("AWS::EC2::VPCGatewayAttachment", 12, 11, 10),
    ("AWS::ECR::Repository", 1, 2, 2),
    ("AWS::ECS::Cluster", 5, 2, 3),
    ("AWS::ECS::TaskDefinition", 4, 2, 2),
    ("AWS::Events::Rule", 62, 1, 2),
    ("AWS::IAM::Role", 12, 17, 3),
    ("AWS::IoT::Policy", 1, 1, 2),
    ("AWS::KMS::Key", 122, 71, 2),
    ("AWS::Lambda::EventInvokeConfig", 2, 1, 2),
    ("AWS::Lambda::Function", 25, 12, 5),
    ("AWS::Lambda::Permission", 1, 1, 2),
    ("AWS::Logs::LogGroup", 1, 1, 2),
    ("AWS::Logs::MetricFilter", 2, 2, 2),
    ("AWS::Logs::SubscriptionFilter", 1, 1, 2),
    ("AWS::S3::Bucket", 30, 31, 3),
    ("AWS::S3::BucketPolicy", 12, 12, 2),
    ("AWS::SNS::Subscription", 2, 2, 2),
    ("AWS::SNS::Topic", 4, 7, 2),
    ("AWS::SNS::TopicPolicy", 1, 1, 2),
    ("AWS::SSM::Parameter", 1, 1, 2),
    ("AWS::StepFunctions::StateMachine", 1, 1, 5),
];

/// True when the table has this type.
pub fn knows(kind: &str) -> bool {
    TABLE.iter().any(|(known, ..)| *known == kind)
}

/// How long AWS takes to do this to a resource of this type.
pub fn of(kind: &str, operation: Operation) -> Span {
    let row = TABLE.iter().find(|(known, ..)| *known == kind);
    let seconds = row.map_or(UNKNOWN_SECS, |(_, create, update, delete)| match operation {
        Operation::Create => *create,
        Operation::Update | Operation::RollBack => *update,
        Operation::Delete => *delete,
    });
    Span::new(f64::from(seconds), f64::from(seconds) * SLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_a_type_is_found_by_eye_and_never_twice() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_type_that_nobody_timed_costs_something_all_the_same() {
        assert!(of("AWS::Moon::Base", Operation::Create).p50_secs > 0.0);
    }
}
