//! Which images the repository's lifecycle rules leave, by the rules that AWS documents for evaluating them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Sandbox;

/// An image: its name, its tags, and how many days ago it was pushed.
type Image<'a> = (&'a str, &'a [&'a str], u64);

fn policy() -> Value {
    let sandbox = Sandbox::new();
    let file = "stack: dlt-rules\nregion: eu-west-1\nadmin: {name: admin, email: admin@example.com}\n";
    sandbox.write("stacks/rules.yaml", file);
    let text = sandbox.dlt(&["render", "rules", "--part", "foundation"]).with_code(0).out;
    let start = text.find("{\"rules\":").expect("the repository has rules");
    let rules = text[start..].split("\n\n").next().expect("a paragraph");
    let joined: Vec<&str> = rules.lines().map(str::trim).collect();
    serde_json::from_str(&joined.join(" ")).unwrap_or_else(|error| panic!("{error}: {rules}"))
}

/// What ECR would remove: all rules are evaluated at once, and an image that meets the tag requirements of a rule cannot be
/// removed by one of lower priority.
fn expired<'a>(policy: &Value, images: &'a [Image<'a>]) -> BTreeSet<&'a str> {
    let mut rules: Vec<&Value> = policy["rules"].as_array().expect("a list").iter().collect();
    rules.sort_by_key(|rule| rule["rulePriority"].as_u64());
    let (mut claimed, mut expired) = (BTreeSet::new(), BTreeSet::new());
    for rule in rules {
        let selection = &rule["selection"];
        let mut selected: Vec<&Image<'a>> = images.iter().filter(|image| is_selected(selection, image)).collect();
        selected.sort_by_key(|image| image.2);
        let number = selection["countNumber"].as_u64().expect("a number");
        let over = match selection["countType"].as_str() {
            Some("imageCountMoreThan") => {
                selected.iter().skip(usize::try_from(number).expect("small")).copied().collect()
            }
            Some("sinceImagePushed") => selected.iter().filter(|image| image.2 > number).copied().collect::<Vec<_>>(),
            other => panic!("{other:?} is no kind of counting"),
        };
        expired.extend(over.iter().map(|image| image.0).filter(|name| !claimed.contains(name)));
        claimed.extend(selected.iter().map(|image| image.0));
    }
    expired
}

fn is_selected(selection: &Value, (_, tags, _): &Image<'_>) -> bool {
    if selection["tagStatus"] == "untagged" {
        return tags.is_empty();
    }
    let prefixes = selection["tagPrefixList"].as_array().expect("a tagged rule has prefixes");
    let has = |prefix: &Value| tags.iter().any(|tag| tag.starts_with(prefix.as_str().expect("text")));
    prefixes.iter().all(has)
}

#[test]
fn the_last_thirty_releases_stay_and_whatever_is_deployed_however_old() {
    let names: Vec<String> = (0..40).map(|age| format!("release-{age}")).collect();
    let mut images: Vec<Image<'_>> =
        names.iter().zip(1..).map(|(name, age)| (name.as_str(), &["content-x"][..], age)).collect();
    images[39].1 = &["content-x", "deployed-x"];
    images.push(("attached", &[], 2));
    images.push(("lost", &[], 31));
    let policy = policy();
    let gone = expired(&policy, &images);
    let expected: BTreeSet<&str> = names[30..39].iter().map(String::as_str).chain(["lost"]).collect();
    assert_eq!(gone, expected);

    let mut without = policy.clone();
    without["rules"].as_array_mut().expect("a list").remove(0);
    assert!(expired(&without, &images).contains("release-39"), "the first rule is what spares it");
}
