//! The rights that policies give, whoever they are attached to.

use serde_json::Value;

use super::grants::{Effect, Grant, list, name, phrase};

/// Where a type has policies about itself, whose statements name who they are for.
const OF_ITSELF: &[(&str, &str)] = &[
    ("AWS::ECR::Repository", "RepositoryPolicyText"),
    ("AWS::IAM::Role", "AssumeRolePolicyDocument"),
    ("AWS::KMS::Key", "KeyPolicy"),
    ("AWS::S3::BucketPolicy", "PolicyDocument"),
    ("AWS::SNS::TopicPolicy", "PolicyDocument"),
    ("AWS::SQS::QueuePolicy", "PolicyDocument"),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"),
];

/// The types that carry policies for whoever they belong to.
const HOLDERS: &[&str] = &["AWS::IAM::Group", "AWS::IAM::Role", "AWS::IAM::User"];

/// Every right that a resource gives.
pub(super) fn grants(kind: &str, logical_id: &str, properties: &Value) -> impl Iterator<Item = Grant> {
    let mut found = Vec::new();
    if let Some((_, property)) = OF_ITSELF.iter().find(|(known, _)| *known == kind) {
        found.extend(statements(properties.get(property)).flat_map(|it| of_statement(it, None, Some(logical_id))));
    }
    if HOLDERS.contains(&kind) {
        for policy in list(properties.get("Policies")) {
            found.extend(
                statements(policy.get("PolicyDocument")).flat_map(|it| of_statement(it, Some(logical_id), None)),
            );
        }
        found.extend(list(properties.get("ManagedPolicyArns")).into_iter().map(|arn| attached(logical_id, arn)));
    }
    match kind {
        "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IoT::Policy" => {
            for who in holders(logical_id, properties) {
                let statements = statements(properties.get("PolicyDocument"));
                found.extend(statements.flat_map(|it| of_statement(it, Some(&who), None)));
            }
        }
        "AWS::Lambda::Permission" => found.extend(call(properties)),
        _ => {}
    }
    found.into_iter()
}

fn statements(document: Option<&Value>) -> impl Iterator<Item = &Value> {
    list(document.and_then(|it| it.get("Statement"))).into_iter()
}

/// Those whom a policy is attached to; itself when nobody is named.
fn holders(logical_id: &str, properties: &Value) -> Vec<String> {
    let lists = ["Roles", "Users", "Groups"].map(|key| list(properties.get(key)));
    let named: Vec<String> = lists.into_iter().flatten().map(name).collect();
    if named.is_empty() { vec![logical_id.to_owned()] } else { named }
}

fn attached(who: &str, arn: &Value) -> Grant {
    let what = format!("all that {} allows", phrase(arn));
    Grant { who: who.to_owned(), effect: Effect::Allow, on: None, when: None, what }
}

fn call(properties: &Value) -> Option<Grant> {
    let conditions = ["SourceArn", "SourceAccount", "PrincipalOrgID"];
    let when = conditions.iter().filter_map(|key| Some(format!("`{key}` is `{}`", phrase(properties.get(key)?))));
    let when = when.collect::<Vec<_>>().join(" and ");
    Some(Grant {
        who: phrase(properties.get("Principal")?),
        effect: Effect::Allow,
        on: Some(name(properties.get("FunctionName")?)),
        when: (!when.is_empty()).then_some(when),
        what: phrase(properties.get("Action")?),
    })
}

/// The rights of one statement: every principal, every action, every thing.
fn of_statement(statement: &Value, holder: Option<&str>, thing: Option<&str>) -> Vec<Grant> {
    let effect = if statement.get("Effect").is_some_and(|it| it == "Deny") { Effect::Deny } else { Effect::Allow };
    let who = match holder {
        Some(holder) => vec![holder.to_owned()],
        None => principals(statement),
    };
    let what = either(statement, "Action", "NotAction");
    let mut on = either(statement, "Resource", "NotResource");
    if on.is_empty() {
        on.extend(thing.map(ToOwned::to_owned));
    }
    let when = statement.get("Condition").and_then(condition);
    let grant = |who: &String, what: &String, on: Option<&String>| Grant {
        who: who.clone(),
        effect,
        on: on.cloned(),
        when: when.clone(),
        what: what.clone(),
    };
    let of = |who: &String, what: &String| match on.is_empty() {
        true => vec![grant(who, what, None)],
        false => on.iter().map(|on| grant(who, what, Some(on))).collect::<Vec<_>>(),
    };
    who.iter().flat_map(|who| what.iter().flat_map(|what| of(who, what)).collect::<Vec<_>>()).collect()
}

fn either(statement: &Value, key: &str, negated: &str) -> Vec<String> {
    let named = list(statement.get(key)).into_iter().map(phrase);
    let others = list(statement.get(negated)).into_iter().map(|it| format!("everything but {}", phrase(it)));
    named.chain(others).collect()
}

fn principals(statement: &Value) -> Vec<String> {
    let of = |value: &Value| -> Vec<String> {
        match value {
            Value::Object(kinds) if kinds.len() != 1 || !is_reference(kinds) => {
                kinds.values().flat_map(|it| list(Some(it)).into_iter().map(anyone).collect::<Vec<_>>()).collect()
            }
            value => vec![anyone(value)],
        }
    };
    let named = statement.get("Principal").map(of).unwrap_or_default();
    let others = statement.get("NotPrincipal").map(of).unwrap_or_default();
    named.into_iter().chain(others.into_iter().map(|it| format!("everyone but {it}"))).collect()
}

fn is_reference(object: &serde_json::Map<String, Value>) -> bool {
    object.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
}

fn anyone(value: &Value) -> String {
    match name(value).as_str() {
        "*" => "anyone".to_owned(),
        name => name.to_owned(),
    }
}

/// `aws:SecureTransport` Bool `false` and …
fn condition(condition: &Value) -> Option<String> {
    let operators = condition.as_object()?;
    let one = |operator: &String, key: &String, value: &Value| {
        let values: Vec<String> = list(Some(value)).into_iter().map(|it| format!("`{}`", phrase(it))).collect();
        format!("`{key}` {operator} {}", values.join(" or "))
    };
    let mut parts: Vec<String> = operators
        .iter()
        .flat_map(|(operator, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, value)| one(operator, key, value))
        })
        .collect();
    parts.sort();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(kind: &str, properties: &Value) -> Vec<(String, String, Option<String>)> {
        grants(kind, "It", properties).map(|grant| (grant.who, grant.what, grant.on)).collect()
    }

    fn right(who: &str, what: &str, on: Option<&str>) -> (String, String, Option<String>) {
        (who.to_owned(), what.to_owned(), on.map(ToOwned::to_owned))
    }

    #[test]
    fn every_kind_of_policy_says_who_may_do_what_to_what() {
        let document = |statement: Value| json!({"Statement": statement});
        for (kind, properties, expected) in [
            (
                "AWS::IAM::Role",
                json!({"AssumeRolePolicyDocument": document(json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["ecs.amazonaws.com"]}}))}),
                right("ecs.amazonaws.com", "sts:AssumeRole", Some("It")),
            ),
            (
                "AWS::IAM::Role",
                json!({"ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}),
                right("It", "all that arn:aws:iam::aws:policy/ReadOnlyAccess allows", None),
            ),
            (
                "AWS::IAM::Policy",
                json!({"Roles": [{"Ref": "Role"}], "PolicyDocument": document(json!([{"Effect": "Allow", "Action": "a:B", "Resource": {"Fn::GetAtt": ["Table", "Arn"]}}]))}),
                right("Role", "a:B", Some("${Table.Arn}")),
            ),
            (
                "AWS::S3::BucketPolicy",
                json!({"PolicyDocument": document(json!([{"Effect": "Deny", "NotAction": "s3:Get*", "Principal": "*"}]))}),
                right("anyone", "everything but s3:Get*", Some("It")),
            ),
            (
                "AWS::KMS::Key",
                json!({"KeyPolicy": document(json!([{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": {"Fn::GetAtt": ["Role", "Arn"]}}}]))}),
                right("Role", "kms:*", Some("*")),
            ),
            (
                "AWS::Lambda::Permission",
                json!({"Principal": "apigateway.amazonaws.com", "Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "Api"}}),
                right("apigateway.amazonaws.com", "lambda:InvokeFunction", Some("Api")),
            ),
        ] {
            assert_eq!(told(kind, &properties), [expected], "{kind}");
        }
    }

    #[test]
    fn what_gives_no_rights_has_none() {
        assert_eq!(told("AWS::SNS::Topic", &json!({"PolicyDocument": {}})), []);
        assert_eq!(told("AWS::IAM::Role", &Value::Null), []);
    }
}
