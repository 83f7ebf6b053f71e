//! What is kept: encrypted, private, recoverable, and deleted only on purpose.

use dlt_model::document::Node;

use crate::check::{Scope, expression, finding::Findings, policies, template::Entry};

const STATEFUL: [&str; 11] = [
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
];

const PUBLIC_ACCESS: [&str; 4] = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

/// Buckets, tables, log groups, and the policies of everything that holds data.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    scope.template.of_type("AWS::S3::Bucket").for_each(|bucket| self::bucket(scope, bucket, findings));
    scope.template.of_type("AWS::DynamoDB::Table").for_each(|table| self::table(table, findings));
    for group in
        scope.template.of_type("AWS::Logs::LogGroup").filter(|group| group.property(&["RetentionInDays"]).is_none())
    {
        findings
            .error(
                "DLT305",
                group.place,
                group.path(&["RetentionInDays"]),
                format!("log group `{}` keeps its lines for ever", group.name),
            )
            .hint("set RetentionInDays");
    }
    for resource in scope.template.resources.iter().filter(|resource| STATEFUL.contains(&resource.kind())) {
        let missing: Vec<_> = ["DeletionPolicy", "UpdateReplacePolicy"]
            .into_iter()
            .filter(|key| resource.body.get(key).is_none())
            .collect();
        if !missing.is_empty() {
            let message = format!("`{}` holds data and does not say its {}", resource.name, missing.join(" and "));
            findings.error("DLT311", resource.place, format!("Resources.{}", resource.name), message);
        }
    }
}

fn bucket(scope: &Scope<'_, '_>, bucket: &Entry<'_>, findings: &mut Findings) {
    let mut promise = |code, kept: bool, key: &str, what: &str, hint: &str| {
        if !kept {
            findings
                .error(code, bucket.place, path(bucket, key), format!("bucket `{}` {what}", bucket.name))
                .hint(hint);
        }
    };
    let encrypted = bucket.property(&["BucketEncryption", "ServerSideEncryptionConfiguration"]).is_some();
    promise("DLT301", encrypted, "BucketEncryption", "does not say how it encrypts", "set BucketEncryption");
    let private =
        PUBLIC_ACCESS.iter().all(|key| bucket.property_is(&["PublicAccessBlockConfiguration", key], &["true"]));
    promise(
        "DLT302",
        private,
        "PublicAccessBlockConfiguration",
        "does not block public access in all four ways",
        "set all four of PublicAccessBlockConfiguration to true",
    );
    let versioned = bucket.property_is(&["VersioningConfiguration", "Status"], &["Enabled"]);
    promise(
        "DLT303",
        versioned,
        "VersioningConfiguration",
        "keeps no versions",
        "enable versioning, or explain why not in Metadata.dlt.allow",
    );
    promise(
        "DLT304",
        is_tls_only(scope, bucket),
        "",
        "can be read without TLS",
        "add a bucket policy that denies s3:* when aws:SecureTransport is false",
    );
}

fn path(bucket: &Entry<'_>, key: &str) -> String {
    if key.is_empty() { format!("Resources.{}", bucket.name) } else { bucket.path(&[key]) }
}

fn is_tls_only(scope: &Scope<'_, '_>, bucket: &Entry<'_>) -> bool {
    let name = bucket.property(&["BucketName"]).map(expression::shape);
    scope.template.of_type("AWS::S3::BucketPolicy").any(|policy| {
        let Some(node) = policy.property(&["Bucket"]) else { return false };
        let ours = scope.template.named_by(node).is_some_and(|named| named.name == bucket.name)
            || Some(expression::shape(node)) == name;
        ours && policies::of(policy)
            .iter()
            .flat_map(|policy| policies::statements(policy.document))
            .any(denies_plain_text)
    })
}

fn denies_plain_text(statement: &Node) -> bool {
    let denies = statement.get("Effect").and_then(expression::literal) == Some("Deny");
    let everything = policies::values(statement, "Action").iter().any(|action| action == "s3:*" || action == "*");
    let plain =
        statement.get("Condition").and_then(|node| node.get("Bool")).and_then(|node| node.get("aws:SecureTransport"));
    denies && everything && plain.and_then(expression::literal) == Some("false")
}

fn table(table: &Entry<'_>, findings: &mut Findings) {
    let recoverable = table.property_is(&["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"], &["true"]);
    if !recoverable {
        let path = table.path(&["PointInTimeRecoverySpecification"]);
        findings.error("DLT306", table.place, path, format!("table `{}` has no point-in-time recovery", table.name));
    }
    if !table.property_is(&["SSESpecification", "SSEEnabled"], &["true"]) {
        let path = table.path(&["SSESpecification"]);
        findings
            .error(
                "DLT307",
                table.place,
                path,
                format!("table `{}` is not encrypted with a key of the account", table.name),
            )
            .hint("SSESpecification: {SSEEnabled: true}");
    }
}
