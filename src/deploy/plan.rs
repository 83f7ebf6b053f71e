//! What a deployment will do: what is wanted, what is there, and what follows. After this nothing is left to decide.

mod compare;
mod decision;

use std::collections::BTreeMap;

use dlt_model::id::Region;
use serde::{Deserialize, Serialize};

pub use self::decision::decide;
#[cfg(test)]
pub(crate) use self::decision::tests;
use super::{
    area::Area,
    changes::Act,
    diff::{PropertyDiff, ResourceDiff},
    event::StackRef,
    token::Token,
};
use crate::render::Part;

/// A stack as we want it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which stack.
    pub stack: StackRef,
    /// Which template.
    pub part: Part,
    /// The template, verbatim.
    pub template: String,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Tags of the stack and of all that is in it.
    pub tags: BTreeMap<String, String>,
    /// Whether CloudFormation is to refuse its deletion.
    pub protection: bool,
}

/// A stack as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// CloudFormation's word; none when it is not there.
    pub status: Option<String>,
    /// Why it has this status, where CloudFormation says so.
    pub status_reason: Option<String>,
    /// Its unique id.
    pub stack_id: String,
    /// When it was changed last, in milliseconds since 1970.
    pub changed_ms: i64,
    /// The template, as it was sent.
    pub template: Option<String>,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Whether CloudFormation refuses its deletion.
    pub protection: bool,
    /// The token of the operation that is going on, if one is and it has one.
    pub running_token: Option<String>,
    /// What the last drift detection found, and when: `IN_SYNC@1764000000000`.
    pub drift: Option<String>,
}

/// What will be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Plan {
    /// The environment's stack name.
    pub stack: String,
    /// The account.
    pub account: String,
    /// Stack by stack, foundations first.
    pub stacks: Vec<StackPlan>,
    /// Upload by upload.
    pub assets: Vec<AssetPlan>,
}

/// What will be done to one stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StackPlan {
    /// Which stack.
    pub stack: StackRef,
    /// Which template.
    pub part: Part,
    /// What will be done.
    pub action: Action,
    /// Resources that will come, change or go.
    pub resources: Vec<ResourceDiff>,
    /// Parameters with other values.
    pub parameters: Vec<ValueDiff>,
    /// Tags with other values.
    pub tags: Vec<ValueDiff>,
    /// Places in sections of the template, other than resources, that differ.
    pub sections: Vec<PropertyDiff>,
    /// How many resources stay as they are, by what they are for.
    pub unchanged: BTreeMap<Area, usize>,
    /// What CloudFormation says, if it was asked.
    pub server: Server,
    /// The termination protection to set, when it differs.
    pub protection: Option<bool>,
    /// What the operation is called.
    pub token: Token,
    /// What is there already under a name that this stack would give, and cannot come into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
    /// What else is worth knowing beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether CloudFormation was asked what it would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Server {
    /// It was not.
    #[default]
    Unasked,
    /// It could not be.
    Unable {
        /// Why.
        why: String,
    },
    /// It was: who saw what stands beside each change.
    Answered,
    /// It was, and finds nothing to change.
    Nothing,
}

/// Something that is there under a name that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Obstacle {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What will be done to a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is as it should be.
    Nothing,
    /// The very same deployment is going on: we watch it.
    Join,
    /// Another operation is going on.
    Held {
        /// The stack's status.
        status: String,
    },
    /// Nothing can be done before somebody helps.
    Blocked {
        /// The stack's status.
        status: String,
        /// What happened.
        why: String,
        /// What to do.
        way_out: String,
    },
}

/// A named value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ValueDiff {
    /// Its name.
    pub name: String,
    /// The value now.
    pub before: Option<String>,
    /// The value then.
    pub after: Option<String>,
}

/// A thing to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AssetPlan {
    /// Which: `functions`, `worker image`, `console`, `release.json`.
    pub asset: String,
    /// The region.
    #[cfg_attr(test, schemars(with = "String"))]
    pub region: Region,
    /// Its content address there.
    pub address: String,
    /// True when it is there already.
    pub present: bool,
}

impl Plan {
    /// True when there is nothing to do at all.
    pub fn is_empty(&self) -> bool {
        let settled = |stack: &StackPlan| stack.action == Action::Nothing && stack.protection.is_none();
        self.stacks.iter().all(settled) && self.assets.iter().all(|asset| asset.present)
    }

    /// Names all that is deployed, whatever it is applied to.
    pub fn content(&self) -> String {
        self.stacks.iter().map(|stack| stack.token.content()).collect::<Vec<_>>().join(" ")
    }

    /// The stacks and resources whose data would be gone.
    pub fn losses(&self) -> Vec<(&StackRef, &ResourceDiff)> {
        let losing = |plan: &'_ StackPlan| plan.resources.iter().filter(|it| it.loses_data).count();
        self.stacks
            .iter()
            .filter(|plan| losing(plan) > 0)
            .flat_map(|plan| plan.resources.iter().filter(|it| it.loses_data).map(|it| (&plan.stack, it)))
            .collect()
    }
}

impl StackPlan {
    /// How many resources have this fate.
    pub fn count(&self, act: Act) -> usize {
        self.resources.iter().filter(|resource| resource.act == act).count()
    }
}
