//! Who said yes, and to what: a change set is executed only when approved, and data is lost only by name.

use std::collections::BTreeSet;

use super::{changes::ResourceChange, event::StackRef, token::Token};

/// What the person, or the flags that stand for the person, agreed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Yes to the changes.
    pub yes: bool,
    /// The resources whose data may be lost, by name.
    pub losses: BTreeSet<String>,
}

/// What must still be asked before going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: go on.
    Nothing,
    /// Yes or no.
    Confirm,
    /// The names of the resources whose data would be lost.
    Names(Vec<String>),
}

/// What must be asked, given what was agreed to and whose data would be lost.
pub fn demand(consent: &Consent, losses: &[String]) -> Demand {
    let missing: Vec<String> = losses.iter().filter(|name| !consent.losses.contains(*name)).cloned().collect();
    if !missing.is_empty() {
        Demand::Names(missing)
    } else if consent.yes {
        Demand::Nothing
    } else {
        Demand::Confirm
    }
}

/// A change set that CloudFormation has made and that was not executed yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeSet {
    /// The stack that it changes.
    pub stack: StackRef,
    /// The stack's unique id.
    pub stack_id: String,
    /// Its own id.
    pub id: String,
    /// True when it makes the stack.
    pub creates: bool,
    /// What the operation is called.
    pub token: Token,
    /// What would happen.
    pub changes: Vec<ResourceChange>,
}

impl ChangeSet {
    /// The resources whose data would be lost, by their names in the template.
    pub fn losses(&self) -> Vec<String> {
        self.changes.iter().filter(|change| change.loses_data()).map(|change| change.logical_id.clone()).collect()
    }
}

/// Something that was agreed to. Only this can be executed, and it is used up by it.
#[derive(Debug, PartialEq)]
pub struct Approved<T>(T);

impl Approved<ChangeSet> {
    /// The change set, if all that it does was agreed to; else what is missing.
    pub fn new(change_set: ChangeSet, consent: &Consent) -> Result<Self, Box<(ChangeSet, Demand)>> {
        match demand(consent, &change_set.losses()) {
            Demand::Nothing => Ok(Self(change_set)),
            missing => Err(Box::new((change_set, missing))),
        }
    }

    /// The stack that it changes.
    pub fn stack(&self) -> &StackRef {
        &self.0.stack
    }

    /// The unique id of that stack.
    pub fn stack_id(&self) -> &str {
        &self.0.stack_id
    }

    /// What was agreed to. The approval is used up.
    pub(super) fn into_inner(self) -> ChangeSet {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{super::changes::Act, super::changes::tests::change, *};

    fn change_set(changes: Vec<ResourceChange>) -> ChangeSet {
        ChangeSet {
            stack: StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() },
            stack_id: "arn:shop".to_owned(),
            id: "arn:change".to_owned(),
            creates: false,
            token: Token::new("", &Default::default(), &Default::default(), ""),
            changes,
        }
    }

    fn consent(yes: bool, losses: &[&str]) -> Consent {
        Consent { yes, losses: losses.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn what_must_be_asked_follows_from_what_was_agreed_to() {
        let names = |names: &[&str]| Demand::Names(names.iter().map(ToString::to_string).collect());
        for (yes, allowed, losses, expected) in [
            (true, &[][..], &[][..], Demand::Nothing),
            (false, &[], &[], Demand::Confirm),
            (true, &[], &["Table"], names(&["Table"])),
            (false, &[], &["Table"], names(&["Table"])),
            (true, &["Table"], &["Table", "Bucket"], names(&["Bucket"])),
            (true, &["Table"], &["Table"], Demand::Nothing),
            (false, &["Table"], &["Table"], Demand::Confirm),
        ] {
            let losses: Vec<String> = losses.iter().map(ToString::to_string).collect();
            assert_eq!(demand(&consent(yes, allowed), &losses), expected, "{yes} {allowed:?} {losses:?}");
        }
    }

    #[test]
    fn yes_to_everything_is_not_yes_to_losing_a_table() {
        let losing = change_set(vec![change("Table", "AWS::DynamoDB::Table", Act::Replace)]);
        assert!(Approved::new(losing.clone(), &consent(true, &[])).is_err());
        assert_eq!(Approved::new(losing.clone(), &consent(true, &["Table"])).unwrap().into_inner(), losing);
    }

    #[test]
    fn a_harmless_change_set_needs_a_yes_and_no_more() {
        let harmless = change_set(vec![change("Role", "AWS::IAM::Role", Act::Replace)]);
        assert!(Approved::new(harmless.clone(), &consent(false, &[])).is_err());
        assert!(Approved::new(harmless, &consent(true, &[])).is_ok());
    }
}
