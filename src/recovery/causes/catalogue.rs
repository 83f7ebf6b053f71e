//! The catalogue of known causes: by which words each is recognised, what it means, what mends it. As long as the truth.

/// One row: any of the lists must be found, each with all of its words.
pub(super) struct Row {
    pub id: &'static str,
    pub any: &'static [&'static [&'static str]],
    pub says: &'static str,
    pub cures: &'static [&'static str],
}

/// Specific causes before general ones: the first row that fits is taken. `{name}` is the resource's name in the template,
/// `{kind}` its type, `{service}` the service's short name.
pub(super) const ROWS: &[Row] = &[
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
