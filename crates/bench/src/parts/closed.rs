//! The closed model: everybody as fast as they can, over each protocol, and the scenario with a token.

use super::{Part, apart, together};
use crate::{
    args::Args,
    contest,
    run::Bench,
    server::Protocol,
    table::Table,
    task::{Kind, Task},
    tools::{Checks, Tool},
};

/// One protocol: one shared core for CPU per request, two for requests/s, and memory at each number of users.
pub fn measure(part: Part, bench: &Bench, args: &Args, show: &mut dyn FnMut(&Table)) {
    let (name, protocol, bases) = match part {
        Part::Tls => ("HTTP/1.1 over TLS", Protocol::Tls, [Tool::Wrk, Tool::H2load]),
        Part::H2 => ("HTTP/2 over TLS", Protocol::Http2, [Tool::H2load, Tool::Oha]),
        _ => ("HTTP/1.1", Protocol::Http1, [Tool::Wrk, Tool::H2load]),
    };
    let tools = args.tools(&Tool::ALL);
    let task = |users| Task { kind: Kind::Steady, protocol, users, secs: args.secs(), stall: None };
    let users = args.users();
    let first = users[0];
    let title = format!("{name}, {first} users, client and server on one core");
    show(&contest::hold(bench, &title, &task(first), &together(), &tools, &bases, args.rounds()));
    for users in users {
        let title = format!("{name}, {users} users, a core each");
        show(&contest::hold(bench, &title, &task(users), &apart(), &tools, &bases, args.rounds()));
    }
}

/// The scenario: GET, check, extract, POST, check.
pub fn measure_scenario(bench: &Bench, args: &Args, show: &mut dyn FnMut(&Table)) {
    let users = args.users()[0];
    let task = Task { kind: Kind::Scenario, protocol: Protocol::Http1, users, secs: args.secs(), stall: None };
    let tools = args.tools(&[Tool::Worker(Checks::Status), Tool::K6, Tool::Locust]);
    let title = format!("Scenario of GET, check, extract, POST, check; {users} users");
    for (place, where_) in [(together(), "client and server on one core"), (apart(), "a core each")] {
        let title = format!("{title}, {where_}");
        show(&contest::hold(bench, &title, &task, &place, &tools, &[Tool::K6, Tool::Locust], args.rounds()));
    }
}
