//! How connections are made and kept.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::Version;
use crate::template::Template;

/// How connections are made and kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Client {
    /// Which version of HTTP.
    pub version: Version,
    /// How HTTP/2 shares connections.
    pub http2: Http2,
    /// Which connections are used again.
    pub reuse: Reuse,
    /// Whether cookies are kept and sent.
    pub cookies: Cookies,
    /// Asks for compressed answers (`gzip, br, zstd`) unless a request has its own Accept-Encoding.
    pub compression: bool,
    /// Certificates and versions of TLS.
    pub tls: Tls,
    /// How names become addresses.
    pub dns: Dns,
    /// Local addresses that connections are made from, in turn.
    pub source_addresses: Vec<IpAddr>,
    /// An HTTP proxy, `http://host:port`; `https` targets by CONNECT.
    pub proxy: Option<Template>,
    /// Labels for URLs: the first pattern that matches gives the label of a request without one.
    pub url_groups: Vec<UrlGroup>,
}

impl Client {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How HTTP/2 shares connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http2 {
    /// How many virtual users of one thread share a connection; 1 gives each its own.
    pub users_per_connection: u32,
}

impl Default for Http2 {
    fn default() -> Self {
        Self { users_per_connection: 1 }
    }
}

/// Which connections are used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reuse {
    /// A virtual user keeps its connections.
    #[default]
    User,
    /// They are closed at the end of each iteration.
    Iteration,
    /// Every request has its own.
    Never,
}

/// What becomes of cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cookies {
    /// A virtual user has a jar, emptied at the end of each iteration, as k6 does.
    #[default]
    Iteration,
    /// It keeps its jar, as JMeter does unless told otherwise.
    User,
    /// Cookies are ignored.
    Off,
}

/// Certificates and versions of TLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// Whether any certificate of the target is good.
    pub insecure: bool,
    /// Certificates (PEM) that are trusted besides the machine's own.
    pub ca: Option<String>,
    /// The client's own certificate chain (PEM).
    pub certificate: Option<String>,
    /// Its key (PEM); usually the variable of a secret.
    pub key: Option<Template>,
    /// The name asked for and verified, if not the host's.
    pub server_name: Option<String>,
    /// The oldest version that is good.
    pub min_version: Option<TlsVersion>,
    /// The newest.
    pub max_version: Option<TlsVersion>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// 1.2.
    #[serde(rename = "1.2")]
    V1_2,
    /// 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// How names become addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dns {
    /// How long an answer is kept, if not as long as it says.
    pub ttl_ms: Option<u64>,
    /// Names that need no question: `host` or `host:port` to an address.
    pub hosts: BTreeMap<String, IpAddr>,
    /// Which family is tried first.
    pub prefer: Family,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Family {
    /// IPv4 first.
    #[default]
    V4,
    /// IPv6 first.
    V6,
    /// IPv4 and nothing else.
    OnlyV4,
    /// IPv6 and nothing else.
    OnlyV6,
}

/// A label for URLs of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UrlGroup {
    /// A regular expression on the whole URL.
    pub pattern: String,
    /// The label.
    pub label: String,
}
