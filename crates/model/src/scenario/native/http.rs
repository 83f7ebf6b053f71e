//! How connections are made and kept: `http`.

use core::net::IpAddr;

use super::{
    request::VERSIONS,
    scope::Scope,
    steps::file,
    values::{optional, required, text_of, word},
};
use crate::{
    document::Node,
    duration::Duration,
    fields::Fields,
    problem::Problem,
    program::{Client, Cookies, Dns, Family, Http2, Reuse, Tls, TlsVersion, UrlGroup},
    scenario::{
        limits::{self, MAX_NAMES},
        patterns,
    },
    template::Template,
};

/// Virtual users that may share a connection of HTTP/2.
const MAX_USERS_PER_CONNECTION: u64 = 10_000;

const WORDS: [(&str, &str); 11] = [
    ("insecureSkipTLSVerify", "write `tls: { insecure: true }`"),
    ("noConnectionReuse", "write `reuse: never`"),
    ("noVUConnectionReuse", "write `reuse: iteration`"),
    ("noCookiesReset", "write `cookies: user`"),
    ("keepalive", "write `reuse: never` to close connections"),
    ("store-cookie", "write `cookies`"),
    ("hosts", "it belongs below `dns`"),
    ("blacklistIPs", "addresses cannot be refused here"),
    ("timeout", "write `defaults.timeout`"),
    ("pool", "each virtual user has its own connections; `http2.users_per_connection` shares them"),
    ("local_ips", "write `source_addresses`"),
];

/// Everything below `http`.
pub(super) fn read(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Client {
    let Some(node) = fields.optional("http") else { return Client::default() };
    let Some(mut fields) = Fields::of(node, "http", fields.problems()) else { return Client::default() };
    let version = word(&mut fields, "version", &VERSIONS).unwrap_or_default();
    let http2 = http2(&mut fields);
    let cookies = [("iteration", Cookies::Iteration), ("user", Cookies::User), ("off", Cookies::Off)];
    let cookies = word(&mut fields, "cookies", &cookies).unwrap_or_default();
    let reuse = [("user", Reuse::User), ("iteration", Reuse::Iteration), ("never", Reuse::Never)];
    let reuse = word(&mut fields, "reuse", &reuse).unwrap_or_default();
    let compression = fields.optional_bool("compression").unwrap_or(false);
    let tls = tls(&mut fields, scope);
    let dns = dns(&mut fields);
    let source_addresses = source_addresses(&mut fields);
    let proxy = proxy(&mut fields, scope);
    let url_groups = url_groups(&mut fields);
    fields.finish_knowing(&WORDS);
    scope.url_groups = !url_groups.is_empty();
    Client { version, http2, reuse, cookies, compression, tls, dns, source_addresses, proxy, url_groups }
}

fn http2(fields: &mut Fields<'_>) -> Http2 {
    let Some(node) = fields.optional("http2") else { return Http2::default() };
    let Some(mut fields) = Fields::of(node, "http.http2", fields.problems()) else { return Http2::default() };
    let read = |text: &str| limits::number(text, 1, MAX_USERS_PER_CONNECTION);
    let users = optional(&mut fields, "users_per_connection", read);
    fields.finish();
    users.map_or_else(Http2::default, |users| Http2 {
        users_per_connection: u32::try_from(users).expect("at most MAX_USERS_PER_CONNECTION"),
    })
}

fn tls(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Tls {
    let Some(node) = fields.optional("tls") else { return Tls::default() };
    let Some(mut fields) = Fields::of(node, "http.tls", fields.problems()) else { return Tls::default() };
    let insecure = fields.optional_bool("insecure").unwrap_or(false);
    let ca = pem(&mut fields, "ca", scope);
    let certificate = pem(&mut fields, "certificate", scope);
    let key = key(&mut fields, scope);
    let server_name = optional(&mut fields, "server_name", limits::key);
    let versions = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];
    let min_version = word(&mut fields, "min_version", &versions);
    let max_version = word(&mut fields, "max_version", &versions);
    if fields.optional("certificate").is_some() != fields.optional("key").is_some() {
        let message = "a client certificate needs both `certificate` and `key`";
        let problem = Problem::at(fields.place(), "http.tls", message);
        fields.problems().push(problem);
    }
    if let Some(node) = fields.optional("max_version").filter(|_| max_version.is_some() && max_version < min_version) {
        fields.reject("max_version", node, "must not be older than `min_version`");
    }
    fields.finish_knowing(&[("sni", "write `server_name`"), ("verify", "write `insecure: true` to verify nothing")]);
    Tls { insecure, ca, certificate, key, server_name, min_version, max_version }
}

/// Certificates: written here, or in a file beside the scenario.
fn pem(fields: &mut Fields<'_>, key: &'static str, scope: &Scope<'_>) -> Option<String> {
    let node = fields.optional(key)?;
    let written = text_of(node).and_then(|text| match text.contains(BEGIN) {
        true => Ok(text.to_owned()),
        false => scope.files.read_text(text).and_then(|read| match read.contains(BEGIN) {
            true => Ok(read),
            false => Err(format!("`{text}` holds no certificate: expected PEM, `{BEGIN}…`")),
        }),
    });
    written.map_err(|why| fields.reject(key, node, why)).ok()
}

const BEGIN: &str = "-----BEGIN ";

/// A key: a template with the variable of a secret, a file beside the scenario, or written here.
fn key(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Template> {
    let node = fields.optional("key")?;
    if node.text().is_some_and(|text| text.contains("{{") || text.contains(BEGIN)) {
        return super::values::template(fields, "key", scope);
    }
    let bytes = file(fields, "key", node, scope)?;
    match String::from_utf8(bytes) {
        Ok(text) if text.contains(BEGIN) => Some(Template::literal(text)),
        _ => {
            fields.reject("key", node, format!("this file holds no key: expected PEM, `{BEGIN}…`"));
            None
        }
    }
}

fn dns(fields: &mut Fields<'_>) -> Dns {
    let Some(node) = fields.optional("dns") else { return Dns::default() };
    let Some(mut fields) = Fields::of(node, "http.dns", fields.problems()) else { return Dns::default() };
    let ttl = optional(&mut fields, "ttl", limits::stage);
    let families = [("v4", Family::V4), ("v6", Family::V6), ("only_v4", Family::OnlyV4), ("only_v6", Family::OnlyV6)];
    let prefer = word(&mut fields, "prefer", &families).unwrap_or_default();
    let hosts = fields.optional_map("hosts");
    let mut dns = Dns { ttl_ms: ttl.map(Duration::as_millis), prefer, ..Dns::default() };
    if let Some(node) = fields.optional("hosts").filter(|_| hosts.len() > MAX_NAMES) {
        fields.reject("hosts", node, format!("expected at most {MAX_NAMES} hosts, found {}", hosts.len()));
    }
    for (name, node) in hosts {
        match text_of(node).and_then(address) {
            Ok(address) => drop(dns.hosts.insert(name.text.clone(), address)),
            Err(why) => {
                fields.problems().push(Problem::at(node.place, format!("http.dns.hosts.{}", name.text), why));
            }
        }
    }
    fields.finish();
    dns
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an IP address"))
}

fn source_addresses(fields: &mut Fields<'_>) -> Vec<IpAddr> {
    let listed = fields.optional_list("source_addresses");
    if let Some(node) = fields.optional("source_addresses").filter(|_| listed.len() > MAX_NAMES) {
        fields.reject("source_addresses", node, format!("expected at most {MAX_NAMES} addresses"));
    }
    let mut addresses = Vec::new();
    for (path, node) in listed {
        match text_of(node).and_then(address) {
            Ok(address) => addresses.push(address),
            Err(why) => fields.problems().push(Problem::at(node.place, path, why)),
        }
    }
    addresses
}

fn proxy(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Template> {
    let node = fields.optional("proxy")?;
    let check = |template: &Template| match template.as_literal() {
        Some(text) if text.starts_with("http://") => limits::url(text).map(drop),
        Some(text) => Err(format!("expected a proxy as `http://host:port`, found `{text}`")),
        None => Ok(()),
    };
    scope.template_at(node, "http.proxy", fields.problems(), check)
}

fn url_groups(fields: &mut Fields<'_>) -> Vec<UrlGroup> {
    let listed = fields.optional_list("url_groups");
    if let Some(node) = fields.optional("url_groups").filter(|_| listed.len() > MAX_NAMES) {
        fields.reject("url_groups", node, format!("expected at most {MAX_NAMES} groups, found {}", listed.len()));
    }
    let problems = fields.problems();
    listed.into_iter().filter_map(|(path, node)| url_group(node, &path, problems)).collect()
}

fn url_group(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<UrlGroup> {
    let mut fields = Fields::of(node, path, problems)?;
    let pattern = required(&mut fields, "pattern", |text| patterns::regex(text).map(|_| text.to_owned()));
    let label = required(&mut fields, "label", limits::key);
    fields.finish_knowing(&[("name", "write `label`"), ("regex", "write `pattern`")]);
    Some(UrlGroup { pattern: pattern?, label: label? })
}
