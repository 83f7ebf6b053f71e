//! Calls of services that speak JSON, over the HTTP client that the object store has anyway.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use object_store::{
    ClientOptions,
    aws::{AmazonS3Builder, AwsCredentialProvider},
    client::{HttpClient, HttpConnector, HttpRequestBody, ReqwestConnector},
};
use serde_json::Value as Json;
use tokio::time::sleep;

use super::{Keys, Service, sign};
use crate::transport::StoreNames;

/// How often a call is tried.
const ATTEMPTS: u32 = 4;
/// How long the first pause between attempts is; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What calls services.
#[derive(Clone)]
pub struct Client {
    http: HttpClient,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// Why a call has no answer.
enum Trouble {
    /// Trying again may help.
    Passing(String),
    Final(String),
}

impl Client {
    /// A client that has called nobody yet.
    ///
    /// # Errors
    /// Returns an error when this machine's certificates cannot be used.
    pub fn new() -> Result<Self, String> {
        let options = ClientOptions::new()
            // Who names an endpoint without TLS means it: an emulator on this machine.
            .with_allow_http(true)
            .with_timeout(TIMEOUT)
            .with_dns_resolver(Arc::new(StoreNames));
        let http = ReqwestConnector::default().connect(&options).map_err(|error| error.to_string())?;
        Ok(Self { http })
    }

    /// Calls an operation, signed when there are keys.
    ///
    /// # Errors
    /// Says what the service answered instead, after every retry; never what was sent.
    pub async fn call(
        &self,
        (service, operation): (Service, &str),
        region: &str,
        message: &Json,
        role: Option<&Role>,
    ) -> Result<Json, String> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.attempt((service, operation), region, message, role).await {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Final(why)) => return Err(why),
                Err(Trouble::Passing(_)) => sleep(pause).await,
            }
            pause *= 2;
        }
        self.attempt((service, operation), region, message, role).await.map_err(|trouble| match trouble {
            Trouble::Passing(why) => format!("{why} ({ATTEMPTS} attempts)"),
            Trouble::Final(why) => why,
        })
    }

    async fn attempt(
        &self,
        (service, operation): (Service, &str),
        region: &str,
        message: &Json,
        role: Option<&Role>,
    ) -> Result<Json, Trouble> {
        let url = service.url(region, |name| std::env::var(name).ok());
        let body = message.to_string();
        let mut headers = vec![
            ("content-type".to_owned(), service.content_type().to_owned()),
            ("x-amz-target".to_owned(), service.target(operation)),
        ];
        if let Some(role) = role {
            let keys = role.keys().await.map_err(Trouble::Passing)?;
            let place = (service.name(), region);
            let signed = sign(("POST", &url), &headers, body.as_bytes(), &keys, place, SystemTime::now());
            headers.extend(signed.map_err(Trouble::Final)?);
        }
        let mut request = http::Request::post(&url);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let request =
            request.body(HttpRequestBody::from(body)).map_err(|error| Trouble::Final(format!("{url}: {error}")))?;
        let unreachable = |error| Trouble::Passing(format!("{} cannot be reached: {error}", service.name()));
        let response = self.http.execute(request).await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.into_body().bytes().await.map_err(unreachable)?;
        let answer: Json = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        if status.is_success() {
            return Ok(answer);
        }
        let why = error_of(&answer).unwrap_or_else(|| format!("it answered {}", status.as_u16()));
        let is_passing = status.is_server_error() || status.as_u16() == 429 || why.contains("Throttl");
        Err(if is_passing { Trouble::Passing(why) } else { Trouble::Final(why) })
    }
}

/// `NotAuthorizedException: Incorrect username or password.`
fn error_of(answer: &Json) -> Option<String> {
    let kind = answer["__type"].as_str()?;
    let kind = kind.rsplit('#').next().unwrap_or(kind);
    match answer["message"].as_str().or(answer["Message"].as_str()) {
        Some(message) => Some(format!("{kind}: {message}")),
        None => Some(kind.to_owned()),
    }
}

/// Who the worker is: the credentials that the object store finds in the environment, kept and renewed by it.
#[derive(Clone)]
pub struct Role(AwsCredentialProvider);

impl Role {
    /// The role of this process.
    ///
    /// # Errors
    /// Returns an error when the environment's settings contradict each other.
    pub fn from_env() -> Result<Self, String> {
        let options =
            ClientOptions::new().with_allow_http(true).with_timeout(TIMEOUT).with_dns_resolver(Arc::new(StoreNames));
        let builder = AmazonS3Builder::from_env().with_client_options(options);
        // Only its credentials are asked for; a bucket of any name will do.
        let store = builder.with_bucket_name("none").build().map_err(|error| error.to_string())?;
        Ok(Self(Arc::clone(store.credentials())))
    }

    /// Its keys now.
    ///
    /// # Errors
    /// Returns an error when there are none.
    pub async fn keys(&self) -> Result<Keys, String> {
        let found = self.0.get_credential().await.map_err(|error| format!("there are no credentials: {error}"))?;
        Ok(Keys {
            access_key_id: found.key_id.clone(),
            secret_access_key: found.secret_key.clone(),
            session_token: found.token.clone(),
        })
    }
}
