//! Files that people get wrong, each with what they are told; and which layer wins.

use std::path::Path;

use super::{Config, Layers, Network, Origin};

const GOOD: &str = "stack: shop\nregion: eu-west-1\nadmin: {name: admin, email: a@example.com}\n";

fn layers(variables: &[(&str, &str)], sets: &[&str]) -> Layers {
    let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Layers::new(variables, &sets.iter().map(|set| (*set).to_owned()).collect::<Vec<_>>())
}

fn read(text: &str, layers: &Layers) -> Config {
    Config::read(text, layers).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str, layers: &Layers) -> String {
    Config::read(text, layers).expect_err("this file is wrong").to_string()
}

fn origin(config: &Config, key: &str) -> (String, Origin) {
    let setting = config.settings().iter().find(|setting| setting.key == key).unwrap_or_else(|| panic!("no {key}"));
    (setting.value.clone(), setting.origin.clone())
}

#[test]
fn a_region_beneath_the_file_counts_only_where_the_file_names_none() {
    let profile = || Origin::Profile { name: "work".to_owned() };
    let beneath =
        |variables: &[(&str, &str)]| layers(variables, &[]).with_region(Some(("us-west-2".to_owned(), profile())));
    let file = |line: usize| Origin::File { line };
    let without = GOOD.replace("region: eu-west-1\n", "");
    assert_eq!(origin(&read(&without, &beneath(&[])), "region"), ("us-west-2".to_owned(), profile()));
    assert_eq!(origin(&read(GOOD, &beneath(&[])), "region"), ("eu-west-1".to_owned(), file(2)));
    let variable = Origin::Variable { name: "DLT_REGION".to_owned() };
    let over = beneath(&[("DLT_REGION", "eu-west-3")]);
    assert_eq!(origin(&read(&without, &over), "region"), ("eu-west-3".to_owned(), variable));
}

#[test]
fn every_bad_file_is_told_everything_that_is_wrong_with_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/environments");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 30, "the cases are gone from {}", folder.display());
    let mut wrong = Vec::new();
    for path in files {
        let told = problems(&std::fs::read_to_string(&path).unwrap(), &Layers::default()) + "\n";
        let beside = path.with_extension("txt");
        if std::env::var_os("DLT_UPDATE").is_some() {
            std::fs::write(&beside, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if told != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- told\n{told}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_is_valid() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/stacks")).unwrap().flatten() {
        read(&std::fs::read_to_string(entry.path()).unwrap(), &Layers::default());
    }
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = format!("{GOOD}worker: {{cpu: 1024}}\n");
    let variable = layers(&[("DLT_WORKER_CPU", "4096"), ("DLT_WORKER_MEMORY", "8192")], &[]);
    let flag = layers(&[("DLT_WORKER_CPU", "4096"), ("DLT_WORKER_MEMORY", "8192")], &["worker.cpu=2048"]);
    assert_eq!(read(GOOD, &Layers::default()).worker.cpu_units, 2048);
    assert_eq!(read(&file, &Layers::default()).worker.cpu_units, 1024);
    assert_eq!(read(&file, &variable).worker.cpu_units, 4096);
    assert_eq!(read(&file, &flag).worker.cpu_units, 2048);
}

#[test]
fn every_value_remembers_who_gave_it() {
    let file = format!("{GOOD}worker: {{cpu: 1024}}\n");
    let config =
        read(&file, &layers(&[("DLT_ADMIN_EMAIL", "b@example.com")], &["tags.cost.center=42", "console=headless"]));
    assert_eq!(origin(&config, "worker.cpu"), ("1024".to_owned(), Origin::File { line: 4 }));
    assert_eq!(origin(&config, "worker.memory"), ("4096".to_owned(), Origin::Default));
    let variable = Origin::Variable { name: "DLT_ADMIN_EMAIL".to_owned() };
    assert_eq!(origin(&config, "admin.email"), ("b@example.com".to_owned(), variable));
    assert_eq!(origin(&config, "console"), ("headless".to_owned(), Origin::Flag));
    assert_eq!(origin(&config, "tags.cost.center"), ("42".to_owned(), Origin::Flag));
    assert_eq!(config.tags.get("cost.center").map(String::as_str), Some("42"));
}

#[test]
fn a_list_in_a_variable_is_separated_by_commas() {
    let config = read(GOOD, &layers(&[("DLT_REGIONS", "us-east-1, us-west-2")], &[]));
    assert_eq!(
        config.all_regions().map(ToString::to_string).collect::<Vec<_>>(),
        ["eu-west-1", "us-east-1", "us-west-2"]
    );
    let none = read(&format!("{GOOD}regions: [us-east-1]\n"), &layers(&[("DLT_REGIONS", "")], &[]));
    assert_eq!(none.regions, []);
}

#[test]
fn a_network_can_come_from_variables_alone() {
    let variables = [
        ("DLT_NETWORK_EXISTING_VPC", "vpc-0a1b2c3d"),
        ("DLT_NETWORK_EXISTING_SUBNETS", "subnet-0a1b2c3d,subnet-0a1b2c3e"),
    ];
    let config = read(GOOD, &layers(&variables, &[]));
    assert!(matches!(&config.network, Network::Existing { subnets, public: false, .. } if subnets.len() == 2));
    assert!(
        config.settings().iter().all(|setting| setting.key != "network.vpc_cidr"),
        "addresses are of a new network"
    );
}

#[test]
fn what_layers_get_wrong_is_told_with_the_layer() {
    let wrong = layers(
        &[
            ("DLT_REGOIN", "eu-west-1"),
            ("DLT_WORKER_CPU", "lots"),
            ("DLT_LOG", "debug"),
            ("DLTX", "other"),
            ("PATH", "/bin"),
        ],
        &["consle=headless", "protection", "admin.email=nobody"],
    );
    assert_eq!(
        problems(&format!("{GOOD}live_data: 3\n"), &wrong),
        "unknown variable `DLT_REGOIN` (did you mean `DLT_REGION`?)\n\
         unknown setting `consle` given by --set (did you mean `console`?)\n\
         expected `--set key=value`, found `--set protection`\n\
         admin.email: expected an e-mail address, found `nobody`, given by --set\n\
         worker.cpu: expected a whole number, found `lots`, given by DLT_WORKER_CPU\n\
         4:12: live_data: expected true or false, found `3`"
    );
}

#[test]
fn a_region_may_have_a_network_of_its_own() {
    let text = format!(
        "{GOOD}regions: [us-east-1]\nregional_networks:\n  us-east-1:\n    existing: {{vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e]}}\n"
    );
    let config = read(&text, &Layers::default());
    assert!(matches!(config.network_of(&config.regions[0]), Network::Existing { .. }));
    assert!(matches!(config.network_of(&config.region), Network::New { .. }));
}
