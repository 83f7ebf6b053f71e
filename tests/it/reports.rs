//! The gate's reports as others read them: a schema, a renderer of Markdown and a real browser, none of them ours.

use std::process::Command;

use dlt::target::Target;
use serde_json::Value;

use crate::support::{Ended, Sandbox, python, root};

/// Labels that mean something to XML, HTML, Markdown, a table or a mention.
const HOSTILE: [&str; 5] = [
    "a|b long é 😀 name without an end …………………………………………………………………………………………………………………",
    "`tick` ``two``",
    "<script>alert(1)</script>",
    "**bold** [x](http://e.example) @all #1",
    "]]>&amp;</details><h1>\\",
];

/// A gate on labels that nobody should be able to break a report with; one request in two fails.
fn gated(target: &Target) -> Sandbox {
    let sandbox = Sandbox::new();
    let requests: Vec<Value> = HOSTILE
        .iter()
        .flat_map(|label| [("/", *label), ("/status/503", *label)])
        .map(|(path, label)| serde_json::json!({"label": label, "url": format!("{}{path}", target.url())}))
        .collect();
    let scenario = serde_json::json!({
        "name": "shop <b>|`x`",
        "load": {"virtual_users": 2, "hold_for": "2s"},
        "requests": requests,
        "thresholds": ["success_rate >= 99%", "p95 of \"`tick` ``two``\" <= 5s", "warn p95 of \"<script>alert(1)</script>\" < 1us"],
    });
    sandbox.write("qa.yaml", &scenario.to_string());
    sandbox.dlt(&["gate", "qa.yaml"]).with_code(99);
    sandbox
}

fn started() -> (tokio::runtime::Runtime, Target) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    (runtime, target)
}

#[test]
fn junit_is_valid_and_markdown_renders_whatever_requests_are_called() {
    let (_runtime, target) = started();
    let sandbox = gated(&target);
    let output = Command::new(python("judges/bin/python"))
        .arg(root().join("tests/judges/reports.py"))
        .arg(sandbox.path().join("dlt-reports"))
        .output()
        .expect("python starts");
    let seen = Ended::of(output).with_code(0).json();
    assert_eq!(seen["cases"].as_array().map(Vec::len), Some(4), "{seen:#}");
    let cells: Vec<&str> = texts(&seen["tables"]);
    for label in HOSTILE {
        assert!(cells.contains(&label), "{label} is a cell of its own: {seen:#}");
    }
    assert_eq!(seen["links"], serde_json::json!([]), "nobody's label is a link");
    for element in texts(&seen["elements"]) {
        let ours =
            ["main", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "details", "summary"];
        assert!(ours.contains(&element), "<{element}> came from a label: {seen:#}");
    }
}

/// Every text in a value, however deep.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text],
        _ => Vec::new(),
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere_fits_a_phone_and_is_accessible_in_both_colour_schemes() {
    let (_runtime, target) = started();
    let sandbox = gated(&target);
    let page = sandbox.path().join("dlt-reports/report.html");
    let seen = looked_at(url::Url::from_file_path(page).expect("an absolute path").as_str(), "report", "");
    for kind in ["findings", "requests", "complaints", "overflows"] {
        assert_eq!(seen[kind], serde_json::json!([]), "{kind}: {seen:#}");
    }
}

/// What a real browser sees of a page once a text is there. `DLT_PICTURES` names a folder that keeps pictures of it.
pub fn looked_at(url: &str, name: &str, text: &str) -> Value {
    let picture = std::env::var("DLT_PICTURES").map(|folder| format!("{folder}/{name}")).unwrap_or_default();
    let mut command = Command::new("node");
    command.arg(root().join("tests/browser/look.mjs")).args([url, &picture, text]);
    Ended::of(command.output().expect("node starts")).with_code(0).json()
}
