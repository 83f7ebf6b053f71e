//! What a request costs in instructions and in system calls: repeatable where seconds are not, also on a busy machine.
//!
//! The worker runs twice, for a shorter and a longer time, under a tool that counts; what the longer run has more of,
//! divided by the requests that the server counted more, is what one request costs. Starting and reporting cost nothing here.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{
    apart,
    wrapper::{quoted, within},
};
use crate::{
    args::Args,
    run::{Bench, Run},
    server::Protocol,
    table::Table,
    task::{Kind, Task},
    tools::{Checks, Tool, on_path},
};

/// How long the shorter run lasts, and how many times as long the longer one.
const SHORT_SECS: u64 = 5;
const TIMES_LONGER: u64 = 3;

/// A tool that runs the worker and counts what it does.
#[derive(Clone, Copy)]
struct Counter {
    column: &'static str,
    program: &'static str,
    cure: &'static str,
    /// Before the worker's path; `FILE` is where the count goes.
    options: &'static str,
    read: fn(&str) -> Option<u64>,
}

const COUNTERS: [Counter; 2] = [
    Counter {
        column: "instructions",
        program: "valgrind",
        cure: "apt-get install valgrind",
        options: "--tool=callgrind --callgrind-out-file=FILE",
        read: instructions,
    },
    Counter {
        column: "system calls",
        program: "strace",
        cure: "apt-get install strace",
        options: "-f -c -U name,calls -o FILE",
        read: system_calls,
    },
];

/// What is counted: a protocol, and how many users share a connection.
const TASKS: [(&str, Protocol, u64); 4] = [
    ("HTTP/1.1", Protocol::Http1, 1),
    ("HTTP/1.1 over TLS", Protocol::Tls, 1),
    ("HTTP/2 over TLS", Protocol::Http2, 1),
    ("HTTP/2 over TLS, 8 streams per connection", Protocol::Http2, 8),
];

/// Instructions and system calls per request, over each protocol.
pub fn measure(bench: &Bench, args: &Args) -> Table {
    let mut table = Table::new("What a request costs", &["protocol", "instructions", "system calls"]);
    let counters = COUNTERS.map(|counter| {
        let found = on_path(counter.program);
        if found.is_none() {
            table.note(format!("{}: {} is absent: {}", counter.column, counter.program, counter.cure));
        }
        found.map(|program| (counter, program))
    });
    let users = args.users()[0];
    for (name, protocol, streams) in TASKS {
        let cells = counters.each_ref().map(|counter| {
            let Some((counter, program)) = counter else { return "–".to_owned() };
            crate::talk(&format!("effort: {name}, {}", counter.column));
            let task = Task { kind: Kind::Steady, protocol, users, streams, secs: SHORT_SECS, stall: None };
            match per_request(bench, counter, program, task) {
                Ok(cost) => format!("{cost:.*}", if cost < 100.0 { 2 } else { 0 }),
                Err(why) => {
                    table.note(format!("{name}, {}: {why}", counter.column));
                    "–".to_owned()
                }
            }
        });
        table.row([name.to_owned()].into_iter().chain(cells));
    }
    table.note(format!("{users} users, a named check of the status; user code only, the kernel's work is not counted"));
    table
}

fn per_request(bench: &Bench, counter: &Counter, program: &Path, task: Task) -> Result<f64, String> {
    let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
    let count = folder.path().join("count");
    let options = counter.options.replace("FILE", &quoted(&count));
    let script = within(&format!("{} {options}", quoted(program)), &bench.worker, folder.path())?;
    let counted = Bench::new(bench.root.clone(), script, bench.grace).map_err(|error| error.to_string())?;
    let mut measured = Vec::new();
    for secs in [SHORT_SECS, SHORT_SECS * TIMES_LONGER] {
        let run = counted.run(Tool::Worker(Checks::Status), &Task { secs, ..task }, &apart())?;
        let run: Run = run.ok_or("the worker cannot do it")?;
        let text = fs::read_to_string(&count).map_err(|error| format!("{} left no count: {error}", counter.program))?;
        let total = (counter.read)(&text).ok_or_else(|| format!("{} left no count", counter.program))?;
        measured.push((total, run.tally.requests));
    }
    let [(few, fewer), (many, more)] = measured[..] else { return Err("two runs are needed".to_owned()) };
    if more <= fewer || many <= few {
        return Err("the longer run did no more than the shorter one".to_owned());
    }
    Ok((many - few) as f64 / (more - fewer) as f64)
}

/// A line such as `summary: 3181` or `totals: 3181` in what callgrind leaves.
fn instructions(text: &str) -> Option<u64> {
    let totals = text.lines().filter_map(|line| line.strip_prefix("summary:").or(line.strip_prefix("totals:")));
    totals.filter_map(|number| number.trim().parse().ok()).max()
}

/// The calls of all threads, added up: each line is a name and a number.
fn system_calls(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("total"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counters_leave_is_read() {
        assert_eq!(instructions("events: Ir\nsummary: 3181\nfn=x\ntotals: 3181\n"), Some(3_181));
        assert_eq!(instructions("events: Ir\n"), None);
        let strace = "syscall              calls\n---------------- ---------\nsendto              12\n---------------- ---------\ntotal                   17\n";
        assert_eq!(system_calls(strace), Some(17));
        assert_eq!(system_calls("syscall calls\n"), None);
    }

    #[test]
    fn a_path_is_one_word_of_a_script() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
