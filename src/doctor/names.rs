//! Names that a deployment will give, so that whoever has one already can be found beforehand.

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::id::Region;
use serde_json::Value;

use super::finding::{Area, Finding, State};
use crate::{
    config::Config,
    deploy::{
        event::StackRef,
        holdings::{self, BUCKET, LOG_GROUP, REPOSITORY, TABLE},
        template::Template,
    },
    exit::Exit,
    failure::Failure,
    render::{self, Assets, Part},
};

/// A role's type.
pub const ROLE: &str = "AWS::IAM::Role";
/// The types whose names we choose and look for, with the property that says it.
const NAMES: [(&str, &str); 5] = [
    (BUCKET, "BucketName"),
    (LOG_GROUP, "LogGroupName"),
    (REPOSITORY, "RepositoryName"),
    (ROLE, "RoleName"),
    (TABLE, "TableName"),
];

/// A name that a stack will give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The type.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Whether `dlt up` takes in what is there: it is kept when its stack goes.
    pub is_taken_in: bool,
}

/// The names that a template gives in an account.
///
/// # Errors
/// A template that cannot be rendered or read, which is a fault of ours.
pub fn of(part: Part, config: &Config, region: &Region, account: &str) -> Result<Vec<Name>, Failure> {
    let resources = resources(part, config, region, account)?;
    let one = |resource: &Value| {
        let kind = resource.get("Type")?.as_str()?;
        let (_, property) = NAMES.iter().find(|(known, _)| *known == kind)?;
        let name = resource.get("Properties")?.get(property)?.as_str()?;
        let policy = resource.get("DeletionPolicy").and_then(Value::as_str);
        let is_taken_in = policy.is_some_and(|policy| policy.starts_with("Retain"));
        Some(Name { kind: kind.to_owned(), name: name.to_owned(), is_taken_in })
    };
    Ok(resources.values().filter_map(one).collect())
}

/// The types in a template, under the environment's own parameters.
///
/// # Errors
/// A template that cannot be rendered or read, which is a fault of ours.
pub fn kinds(part: Part, config: &Config, region: &Region) -> Result<BTreeSet<String>, Failure> {
    all_kinds(part, config, region).map(|kinds| kinds.into_iter().collect())
}

/// The type of every resource of a template, under the environment's own parameters.
///
/// # Errors
/// A template that cannot be rendered or read, which is a fault of ours.
pub fn all_kinds(part: Part, config: &Config, region: &Region) -> Result<Vec<String>, Failure> {
    let resources = resources(part, config, region, "")?;
    let kind = |resource: &Value| resource.get("Type").and_then(Value::as_str).map(ToOwned::to_owned);
    Ok(resources.values().filter_map(kind).collect())
}

fn resources(part: Part, config: &Config, region: &Region, account: &str) -> Result<BTreeMap<String, Value>, Failure> {
    let fault =
        |why: String| Failure::new(Exit::Internal, format!("failed to read the {} template: {why}", part.word()));
    let rendered = render::render_for(account, part, config, region).map_err(|error| fault(error.to_string()))?;
    let template = Template::parse(&rendered.text).map_err(fault)?;
    let none = String::new;
    let assets = Assets { artifact_bucket: none(), code_key: none(), worker_image: none(), console_prefix: none() };
    let given = match part {
        Part::Pipeline => BTreeMap::new(),
        _ => render::parameters(part, config, region, &assets),
    };
    let mut values = template.values(&given);
    for (name, value) in [
        ("AWS::AccountId", account),
        ("AWS::Region", region.as_str()),
        ("AWS::Partition", config.partition().arn_word()),
    ] {
        values.insert(name.to_owned(), value.to_owned());
    }
    Ok(template.resources(&values))
}

/// What it means that something is there under a name that nobody of ours has.
pub fn judge(name: &Name, stack: &StackRef) -> Finding {
    let Name { kind, name, is_taken_in } = name;
    let what = format!("{kind} {name}");
    if *is_taken_in {
        let says = format!("is there and belongs to no stack of ours; `dlt up` takes it into `{}`", stack.name);
        return Finding::new(Area::Names, what, State::Ok, says).in_region(&stack.region);
    }
    let says = format!("is there and belongs to no stack of ours, so `{}` could not make it", stack.name);
    let cure = match kind.as_str() {
        ROLE => format!("aws iam delete-role --role-name {name} (its policies first), or choose another `stack:`"),
        _ => holdings::removal(kind, name, &stack.region),
    };
    Finding::new(Area::Names, what, State::Fail, says).in_region(&stack.region).cure(cure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    const FILE: &str = "stack: shop\nregion: eu-west-1\nadmin: {name: admin, email: a@example.com}\n";

    fn names(sets: &[&str]) -> Vec<Name> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let config = Config::read(FILE, &Layers::new([], &sets)).unwrap();
        [Part::Foundation, Part::Main]
            .into_iter()
            .flat_map(|part| of(part, &config, &config.region, "123456789012").unwrap())
            .collect()
    }

    #[test]
    fn every_name_is_written_out() {
        let names = names(&[]);
        for (kind, name) in [
            (BUCKET, "shop-artifacts-123456789012-eu-west-1"),
            (BUCKET, "shop-data-123456789012-eu-west-1"),
            (TABLE, "shop"),
            (REPOSITORY, "shop/worker"),
            (LOG_GROUP, "/dlt/shop/workers"),
            (ROLE, "shop-eu-west-1-worker"),
        ] {
            let found = names.iter().any(|it| it.kind == kind && it.name == name);
            assert!(found, "{kind} {name} is not in {names:#?}");
        }
        assert!(names.iter().all(|it| !it.name.contains("${")), "{names:#?}");
    }

    #[test]
    fn what_is_kept_is_taken_in_and_all_else_is_in_the_way() {
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        let states = |sets: &[&str], kind: &str| -> BTreeSet<String> {
            let of_kind = names(sets).into_iter().filter(|it| it.kind == kind);
            of_kind.map(|it| format!("{:?}", judge(&it, &stack).state)).collect()
        };
        let only = |state: &str| BTreeSet::from([state.to_owned()]);
        assert_eq!(states(&["retention.data=keep"], TABLE), only("Ok"));
        assert_eq!(states(&["retention.data=delete"], TABLE), only("Fail"));
        assert_eq!(states(&["retention.data=keep"], ROLE), only("Fail"));
    }
}
