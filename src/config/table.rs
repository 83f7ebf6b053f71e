//! The one table of settings. Reading, variables, flags, the schema, the starter file and `dlt config` all follow it.

use super::kinds::{Architecture, Console, DataRetention};

/// One setting of an environment file.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The path of keys, as `admin.email`.
    pub key: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What holds when nobody says anything.
    pub default: Option<&'static str>,
    /// What it decides, as a sentence.
    pub about: &'static str,
}

/// What may stand at a setting.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text of a form given by a regular expression, for editors; the reader says more.
    Text(&'static str),
    /// One of these words.
    Words(&'static [&'static str]),
    /// One of these numbers.
    Numbers(&'static [u32]),
    /// A whole number within these limits.
    Range(u32, u32),
    /// `true` or `false`.
    Boolean,
    /// A list of texts of a form, at least so many.
    List(&'static str, usize),
    /// Names and texts that the file chooses.
    Map,
    /// A network for each region that it names.
    Networks,
    /// What drift is not to count.
    Ignores,
}

/// How a CIDR looks.
const CIDR: &str = r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$";
/// How a region looks.
pub const REGION: &str = r"^[a-z]{2}(-[a-z]+){1,3}-\d+$";
/// The retention times that CloudWatch Logs knows, in days.
pub const LOG_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
/// Fargate's sizes: ECS units, and the least, the most and the step of memory in MiB.
pub const FARGATE: &[(u32, u32, u32, u32)] = &[
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// Every setting, in the order of the documentation.
pub const FIELDS: &[Field] = &[
    field("stack", Kind::Text("^[a-z](-?[a-z0-9]){2,27}$"), None, "Names the stacks and everything in them."),
    field("region", Kind::Text(REGION), None, "The hub: API, data and console live in this region."),
    field("regions", Kind::List(REGION, 0), Some(""), "More regions to generate load from."),
    field("admin.name", Kind::Text("^[A-Za-z0-9-]{4,20}$"), None, "User name of the first administrator."),
    field("admin.email", Kind::Text("^[^@ ]+@[^@ ]+[.][^@ ]+$"), None, "Where the invitation and the alarms go."),
    field(
        "admin.password_parameter",
        Kind::Text("^[A-Za-z0-9_./-]+$"),
        None,
        "Parameter Store SecureString with the permanent password, when nobody is to type one.",
    ),
    field("network.vpc_cidr", Kind::Text(CIDR), Some("192.168.0.0/16"), "Addresses of a new VPC."),
    field("network.subnet_a_cidr", Kind::Text(CIDR), Some("192.168.0.0/20"), "Addresses of its first subnet."),
    field("network.subnet_b_cidr", Kind::Text(CIDR), Some("192.168.16.0/20"), "Addresses of its second subnet."),
    field("network.existing.vpc", Kind::Text("^vpc-[0-9a-f]{8,17}$"), None, "A VPC that is already there."),
    field("network.existing.subnets", Kind::List("^subnet-[0-9a-f]{8,17}$", 2), None, "Two or more of its subnets."),
    field("network.existing.public", Kind::Boolean, Some("false"), "Whether workers there need a public address."),
    field("regional_networks", Kind::Networks, None, "Networks of single regions, by region."),
    field("egress_cidr", Kind::Text(CIDR), Some("0.0.0.0/0"), "Where workers may send requests to."),
    field(
        "console",
        Kind::Words(Console::WORDS),
        Some("cloudfront"),
        "How the console is served; GovCloud has no CloudFront.",
    ),
    field("live_data", Kind::Boolean, Some("true"), "Whether workers' ticks are published while a run goes on."),
    field(
        "worker.cpu",
        Kind::Numbers(&[256, 512, 1024, 2048, 4096, 8192, 16384]),
        Some("2048"),
        "Processor of a worker in ECS units; 1024 are one virtual CPU.",
    ),
    field("worker.memory", Kind::Range(512, 122_880), Some("4096"), "Memory of a worker in MiB, as Fargate pairs it."),
    field(
        "worker.architecture",
        Kind::Words(Architecture::WORDS),
        Some("x86_64"),
        "Instruction set of the worker image.",
    ),
    field(
        "worker.image",
        Kind::Text("^[^@ ]+@sha256:[0-9a-f]{64}$"),
        None,
        "An image of yours that workers run instead of the shipped one, by its digest.",
    ),
    field(
        "retention.data",
        Kind::Words(DataRetention::WORDS),
        Some("delete"),
        "What becomes of data when the stack goes.",
    ),
    field("retention.logs_days", Kind::Numbers(LOG_DAYS), Some("90"), "How many days log lines are kept."),
    field("protection", Kind::Boolean, Some("false"), "Whether CloudFormation refuses to delete the stacks."),
    field("tags", Kind::Map, None, "Tags of every resource."),
    field("drift.ignore", Kind::Ignores, None, "What `dlt drift` is not to count, why, and until when."),
];

const fn field(key: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Field {
    Field { key, kind, default, about }
}

/// The setting with a key. `tags.team` is part of `tags`.
pub fn find(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| match field.kind {
        Kind::Map => key.strip_prefix(field.key).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1),
        Kind::Networks | Kind::Ignores => false,
        _ => field.key == key,
    })
}

/// The variable that sets a field: `DLT_ADMIN_EMAIL` for `admin.email`. Maps and lists of mappings have none.
pub fn variable(field: &Field) -> Option<String> {
    (!matches!(field.kind, Kind::Map | Kind::Networks | Kind::Ignores))
        .then(|| format!("DLT_{}", field.key.replace('.', "_").to_uppercase()))
}

/// What holds at a key when nobody says anything.
pub fn default(key: &str) -> &'static str {
    FIELDS.iter().find(|field| field.key == key).and_then(|field| field.default).unwrap_or_default()
}
