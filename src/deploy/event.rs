//! What happens during a deployment, as the engine tells it. The terminal, `--output json` and the tests read the same.

use std::{collections::BTreeMap, fmt};

use dlt_model::id::Region;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{changes::ResourceChange, plan::Plan, stakes::AtStake, status::Verdict};
use crate::{recovery::Case, timing::Estimate};

/// Names one stack of an environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StackRef {
    /// The stack's name.
    pub name: String,
    /// The region it is in.
    #[cfg_attr(test, schemars(with = "String"))]
    pub region: Region,
}

impl fmt::Display for StackRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.region)
    }
}

/// The steps that a person sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reading what is there, and deciding.
    Plan,
    /// The stacks that hold what is uploaded.
    Foundation,
    /// Putting code, image and console where the stacks find them.
    Upload,
    /// Asking CloudFormation what it would do.
    ChangeSet,
    /// Doing it.
    Deploy,
    /// Reading the outputs, letting the admin in.
    Verify,
    /// Removing what lies in the stacks' buckets and repositories.
    Empty,
    /// Removing the stacks.
    Delete,
    /// Following what goes on already.
    Follow,
    /// Helping stacks out of where they are stuck.
    Recover,
}

impl Phase {
    /// The word on the phase rail.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Foundation => "foundation",
            Self::Upload => "upload",
            Self::ChangeSet => "change set",
            Self::Deploy => "deploy",
            Self::Verify => "verify",
            Self::Empty => "empty",
            Self::Delete => "delete",
            Self::Follow => "follow",
            Self::Recover => "recover",
        }
    }
}

/// What is done to a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is removed.
    Delete,
    /// It goes back to what it was.
    RollBack,
}

/// Something that happened. New kinds may be added; the meaning of a kind does not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// An operation begins; these are its phases.
    Began {
        /// The environment's stack name.
        stack: String,
        /// The account it happens in.
        account: String,
        /// The phases to come.
        phases: Vec<Phase>,
    },
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase is over, or there was nothing to do in it.
    PhaseEnded {
        /// Which.
        phase: Phase,
    },
    /// The decision, made from the templates and from what is there.
    Planned {
        /// What is going to be done.
        plan: Box<Plan>,
    },
    /// How long what was planned will take.
    Expected {
        /// Stack by stack.
        estimate: Box<Estimate>,
    },
    /// A thing to upload was already there.
    AssetPresent {
        /// Which: `functions`, `worker image`, `console`, `release.json`.
        asset: String,
        /// The region.
        region: Region,
    },
    /// A thing is being uploaded.
    AssetProgress {
        /// Which: `worker image`.
        asset: String,
        /// The region.
        region: Region,
        /// Bytes that have been sent.
        sent: u64,
        /// Bytes that there are to send.
        total: u64,
    },
    /// A thing was uploaded.
    AssetUploaded {
        /// Which: `functions`, `worker image`, `console`, `release.json`.
        asset: String,
        /// The region.
        region: Region,
        /// How much was sent.
        bytes: u64,
    },
    /// What CloudFormation says it would do.
    Proposed {
        /// The stack.
        stack: StackRef,
        /// Resource by resource.
        changes: Vec<ResourceChange>,
    },
    /// What is at stake in losses that only CloudFormation has found.
    AtStake {
        /// The stack.
        stack: StackRef,
        /// Resource by resource.
        resources: Vec<AtStake>,
    },
    /// CloudFormation found nothing to change in this stack.
    Unchanged {
        /// The stack.
        stack: StackRef,
    },
    /// An operation on a stack begins.
    Started {
        /// The stack.
        stack: StackRef,
        /// What is done.
        operation: Operation,
        /// True when it was begun by an earlier command and we join it.
        joined: bool,
        /// How many resources are expected to move, where known.
        expected: Option<usize>,
    },
    /// A resource moved.
    Resource {
        /// The stack.
        stack: StackRef,
        /// What happened to it.
        resource: ResourceEvent,
    },
    /// A call that we can do without failed; we go on.
    ReadTrouble {
        /// The stack we were asking about.
        stack: StackRef,
        /// Why.
        message: String,
    },
    /// An operation on a stack is over.
    Ended {
        /// The stack.
        stack: StackRef,
        /// CloudFormation's word.
        status: String,
        /// What it means.
        verdict: Verdict,
        /// The first failure, if any.
        cause: Option<Cause>,
        /// How many more failures followed from it.
        echoes: usize,
    },
    /// Somebody pressed Ctrl-C while AWS was working.
    Interrupted,
    /// Something worth knowing that is no error.
    Notice {
        /// A sentence.
        text: String,
    },
    /// The values of the stacks.
    Outputs {
        /// By name.
        outputs: BTreeMap<String, String>,
    },
    /// What a teardown is about to remove.
    Inventory {
        /// The stacks.
        stacks: Vec<StackRef>,
        /// What is in them that takes room or cannot be made again.
        holdings: Vec<Holding>,
    },
    /// What a recovery found, and what it is about to do.
    Cases {
        /// Stack by stack.
        cases: Vec<Case>,
    },
    /// What lay in a bucket, repository or table was removed.
    Emptied {
        /// What: `bucket`, `repository`.
        kind: String,
        /// Its name.
        name: String,
        /// The region.
        region: Region,
        /// How many things were removed.
        count: u64,
    },
    /// What remains after everything was removed.
    Ledger {
        /// One entry for each thing that remains.
        remains: Vec<Remainder>,
        /// What AWS takes away by itself, later.
        #[serde(default)]
        leaving: Vec<Leaving>,
        /// What could not be found out about that, in sentences.
        #[serde(default)]
        unknown: Vec<String>,
    },
}

/// What happened to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceEvent {
    /// The event's own id: the same event is told once.
    pub id: String,
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// CloudFormation's word.
    pub status: String,
    /// Why, where it says so.
    pub reason: Option<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The token of the operation that it belongs to, where known.
    pub token: Option<String>,
    /// True when this is about the stack itself.
    pub of_stack: bool,
}

/// Why an operation failed: the first event that did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// CloudFormation's word.
    pub status: String,
    /// What AWS said.
    pub reason: String,
}

/// Something in a stack that takes room or cannot be made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The stack.
    pub stack: StackRef,
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name in AWS.
    pub name: String,
    /// How many things are in it, where that can be told: objects with their versions, items, images.
    pub count: Option<u64>,
    /// How many bytes they take, where that can be told.
    pub bytes: Option<u64>,
    /// True when it stays after its stack is gone.
    pub kept: bool,
}

/// Something that a teardown left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remainder {
    /// What it is.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The region.
    pub region: Region,
    /// How many things are in it, where that can be told.
    pub count: Option<u64>,
    /// How many bytes they take, where that can be told.
    pub bytes: Option<u64>,
    /// Why it remains.
    pub why: String,
    /// What removes it.
    pub command: String,
}

/// Something that is deleted and that AWS keeps for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// What it is.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The region.
    pub region: Region,
    /// Until when, in milliseconds since 1970, where that is known.
    #[serde(default)]
    pub until_ms: Option<i64>,
    /// Why it is still there, and until when.
    pub why: String,
    /// What brings it back meanwhile.
    pub command: String,
}

/// Where the engine says what happens. A reader that has gone away changes nothing.
#[derive(Clone, Debug)]
pub struct Observer(mpsc::UnboundedSender<Event>);

impl Observer {
    /// An observer and the events that it will tell, in order.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Tells what happened.
    pub fn tell(&self, event: Event) {
        drop(self.0.send(event));
    }

    /// Something worth knowing that is no error.
    pub fn notice(&self, text: impl Into<String>) {
        self.tell(Event::Notice { text: text.into() });
    }
}
