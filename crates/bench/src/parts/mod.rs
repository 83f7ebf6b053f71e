//! What can be asked of the benchmark, each a module of its own.

mod bare;
mod closed;
mod cores;
mod effort;
mod lateness;
mod memory;
mod soak;
mod stall;
mod witness;
mod wrapper;

use crate::{args::Args, machine, run::Bench, table::Table, task::Place};

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// HTTP/1.1: CPU per request, requests/s, peak memory.
    H1,
    /// The same over TLS.
    Tls,
    /// HTTP/2 over TLS, a connection per user, and eight users on each of eight connections.
    H2,
    /// Ask for a token, check, extract, order with it, check; the server verifies every token.
    Scenario,
    /// Two cores next to one.
    Cores,
    /// Memory of users that think, plain and with TLS.
    Memory,
    /// 5,000 arrivals/s while the whole server stalls for 500 ms.
    Stall,
    /// How late 20,000 arrivals/s begin.
    Lateness,
    /// Instructions and system calls per request; only when it is named.
    Effort,
    /// Half the capacity for an hour, memory every ten seconds; only when it is named.
    Soak,
}

impl Part {
    /// What is measured when nothing is named.
    pub const USUAL: [Self; 8] =
        [Self::H1, Self::Tls, Self::H2, Self::Scenario, Self::Cores, Self::Memory, Self::Stall, Self::Lateness];

    /// Measures it and shows each table when it is there.
    pub fn measure(self, bench: &Bench, args: &Args, show: &mut dyn FnMut(&Table)) {
        match self {
            Self::H1 | Self::Tls | Self::H2 => closed::measure(self, bench, args, show),
            Self::Scenario => closed::measure_scenario(bench, args, show),
            Self::Cores => show(&cores::measure(bench, args)),
            Self::Memory => show(&memory::measure(bench, args)),
            Self::Stall => show(&stall::measure(bench, args)),
            Self::Lateness => show(&lateness::measure(bench, args)),
            Self::Effort => show(&effort::measure(bench, args)),
            Self::Soak => show(&soak::measure(bench, args)),
        }
    }
}

/// The server on one processor and the client on another; on the same one when there is no other.
fn apart() -> Place {
    let processors = machine::processors();
    let (first, last) = (processors[0], processors[processors.len() - 1]);
    Place { server: vec![first], client: vec![last] }
}

/// Both on one processor: nobody waits for another core to wake up, and CPU compares best.
fn together() -> Place {
    let first = machine::processors()[0];
    Place { server: vec![first], client: vec![first] }
}
