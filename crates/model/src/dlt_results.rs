//! A summary in the shape of AWS DLT's results, which its clients read.
//!
//! | field | is | written as |
//! |---|---|---|
//! | `avg_rt`, `stdev_rt`, `p0_0` … `p100_0` | latency from the intended start to the last byte | seconds, text, five decimals |
//! | `avg_lt` | mean time from the first byte sent to the first received | seconds, text, five decimals |
//! | `avg_ct` | mean time to connect over all samples; one on an open connection counts as nothing | seconds, text, five decimals |
//! | `succ`, `fail`, `throughput` | numbers of samples; `throughput` is their sum, not a rate | numbers |
//! | `bytes` | bytes received | text |
//! | `concurrency` | the largest number of virtual users at once | text |
//! | `testDuration` | seconds from the common start to the last sample, rounded | text |
//! | `rc` | how often each status or error was seen, all of them | `[{code, count}]` |
//! | `labels` | the same per label, with `label` | list |
//!
//! Where AWS DLT takes the mean over tasks, these are sums, and percentiles are read from merged histograms.

use serde_json::{Map, Value, json};

use crate::{
    histogram::Histogram,
    report::Measurements,
    summary::{Part, Summary},
};

const PERCENTILES: [(&str, f64); 7] = [
    ("p0_0", 0.0),
    ("p50_0", 50.0),
    ("p90_0", 90.0),
    ("p95_0", 95.0),
    ("p99_0", 99.0),
    ("p99_9", 99.9),
    ("p100_0", 100.0),
];

/// `results.<region>` for each region, and `results.total`.
pub fn results(summary: &Summary) -> Map<String, Value> {
    let duration_ms = summary.duration_ms();
    let regions = summary.regions.iter().map(|(region, part)| (region.to_string(), of_part(part, duration_ms)));
    regions.chain([("total".to_owned(), of_part(&summary.total, duration_ms))]).collect()
}

fn of_part(part: &Part, duration_ms: u64) -> Value {
    let mut fields = of_measurements(&part.all, part.max_virtual_users, duration_ms);
    let labels = part.labels.iter().map(|(label, measurements)| {
        let mut fields = of_measurements(measurements, part.max_virtual_users, duration_ms);
        fields.insert("label".to_owned(), json!(label));
        Value::Object(fields)
    });
    fields.insert("labels".to_owned(), labels.collect());
    Value::Object(fields)
}

fn of_measurements(measurements: &Measurements, virtual_users: u64, duration_ms: u64) -> Map<String, Value> {
    let latency = &measurements.latency;
    let connects = measurements.connecting.mean_us().unwrap_or_default() * as_f64(measurements.connecting.count());
    let rc = measurements.outcomes.iter().map(|(code, count)| json!({ "code": code, "count": count }));
    let fixed = [
        ("avg_ct", seconds(connects / as_f64(measurements.samples().max(1)))),
        ("avg_lt", seconds(measurements.waiting.mean_us().unwrap_or_default())),
        ("avg_rt", seconds(latency.mean_us().unwrap_or_default())),
        ("stdev_rt", seconds(latency.stdev_us().unwrap_or_default())),
        ("bytes", json!(measurements.bytes_received.to_string())),
        ("concurrency", json!(virtual_users.to_string())),
        ("fail", json!(measurements.failed)),
        ("succ", json!(measurements.succeeded)),
        ("throughput", json!(measurements.samples())),
        ("testDuration", json!(((duration_ms + 500) / 1_000).to_string())),
        ("rc", rc.collect()),
    ];
    let percentiles = PERCENTILES.iter().map(|(name, percent)| (*name, seconds(edge(latency, *percent))));
    fixed.into_iter().chain(percentiles).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A percentile in microseconds. The 0th is the shortest latency, at its bucket's lower edge.
fn edge(latency: &Histogram, percent: f64) -> f64 {
    let micros = if percent == 0.0 { latency.min_us() } else { latency.percentile_us(percent) };
    as_f64(micros.unwrap_or_default())
}

fn seconds(micros: f64) -> Value {
    json!(format!("{:.5}", micros / 1e6))
}

#[expect(clippy::cast_precision_loss, reason = "an hour in microseconds and any count of samples fit into 52 bits")]
fn as_f64(number: u64) -> f64 {
    number as f64
}
