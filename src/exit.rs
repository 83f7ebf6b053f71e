//! How the command ends: documented, stable, and the only numbers that leave the process.

use serde::Serialize;

/// What an exit code says. Scripts rely on these numbers; they do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// A fault of ours.
    Internal = 1,
    /// The command line could not be understood.
    Usage = 2,
    /// A configuration, scenario or template is invalid.
    Invalid = 3,
    /// AWS refused: credentials, permission, quota.
    Refused = 4,
    /// A guard refused: data loss, protection, a plan that is no longer true.
    Guarded = 5,
    /// The deployment failed and was rolled back.
    RolledBack = 6,
    /// The stack needs a hand before anything else can be done with it.
    NeedsRecovery = 7,
    /// Another operation holds the stack.
    Held = 8,
    /// The answer is incomplete.
    Incomplete = 9,
    /// The deadline passed; the operation goes on without us.
    DeadlinePassed = 10,
    /// Differences or drift were found, and the caller asked to be told.
    Differences = 20,
    /// The run proves nothing: no samples, lost workers, a degraded generator.
    RunInvalid = 98,
    /// A gate or threshold failed.
    GateFailed = 99,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
