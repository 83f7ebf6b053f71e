//! Where a lock lies: a parameter of Parameter Store, seen as the log of its versions.

use aws_sdk_ssm::{Client, types::ParameterType};
use serde::{Deserialize, Serialize};

use super::Holder;
use crate::cloud::{CloudError, Doing, Kind};

/// What one version of the parameter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who would hold the environment by it.
    #[serde(flatten)]
    pub holder: Holder,
    /// The version that it wants to follow; none where the log begins with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Mark>,
}

/// Names one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its number; they begin with 1 anew when the parameter was deleted.
    pub version: i64,
    /// Whose it is, which tells it from a version of the same number after a deletion.
    pub token: String,
}

impl Mark {
    /// The begin of a log, before its first version.
    pub fn nothing() -> Self {
        Self { version: 0, token: String::new() }
    }
}

/// A log that several write to. A trait for the sake of the tests, which play every order in which calls can arrive.
pub trait Register {
    /// Begins the log; false when it has begun.
    fn create(&self, entry: &Entry) -> impl Future<Output = Result<bool, CloudError>> + Send;
    /// Writes the next version, whatever is there.
    fn append(&self, entry: &Entry) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// The newest version or the given one, with its number, if it is there.
    fn read(&self, version: Option<i64>) -> impl Future<Output = Result<Option<(i64, Entry)>, CloudError>> + Send;
    /// Ends the log, whatever is there.
    fn remove(&self) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// The parameter of an environment's lock.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Whom to ask.
    pub client: Client,
    /// What it is called.
    pub name: String,
}

impl Parameter {
    async fn put(&self, entry: &Entry, overwrite: bool) -> Result<(), CloudError> {
        let value = serde_json::to_string(entry).expect("an entry is plain text and numbers");
        let request = self.client.put_parameter().name(&self.name).value(value).r#type(ParameterType::String);
        let request = request.description("Who is changing this environment right now; dlt takes and releases it.");
        request.overwrite(overwrite).send().await.doing(format!("take the lock `{}`", self.name)).map(drop)
    }
}

impl Register for Parameter {
    async fn create(&self, entry: &Entry) -> Result<bool, CloudError> {
        match self.put(entry, false).await {
            Ok(()) => Ok(true),
            Err(error) if error.code.as_deref() == Some("ParameterAlreadyExists") => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn append(&self, entry: &Entry) -> Result<(), CloudError> {
        self.put(entry, true).await
    }

    async fn read(&self, version: Option<i64>) -> Result<Option<(i64, Entry)>, CloudError> {
        let doing = format!("read the lock `{}`", self.name);
        let name = version.map_or_else(|| self.name.clone(), |version| format!("{}:{version}", self.name));
        let answer = match self.client.get_parameter().name(name).send().await.doing(doing.clone()) {
            Err(error) if error.kind == Kind::Absent => return Ok(None),
            answer => answer?,
        };
        let Some(parameter) = answer.parameter else { return Ok(None) };
        let read = serde_json::from_str(parameter.value().unwrap_or_default());
        let entry = read.map_err(|error| CloudError::unexpected(doing, format!("it holds something else: {error}")))?;
        Ok(Some((parameter.version(), entry)))
    }

    async fn remove(&self) -> Result<(), CloudError> {
        let removed = self.client.delete_parameter().name(&self.name).send().await;
        match removed.doing(format!("release the lock `{}`", self.name)) {
            Err(error) if error.kind != Kind::Absent => Err(error),
            _ => Ok(()),
        }
    }
}
