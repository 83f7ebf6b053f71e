//! The JSON schema of our own format, for editors: completion and a word about every key while a scenario is written.
//!
//! The reader says more, and better; a test sees to it that both know the same keys.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::limits::{MAX_NAME_LENGTH, MAX_REQUESTS, MAX_TAGS, METHODS, MIN_NAME_LENGTH};

/// The schema of a scenario file, as it is published.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(ScenarioFile).to_value();
    schema["title"] = "dlt scenario".into();
    schema
}

/// A load test: which load, from where, doing what, and what must be true of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct ScenarioFile {
    /// What people call it.
    #[schemars(length(min = MIN_NAME_LENGTH, max = MAX_NAME_LENGTH))]
    name: String,
    /// What it is for.
    description: Option<String>,
    /// How many virtual users there are, and for how long.
    load: LoadFile,
    /// How many workers share the load, in the region where it runs; 1 unless given. Not together with `regions`.
    workers: Option<Whole>,
    /// Where the load comes from.
    #[schemars(length(min = 1))]
    regions: Option<Vec<RegionFile>>,
    /// What all requests share.
    defaults: Option<DefaultsFile>,
    /// What each virtual user does in each iteration, in order.
    #[schemars(length(min = 1, max = MAX_REQUESTS))]
    requests: Vec<RequestFile>,
    /// What must be true of the run: clauses such as `success_rate >= 99.5%` or `p95 <= 800ms`.
    thresholds: Option<Thresholds>,
    /// Words to find it by.
    #[schemars(length(max = MAX_TAGS))]
    tags: Option<Vec<String>>,
    /// Whether live data is wanted; true unless given.
    show_live: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct LoadFile {
    /// Virtual users of all workers together.
    virtual_users: Whole,
    /// How long it takes until all virtual users iterate; 0s unless given.
    ramp_up: Option<Time>,
    /// How long all of them go on.
    hold_for: Time,
    /// How long iterations may go on after the end; 30s unless given.
    graceful_stop: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum RegionFile {
    /// A region with one worker.
    Name(String),
    /// A region with several workers.
    Loaded(RegionWithWorkers),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct RegionWithWorkers {
    /// A region such as `eu-west-1`.
    region: String,
    /// How many workers run there; 1 unless given.
    workers: Option<Whole>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct DefaultsFile {
    /// What stands before the path of a request.
    base_url: Option<String>,
    /// Headers of every request; a request's own replace them.
    headers: Option<BTreeMap<String, Text>>,
    /// How long one request may take; 30s unless given.
    timeout: Option<Time>,
    /// How long a virtual user pauses after each request; 0s unless given.
    think_time: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum RequestFile {
    /// `GET /path`, `/path` or `POST https://…`.
    Short(String),
    /// A request with all it has.
    Long(LongRequest),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct LongRequest {
    /// Under which name its samples are counted; the method and the URL as written unless given.
    label: Option<String>,
    /// GET unless given.
    method: Option<Method>,
    /// A path below `base_url`, or a whole URL.
    url: String,
    /// Header names and values.
    headers: Option<BTreeMap<String, Text>>,
    /// The body as text. Not together with `json`.
    body: Option<Text>,
    /// The body as data, sent as JSON.
    json: Option<Value>,
    /// How long it may take.
    timeout: Option<Time>,
    /// Which statuses are a success: one, a class such as `2xx`, or a list of them; any 2xx or 3xx unless given.
    expect: Option<Expected>,
    /// How long the virtual user pauses afterwards.
    think_time: Option<Time>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum Thresholds {
    /// Clauses joined by `;` or line ends.
    Text(String),
    /// A list of clauses.
    List(Vec<String>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum Expected {
    /// One status or class.
    One(Text),
    /// Several of them.
    Several(Vec<Text>),
}

/// A type whose schema is written by hand.
macro_rules! shape {
    ($name:ident, $schema:expr) => {
        struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

shape!(
    Whole,
    json_schema!({
        "description": "A whole number, or a variable such as `${USERS:-10}`.",
        "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": r"^[0-9]+$|\$\{" }]
    })
);
shape!(
    Time,
    json_schema!({
        "description": "A duration such as `1m30s` or `250ms`; a bare number counts seconds.",
        "anyOf": [
            { "type": "number", "minimum": 0 },
            { "type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(d|h|m|s|ms))+$|^[0-9]+(\.[0-9]+)?$|\$\{" }
        ]
    })
);
shape!(Text, json_schema!({ "type": ["string", "number", "boolean"] }));
shape!(
    Method,
    json_schema!({
        "description": "An HTTP method.",
        "anyOf": [{ "enum": METHODS }, { "type": "string", "pattern": "^[a-z]+$" }]
    })
);
