//! The role `live`: ticks out of the workers' log lines, on to whoever watches.

use aws_lambda_events::cloudwatch_logs::{LogData, LogsEvent};
use dlt_aws::{Cloud, Environment, IotLive};
use dlt_control::ports::Live;
use dlt_model::tick::{self, Tick};
use lambda_runtime::{LambdaEvent, service_fn};

/// Answers invocations until the function is taken down.
pub async fn run(cloud: &Cloud, environment: &Environment) -> anyhow::Result<()> {
    let live = &IotLive::new(cloud, &environment.stack, &environment.hub_region);
    let handler = service_fn(|event: LambdaEvent<LogsEvent>| async move {
        // As text: the announcement of a failure holds what it says, and a backtrace says nothing there.
        let done = publish(live, &event.payload.aws_logs.data).await;
        done.map_err(|error| lambda_runtime::Error::from(format!("{error:#}")))
    });
    lambda_runtime::run(handler).await.map_err(|error| anyhow::anyhow!(error))
}

/// Passes a delivery on. A failure is the function's own, so that Lambda counts it, tries once more within the minute that
/// the template allows, and announces what it gave up. Viewers know a tick by run, worker and second, so that one which
/// comes twice changes nothing.
async fn publish(live: &impl Live, data: &LogData) -> anyhow::Result<()> {
    let (ticks, unread) = ticks(data);
    live.publish(&ticks).await?;
    anyhow::ensure!(
        unread == 0,
        "{unread} lines of {} {} say that they are ticks and cannot be read: the worker image and this function are of \
         different versions; `dlt up` brings them together",
        data.log_group,
        data.log_stream
    );
    Ok(())
}

/// The ticks among the lines, and how many lines were none.
fn ticks(data: &LogData) -> (Vec<Tick>, usize) {
    if data.message_type != "DATA_MESSAGE" {
        return (Vec::new(), 0);
    }
    let read = |message: &str| serde_json::from_str(message).ok().filter(|tick: &Tick| tick.schema == tick::SCHEMA);
    let ticks: Vec<Tick> = data.log_events.iter().filter_map(|event| read(&event.message)).collect();
    let unread = data.log_events.len() - ticks.len();
    (ticks, unread)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use async_trait::async_trait;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use dlt_control::ports::{LiveError, Subscription, Viewer};
    use dlt_model::{histogram::Histogram, id::TestId};
    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;

    use super::*;

    fn tick() -> Tick {
        Tick {
            schema: tick::SCHEMA.into(),
            test_id: "abc".parse().unwrap(),
            run_id: "01J".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            worker: 1,
            at_ms: 1_700_000_001_000,
            second: 1,
            virtual_users: 5,
            succeeded: 9,
            failed: 0,
            avg_rt: 0.01,
            latency_ms_p95: 12.0,
            bytes_received: 1,
            bytes_sent: 1,
            latency: Histogram::default(),
            health: tick::Health::default(),
        }
    }

    /// What CloudWatch Logs sends: JSON, gzip, base64.
    fn delivery(message_type: &str, messages: &[&str]) -> LogsEvent {
        let events: Vec<_> =
            messages.iter().map(|message| json!({"id": "1", "timestamp": 1, "message": message})).collect();
        let data = json!({
            "messageType": message_type, "owner": "123456789012", "logGroup": "/dlt/shop/workers",
            "logStream": "worker/worker/1", "subscriptionFilters": ["ticks"], "logEvents": events,
        });
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(data.to_string().as_bytes()).unwrap();
        let text = STANDARD.encode(gzip.finish().unwrap());
        serde_json::from_str(&json!({"awslogs": {"data": text}}).to_string()).unwrap()
    }

    #[test]
    fn ticks_are_read_out_of_a_delivery_and_other_lines_are_counted() {
        let line = serde_json::to_string(&tick()).unwrap();
        let event = delivery("DATA_MESSAGE", &[&line, "hello", r#"{"schema":"dlt.tick.v1"}"#]);
        assert_eq!(ticks(&event.aws_logs.data), (vec![tick()], 2));
    }

    /// A broker that takes nothing, or everything.
    #[derive(Debug)]
    struct Broker {
        works: bool,
    }

    #[async_trait]
    impl Live for Broker {
        async fn publish(&self, _: &[Tick]) -> Result<(), LiveError> {
            if self.works { Ok(()) } else { Err(LiveError("the broker is away".to_owned())) }
        }

        async fn subscription(&self, _: &TestId, _: Option<&Viewer>) -> Result<Subscription, LiveError> {
            Err(LiveError("nobody asks here".to_owned()))
        }
    }

    #[tokio::test]
    async fn what_could_not_be_published_or_read_fails_the_invocation() {
        let line = serde_json::to_string(&tick()).unwrap();
        let (good, strange) = (delivery("DATA_MESSAGE", &[&line]), delivery("DATA_MESSAGE", &[&line, "{}"]));
        let outcome = async |works, event: &LogsEvent| publish(&Broker { works }, &event.aws_logs.data).await;
        assert!(outcome(true, &good).await.is_ok());
        let problem = outcome(false, &good).await.unwrap_err().to_string();
        assert!(problem.contains("the broker is away"), "{problem}");
        let problem = outcome(true, &strange).await.unwrap_err().to_string();
        assert!(problem.contains("1 lines of /dlt/shop/workers"), "{problem}");
    }

    #[test]
    fn the_message_that_only_tests_the_subscription_holds_no_ticks() {
        let event = delivery("CONTROL_MESSAGE", &["CWL CONTROL MESSAGE: Checking health of destination"]);
        assert_eq!(ticks(&event.aws_logs.data), (Vec::new(), 0));
    }
}
