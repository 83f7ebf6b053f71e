//! Secrets from Parameter Store and Secrets Manager.

use dlt_model::program::SecretSource;
use serde_json::{Value as Json, json};

use super::{SecretValue, of_environment};
use crate::aws::{Client, Role, Service};

/// Where secrets are kept.
pub struct Stores<'a> {
    region: &'a str,
}

impl<'a> Stores<'a> {
    /// The stores of a region.
    pub fn new(region: &'a str) -> Self {
        Self { region }
    }

    /// Reads one secret.
    pub async fn read(&self, source: &SecretSource) -> Result<SecretValue, String> {
        match source {
            SecretSource::Environment { name } => of_environment(name),
            SecretSource::Parameter { name } => {
                let message = json!({ "Name": name, "WithDecryption": true });
                let answer = self.call((Service::ParameterStore, "GetParameter"), &message).await?;
                text(&answer["Parameter"]["Value"])
            }
            SecretSource::SecretsManager { id, key } => {
                let answer = self.call((Service::SecretsManager, "GetSecretValue"), &json!({ "SecretId": id })).await?;
                let whole = text(&answer["SecretString"]).map_err(|_| "it holds bytes, not text".to_owned())?;
                match key {
                    None => Ok(whole),
                    Some(key) => part(whole.expose(), key),
                }
            }
        }
    }

    async fn call(&self, operation: (Service, &str), message: &Json) -> Result<Json, String> {
        let (client, role) = (Client::new()?, Role::from_env()?);
        client.call(operation, self.region, message, Some(&role)).await
    }
}

fn text(value: &Json) -> Result<SecretValue, String> {
    value.as_str().map(SecretValue::new).ok_or_else(|| "the answer has no value".to_owned())
}

fn part(whole: &str, key: &str) -> Result<SecretValue, String> {
    let object: Json = serde_json::from_str(whole).map_err(|_| "it is no JSON object".to_owned())?;
    match &object[key] {
        Json::Null => Err("it has no such key".to_owned()),
        Json::String(value) => Ok(SecretValue::new(value.as_str())),
        other => Ok(SecretValue::new(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_an_object_is_its_value() {
        let whole = r#"{"user": "u", "port": 5432}"#;
        assert_eq!(part(whole, "user").expect("there").expose(), "u");
        assert_eq!(part(whole, "port").expect("there").expose(), "5432");
        assert_eq!(part(whole, "none"), Err("it has no such key".to_owned()));
        assert_eq!(part("plain", "user"), Err("it is no JSON object".to_owned()));
    }
}
