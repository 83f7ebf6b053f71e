//! What AWS's sentence about a failure means, and what mends it. Pure.

mod catalogue;

use serde::Serialize;

use self::catalogue::{ROWS, Row};

/// A cause that we know, put into words for one failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Names the cause; stable.
    pub id: &'static str,
    /// What happened, as a sentence.
    pub says: String,
    /// What to do, exact commands where there are some.
    pub cures: Vec<String>,
}

/// A call that was denied, taken out of AWS's sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Denied {
    /// Who called.
    pub who: Option<String>,
    /// The action.
    pub action: String,
    /// What it was about.
    pub resource: Option<String>,
    /// True when a policy forbids it, so that allowing it is not enough.
    pub explicitly: bool,
}

/// What a sentence of AWS about a resource means, if we know it.
pub fn find(reason: &str, kind: &str, name: &str) -> Option<Known> {
    let lower = reason.to_lowercase();
    let fits = |row: &&Row| row.any.iter().any(|words| words.iter().all(|word| lower.contains(word)));
    let row = ROWS.iter().find(fits)?;
    let service = kind.split("::").nth(1).filter(|it| !it.is_empty()).unwrap_or("aws").to_lowercase();
    let name = if name.is_empty() { "the resource" } else { name };
    let filled = |text: &str| text.replace("{name}", name).replace("{kind}", kind).replace("{service}", &service);
    let mut cures: Vec<String> = row.cures.iter().map(|cure| filled(cure)).collect();
    if let Some(denied) = denied(reason).filter(|denied| !denied.explicitly) {
        let who = denied.who.map(|who| format!(" for {who}")).unwrap_or_default();
        let on = denied.resource.map(|resource| format!(" on {resource}")).unwrap_or_default();
        cures[0] = format!("allow `{}`{on}{who}, or use other credentials (AWS_PROFILE)", denied.action);
    }
    Some(Known { id: row.id, says: filled(row.says), cures })
}

/// The call that was denied: `User: ARN is not authorized to perform: s3:GetObject on resource: ARN because …`.
pub fn denied(message: &str) -> Option<Denied> {
    let (before, after) = message.split_once("not authorized to perform")?;
    let clean = |word: &str| word.trim_matches(['"', '\'', ',', '.', ';', ')']).to_owned();
    let action = clean(after.trim_start_matches([':', ' ']).split_whitespace().next()?);
    let after_word =
        |text: &str, word: &str| text.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next().map(clean));
    Some(Denied {
        who: after_word(before, "User: "),
        action,
        resource: after_word(after, "on resource: "),
        explicitly: message.contains("explicit deny"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_aws_are_recognised() {
        for (reason, kind, id) in [
            (
                "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
                "AWS::ECS::Cluster",
                "service-linked-role",
            ),
            (
                "The security token included in the request is expired (Service: Sts, Status Code: 403)",
                "",
                "expired-credentials",
            ),
            ("The security token included in the request is invalid.", "", "invalid-credentials"),
            (
                "The role defined for the function cannot be assumed by Lambda. (Service: Lambda, Status Code: 400)",
                "AWS::Lambda::Function",
                "role-not-ready",
            ),
            (
                "User: arn:aws:iam::1:user/eva is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::1:role/x with an explicit deny in a service control policy",
                "AWS::IAM::Role",
                "denied-explicitly",
            ),
            (
                "Resource handler returned message: \"User: arn:aws:iam::1:user/eva is not authorized to perform: s3:CreateBucket on resource: \\\"arn:aws:s3:::b\\\"\" (HandlerErrorCode: AccessDenied)",
                "AWS::S3::Bucket",
                "denied",
            ),
            (
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system.",
                "AWS::S3::Bucket",
                "bucket-name-taken",
            ),
            (
                "One or more of the CNAMEs you provided are already associated with a different resource.",
                "AWS::CloudFront::Distribution",
                "cloudfront-alternate-taken",
            ),
            (
                "Access denied for operation 'AWS::CloudFront::Distribution: Your account must be verified before you can add CloudFront resources.",
                "AWS::CloudFront::Distribution",
                "cloudfront-not-verified",
            ),
            (
                "Your account must be verified before you can add new CloudFront resources.",
                "AWS::CloudFront::Distribution",
                "cloudfront-not-verified",
            ),
            (
                "User account already exists (Service: CognitoIdentityProvider, Status Code: 400)",
                "AWS::Cognito::UserPoolUser",
                "user-exists",
            ),
            (
                "Resource of type 'AWS::IAM::Role' with identifier 'dlt-shop-viewer' already exists.",
                "AWS::IAM::Role",
                "name-taken",
            ),
            (
                "/dlt/shop/api already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/other/1",
                "AWS::Logs::LogGroup",
                "name-taken",
            ),
            (
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket. (Service: S3, Status Code: 409)",
                "AWS::S3::Bucket",
                "bucket-not-empty",
            ),
            (
                "The repository with name 'shop/worker' in registry with id '1' cannot be deleted because it still contains images",
                "AWS::ECR::Repository",
                "repository-not-empty",
            ),
            ("Cannot delete export shop-vpc as it is in use by other", "AWS::CloudFormation::Stack", "export-in-use"),
            ("Export shop-vpc is imported by stack other", "AWS::CloudFormation::Stack", "export-in-use"),
            (
                "The policy cannot be deleted as the policy is still attached to one or more principals",
                "AWS::IoT::Policy",
                "policy-attached",
            ),
            (
                "The network interface 'eni-1' is currently in use. (Service: Ec2, Status Code: 400)",
                "AWS::EC2::SecurityGroup",
                "network-interface-in-use",
            ),
            (
                "resource sg-1 has a dependent object (Service: Ec2, Status Code: 400)",
                "AWS::EC2::SecurityGroup",
                "dependency",
            ),
            (
                "The specified subnet does not have enough free addresses; not enough free addresses to satisfy the request",
                "AWS::EC2::VPCEndpoint",
                "addresses-used-up",
            ),
            (
                "The CIDR '10.0.0.0/20' conflicts with another subnet (Service: Ec2)",
                "AWS::EC2::Subnet",
                "cidr-conflict",
            ),
            (
                "Capacity is unavailable at this time. Please try again later or in a different availability zone",
                "AWS::ECS::Service",
                "no-capacity",
            ),
            ("CannotPullContainerError: pull image manifest has been retried 1 time(s)", "", "image-missing"),
            ("OutOfMemoryError: Container killed due to memory usage", "", "out-of-memory"),
            (
                "Rate exceeded (Service: AmazonCloudFormation; Status Code: 400; Error Code: Throttling)",
                "AWS::IAM::Role",
                "throttled",
            ),
            ("The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400)", "AWS::EC2::VPC", "quota"),
            (
                "Cannot exceed quota for RolesPerAccount: 1000 (Service: Iam, Status Code: 409)",
                "AWS::IAM::Role",
                "quota",
            ),
            ("The AWS Access Key Id needs a subscription for the service (OptInRequired)", "", "region-not-enabled"),
            ("arn:aws:kms:eu-west-1:1:key/1 is pending deletion.", "AWS::SNS::Topic", "key-pending-deletion"),
            ("The following hook(s) failed: [Corp::Tags::Check]", "AWS::S3::Bucket", "hook"),
            (
                "Properties validation failed for resource Api with message: #: extraneous key [Nmae] is not permitted",
                "AWS::ApiGatewayV2::Api",
                "invalid-property",
            ),
            ("Template error: instance of Fn::GetAtt references undefined resource X", "", "template"),
            ("Exceeded attempts to wait", "AWS::Lambda::Function", "timeout"),
            ("Resource timed out waiting for completion", "AWS::ECS::Service", "timeout"),
            ("Internal Failure", "AWS::IoT::TopicRule", "fault-of-aws"),
            ("Resource creation cancelled", "AWS::SNS::Topic", "cancelled"),
        ] {
            assert_eq!(find(reason, kind, "Thing").map(|it| it.id), Some(id), "{reason}");
        }
        assert_eq!(find("Something that nobody ever saw", "AWS::SNS::Topic", "Thing"), None);
    }

    #[test]
    fn every_row_is_named_once_has_a_cure_and_no_place_is_left_empty() {
        let ids: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), ROWS.len());
        for row in ROWS {
            let reason = row.any[0].join(" ");
            let known = find(&reason, "AWS::SNS::Topic", "Thing").unwrap();
            let text = format!("{}{}", known.says, known.cures.concat());
            assert!(!known.cures.is_empty() && !text.contains('{'), "{}: {text}", row.id);
            let words = row.any.iter().flat_map(|words| words.iter());
            assert!(words.clone().all(|word| **word == word.to_lowercase()), "{}", row.id);
        }
    }

    #[test]
    fn a_denied_call_names_who_what_and_on_what() {
        let message = "API: iam:CreateRole User: arn:aws:iam::1:user/eva is not authorized to perform: iam:CreateRole on \
                       resource: arn:aws:iam::1:role/dlt because no identity-based policy allows the iam:CreateRole action";
        let expected = Denied {
            who: Some("arn:aws:iam::1:user/eva".to_owned()),
            action: "iam:CreateRole".to_owned(),
            resource: Some("arn:aws:iam::1:role/dlt".to_owned()),
            explicitly: false,
        };
        assert_eq!(denied(message), Some(expected));
        let cure = &find(message, "AWS::IAM::Role", "Role").unwrap().cures[0];
        assert!(
            cure.starts_with("allow `iam:CreateRole` on arn:aws:iam::1:role/dlt for arn:aws:iam::1:user/eva"),
            "{cure}"
        );
        assert_eq!(denied("no"), None);
    }
}
