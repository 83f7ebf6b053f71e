//! Names to addresses, by our own resolver: the C library's needs files that a minimal image lacks.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    rc::Rc,
    time::Instant,
};

use hickory_resolver::{TokioResolver, config::LookupIpStrategy};
use tokio::sync::Mutex;

use super::Origin;
use crate::Fault;

/// A thread's names. An answer is kept as long as its TTL says, and users that ask at once share one question.
#[derive(Default)]
pub struct Names {
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
    /// The origin's addresses, in the order in which they are to be tried.
    pub async fn addresses(&self, origin: &Origin) -> Result<Vec<IpAddr>, Fault> {
        if let Some(address) = origin.address() {
            return Ok(vec![address]);
        }
        if is_localhost(&origin.host) {
            return Ok(loopback());
        }
        let entry = Rc::clone(self.hosts.borrow_mut().entry(origin.host.to_string()).or_default());
        let mut known = entry.lock().await;
        if known.valid_until.is_none_or(|until| until <= Instant::now()) {
            let resolver = self.resolver()?;
            let found = resolver.lookup_ip(&*origin.host).await.map_err(|_| Fault::DnsFailed)?;
            known.addresses = v4_first(found.iter().collect());
            known.valid_until = Some(found.valid_until());
        }
        known.turns += 1;
        Ok(in_turn(&known.addresses, known.turns - 1))
    }

    fn resolver(&self) -> Result<Rc<TokioResolver>, Fault> {
        let mut resolver = self.resolver.borrow_mut();
        if resolver.is_none() {
            *resolver = Some(Rc::new(system_resolver().map_err(|_| Fault::DnsFailed)?));
        }
        Ok(Rc::clone(resolver.as_ref().expect("it was put there above")))
    }
}

/// Reads `/etc/resolv.conf` and `/etc/hosts`.
fn system_resolver() -> Result<TokioResolver, hickory_resolver::net::NetError> {
    let mut builder = TokioResolver::builder_tokio()?;
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
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

fn v4_first(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
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

    use super::{is_localhost, loopback, system_resolver, v4_first};

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
                Ok(v4_first(found.iter().collect()))
            })
        }
    }
}

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

    #[test]
    fn connections_take_the_addresses_of_a_family_in_turn() {
        let addresses: Vec<IpAddr> = ["1.1.1.1", "2.2.2.2", "::1"].map(|text| text.parse().expect("an address")).into();
        assert_eq!(in_turn(&addresses, 0), addresses);
        assert_eq!(in_turn(&addresses, 1), [addresses[1], addresses[0], addresses[2]]);
        assert_eq!(in_turn(&addresses, 2), addresses);
        assert!(in_turn(&[], 2).is_empty());
    }
}
