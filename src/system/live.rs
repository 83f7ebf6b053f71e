//! The seconds of a run on a system while it goes on, as its console hears them: MQTT over a WebSocket, or of a system on this
//! machine server-sent events.
//!
//! Whoever listens may miss something; a verdict rests on the workers' reports. What is heard shows the way, and lets an `abort`
//! clause stop a run at once.

mod events;
mod listen;
mod mqtt;

use std::time::Duration;

use dlt_control::{ports::Subscription, series::Point};
use dlt_model::tick::Tick;
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle, time};

use super::System;

/// How long we wait before we try again to listen.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often we try to listen until we say that we cannot.
const ATTEMPTS: u32 = 3;
/// How many ticks may wait to be looked at.
const WAITING: usize = 1_024;

/// What comes of listening.
#[derive(Debug)]
pub enum Heard {
    /// A second of all workers, from before anybody listened.
    Past(Box<Point>),
    /// A second of a worker.
    Tick(Box<Tick>),
    /// Nothing will be heard, for this reason.
    Deaf(String),
}

/// Somebody who listens until this is dropped.
#[derive(Debug)]
pub struct Listener {
    heard: mpsc::Receiver<Heard>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Listens to the ticks of a scenario.
    pub fn start(system: &System, test_id: &str, run_id: &str) -> Self {
        let (sender, heard) = mpsc::channel(WAITING);
        let ear = listen::Ear::new(system, run_id);
        let how = format!("/scenarios/{test_id}/live");
        let task = tokio::spawn(async move {
            let mut left = ATTEMPTS;
            loop {
                // Whoever has heard something may fail as often as at the start.
                let Err(broken) = listen(&ear, &how, &sender).await else { return };
                left = if broken.was_open { ATTEMPTS } else { left - 1 };
                if left == 0 {
                    drop(sender.send(Heard::Deaf(broken.why)).await);
                    return;
                }
                time::sleep(AGAIN_AFTER).await;
            }
        });
        Self { heard, task }
    }

    /// The next that is heard; never returns when nothing more will be. May be dropped and asked again.
    pub async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a connection is no more.
struct Broken {
    why: String,
    /// Whether anything could have been heard before.
    was_open: bool,
}

/// Asks how one may listen, and does so until nobody wants to hear it any more.
async fn listen(ear: &listen::Ear, how: &str, sender: &mpsc::Sender<Heard>) -> Result<(), Broken> {
    let answer = ear.api.get(how).await;
    match answer.map_err(|error| Broken { why: error.to_string(), was_open: false })? {
        Subscription::Iot { endpoint, topic } => ear.listen(&endpoint, &topic, sender).await,
        Subscription::ServerSentEvents { path } => events::listen(&ear.api, &path, sender).await,
    }
}

/// The ticks of a message: AWS DLT's shape, by region, with the whole tick beside its fields.
fn ticks(payload: &[u8]) -> Vec<Tick> {
    let message: Value = serde_json::from_slice(payload).unwrap_or_default();
    let entries = message.as_object().into_iter().flat_map(|regions| regions.values()).filter_map(Value::as_array);
    entries.flatten().filter_map(|entry| serde_json::from_value(entry["tick"].clone()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_tick_is_not_heard() {
        for payload in ["", "7", "{}", r#"{"eu-west-1": 3}"#, r#"{"eu-west-1": [{"vu": 3}]}"#] {
            assert_eq!(ticks(payload.as_bytes()), [], "{payload}");
        }
    }
}
