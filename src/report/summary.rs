//! A run that is over: what was measured, what is missing, and what every clause of the gate says.

use std::{fmt::Write, ops::Range};

use comfy_table::{CellAlignment, Row, Table, presets};
use console::Style;
use dlt_model::{
    gate::{ClauseVerdict, Judgement, Outcome, Severity, Verdict},
    report::Measurements,
    summary::Summary,
};

use super::{besides, units};

/// How many different outcomes of failed samples are shown.
const SHOWN_OUTCOMES: usize = 8;

/// The colours of a report; without colour it says the same.
#[derive(Clone, Debug)]
pub struct Paint {
    pub(super) good: Style,
    pub(super) bad: Style,
    pub(super) doubtful: Style,
    pub(super) faint: Style,
    pub(super) strong: Style,
}

impl Paint {
    /// Colours where they are welcome, as `console` found out for standard output.
    pub fn new(coloured: bool) -> Self {
        let style = |style: Style| style.force_styling(coloured);
        Self {
            good: style(Style::new().green().bold()),
            bad: style(Style::new().red().bold()),
            doubtful: style(Style::new().yellow().bold()),
            faint: style(Style::new().dim()),
            strong: style(Style::new().bold()),
        }
    }

    /// What became of a clause, as one character.
    pub fn mark(&self, judged: &ClauseVerdict) -> String {
        match (&judged.outcome, judged.clause.severity) {
            (Outcome::Held, _) => self.good.apply_to("✓").to_string(),
            (Outcome::Broken, Severity::Warn) => self.doubtful.apply_to("!").to_string(),
            (Outcome::Broken, _) => self.bad.apply_to("✗").to_string(),
            (Outcome::Unjudged(_), _) => self.doubtful.apply_to("?").to_string(),
        }
    }

    /// The sign of an outcome's word: `held`, `broken`, `warning`, or anything else.
    pub fn sign(&self, word: &str) -> String {
        match word {
            "held" => self.good.apply_to("✓").to_string(),
            "broken" => self.bad.apply_to("✗").to_string(),
            "warning" => self.doubtful.apply_to("!").to_string(),
            _ => self.doubtful.apply_to("?").to_string(),
        }
    }

    /// A verdict's word in capitals: `passed`, `failed`, or anything that is neither.
    pub fn verdict(&self, word: &str) -> String {
        let style = match word {
            "passed" => &self.good,
            "failed" => &self.bad,
            _ => &self.doubtful,
        };
        style.apply_to(word.to_uppercase()).to_string()
    }
}

/// The whole report.
pub fn text(summary: &Summary, judgement: &Judgement, paint: &Paint) -> String {
    let mut text = String::new();
    let total = &summary.total;
    let duration_ms = summary.duration_ms();
    writeln!(
        text,
        "{samples} samples in {span} · {rate} · {users} VUs · {reported}/{workers} workers · {down} received, {up} sent",
        samples = units::count(total.all.samples()),
        span = units::span(duration_ms),
        rate = units::per_second(total.all.samples(), duration_ms),
        users = units::count(total.max_virtual_users),
        reported = summary.reported(),
        workers = summary.workers.len(),
        down = units::bytes(total.all.bytes_received),
        up = units::bytes(total.all.bytes_sent),
    )
    .expect("writing to a string");
    text.push_str(&labels(summary));
    text.push_str(&failures(&total.all, paint));
    text.push_str(&besides::text(summary, paint));
    for remark in summary.partial_reasons().iter().chain(&summary.degraded_reasons()) {
        writeln!(text, "{} {remark}", paint.doubtful.apply_to("!")).expect("writing to a string");
    }
    text.push_str(&verdict(judgement, paint));
    text
}

/// A row per label, and one for everything when there is more than one.
fn labels(summary: &Summary) -> String {
    let labels = &summary.total.labels;
    let all = (labels.len() > 1).then_some(("all", &summary.total.all));
    let rows = labels.iter().map(|(label, measurements)| (label.as_str(), measurements)).chain(all);
    format!("\n{}", latencies("request", rows, summary.duration_ms()))
}

/// A table of latencies with a blank line after it.
pub(super) fn latencies<'a>(
    what: &str,
    rows: impl IntoIterator<Item = (&'a str, &'a Measurements)>,
    duration_ms: u64,
) -> String {
    let rows = rows.into_iter().map(|(label, measurements)| row(label, measurements, duration_ms));
    table([what, "samples", "failed", "rate", "p50", "p90", "p95", "p99", "max"], 1..9, rows)
}

/// A table without lines: columns of text, and some of numbers.
pub(crate) fn table(
    header: impl Into<Row>,
    numbers: Range<usize>,
    rows: impl IntoIterator<Item = impl Into<Row>>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(numbers.start).take(numbers.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n\n", trimmed(&table.to_string()))
}

fn row(label: &str, measurements: &Measurements, duration_ms: u64) -> [String; 9] {
    let percentile = |percent| units::latency_or_dash(measurements.latency.percentile_us(percent));
    [
        label.to_owned(),
        units::count(measurements.samples()),
        units::count(measurements.failed),
        units::per_second(measurements.samples(), duration_ms),
        percentile(50.0),
        percentile(90.0),
        percentile(95.0),
        percentile(99.0),
        units::latency_or_dash(measurements.latency.max_us()),
    ]
}

/// What failed samples were, most frequent first.
fn failures(all: &Measurements, paint: &Paint) -> String {
    if all.failed == 0 {
        return String::new();
    }
    let mut outcomes: Vec<(&String, &u64)> = all.outcomes.iter().collect();
    outcomes.sort_by(|left, right| right.1.cmp(left.1));
    let rest = outcomes.len().saturating_sub(SHOWN_OUTCOMES);
    let shown: Vec<String> = outcomes
        .iter()
        .take(SHOWN_OUTCOMES)
        .map(|(outcome, count)| format!("{outcome} × {}", units::count(**count)))
        .collect();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{} {}{more}\n\n", paint.faint.apply_to("outcomes:"), shown.join(", "))
}

/// Every clause with what was observed, then the verdict as the last line.
pub fn verdict(judgement: &Judgement, paint: &Paint) -> String {
    let mut text = String::new();
    let width = judgement.clauses.iter().map(|judged| judged.clause.to_string().chars().count()).max().unwrap_or(0);
    for judged in &judgement.clauses {
        writeln!(text, "{} {:width$}  {}", paint.mark(judged), judged.clause.to_string(), seen(judged))
            .expect("writing to a string");
    }
    let line = match &judgement.verdict {
        Verdict::Passed if judgement.clauses.is_empty() => format!("{} nothing was asked", paint.good.apply_to("DONE")),
        Verdict::Passed => format!("{} every clause holds", paint.good.apply_to("PASSED")),
        Verdict::Failed => format!("{} {}", paint.bad.apply_to("FAILED"), broken(judgement)),
        Verdict::Invalid(reasons) => format!("{} {}", paint.doubtful.apply_to("INVALID"), reasons.join("; ")),
    };
    writeln!(text, "{line}").expect("writing to a string");
    text
}

fn seen(judged: &ClauseVerdict) -> String {
    let observed =
        judged.observed.map_or_else(|| "nothing observed".to_owned(), |observed| format!("observed {observed}"));
    let reason = match &judged.outcome {
        Outcome::Unjudged(reason) => format!(" ({reason})"),
        _ => String::new(),
    };
    let until = judged.until_second.map_or_else(String::new, |second| format!(" in the stretch up to second {second}"));
    format!("{observed} over {} samples{until}{reason}", units::count(judged.samples))
}

fn broken(judgement: &Judgement) -> String {
    let counts =
        |judged: &&ClauseVerdict| judged.outcome == Outcome::Broken && judged.clause.severity != Severity::Warn;
    let broken: Vec<String> = judgement.clauses.iter().filter(counts).map(|judged| judged.clause.to_string()).collect();
    format!("{} of {} clauses broken: {}", broken.len(), judgement.clauses.len(), broken.join("; "))
}

fn trimmed(table: &str) -> String {
    table.lines().map(|line| format!("  {}", line.trim())).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
pub(super) mod tests {
    use dlt_model::{
        gate,
        id::Region,
        report::{Ending, Iterations, Report},
    };

    use super::*;

    /// A run of two workers of which one reported.
    pub fn summary() -> Summary {
        let (test_id, run_id) = ("demo".parse().expect("an id"), "run".parse().expect("an id"));
        let region = Region::local();
        let mut summary = Summary::new(&test_id, &run_id, [(0, &region), (1, &region)]);
        let mut home = Measurements { succeeded: 995, failed: 5, ..Measurements::default() };
        home.outcomes = [("200".to_owned(), 995), ("503".to_owned(), 5)].into();
        (1..=1_000).for_each(|index| home.latency.record(index * 400));
        let report = Report {
            test_id,
            run_id,
            region: region.clone(),
            worker: 0,
            started_at_ms: 1_000,
            ended_at_ms: 11_000,
            ending: Ending::Finished,
            max_virtual_users: 20,
            iterations: Iterations::default(),
            labels: [("home".to_owned(), home)].into(),
            seconds: Vec::new(),
            resolution_secs: 1,
            checks: Default::default(),
            metrics: Default::default(),
            transactions: Default::default(),
            exhausted_feeds: Default::default(),
            lateness: Default::default(),
            iteration_duration: Default::default(),
            degraded: Vec::new(),
        };
        summary.add(&report).expect("one of its workers");
        summary
    }

    #[test]
    fn a_report_says_what_was_measured_what_is_missing_and_what_follows() {
        let clauses = gate::parse("success_rate >= 99.5%; p95 <= 300ms; warn p99 <= 100ms").expect("valid");
        let summary = summary();
        let judgement = gate::judge(&clauses, &summary);
        insta::assert_snapshot!(text(&summary, &judgement, &Paint::new(false)));
    }
}
