//! Several tools, the same task, round after round in turn; ratios of the same round, and how far they were apart.

use crate::{
    run::{Bench, Run},
    statistics::{Spread, trusted},
    table::Table,
    task::{Place, Task},
    tools::{Checks, Tool, worker},
};

/// One run's numbers.
#[derive(Clone, Copy, Debug)]
struct Figures {
    cpu_us: f64,
    rate: f64,
    peak_bytes: u64,
    server_busy: f64,
    foreign: f64,
    is_quiet: bool,
}

/// One tool's rounds; a round that failed is none.
struct Series {
    tool: Tool,
    rounds: Vec<Option<Figures>>,
}

impl Series {
    fn failures(&self) -> usize {
        self.rounds.iter().filter(|round| round.is_none()).count()
    }
}

/// How often a tool may fail before it is left alone.
const MAX_FAILURES: usize = 2;

/// Who competes in what, and where.
pub struct Contest<'a> {
    pub title: &'a str,
    pub task: Task,
    pub place: Place,
    pub tools: &'a [Tool],
    /// The first of these that is here is what ratios refer to; our worker's ratio to each of the others is said as well.
    pub bases: &'a [Tool],
}

/// Lets the tools compete.
pub fn hold(bench: &Bench, contest: &Contest<'_>, rounds: usize) -> Table {
    let Contest { title, task, place, tools, bases } = contest;
    let mut table = Table::new(
        *title,
        &["tool", "CPU µs/request", "× base", "requests/s", "× base", "peak MB", "server busy", "rounds"],
    );
    let mut series = candidates(bench, task, tools, &mut table);
    for round in 0..rounds {
        // Who is first in one round is last in the next, so that nobody always follows the same one.
        let count = series.len();
        for turn in 0..count {
            let one = &mut series[(round + turn) % count];
            if one.failures() == MAX_FAILURES {
                continue;
            }
            crate::talk(&format!("{title}: round {} of {rounds}, {}", round + 1, one.tool.name()));
            let run = play(bench, one.tool, task, place, &mut table);
            one.rounds.push(run);
        }
    }
    series.retain(|one| one.rounds.iter().any(Option::is_some));
    let base = bases.iter().find_map(|base| series.iter().find(|one| one.tool == *base));
    for one in &series {
        table.row(row(one, base));
    }
    if let Some(base) = base {
        table.note(format!("base: {}; ratios of the same round: median (least–most)", base.tool.name()));
    }
    note_others(&series, bases, base, &mut table);
    note_noise(&series, &mut table);
    table
}

/// Our worker next to those that could have been the base.
fn note_others(series: &[Series], bases: &[Tool], base: Option<&Series>, table: &mut Table) {
    let find = |wanted: Tool| series.iter().find(|one| one.tool == wanted);
    let Some(ours) = find(Tool::Worker(Checks::Status)) else { return };
    let others = bases.iter().filter_map(|other| find(*other));
    for other in others.filter(|other| base.is_some_and(|base| base.tool != other.tool)) {
        table.note(format!(
            "dlt next to {}: CPU per request × {}, requests/s × {}",
            other.tool.name(),
            ratio(ours, Some(other), |figures| figures.cpu_us),
            ratio(ours, Some(other), |figures| figures.rate)
        ));
    }
}

fn candidates(bench: &Bench, task: &Task, tools: &[Tool], table: &mut Table) -> Vec<Series> {
    let mut series = Vec::new();
    for tool in tools {
        match bench.find(*tool) {
            // What is absent was said at the beginning.
            Err(_) => {}
            Ok(_) if task.users > tool.most_users() => {
                table.note(format!("{}: left out, more users than it can have here", tool.name()));
            }
            Ok(_) => series.push(Series { tool: *tool, rounds: Vec::new() }),
        }
    }
    series
}

fn play(bench: &Bench, tool: Tool, task: &Task, place: &Place, table: &mut Table) -> Option<Figures> {
    match bench.run(tool, task, place) {
        Ok(Some(run)) => {
            judge(tool, task, &run, table);
            Some(Figures {
                cpu_us: run.cpu_us(),
                rate: run.rate(),
                peak_bytes: run.peak_bytes,
                server_busy: run.server_busy(),
                foreign: run.foreign,
                is_quiet: run.is_quiet(),
            })
        }
        Ok(None) => None,
        Err(why) => {
            table.note(format!("{}: skipped: {why}", tool.name()));
            None
        }
    }
}

/// What the server knows better, and what our own worker has to prove.
fn judge(tool: Tool, task: &Task, run: &Run, table: &mut Table) {
    if run.tally.bad_orders > 0 {
        table.note(format!("{}: {} orders had a token that was not theirs", tool.name(), run.tally.bad_orders));
    }
    if task.streams > 1 && run.tally.connections != task.users / task.streams {
        table.note(format!("{}: made {} connections", tool.name(), run.tally.connections));
    }
    if !matches!(tool, Tool::Worker(_)) {
        return;
    }
    let Some(report) = worker::report(run.folder.path()) else {
        return table.note(format!("{}: no report", tool.name()));
    };
    if worker::checks_counted(&report) == 0 {
        table.note(format!("{}: this worker counts no checks yet", tool.name()));
    }
    let sum = |key: &str| -> u64 {
        let labels = report["labels"].as_object().into_iter().flat_map(|labels| labels.values());
        labels.filter_map(|label| label[key].as_u64()).sum()
    };
    let (requests, failed) = (sum("requests"), sum("failed"));
    if requests != run.tally.requests || failed > 0 {
        table.note(format!(
            "{}: reported {requests} requests, {failed} samples failed; the server counted {}",
            tool.name(),
            run.tally.requests
        ));
    }
}

fn row(one: &Series, base: Option<&Series>) -> Vec<String> {
    let (numbers, _) = trusted(&flat(one));
    let median = |of: fn(&Figures) -> f64| Spread::of(numbers.iter().map(of)).map_or(f64::NAN, |spread| spread.median);
    let peak = numbers.iter().map(|figures| figures.peak_bytes).max().unwrap_or(0);
    let quiet = one.rounds.iter().flatten().filter(|figures| figures.is_quiet).count();
    vec![
        one.tool.name().to_owned(),
        format!("{:.2}", median(|figures| figures.cpu_us)),
        ratio(one, base, |figures| figures.cpu_us),
        format!("{:.0}", median(|figures| figures.rate)),
        ratio(one, base, |figures| figures.rate),
        format!("{:.1}", peak as f64 / 1e6),
        format!("{:.0} %", 100.0 * median(|figures| figures.server_busy)),
        format!("{quiet} of {} quiet", numbers_of(one)),
    ]
}

fn numbers_of(one: &Series) -> usize {
    one.rounds.iter().flatten().count()
}

fn flat(one: &Series) -> Vec<(Figures, bool)> {
    one.rounds.iter().flatten().map(|figures| (*figures, figures.is_quiet)).collect()
}

fn ratio(one: &Series, base: Option<&Series>, of: fn(&Figures) -> f64) -> String {
    let Some(base) = base else { return "–".to_owned() };
    if base.tool == one.tool {
        return "1".to_owned();
    }
    let pairs: Vec<(f64, bool)> = one
        .rounds
        .iter()
        .zip(&base.rounds)
        .filter_map(|(ours, theirs)| {
            let (ours, theirs) = ((*ours)?, (*theirs)?);
            Some((of(&ours) / of(&theirs), ours.is_quiet && theirs.is_quiet))
        })
        .collect();
    let (ratios, is_quiet) = trusted(&pairs);
    match Spread::of(ratios) {
        Some(spread) => format_ratio(spread, is_quiet),
        None => "–".to_owned(),
    }
}

/// A ratio as all tables write it; `N` marks noisy rounds.
pub fn format_ratio(spread: Spread, is_quiet: bool) -> String {
    let Spread { least, median, most } = spread;
    let digits = match median {
        small if small < 0.1 => 4,
        usual if usual < 10.0 => 2,
        _ => 1,
    };
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$}){}", if is_quiet { "" } else { " N" })
}

fn note_noise(series: &[Series], table: &mut Table) {
    let foreign = Spread::of(series.iter().flat_map(|one| one.rounds.iter().flatten()).map(|figures| figures.foreign));
    let Some(foreign) = foreign else { return };
    table.note(format!("foreign load per run: median {:.2} processors, at most {:.2}", foreign.median, foreign.most));
}
