//! Names against a name server that counts: how long an answer is believed, and whose turn it is.

use std::{
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use url::Url;

use super::*;

const ADDRESSES: [[u8; 4]; 3] = [[10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]];
const ADDRESS: u16 = 1;
const ADDRESS_V6: u16 = 28;

/// The answer to a question: three addresses of the one family, one of the other.
fn answer(question: &[u8], ttl_secs: u32) -> Vec<u8> {
    let name_ends = question[12..].iter().position(|byte| *byte == 0).expect("a name") + 13;
    let kind = u16::from_be_bytes([question[name_ends], question[name_ends + 1]]);
    let addresses: Vec<Vec<u8>> = match kind {
        ADDRESS => ADDRESSES.map(Vec::from).to_vec(),
        ADDRESS_V6 => vec![Ipv6Addr::LOCALHOST.octets().to_vec()],
        _ => Vec::new(),
    };
    let mut bytes = question[..2].to_vec();
    // An answer with recursion; one question and so many records.
    bytes.extend([0x81, 0x80, 0, 1, 0, u8::try_from(addresses.len()).expect("few"), 0, 0, 0, 0]);
    bytes.extend_from_slice(&question[12..name_ends + 4]);
    for address in addresses {
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1]);
        bytes.extend(ttl_secs.to_be_bytes());
        bytes.extend(u16::try_from(address.len()).expect("few").to_be_bytes());
        bytes.extend(address);
    }
    bytes
}

/// A name server until the test process ends, and how often it was asked for an address of version 4.
fn name_server(ttl_secs: u32) -> (u16, Arc<AtomicU64>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 1_024];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let answer = answer(&buffer[..length], ttl_secs);
            count.fetch_add(u64::from(answer[7] == 3), SeqCst);
            let _ = socket.send_to(&answer, peer);
        }
    });
    (port, asked)
}

fn names(port: u16, settings: &Dns) -> Names {
    let mut server = NameServerConfig::udp(Ipv4Addr::LOCALHOST.into());
    server.connections[0].port = port;
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = resolver_of(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()));
    let names = Names::new(settings);
    *names.resolver.borrow_mut() = Some(Rc::new(resolver.expect("a resolver")));
    names
}

fn shop() -> Origin {
    Origin::of(&Url::parse("http://shop.test./").expect("a URL")).expect("an origin")
}

async fn first(names: &Names) -> IpAddr {
    names.addresses(&shop()).await.expect("found")[0]
}

#[tokio::test]
async fn an_answer_is_believed_as_long_as_it_says() {
    let (port, asked) = name_server(1);
    let names = names(port, &Dns::default());
    for _ in 0..5 {
        first(&names).await;
    }
    assert_eq!(asked.load(SeqCst), 1);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    first(&names).await;
    assert_eq!(asked.load(SeqCst), 2);
}

#[tokio::test]
async fn a_ttl_of_the_clients_own_takes_the_place_of_the_name_servers() {
    for (server_secs, own_ms, questions) in [(0, 60_000, 1), (3_600, 0, 5), (0, u64::MAX, 1)] {
        let (port, asked) = name_server(server_secs);
        let names = names(port, &Dns { ttl_ms: Some(own_ms), ..Dns::default() });
        for _ in 0..5 {
            first(&names).await;
        }
        assert_eq!(asked.load(SeqCst), questions, "{server_secs} s, {own_ms} ms");
    }
}

#[tokio::test]
async fn every_address_has_its_turn_and_the_other_family_stays_behind() {
    let (port, _) = name_server(60);
    let names = names(port, &Dns::default());
    let mut turns = Vec::new();
    for _ in 0..6 {
        let all = names.addresses(&shop()).await.expect("found");
        assert_eq!((all.len(), all[3]), (4, Ipv6Addr::LOCALHOST.into()));
        turns.push(all[0]);
    }
    assert_eq!(turns[..3], turns[3..]);
    turns.truncate(3);
    turns.sort_unstable();
    assert_eq!(turns, ADDRESSES.map(IpAddr::from));
}

#[tokio::test]
async fn users_that_ask_at_once_share_one_question() {
    let (port, asked) = name_server(60);
    let names = names(port, &Dns::default());
    let all = futures::future::join_all((0..20).map(|_| first(&names))).await;
    assert_eq!((all.len(), asked.load(SeqCst)), (20, 1));
}

#[tokio::test]
async fn only_the_family_that_is_wanted_is_used() {
    let (port, _) = name_server(60);
    let names = names(port, &Dns { prefer: Family::OnlyV6, ..Dns::default() });
    assert_eq!(names.addresses(&shop()).await, Ok(vec![Ipv6Addr::LOCALHOST.into()]));
}
