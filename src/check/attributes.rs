//! Which attributes `GetAtt` can read from the resource types that our templates use.
//!
//! `attributes.txt` holds a type a line with its attributes, as the CloudFormation resource types publish them.

use std::{collections::HashMap, sync::OnceLock};

/// What we know about a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has these attributes and no other.
    Only(&'static [&'static str]),
    /// It may have any: custom resources and nested stacks.
    Any,
    /// We do not know the type.
    Nothing,
}

/// The attributes of a type.
pub fn of(kind: &str) -> Known {
    if kind.starts_with("Custom::")
        || kind == "AWS::CloudFormation::CustomResource"
        || kind == "AWS::CloudFormation::Stack"
    {
        return Known::Any;
    }
    table().get(kind).map_or(Known::Nothing, |attributes| Known::Only(attributes))
}

/// The attributes there are, as a hint.
pub fn listed(known: &[&str]) -> Option<String> {
    (!known.is_empty()).then(|| format!("it has {}", known.join(", ")))
}

fn table() -> &'static HashMap<&'static str, Vec<&'static str>> {
    static TABLE: OnceLock<HashMap<&'static str, Vec<&'static str>>> = OnceLock::new();
    TABLE.get_or_init(|| include_str!("attributes.txt").lines().filter_map(line).collect())
}

fn line(line: &'static str) -> Option<(&'static str, Vec<&'static str>)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_an_arn_and_a_stream() {
        assert_eq!(of("AWS::DynamoDB::Table"), Known::Only(&["Arn", "StreamArn"]));
        assert_eq!(of("AWS::Nobody::Knows"), Known::Nothing);
    }
}
