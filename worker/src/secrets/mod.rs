//! Secrets: resolved before the worker says ready, and shown to nobody.

#[cfg(feature = "s3")]
mod stores;

use std::{collections::BTreeMap, fmt};

use dlt_model::program::{Client, Program, Secret, SecretSource};

use crate::WorkerError;

/// What stands where a secret would be shown.
const REDACTED: &str = "(secret)";
/// Shorter values are found everywhere by chance; they are hidden only where they stand alone.
const SHORTEST_HIDDEN: usize = 4;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Box<str>);

impl SecretValue {
    /// Hides a value.
    pub fn new(value: impl Into<Box<str>>) -> Self {
        Self(value.into())
    }

    /// The value itself, for what is sent.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The secrets of a program, by the names of their variables.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<String, SecretValue>);

impl Secrets {
    /// Reads every secret of the program, for a worker in this region.
    ///
    /// # Errors
    /// Returns an error that names every secret that cannot be had, and why; never a value.
    pub async fn resolve(program: &Program, region: &str) -> Result<Self, WorkerError> {
        let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
        let stores = Stores::new(region);
        let found = futures::future::join_all(program.secrets.iter().map(|secret| stores.read(&secret.source))).await;
        for (Secret { name, source }, found) in program.secrets.iter().zip(found) {
            match found {
                Ok(value) => drop(values.insert(name.clone(), value)),
                Err(why) => problems.push(format!("`{name}` from {}: {why}", shown(source))),
            }
        }
        if problems.is_empty() { Ok(Self(values)) } else { Err(WorkerError::Secrets(problems.join("; "))) }
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&SecretValue> {
        self.0.get(name)
    }

    /// A text without any secret.
    pub fn hide(&self, text: &str) -> String {
        self.0.values().fold(text.to_owned(), |text, secret| match secret.expose() {
            whole if whole == text => REDACTED.to_owned(),
            value if value.len() >= SHORTEST_HIDDEN => text.replace(value, REDACTED),
            _ => text,
        })
    }

    /// The client with its secrets filled in: its key and its proxy, which are known before the first request.
    ///
    /// # Errors
    /// Says which other holes they have.
    pub fn fill_client(&self, client: &Client) -> Result<Client, String> {
        let mut filled = client.clone();
        for (what, template) in [("the client's key", &mut filled.tls.key), ("the proxy", &mut filled.proxy)] {
            let Some(template) = template else { continue };
            if let Some(name) = template.variables().into_iter().find(|name| self.get(name).is_none()) {
                return Err(format!("{what} may hold secrets only, and `{name}` is none"));
            }
            let mut unknown = None;
            let text = template.render(|hole| match hole {
                dlt_model::expression::Expression::Variable(name) => {
                    self.get(name).map(|value| value.expose().to_owned()).unwrap_or_default()
                }
                other => {
                    unknown = Some(other.to_string());
                    String::new()
                }
            });
            let text = text.into_owned();
            if let Some(unknown) = unknown {
                return Err(format!("{what} may hold secrets only, and `{unknown}` is none"));
            }
            *template = dlt_model::template::Template::literal(text);
        }
        Ok(filled)
    }
}

/// Where a secret is kept, for people.
fn shown(source: &SecretSource) -> String {
    match source {
        SecretSource::Parameter { name } => format!("Parameter Store `{name}`"),
        SecretSource::SecretsManager { id, key: None } => format!("Secrets Manager `{id}`"),
        SecretSource::SecretsManager { id, key: Some(key) } => format!("Secrets Manager `{id}`, key `{key}`"),
        SecretSource::Environment { name } => format!("the environment variable `{name}`"),
    }
}

fn of_environment(name: &str) -> Result<SecretValue, String> {
    match std::env::var(name) {
        Ok(value) => Ok(SecretValue::new(value)),
        Err(std::env::VarError::NotPresent) => Err("it is not set".to_owned()),
        Err(std::env::VarError::NotUnicode(_)) => Err("it is no text".to_owned()),
    }
}

#[cfg(feature = "s3")]
use stores::Stores;

#[cfg(not(feature = "s3"))]
use self::environment_only::Stores;

#[cfg(not(feature = "s3"))]
mod environment_only {
    use dlt_model::program::SecretSource;

    use super::{SecretValue, of_environment};

    /// A worker that was built without AWS knows its environment only.
    pub struct Stores;

    impl Stores {
        pub fn new(_region: &str) -> Self {
            Self
        }

        pub async fn read(&self, source: &SecretSource) -> Result<SecretValue, String> {
            match source {
                SecretSource::Environment { name } => of_environment(name),
                _ => Err("this worker was built without AWS".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::template::Template;

    use super::*;

    fn secrets() -> Secrets {
        let values = [("key", "s3cr3t"), ("pin", "12")];
        Secrets(values.map(|(name, value)| (name.to_owned(), SecretValue::new(value))).into())
    }

    #[test]
    fn nobody_is_shown_a_secret() {
        assert_eq!(format!("{:?}", secrets()), r#"Secrets({"key": (secret), "pin": (secret)})"#);
        assert_eq!(secrets().hide("GET /a?k=s3cr3t&n=123"), "GET /a?k=(secret)&n=123");
        assert_eq!(secrets().hide("12"), "(secret)");
    }

    #[test]
    fn a_client_is_filled_with_secrets_and_nothing_else() {
        let mut client = Client { proxy: Some("http://p:1".into()), ..Client::default() };
        client.tls.key = Some("{{ key }}".parse().expect("valid"));
        let filled = secrets().fill_client(&client).expect("filled");
        assert_eq!(filled.tls.key, Some(Template::literal("s3cr3t")));
        for other in ["{{ other }}", "{{ uuid() }}"] {
            client.tls.key = Some(other.parse().expect("valid"));
            assert!(secrets().fill_client(&client).expect_err(other).contains("may hold secrets only"));
        }
    }
}
