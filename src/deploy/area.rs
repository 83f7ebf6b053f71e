//! The parts of an environment as a person thinks of them, so that a long list of resources can be folded.

use serde::{Deserialize, Serialize};

/// What a resource is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Where workers run: addresses, routes, firewalls.
    Network,
    /// What runs load tests.
    Engine,
    /// What answers calls.
    Api,
    /// What people look at.
    Console,
    /// What is kept.
    Data,
    /// Who may come in.
    Identity,
    /// What tells us how it goes.
    Monitoring,
    /// Everything else.
    Other,
}

/// What belongs where by its name in our templates, whatever its type is.
const BY_NAME: &[(&str, Area)] = &[
    ("Api", Area::Api),
    ("Console", Area::Console),
    ("Live", Area::Engine),
    ("StateMachine", Area::Engine),
    ("Worker", Area::Engine),
];

/// What belongs where by its service.
const BY_SERVICE: &[(&str, Area)] = &[
    ("ApiGateway", Area::Api),
    ("ApiGatewayV2", Area::Api),
    ("CloudFront", Area::Console),
    ("CloudWatch", Area::Monitoring),
    ("CodeBuild", Area::Engine),
    ("CodePipeline", Area::Engine),
    ("Cognito", Area::Identity),
    ("DynamoDB", Area::Data),
    ("EC2", Area::Network),
    ("ECR", Area::Data),
    ("ECS", Area::Engine),
    ("Events", Area::Engine),
    ("IAM", Area::Identity),
    ("IoT", Area::Engine),
    ("KMS", Area::Monitoring),
    ("Lambda", Area::Engine),
    ("Logs", Area::Monitoring),
    ("S3", Area::Data),
    ("SNS", Area::Monitoring),
    ("SSM", Area::Engine),
    ("Scheduler", Area::Engine),
    ("StepFunctions", Area::Engine),
];

impl Area {
    /// What a resource is for, by its type and its name in the template.
    pub fn of(kind: &str, logical_id: &str) -> Self {
        let service = kind.split("::").nth(1).unwrap_or_default();
        let by_service = BY_SERVICE.iter().find(|(known, _)| *known == service).map_or(Self::Other, |(_, area)| *area);
        // A firewall is network whoever stands behind it, and a log is read by whoever watches.
        if matches!(by_service, Self::Network | Self::Monitoring) {
            return by_service;
        }
        BY_NAME.iter().find(|(prefix, _)| logical_id.starts_with(prefix)).map_or(by_service, |(_, area)| *area)
    }

    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Engine => "engine",
            Self::Api => "API",
            Self::Console => "console",
            Self::Data => "data",
            Self::Identity => "identity",
            Self::Monitoring => "monitoring",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_belongs_where_a_person_looks_for_it() {
        for (kind, logical_id, area) in [
            ("AWS::EC2::SecurityGroup", "WorkerSecurityGroup", Area::Network),
            ("AWS::Lambda::Function", "ApiFunction", Area::Api),
            ("AWS::Lambda::Function", "AdvanceFunction", Area::Engine),
            ("AWS::IAM::Role", "WorkerRole", Area::Engine),
            ("AWS::IAM::Role", "ViewerRole", Area::Identity),
            ("AWS::Logs::LogGroup", "ApiLogs", Area::Monitoring),
            ("AWS::S3::Bucket", "DataBucket", Area::Data),
            ("AWS::CloudFront::Distribution", "Distribution", Area::Console),
            ("Custom::Thing", "Thing", Area::Other),
        ] {
            assert_eq!(Area::of(kind, logical_id), area, "{kind} {logical_id}");
        }
    }
}
