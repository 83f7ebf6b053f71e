//! How much more two cores do than one. Client and server share each core, so that this needs no more than two.

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

/// Rounds of one core and two cores in turn.
pub fn measure(bench: &Bench, args: &Args) -> Table {
    let columns = &["tool", "requests/s, one core", "two cores", "ratio", "CPU per request, ratio"];
    let mut table = Table::new("Two cores next to one", columns);
    let processors = machine::processors();
    let [first, .., last] = processors.as_slice() else {
        table.note("skipped: this machine has one processor");
        return table;
    };
    let one = Place { server: vec![*first], client: vec![*first] };
    let two = Place { server: vec![*first, *last], client: vec![*first, *last] };
    let users = args.users()[0];
    let task =
        Task { kind: Kind::Steady, protocol: Protocol::Http1, users, streams: 1, secs: args.secs(), stall: None };
    for tool in bench.present(args.tools(&[Tool::Worker(Checks::Status), Tool::Wrk, Tool::H2load])) {
        let mut rounds: Vec<([f64; 4], bool)> = Vec::new();
        for round in 0..args.rounds() {
            crate::talk(&format!("cores: round {} of {}, {}", round + 1, args.rounds(), tool.name()));
            match bench.run(tool, &task, &one).and_then(|narrow| Ok((narrow, bench.run(tool, &task, &two)?))) {
                Ok((Some(narrow), Some(wide))) => rounds.push(compare(&narrow, &wide)),
                Ok(_) => {}
                Err(why) => {
                    table.note(why);
                    break;
                }
            }
        }
        let (numbers, is_quiet) = trusted(&rounds);
        let spread = |place: usize| Spread::of(numbers.iter().map(|numbers| numbers[place]));
        if let (Some(narrow), Some(wide), Some(ratio), Some(cpu)) = (spread(0), spread(1), spread(2), spread(3)) {
            table.row([
                tool.name().to_owned(),
                format!("{:.0}", narrow.median),
                format!("{:.0}", wide.median),
                format_ratio(ratio, is_quiet),
                format_ratio(cpu, is_quiet),
            ]);
        }
    }
    table.note("client and server share each core; connections are dealt out evenly to a server thread on each");
    table
}

fn compare(narrow: &Run, wide: &Run) -> ([f64; 4], bool) {
    let numbers = [narrow.rate(), wide.rate(), wide.rate() / narrow.rate(), wide.cpu_us() / narrow.cpu_us()];
    (numbers, narrow.is_quiet() && wide.is_quiet())
}
