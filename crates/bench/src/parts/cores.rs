//! How much more two cores do than one. Client and server share each core, so that this needs no more than two.
//!
//! Two processors need not be two cores: where they are two threads of one, no program can do twice as much. So a tool is
//! also held against two of its own kind, with a processor each and nothing in common, which is as much as it could do.

use std::thread;

use crate::{
    args::Args,
    contest::format_ratio,
    machine,
    run::{Bench, Run},
    server::Protocol,
    statistics::{Spread, trusted},
    table::Table,
    task::{Kind, Place, Task},
    tools::{Checks, Tool},
};

/// Rounds of one core, two cores, and twice one core at the same time.
pub fn measure(bench: &Bench, args: &Args) -> Table {
    let columns = &[
        "tool",
        "requests/s, one core",
        "two cores",
        "ratio",
        "two side by side",
        "two cores next to these",
        "CPU per request, ratio",
    ];
    let mut table = Table::new("Two cores next to one", columns);
    let processors = machine::processors();
    let [first, .., last] = processors.as_slice() else {
        table.note("skipped: this machine has one processor");
        return table;
    };
    let [one, other] = [*first, *last].map(|processor| Place { server: vec![processor], client: vec![processor] });
    let two = Place { server: vec![*first, *last], client: vec![*first, *last] };
    let users = args.users()[0];
    let task =
        Task { kind: Kind::Steady, protocol: Protocol::Http1, users, streams: 1, secs: args.secs(), stall: None };
    for tool in bench.present(args.tools(&[Tool::Worker(Checks::Status), Tool::Wrk, Tool::H2load])) {
        let mut rounds: Vec<([f64; 6], bool)> = Vec::new();
        for round in 0..args.rounds() {
            crate::talk(&format!("cores: round {} of {}, {}", round + 1, args.rounds(), tool.name()));
            let measured = || {
                let runs = (bench.run(tool, &task, &one)?, bench.run(tool, &task, &two)?);
                Ok::<_, String>((runs, side_by_side(bench, tool, task, [&one, &other])?))
            };
            match measured() {
                Ok(((Some(narrow), Some(wide)), Some(beside))) => rounds.push(compare(&narrow, &wide, beside)),
                Ok(_) => {}
                Err(why) => {
                    table.note(why);
                    break;
                }
            }
        }
        let (numbers, is_quiet) = trusted(&rounds);
        let spreads: Vec<_> =
            (0..6).filter_map(|place| Spread::of(numbers.iter().map(|numbers| numbers[place]))).collect();
        if let [narrow, wide, ratio, beside, share, cpu] = spreads[..] {
            let rate = |spread: Spread| format!("{:.0}", spread.median);
            let ratio_of = |spread| format_ratio(spread, is_quiet);
            let cells = [rate(narrow), rate(wide), ratio_of(ratio), rate(beside), ratio_of(share), ratio_of(cpu)];
            table.row([tool.name().to_owned()].into_iter().chain(cells));
        }
    }
    table.note(
        "client and server share each core; a connection is the server thread's on the processor where it arrives",
    );
    table.note(
        "side by side: two of the tool, each with half of the users and a processor of its own, at the same time",
    );
    table
}

/// How much two do together that have nothing in common.
fn side_by_side(bench: &Bench, tool: Tool, task: Task, places: [&Place; 2]) -> Result<Option<f64>, String> {
    let half = Task { users: (task.users / 2).max(1), ..task };
    let runs = thread::scope(|scope| {
        let both = places.map(|place| scope.spawn(move || bench.run(tool, &half, place)));
        both.map(|run| run.join().unwrap_or_else(|_| Err("a run panicked".to_owned())))
    });
    let [one, other] = runs;
    Ok(one?.zip(other?).map(|(one, other)| one.rate() + other.rate()))
}

/// In the order of the columns.
fn compare(narrow: &Run, wide: &Run, beside: f64) -> ([f64; 6], bool) {
    let [one, two] = [narrow, wide].map(Run::rate);
    let numbers = [one, two, two / one, beside, two / beside, wide.cpu_us() / narrow.cpu_us()];
    (numbers, narrow.is_quiet() && wide.is_quiet())
}
