//! Where IAM policies stand in a template, and the statements in them.

use dlt_model::document::Node;

use super::{expression, template::Entry};

/// What a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Who may assume a role.
    Trust,
    /// What a role may do, written into it.
    Inline,
    /// What a role may do, as a policy of its own.
    Managed,
    /// Who may do what with a resource.
    Resource,
}

/// A policy document and where it stands.
#[derive(Clone, Debug)]
pub struct Policy<'a> {
    /// What it is for.
    pub usage: Use,
    /// The document.
    pub document: &'a Node,
    /// The keys that lead to it.
    pub path: String,
}

const PLACES: [(&str, &str, Use); 14] = [
    ("AWS::IAM::Role", "AssumeRolePolicyDocument", Use::Trust),
    ("AWS::IAM::Policy", "PolicyDocument", Use::Inline),
    ("AWS::IAM::RolePolicy", "PolicyDocument", Use::Inline),
    ("AWS::IAM::ManagedPolicy", "PolicyDocument", Use::Managed),
    ("AWS::IoT::Policy", "PolicyDocument", Use::Managed),
    ("AWS::S3::BucketPolicy", "PolicyDocument", Use::Resource),
    ("AWS::SQS::QueuePolicy", "PolicyDocument", Use::Resource),
    ("AWS::SNS::TopicPolicy", "PolicyDocument", Use::Resource),
    ("AWS::ECR::Repository", "RepositoryPolicyText", Use::Resource),
    ("AWS::KMS::Key", "KeyPolicy", Use::Resource),
    ("AWS::Events::EventBusPolicy", "Statement", Use::Resource),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy", Use::Resource),
    ("AWS::EC2::VPCEndpoint", "PolicyDocument", Use::Resource),
    ("AWS::ApiGateway::RestApi", "Policy", Use::Resource),
];

/// The policies of a resource.
pub fn of<'a>(resource: &Entry<'a>) -> Vec<Policy<'a>> {
    let mut out = Vec::new();
    for (_, property, usage) in PLACES.iter().filter(|(kind, ..)| *kind == resource.kind()) {
        let documents = resource.property(&[property]).map(expression::branches).unwrap_or_default();
        out.extend(documents.into_iter().map(|document| Policy {
            usage: *usage,
            document,
            path: resource.path(&[property]),
        }));
    }
    if matches!(resource.kind(), "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group") {
        let inline = resource.property(&["Policies"]).map(expression::list).unwrap_or_default();
        for (position, policy) in inline.into_iter().enumerate() {
            let path = format!("{}[{position}].PolicyDocument", resource.path(&["Policies"]));
            let documents = policy.get("PolicyDocument").map(expression::branches).unwrap_or_default();
            out.extend(documents.into_iter().map(|document| Policy {
                usage: Use::Inline,
                document,
                path: path.clone(),
            }));
        }
    }
    out
}

/// The statements of a document; the statement of an event bus policy is its own document.
pub fn statements<'a>(document: &'a Node) -> Vec<&'a Node> {
    match document.get("Statement") {
        Some(node) => expression::list(node),
        None if document.get("Effect").is_some() => vec![document],
        None => Vec::new(),
    }
}

/// Whether a statement allows something.
pub fn allows(statement: &Node) -> bool {
    statement.get("Effect").and_then(expression::literal) == Some("Allow")
}

/// The shapes of the values of a key that may hold one or many.
pub fn values(statement: &Node, key: &str) -> Vec<String> {
    statement.get(key).map(expression::list).unwrap_or_default().into_iter().map(expression::shape).collect()
}
