//! The shape of `http`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Time, Whole};

/// How connections are made and kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct HttpFile {
    /// Which version of HTTP; 1.1 unless given.
    version: Option<VersionFile>,
    /// How HTTP/2 shares connections.
    http2: Option<Http2File>,
    /// A jar for each `iteration`, for each `user`, or none.
    cookies: Option<CookiesWord>,
    /// Whether a `user` keeps its connections, an `iteration` does, or none is used twice.
    reuse: Option<ReuseWord>,
    /// Whether compressed answers are asked for; false unless given.
    compression: Option<bool>,
    /// Certificates and versions of TLS.
    tls: Option<TlsFile>,
    /// How names become addresses.
    dns: Option<DnsFile>,
    /// Local addresses that connections are made from, in turn.
    source_addresses: Option<Vec<String>>,
    /// An HTTP proxy, `http://host:port`.
    proxy: Option<String>,
    /// Labels for URLs; the first pattern that matches gives the label of a request without one.
    url_groups: Option<Vec<UrlGroupFile>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct Http2File {
    /// How many virtual users share a connection; 1 unless given.
    users_per_connection: Option<Whole>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct TlsFile {
    /// Whether any certificate of the target is good.
    insecure: Option<bool>,
    /// Certificates that are trusted: PEM, or a file beside the scenario.
    ca: Option<String>,
    /// The client's own certificate: PEM, or a file beside the scenario.
    certificate: Option<String>,
    /// Its key: the variable of a secret, PEM, or a file beside the scenario.
    key: Option<String>,
    /// The name asked for and verified, if not the host's.
    server_name: Option<String>,
    /// The oldest version that is good.
    min_version: Option<TlsVersionWord>,
    /// The newest.
    max_version: Option<TlsVersionWord>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct DnsFile {
    /// How long an answer is kept, if not as long as it says.
    ttl: Option<Time>,
    /// Names, or `name:port`, and their addresses.
    hosts: Option<BTreeMap<String, String>>,
    /// Which family of addresses is tried first, or alone.
    prefer: Option<FamilyWord>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is used")]
pub(super) struct UrlGroupFile {
    /// A regular expression on the whole URL.
    pattern: String,
    /// The label.
    label: String,
}

shape!(VersionFile, json_schema!({ "enum": ["auto", "1.1", "2", 1.1, 2] }));
shape!(CookiesWord, json_schema!({ "enum": ["iteration", "user", "off"] }));
shape!(ReuseWord, json_schema!({ "enum": ["user", "iteration", "never"] }));
shape!(TlsVersionWord, json_schema!({ "enum": ["1.2", "1.3", 1.2, 1.3] }));
shape!(FamilyWord, json_schema!({ "enum": ["v4", "v6", "only_v4", "only_v6"] }));
