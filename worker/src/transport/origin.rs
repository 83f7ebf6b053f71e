//! Where a connection goes: scheme, host and port.

use std::{net::IpAddr, sync::Arc};

use url::{Host, Url};

/// What two requests must have in common to share a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A name, or an address in its shortest form.
    pub host: Arc<str>,
    /// The port, also when it is the scheme's own.
    pub port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URL; `None` for any other.
    pub fn of(url: &Url) -> Option<Self> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Some(Self { tls, host: host.into(), port: url.port_or_known_default()? })
    }

    /// The host as an address, when it is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// As the `Host` header has it.
    pub fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { self.bracketed() } else { self.host_and_port() }
    }

    /// With the port, also when it is the scheme's own.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() }
    }

    /// The origin of a bare `host:port`; an IPv6 address stands in brackets.
    pub fn of_address(address: &str, tls: bool) -> Option<Self> {
        let scheme = if tls { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{address}")).ok()?;
        let is_bare =
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        // The scheme's own port disappears from a URL, but here it must have been written.
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Self::of(&url).filter(|_| is_bare && has_port && !address.ends_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_its_port_and_nothing_else() {
        let read = |text: &str| Origin::of_address(text, false).map(|origin| (origin.host.to_string(), origin.port));
        assert_eq!(read("a.test:80"), Some(("a.test".to_owned(), 80)));
        assert_eq!(read("[::1]:9"), Some(("::1".to_owned(), 9)));
        for bad in ["a.test", "a.test:80/x", "u@a.test:80", ":80", "a.test:port", "a.test:99999", ""] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
