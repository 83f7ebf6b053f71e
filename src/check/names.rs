//! Two resources that ask for the same name.

use std::collections::HashMap;

use super::{
    Scope, expression,
    finding::Findings,
    logic::{Answer, Formula},
    template::Entry,
};

/// The property that names a resource, for the types whose names must differ.
const NAMES: [(&str, &str); 25] = [
    ("AWS::ApiGatewayV2::Route", "RouteKey"),
    ("AWS::CloudFront::Function", "Name"),
    ("AWS::CloudWatch::Alarm", "AlarmName"),
    ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ("AWS::CodeBuild::Project", "Name"),
    ("AWS::CodePipeline::Pipeline", "Name"),
    ("AWS::Cognito::UserPoolGroup", "GroupName"),
    ("AWS::DynamoDB::Table", "TableName"),
    ("AWS::ECR::Repository", "RepositoryName"),
    ("AWS::ECS::Cluster", "ClusterName"),
    ("AWS::ECS::TaskDefinition", "Family"),
    ("AWS::Events::EventBus", "Name"),
    ("AWS::Events::Rule", "Name"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IoT::Policy", "PolicyName"),
    ("AWS::KMS::Alias", "AliasName"),
    ("AWS::Lambda::Function", "FunctionName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::SNS::Topic", "TopicName"),
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::SSM::Parameter", "Name"),
    ("AWS::Scheduler::ScheduleGroup", "Name"),
    ("AWS::StepFunctions::StateMachine", "StateMachineName"),
];

/// Properties in which the named resources live, so that equal names in different places do not clash.
const HOMES: [&str; 4] = ["ApiId", "UserPoolId", "EventBusName", "GroupName"];

/// Reports every second resource of a type and name that can exist together with the first.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    let mut seen: HashMap<(&str, String), Vec<&Entry<'_>>> = HashMap::new();
    for resource in scope.template.resources.iter() {
        let Some((kind, property)) = NAMES.iter().find(|(kind, _)| *kind == resource.kind()) else { continue };
        let Some(node) = resource.property(&[property]) else { continue };
        let home: Vec<_> = HOMES
            .iter()
            .filter(|key| *key != property)
            .filter_map(|key| resource.property(&[key]))
            .map(expression::shape)
            .collect();
        let name = expression::shape(node);
        let others = seen.entry((kind, format!("{name}\n{}", home.join("\n")))).or_default();
        if let Some(first) = others.iter().find(|first| together(scope, first, resource)) {
            let message =
                format!("`{}` has the name `{name}` of `{}` on line {}", resource.name, first.name, first.place.line);
            findings.error("DLT160", node.place, resource.path(&[property]), message);
        }
        others.push(resource);
    }
}

fn together(scope: &Scope<'_, '_>, first: &Entry<'_>, second: &Entry<'_>) -> bool {
    let both = [first, second].map(|entry| scope.logic.reached(entry.condition(), &[]));
    scope.logic.possible(&Formula::And(both.into())) != Answer::Impossible
}
