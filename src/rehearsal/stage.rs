//! A world behind AWS's own clients: what they send is answered here, and nothing leaves this process.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_s3::{
    config::StalledStreamProtectionConfig,
    error::ConnectorError,
    primitives::{ByteStream, SdkBody},
};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use dlt_model::id::Region;
use tokio::time::Instant;

use super::{
    faults::{Trouble, Weather},
    wire::{self, Answer, Call},
    world::World,
};

/// How often the clients try a call, as the real ones do.
const ATTEMPTS: u32 = 6;
/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(5);
/// How long the clients wait for an answer that never comes.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// An account that is not there, and the way to it. Clones lead to the same account.
#[derive(Clone)]
pub struct Stage(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    /// What goes wrong with calls, and how many there were.
    weather: Mutex<(Weather, usize)>,
    /// When it began: by tokio's clock, and in milliseconds since 1970.
    began: Mutex<(Instant, i64)>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("weather", &held(&self.0.weather).0).finish_non_exhaustive()
    }
}

impl Stage {
    /// A world at a moment, given in milliseconds since 1970. From then on its time is tokio's: a stopped clock stops it.
    pub fn new(world: World, weather: Weather, began_ms: i64) -> Self {
        let (weather, began) = (Mutex::new((weather, 0)), Mutex::new((Instant::now(), began_ms)));
        Self(Arc::new(Inner { world: Mutex::new(world), weather, began }))
    }

    /// Begins again with another world in fair weather, for clients that are there already.
    #[cfg(test)]
    pub fn begin(&self, world: World, began_ms: i64) {
        *held(&self.0.began) = (Instant::now(), began_ms);
        *held(&self.0.world) = world;
        self.turn(Weather::default());
    }

    /// The weather turns. Calls are counted from here.
    #[cfg(test)]
    pub fn turn(&self, weather: Weather) {
        *held(&self.0.weather) = (weather, 0);
    }

    /// Milliseconds since 1970, as this world counts them.
    pub fn now_ms(&self) -> i64 {
        let began_ms = held(&self.0.began).1;
        began_ms + self.since_ms()
    }

    fn since_ms(&self) -> i64 {
        let began = held(&self.0.began).0;
        i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// The world, up to date.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = held(&self.0.world);
        world.advance(self.now_ms());
        world
    }

    /// What clients are made of to ask this world. The endpoint is where the registry for images answers. The clients wait as
    /// long as they must and never by lot, so that a rehearsal can be repeated.
    pub fn config(&self, region: &Region, endpoint: &str) -> SdkConfig {
        let credentials = Credentials::new("REHEARSAL", "rehearsal", None, None, "rehearsal");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::new(region.to_string()))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_use_static_exponential_base(true))
            .timeout_config(TimeoutConfig::builder().read_timeout(READ_WITHIN).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .sleep_impl(Nap)
            .time_source(self.clone())
            .http_client(self.clone())
            .build()
    }

    /// Answers a request, or breaks off.
    async fn hear(&self, request: HttpRequest, patience: Duration) -> Result<HttpResponse, ConnectorError> {
        let call = read(request).await?;
        let trouble = self.trouble(&call);
        tokio::time::sleep(LATENCY).await;
        if held(&self.0.weather).0.is_expired(self.since_ms()) {
            let message = "The security token included in the request is expired";
            return Ok(sent(wire::error(&call, 403, "ExpiredToken", message)));
        }
        let reach = |as_of_ms| wire::answer(&mut self.world(), self.now_ms(), as_of_ms, &call);
        match trouble {
            None => Ok(sent(reach(self.now_ms()))),
            Some(Trouble::Stale { by_ms }) => Ok(sent(reach(self.now_ms() - i64::from(by_ms)))),
            Some(Trouble::Throttled) => Ok(sent(wire::error(&call, 400, "Throttling", "Rate exceeded"))),
            Some(Trouble::Broken) => {
                let message = "We encountered an internal error. Please try again.";
                Ok(sent(wire::error(&call, 500, "InternalFailure", message)))
            }
            Some(Trouble::Dropped { accepted }) => {
                accepted.then(|| reach(self.now_ms()));
                Err(ConnectorError::io("the connection was reset (rehearsed)".into()))
            }
            Some(Trouble::Silent { accepted }) => {
                accepted.then(|| reach(self.now_ms()));
                tokio::time::sleep(patience).await;
                Err(ConnectorError::timeout("no answer came in time (rehearsed)".into()))
            }
        }
    }

    /// What goes wrong with a call. Only CloudFormation's go wrong one by one.
    fn trouble(&self, call: &Call) -> Option<Trouble> {
        if call.service != "cloudformation" {
            return None;
        }
        let mut weather = held(&self.0.weather);
        let number = weather.1;
        weather.1 += 1;
        weather.0.trouble(number)
    }
}

/// Nothing in here is left half-done by a panic.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TimeSource for Stage {
    fn now(&self) -> SystemTime {
        let ms = u64::try_from(self.now_ms()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }
}

impl HttpClient for Stage {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let patience = settings.read_timeout().unwrap_or(READ_WITHIN);
        SharedHttpConnector::new(Connector { stage: self.clone(), patience })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    stage: Stage,
    patience: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { stage, patience } = self.clone();
        HttpConnectorFuture::new(async move { stage.hear(request, patience).await })
    }
}

/// Waiting, by tokio's clock.
#[derive(Debug)]
struct Nap;

impl aws_sdk_cloudformation::config::AsyncSleep for Nap {
    fn sleep(&self, duration: Duration) -> aws_sdk_cloudformation::config::Sleep {
        aws_sdk_cloudformation::config::Sleep::new(tokio::time::sleep(duration))
    }
}

/// Reads a request: for which service and region it is signed, and what it says.
async fn read(mut request: HttpRequest) -> Result<Call, ConnectorError> {
    let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
    let (signature, target) = (header("authorization"), header("x-amz-target"));
    let (service, region) = scope(&signature)
        .ok_or_else(|| ConnectorError::user("the request is not signed for a region and a service".into()))?;
    let address = url::Url::parse(request.uri()).map_err(|error| ConnectorError::user(error.into()))?;
    let (method, path) = (request.method().to_owned(), address.path().trim_start_matches('/').to_owned());
    let body = ByteStream::new(request.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.to_vec();
    Ok(Call { service, region, method, path, target, body })
}

/// From `… Credential=KEY/20260101/eu-west-1/s3/aws4_request, …` to the service and the region.
fn scope(signature: &str) -> Option<(String, Region)> {
    let (_, credential) = signature.split_once("Credential=")?;
    let mut parts = credential.split(',').next()?.split('/').skip(2);
    let (region, service) = (parts.next()?, parts.next()?);
    Some((service.to_owned(), region.parse().ok()?))
}

fn sent(answer: Answer) -> HttpResponse {
    let status = answer.status.try_into().expect("only statuses of HTTP are answered: see wire");
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", answer.content_type);
    response.headers_mut().insert("x-amzn-requestid", "rehearsal");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_says_which_service_in_which_region_is_meant() {
        let signature =
            "AWS4-HMAC-SHA256 Credential=K/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let (service, region) = scope(signature).unwrap();
        assert_eq!((service.as_str(), region.as_str()), ("s3", "eu-west-1"));
        assert!(scope("Bearer x").is_none());
    }
}
