//! Where values come from: rows of data, and secrets that only the worker may know.

use serde::{Deserialize, Serialize};

/// Rows of data, read with the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    /// For messages: the file's name.
    pub name: String,
    /// The variables that a row sets.
    pub columns: Vec<String>,
    /// Each as long as the columns are many.
    pub rows: Vec<Vec<String>>,
    /// Which row comes next.
    pub order: FeedOrder,
    /// Whether the rows begin anew at the end; otherwise the user that finds none is done.
    pub repeat: bool,
}

/// Which row of a feed comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedOrder {
    /// Row by row; every worker has all rows, its users share them.
    Sequential,
    /// Any, by chance.
    Random,
    /// Each row once in the whole run: workers and threads have rows of their own.
    Unique,
    /// Row by row, and workers and threads have rows of their own.
    Partitioned,
}

/// A value that only the worker may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// The variable.
    pub name: String,
    /// Where it is kept.
    pub source: SecretSource,
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SecretSource {
    /// A parameter of Parameter Store.
    Parameter {
        /// Its name.
        name: String,
    },
    /// A secret of Secrets Manager.
    SecretsManager {
        /// Its name or ARN.
        id: String,
        /// One key of it, when it is a JSON object.
        key: Option<String>,
    },
    /// A variable of the worker's environment.
    Environment {
        /// Its name.
        name: String,
    },
}
