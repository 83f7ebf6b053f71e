//! The catalogue of known causes: what AWS's sentence means, and what mends it. Pure; the table is as long as the truth.

use serde::Serialize;

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

/// One row: any of the lists must be found, each with all of its words.
struct Row {
    id: &'static str,
    any: &'static [&'static [&'static str]],
    says: &'static str,
    cures: &'static [&'static str],
}

/// Specific causes before general ones: the first row that fits is taken. `{name}` is the resource's name in the template,
/// `{kind}` its type, `{service}` the service's short name.
const ROWS: &[Row] = &[
    Row {
        id: "service-linked-role",
        any: &[&["service linked role"], &["service-linked role"]],
        says: "the account lacks a role that {service} makes for itself on its first use",
        cures: &[
            "aws iam create-service-linked-role --aws-service-name {service}.amazonaws.com",
            "then the same command again",
        ],
    },
    Row {
        id: "expired-credentials",
        any: &[
            &["expiredtoken"],
            &["security token", "expired"],
            &["token has expired"],
            &["request signature expired"],
        ],
        says: "the credentials ran out on the way",
        cures: &["sign in again (`aws sso login`, or new keys)", "`dlt attach` shows how what was begun ends"],
    },
    Row {
        id: "invalid-credentials",
        any: &[&["invalidclienttokenid"], &["security token", "invalid"], &["unrecognizedclient"]],
        says: "AWS does not know these credentials",
        cures: &["set AWS_PROFILE to one of `aws configure list-profiles`, or sign in again"],
    },
    Row {
        id: "role-not-ready",
        any: &[&["role", "cannot be assumed"], &["role", "could not be assumed"], &["invalid principal in policy"]],
        says: "a new role was not known everywhere yet when {name} needed it",
        cures: &["the same command again: the role is known after a few seconds"],
    },
    Row {
        id: "cloudfront-not-verified",
        any: &[&["account must be verified", "cloudfront"]],
        says: "AWS lets a new account make distributions only after it was verified",
        cures: &["ask AWS Support to verify the account for CloudFront", "until then: `dlt up --set console=headless`"],
    },
    Row {
        id: "denied-explicitly",
        any: &[&["explicit deny"]],
        says: "a policy forbids the call, whatever others allow",
        cures: &[
            "ask whoever governs the account: a service control policy, a boundary or a deny statement is in the way",
        ],
    },
    Row {
        id: "denied",
        any: &[&["not authorized to perform"], &["accessdenied"], &["access denied"], &["does not have permission"]],
        says: "the credentials that made {name} may not do what it needs",
        cures: &["allow the action, or deploy with other credentials (AWS_PROFILE)"],
    },
    Row {
        id: "bucket-name-taken",
        any: &[&["bucketalreadyexists"], &["requested bucket name is not available"]],
        says: "somebody, perhaps in another account, has a bucket of that name: they are unique in all of AWS",
        cures: &["choose another `stack` in the environment file"],
    },
    Row {
        id: "cloudfront-alternate-taken",
        any: &[
            &["cnamealreadyexists"],
            &["cnames you provided are already associated"],
            &["alternate domain name", "already"],
        ],
        says: "another distribution answers under that domain name already",
        cures: &[
            "aws cloudfront list-conflicting-aliases shows which one",
            "take the name away there, or leave it out of the template",
        ],
    },
    Row {
        id: "user-exists",
        any: &[&["usernameexists"], &["user account already exists"]],
        says: "the user pool has a user of that name already",
        cures: &["choose another `admin.name`, or remove that user in Cognito"],
    },
    Row {
        id: "name-taken",
        any: &[&["already exists"], &["alreadyexists"], &["already in use by another"]],
        says: "something with that name is there already, and it is not this stack's",
        cures: &[
            "`dlt down --purge` removes it, if an earlier environment of this name left it",
            "`retention.data: keep` takes data in as it is; else choose another `stack`",
        ],
    },
    Row {
        id: "bucket-not-empty",
        any: &[&["bucket", "is not empty"], &["bucketnotempty"]],
        says: "CloudFormation deletes no bucket that holds something",
        cures: &[
            "`dlt down` empties what the stack holds, and deletes",
            "`dlt recover --skip {name}` leaves the bucket as it is",
        ],
    },
    Row {
        id: "repository-not-empty",
        any: &[&["repository", "still contains images"], &["repositorynotempty"]],
        says: "CloudFormation deletes no repository that holds images",
        cures: &["`dlt down` empties what the stack holds, and deletes"],
    },
    Row {
        id: "export-in-use",
        any: &[&["export", "in use by"], &["export", "imported by"]],
        says: "another stack uses a value of this one",
        cures: &["aws cloudformation list-imports --export-name NAME names those stacks: change or delete them first"],
    },
    Row {
        id: "policy-attached",
        any: &[&["policy", "still attached"], &["cannot delete", "attached to"], &["deleteconflict"]],
        says: "a policy or role that goes is still attached to somebody",
        cures: &["`dlt recover` takes the right to listen from all viewers, and goes on"],
    },
    Row {
        id: "network-interface-in-use",
        any: &[&["network interface", "in use"], &["currently in use", "eni-"]],
        says: "AWS has not given back a network interface yet, which takes up to forty minutes",
        cures: &["wait, then `dlt recover`"],
    },
    Row {
        id: "dependency",
        any: &[&["dependencyviolation"], &["has a dependent object"], &["has dependencies and cannot be deleted"]],
        says: "something that no stack of ours made uses {name}",
        cures: &["find and remove it in the console of {service}, then `dlt recover`"],
    },
    Row {
        id: "addresses-used-up",
        any: &[&["insufficientfreeaddresses"], &["not enough free addresses"]],
        says: "the subnet has no address left",
        cures: &["wider subnets: `network.subnet_a_cidr` and `network.subnet_b_cidr`, or fewer workers"],
    },
    Row {
        id: "cidr-conflict",
        any: &[&["cidr", "conflict"], &["invalidsubnet.range"], &["cidr", "overlap"]],
        says: "the addresses overlap with others in the VPC",
        cures: &["other `network.*_cidr` in the environment file; `dlt check` finds overlaps of its own"],
    },
    Row {
        id: "no-capacity",
        any: &[&["capacity is unavailable"], &["insufficient capacity"], &["insufficientinstancecapacity"]],
        says: "AWS has no room for this size there right now",
        cures: &["try again later, another region, or another `worker.cpu`"],
    },
    Row {
        id: "image-missing",
        any: &[&["cannotpullcontainer"], &["image does not exist"], &["failed to resolve ref", "not found"]],
        says: "the worker image could not be fetched",
        cures: &[
            "`dlt up` sends the image again",
            "in a network of your own: a way to ECR and S3 (NAT or VPC endpoints)",
        ],
    },
    Row {
        id: "out-of-memory",
        any: &[&["outofmemory"], &["exit code 137"]],
        says: "a worker needed more memory than it has",
        cures: &["a larger `worker.memory`, or more workers with fewer users each"],
    },
    Row {
        id: "throttled",
        any: &[&["rate exceeded"], &["throttl"], &["too many requests"], &["requestlimitexceeded"]],
        says: "AWS was asked too often, by all who work in the account together",
        cures: &["wait a minute, then the same command again"],
    },
    Row {
        id: "quota",
        any: &[
            &["limitexceeded"],
            &["limit exceeded"],
            &["maximum number of"],
            &["quota"],
            &["maximum limit"],
            &["has been reached"],
        ],
        says: "a limit of the account is reached",
        cures: &[
            "aws service-quotas list-service-quotas --service-code {service} shows it: have it raised, or remove what is not needed",
        ],
    },
    Row {
        id: "region-not-enabled",
        any: &[&["optinrequired"], &["not subscribed"], &["region", "not enabled"]],
        says: "the account has not enabled this region or service",
        cures: &["enable it (`aws account enable-region`), or choose another region"],
    },
    Row {
        id: "key-pending-deletion",
        any: &[&["pending deletion"], &["pendingdeletion"], &["kmsinvalidstate"]],
        says: "a key that is going to be deleted cannot be used",
        cures: &["aws kms cancel-key-deletion --key-id KEY, or let the template make a new one"],
    },
    Row {
        id: "hook",
        any: &[&["hook", "failed"]],
        says: "a hook of the account refused the resource",
        cures: &["its message says which rule; the hook belongs to whoever governs the account"],
    },
    Row {
        id: "invalid-property",
        any: &[
            &["properties validation failed"],
            &["model validation failed"],
            &["extraneous key"],
            &["invalid request"],
            &["validation_error"],
            &["invalidparameter"],
        ],
        says: "{service} finds a property of {name} wrong",
        cures: &["`dlt check --online` finds such things before anything is changed"],
    },
    Row {
        id: "template",
        any: &[&["template error"], &["template format error"], &["unresolved resource dependencies"]],
        says: "CloudFormation cannot read the template",
        cures: &["`dlt check` shows where"],
    },
    Row {
        id: "timeout",
        any: &[
            &["timed out"],
            &["timeout"],
            &["did not stabilize"],
            &["exceeded attempts to wait"],
            &["failed to stabilize"],
        ],
        says: "{name} did not get ready in the time that AWS gives it",
        cures: &[
            "the same command again; if it lasts, `dlt explain` after that shows what its tasks and functions said",
        ],
    },
    Row {
        id: "fault-of-aws",
        any: &[
            &["internal failure"],
            &["internalfailure"],
            &["internal error"],
            &["service unavailable"],
            &["serviceunavailable"],
        ],
        says: "something failed inside of {service}",
        cures: &["the same command again; https://health.aws.amazon.com says if it lasts"],
    },
    Row {
        id: "cancelled",
        any: &[&["user initiated"], &["creation cancelled"], &["update cancelled"], &["canceled by user"]],
        says: "somebody cancelled it",
        cures: &["`dlt history` shows what was done from this machine"],
    },
];

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
