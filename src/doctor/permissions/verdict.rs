//! What the simulation of somebody's policies means, and the command that gives what is missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::doctor::finding::{Area, Finding, State};

/// Who is asked about: a user or a role, out of the ARN of whoever is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The account itself.
    Root,
    /// A user, by ARN and name.
    User(String, String),
    /// A role, by ARN (of a role without a path) and name.
    Role(String, String),
    /// Something whose policies cannot be asked about.
    Other,
}

impl Principal {
    /// Reads an ARN such as STS answers.
    pub fn of(arn: &str) -> Self {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, partition, service, _, account, what] = parts.as_slice() else { return Self::Other };
        let last = what.rsplit('/').next().unwrap_or_default().to_owned();
        match (*service, what.split('/').next().unwrap_or_default()) {
            ("iam", "root") => Self::Root,
            ("iam", "user") => Self::User(arn.to_owned(), last),
            ("iam", "role") => Self::Role(arn.to_owned(), last),
            ("sts", "assumed-role") => {
                let name = what.split('/').nth(1).unwrap_or_default();
                Self::Role(format!("arn:{partition}:iam::{account}:role/{name}"), name.to_owned())
            }
            _ => Self::Other,
        }
    }
}

/// What the simulation of all batches means. `denied` are the actions that are not allowed, each with what it was about.
pub fn judge(principal: &Principal, asked: usize, denied: &[(String, String)]) -> Vec<Finding> {
    if denied.is_empty() {
        let says = format!("all {asked} actions that a deployment calls are allowed");
        return vec![Finding::new(Area::Permissions, "policies", State::Ok, says)];
    }
    let mut by_service: BTreeMap<&str, Vec<&(String, String)>> = BTreeMap::new();
    for pair in denied {
        by_service.entry(pair.0.split(':').next().unwrap_or_default()).or_default().push(pair);
    }
    let one = |(service, denied): (&str, Vec<&(String, String)>)| {
        let names: BTreeSet<&str> = denied.iter().map(|(action, _)| action.as_str()).collect();
        let says = format!("not allowed: {}", names.into_iter().collect::<Vec<_>>().join(", "));
        Finding::new(Area::Permissions, service, State::Fail, says).cure(allowing(principal, service, &denied))
    };
    by_service.into_iter().map(one).collect()
}

/// The command that lets a user or role do what it may not.
fn allowing(principal: &Principal, service: &str, denied: &[&(String, String)]) -> String {
    let mut by_resource: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (action, resource) in denied {
        by_resource.entry(resource).or_default().insert(action);
    }
    let statement = |(resource, actions): (&str, BTreeSet<&str>)| serde_json::json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let statements: Vec<_> = by_resource.into_iter().map(statement).collect();
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    let (verb, flag, name) = match principal {
        Principal::User(_, name) => ("put-user-policy", "--user-name", name.as_str()),
        Principal::Role(_, name) => ("put-role-policy", "--role-name", name.as_str()),
        Principal::Root | Principal::Other => return format!("allow: {policy}"),
    };
    format!("aws iam {verb} {flag} {name} --policy-name dlt-{service} --policy-document '{policy}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_judged_by_its_role() {
        let role = |arn: &str, name: &str| Principal::Role(arn.to_owned(), name.to_owned());
        for (arn, principal) in [
            ("arn:aws:iam::1:root", Principal::Root),
            ("arn:aws:iam::1:user/a/eva", Principal::User("arn:aws:iam::1:user/a/eva".to_owned(), "eva".to_owned())),
            ("arn:aws:sts::1:assumed-role/deploy/eva@example.com", role("arn:aws:iam::1:role/deploy", "deploy")),
            ("arn:aws-us-gov:sts::1:assumed-role/deploy/x", role("arn:aws-us-gov:iam::1:role/deploy", "deploy")),
            ("arn:aws:sts::1:federated-user/eva", Principal::Other),
            ("eva", Principal::Other),
        ] {
            assert_eq!(Principal::of(arn), principal, "{arn}");
        }
    }

    #[test]
    fn what_is_missing_comes_with_the_command_that_allows_it() {
        let principal = Principal::of("arn:aws:iam::1:user/eva");
        assert_eq!(judge(&principal, 61, &[])[0].says, "all 61 actions that a deployment calls are allowed");
        let denied = [("s3:PutObject", "b/*"), ("iam:PassRole", "r"), ("s3:CreateBucket", "b")];
        let denied = denied.map(|(action, resource)| (action.to_owned(), resource.to_owned()));
        let findings = judge(&principal, 61, &denied);
        assert_eq!(findings.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), ["iam", "s3"]);
        assert_eq!(findings[1].says, "not allowed: s3:CreateBucket, s3:PutObject");
        assert_eq!(
            findings[0].cure.as_deref(),
            Some(
                r#"aws iam put-user-policy --user-name eva --policy-name dlt-iam --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:PassRole"],"Resource":"r"}]}'"#
            )
        );
    }
}
