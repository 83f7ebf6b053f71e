//! Where in the environment file a deployed value belongs, if it belongs there at all.
//!
//! No table says so. A setting is the home of a property when the template, rendered with the deployed value in that
//! setting, describes that very property with that very value. So the answer is right for every template.

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::id::Region;
use serde_json::Value;

use crate::{
    config::{
        Config, Layers, Origin,
        table::{self, Kind},
    },
    deploy::{
        changes::Act,
        diff::{self, Side},
        template::Template,
    },
    render::{self, Assets, Part},
};

/// A deployed value that is to become the described one.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The template.
    pub part: Part,
    /// The stack's region.
    pub region: Region,
    /// The resource.
    pub logical_id: String,
    /// The property.
    pub path: String,
    /// What the template describes now.
    pub before: Value,
    /// What is deployed.
    pub after: Value,
}

/// What becomes of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// A setting holds it.
    Setting {
        /// The setting.
        key: &'static str,
        /// Its new value.
        value: String,
    },
    /// Nothing in the file can make it so.
    None {
        /// Why, in words.
        why: String,
    },
}

/// What follows from the wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Homes {
    /// For each wish, in order.
    pub homes: Vec<Home>,
    /// What else the new settings change, as `Resource.Property (region)`.
    pub also: Vec<String>,
}

/// What the search stands on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The environment file.
    pub text: &'a str,
    /// What lies over it.
    pub layers: &'a Layers,
    /// The account.
    pub account: &'a str,
}

type Place = (Part, Region);
type Described = BTreeMap<Place, Side>;

impl Ground<'_> {
    /// Finds a home for each wish.
    ///
    /// # Errors
    /// The present file does not render.
    pub fn homes(&self, wishes: &[Wish]) -> Result<Homes, String> {
        let config = Config::read(self.text, self.layers).map_err(|problems| problems.to_string())?;
        let places: BTreeSet<Place> = wishes.iter().map(|wish| (wish.part, wish.region.clone())).collect();
        let base = self.described(&config, &places)?;
        let mut found: Vec<Found> = wishes.iter().map(|wish| self.search(&config, &base, wish)).collect();
        self.settle_together(&base, wishes, &mut found);
        self.settle_conflicts(&mut found);
        let everywhere =
            Part::ALL.into_iter().flat_map(|part| part.regions(&config).into_iter().map(move |it| (part, it)));
        let base = self.described(&config, &everywhere.collect())?;
        let also = others(&base, &self.with(&chosen(&found), &base)?, wishes);
        Ok(Homes { homes: found.into_iter().map(Found::told).collect(), also })
    }

    /// The settings that hold the present value are tried, one after the other, with the deployed one.
    fn search(&self, config: &Config, base: &Described, wish: &Wish) -> Found {
        let (Some(before), Some(after)) = (scalar(&wish.before), scalar(&wish.after)) else {
            return Found::None("it is more than one plain value".to_owned());
        };
        let mut answer = Found::None("no setting of the environment file decides it".to_owned());
        for setting in config.settings().iter().filter(|setting| setting.value.eq_ignore_ascii_case(&before)) {
            let Some(field) = table::FIELDS.iter().find(|field| field.key == setting.key) else { continue };
            let value = match field.kind {
                Kind::Words(_) => after.to_lowercase(),
                Kind::Text(_) | Kind::Numbers(_) | Kind::Range(..) | Kind::Boolean => after.clone(),
                Kind::List(..) | Kind::Map | Kind::Networks | Kind::Ignores => continue,
            };
            let choice = Choice { key: field.key, value };
            match self.with(&[&choice], base) {
                Ok(described) if !holds(&described, wish) => {}
                Ok(_) if matches!(setting.origin, Origin::Variable { .. } | Origin::Flag) => {
                    return Found::None(format!("`{}` decides it, and is given by {}", field.key, setting.origin));
                }
                Ok(described) => match destroyed(base, &described) {
                    Some(what) => {
                        answer = Found::None(format!("`{}` decides it, and would make {what} anew", field.key));
                    }
                    None => return Found::Home(choice),
                },
                Err(why) => answer = Found::Illegal(choice, why),
            }
        }
        answer
    }

    /// Values that are illegal alone may be legal together, as processor and memory are.
    fn settle_together(&self, base: &Described, wishes: &[Wish], found: &mut [Found]) {
        let all: Vec<&Choice> = found.iter().filter_map(Found::choice).collect();
        if !found.iter().any(|it| matches!(it, Found::Illegal(..))) {
            return;
        }
        let Ok(described) = self.with(&all, base) else { return };
        if destroyed(base, &described).is_some() {
            return;
        }
        for (wish, found) in wishes.iter().zip(found) {
            if let Found::Illegal(choice, _) = found
                && holds(&described, wish)
            {
                *found = Found::Home(choice.clone());
            }
        }
    }

    /// A setting has one value: the first that was asked for.
    fn settle_conflicts(&self, found: &mut [Found]) {
        let mut taken = BTreeMap::<&'static str, String>::new();
        for found in found {
            let Found::Home(choice) = found else { continue };
            let value = taken.entry(choice.key).or_insert_with(|| choice.value.clone());
            if *value != choice.value {
                *found = Found::None(format!("`{}` decides it, and is to be {value} already", choice.key));
            }
        }
    }

    /// The same stacks as in `base`, with other settings.
    fn with(&self, choices: &[&Choice], base: &Described) -> Result<Described, String> {
        let set = |layers: Layers, choice: &&Choice| layers.with_flag(&format!("{}={}", choice.key, choice.value));
        let layers = choices.iter().fold(self.layers.clone(), set);
        let config = Config::read(self.text, &layers).map_err(|problems| problems.to_string())?;
        self.described(&config, &base.keys().cloned().collect())
    }

    /// What the templates say about some stacks.
    fn described(&self, config: &Config, places: &BTreeSet<Place>) -> Result<Described, String> {
        let nothing = || String::new();
        let assets = Assets {
            artifact_bucket: nothing(),
            code_key: nothing(),
            worker_image: nothing(),
            console_prefix: nothing(),
        };
        let side = |(part, region): Place| {
            let rendered =
                render::render_for(self.account, part, config, &region).map_err(|error| error.to_string())?;
            let template = Template::parse(&rendered.text)?;
            let side = Side::new(&template, &render::parameters(part, config, &region, &assets), &[]);
            Ok(((part, region), side))
        };
        places.iter().cloned().map(side).collect()
    }
}

/// A setting and a value for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    key: &'static str,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Home(Choice),
    /// The setting is there, and refuses the value.
    Illegal(Choice, String),
    None(String),
}

impl Found {
    fn choice(&self) -> Option<&Choice> {
        match self {
            Self::Home(choice) | Self::Illegal(choice, _) => Some(choice),
            Self::None(_) => None,
        }
    }

    fn told(self) -> Home {
        match self {
            Self::Home(Choice { key, value }) => Home::Setting { key, value },
            Self::Illegal(Choice { key, .. }, why) => {
                let why = why.lines().next().unwrap_or_default().to_owned();
                Home::None { why: format!("`{key}` decides it, and cannot have this value: {why}") }
            }
            Self::None(why) => Home::None { why },
        }
    }
}

fn chosen(found: &[Found]) -> Vec<&Choice> {
    found.iter().filter_map(|found| if let Found::Home(choice) = found { Some(choice) } else { None }).collect()
}

/// True when the template describes what is wished for.
fn holds(described: &Described, wish: &Wish) -> bool {
    let side = described.get(&(wish.part, wish.region.clone()));
    let value = side.and_then(|side| at(side.resources.get(&wish.logical_id)?.get("Properties")?, &wish.path));
    value.and_then(scalar).is_some_and(|value| Some(value) == scalar(&wish.after))
}

/// `Rules[0].Cidr` in a value.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split(['.', '[']).try_fold(value, |value, segment| match segment.strip_suffix(']') {
        Some(index) => value.get(index.parse::<usize>().ok()?),
        None => value.get(segment),
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A resource that a change would make anew, add or remove: too much for taking over a value.
fn destroyed(base: &Described, described: &Described) -> Option<String> {
    let different = |(place, side): (&(Part, Region), &Side)| diff::resources(&base[place], side);
    // A new revision of a task definition destroys nothing: that is how task definitions change.
    let harmless = |kind: &str| kind == "AWS::ECS::TaskDefinition";
    let mut all = described.iter().flat_map(different);
    all.find(|it| it.act != Act::Modify && !harmless(&it.kind)).map(|it| it.logical_id)
}

/// What changes beside the wishes.
fn others(base: &Described, described: &Described, wishes: &[Wish]) -> Vec<String> {
    let mut all = Vec::new();
    for (place, side) in described {
        for resource in diff::resources(&base[place], side) {
            let is_wished = |path: &str| {
                let is_it = |wish: &Wish| wish.logical_id == resource.logical_id && wish.path == path;
                wishes.iter().any(|wish| (wish.part, &wish.region) == (place.0, &place.1) && is_it(wish))
            };
            let more = resource.properties.iter().filter(|property| !is_wished(&property.at.path));
            all.extend(more.map(|property| format!("{}.{} ({})", resource.logical_id, property.at.path, place.1)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FILE: &str =
        "stack: shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: chief, email: chief@example.com}\n";

    fn wish(logical_id: &str, path: &str, before: Value, after: Value) -> Wish {
        Wish {
            part: Part::Main,
            region: "eu-west-1".parse().unwrap(),
            logical_id: logical_id.to_owned(),
            path: path.to_owned(),
            before,
            after,
        }
    }

    fn homes(wishes: &[Wish]) -> Homes {
        let layers = Layers::default();
        Ground { text: FILE, layers: &layers, account: "123456789012" }.homes(wishes).unwrap()
    }

    fn setting(key: &'static str, value: &str) -> Home {
        Home::Setting { key, value: value.to_owned() }
    }

    fn why(home: &Home) -> &str {
        match home {
            Home::None { why } => why,
            home => panic!("{home:?}"),
        }
    }

    #[test]
    fn a_value_goes_where_the_template_takes_it_from() {
        let found = homes(&[wish("WorkerLogs", "RetentionInDays", json!(90), json!(7))]);
        assert_eq!(found.homes, [setting("retention.logs_days", "7")]);
        assert!(found.also.contains(&"ApiLogs.RetentionInDays (eu-west-1)".to_owned()), "{:?}", found.also);
        let of_workers: Vec<&String> = found.also.iter().filter(|other| other.starts_with("WorkerLogs.")).collect();
        assert_eq!(
            of_workers,
            ["WorkerLogs.RetentionInDays (us-east-1)"],
            "the other region's, and not what was asked for"
        );
        let egress =
            wish("WorkerSecurityGroup", "SecurityGroupEgress[0].CidrIp", json!("0.0.0.0/0"), json!("10.0.0.0/8"));
        assert_eq!(homes(&[egress]).homes, [setting("egress_cidr", "10.0.0.0/8")]);
        let arm = wish("WorkerTask", "RuntimePlatform.CpuArchitecture", json!("X86_64"), json!("ARM64"));
        assert_eq!(homes(&[arm]).homes, [setting("worker.architecture", "arm64")]);
    }

    #[test]
    fn values_that_are_legal_only_together_are_taken_together() {
        let cpu = wish("WorkerTask", "Cpu", json!("2048"), json!("8192"));
        let memory = wish("WorkerTask", "Memory", json!("4096"), json!("16384"));
        let both = homes(&[cpu.clone(), memory]);
        assert_eq!(both.homes, [setting("worker.cpu", "8192"), setting("worker.memory", "16384")]);
        assert!(why(&homes(&[cpu]).homes[0]).starts_with("`worker.cpu` decides it, and cannot have this value"));
    }

    #[test]
    fn what_the_file_does_not_decide_has_no_home_and_says_why() {
        let memory = homes(&[wish("ApiFunction", "MemorySize", json!(512), json!(128))]);
        assert_eq!(why(&memory.homes[0]), "no setting of the environment file decides it");
        let whole = homes(&[wish("ViewerRole", "Policies[1]", json!({}), json!({"PolicyName": "x"}))]);
        assert_eq!(why(&whole.homes[0]), "it is more than one plain value");
        let days = homes(&[wish("WorkerLogs", "RetentionInDays", json!(90), json!(8))]);
        assert!(why(&days.homes[0]).contains("`retention.logs_days` decides it, and cannot have this value"));
    }

    #[test]
    fn a_setting_has_one_value() {
        let wishes = [("WorkerLogs", 7), ("ApiLogs", 14)]
            .map(|(name, days)| wish(name, "RetentionInDays", json!(90), json!(days)));
        let found = homes(&wishes);
        assert_eq!(found.homes[0], setting("retention.logs_days", "7"));
        assert_eq!(why(&found.homes[1]), "`retention.logs_days` decides it, and is to be 7 already");
    }

    #[test]
    fn no_value_is_taken_over_that_would_make_other_things_anew() {
        let name = homes(&[wish("Cluster", "ClusterName", json!("shop"), json!("shop-2"))]);
        assert!(why(&name.homes[0]).contains("`stack` decides it, and would make"), "{:?}", name.homes);
    }

    #[test]
    fn a_setting_that_a_flag_gives_is_not_for_the_file_to_decide() {
        let layers = Layers::default().with_flag("retention.logs_days=90");
        let ground = Ground { text: FILE, layers: &layers, account: "123456789012" };
        let found = ground.homes(&[wish("WorkerLogs", "RetentionInDays", json!(90), json!(7))]).unwrap();
        assert_eq!(why(&found.homes[0]), "`retention.logs_days` decides it, and is given by --set");
    }
}
