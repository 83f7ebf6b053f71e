//! What a deployment calls, by service: derived from the types in the rendered templates, and from what `dlt up` does itself.
//!
//! Actions of types follow the `handlers` of CloudFormation's public resource schemas; a stack without a role of its own
//! calls them in the name of whoever deploys.

mod table;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::id::Region;

use self::table::{NARROW, OF_TYPES, OWN};
pub use self::verdict::{Principal, judge};
use crate::config::Config;

/// Actions that can be asked about together, because they are about one thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Batch {
    /// What they are about.
    pub resource: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// Everything that deploying these types in a region calls. Types that the table does not have come second.
pub fn actions(kinds: &BTreeSet<String>) -> (BTreeSet<&'static str>, Vec<&str>) {
    let mut actions: BTreeSet<&'static str> = OWN.iter().copied().collect();
    let mut unknown = Vec::new();
    for kind in kinds {
        let fits = |known: &str| known == kind || (known.ends_with("::") && kind.starts_with(known));
        match OF_TYPES.iter().find(|(known, _)| fits(known)) {
            Some((_, list)) => actions.extend(list.split_whitespace()),
            None => unknown.push(kind.as_str()),
        }
    }
    (actions, unknown)
}

/// The same, by what each is about.
pub fn batches(actions: &BTreeSet<&'static str>, config: &Config, account: &str, region: &Region) -> Vec<Batch> {
    let mut batches: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for action in actions {
        let (service, verb) = action.split_once(':').expect("actions of the table name their service");
        let narrow = NARROW.iter().find(|(known, _)| *known == service).map(|(_, resource)| *resource);
        let mut resource = match narrow {
            // These know no resource, or others than the one in the table.
            Some(_) if is_wide(service, verb) => "*".to_owned(),
            Some(resource) => resource
                .replace("{partition}", config.partition().arn_word())
                .replace("{region}", region.as_str())
                .replace("{account}", account)
                .replace("{stack}", config.stack.as_str()),
            None => "*".to_owned(),
        };
        if service == "s3" && verb.ends_with("Object") {
            resource += "/template";
        }
        batches.entry(resource).or_default().push((*action).to_owned());
    }
    batches.into_iter().map(|(resource, actions)| Batch { resource, actions }).collect()
}

fn is_wide(service: &str, verb: &str) -> bool {
    use crate::check::actions::{Known, of};
    of(service, verb) == Known::Wide || verb.contains("Dashboard") || verb.starts_with("Describe") && service == "logs"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Layers, doctor::names, render::Part};

    const FILE: &str =
        "stack: shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: admin, email: a@example.com}\n";

    fn config() -> Config {
        Config::read(FILE, &Layers::default()).unwrap()
    }

    #[test]
    fn every_type_of_our_templates_is_known_and_every_row_is_a_type_of_ours() {
        let config = config();
        let parts = [Part::Foundation, Part::Main, Part::Regional, Part::Pipeline];
        let kinds: BTreeSet<String> = parts
            .into_iter()
            .flat_map(|part| names::kinds(part, &config, &part.regions(&config)[0]).unwrap())
            .collect();
        assert_eq!(actions(&kinds).1, Vec::<&str>::new());
        for (row, _) in OF_TYPES {
            assert!(kinds.iter().any(|kind| kind.starts_with(row)), "{row} is in no template");
        }
    }

    #[test]
    fn what_we_name_ourselves_is_asked_about_by_its_name_and_the_rest_by_a_star() {
        let asked = ["s3:CreateBucket", "s3:PutObject", "ec2:CreateVpc", "ecr:GetAuthorizationToken", "ecr:PutImage"];
        let batches = batches(&asked.into_iter().collect(), &config(), "123456789012", &"eu-west-1".parse().unwrap());
        let told: Vec<_> = batches.iter().map(|it| format!("{} {}", it.resource, it.actions.join(" "))).collect();
        assert_eq!(
            told,
            [
                "* ec2:CreateVpc ecr:GetAuthorizationToken",
                "arn:aws:ecr:eu-west-1:123456789012:repository/shop/worker ecr:PutImage",
                "arn:aws:s3:::shop-artifacts-123456789012-eu-west-1 s3:CreateBucket",
                "arn:aws:s3:::shop-artifacts-123456789012-eu-west-1/template s3:PutObject",
            ]
        );
    }
}
