//! The JSON schema of our own format, for editors: completion and a word about every key while a scenario is written.
//!
//! The reader says more, and better; a test sees to it that both know the same keys.

/// A type whose schema is written by hand.
macro_rules! shape {
    ($name:ident, $schema:expr) => {
        pub(in crate::scenario::schema) struct $name;

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

mod client;
mod load;
mod request;
mod step;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use self::{
    client::HttpFile,
    load::Load,
    request::{AuthFile, Expected},
    step::{FlowFile, StepFile},
};
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
    /// How much load there is: users who ramp up and stay, one executor, or several executions by name.
    load: Load,
    /// How many workers share the load, in the region where it runs; 1 unless given. Not together with `regions`.
    workers: Option<Whole>,
    /// Where the load comes from.
    #[schemars(length(min = 1))]
    regions: Option<Vec<RegionFile>>,
    /// What all requests share.
    defaults: Option<DefaultsFile>,
    /// Set once for each virtual user, in order; each may use those before it.
    variables: Option<BTreeMap<String, Value>>,
    /// Rows of data: each iteration begins with the next row of each feed, whose columns are variables.
    data: Option<Vec<FeedFile>>,
    /// Values that only workers know, as variables; never written to a report.
    secrets: Option<BTreeMap<String, SecretFile>>,
    /// How connections are made and kept.
    http: Option<HttpFile>,
    /// What each virtual user does in each iteration, in order. Not together with `flows`.
    #[schemars(length(min = 1, max = MAX_REQUESTS))]
    requests: Option<Vec<StepFile>>,
    /// Several ways to spend an iteration, by name; executions say which they run.
    flows: Option<BTreeMap<String, FlowFile>>,
    /// What must be true of the run: clauses such as `success_rate >= 99.5%` or `p95 <= 800ms`.
    thresholds: Option<Thresholds>,
    /// Words to find it by.
    #[schemars(length(max = MAX_TAGS))]
    tags: Option<Vec<String>>,
    /// Whether live data is wanted; true unless given.
    show_live: Option<bool>,
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
    think_time: Option<PauseFile>,
    /// Who sends every request; `auth: none` in a request leaves it out.
    auth: Option<AuthFile>,
    /// How many redirects are followed; 10 unless given.
    redirects: Option<Redirects>,
    /// Which statuses are a success; any 2xx or 3xx unless given.
    expect: Option<Expected>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum FeedFile {
    /// A file beside the scenario: .csv, .tsv, .txt, .json or .jsonl.
    Name(String),
    /// A file or rows, and how they are dealt.
    Long(LongFeed),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct LongFeed {
    /// A file beside the scenario: .csv, .tsv, .txt, .json or .jsonl. Not together with `rows`.
    file: Option<String>,
    /// Rows that are written here.
    rows: Option<Vec<BTreeMap<String, Value>>>,
    /// Names of the columns, as a list or with commas; without them the first line of CSV names them.
    columns: Option<Columns>,
    /// What stands between values of CSV: one character, or `tab`.
    delimiter: Option<String>,
    /// Which row comes next: `unique` uses each once in the whole run, `partitioned` gives each worker rows of its own.
    order: Option<Order>,
    /// Whether the rows begin anew at the end; true unless `unique`.
    repeat: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum Columns {
    Text(String),
    List(Vec<String>),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its shape is used")]
enum Order {
    Sequential,
    Random,
    Unique,
    Partitioned,
}

/// Where a secret is kept: one of `parameter`, `secrets_manager` and `environment`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct SecretFile {
    /// The name of a parameter of Parameter Store.
    parameter: Option<String>,
    /// The name or ARN of a secret of Secrets Manager.
    secrets_manager: Option<String>,
    /// One key of that secret, when it is a JSON object.
    key: Option<String>,
    /// The name of a variable of the worker's environment.
    environment: Option<String>,
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

/// How long a virtual user thinks: always as long, or by chance.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum PauseFile {
    /// Always as long.
    Constant(Time),
    /// By chance.
    Chance(LongPause),
}

/// `min` and `max`, `mean` and `deviation`, or `poisson`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
struct LongPause {
    /// Anything from here …
    min: Option<Time>,
    /// … to here, all alike.
    max: Option<Time>,
    /// Normally distributed around this …
    mean: Option<Time>,
    /// … with this standard deviation.
    deviation: Option<Time>,
    /// Exponentially distributed with this mean.
    poisson: Option<Time>,
    /// Always as long.
    constant: Option<Time>,
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
shape!(
    Redirects,
    json_schema!({
        "description": "How many redirects are followed; `false` or 0 for none.",
        "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 50 }, { "type": "boolean" }]
    })
);
shape!(
    Rate,
    json_schema!({
        "description": "A rate such as `100/s`, `6000/m` or `5/10s`; a bare number counts per `time_unit`.",
        "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": r"^[0-9.]+(/.+)?$|\$\{" }]
    })
);
