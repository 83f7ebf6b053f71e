//! What CloudFormation says it would do, from two descriptions of one change set.
//!
//! A description with property values can lack changes that the one without has, so both are read and merged; who saw
//! what is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalogue::{self, Recreation};

/// What would happen to a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// It is made anew and the old one goes.
    Replace,
    /// It may be made anew: CloudFormation cannot tell yet.
    MayReplace,
    /// It goes.
    Remove,
    /// It changes.
    #[default]
    Modify,
    /// It comes.
    Add,
    /// It is taken into the stack as it is.
    Import,
}

/// What becomes of the old thing when a resource goes or is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is deleted with what is in it.
    Deleted,
    /// It stays, outside of the stack.
    Kept,
    /// The server does not say.
    Unknown,
}

/// Which descriptions showed a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Both.
    Both,
    /// Only the one with property values.
    WithValues,
    /// Only the one without.
    WithoutValues,
}

/// What would happen to one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in AWS, where it has one already.
    pub physical_id: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What would happen.
    pub act: Act,
    /// What becomes of the old one.
    pub fate: Fate,
    /// Property by property, as far as the server tells.
    pub details: Vec<ChangeDetail>,
    /// Which descriptions showed it.
    pub seen: Seen,
}

/// One property that would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangeDetail {
    /// Where, as `Properties.Code.S3Key`.
    pub path: String,
    /// The value now.
    pub before: Option<String>,
    /// The value then.
    pub after: Option<String>,
    /// True when this is why the resource is, or may be, made anew.
    pub recreates: bool,
    /// True when the server knows only once it has begun whether this changes at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub perhaps: bool,
    /// The resource whose change makes this change, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

impl ChangeDetail {
    /// True when the resource schemas say that this property never makes such a resource anew.
    fn is_harmless_for(&self, kind: &str) -> bool {
        let property = self.path.strip_prefix("Properties.");
        let never = |property: &str| catalogue::recreation(kind, property) == Recreation::Never;
        catalogue::knows(kind) && property.is_some_and(never)
    }
}

impl ResourceChange {
    /// The same change, where "may be made anew" is said only when a property that can do that is among the details.
    ///
    /// The server says "conditionally" also for properties that it does not know enough about.
    pub fn sober(mut self) -> Self {
        let mut suspects = self.details.iter().filter(|detail| detail.recreates).peekable();
        let harmless = suspects.peek().is_some() && suspects.all(|detail| detail.is_harmless_for(&self.kind));
        if self.act == Act::MayReplace && harmless {
            self.act = Act::Modify;
            self.details.iter_mut().for_each(|detail| detail.recreates = false);
        }
        self
    }

    /// True when data would be gone that nobody can make again.
    pub fn loses_data(&self) -> bool {
        let goes = matches!(self.act, Act::Remove | Act::Replace | Act::MayReplace);
        goes && self.fate != Fate::Kept && catalogue::holds_data(&self.kind)
    }
}

/// One list out of two: every change that either description shows, in the order of danger and then of names.
pub fn merge(with_values: Vec<ResourceChange>, without_values: Vec<ResourceChange>) -> Vec<ResourceChange> {
    let mut merged: BTreeMap<String, ResourceChange> = BTreeMap::new();
    for change in with_values {
        merged.insert(change.logical_id.clone(), ResourceChange { seen: Seen::WithValues, ..change });
    }
    for change in without_values {
        match merged.remove(&change.logical_id) {
            Some(known) => merged.insert(change.logical_id.clone(), agree(known, change)),
            None => merged.insert(change.logical_id.clone(), ResourceChange { seen: Seen::WithoutValues, ..change }),
        };
    }
    let mut changes: Vec<ResourceChange> = merged.into_values().collect();
    changes.sort_by(|a, b| (!a.loses_data(), a.act, &a.logical_id).cmp(&(!b.loses_data(), b.act, &b.logical_id)));
    changes
}

/// Both saw it: the worse act counts, details of the one with values win, and details that only the other has are kept.
fn agree(with: ResourceChange, without: ResourceChange) -> ResourceChange {
    let mut details = with.details;
    for detail in without.details {
        match details.iter_mut().find(|known| known.path == detail.path) {
            Some(known) => {
                known.recreates |= detail.recreates;
                known.perhaps &= detail.perhaps;
            }
            None => details.push(detail),
        }
    }
    details.sort();
    details.dedup();
    let fate = if with.fate == Fate::Unknown { without.fate } else { with.fate };
    ResourceChange { act: with.act.min(without.act), fate, details, seen: Seen::Both, ..with }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A change as a description without values shows it.
    pub fn change(logical_id: &str, kind: &str, act: Act) -> ResourceChange {
        ResourceChange {
            logical_id: logical_id.to_owned(),
            physical_id: None,
            kind: kind.to_owned(),
            act,
            fate: Fate::Unknown,
            details: Vec::new(),
            seen: Seen::Both,
        }
    }

    fn detail(path: &str, values: Option<(&str, &str)>, recreates: bool) -> ChangeDetail {
        let value = |pick: fn((&str, &str)) -> String| values.map(pick);
        ChangeDetail {
            path: path.to_owned(),
            before: value(|(before, _)| before.to_owned()),
            after: value(|(_, after)| after.to_owned()),
            recreates,
            perhaps: false,
            follows: None,
        }
    }

    #[test]
    fn a_change_that_only_one_description_shows_is_not_lost() {
        let with = vec![change("Api", "AWS::ApiGatewayV2::Api", Act::Modify)];
        let without = vec![change("Role", "AWS::IAM::Role", Act::Modify)];
        let seen: Vec<_> = merge(with, without).into_iter().map(|it| (it.logical_id, it.seen)).collect();
        assert_eq!(seen, [("Api".to_owned(), Seen::WithValues), ("Role".to_owned(), Seen::WithoutValues)]);
    }

    #[test]
    fn values_of_one_description_and_paths_of_the_other_come_together() {
        let with = ResourceChange {
            details: vec![detail("Properties.Timeout", Some(("3", "5")), false)],
            ..change("Function", "AWS::Lambda::Function", Act::Modify)
        };
        let without = ResourceChange {
            details: vec![detail("Properties.Timeout", None, false), detail("Properties.FunctionName", None, true)],
            ..change("Function", "AWS::Lambda::Function", Act::Replace)
        };
        let merged = merge(vec![with], vec![without]);
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].act, Act::Replace);
        assert_eq!(
            merged[0].details,
            [detail("Properties.FunctionName", None, true), detail("Properties.Timeout", Some(("3", "5")), false)]
        );
    }

    #[test]
    fn a_perhaps_counts_only_where_a_property_can_make_the_resource_anew() {
        let perhaps = |path: &str| ResourceChange {
            details: vec![detail(path, None, true)],
            ..change("Logs", "AWS::Logs::LogGroup", Act::MayReplace)
        };
        assert_eq!(perhaps("Properties.RetentionInDays").sober().act, Act::Modify);
        assert!(perhaps("Properties.LogGroupName").sober().loses_data());
        let unexplained = change("Logs", "AWS::Logs::LogGroup", Act::MayReplace);
        assert_eq!(unexplained.clone().sober(), unexplained, "without details the server is believed");
        let definite = ResourceChange { act: Act::Replace, ..perhaps("Properties.RetentionInDays") };
        assert_eq!(definite.clone().sober(), definite, "a definite word is believed");
    }

    #[test]
    fn what_loses_data_comes_first() {
        let changes = vec![
            change("Api", "AWS::ApiGatewayV2::Api", Act::Replace),
            change("Added", "AWS::IAM::Role", Act::Add),
            change("Table", "AWS::DynamoDB::Table", Act::Remove),
        ];
        let order: Vec<_> = merge(Vec::new(), changes).into_iter().map(|it| it.logical_id).collect();
        assert_eq!(order, ["Table", "Api", "Added"]);
    }

    #[test]
    fn a_table_that_goes_loses_data_unless_it_is_kept() {
        let table = change("Table", "AWS::DynamoDB::Table", Act::Remove);
        assert!(table.loses_data());
        assert!(!ResourceChange { fate: Fate::Kept, ..table.clone() }.loses_data());
        assert!(!ResourceChange { act: Act::Modify, ..table }.loses_data());
        assert!(!change("Role", "AWS::IAM::Role", Act::Remove).loses_data());
    }
}
