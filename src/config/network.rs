//! Where workers run: addresses for a new network, or the ids of one that is there.

use dlt_model::{document::Node, fields::Fields, problem::Problem};

use super::{Cidr, Network, table};

/// The shortest and the longest prefix that AWS takes for a VPC and its subnets.
const PREFIXES: std::ops::RangeInclusive<u8> = 16..=28;

/// The network of an environment that says nothing about it.
pub(super) fn standard() -> Network {
    let cidr = |key: &str| table::default(key).parse().expect("the table's ranges are ranges: a test reads them");
    Network::New {
        vpc_cidr: cidr("network.vpc_cidr"),
        subnet_a_cidr: cidr("network.subnet_a_cidr"),
        subnet_b_cidr: cidr("network.subnet_b_cidr"),
    }
}

/// Reads a network; `None`, with problems noted, when something is wrong with it.
pub(super) fn read(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<Network> {
    let mut fields = Fields::of(node, path, problems)?;
    let existing = fields.optional("existing");
    let network = if let Some(node) = existing {
        for key in ["vpc_cidr", "subnet_a_cidr", "subnet_b_cidr"] {
            if let Some(node) = fields.optional(key) {
                fields.reject(key, node, "addresses are for a new network; leave them out beside `existing`");
            }
        }
        let path = fields.path_of("existing");
        self::existing(node, &path, fields.problems())
    } else {
        new(&mut fields)
    };
    fields.finish();
    network
}

fn new(fields: &mut Fields<'_>) -> Option<Network> {
    let _existing = fields.optional("existing");
    let vpc_cidr = cidr(fields, "vpc_cidr", "network.vpc_cidr");
    let subnet_a_cidr = cidr(fields, "subnet_a_cidr", "network.subnet_a_cidr");
    let subnet_b_cidr = cidr(fields, "subnet_b_cidr", "network.subnet_b_cidr");
    let (vpc, a, b) = (vpc_cidr?, subnet_a_cidr?, subnet_b_cidr?);
    let mut fits = true;
    for (key, subnet) in [("subnet_a_cidr", a), ("subnet_b_cidr", b)] {
        if !vpc.contains(subnet) {
            fits = false;
            complain(fields, key, format!("the subnet `{subnet}` is not inside the VPC `{vpc}`"));
        }
    }
    if a.overlaps(b) {
        fits = false;
        complain(fields, "subnet_b_cidr", format!("the subnets `{a}` and `{b}` overlap"));
    }
    fits.then_some(Network::New { vpc_cidr: vpc, subnet_a_cidr: a, subnet_b_cidr: b })
}

/// At the key when it stands there, else at the network: a default may be what does not fit.
fn complain(fields: &mut Fields<'_>, key: &'static str, message: String) {
    match fields.optional(key) {
        Some(node) => fields.reject(key, node, message),
        None => {
            let problem = Problem::at(fields.place(), fields.path_of(key), message);
            fields.problems().push(problem.hint(format!("`{key}` has its default; give it as well")));
        }
    }
}

fn cidr(fields: &mut Fields<'_>, key: &'static str, setting: &str) -> Option<Cidr> {
    let Some(node) = fields.optional(key) else { return table::default(setting).parse().ok() };
    let cidr: Cidr = fields.optional_parsed(key)?;
    if PREFIXES.contains(&cidr.prefix()) {
        return Some(cidr);
    }
    let (least, most) = PREFIXES.into_inner();
    fields.reject(key, node, format!("expected a prefix length from /{least} to /{most}, found `{cidr}`"));
    None
}

fn existing(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<Network> {
    let mut fields = Fields::of(node, path, problems)?;
    let vpc = fields.required("vpc").and_then(|node| {
        let vpc = node.text().filter(|text| is_id(text, "vpc-"));
        if vpc.is_none() {
            fields.reject(
                "vpc",
                node,
                format!("expected the id of a VPC such as `vpc-0a1b2c3d`, found {}", shown(node)),
            );
        }
        vpc.map(ToOwned::to_owned)
    });
    let subnets = subnets(&mut fields);
    let public = fields.optional_bool("public").unwrap_or(table::default("network.existing.public") == "true");
    fields.finish();
    Some(Network::Existing { vpc: vpc?, subnets: subnets?, public })
}

fn subnets(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let list = fields.required("subnets")?;
    let mut found: Vec<String> = Vec::new();
    let items = fields.optional_list("subnets");
    let count = items.len();
    for (path, node) in items {
        match node.text().filter(|text| is_id(text, "subnet-")) {
            None => {
                let message = format!("expected the id of a subnet such as `subnet-0a1b2c3d`, found {}", shown(node));
                fields.problems().push(Problem::at(node.place, path, message));
            }
            Some(text) if found.iter().any(|other| other == text) => {
                fields.problems().push(Problem::at(node.place, path, format!("`{text}` is listed twice")));
            }
            Some(text) => found.push(text.to_owned()),
        }
    }
    if count < 2 && matches!(list.value, dlt_model::document::Value::Sequence(_)) {
        fields.reject("subnets", list, "expected two or more subnets, in different availability zones");
    }
    (found.len() == count && count >= 2).then_some(found)
}

fn is_id(text: &str, prefix: &str) -> bool {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix(prefix).is_some_and(|rest| [8, 17].contains(&rest.len()) && rest.bytes().all(hexadecimal))
}

fn shown(node: &Node) -> String {
    node.text().map_or_else(|| node.kind().to_owned(), |text| format!("`{text}`"))
}
