//! What a user costs in memory: users that connect, ask once and then think.

use super::apart;
use crate::{
    args::Args,
    run::Bench,
    server::Protocol,
    statistics::Spread,
    table::Table,
    task::{Kind, Task},
    tools::{Checks, Tool},
};

/// Longer than any run: whoever has asked once only keeps its connection.
const FOR_EVER_MS: u64 = 3_600_000;
/// How long users have to connect: ten thousand TLS handshakes need some seconds.
const SECS: u64 = 15;

/// Memory at each number of users, and per user between the fewest and the most.
pub fn measure(bench: &Bench, args: &Args) -> Table {
    let columns = &["protocol", "users", "connected", "resident MB", "peak MB", "KiB per user more"];
    let mut table = Table::new("Memory of users that think", columns);
    let secs = if args.quick { SECS / 3 } else { SECS };
    let kind = Kind::Thinking { pause_ms: FOR_EVER_MS };
    let tool = Tool::Worker(Checks::Status);
    for (name, protocol) in
        [("HTTP/1.1", Protocol::Http1), ("HTTP/1.1 over TLS", Protocol::Tls), ("HTTP/2 over TLS", Protocol::Http2)]
    {
        let mut fewest: Option<(u64, f64)> = None;
        for users in args.users() {
            let task = Task { kind, protocol, users, streams: 1, secs, stall: None };
            let mut runs = Vec::new();
            for round in 0..args.rounds().min(3) {
                crate::talk(&format!("memory: {name}, {users} users, round {}", round + 1));
                match bench.run(tool, &task, &apart()) {
                    Ok(run) => runs.extend(run),
                    Err(why) => table.note(format!("{name}: skipped: {why}")),
                }
            }
            let median = |numbers: Vec<f64>| Spread::of(numbers).map(|spread| spread.median);
            let resident = median(runs.iter().map(|run| run.resident_bytes as f64).collect());
            let peak = median(runs.iter().map(|run| run.peak_bytes as f64).collect());
            let Some((resident, peak)) = resident.zip(peak) else { break };
            let connected = runs.iter().map(|run| run.tally.connections).min().unwrap_or(0);
            let (base_users, base) = *fewest.get_or_insert((users, resident));
            let more = (users > base_users).then(|| (resident - base) / 1_024.0 / (users - base_users) as f64);
            table.row([
                name.to_owned(),
                users.to_string(),
                connected.to_string(),
                format!("{:.1}", resident / 1e6),
                format!("{:.1}", peak / 1e6),
                more.map_or_else(|| "–".to_owned(), |more| format!("{more:.2}")),
            ]);
        }
    }
    table.note(format!(
        "resident: after {:.0} s, when users have settled; per user: against the fewest",
        secs as f64 * 0.7
    ));
    table
}
