//! What an answer is for: checks that must hold, and what is kept of it in variables.

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::template::Template;

/// Something that must be true of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Under which name it is counted.
    pub name: String,
    /// What is looked at.
    pub subject: Subject,
    /// What it must be.
    pub test: Test,
    /// Whether it must not be.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not: bool,
}

/// A part of an answer that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// The status.
    Status,
    /// The first header of this name.
    Header(String),
    /// The decoded body as text.
    Body,
    /// What a JSONPath (RFC 9535) finds in the decoded body.
    JsonPath(String),
    /// What a CSS selector finds in the decoded body: its text.
    Css(String),
    /// The decoded body's bytes, as a number.
    Size,
    /// The milliseconds from the first byte sent to the last received, as a number.
    Duration,
}

/// What a subject must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Test {
    /// It is there.
    Exists,
    /// The same text, or the same number.
    Equals(Template),
    /// Has this text somewhere.
    Contains(Template),
    /// Has something that the regular expression matches.
    Matches(String),
    /// A number that is not larger.
    AtMost(f64),
    /// A number that is not smaller.
    AtLeast(f64),
}

/// Something of an answer that is kept in a variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extract {
    /// The variable.
    pub variable: String,
    /// Where it is found.
    pub from: Source,
    /// Which of several.
    #[serde(default)]
    pub which: Which,
    /// What the variable holds when nothing is found; without it, that is a failure of the sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Template>,
}

/// Where something is found in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Source {
    /// By JSONPath (RFC 9535).
    JsonPath(String),
    /// By regular expression: the group of this number, 0 being the whole match.
    Regex {
        /// The expression.
        pattern: String,
        /// The group.
        group: usize,
    },
    /// A header of this name.
    Header(String),
    /// By CSS selector: an attribute, or the text.
    Css {
        /// The selector.
        selector: String,
        /// The attribute, if not the text.
        attribute: Option<String>,
    },
    /// A cookie that the answer set.
    Cookie(String),
    /// What stands between two texts.
    Between {
        /// Before it.
        left: String,
        /// Behind it.
        right: String,
    },
    /// The status.
    Status,
    /// The whole decoded body.
    Body,
}

/// Which of several that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Which {
    /// This one, counted from 0.
    At(usize),
    /// Any, by chance.
    Random,
    /// All, as a JSON array.
    All,
}

impl Default for Which {
    fn default() -> Self {
        Self::At(0)
    }
}
