//! The closed model: everybody as fast as they can, over each protocol, and the scenario with a token.

use super::{Part, apart, together};
use crate::{
    args::Args,
    contest::{self, Contest},
    run::Bench,
    server::Protocol,
    table::Table,
    task::{Kind, Place, Task},
    tools::{Checks, Tool},
};

const TOGETHER: &str = "client and server on one core";
const APART: &str = "a core each";
/// How HTTP/2 is asked for by users that share connections.
const CONNECTIONS: u64 = 8;
const STREAMS: u64 = 8;

/// One protocol: one shared core for CPU per request, two for requests/s, and memory at each number of users.
pub fn measure(part: Part, bench: &Bench, args: &Args, show: &mut dyn FnMut(&Table)) {
    let (name, protocol, bases) = match part {
        Part::Tls => ("HTTP/1.1 over TLS", Protocol::Tls, [Tool::Wrk, Tool::H2load, Tool::Taurus]),
        Part::H2 => ("HTTP/2 over TLS", Protocol::Http2, [Tool::H2load, Tool::Oha, Tool::K6]),
        _ => ("HTTP/1.1", Protocol::Http1, [Tool::Wrk, Tool::H2load, Tool::Taurus]),
    };
    let tools = args.tools(&Tool::ALL);
    let compete = |users, streams, place: Place, where_: &str| {
        let title = &match streams {
            1 => format!("{name}, {users} users, {where_}"),
            _ => format!("{name}, {} connections × {streams} streams, {where_}", users / streams),
        };
        let task = Task { kind: Kind::Steady, protocol, users, streams, secs: args.secs(), stall: None };
        contest::hold(bench, &Contest { title, task, place, tools: &tools, bases: &bases }, args.rounds())
    };
    let users = args.users();
    show(&compete(users[0], 1, together(), TOGETHER));
    for users in users {
        show(&compete(users, 1, apart(), APART));
    }
    if protocol == Protocol::Http2 {
        show(&compete(CONNECTIONS * STREAMS, STREAMS, together(), TOGETHER));
        show(&compete(CONNECTIONS * STREAMS, STREAMS, apart(), APART));
    }
}

/// The scenario: GET, check, extract, POST, check.
pub fn measure_scenario(bench: &Bench, args: &Args, show: &mut dyn FnMut(&Table)) {
    let users = args.users()[0];
    let task =
        Task { kind: Kind::Scenario, protocol: Protocol::Http1, users, streams: 1, secs: args.secs(), stall: None };
    let tools = args.tools(&[Tool::Worker(Checks::Status), Tool::K6, Tool::Goose, Tool::Locust, Tool::Taurus]);
    let bases = &[Tool::K6, Tool::Goose, Tool::Taurus, Tool::Locust];
    for (place, where_) in [(together(), TOGETHER), (apart(), APART)] {
        let title = &format!("Scenario of GET, check, extract, POST, check; {users} users, {where_}");
        show(&contest::hold(bench, &Contest { title, task, place, tools: &tools, bases }, args.rounds()));
    }
}
