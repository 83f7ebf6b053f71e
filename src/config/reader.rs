//! From text to [`Config`]: every rule that a file can break, and every broken rule at once.

use std::collections::{BTreeMap, HashSet};

use dlt_model::{
    document::{self, Key, Node},
    fields::Fields,
    id::Region,
    problem::{Problem, Problems},
};

use super::{
    Admin, Cidr, Config, Console, DataRetention, ImageName, Layers, Network, Partition, Retention, StackName, Worker,
    ignore, network, origin, table,
};

/// How long an e-mail address can be.
const MAX_EMAIL: usize = 254;
/// How long the name of a bucket may be.
const MAX_BUCKET: usize = 63;
/// How many tags CloudFormation takes.
const MAX_TAGS: usize = 50;

impl Config {
    /// Reads an environment file with the layers over it.
    ///
    /// # Errors
    /// Everything that is wrong with the file and the layers.
    pub fn read(text: &str, layers: &Layers) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut config = None;
        match document::parse(text) {
            Ok(mut root) => {
                layers.apply(&mut root);
                config = read(&root, &mut problems);
                if let Some(config) = &mut config {
                    config.settings = origin::settings(&root, layers);
                }
            }
            Err(problem) => problems.push(problem),
        }
        let config = Problems::unless_empty(layers.explain(problems), config)?;
        Ok(config.expect("a reader that found nothing wrong made a configuration"))
    }
}

fn read(root: &Node, problems: &mut Vec<Problem>) -> Option<Config> {
    let mut fields = Fields::of(root, "", problems)?;
    let stack = fields.required_parsed::<StackName>("stack");
    let region = fields.required("region").and_then(|node| hub(&mut fields, node));
    let regions = regions(&mut fields, region.as_ref());
    if let Some(stack) = &stack {
        buckets_fit(&mut fields, stack, region.iter().chain(&regions));
    }
    let admin = admin(&mut fields);
    let network = match fields.optional("network") {
        Some(node) => network::read(node, "network", fields.problems()),
        None => Some(network::standard()),
    };
    let networks = regional_networks(&mut fields, region.as_ref(), &regions);
    if let Some(network) = &network {
        local_networks_only(&mut fields, network, &regions, &networks);
    }
    let egress_cidr = parsed_or_default::<Cidr>(&mut fields, "egress_cidr", "egress_cidr");
    let console = parsed_or_default::<Console>(&mut fields, "console", "console");
    console_can_be_served(&mut fields, region.as_ref(), console);
    let live_data = boolean(&mut fields, "live_data");
    let (worker, worker_image) = worker(&mut fields);
    let retention = retention(&mut fields);
    let protection = boolean(&mut fields, "protection");
    let tags = tags(&mut fields);
    let ignored = ignore::read(&mut fields);
    fields.finish();
    Some(Config {
        stack: stack?,
        region: region?,
        regions,
        admin: admin?,
        network: network?,
        regional_networks: networks,
        egress_cidr: egress_cidr?,
        console: console?,
        live_data,
        worker: worker?,
        worker_image,
        retention: retention?,
        protection,
        tags,
        ignored,
        settings: Vec::new(),
    })
}

/// The longest name is the artifact bucket's, `<stack>-artifacts-<account>-<region>`, and S3 takes 63 characters.
fn buckets_fit<'a>(fields: &mut Fields<'_>, stack: &StackName, regions: impl Iterator<Item = &'a Region>) {
    const REST: usize = "-artifacts-123456789012-".len();
    let Some(longest) = regions.max_by_key(|region| region.as_str().len()) else { return };
    let room = MAX_BUCKET.saturating_sub(REST + longest.as_str().len());
    if stack.as_str().len() > room {
        let Some(node) = fields.optional("stack") else { return };
        let message =
            format!("expected at most {room} characters, so that bucket names fit in {longest}, found `{stack}`");
        fields.reject("stack", node, message);
    }
}

fn boolean(fields: &mut Fields<'_>, key: &'static str) -> bool {
    fields.optional_bool(key).unwrap_or(table::default(key) == "true")
}

/// The value of a key, or the default of a setting; `None` when what stands there is wrong.
fn parsed_or_default<T>(fields: &mut Fields<'_>, key: &'static str, setting: &str) -> Option<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    match fields.optional(key) {
        Some(_) => fields.optional_parsed(key),
        None => table::default(setting).parse().ok(),
    }
}

fn region(fields: &mut Fields<'_>, path: &str, node: &Node) -> Option<Region> {
    let Some(text) = node.text() else {
        fields.reject(path, node, format!("expected the name of a region, found {}", node.kind()));
        return None;
    };
    match text.parse::<Region>() {
        // The one region of the local system is no place to deploy to.
        Ok(region) if region != Region::local() => Some(region),
        _ => {
            fields.reject(
                path,
                node,
                format!("expected the name of an AWS region such as `eu-west-1`, found `{text}`"),
            );
            None
        }
    }
}

fn hub(fields: &mut Fields<'_>, node: &Node) -> Option<Region> {
    let region = region(fields, "region", node)?;
    match Partition::of(&region) {
        Ok(_) => Some(region),
        Err(why) => {
            fields.reject("region", node, why);
            None
        }
    }
}

/// At the key when it stands there, else at the region: the default may be what cannot be.
fn console_can_be_served(fields: &mut Fields<'_>, hub: Option<&Region>, console: Option<Console>) {
    let Some((region, partition)) = hub.and_then(|region| Some((region, Partition::of(region).ok()?))) else { return };
    if console != Some(Console::Cloudfront) || partition.has_cloudfront() {
        return;
    }
    let place =
        fields.optional("console").or_else(|| fields.optional("region")).map_or(fields.place(), |node| node.place);
    let message = format!("`cloudfront` serves no console in `{region}`: CloudFront is no part of that part of AWS");
    let problem = Problem::at(place, fields.path_of("console"), message);
    fields.problems().push(problem.hint("`console: headless` deploys everything else"));
}

fn regions(fields: &mut Fields<'_>, hub: Option<&Region>) -> Vec<Region> {
    let mut found: Vec<Region> = Vec::new();
    for (path, node) in fields.optional_list("regions") {
        let Some(region) = region(fields, &path, node) else { continue };
        if Some(&region) == hub {
            fields.reject(&path, node, format!("`{region}` is the hub already; list only more regions"));
        } else if found.contains(&region) {
            fields.reject(&path, node, format!("`{region}` is listed twice"));
        } else if hub.is_some_and(|hub| Partition::of(hub).ok() != Partition::of(&region).ok()) {
            fields.reject(
                &path,
                node,
                format!("`{region}` is in another partition of AWS than the hub and cannot work with it"),
            );
        } else {
            found.push(region);
        }
    }
    found
}

fn admin(fields: &mut Fields<'_>) -> Option<Admin> {
    let node = fields.required("admin")?;
    let mut fields = Fields::of(node, "admin", fields.problems())?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let name = checked(&mut fields, "name", true, |text| {
        ((4..=20).contains(&text.len()) && text.bytes().all(legal))
            .then_some("")
            .ok_or("4 to 20 letters, digits and hyphens")
    });
    let email = checked(&mut fields, "email", true, |text| is_email(text).then_some("").ok_or("an e-mail address"));
    let parameter = checked(&mut fields, "password_parameter", false, |text| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
        let reserved = ["aws", "ssm"].iter().any(|word| text.trim_start_matches('/').to_lowercase().starts_with(word));
        let fits = text.len() <= 1011 && !text.is_empty() && text.bytes().all(legal) && !reserved;
        fits.then_some("").ok_or("the name of a Parameter Store parameter such as `/shop/admin-password`")
    });
    fields.finish();
    Some(Admin { name: name?, email: email?, password_parameter: parameter })
}

/// Text that meets a rule, which says in words what it expects.
fn checked(
    fields: &mut Fields<'_>,
    key: &'static str,
    required: bool,
    rule: impl Fn(&str) -> Result<&'static str, &'static str>,
) -> Option<String> {
    let node = if required { fields.required(key)? } else { fields.optional(key)? };
    let text = fields.optional_text(key)?;
    match rule(&text) {
        Ok(_) => Some(text),
        Err(expected) => {
            fields.reject(key, node, format!("expected {expected}, found `{text}`"));
            None
        }
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let clean =
        |part: &str| !part.chars().any(|character| character.is_whitespace() || "@<>(),;\"".contains(character));
    let labels: Vec<&str> = domain.split('.').collect();
    let label = |label: &&str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    text.len() <= MAX_EMAIL
        && !local.is_empty()
        && clean(local)
        && clean(domain)
        && labels.len() > 1
        && labels.iter().all(label)
}

fn regional_networks(fields: &mut Fields<'_>, hub: Option<&Region>, regions: &[Region]) -> BTreeMap<Region, Network> {
    let mut networks = BTreeMap::new();
    for (key, node) in fields.optional_map("regional_networks") {
        let path = format!("regional_networks.{}", key.text);
        let known: Vec<&Region> = hub.into_iter().chain(regions).collect();
        match known.iter().find(|region| region.as_str() == key.text) {
            Some(&region) => {
                if let Some(network) = network::read(node, &path, fields.problems()) {
                    networks.insert(region.clone(), network);
                }
            }
            None => {
                let problem =
                    Problem::at(key.place, &path, format!("`{}` is not one of this environment's regions", key.text));
                let names = known.iter().map(|region| region.as_str());
                let hint =
                    dlt_model::problem::suggest(&key.text, names).map(|known| format!("did you mean `{known}`?"));
                fields.problems().push(problem.hint(hint.unwrap_or_else(|| "add it to `regions` first".to_owned())));
            }
        }
    }
    networks
}

/// A VPC belongs to one region, so a second region needs a network of its own.
fn local_networks_only(
    fields: &mut Fields<'_>,
    network: &Network,
    regions: &[Region],
    networks: &BTreeMap<Region, Network>,
) {
    let Some(node) = fields.optional("network").and_then(|node| node.get("existing")) else { return };
    if !matches!(network, Network::Existing { .. }) {
        return;
    }
    for region in regions.iter().filter(|region| !networks.contains_key(region)) {
        let message =
            format!("a VPC belongs to one region; `{region}` needs an entry of its own in `regional_networks`");
        fields.problems().push(Problem::at(node.place, "network.existing", message));
    }
}

fn worker(fields: &mut Fields<'_>) -> (Option<Worker>, Option<ImageName>) {
    let empty = document::parse("{}").expect("an empty mapping is a document");
    let node = fields.optional("worker");
    let Some(mut fields) = Fields::of(node.unwrap_or(&empty), "worker", fields.problems()) else {
        return (None, None);
    };
    let cpu_units = number(&mut fields, "cpu", "worker.cpu", |cpu| table::FARGATE.iter().any(|size| size.0 == cpu));
    let memory_mib = number(&mut fields, "memory", "worker.memory", |_| true);
    let architecture = parsed_or_default(&mut fields, "architecture", "worker.architecture");
    if let (Some(cpu), Some(memory)) = (cpu_units, memory_mib)
        && let Err(message) = pair(cpu, memory)
    {
        // Without either of them the size is the default, which is one of Fargate's.
        let node = fields.optional("memory").or_else(|| fields.optional("cpu")).unwrap_or(&empty);
        fields.reject("memory", node, message);
    }
    let image = fields.optional_parsed::<ImageName>("image");
    fields.finish();
    let size = cpu_units.zip(memory_mib).zip(architecture);
    let worker = size.map(|((cpu_units, memory_mib), architecture)| Worker { cpu_units, memory_mib, architecture });
    (worker, image)
}

/// Whether Fargate has a size with this processor and this memory.
fn pair(cpu: u32, memory: u32) -> Result<(), String> {
    let Some(&(_, least, most, step)) = table::FARGATE.iter().find(|size| size.0 == cpu) else { return Ok(()) };
    // The smallest size alone doubles: 512, 1024, 2048.
    let on_step = memory.is_multiple_of(step) && (cpu != 256 || memory.is_power_of_two());
    if (least..=most).contains(&memory) && on_step {
        return Ok(());
    }
    let steps =
        if cpu == 256 { "512, 1024 or 2048".to_owned() } else { format!("{least} to {most} in steps of {step}") };
    Err(format!("Fargate pairs {cpu} units of processor with {steps} MiB of memory, found {memory}"))
}

fn number(fields: &mut Fields<'_>, key: &'static str, setting: &str, legal: impl Fn(u32) -> bool) -> Option<u32> {
    let Some(node) = fields.optional(key) else { return table::default(setting).parse().ok() };
    let text = fields.optional_text(key)?;
    match text.parse::<u32>() {
        Ok(number) if legal(number) => Some(number),
        Ok(number) => {
            fields.reject(key, node, format!("expected {}, found {number}", numbers(setting)));
            None
        }
        Err(_) => {
            fields.reject(key, node, format!("expected a whole number, found `{text}`"));
            None
        }
    }
}

fn numbers(setting: &str) -> String {
    match table::FIELDS.iter().find(|field| field.key == setting).map(|field| field.kind) {
        Some(table::Kind::Numbers(legal)) => {
            let words: Vec<String> = legal.iter().map(ToString::to_string).collect();
            format!("one of {}", words.join(", "))
        }
        _ => "another number".to_owned(),
    }
}

fn retention(fields: &mut Fields<'_>) -> Option<Retention> {
    let empty = document::parse("{}").ok()?;
    let node = fields.optional("retention");
    let mut fields = Fields::of(node.unwrap_or(&empty), "retention", fields.problems())?;
    let data = parsed_or_default::<DataRetention>(&mut fields, "data", "retention.data");
    let logs_days = number(&mut fields, "logs_days", "retention.logs_days", |days| table::LOG_DAYS.contains(&days));
    fields.finish();
    Some(Retention { data: data?, logs_days: logs_days? })
}

fn tags(fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let entries = fields.optional_map("tags");
    if let Some((key, _)) = entries.get(MAX_TAGS) {
        let message = format!("AWS takes at most {MAX_TAGS} tags, found {}", entries.len());
        fields.problems().push(Problem::at(key.place, "tags", message));
    }
    let mut seen = HashSet::new();
    for (key, node) in entries {
        match tag(key, node) {
            Ok(value) => {
                if !seen.insert(key.text.to_lowercase()) {
                    let message = "differs from another tag only in case";
                    fields.problems().push(Problem::at(key.place, tag_path(key), message));
                }
                tags.insert(key.text.clone(), value);
            }
            Err(problem) => fields.problems().push(problem),
        }
    }
    tags
}

fn tag_path(key: &Key) -> String {
    format!("tags.{}", key.text)
}

fn tag(key: &Key, node: &Node) -> Result<String, Problem> {
    let legal = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c));
    let name = key.text.as_str();
    if !(1..=128).contains(&name.chars().count()) || !legal(name) || name.to_lowercase().starts_with("aws:") {
        let message = "expected 1 to 128 letters, digits, spaces and _.:/=+-@, not beginning with `aws:`";
        return Err(Problem::at(key.place, tag_path(key), message));
    }
    let Some(value) = node.text() else {
        return Err(Problem::at(node.place, tag_path(key), format!("expected text, found {}", node.kind())));
    };
    if value.chars().count() > 256 || !legal(value) {
        let message = "expected at most 256 letters, digits, spaces and _.:/=+-@";
        return Err(Problem::at(node.place, tag_path(key), message));
    }
    Ok(value.to_owned())
}
