//! Items of two lists, matched by what identifies them and not by where they stand.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    PropertyDiff,
    compare::{compare, same},
};

/// What identifies an item in the lists of CloudFormation's types, the most telling first.
const IDENTITIES: &[&[&str]] = &[
    &["Sid"],
    &["Key"],
    &["Id"],
    &["PolicyName"],
    &["AttributeName"],
    &["IndexName"],
    &["ContainerPath"],
    &["ParameterKey"],
    &["Name"],
    &["name"],
    &["id"],
    &["IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "SourceSecurityGroupId", "DestinationSecurityGroupId"],
    &["ContainerPort", "Protocol"],
];

/// Collects where two lists differ.
pub(super) fn lists(path: &str, old: &[Value], new: &[Value], found: &mut Vec<PropertyDiff>) {
    match IDENTITIES.iter().find(|keys| tells_apart(keys, old) && tells_apart(keys, new)) {
        Some(keys) => by_identity(path, keys, old, new, found),
        None => by_content(path, old, new, found),
    }
}

/// True when every item of a list has such an identity, and no two the same.
fn tells_apart(keys: &[&str], list: &[Value]) -> bool {
    let identities: Option<Vec<String>> = list.iter().map(|item| identity(keys, item)).collect();
    identities.is_some_and(|all| all.iter().collect::<BTreeSet<_>>().len() == list.len())
}

/// What an item is called: the values of its identifying keys, which stand for themselves where they are known.
fn identity(keys: &[&str], item: &Value) -> Option<String> {
    let known: Vec<String> = keys.iter().filter_map(|key| item.get(key)).map(word).collect();
    (item.get(keys[0]).is_some() && !known.is_empty()).then(|| known.join(" "))
}

fn word(value: &Value) -> String {
    let reference = || value.get("Ref").or_else(|| value.get("Fn::Sub")).and_then(Value::as_str);
    match value.as_str().or_else(reference) {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

fn by_identity(path: &str, keys: &[&str], old: &[Value], new: &[Value], found: &mut Vec<PropertyDiff>) {
    let named = |list: &[Value]| -> Vec<String> { list.iter().filter_map(|item| identity(keys, item)).collect() };
    let (before, after) = (named(old), named(new));
    let at = |names: &[String], name: &String| names.iter().position(|it| it == name);
    let inside = |name: &str| format!("{path}[{name}]");
    for (name, item) in before.iter().zip(old) {
        let other = at(&after, name).map(|index| &new[index]);
        compare(&inside(name), Some(item), other, found);
    }
    for (name, item) in after.iter().zip(new).filter(|(name, _)| at(&before, name).is_none()) {
        compare(&inside(name), None, Some(item), found);
    }
    let stayed = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|name| others.contains(name)).cloned().collect()
    };
    let (before, after) = (stayed(&before, &after), stayed(&after, &before));
    if before != after {
        let (before, after) = (Some(json!(before)), Some(json!(after)));
        found.push(PropertyDiff { path: format!("{path} (order)"), before, after, recreates: false });
    }
}

/// Items without an identity: equal ones belong together; of the others, the first to the first and so on.
fn by_content(path: &str, old: &[Value], new: &[Value], found: &mut Vec<PropertyDiff>) {
    let mut left: Vec<usize> = (0..new.len()).collect();
    let mut gone = Vec::new();
    let mut pairs = Vec::new();
    for (index, item) in old.iter().enumerate() {
        match left.iter().position(|other| same(item, &new[*other])) {
            Some(position) => pairs.push((index, left.remove(position))),
            None => gone.push(index),
        }
    }
    let moved = pairs.windows(2).any(|pair| pair[0].1 > pair[1].1);
    if gone.is_empty() && left.is_empty() {
        if moved {
            let (before, after) = (Some(json!(old)), Some(json!(new)));
            found.push(PropertyDiff { path: path.to_owned(), before, after, recreates: false });
        }
        return;
    }
    for position in 0..gone.len().max(left.len()) {
        let (before, after) = (gone.get(position), left.get(position));
        let index = after.or(before).copied().unwrap_or_default();
        compare(&format!("{path}[{index}]"), before.map(|it| &old[*it]), after.map(|it| &new[*it]), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(old: &Value, new: &Value) -> Vec<String> {
        let mut found = Vec::new();
        lists("L", old.as_array().unwrap(), new.as_array().unwrap(), &mut found);
        found.into_iter().map(|it| it.path).collect()
    }

    #[test]
    fn an_item_that_comes_first_does_not_make_all_others_differ() {
        let tags = |names: &[&str]| names.iter().map(|name| json!({"Key": name, "Value": 1})).collect::<Value>();
        assert_eq!(paths(&tags(&["b", "c"]), &tags(&["a", "b", "c"])), ["L[a]"]);
        assert_eq!(paths(&json!(["x", "y"]), &json!(["w", "x", "y"])), ["L[0]"]);
    }

    #[test]
    fn an_item_is_found_by_its_name_wherever_it_stands() {
        let old = json!([{"Sid": "Read", "Action": "s3:Get"}, {"Sid": "Write", "Action": "s3:Put"}]);
        let new = json!([{"Sid": "Read", "Action": "s3:Get"}, {"Sid": "Write", "Action": "s3:Delete"}]);
        assert_eq!(paths(&old, &new), ["L[Write].Action"]);
    }

    #[test]
    fn another_order_is_a_difference_of_its_own() {
        let old = json!([{"Key": "a"}, {"Key": "b"}]);
        let new = json!([{"Key": "b"}, {"Key": "a"}]);
        assert_eq!(paths(&old, &new), ["L (order)"]);
        assert_eq!(paths(&json!(["a", "b"]), &json!(["b", "a"])), ["L"]);
    }

    #[test]
    fn items_that_share_a_name_are_compared_by_their_content() {
        let old = json!([{"Name": "x", "V": 1}, {"Name": "x", "V": 2}]);
        let new = json!([{"Name": "x", "V": 1}, {"Name": "x", "V": 3}]);
        assert_eq!(paths(&old, &new), ["L[1].V"]);
    }

    #[test]
    fn rules_of_a_firewall_are_told_apart_by_all_that_they_let_through() {
        let rule = |port: u16, about: &str| json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "10.0.0.0/8", "Description": about});
        let (old, new) = (json!([rule(80, "a"), rule(443, "b")]), json!([rule(443, "c"), rule(80, "a")]));
        assert_eq!(paths(&old, &new), ["L[tcp 443 443 10.0.0.0/8].Description", "L (order)"]);
    }
}
