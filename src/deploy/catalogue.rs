//! What must be known about resource types to read a difference: which properties make a resource anew, and which
//! resources hold what nobody can make again. From the `createOnlyProperties` of CloudFormation's resource schemas.

/// What a property path is compared with to mean "any".
const ANY: &str = "*";

/// Properties whose change makes a new resource. `*` stands for every property except tags.
const CREATE_ONLY: &[(&str, &[&str])] = &[
    ("AWS::ApiGatewayV2::Api", &["ProtocolType"]),
    ("AWS::ApiGatewayV2::Integration", &["ApiId"]),
    ("AWS::ApiGatewayV2::Route", &["ApiId"]),
    ("AWS::ApiGatewayV2::Stage", &["ApiId", "StageName"]),
    ("AWS::CloudFront::Function", &["Name"]),
    ("AWS::CloudWatch::Alarm", &["AlarmName"]),
    ("AWS::CloudWatch::Dashboard", &["DashboardName"]),
    ("AWS::CodeBuild::Project", &["Name"]),
    ("AWS::CodePipeline::Pipeline", &["Name"]),
    ("AWS::Cognito::IdentityPoolRoleAttachment", &["IdentityPoolId"]),
    ("AWS::Cognito::UserPool", &["AliasAttributes", "UsernameAttributes", "UsernameConfiguration"]),
    ("AWS::Cognito::UserPoolClient", &["GenerateSecret", "UserPoolId"]),
    ("AWS::Cognito::UserPoolDomain", &["Domain", "UserPoolId"]),
    ("AWS::Cognito::UserPoolGroup", &["GroupName", "UserPoolId"]),
    ("AWS::Cognito::UserPoolUser", &[ANY]),
    ("AWS::Cognito::UserPoolUserToGroupAttachment", &[ANY]),
    ("AWS::DynamoDB::Table", &["ImportSourceSpecification", "KeySchema", "LocalSecondaryIndexes", "TableName"]),
    ("AWS::EC2::Route", &["CidrBlock", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "RouteTableId"]),
    ("AWS::EC2::RouteTable", &["VpcId"]),
    ("AWS::EC2::SecurityGroup", &["GroupDescription", "GroupName", "VpcId"]),
    ("AWS::EC2::SecurityGroupEgress", &["CidrIp", "FromPort", "GroupId", "IpProtocol", "ToPort"]),
    ("AWS::EC2::SecurityGroupIngress", &["CidrIp", "FromPort", "GroupId", "IpProtocol", "ToPort"]),
    ("AWS::EC2::Subnet", &["AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "VpcId"]),
    ("AWS::EC2::SubnetRouteTableAssociation", &["RouteTableId", "SubnetId"]),
    ("AWS::EC2::VPC", &["CidrBlock"]),
    ("AWS::EC2::VPCEndpoint", &["ServiceName", "VpcEndpointType", "VpcId"]),
    ("AWS::EC2::VPCGatewayAttachment", &["VpcId"]),
    ("AWS::ECR::Repository", &["EncryptionConfiguration", "RepositoryName"]),
    ("AWS::ECS::Cluster", &["ClusterName"]),
    ("AWS::ECS::TaskDefinition", &[ANY]),
    ("AWS::Events::Rule", &["EventBusName", "Name"]),
    ("AWS::IAM::ManagedPolicy", &["Description", "ManagedPolicyName", "Path"]),
    ("AWS::IAM::Role", &["Path", "RoleName"]),
    ("AWS::IoT::Policy", &["PolicyName"]),
    ("AWS::Lambda::Function", &["FunctionName", "PackageType", "TenancyConfig"]),
    ("AWS::Lambda::Permission", &[ANY]),
    ("AWS::Logs::LogGroup", &["LogGroupName"]),
    ("AWS::Logs::MetricFilter", &["FilterName", "LogGroupName"]),
    ("AWS::Logs::SubscriptionFilter", &["FilterName", "LogGroupName"]),
    ("AWS::S3::Bucket", &["BucketName"]),
    ("AWS::S3::BucketPolicy", &["Bucket"]),
    ("AWS::SNS::Subscription", &["Endpoint", "Protocol", "TopicArn"]),
    ("AWS::SNS::Topic", &["FifoTopic", "TopicName"]),
    ("AWS::SSM::Parameter", &["Name"]),
    ("AWS::Scheduler::ScheduleGroup", &["Name"]),
    ("AWS::StepFunctions::StateMachine", &["StateMachineName", "StateMachineType"]),
];

/// Types that hold what nobody can make again: data, users, logs.
const HOLDS_DATA: &[&str] = &[
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EFS::FileSystem",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
];

/// True when a change of this property makes the resource anew. The path is below `Properties`, as `KeySchema[0]`.
pub fn recreates(kind: &str, path: &str) -> bool {
    let first = path.split(['.', '[']).next().unwrap_or(path);
    let Some((_, properties)) = CREATE_ONLY.iter().find(|(known, _)| *known == kind) else { return false };
    properties.contains(&first) || (properties.contains(&ANY) && first != "Tags")
}

/// True when we know which properties of this type make it anew.
pub fn knows(kind: &str) -> bool {
    CREATE_ONLY.iter().any(|(known, _)| *known == kind)
}

/// True when deleting such a resource loses what nobody can make again.
pub fn holds_data(kind: &str) -> bool {
    HOLDS_DATA.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_makes_a_new_table_and_a_new_billing_mode_does_not() {
        assert!(recreates("AWS::DynamoDB::Table", "KeySchema[0].AttributeName"));
        assert!(!recreates("AWS::DynamoDB::Table", "BillingMode"));
    }

    #[test]
    fn any_change_makes_a_new_task_definition_except_one_of_tags() {
        assert!(recreates("AWS::ECS::TaskDefinition", "Cpu"));
        assert!(!recreates("AWS::ECS::TaskDefinition", "Tags[0].Value"));
    }

    #[test]
    fn the_table_is_sorted_so_that_a_type_is_found_by_eye_and_never_twice() {
        assert!(CREATE_ONLY.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(HOLDS_DATA.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
