//! What was found: good, doubtful, wrong, or not to be known; with the cure as a command where there is one.

use dlt_model::id::Region;
use serde::Serialize;

use super::planned::Planned;
use crate::{cloud::CloudError, exit::Exit};

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Who we are, and whether AWS believes us.
    Account,
    /// Where the environment lives.
    Regions,
    /// What AWS lets an account have.
    Quotas,
    /// Addresses for workers.
    Network,
    /// Names that are taken.
    Names,
    /// An image that the environment names itself.
    Image,
    /// What a deployment calls.
    Permissions,
    /// Invitations.
    Email,
}

impl Area {
    /// The heading.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Regions => "regions",
            Self::Quotas => "quotas",
            Self::Network => "network",
            Self::Names => "names",
            Self::Image => "worker image",
            Self::Permissions => "permissions",
            Self::Email => "e-mail",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and is worth a look.
    Warn,
    /// It would go wrong.
    Fail,
    /// Nobody told us.
    NotKnown,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// Where, when it is about one region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub region: Option<Region>,
    /// What was looked at, in a few words.
    pub what: String,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub says: String,
    /// What to do about it: a command, where one does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Finding {
    /// A check about the whole account.
    pub fn new(area: Area, what: impl Into<String>, state: State, says: impl Into<String>) -> Self {
        Self { area, region: None, what: what.into(), state, says: says.into(), cure: None }
    }

    /// A check that could not be made, and why.
    pub fn not_known(area: Area, what: impl Into<String>, error: &CloudError) -> Self {
        Self::new(area, what, State::NotKnown, error.to_string())
    }

    /// The same check of one region.
    #[must_use]
    pub fn in_region(mut self, region: &Region) -> Self {
        self.region = Some(region.clone());
        self
    }

    /// The same check with what to do about it.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// The environment's stack name.
    pub stack: String,
    /// Its regions, hub first.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub regions: Vec<Region>,
    /// The test that is planned.
    pub planned: Planned,
    /// The checks, by area.
    pub checks: Vec<Finding>,
}

impl Report {
    /// How many checks ended so.
    pub fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }

    /// 4 when something would go wrong, 9 when something is not known, else 0.
    pub fn exit(&self) -> Exit {
        if self.count(State::Fail) > 0 {
            Exit::Refused
        } else if self.count(State::NotKnown) > 0 {
            Exit::Incomplete
        } else {
            Exit::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_go_wrong_weighs_more_than_what_nobody_knows_and_a_doubt_stops_nobody() {
        for (states, exit) in [
            (&[State::Ok, State::Warn][..], Exit::Done),
            (&[State::Ok, State::NotKnown], Exit::Incomplete),
            (&[State::NotKnown, State::Fail], Exit::Refused),
            (&[], Exit::Done),
        ] {
            let checks = states.iter().map(|state| Finding::new(Area::Names, "x", *state, "y")).collect();
            let planned = Planned::of(0, None, 2_048, 1);
            let report = Report { stack: "shop".to_owned(), regions: Vec::new(), planned, checks };
            assert_eq!(report.exit(), exit, "{states:?}");
        }
    }
}
