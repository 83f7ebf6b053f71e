//! Our records in AWS DLT's shapes: its names, its units, its ways to write a time.

use dlt_model::scenario::{Scenario, dlt_json::TestScenario};
use serde_json::{Map, Value, json};

use crate::{
    record::{RunRecord, ScenarioRecord, ScheduleRecord},
    schedules::{next_start, timestamp},
};

/// How many of the times to come an answer shows.
const TIMES_SHOWN: usize = 5;

/// A line of `GET /scenarios`.
pub(crate) fn listed_scenario(record: &ScenarioRecord, schedule: Option<&ScheduleRecord>) -> Value {
    let mut line = json!({
        "testId": record.test_id,
        "testName": record.name,
        "testDescription": record.description,
        "testType": record.test_type,
        "status": record.status_word(),
        "startTime": time(record.latest.as_ref().map(|latest| latest.started_at_ms)),
        "endTime": time(record.latest.as_ref().and_then(|latest| latest.ended_at_ms)),
        "tags": record.tags,
        "totalTestRuns": record.total_runs,
    });
    if let Some(schedule) = schedule {
        merge(&mut line, planned(schedule));
        if record.latest.is_none() && next_start(schedule).is_some() {
            line["status"] = json!("scheduled");
        }
    }
    line
}

/// When a scenario starts by itself, in AWS DLT's words: its times are those of the schedule's zone.
fn planned(record: &ScheduleRecord) -> Value {
    let schedule = &record.schedule;
    let wish = schedule.wish();
    let next = next_start(record);
    let mut planned = json!({
        "nextRun": next.map_or_else(String::new, |at| schedule.local(at)),
        "nextRunAtMs": next.map(|at| at.as_millisecond()),
        "scheduleTimezone": schedule.zone(),
    });
    // AWS DLT says `daily` of every line of crontab.
    let recurrence = wish.every.as_deref().or_else(|| wish.cron.as_ref().map(|_| "daily"));
    let words = [
        ("scheduleRecurrence", recurrence),
        ("cronValue", wish.cron.as_deref()),
        ("cronExpiryDate", wish.until.as_deref()),
    ];
    for (key, value) in words {
        if let Some(value) = value {
            planned[key] = json!(value);
        }
    }
    planned
}

/// `GET /scenarios/{testId}/schedule`: as it was set, the times to come, and how the last start went.
pub(crate) fn schedule(record: &ScheduleRecord) -> Value {
    let schedule = &record.schedule;
    let mut answer = json!(schedule);
    let first = next_start(record);
    let times = first.into_iter().flat_map(|first| std::iter::once(first).chain(schedule.times_after(first)));
    let next: Vec<Value> =
        times.take(TIMES_SHOWN).map(|at| json!({"at": at.to_string(), "local": schedule.local(at)})).collect();
    merge(
        &mut answer,
        json!({"testId": record.test_id, "timezone": schedule.zone(), "paused": schedule.is_paused(), "next": next}),
    );
    if let Some(last) = &record.last {
        let mut told = json!(last.outcome);
        told["due"] = json!(timestamp(last.due_at_ms).map(|at| at.to_string()));
        answer["last"] = told;
    }
    answer
}

/// A scenario with what its last run has come to.
pub(crate) fn scenario(
    record: &ScenarioRecord,
    schedule: Option<&ScheduleRecord>,
    body: Map<String, Value>,
    latest: Option<&RunRecord>,
) -> Value {
    let description = body.get("testDescription").cloned();
    let mut answer = Value::Object(body);
    merge(&mut answer, listed_scenario(record, schedule));
    // The list's is shortened.
    if let Some(description) = description {
        answer["testDescription"] = description;
    }
    if let Some(run) = latest {
        merge(&mut answer, outcome(run));
        answer["testRunId"] = json!(run.run_id);
    }
    answer
}

/// A run; with its body, also what it was to do.
pub(crate) fn run(run: &RunRecord, body: Option<&Scenario>) -> Value {
    let body = body.map(|body| body.to_dlt_json(TestScenario::Object));
    let mut answer = Value::Object(body.unwrap_or_default());
    merge(&mut answer, outcome(run));
    merge(
        &mut answer,
        json!({
            "testId": run.test_id,
            "testRunId": run.run_id,
            "testName": run.name,
            "testDescription": run.description,
            "testType": run.test_type,
        }),
    );
    answer
}

/// What both have: how far the run is and what came out.
fn outcome(run: &RunRecord) -> Value {
    let mut outcome = json!({
        "status": run.status,
        "startTime": time(Some(run.created_at_ms)),
        "endTime": time(run.ended_at_ms),
        "startedAtMs": run.start_at_ms,
        "endedAtMs": run.ended_at_ms,
        "completeTasks": run.complete_tasks,
        "partial": run.partial,
        "lostWorkers": run.lost,
    });
    let optional = [
        ("results", run.results.clone()),
        ("errorReason", run.error_reason.as_ref().map(|reason| json!(reason))),
        ("reasons", (!run.reasons.is_empty()).then(|| json!(run.reasons))),
        ("succPercent", success_percent(run).map(|percent| json!(percent))),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            outcome[key] = value;
        }
    }
    outcome
}

/// A line of `GET /scenarios/{testId}/testruns`: rates a second, latencies in milliseconds.
pub(crate) fn listed_run(run: &RunRecord) -> Value {
    let mut line = json!({
        "testRunId": run.run_id,
        "startTime": time(Some(run.created_at_ms)),
        "endTime": time(run.ended_at_ms),
        "status": run.status,
        "partial": run.partial,
    });
    let Some(total) = run.results.as_ref().and_then(|results| results.get("total")) else { return line };
    let requests = number(total, "throughput");
    let seconds = number(total, "testDuration").filter(|seconds| *seconds > 0.0);
    // Results have seconds with five decimals, which are whole hundredths of a millisecond.
    let ms = |key| number(total, key).map(|seconds| (seconds * 100_000.0).round() / 100.0);
    merge(
        &mut line,
        json!({
            "requests": count(total, "throughput"),
            "success": count(total, "succ"),
            "errors": count(total, "fail"),
            "requestsPerSecond": requests.zip(seconds).map(|(requests, seconds)| requests / seconds),
            "avgResponseTime": ms("avg_rt"),
            "avgLatency": ms("avg_lt"),
            "avgConnectionTime": ms("avg_ct"),
            "avgBandwidth": number(total, "bytes").zip(seconds).map(|(bytes, seconds)| bytes / seconds),
            "percentiles": {
                "p0": ms("p0_0"),
                "p50": ms("p50_0"),
                "p90": ms("p90_0"),
                "p95": ms("p95_0"),
                "p99": ms("p99_0"),
                "p99_9": ms("p99_9"),
                "p100": ms("p100_0"),
            },
        }),
    );
    line
}

fn success_percent(run: &RunRecord) -> Option<String> {
    let total = run.results.as_ref()?.get("total")?;
    let (succeeded, requests) = (number(total, "succ")?, number(total, "throughput")?);
    (requests > 0.0).then(|| format!("{:.2}", succeeded / requests * 100.0))
}

/// AWS DLT writes most numbers as text.
fn number(of: &Value, key: &str) -> Option<f64> {
    match of.get(key)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    }
}

/// A whole number, as it was counted.
fn count(of: &Value, key: &str) -> Option<u64> {
    match of.get(key)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    }
}

/// `2026-01-31 12:00:00` in UTC; empty for what has not happened.
fn time(at_ms: Option<u64>) -> String {
    let instant = at_ms.and_then(|ms| jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
    instant.map_or_else(String::new, |instant| instant.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { return };
    let into: &mut Map<String, Value> = into;
    into.extend(from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_dlt_writes_them() {
        assert_eq!(time(Some(1_700_000_000_123)), "2023-11-14 22:13:20");
        assert_eq!(time(None), "");
    }

    #[test]
    fn numbers_are_numbers_whether_written_as_text_or_not() {
        let total = json!({"succ": "12", "fail": 3, "p95_0": "0.412", "text": "x"});
        assert_eq!(number(&total, "succ"), Some(12.0));
        assert_eq!(number(&total, "fail"), Some(3.0));
        assert_eq!(number(&total, "p95_0"), Some(0.412));
        assert_eq!(number(&total, "text"), None);
    }
}
