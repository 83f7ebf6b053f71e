//! Live data over IoT Core: one topic per scenario, in the hub's region.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_iotdataplane::primitives::Blob;
use dlt_control::ports::{Live, LiveError, Subscription, Viewer};
use dlt_model::{
    id::{Region, TestId},
    tick::Tick,
};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::{cloud::Cloud, fault::fault, names};

/// The kind of endpoint whose certificate browsers trust.
const ENDPOINT_TYPE: &str = "iot:Data-ATS";
/// How many ticks one message carries; IoT Core takes 128 KiB, and a tick's histogram seldom has more than 2.
const TICKS_PER_MESSAGE: usize = 16;

/// Live data of one environment.
#[derive(Debug)]
pub struct IotLive {
    iot: aws_sdk_iot::Client,
    cloud: Cloud,
    stack: String,
    region: Region,
    on: bool,
    endpoint: OnceCell<String>,
    data: OnceCell<aws_sdk_iotdataplane::Client>,
}

impl IotLive {
    /// Live data of the environment `stack`, whose hub is in this region.
    pub fn new(cloud: &Cloud, stack: &str, hub_region: &Region) -> Self {
        Self {
            iot: aws_sdk_iot::Client::new(&cloud.in_region(hub_region)),
            cloud: cloud.clone(),
            stack: stack.to_owned(),
            region: hub_region.clone(),
            on: true,
            endpoint: OnceCell::new(),
            data: OnceCell::new(),
        }
    }

    /// The same, or what an environment has whose live data is switched off: nobody may listen.
    #[must_use]
    pub fn switched(self, on: bool) -> Self {
        Self { on, ..self }
    }

    /// The account's own host name for MQTT and publishing; asked once.
    async fn endpoint(&self) -> Result<&str, LiveError> {
        let endpoint = self.endpoint.get_or_try_init(|| self.ask_endpoint()).await?;
        Ok(endpoint)
    }

    async fn ask_endpoint(&self) -> Result<String, LiveError> {
        let answer = self.iot.describe_endpoint().endpoint_type(ENDPOINT_TYPE).send().await;
        let answer =
            answer.map_err(|error| LiveError(format!("failed to ask for the IoT endpoint: {}", fault(&error))))?;
        answer.endpoint_address.ok_or_else(|| LiveError("IoT Core named no endpoint".to_owned()))
    }

    /// IoT Core asks of a Cognito identity, besides its role's rights, a policy that is attached to the identity itself.
    /// Attaching it again changes nothing.
    async fn admit(&self, viewer: &Viewer) -> Result<(), LiveError> {
        let Viewer(identity) = viewer;
        let policy = names::viewers_policy(&self.stack);
        let answer = self.iot.attach_policy().policy_name(&policy).target(identity).send().await;
        answer.map(drop).map_err(|error| {
            LiveError(format!("failed to attach the IoT policy `{policy}` to {identity}: {}", fault(&error)))
        })
    }

    async fn data(&self) -> Result<&aws_sdk_iotdataplane::Client, LiveError> {
        self.data.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<aws_sdk_iotdataplane::Client, LiveError> {
        let config = self.cloud.in_region(&self.region);
        let mut builder = aws_sdk_iotdataplane::config::Builder::from(&config);
        // An endpoint that somebody named answers for every service; AWS's own is different for each account.
        if !self.cloud.has_own_endpoint() {
            builder = builder.endpoint_url(format!("https://{}", self.endpoint().await?));
        }
        Ok(aws_sdk_iotdataplane::Client::from_conf(builder.build()))
    }

    async fn send(&self, test: &TestId, ticks: &[&Tick]) -> Result<(), LiveError> {
        let payload = Blob::new(message(ticks).to_string());
        let request = self.data().await?.publish().topic(names::topic(test)).qos(0).payload(payload);
        let result = request.send().await;
        result.map(|_| ()).map_err(|error| LiveError(format!("failed to publish ticks of {test}: {}", fault(&error))))
    }
}

#[async_trait]
impl Live for IotLive {
    async fn publish(&self, ticks: &[Tick]) -> Result<(), LiveError> {
        let mut faults = Vec::new();
        for (test, ticks) in by_test(ticks) {
            for some in ticks.chunks(TICKS_PER_MESSAGE) {
                // One scenario's trouble keeps nobody else's ticks back.
                faults.extend(self.send(test, some).await.err());
            }
        }
        let more = faults.len().saturating_sub(1);
        match faults.into_iter().next() {
            None => Ok(()),
            Some(fault) if more == 0 => Err(fault),
            Some(LiveError(first)) => Err(LiveError(format!("{first} (and {more} more messages)"))),
        }
    }

    fn is_on(&self) -> bool {
        self.on
    }

    async fn subscription(&self, test: &TestId, viewer: Option<&Viewer>) -> Result<Subscription, LiveError> {
        if let Some(viewer) = viewer {
            self.admit(viewer).await?;
        }
        Ok(Subscription::Iot { endpoint: self.endpoint().await?.to_owned(), topic: names::topic(test) })
    }
}

fn by_test(ticks: &[Tick]) -> BTreeMap<&TestId, Vec<&Tick>> {
    let mut tests: BTreeMap<&TestId, Vec<&Tick>> = BTreeMap::new();
    for tick in ticks {
        tests.entry(&tick.test_id).or_default().push(tick);
    }
    tests
}

/// AWS DLT's live message, so that its console can read it (`{"<region>": [{testId, vu, succ, fail, avgRt,
/// timestamp}]}`), with the whole tick beside its own fields for those who can merge histograms.
fn message(ticks: &[&Tick]) -> Value {
    let mut regions = Map::new();
    for tick in ticks {
        let entry = json!({
            "testId": tick.test_id,
            "vu": tick.virtual_users,
            "succ": tick.succeeded,
            "fail": tick.failed,
            "avgRt": tick.avg_rt,
            // AWS DLT rounds to the second.
            "timestamp": tick.at_ms / 1000 * 1000,
            "tick": tick,
        });
        match regions.entry(tick.region.as_str()).or_insert_with(|| json!([])) {
            Value::Array(entries) => entries.push(entry),
            _ => unreachable!("only lists are inserted"),
        }
    }
    Value::Object(regions)
}

#[cfg(test)]
mod tests {
    use dlt_model::{histogram::Histogram, tick};

    use super::*;

    fn tick(test: &str, region: &str, second: u64) -> Tick {
        Tick {
            schema: tick::SCHEMA.into(),
            test_id: test.parse().unwrap(),
            run_id: "01J".parse().unwrap(),
            region: region.parse().unwrap(),
            worker: 0,
            at_ms: 1_700_000_000_999,
            second,
            virtual_users: 5,
            succeeded: 90,
            failed: 1,
            avg_rt: 0.0123,
            latency_ms_p95: 20.0,
            bytes_received: 1,
            bytes_sent: 1,
            latency: Histogram::default(),
            health: tick::Health::default(),
        }
    }

    #[test]
    fn a_message_has_aws_dlt_s_fields_by_region_and_the_whole_tick() {
        let (here, there) = (tick("abc", "eu-west-1", 1), tick("abc", "us-east-1", 2));
        let message = message(&[&here, &there]);
        let entry = &message["eu-west-1"][0];
        assert_eq!(entry["testId"], "abc");
        assert_eq!((&entry["vu"], &entry["succ"], &entry["fail"]), (&json!(5), &json!(90), &json!(1)));
        assert_eq!((&entry["avgRt"], &entry["timestamp"]), (&json!(0.0123), &json!(1_700_000_000_000_u64)));
        assert_eq!(serde_json::from_value::<Tick>(message["us-east-1"][0]["tick"].clone()).unwrap(), there);
    }

    #[test]
    fn ticks_of_different_scenarios_go_to_different_topics() {
        let ticks = [tick("a", "local", 1), tick("b", "local", 1), tick("a", "local", 2)];
        let tests = by_test(&ticks);
        let counts: Vec<_> = tests.iter().map(|(test, ticks)| (names::topic(test), ticks.len())).collect();
        assert_eq!(counts, [("dlt/a".to_owned(), 2), ("dlt/b".to_owned(), 1)]);
    }
}
