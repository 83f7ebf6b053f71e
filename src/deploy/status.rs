//! What a stack's status means: whether it can be changed, whether it is moving, and how an operation ended.

use serde::{Deserialize, Serialize};

/// What can be done with a stack that has this status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is not there.
    Absent,
    /// It was made by a change set that was never executed: it is there and has no resources.
    Review,
    /// It can be updated or deleted.
    Settled,
    /// An operation is going on.
    Moving,
    /// Nothing can be done until somebody helps.
    Stuck(Stuck),
}

/// Why a stack is stuck, which decides the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stuck {
    /// Its creation failed; it can only be deleted.
    NeverCreated,
    /// Its update failed, and so did going back.
    HalfUpdated,
    /// Its deletion failed.
    HalfDeleted,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What was asked for is there.
    Succeeded,
    /// The stack is gone.
    Deleted,
    /// It failed, and the stack is as it was before.
    RolledBack,
    /// It failed, and the stack needs a hand.
    NeedsRecovery,
}

/// What can be done with a stack that has this status, or has none because it is not there.
pub fn standing(status: Option<&str>) -> Standing {
    match status {
        None | Some("DELETE_COMPLETE") => Standing::Absent,
        Some("REVIEW_IN_PROGRESS") => Standing::Review,
        Some("ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED") => Standing::Stuck(Stuck::NeverCreated),
        Some("UPDATE_ROLLBACK_FAILED" | "UPDATE_FAILED" | "IMPORT_ROLLBACK_FAILED") => {
            Standing::Stuck(Stuck::HalfUpdated)
        }
        Some("DELETE_FAILED") => Standing::Stuck(Stuck::HalfDeleted),
        Some(moving) if moving.ends_with("_IN_PROGRESS") => Standing::Moving,
        Some(_) => Standing::Settled,
    }
}

/// How an operation ended, when the stack has this status after it; nothing while it goes on.
pub fn verdict(status: &str) -> Option<Verdict> {
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Some(Verdict::Succeeded),
        "DELETE_COMPLETE" => Some(Verdict::Deleted),
        "ROLLBACK_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Some(Verdict::RolledBack),
        failed if failed.ends_with("_FAILED") => Some(Verdict::NeedsRecovery),
        _ => None,
    }
}

/// Whether an operation begins when its stack takes this status.
pub fn is_start(status: &str) -> bool {
    ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"].contains(&status)
}

impl Stuck {
    /// What happened and the safe way out, in words.
    pub fn way_out(self, stack: &str) -> (&'static str, String) {
        match self {
            Self::NeverCreated => (
                "its creation failed; AWS lets such a stack only be deleted",
                format!("`dlt recover` shows what `{stack}` still holds and removes it; then run this again"),
            ),
            Self::HalfUpdated => (
                "an update failed and it could not go back",
                format!("`dlt explain` says why; mend that, and `dlt recover` takes `{stack}` back to what it was"),
            ),
            Self::HalfDeleted => (
                "its deletion failed half-way",
                format!(
                    "`dlt recover` shows what remains of `{stack}` and goes on; `dlt down` also empties what is in the way"
                ),
            ),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every status that CloudFormation's `StackStatus` knows.
    pub const EVERY_STATUS: [&str; 23] = [
        "CREATE_COMPLETE",
        "CREATE_FAILED",
        "CREATE_IN_PROGRESS",
        "DELETE_COMPLETE",
        "DELETE_FAILED",
        "DELETE_IN_PROGRESS",
        "IMPORT_COMPLETE",
        "IMPORT_IN_PROGRESS",
        "IMPORT_ROLLBACK_COMPLETE",
        "IMPORT_ROLLBACK_FAILED",
        "IMPORT_ROLLBACK_IN_PROGRESS",
        "REVIEW_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS",
    ];

    #[test]
    fn every_status_is_either_moving_or_has_a_verdict() {
        for status in EVERY_STATUS {
            assert_eq!(verdict(status).is_none(), status.ends_with("_IN_PROGRESS"), "{status}");
        }
    }

    #[test]
    fn what_can_be_done_follows_from_the_status() {
        for status in EVERY_STATUS {
            let expected = match status {
                "DELETE_COMPLETE" => Standing::Absent,
                "REVIEW_IN_PROGRESS" => Standing::Review,
                "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => Standing::Stuck(Stuck::NeverCreated),
                "UPDATE_FAILED" | "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" => {
                    Standing::Stuck(Stuck::HalfUpdated)
                }
                "DELETE_FAILED" => Standing::Stuck(Stuck::HalfDeleted),
                _ if status.ends_with("_IN_PROGRESS") => Standing::Moving,
                _ => Standing::Settled,
            };
            assert_eq!(standing(Some(status)), expected, "{status}");
        }
        assert_eq!(standing(None), Standing::Absent);
    }

    #[test]
    fn a_rolled_back_update_is_a_failure_that_can_be_tried_again() {
        assert_eq!(verdict("UPDATE_ROLLBACK_COMPLETE"), Some(Verdict::RolledBack));
        assert_eq!(standing(Some("UPDATE_ROLLBACK_COMPLETE")), Standing::Settled);
    }
}
