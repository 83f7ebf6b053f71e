//! The one question we have for KMS: what has become of a key. Its client would be a hundred operations for this one.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use dlt_model::id::Region;
use http::{Method, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CloudError, Kind, signature::Unsigned, suffix};

/// What KMS calls the question.
const TARGET: &str = "TrentService.DescribeKey";
/// What every body is.
const JSON: &str = "application/x-amz-json-1.1";
/// How often it is asked before trouble that passes is believed.
const ATTEMPTS: usize = 3;
/// How long lies between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A key that is there, if only for a while still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// KMS's word: `Enabled`, `PendingDeletion` …
    pub state: String,
    /// When it goes, if it waits for its deletion.
    pub deleted_at: Option<Timestamp>,
}

/// A key, unless there is none of this id.
pub(super) async fn describe(config: &SdkConfig, region: &Region, id: &str) -> Result<Option<Key>, CloudError> {
    let mut attempt = 1;
    loop {
        match asked(config, region, id).await {
            Ok(key) => return Ok(Some(key)),
            Err(error) if error.kind == Kind::Absent => return Ok(None),
            Err(error) if !error.passes() || attempt >= ATTEMPTS => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        attempt += 1;
    }
}

async fn asked(config: &SdkConfig, region: &Region, id: &str) -> Result<Key, CloudError> {
    let doing = format!("read the key `{id}`");
    let trouble = |kind, message: String| CloudError { doing: doing.clone(), kind, code: None, message };
    let provider = config.credentials_provider().ok_or_else(|| trouble(Kind::Credentials, "there are none".into()))?;
    let keys = provider.provide_credentials().await;
    let keys = keys.map_err(|error| trouble(Kind::Credentials, error.to_string()))?;
    let (url, body) = (endpoint(config, region), json!({ "KeyId": id }).to_string());
    let headers = [(CONTENT_TYPE.as_str(), JSON), ("x-amz-target", TARGET)];
    let (service, body) = ("kms", body.as_bytes());
    let unsigned = Unsigned { region, service, method: &Method::POST, url: &url, headers: &headers, body };
    let signed = unsigned.sign(keys).map_err(|what| CloudError::unexpected(doing.clone(), what))?;

    let lost = |error: reqwest::Error| trouble(Kind::Unreachable, error.without_url().to_string());
    let http = reqwest::Client::builder().timeout(WITHIN).build().map_err(lost)?;
    let mut request = http.post(&url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    for (name, value) in signed {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(lost)?;
    let ok = answer.status().is_success();
    let told = serde_json::from_slice(&answer.bytes().await.map_err(lost)?).unwrap_or(Value::Null);
    read(&doing, ok, &told)
}

/// Where KMS is: what AWS's own variables and files say, or AWS's address.
fn endpoint(config: &SdkConfig, region: &Region) -> String {
    let own = std::env::var("AWS_ENDPOINT_URL_KMS").ok().filter(|url| !url.is_empty());
    let told = own.or_else(|| config.endpoint_url().map(ToOwned::to_owned));
    let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
    let url = told.unwrap_or_else(|| format!("https://kms{fips}.{region}.{}", suffix(region)));
    format!("{}/", url.trim_end_matches('/'))
}

fn read(doing: &str, ok: bool, told: &Value) -> Result<Key, CloudError> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    if !ok {
        let code = told["__type"].as_str().and_then(|code| code.rsplit('#').next()).unwrap_or_default();
        let message = text(&told["message"]).or_else(|| text(&told["Message"]));
        return Err(CloudError::refused(doing, code, message.as_deref().unwrap_or("KMS gave no reason")));
    }
    let key = &told["KeyMetadata"];
    let state = text(&key["KeyState"]);
    let state = state.ok_or_else(|| CloudError::unexpected(doing, "the answer names no state"))?;
    let deleted_at = key["DeletionDate"].as_f64().and_then(|secs| Timestamp::from_second(secs as i64).ok());
    Ok(Key { state, deleted_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_state_and_perhaps_a_date_and_a_refusal_is_of_a_kind() {
        let told = json!({"KeyMetadata": {"KeyState": "PendingDeletion", "DeletionDate": 1_790_000_000.25}});
        let key = read("read", true, &told).unwrap();
        assert_eq!(key.state, "PendingDeletion");
        assert_eq!(key.deleted_at.unwrap().as_second(), 1_790_000_000);
        let enabled = read("read", true, &json!({"KeyMetadata": {"KeyState": "Enabled"}})).unwrap();
        assert_eq!(enabled.deleted_at, None);
        for (told, kind) in [
            (json!({"__type": "com.amazonaws.trent#NotFoundException", "message": "gone"}), Kind::Absent),
            (json!({"__type": "AccessDeniedException", "Message": "no"}), Kind::Denied),
            (json!({"__type": "ThrottlingException"}), Kind::Throttled),
            (json!({"__type": "UnknownOperationException"}), Kind::Other),
            (Value::Null, Kind::Other),
        ] {
            assert_eq!(read("read", false, &told).unwrap_err().kind, kind, "{told}");
        }
        assert!(read("read", true, &Value::Null).is_err(), "an answer without a state says nothing");
    }

    #[test]
    fn kms_is_where_the_region_is_unless_an_endpoint_is_configured() {
        let region = "eu-west-1".parse().unwrap();
        let plain = SdkConfig::builder().build();
        assert_eq!(endpoint(&plain, &region), "https://kms.eu-west-1.amazonaws.com/");
        let china = "cn-north-1".parse().unwrap();
        assert_eq!(endpoint(&plain, &china), "https://kms.cn-north-1.amazonaws.com.cn/");
        let fips = SdkConfig::builder().use_fips(true).build();
        assert_eq!(endpoint(&fips, &region), "https://kms-fips.eu-west-1.amazonaws.com/");
        let own = SdkConfig::builder().endpoint_url("http://127.0.0.1:4566").build();
        assert_eq!(endpoint(&own, &region), "http://127.0.0.1:4566/");
    }
}
