//! The shape of steps and flows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::{
    PauseFile, Text, Time, Whole,
    request::{CheckFile, ExtractFile, RequestFile},
};

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum FlowFile {
    /// What happens in each iteration.
    Steps(Vec<StepFile>),
    /// What happens before the first iteration too.
    Long(LongFlow),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LongFlow {
    /// Once for each virtual user, before its first iteration.
    start: Option<Vec<StepFile>>,
    /// In each iteration.
    steps: Vec<StepFile>,
}

/// One thing that a virtual user does.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
#[expect(clippy::large_enum_variant, reason = "nobody makes one: only its schema is asked for")]
pub(super) enum StepFile {
    /// A request, short or long.
    Request(RequestFile),
    /// Steps under a common name.
    Group(GroupStep),
    /// Steps whose duration is reported under a name.
    Transaction(TransactionStep),
    /// Thinking.
    Pause(PauseStep),
    /// New values of variables.
    Set(SetStep),
    /// One of two ways.
    If(IfStep),
    /// So many times.
    Loop(LoopStep),
    /// As long as a condition holds.
    While(WhileStep),
    /// Once for each item of a list.
    Foreach(ForeachStep),
    /// One of several ways, by chance.
    Choose(ChooseStep),
    /// A value of a metric of one's own.
    Measure(MeasureStep),
    /// A conversation over a WebSocket.
    Websocket(WebsocketStep),
    /// A unary gRPC call.
    Grpc(GrpcStep),
    /// Bytes over a bare TCP connection.
    Tcp(TcpStep),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct GroupStep {
    /// The name.
    group: String,
    /// In order.
    steps: Vec<StepFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct TransactionStep {
    /// The name.
    transaction: String,
    /// In order.
    steps: Vec<StepFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct PauseStep {
    /// How long.
    pause: PauseFile,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct SetStep {
    /// Names and values; lists and mappings become JSON.
    set: BTreeMap<String, Value>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct IfStep {
    /// A condition: `status == 200 and not (user contains "test")`.
    #[schemars(rename = "if")]
    condition: String,
    /// When it holds.
    then: Vec<StepFile>,
    /// When it does not.
    #[schemars(rename = "else")]
    otherwise: Option<Vec<StepFile>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LoopStep {
    /// How many times; `index` counts them from 0.
    #[schemars(rename = "loop")]
    times: Text,
    /// In order.
    steps: Vec<StepFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct WhileStep {
    /// A condition, checked before each turn.
    #[schemars(rename = "while")]
    condition: String,
    /// How many turns at most; 1000 unless given.
    most: Option<Whole>,
    /// In order.
    steps: Vec<StepFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct ForeachStep {
    /// The variable that holds the list.
    foreach: String,
    /// The variable that holds one item; `item` unless given.
    #[schemars(rename = "as")]
    item: Option<String>,
    /// In order.
    steps: Vec<StepFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct ChooseStep {
    /// The ways.
    choose: Vec<WayFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct WayFile {
    /// How often, compared with the others; 1 unless given.
    weight: Option<u32>,
    /// In order.
    steps: Vec<StepFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct MeasureStep {
    /// The metric and the value.
    measure: MeasureFile,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct MeasureFile {
    /// The name of the metric.
    metric: String,
    /// What becomes of values.
    kind: MetricFile,
    /// The value.
    value: Text,
    /// Names and values by which it is split.
    tags: Option<BTreeMap<String, Text>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum MetricFile {
    Counter,
    Gauge,
    Rate,
    Trend,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct WebsocketStep {
    /// The conversation.
    websocket: WebsocketFile,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct WebsocketFile {
    /// Under which name its samples are counted.
    label: Option<String>,
    /// `ws://…` or `wss://…`.
    url: String,
    /// Besides the handshake's own.
    headers: Option<BTreeMap<String, Text>>,
    /// Protocols that are offered.
    protocols: Option<Vec<String>>,
    /// How long it may take.
    timeout: Option<Time>,
    /// In order; at the end the connection is closed.
    actions: Vec<ActionFile>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum ActionFile {
    /// Waits for any message.
    Receive(ReceiveWord),
    /// One of `send`, `send_file`, `receive` and `pause`.
    Long(LongAction),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum ReceiveWord {
    Receive,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LongAction {
    /// A text message; data is sent as JSON.
    send: Option<Value>,
    /// A binary message: a file beside the scenario.
    send_file: Option<String>,
    /// Waits for a message that passes all checks.
    receive: Option<ReceiveFile>,
    /// Waits.
    pause: Option<PauseFile>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct ReceiveFile {
    /// What must be true of the answer.
    checks: Option<Vec<CheckFile>>,
    /// What is kept of the answer.
    extract: Option<BTreeMap<String, ExtractFile>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct GrpcStep {
    /// The call.
    grpc: GrpcFile,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct GrpcFile {
    /// Under which name its samples are counted.
    label: Option<String>,
    /// `http://host:port` or `https://host:port`.
    url: String,
    /// `package.Service/Method`.
    method: String,
    /// .proto files beside the scenario.
    proto: ProtoFile,
    /// The message; empty unless given.
    message: Option<Value>,
    /// Besides the call's own.
    metadata: Option<BTreeMap<String, Text>>,
    /// How long it may take.
    timeout: Option<Time>,
    /// What must be true of the answer.
    checks: Option<Vec<CheckFile>>,
    /// What is kept of the answer.
    extract: Option<BTreeMap<String, ExtractFile>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum ProtoFile {
    /// One file.
    One(String),
    /// Several files.
    Several(Vec<String>),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct TcpStep {
    /// The exchange.
    tcp: TcpFile,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct TcpFile {
    /// Under which name its samples are counted.
    label: Option<String>,
    /// `host:port`.
    address: String,
    /// Whether TLS is spoken; false unless given.
    tls: Option<bool>,
    /// Text; data is sent as JSON.
    send: Option<Value>,
    /// The bytes of a file beside the scenario.
    send_file: Option<String>,
    /// Where the answer ends; none is awaited without it.
    until: Option<UntilFile>,
    /// How long it may take.
    timeout: Option<Time>,
    /// What must be true of the answer.
    checks: Option<Vec<CheckFile>>,
    /// What is kept of the answer.
    extract: Option<BTreeMap<String, ExtractFile>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum UntilFile {
    /// When the peer closes.
    Close(CloseWord),
    /// With a text, or after so many bytes.
    Long(LongUntil),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) enum CloseWord {
    Close,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct LongUntil {
    /// With this text.
    text: Option<String>,
    /// After so many bytes.
    bytes: Option<Whole>,
}
