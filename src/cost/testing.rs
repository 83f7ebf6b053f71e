//! A test: workers and their addresses, what they say, and what moves a run forward.

use dlt_model::{
    duration::Duration,
    forecast::{
        STARTING, Size,
        prices::{self, services as price},
    },
};
use serde::Serialize;

use super::bill::{Bill, Line, number};
use crate::report::units;

/// Hours of a month, as AWS's own calculators have it.
const MONTH_HOURS: f64 = 730.0;
/// A worker's line of live data a second, with its histogram. Assumed: few are longer.
const TICK_BYTES: f64 = 1_500.0;
/// Metrics that a region's log lines turn into, and those that ECS measures of its cluster and its workers. Counted.
const METRICS_PER_REGION: f64 = 9.0 + 16.0;
/// How often a run is looked after, at least: see `ASK_AGAIN_MS` of the control plane.
const LOOKED_AFTER_SECS: f64 = 15.0;
/// The steps of the state machine for each time.
const TRANSITIONS: f64 = 3.0;
/// Memory of the function that publishes live data, and how long it takes for one worker's second, at worst.
const PUBLISHER_GB: f64 = 0.25;
const PUBLISHING_SECS: f64 = 0.1;
/// Memory of the function that looks after a run, and how long it takes.
const ADVANCER_GB: f64 = 0.5;
const ADVANCING_SECS: f64 = 1.0;
/// Bytes of what bills call a GB of transfer.
const GB: f64 = 1_000_000_000.0;

/// What a test needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// What to call it.
    pub name: String,
    /// Workers by region.
    pub fleet: Vec<(String, u32)>,
    /// How many of them have a public address.
    pub public_workers: u32,
    /// How long it lasts.
    pub duration: Duration,
    /// What a worker is.
    pub size: Size,
    /// Whether live data is published.
    pub live_data: bool,
    /// Bytes that it sends, where a scenario tells.
    pub bytes_sent: Option<f64>,
}

/// What a test costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Test {
    /// What it is called.
    pub name: String,
    /// Workers over all regions.
    pub workers: u32,
    /// What a worker is.
    #[cfg_attr(test, schemars(with = "crate::forms::Size"))]
    pub size: Size,
    /// How long it lasts.
    #[cfg_attr(test, schemars(with = "String"))]
    pub duration: Duration,
    /// The sum and what it is made of.
    #[serde(flatten)]
    pub bill: Bill,
    /// The same for an hour of such a test.
    pub usd_per_hour: f64,
    /// Regions whose Fargate price is not known, reckoned as us-east-1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
}

impl Test {
    /// Reckons a test.
    pub fn of(load: &Load) -> Self {
        let (bill, unpriced) = reckon(load);
        Self {
            name: load.name.clone(),
            workers: load.workers(),
            size: load.size,
            duration: load.duration,
            usd_per_hour: reckon(&load.for_an_hour()).0.usd,
            bill,
            unpriced,
        }
    }
}

impl Load {
    fn workers(&self) -> u32 {
        self.fleet.iter().map(|(_, workers)| workers).sum()
    }

    /// The same for an hour, in which what starting costs weighs as little as in any test of an hour.
    fn for_an_hour(&self) -> Self {
        let hour = Duration::from_secs(3_600);
        #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 milliseconds")]
        let times = hour.as_millis() as f64 / self.duration.as_millis().max(1) as f64;
        Self { duration: hour, bytes_sent: self.bytes_sent.map(|bytes| bytes * times), ..self.clone() }
    }
}

/// The bill, and the regions that it guesses.
fn reckon(load: &Load) -> (Bill, Vec<String>) {
    let billed = Duration::from_millis(STARTING.as_millis() + load.duration.as_millis());
    let fargate = prices::cost(&load.fleet, billed, load.size);
    (Bill::of(lines(load, load.workers(), &fargate)), fargate.unpriced)
}

fn lines(load: &Load, workers: u32, fargate: &prices::Cost) -> Vec<Line> {
    let (billed_hours, seconds) = (hours(fargate.billed), hours(load.duration) * 3_600.0);
    let worker_seconds = f64::from(workers) * seconds;
    #[expect(clippy::cast_precision_loss, reason = "a test has few regions")]
    let regions = load.fleet.len() as f64;
    let looks = (seconds / LOOKED_AFTER_SECS).ceil();
    let messages = if load.live_data { worker_seconds } else { 0.0 };
    let gigabyte_seconds = messages * PUBLISHING_SECS * PUBLISHER_GB + looks * ADVANCING_SECS * ADVANCER_GB;
    let size = format!("{} vCPU, {} GB", number(load.size.vcpus), number(load.size.memory_gib));
    let public_hours = f64::from(load.public_workers) * billed_hours;
    let sent = load.bytes_sent.unwrap_or_default() / GB;
    vec![
        Line {
            what: "Fargate".to_owned(),
            how: format!("{workers} × ({size}) × {}", fargate.billed),
            usd: fargate.usd,
        },
        Line {
            what: "public addresses".to_owned(),
            how: format!("{} × {} × ${}/h", load.public_workers, fargate.billed, price::ADDRESS_HOUR),
            usd: public_hours * price::ADDRESS_HOUR,
        },
        Line {
            what: "log lines".to_owned(),
            how: format!("1 tick a second of each worker, ≈ {} GB", number(worker_seconds * TICK_BYTES / GB)),
            usd: worker_seconds * TICK_BYTES / GB * price::LOGS_GB,
        },
        Line {
            what: "metrics".to_owned(),
            how: format!("{} by the hour", number(METRICS_PER_REGION * regions)),
            usd: METRICS_PER_REGION * regions * hours(load.duration).ceil() / MONTH_HOURS * price::METRIC_MONTH,
        },
        Line {
            what: "live data".to_owned(),
            how: format!("≤ {} messages", whole(messages)),
            usd: messages / 1e6 * price::MESSAGES_MILLION,
        },
        Line {
            what: "functions".to_owned(),
            how: format!("≤ {} calls", whole(messages + looks)),
            usd: gigabyte_seconds * price::FUNCTION_GB_SECOND + (messages + looks) / 1e6 * price::CALLS_MILLION,
        },
        Line {
            what: "state machine".to_owned(),
            how: format!("≈ {} transitions", whole(looks * TRANSITIONS)),
            usd: looks * TRANSITIONS / 1e3 * price::TRANSITIONS_THOUSAND,
        },
        Line {
            what: "data sent".to_owned(),
            how: format!("≈ {} GB to the internet", number((sent * 100.0).round() / 100.0)),
            usd: sent * price::OUT_GB,
        },
    ]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are positive and far below 2^53")]
fn whole(count: f64) -> String {
    units::count(count.round() as u64)
}

#[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 milliseconds")]
fn hours(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 3_600_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(workers: u32, hours: u64) -> Load {
        Load {
            name: "shop".to_owned(),
            fleet: vec![("us-east-1".to_owned(), workers)],
            public_workers: workers,
            duration: Duration::from_secs(hours * 3_600),
            size: Size { vcpus: 2.0, memory_gib: 4.0, arm: false },
            live_data: true,
            bytes_sent: None,
        }
    }

    fn line(test: &Test, what: &str) -> f64 {
        test.bill.lines.iter().find(|line| line.what == what).map_or(0.0, |line| line.usd)
    }

    #[test]
    fn workers_are_billed_from_when_they_are_asked_for() {
        let test = Test::of(&load(10, 30));
        let hourly = 10.0 * (2.0 * 0.04048 + 4.0 * 0.004_445);
        assert!((line(&test, "Fargate") - hourly * (30.0 + 1.0 / 60.0)).abs() < 1e-6);
        assert!((line(&test, "public addresses") - 10.0 * 0.005 * (30.0 + 1.0 / 60.0)).abs() < 1e-9);
    }

    #[test]
    fn the_sum_is_that_of_the_lines() {
        let test = Test::of(&load(4, 2));
        assert!((test.bill.usd - test.bill.lines.iter().map(|line| line.usd).sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn an_hour_costs_the_same_however_short_or_long_the_test_is() {
        let hour = Test::of(&Load { bytes_sent: Some(1e9), ..load(2, 1) });
        assert!((hour.usd_per_hour - hour.bill.usd).abs() < 1e-9);
        let short = Load { duration: Duration::from_secs(36), bytes_sent: Some(1e7), ..load(2, 1) };
        let long = Load { bytes_sent: Some(2e9), ..load(2, 2) };
        for other in [short, long] {
            assert!((Test::of(&other).usd_per_hour - hour.usd_per_hour).abs() < 1e-9, "{}", other.duration);
        }
    }

    #[test]
    fn twice_the_workers_cost_twice_as_much_and_the_machine_stays_the_same() {
        let (one, two) = (Test::of(&load(1, 1)), Test::of(&load(2, 1)));
        for what in ["Fargate", "public addresses", "log lines", "live data"] {
            assert!((line(&two, what) - 2.0 * line(&one, what)).abs() < 1e-9, "{what}");
        }
        for what in ["state machine", "metrics"] {
            assert!((line(&two, what) - line(&one, what)).abs() < 1e-9, "{what}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_billed() {
        let quiet = Test::of(&Load { live_data: false, public_workers: 0, ..load(1, 1) });
        assert_eq!((line(&quiet, "live data"), line(&quiet, "public addresses")), (0.0, 0.0));
        assert_eq!(line(&quiet, "data sent"), 0.0);
        let sending = Test::of(&Load { bytes_sent: Some(2e9), ..load(1, 1) });
        assert!((line(&sending, "data sent") - 0.18).abs() < 1e-9);
    }

    #[test]
    fn a_region_without_a_price_is_named() {
        let strange = Load { fleet: vec![("eu-moon-1".to_owned(), 1)], ..load(1, 1) };
        assert_eq!(Test::of(&strange).unpriced, ["eu-moon-1"]);
    }
}
