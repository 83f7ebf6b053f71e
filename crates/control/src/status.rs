//! How far a run is, in AWS DLT's words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The life of a run. It only ever moves to a status of a higher [`rank`](Self::rank).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Accepted; nothing was launched yet.
    #[serde(rename = "queued")]
    Queued,
    /// Workers are being launched and get ready.
    #[serde(rename = "provisioning")]
    Provisioning,
    /// The start instant is set.
    #[serde(rename = "running")]
    Running,
    /// Somebody asked for its end; the workers drain and report.
    #[serde(rename = "cancelling")]
    Cancelling,
    /// The workers have ended and their reports are merged.
    #[serde(rename = "parsing results")]
    ParsingResults,
    /// Ended by itself, with results. Some workers may have been lost; the record says so.
    #[serde(rename = "complete")]
    Complete,
    /// Ended without results.
    #[serde(rename = "failed")]
    Failed,
    /// Ended because somebody asked for it, with what was measured until then.
    #[serde(rename = "cancelled")]
    Cancelled,
}

impl Status {
    /// Every status, in the order of ranks.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Provisioning,
        Self::Running,
        Self::Cancelling,
        Self::ParsingResults,
        Self::Complete,
        Self::Failed,
        Self::Cancelled,
    ];

    /// How far along; all ends have the same rank, so none turns into another.
    pub fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Provisioning => 1,
            Self::Running => 2,
            Self::Cancelling | Self::ParsingResults => 3,
            Self::Complete | Self::Failed | Self::Cancelled => 4,
        }
    }

    /// Whether nothing happens any more.
    pub fn is_end(self) -> bool {
        self.rank() == 4
    }

    /// Whether a run of this status may become one of status `next`.
    pub fn may_become(self, next: Self) -> bool {
        self == next || self.rank() < next.rank()
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Provisioning => "provisioning",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::ParsingResults => "parsing results",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_becomes_nothing_else_and_no_status_returns_to_an_earlier_one() {
        for from in Status::ALL {
            for to in Status::ALL {
                assert!(!(from.is_end() && from.may_become(to) && from != to), "{from} → {to}");
                assert!(!(from != to && from.may_become(to) && to.may_become(from)), "{from} ⇄ {to}");
            }
        }
    }

    #[test]
    fn the_word_on_the_wire_is_the_word_on_the_screen() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).expect("serialises"), status.as_str());
        }
    }
}
