//! Names to addresses, by our own resolver: the C library's needs files that a minimal image lacks.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    rc::Rc,
    time::{Duration, Instant},
};

use dlt_model::program::{Dns, Family};
use hickory_resolver::{ResolverBuilder, TokioResolver, config::LookupIpStrategy, net::runtime::TokioRuntimeProvider};
use tokio::sync::Mutex;

use super::Origin;
use crate::Fault;

/// How many names are remembered; beyond it, all are forgotten and asked for anew.
const MAX_NAMES: usize = 4_096;

/// A thread's names. An answer is kept as long as its TTL or the client says, and users that ask at once share one
/// question.
#[derive(Default)]
pub struct Names {
    settings: Dns,
    resolver: RefCell<Option<Rc<TokioResolver>>>,
    hosts: RefCell<HashMap<String, Rc<Mutex<Known>>>>,
}

/// What is known of one host.
#[derive(Default)]
struct Known {
    addresses: Vec<IpAddr>,
    valid_until: Option<Instant>,
    /// How often it was asked for: each connection begins with the next address.
    turns: usize,
}

impl Names {
    /// With the client's own ideas about names.
    pub fn new(settings: &Dns) -> Self {
        let lower = |(name, address): (&String, &IpAddr)| (name.to_ascii_lowercase(), *address);
        let hosts = settings.hosts.iter().map(lower).collect();
        Self { settings: Dns { hosts, ..settings.clone() }, ..Self::default() }
    }

    /// The origin's addresses, in the order in which they are to be tried.
    pub async fn addresses(&self, origin: &Origin) -> Result<Vec<IpAddr>, Fault> {
        if let Some(address) = self.written(origin).or_else(|| origin.address()) {
            return Ok(vec![address]);
        }
        if is_localhost(&origin.host) {
            return some(by_family(loopback(), self.settings.prefer));
        }
        let entry = self.entry(&origin.host);
        let mut known = entry.lock().await;
        if known.valid_until.is_none_or(|until| until <= Instant::now()) {
            let resolver = self.resolver()?;
            let found = resolver.lookup_ip(&*origin.host).await.map_err(|_| Fault::DnsFailed)?;
            known.addresses = by_family(found.iter().collect(), self.settings.prefer);
            let own = self.settings.ttl_ms.map(|ms| Instant::now() + Duration::from_millis(ms).min(LONGEST_TTL));
            known.valid_until = Some(own.unwrap_or_else(|| found.valid_until()));
        }
        known.turns = known.turns.wrapping_add(1);
        some(in_turn(&known.addresses, known.turns - 1))
    }

    /// What the client says about this host, with this port or with any.
    fn written(&self, origin: &Origin) -> Option<IpAddr> {
        let hosts = &self.settings.hosts;
        if hosts.is_empty() {
            return None;
        }
        hosts.get(&origin.host_and_port()).or_else(|| hosts.get(&*origin.host)).copied()
    }

    fn entry(&self, host: &str) -> Rc<Mutex<Known>> {
        let mut hosts = self.hosts.borrow_mut();
        if hosts.len() >= MAX_NAMES && !hosts.contains_key(host) {
            hosts.clear();
        }
        Rc::clone(hosts.entry(host.to_owned()).or_default())
    }

    fn resolver(&self) -> Result<Rc<TokioResolver>, Fault> {
        let mut resolver = self.resolver.borrow_mut();
        if resolver.is_none() {
            *resolver = Some(Rc::new(system_resolver().map_err(|_| Fault::DnsFailed)?));
        }
        Ok(Rc::clone(resolver.as_ref().expect("it was put there above")))
    }
}

/// Longer than any run.
const LONGEST_TTL: Duration = Duration::from_secs(365 * 24 * 3_600);

fn some(addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Fault> {
    if addresses.is_empty() { Err(Fault::DnsFailed) } else { Ok(addresses) }
}

fn by_family(mut addresses: Vec<IpAddr>, family: Family) -> Vec<IpAddr> {
    match family {
        Family::V4 => addresses.sort_by_key(IpAddr::is_ipv6),
        Family::V6 => addresses.sort_by_key(IpAddr::is_ipv4),
        Family::OnlyV4 => addresses.retain(IpAddr::is_ipv4),
        Family::OnlyV6 => addresses.retain(IpAddr::is_ipv6),
    }
    addresses
}

/// Reads `/etc/resolv.conf` and `/etc/hosts`.
fn system_resolver() -> Result<TokioResolver, hickory_resolver::net::NetError> {
    resolver_of(TokioResolver::builder_tokio()?)
}

fn resolver_of(
    mut builder: ResolverBuilder<TokioRuntimeProvider>,
) -> Result<TokioResolver, hickory_resolver::net::NetError> {
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // What is kept, and for how long, is decided here.
    builder.options_mut().cache_size = 0;
    builder.build()
}

/// RFC 6761, 6.3: these names are the machine itself, whatever a name server says.
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
}

fn loopback() -> Vec<IpAddr> {
    vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

/// The same addresses, beginning with another one of the first family each turn.
fn in_turn(addresses: &[IpAddr], turn: usize) -> Vec<IpAddr> {
    let mut ordered = addresses.to_vec();
    let first_family = ordered.iter().take_while(|address| address.is_ipv6() == ordered[0].is_ipv6()).count();
    if first_family > 0 {
        ordered[..first_family].rotate_left(turn % first_family);
    }
    ordered
}

#[cfg(feature = "s3")]
pub use store::StoreNames;

/// The object store's own HTTP client asks the same resolver.
#[cfg(feature = "s3")]
mod store {
    use object_store::client::{DnsFuture, DnsResolver};

    use super::{Family, by_family, is_localhost, loopback, system_resolver};

    /// The names of the object store's hosts, for its own HTTP client. It is asked a few times in a run, so nothing is kept.
    #[derive(Debug)]
    pub struct StoreNames;

    impl DnsResolver for StoreNames {
        fn resolve(&self, host: &str) -> DnsFuture {
            let host = host.to_owned();
            Box::pin(async move {
                if is_localhost(&host) {
                    return Ok(loopback());
                }
                let found = system_resolver()?.lookup_ip(host.as_str()).await?;
                Ok(by_family(found.iter().collect(), Family::V4))
            })
        }
    }
}

#[cfg(test)]
#[path = "dns_asked.rs"]
mod asked;

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).expect("a URL")).expect("an origin")
    }

    #[tokio::test]
    async fn addresses_and_localhost_need_no_name_server() {
        let names = Names::default();
        assert_eq!(
            names.addresses(&origin("http://127.0.0.9/")).await,
            Ok(vec!["127.0.0.9".parse().expect("an address")])
        );
        assert_eq!(names.addresses(&origin("http://[::1]/")).await, Ok(vec![Ipv6Addr::LOCALHOST.into()]));
        assert_eq!(names.addresses(&origin("http://localhost/")).await, Ok(loopback()));
        assert_eq!(names.addresses(&origin("http://a.localhost/")).await, Ok(loopback()));
    }

    #[tokio::test]
    async fn what_the_client_says_about_a_host_comes_first() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let hosts =
            [("A.test", "10.0.0.1"), ("a.test:81", "10.0.0.2"), ("localhost", "::1"), ("127.0.0.1:9", "10.0.0.3")];
        let hosts = hosts.map(|(name, to)| (name.to_owned(), address(to))).into();
        let names = Names::new(&Dns { hosts, ..Dns::default() });
        for (url, expected) in [
            ("http://a.test/", "10.0.0.1"),
            ("http://a.test:81/", "10.0.0.2"),
            ("https://localhost/", "::1"),
            ("http://127.0.0.1:9/", "10.0.0.3"),
            ("http://127.0.0.1:8/", "127.0.0.1"),
        ] {
            assert_eq!(names.addresses(&origin(url)).await, Ok(vec![address(expected)]), "{url}");
        }
    }

    #[tokio::test]
    async fn the_family_is_preferred_or_required() {
        let localhost = async |prefer| {
            let names = Names::new(&Dns { prefer, ..Dns::default() });
            names.addresses(&origin("http://localhost/")).await.expect("found")
        };
        assert_eq!(localhost(Family::V6).await, [IpAddr::from(Ipv6Addr::LOCALHOST), Ipv4Addr::LOCALHOST.into()]);
        assert_eq!(localhost(Family::OnlyV6).await, [IpAddr::from(Ipv6Addr::LOCALHOST)]);
        assert_eq!(localhost(Family::OnlyV4).await, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
    }

    #[test]
    fn connections_take_the_addresses_of_a_family_in_turn() {
        let addresses: Vec<IpAddr> = ["1.1.1.1", "2.2.2.2", "::1"].map(|text| text.parse().expect("an address")).into();
        assert_eq!(in_turn(&addresses, 0), addresses);
        assert_eq!(in_turn(&addresses, 1), [addresses[1], addresses[0], addresses[2]]);
        assert_eq!(in_turn(&addresses, 2), addresses);
        assert!(in_turn(&[], 2).is_empty());
    }
}
