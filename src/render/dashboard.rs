//! The dashboard: a row for each question, a column for each region, a line for each scenario.

use dlt_model::id::Region;
use serde_json::{Value, json};

use crate::config::Config;

/// How many columns CloudWatch's grid has.
const GRID_WIDTH: usize = 24;
/// How high a graph is, in rows of the grid.
const HEIGHT: usize = 6;

/// The body that CloudWatch takes, with the same bytes every time.
pub(super) fn body(config: &Config) -> String {
    let width = (GRID_WIDTH / config.all_regions().count()).max(6);
    let mut widgets = Vec::new();
    for (row, (title, metrics, statistic)) in ROWS.into_iter().enumerate() {
        for (column, region) in config.all_regions().enumerate() {
            let graph = graph(config.stack.as_str(), region, title, metrics, statistic);
            // Regions that do not fit side by side continue below.
            let (left, above) = (column * width % GRID_WIDTH, column * width / GRID_WIDTH);
            let rows_per_question = (config.all_regions().count() * width).div_ceil(GRID_WIDTH);
            let y = (row * rows_per_question + above) * HEIGHT;
            widgets.push(
                json!({"type": "metric", "x": left, "y": y, "width": width, "height": HEIGHT, "properties": graph}),
            );
        }
    }
    json!({ "widgets": widgets }).to_string()
}

/// Title, metrics and how a minute of them is summed up.
const ROWS: [(&str, &[&str], &str); 6] = [
    ("Requests a minute", &["Succeeded", "Failed"], "Sum"),
    ("Average latency (s)", &["AverageLatency"], "Average"),
    ("Slowest worker's 95th percentile (ms)", &["LatencyP95"], "Maximum"),
    ("Virtual users of the largest worker", &["VirtualUsers"], "Maximum"),
    ("Generators: worst loop lag (ms) and dropped iterations", &["LoopLag", "DroppedIterations"], "Maximum"),
    ("Live data that workers gave up (ticks)", &["LostTicks"], "Sum"),
];

fn graph(stack: &str, region: &Region, title: &str, metrics: &[&str], statistic: &str) -> Value {
    let series: Vec<Value> = metrics
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            let search =
                format!("SEARCH('{{\"dlt/{stack}\",Region,TestId}} MetricName=\"{metric}\"', '{statistic}', 60)");
            json!([{"expression": search, "id": format!("m{index}"), "label": format!("{metric} ")}])
        })
        .collect();
    json!({"title": format!("{title}, {region}"), "region": region, "view": "timeSeries", "stacked": false, "metrics": series})
}
