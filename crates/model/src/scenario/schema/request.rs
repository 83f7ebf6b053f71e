//! The shape of a request.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::{Method, PauseFile, Redirects, Text, Time, client::VersionFile};

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
#[expect(clippy::large_enum_variant, reason = "nobody makes one: only its schema is asked for")]
pub(super) enum RequestFile {
    /// `GET /path`, `/path` or `POST https://…`.
    Short(String),
    /// A request with all it has.
    Long(LongRequest),
}

/// A request with all it has. One of `body`, `json`, `form`, `multipart` and `file` is sent.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LongRequest {
    /// Under which name its samples are counted; the method and the URL as written unless given.
    label: Option<String>,
    /// GET unless given.
    method: Option<Method>,
    /// A path below `base_url`, or a whole URL.
    url: String,
    /// Added to the URL's query, percent-encoded.
    query: Option<BTreeMap<String, Text>>,
    /// Header names and values.
    headers: Option<BTreeMap<String, Text>>,
    /// The body as text.
    body: Option<Text>,
    /// The body as data, sent as JSON; holes inside are escaped.
    json: Option<Value>,
    /// The body as fields of a form.
    form: Option<BTreeMap<String, Text>>,
    /// The body as parts, with files.
    multipart: Option<Vec<PartFile>>,
    /// The body as the bytes of a file beside the scenario.
    file: Option<String>,
    /// Who sends it.
    auth: Option<AuthFile>,
    /// How many redirects are followed; 10 unless given.
    redirects: Option<Redirects>,
    /// Which version of HTTP.
    version: Option<VersionFile>,
    /// How long it may take.
    timeout: Option<Time>,
    /// Which statuses are a success: one, a class such as `2xx`, or a list of them; any 2xx or 3xx unless given.
    expect: Option<Expected>,
    /// What else must be true of the answer.
    checks: Option<Vec<CheckFile>>,
    /// Variables, and where in the answer their values are found.
    extract: Option<BTreeMap<String, ExtractFile>>,
    /// Whether images, scripts and styles that an HTML answer names are fetched too; false unless given.
    resources: Option<bool>,
    /// How long the virtual user pauses afterwards.
    think_time: Option<PauseFile>,
}

/// A part of a multipart body: `text` or `file`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct PartFile {
    /// The field's name.
    name: String,
    /// What it holds.
    text: Option<Text>,
    /// A file beside the scenario that it holds.
    file: Option<String>,
    /// As which file it is sent; the file's own name unless given.
    file_name: Option<String>,
    /// Its type.
    content_type: Option<String>,
}

/// Who sends a request.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
#[expect(clippy::large_enum_variant, reason = "nobody makes one: only its schema is asked for")]
pub(super) enum AuthFile {
    /// Nobody, whatever the defaults say.
    None(NoAuth),
    /// One of its kinds.
    One(LongAuth),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum NoAuth {
    /// Nobody.
    None,
}

/// One of `basic`, `bearer`, `cognito` and `sigv4`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LongAuth {
    /// User and password.
    basic: Option<BasicFile>,
    /// A token.
    bearer: Option<String>,
    /// A session of a Cognito user pool, refreshed before it ends.
    cognito: Option<CognitoFile>,
    /// A signature of AWS's kind.
    sigv4: Option<SigV4File>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct BasicFile {
    /// The user.
    user: String,
    /// The password.
    password: String,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct CognitoFile {
    /// The region of the pool.
    region: String,
    /// The app client, one without a secret.
    client_id: String,
    /// The user.
    user: String,
    /// The password.
    password: String,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct SigV4File {
    /// Such as `execute-api`.
    service: String,
    /// Such as `eu-west-1`.
    region: String,
    /// Keys, unless the worker's own role signs.
    access_key_id: Option<String>,
    /// The key itself.
    secret_access_key: Option<String>,
    /// The token of temporary keys.
    session_token: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum Expected {
    /// One status or class.
    One(Text),
    /// Several of them.
    Several(Vec<Text>),
}

/// One subject and one test of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct CheckFile {
    /// Under which name it is counted; what it says unless given.
    name: Option<String>,
    /// Whether it must not be so.
    not: Option<bool>,
    /// The status.
    status: Option<PlainTest>,
    /// A header: its name, or its name and a test.
    header: Option<HeaderTest>,
    /// The decoded body as text.
    body: Option<PlainTest>,
    /// What a JSONPath finds: the path, or the path and a test.
    json: Option<JsonTest>,
    /// The text that a CSS selector finds: the selector, or the selector and a test.
    css: Option<CssTest>,
    /// The bytes of the decoded body.
    size: Option<PlainTest>,
    /// From the first byte sent to the last received.
    duration: Option<PlainTest>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum PlainTest {
    /// It is this.
    Equals(Text),
    /// It passes a test.
    Test(TestFile),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum HeaderTest {
    /// It is there.
    Exists(String),
    /// It passes a test.
    Test(NamedTest),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum JsonTest {
    /// It is there.
    Exists(String),
    /// It passes a test.
    Test(PathTest),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum CssTest {
    /// It is there.
    Exists(String),
    /// It passes a test.
    Test(SelectorTest),
}

/// One test.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct TestFile {
    /// It is there.
    exists: Option<bool>,
    /// The same text, or the same number.
    equals: Option<Text>,
    /// Has this text somewhere.
    contains: Option<Text>,
    /// Has something that the regular expression matches.
    matches: Option<String>,
    /// A number, or for `duration` a duration, that is not larger.
    at_most: Option<Text>,
    /// A number, or for `duration` a duration, that is not smaller.
    at_least: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct NamedTest {
    /// The name of the header.
    name: String,
    /// It is there.
    exists: Option<bool>,
    /// The same text, or the same number.
    equals: Option<Text>,
    /// Has this text somewhere.
    contains: Option<Text>,
    /// Has something that the regular expression matches.
    matches: Option<String>,
    /// A number, or for `duration` a duration, that is not larger.
    at_most: Option<Text>,
    /// A number, or for `duration` a duration, that is not smaller.
    at_least: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct PathTest {
    /// A JSONPath (RFC 9535).
    path: String,
    /// It is there.
    exists: Option<bool>,
    /// The same text, or the same number.
    equals: Option<Text>,
    /// Has this text somewhere.
    contains: Option<Text>,
    /// Has something that the regular expression matches.
    matches: Option<String>,
    /// A number, or for `duration` a duration, that is not larger.
    at_most: Option<Text>,
    /// A number, or for `duration` a duration, that is not smaller.
    at_least: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct SelectorTest {
    /// A CSS selector.
    selector: String,
    /// It is there.
    exists: Option<bool>,
    /// The same text, or the same number.
    equals: Option<Text>,
    /// Has this text somewhere.
    contains: Option<Text>,
    /// Has something that the regular expression matches.
    matches: Option<String>,
    /// A number, or for `duration` a duration, that is not larger.
    at_most: Option<Text>,
    /// A number, or for `duration` a duration, that is not smaller.
    at_least: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum ExtractFile {
    /// A JSONPath, `status` or `body`.
    Short(String),
    /// One of the places, which of several, and a default.
    Long(LongExtract),
}

/// One of `json`, `regex`, `header`, `css`, `cookie`, `between`, `status` and `body`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LongExtract {
    /// By JSONPath (RFC 9535).
    json: Option<String>,
    /// By regular expression.
    regex: Option<String>,
    /// Its group; the first unless given, 0 for the whole match.
    group: Option<u32>,
    /// A header of this name.
    header: Option<String>,
    /// By CSS selector.
    css: Option<String>,
    /// The attribute, if not the text.
    attribute: Option<String>,
    /// A cookie that the answer sets.
    cookie: Option<String>,
    /// What stands between two texts.
    between: Option<(String, String)>,
    /// The status.
    status: Option<bool>,
    /// The whole decoded body.
    body: Option<bool>,
    /// `first`, `random`, `all`, or a number from 0.
    which: Option<Text>,
    /// What the variable holds when nothing is found; without it, that is a failure.
    default: Option<Text>,
}
