//! Starts scenarios that are due while the system is up, as a rule of EventBridge does on AWS.

use std::time::Duration;

use dlt_control::ControlPlane;
use tokio::time::{MissedTickBehavior, interval};

/// How often schedules are looked over.
const EVERY: Duration = Duration::from_secs(1);

/// Looks over the schedules for as long as it is let.
pub async fn keep(plane: ControlPlane) {
    let mut ticks = interval(EVERY);
    // After the machine has slept one look is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match plane.start_what_is_due().await {
            Ok(told) => {
                for (test, last) in told {
                    tracing::info!(%test, ?last, "a scheduled start");
                }
            }
            Err(error) => tracing::warn!(%error, "the schedules cannot be looked over now"),
        }
    }
}
