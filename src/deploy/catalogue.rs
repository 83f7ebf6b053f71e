//! What must be known about resource types to read a difference: which properties make a resource anew, and which
//! resources hold what nobody can make again.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// Made of CloudFormation's public resource schemas; the file says how.
const CREATE_ONLY: &str = include_str!("catalogue/create-only.txt");

/// The rules of each type that we know, by type.
static RULES: LazyLock<BTreeMap<&str, Vec<Rule>>> = LazyLock::new(|| {
    let lines = CREATE_ONLY.lines().filter(|line| !line.starts_with('#'));
    let rules = |mut words: std::str::SplitWhitespace<'static>| Some((words.next()?, words.map(Rule::read).collect()));
    lines.filter_map(|line| rules(line.split_whitespace())).collect()
});

/// Types that hold what nobody can make again: data, users, logs.
const HOLDS_DATA: &[&str] = &[
    "AWS::Backup::BackupVault",
    "AWS::Cognito::UserPool",
    "AWS::DocDB::DBCluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::Logs::LogGroup",
    "AWS::Neptune::DBCluster",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::Timestream::Table",
];

/// Whether a change makes the resource anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Recreation {
    /// It does not.
    #[default]
    Never,
    /// It may: only AWS can tell.
    Perhaps,
    /// It does.
    Always,
}

/// A property that makes its resource anew.
struct Rule {
    steps: Vec<&'static str>,
    recreation: Recreation,
}

impl Rule {
    fn read(word: &'static str) -> Self {
        let recreation = if word.starts_with('?') { Recreation::Perhaps } else { Recreation::Always };
        Self { steps: word.trim_start_matches('?').split('/').collect(), recreation }
    }

    /// What this rule says of a change at a place.
    fn judge(&self, place: &[&str]) -> Recreation {
        let common = self.steps.iter().zip(place).take_while(|(step, name)| step == name).count();
        match self.recreation {
            recreation if common == self.steps.len() => recreation,
            // What is around it came or went as a whole, and the property perhaps with it.
            Recreation::Always if common == place.len() => Recreation::Perhaps,
            _ => Recreation::Never,
        }
    }
}

/// What a change of this property does to a resource. The path is below `Properties`, as `KeySchema[0].KeyType`.
pub fn recreation(kind: &str, path: &str) -> Recreation {
    let place = names(path);
    let judged = RULES.get(kind).into_iter().flatten().map(|rule| rule.judge(&place));
    judged.max().unwrap_or_default()
}

/// The names in a path, without what picks items of lists: `Tags[team].Value` is `Tags`, `Value`.
pub fn names(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end > 0 && !rest[..end].bytes().all(|byte| byte.is_ascii_digit()) {
            names.push(&rest[..end]);
        }
        rest = match rest[end..].strip_prefix('[') {
            // What picks an item may itself have dots.
            Some(picked) => picked.find(']').map_or("", |close| &picked[close + 1..]),
            None => &rest[end..],
        };
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    names
}

/// True when we know which properties of this type make it anew.
pub fn knows(kind: &str) -> bool {
    RULES.contains_key(kind)
}

/// True when deleting such a resource loses what nobody can make again.
pub fn holds_data(kind: &str) -> bool {
    HOLDS_DATA.contains(&kind)
}

/// True when a property gives a resource of this type its name.
pub fn names_it(kind: &str, property: &str) -> bool {
    let short = kind.rsplit("::").next().unwrap_or_default();
    let is_name = property == "Name" || property.strip_suffix("Name").is_some_and(|stem| short.ends_with(stem));
    is_name && recreation(kind, property) == Recreation::Always
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_makes_anew_always_perhaps_or_never() {
        use Recreation::{Always, Never, Perhaps};
        for (kind, path, expected) in [
            ("AWS::DynamoDB::Table", "KeySchema[id].KeyType", Always),
            ("AWS::DynamoDB::Table", "BillingMode", Never),
            ("AWS::DynamoDB::Table", "AttributeDefinitions[id].AttributeType", Perhaps),
            ("AWS::DynamoDB::Table", "AttributeDefinitions[id]", Never),
            ("AWS::ECS::TaskDefinition", "Cpu", Always),
            ("AWS::ECS::TaskDefinition", "Tags[0].Value", Never),
            ("AWS::Events::Rule", "EventBusName", Perhaps),
            ("AWS::EC2::VPCEndpoint", "DnsOptions.PrivateDnsPreference", Always),
            ("AWS::EC2::VPCEndpoint", "DnsOptions", Perhaps),
            ("AWS::EC2::VPCEndpoint", "DnsOptions.DnsRecordIpType", Never),
            ("Custom::Thing", "Name", Never),
        ] {
            assert_eq!(recreation(kind, path), expected, "{kind} {path}");
        }
    }

    #[test]
    fn a_path_is_read_without_what_picks_items() {
        for (path, expected) in [
            ("Tags[team].Value", &["Tags", "Value"][..]),
            ("A[x.y].B[0]", &["A", "B"]),
            ("Tags.0.Value", &["Tags", "Value"]),
            ("[3].A", &["A"]),
            ("", &[]),
            ("A[never closed", &["A"]),
        ] {
            assert_eq!(names(path), expected, "{path}");
        }
    }

    #[test]
    fn a_name_is_a_property_that_cannot_change_and_is_called_like_the_type() {
        assert!(names_it("AWS::DynamoDB::Table", "TableName") && names_it("AWS::SSM::Parameter", "Name"));
        assert!(!names_it("AWS::Lambda::Permission", "FunctionName"), "it names what is called");
        assert!(!names_it("AWS::DynamoDB::Table", "KeySchema"));
    }

    #[test]
    fn types_are_sorted_so_that_one_is_found_by_eye_and_never_twice() {
        let kinds: Vec<&str> = CREATE_ONLY.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(kinds.windows(2).all(|pair| pair[0].split(' ').next() < pair[1].split(' ').next()));
        assert!(HOLDS_DATA.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
