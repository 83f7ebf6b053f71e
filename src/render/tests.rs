//! What holds for every variant of every template.

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::{
    document::{self, Node},
    id::Region,
};

use super::{Assets, Part, Rendered, parameters, render, render_for};
use crate::config::{Config, Layers};

const FILE: &str = "stack: shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: admin, email: a@example.com}\n";
const EXISTING: &str = "existing: {vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3a, subnet-0a1b2c3b, subnet-0a1b2c3c]}";

fn config(sets: &[&str]) -> Config {
    read(FILE, sets)
}

fn read(file: &str, sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::read(file, &Layers::new([], &sets)).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Every structure that an environment file can ask for.
fn variants() -> Vec<(String, Config)> {
    let existing = format!("{FILE}network: {{{EXISTING}}}\nregional_networks:\n  us-east-1: {{{EXISTING}}}\n");
    let mut variants = Vec::new();
    for (network, file) in [("new", FILE), ("existing", existing.as_str())] {
        for console in ["cloudfront", "headless"] {
            for data in ["keep", "delete"] {
                for live in ["true", "false"] {
                    let architecture = if data == "keep" { "arm64" } else { "x86_64" };
                    let sets = [
                        format!("console={console}"),
                        format!("retention.data={data}"),
                        format!("live_data={live}"),
                        format!("worker.architecture={architecture}"),
                    ];
                    let config = read(file, &sets.each_ref().map(String::as_str));
                    variants.push((format!("{network}-{console}-{data}-{live}"), config));
                }
            }
        }
    }
    variants
}

/// Every template of every variant, by name.
fn rendered() -> Vec<(String, Config, Region, Rendered)> {
    let mut all = Vec::new();
    for (name, config) in variants() {
        for part in Part::ALL {
            for region in part.regions(&config) {
                let rendered = render(part, &config, &region).unwrap_or_else(|error| panic!("{name}: {error:?}"));
                all.push((format!("{name}-{}-{region}", part.word()), config.clone(), region, rendered));
            }
        }
    }
    all
}

fn parse(rendered: &Rendered) -> Node {
    document::parse(&rendered.text).unwrap_or_else(|problem| panic!("{problem}\n{}", rendered.text))
}

fn resources(template: &Node) -> BTreeMap<String, Node> {
    let resources = template.get("Resources").expect("a template has resources");
    resources.entries().iter().map(|(key, node)| (key.text.clone(), node.clone())).collect()
}

/// The logical names that a value speaks of.
fn mentions(node: &Node, found: &mut BTreeSet<String>) {
    if let Some(text) = node.text() {
        match node.tag.as_deref() {
            Some("Ref") => drop(found.insert(text.to_owned())),
            Some("GetAtt") => drop(found.insert(text.split('.').next().unwrap_or_default().to_owned())),
            Some("Sub") => {
                for piece in text.split("${").skip(1) {
                    let name = piece.split('}').next().unwrap_or_default();
                    found.insert(name.split('.').next().unwrap_or_default().to_owned());
                }
            }
            _ => {}
        }
    }
    for item in node.items() {
        mentions(item, found);
    }
    for (key, value) in node.entries() {
        if key.text == "DependsOn" {
            found.extend(
                value.text().into_iter().chain(value.items().iter().filter_map(Node::text)).map(ToOwned::to_owned),
            );
        }
        mentions(value, found);
    }
}

/// Everything that waits for a resource, directly or not.
fn dependents(resources: &BTreeMap<String, Node>, of: &str) -> BTreeSet<String> {
    let mut waiting = BTreeSet::from([of.to_owned()]);
    loop {
        let more: Vec<String> = resources
            .iter()
            .filter(|(name, node)| {
                let mut found = BTreeSet::new();
                mentions(node, &mut found);
                !waiting.contains(*name) && !found.is_disjoint(&waiting)
            })
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            waiting.remove(of);
            return waiting;
        }
        waiting.extend(more);
    }
}

fn assets() -> Assets {
    Assets {
        artifact_bucket: "shop-artifacts-123456789012-eu-west-1".to_owned(),
        code_key: "functions/0123.zip".to_owned(),
        worker_image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/worker@sha256:0123".to_owned(),
        console_prefix: "console/0123".to_owned(),
    }
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    let first: Vec<Rendered> = rendered().into_iter().map(|(.., rendered)| rendered).collect();
    let second: Vec<Rendered> = rendered().into_iter().map(|(.., rendered)| rendered).collect();
    assert!(first == second && first.len() == 64);
}

#[test]
fn every_variant_is_yaml_and_leaves_no_delimiter_behind() {
    for (name, _, _, rendered) in rendered() {
        let template = parse(&rendered);
        assert!(resources(&template).len() >= 3, "{name}");
        for trace in ["${{", "#%", "%#", "#|", "\u{E000}"] {
            assert!(!rendered.text.contains(trace), "{name} still holds `{trace}`");
        }
        assert!(rendered.text.ends_with('\n') && !rendered.text.ends_with("\n\n"), "{name}");
    }
}

#[test]
fn every_line_leads_back_to_the_template_line_it_was_made_of() {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let root = env!("CARGO_MANIFEST_DIR");
    for (name, _, _, rendered) in rendered() {
        for (index, line) in rendered.text.lines().enumerate() {
            let location =
                rendered.source.locate(index + 1).unwrap_or_else(|| panic!("{name}:{} leads nowhere", index + 1));
            let template = files
                .entry(location.file)
                .or_insert_with(|| std::fs::read_to_string(format!("{root}/{}", location.file)).unwrap());
            let origin = template.lines().nth(location.line - 1).unwrap();
            // What stands before the first value is the same in both.
            let fixed = origin.split("${{").next().unwrap();
            assert!(line.starts_with(fixed), "{name}:{}: `{line}` is not made of {location}: `{origin}`", index + 1);
        }
        assert_eq!(rendered.source.locate(rendered.text.lines().count() + 1), None);
    }
}

#[test]
fn there_are_no_custom_resources() {
    for (name, _, _, rendered) in rendered() {
        for (resource, node) in resources(&parse(&rendered)) {
            let kind = node.get("Type").and_then(Node::text).unwrap_or_default().to_owned();
            let custom =
                kind.starts_with("Custom::") || kind.starts_with("AWS::CloudFormation::") || !kind.starts_with("AWS::");
            assert!(!custom, "{name}: {resource} is a {kind}");
        }
    }
}

#[test]
fn nothing_but_the_invitations_redirect_waits_for_the_distribution() {
    let template = parse(&render(Part::Main, &config(&[]), &"eu-west-1".parse().unwrap()).unwrap());
    let waiting = dependents(&resources(&template), "Distribution");
    assert_eq!(waiting, BTreeSet::from(["ConsoleRedirect".to_owned(), "ConsoleRoute".to_owned()]));
    let outputs = template.get("Outputs").unwrap().entries().iter();
    let outputs: Vec<&str> = outputs
        .filter(|(_, node)| {
            let mut found = BTreeSet::new();
            mentions(node, &mut found);
            found.contains("Distribution")
        })
        .map(|(key, _)| key.text.as_str())
        .collect();
    assert_eq!(outputs, ["ConsoleUrl", "DistributionId"]);
}

#[test]
fn the_graph_of_the_previous_test_sees_references_of_every_kind() {
    let template =
        document::parse("{a: !Ref X, b: !GetAtt Y.Arn, c: [!Sub 'x-${Z.Arn}-${W}'], DependsOn: [V]}").unwrap();
    let mut found = BTreeSet::new();
    mentions(&template, &mut found);
    assert_eq!(found, ["V", "W", "X", "Y", "Z"].map(ToOwned::to_owned).into());
}

#[test]
fn every_parameter_is_declared_and_every_declared_one_is_given_or_has_a_default() {
    for (name, config, region, rendered) in rendered() {
        let template = parse(&rendered);
        let declared: &[_] = template.get("Parameters").map(Node::entries).unwrap_or_default();
        let given = parameters(rendered.part, &config, &region, &assets());
        for parameter in given.keys() {
            assert!(declared.iter().any(|(key, _)| key.text == *parameter), "{name} does not declare {parameter}");
        }
        for (key, node) in declared {
            assert!(given.contains_key(&key.text) || node.get("Default").is_some(), "{name} needs {}", key.text);
        }
    }
}

#[test]
fn the_parameters_of_the_hub_are_these() {
    let given = parameters(Part::Main, &config(&[]), &"eu-west-1".parse().unwrap(), &assets());
    insta::assert_json_snapshot!(given, @r#"
    {
      "AdminEmail": "a@example.com",
      "AdminName": "admin",
      "ArtifactBucket": "shop-artifacts-123456789012-eu-west-1",
      "CodeKey": "functions/0123.zip",
      "ConsolePrefix": "console/0123",
      "EgressCidr": "0.0.0.0/0",
      "InvitedEmail": "a@example.com",
      "SubnetACidrBlock": "192.168.0.0/20",
      "SubnetBCidrBlock": "192.168.16.0/20",
      "VpcCidrBlock": "192.168.0.0/16",
      "WorkerImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/worker@sha256:0123"
    }
    "#);
}

#[test]
fn the_parameters_of_another_region_with_a_network_of_its_own_are_these() {
    let config = read(&format!("{FILE}regional_networks:\n  us-east-1: {{{EXISTING}}}\n"), &[]);
    let given = parameters(Part::Regional, &config, &"us-east-1".parse().unwrap(), &assets());
    insta::assert_json_snapshot!(given, @r#"
    {
      "AdminEmail": "a@example.com",
      "ArtifactBucket": "shop-artifacts-123456789012-eu-west-1",
      "CodeKey": "functions/0123.zip",
      "EgressCidr": "0.0.0.0/0",
      "ExistingSubnetA": "subnet-0a1b2c3a",
      "ExistingSubnetB": "subnet-0a1b2c3b",
      "ExistingVPCId": "vpc-0a1b2c3d",
      "HubRegion": "eu-west-1",
      "WorkerImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/worker@sha256:0123"
    }
    "#);
}

#[test]
fn data_outlives_the_stack_only_when_the_file_says_keep() {
    let cases =
        [("retention.data=keep", ["RetainExceptOnCreate", "Retain"]), ("retention.data=delete", ["Delete", "Delete"])];
    for (data, policies) in cases {
        let template = parse(&render(Part::Main, &config(&[data]), &"eu-west-1".parse().unwrap()).unwrap());
        let resources = resources(&template);
        for name in ["DataBucket", "Table", "UserPool", "WorkerLogs", "ApiLogsOfAccess", "AdvanceLogs"] {
            for (key, policy) in ["DeletionPolicy", "UpdateReplacePolicy"].into_iter().zip(policies) {
                assert_eq!(resources[name].get(key).and_then(Node::text), Some(policy), "{name}.{key} with {data}");
            }
        }
    }
}

#[test]
fn names_of_what_is_kept_are_plain_text_once_the_account_is_known() {
    let config = config(&["retention.data=keep"]);
    let text = render_for("123456789012", Part::Main, &config, &config.region).unwrap().text;
    assert!(text.contains("BucketName: \"shop-data-123456789012-eu-west-1\""), "{text}");
    let without = render(Part::Main, &config, &config.region).unwrap().text;
    let name = |line: &&str| !line.contains("BucketName:") && !line.trim_start().starts_with('#');
    assert!(text.lines().filter(name).eq(without.lines().filter(name)), "nothing else is different");
}

#[test]
fn a_third_existing_subnet_reaches_the_workers() {
    let config = read(&format!("{FILE}regional_networks:\n  eu-west-1: {{{EXISTING}}}\n"), &[]);
    let text = render(Part::Main, &config, &"eu-west-1".parse().unwrap()).unwrap().text;
    assert!(text.contains(r#"\"${ExistingSubnetB}\",\"subnet-0a1b2c3c\""#) && text.contains("DISABLED"));
}

#[test]
fn alarms_reach_the_administrator_in_every_region_by_a_topic_whose_key_lets_them_in() {
    for (name, config, region, rendered) in rendered() {
        if rendered.part == Part::Foundation {
            continue;
        }
        let resources = resources(&parse(&rendered));
        let property =
            |resource: &str, key: &str| resources[resource].get("Properties").unwrap().get(key).unwrap().clone();
        let refers = |node: &Node, to: &str| {
            let mut found = BTreeSet::new();
            mentions(node, &mut found);
            found.contains(to)
        };
        assert!(refers(&property("AlarmTopic", "KmsMasterKeyId"), "AlarmKey"), "{name}");
        let key = format!("{:?}", property("AlarmKey", "KeyPolicy"));
        assert!(key.contains("cloudwatch.amazonaws.com") && key.contains("kms:GenerateDataKey"), "{name}: {key}");
        assert!(refers(&property("AlarmMail", "Endpoint"), "AdminEmail"), "{name}");
        let given = parameters(rendered.part, &config, &region, &assets());
        assert_eq!(given["AdminEmail"], "a@example.com", "{name}");
        let alarms = resources
            .iter()
            .filter(|(_, node)| node.get("Type").and_then(Node::text) == Some("AWS::CloudWatch::Alarm"));
        for (alarm, _) in alarms {
            assert!(refers(&property(alarm, "AlarmActions"), "AlarmTopic"), "{name}: {alarm}");
        }
    }
}

#[test]
fn in_govcloud_every_name_is_govclouds() {
    let file = FILE.replace("eu-west-1", "us-gov-west-1").replace("us-east-1", "us-gov-east-1");
    let config = read(&file, &["console=headless"]);
    for part in Part::ALL {
        for region in part.regions(&config) {
            let text = render(part, &config, &region).unwrap().text;
            for (index, line) in text.lines().enumerate() {
                let place = format!("{} in {region}:{}: {line}", part.word(), index + 1);
                assert!(!line.contains("arn:aws:") && !line.contains("arn:aws-cn:"), "{place}");
                // What ends in a name of AWS is a service that roles trust; hosts ask for their ending.
                let hosts =
                    line.replace(".amazonaws.com/", "/").contains("https://") && line.contains(".amazonaws.com");
                assert!(!hosts && !line.contains("cognito-identity.amazonaws.com"), "{place}");
            }
            assert!(!text.contains("CloudFront") && !text.contains("cloudfront"), "{}", part.word());
            let main = part == Part::Main;
            assert_eq!(text.contains("arn:aws-us-gov:states:::lambda:invoke"), main);
            assert_eq!(text.matches("cognito-identity-us-gov.amazonaws.com").count(), if main { 9 } else { 0 });
        }
    }
}

/// The resources of every statement of a role that allows something of this service.
fn reach(role: &Node, service: &str) -> BTreeSet<String> {
    let policies =
        role.get("Properties").and_then(|properties| properties.get("Policies")).expect("a role has policies");
    let statements = policies.items().iter().flat_map(|policy| {
        let document = policy.get("PolicyDocument").expect("a policy has a document");
        document.get("Statement").expect("a document has statements").items()
    });
    statements
        .filter(|statement| {
            let action = statement.get("Action").expect("a statement has actions");
            let mut actions = action.text().into_iter().chain(action.items().iter().filter_map(Node::text));
            actions.any(|action| action.starts_with(&format!("{service}:")))
        })
        .map(|statement| statement.get("Resource").and_then(Node::text).expect("one resource").to_owned())
        .collect()
}

#[test]
fn workers_read_the_secrets_of_scenarios_and_no_others() {
    for (name, _, _, rendered) in rendered() {
        let resources = resources(&parse(&rendered));
        let Some(role) = resources.get("WorkerRole") else { continue };
        let arn = |service: &str, path: &str| {
            let arn = format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{path}");
            BTreeSet::from([arn])
        };
        assert_eq!(reach(role, "ssm"), arn("ssm", "parameter/dlt/shop/secrets/*"), "{name}");
        assert_eq!(reach(role, "secretsmanager"), arn("secretsmanager", "secret:/dlt/shop/secrets/*"), "{name}");
    }
}
