//! What a run measured besides requests: iterations, transactions, checks, and metrics of the user's own.

use console::StyledObject;
use dlt_model::{histogram::Histogram, metric::Metric, program::MetricKind, summary::Summary};

use super::{
    summary::{Paint, latencies, table},
    units,
};

/// A line or a table for each kind that there is.
pub fn text(summary: &Summary, paint: &Paint) -> String {
    [iterations, transactions, metrics, checks, undone].map(|part| part(summary, paint)).concat()
}

fn iterations(summary: &Summary, paint: &Paint) -> String {
    let total = &summary.total;
    let p95 = |histogram: &Histogram| histogram.percentile_us(95.0).map(units::latency);
    let lines = [
        (total.iterations.completed > 0).then(|| format!("{} completed", units::count(total.iterations.completed))),
        (total.iterations.interrupted > 0).then(|| format!("{} cut off", units::count(total.iterations.interrupted))),
        p95(&total.iteration_duration).map(|p95| format!("p95 {p95}")),
        p95(&total.lateness).map(|p95| format!("95% begun at most {p95} late")),
    ];
    let told: Vec<String> = lines.into_iter().flatten().collect();
    if told.is_empty() {
        return String::new();
    }
    format!("{} {}\n\n", paint.faint.apply_to("iterations:"), told.join(" · "))
}

fn transactions(summary: &Summary, _: &Paint) -> String {
    let transactions = &summary.total.transactions;
    if transactions.is_empty() {
        return String::new();
    }
    let rows = transactions.iter().map(|(name, measurements)| (name.as_str(), measurements));
    latencies("transaction", rows, summary.duration_ms())
}

fn metrics(summary: &Summary, _: &Paint) -> String {
    let metrics = &summary.total.metrics;
    if metrics.is_empty() {
        return String::new();
    }
    let row = |(name, metric): (&String, &Metric)| [name.clone(), units::count(metric.count), said(metric)];
    table(["metric", "values", ""], 1..2, metrics.iter().map(row))
}

/// What a metric of its kind says, in a few words.
fn said(metric: &Metric) -> String {
    if metric.count == 0 {
        return "–".to_owned();
    }
    let number = units::decimal;
    match metric.kind {
        MetricKind::Counter => format!("sum {}", number(metric.sum)),
        MetricKind::Gauge => {
            format!("last {}, min {}, max {}", number(metric.last), number(metric.min), number(metric.max))
        }
        MetricKind::Rate => format!("{}% true", number(metric.mean().unwrap_or_default() * 100.0)),
        MetricKind::Trend => {
            let percentile = |percent| metric.percentile(percent).map_or_else(|| "–".to_owned(), number);
            format!(
                "p50 {}, p95 {}, p99 {}, max {}",
                percentile(50.0),
                percentile(95.0),
                percentile(99.0),
                number(metric.max)
            )
        }
    }
}

/// How often each check held.
fn checks(summary: &Summary, paint: &Paint) -> String {
    let mark = |failed: u64| -> StyledObject<&str> {
        if failed == 0 { paint.good.apply_to("✓") } else { paint.bad.apply_to("✗") }
    };
    let checks = summary.total.checks.iter();
    checks
        .map(|(name, count)| {
            let (passed, all) = (units::count(count.passed), units::count(count.passed + count.failed));
            format!("{} check {name}: {passed} of {all}\n", mark(count.failed))
        })
        .collect()
}

/// Iterations that could not begin, and users who found no data.
fn undone(summary: &Summary, paint: &Paint) -> String {
    let mark = paint.doubtful.apply_to("!");
    let dropped = Some(summary.total.iterations.dropped)
        .filter(|dropped| *dropped > 0)
        .map(|dropped| format!("{mark} {} iterations could not begin\n", units::count(dropped)));
    let feeds = summary.total.exhausted_feeds.iter();
    let ended =
        feeds.map(|(feed, users)| format!("{mark} {} VUs ended: no row left in {feed}\n", units::count(*users)));
    dropped.into_iter().chain(ended).collect()
}

#[cfg(test)]
mod tests {
    use dlt_model::{metric::CheckCount, report::Measurements};

    use super::{super::summary::tests::summary, *};

    fn metric(kind: MetricKind, values: &[f64]) -> Metric {
        let mut metric = Metric::new(kind);
        values.iter().for_each(|value| metric.record(*value, 0));
        metric
    }

    #[test]
    fn checks_dropped_iterations_and_empty_feeds_are_told() {
        let mut summary = summary();
        summary.total.checks.insert("has a token".to_owned(), CheckCount { passed: 9, failed: 1 });
        summary.total.iterations.dropped = 7;
        summary.total.exhausted_feeds.insert("users.csv".to_owned(), 3);
        let paint = Paint::new(false);
        assert_eq!(
            text(&summary, &paint),
            "✗ check has a token: 9 of 10\n! 7 iterations could not begin\n! 3 VUs ended: no row left in users.csv\n"
        );
    }

    #[test]
    fn what_was_measured_besides_requests_is_shown_as_its_kind_says() {
        let mut summary = summary();
        summary.total.iterations.completed = 1_000;
        (1..=1_000).for_each(|index| summary.total.iteration_duration.record(index * 1_000));
        let mut buying = Measurements { succeeded: 200, ..Measurements::default() };
        (1..=200).for_each(|index| buying.latency.record(index * 5_000));
        summary.total.transactions.insert("buying".to_owned(), buying);
        for (name, kind, values) in [
            ("basket size", MetricKind::Trend, &[1.0, 2.0, 40.5][..]),
            ("logged in", MetricKind::Rate, &[1.0, 1.0, 0.0]),
            ("orders{country=de}", MetricKind::Counter, &[1.0, 1.0]),
            ("stock", MetricKind::Gauge, &[7.0, 3.25, 5.0]),
        ] {
            summary.total.metrics.insert(name.to_owned(), metric(kind, values));
        }
        insta::assert_snapshot!(text(&summary, &Paint::new(false)));
    }
}
