//! A line of a log, and what it says to a person.

use dlt_model::{id::Region, tick};
use serde_json::{Map, Value};

/// A line as CloudWatch keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its id in CloudWatch.
    pub id: String,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// Where.
    pub region: Region,
    /// Which part wrote it, such as `workers` or `api`.
    pub source: String,
    /// The log group.
    pub group: String,
    /// The stream in it: one task, one instance of a function.
    pub stream: String,
    /// What was written.
    pub message: String,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// What a machine tells a machine: seconds of workers, starts and ends of functions.
    Machine,
    /// Anything else.
    Plain,
    /// Something that may be wrong.
    Warning,
    /// Something that is wrong.
    Error,
}

/// What a line says to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How much it matters.
    pub weight: Weight,
    /// What it says.
    pub text: String,
    /// What else is known, as `name=value`.
    pub fields: Vec<(String, String)>,
}

/// Fields that say when and where, which the line itself knows better, and `spans`, whose last one is the `span`.
const KNOWN_BETTER: [&str; 10] =
    ["timestamp", "time", "event_timestamp", "at", "target", "level", "message", "type", "threadName", "spans"];

/// How Lambda begins the lines around an invocation where it does not write JSON.
const INVOCATION: [&str; 4] = ["START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "INIT_START "];

/// Reads a line: JSON by its level, its message and its fields, anything else as it is.
pub fn read(line: &Line) -> Reading {
    let message = line.message.trim_end();
    let Ok(Value::Object(fields)) = serde_json::from_str(message) else {
        return Reading { weight: weight_of_text(message), text: message.to_owned(), fields: Vec::new() };
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let said = text("message").or_else(|| text("type")).unwrap_or_default().to_owned();
    Reading { weight: weight(&fields), text: said, fields: rest(&fields) }
}

fn weight_of_text(message: &str) -> Weight {
    match message {
        text if text.starts_with("error:") => Weight::Error,
        text if INVOCATION.iter().any(|start| text.starts_with(start)) => Weight::Machine,
        _ => Weight::Plain,
    }
}

fn weight(fields: &Map<String, Value>) -> Weight {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = text("type");
    let status = text("status").parse().unwrap_or(0_u16);
    match text("level") {
        "ERROR" | "FATAL" => Weight::Error,
        "WARN" => Weight::Warning,
        _ if text("schema") == tick::SCHEMA => Weight::Machine,
        _ if kind.starts_with("platform.") => platform(fields),
        _ if ["Failed", "TimedOut", "Aborted"].iter().any(|end| kind.ends_with(end)) => Weight::Error,
        _ if status >= 500 => Weight::Error,
        _ if status >= 400 => Weight::Warning,
        _ => Weight::Plain,
    }
}

/// Lambda tells the start and the end of every invocation; worth a look are those that did not succeed.
fn platform(fields: &Map<String, Value>) -> Weight {
    match fields.get("record").and_then(|record| record["status"].as_str()) {
        None | Some("success") => Weight::Machine,
        Some(_) => Weight::Error,
    }
}

fn rest(fields: &Map<String, Value>) -> Vec<(String, String)> {
    let told = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() || text == "-" => None,
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    };
    let others = fields.iter().filter(|(name, _)| !KNOWN_BETTER.contains(&name.as_str()));
    let one = |(name, value): (&String, &Value)| match value {
        Value::Object(span) if name == "span" => request(span),
        value => Some((name.clone(), told(value)?)),
    };
    others.filter_map(one).collect()
}

/// Of all that a function's library says of an invocation: the id under which AWS knows it.
fn request(span: &Map<String, Value>) -> Option<(String, String)> {
    let id = span.get("requestId")?.as_str()?;
    Some(("request".to_owned(), id.to_owned()))
}

/// Which part writes into a log group of a stack: the last word of its name that is not the stack's.
pub fn source(group: &str, stack: &str) -> String {
    let words = group.split('/').rev().filter(|word| !word.is_empty() && *word != stack);
    let own = words.map(|word| word.strip_prefix(stack).map_or(word, |rest| rest.trim_start_matches('-'))).next();
    own.unwrap_or(group).to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn line(at_ms: i64, source: &str, message: &str) -> Line {
        Line {
            id: format!("{at_ms}{source}"),
            at_ms,
            region: "eu-west-1".parse().expect("a region"),
            source: source.to_owned(),
            group: format!("/dlt/dlt-dev/{source}"),
            stream: "one".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_line_of_json_is_read_by_its_level_its_message_and_its_fields() {
        let said = r#"{"timestamp":"2026-11-22T10:21:44Z","level":"INFO","message":"the run moved","run":"01","n":3,"target":"x"}"#;
        let reading = read(&line(0, "advance", said));
        assert_eq!((reading.weight, reading.text.as_str()), (Weight::Plain, "the run moved"));
        assert_eq!(reading.fields, [("run".to_owned(), "01".to_owned()), ("n".to_owned(), "3".to_owned())]);
        let span = r#"{"requestId":"1f4e","xrayTraceId":"Root=1","name":"Lambda runtime invoke"}"#;
        let invoked = format!(r#"{{"message":"moved","n":3,"span":{span},"spans":[{span}]}}"#);
        let fields = [("n".to_owned(), "3".to_owned()), ("request".to_owned(), "1f4e".to_owned())];
        assert_eq!(read(&line(0, "advance", &invoked)).fields, fields, "an invocation is its id");
        let plain = read(&line(0, "workers", "error: no start instant\n"));
        assert_eq!((plain.weight, plain.text.as_str()), (Weight::Error, "error: no start instant"));
    }

    #[test]
    fn what_a_machine_tells_a_machine_weighs_little_and_what_went_wrong_much() {
        let cases = [
            (format!(r#"{{"schema":"{}","second":3}}"#, tick::SCHEMA), Weight::Machine),
            (r#"{"type":"platform.start","record":{"requestId":"1"}}"#.to_owned(), Weight::Machine),
            (r#"{"type":"platform.report","record":{"status":"success"}}"#.to_owned(), Weight::Machine),
            (r#"{"type":"platform.report","record":{"status":"timeout"}}"#.to_owned(), Weight::Error),
            (r#"{"level":"WARN","message":"slow"}"#.to_owned(), Weight::Warning),
            (r#"{"type":"TaskStateEntered","execution_arn":"a"}"#.to_owned(), Weight::Plain),
            (r#"{"type":"ExecutionFailed","execution_arn":"a"}"#.to_owned(), Weight::Error),
            (r#"{"method":"GET","status":"200"}"#.to_owned(), Weight::Plain),
            (r#"{"method":"GET","status":"403"}"#.to_owned(), Weight::Warning),
            (r#"{"method":"GET","status":"502"}"#.to_owned(), Weight::Error),
            ("START RequestId: 1 Version: $LATEST".to_owned(), Weight::Machine),
            ("[1, 2]".to_owned(), Weight::Plain),
            (String::new(), Weight::Plain),
        ];
        for (message, expected) in cases {
            assert_eq!(read(&line(0, "any", &message)).weight, expected, "{message}");
        }
    }

    #[test]
    fn a_group_is_called_by_what_writes_into_it() {
        let cases = [
            ("/dlt/dlt-dev/workers", "workers"),
            ("/aws/lambda/dlt-dev-api", "api"),
            ("/aws/vendedlogs/states/dlt-dev-runs", "runs"),
            ("/aws/vendedlogs/apis/dlt-dev", "apis"),
            ("/aws/codebuild/dlt-dev-qa", "qa"),
        ];
        for (group, expected) in cases {
            assert_eq!(source(group, "dlt-dev"), expected);
        }
        assert_eq!(source("/aws/codebuild/dlt-dev-pipeline-qa", "dlt-dev-pipeline"), "qa");
        assert_eq!(source("dlt-dev", "dlt-dev"), "dlt-dev");
    }
}
