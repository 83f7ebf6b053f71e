//! AWS DLT's shape of results, with numbers that are true.

use dlt_model::{dlt_results::results, summary::Summary};
use serde_json::json;

use crate::reports::{Seen, region, report, run_id, summary, test_id};

#[test]
fn percentiles_come_from_merged_histograms_and_not_from_means() {
    // A fast worker with nine thousand samples and a slow one with a thousand: the mean of their medians would be 0.28 s.
    let fast = Seen { succeeded: (0..9_000).map(|n| 10_000 + n % 4_000).collect(), failed: Vec::new() };
    let slow = Seen { succeeded: (0..1_000).map(|n| 500_000 + n * 99).collect(), failed: Vec::new() };
    let (here, there) = (region("eu-west-1"), region("us-east-1"));
    let mut summary = Summary::new(&test_id(), &run_id(), [(0, &here), (1, &there)]);
    summary.add(&report(0, "eu-west-1", "home", &[fast])).unwrap();
    summary.add(&report(1, "us-east-1", "home", &[slow])).unwrap();
    let written = results(&summary);
    let number = |of: &str, key: &str| written[of][key].as_str().unwrap().parse::<f64>().unwrap();
    assert!(number("total", "p50_0") < 0.0131, "{}", written["total"]["p50_0"]);
    assert!(number("total", "p99_0") > 0.585, "{}", written["total"]["p99_0"]);
    assert!(number("total", "p0_0") <= 0.01 && number("total", "p100_0") >= 0.598);
    assert_eq!(
        written["total"]["p95_0"],
        json!(format!("{:.5}", summary.total.all.latency.percentile_us(95.0).unwrap() as f64 / 1e6))
    );
    assert_eq!(written["us-east-1"]["throughput"], json!(1_000));
    assert_eq!(written["total"]["throughput"], json!(10_000));
}

#[test]
fn the_shape_is_aws_dlts() {
    let seen = Seen { succeeded: vec![1_000; 3], failed: vec![1_000] };
    let written = results(&summary(1, &[report(0, "eu-west-1", "home", &[seen])]));
    let fields = json!({
        "avg_ct": "0.00025", "avg_lt": "0.00050", "avg_rt": "0.00100", "stdev_rt": "0.00000", "bytes": "400", "concurrency": "1",
        "fail": 1, "succ": 3, "throughput": 4, "testDuration": "1", "rc": [{"code": "200", "count": 3}, {"code": "500", "count": 1}],
        "p0_0": "0.00100", "p50_0": "0.00100", "p90_0": "0.00100", "p95_0": "0.00100", "p99_0": "0.00100", "p99_9": "0.00100",
        "p100_0": "0.00100",
    });
    let mut label = fields.clone();
    label["label"] = json!("home");
    let mut part = fields;
    part["labels"] = json!([label]);
    assert_eq!(json!(written), json!({"eu-west-1": part, "total": part}));
}

#[test]
fn a_run_without_samples_has_results_too() {
    let written = results(&summary(1, &[]));
    assert_eq!(written["total"]["throughput"], json!(0));
    assert_eq!(written["total"]["p95_0"], json!("0.00000"));
}
