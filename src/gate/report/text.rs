//! The report in a log: every clause, the requests worth a look, the verdict, and the link as the last line.

use comfy_table::{CellAlignment, Table, presets};

use super::figures::{self, Request};
use crate::{
    gate::conclusion::Conclusion,
    report::{summary::Paint, units},
};

/// The whole of it. The last line is the link and nothing else.
pub fn text(conclusion: &Conclusion, paint: &Paint) -> String {
    let mut lines = Vec::new();
    if let Some(summary) = &conclusion.summary {
        lines.push(figures::headline(summary));
        let requests = figures::requests(summary);
        lines.extend(section("slowest requests", &figures::slowest(&requests)));
        lines.extend(section("most failing requests", &figures::most_failing(&requests)));
    }
    lines.push(String::new());
    if !conclusion.judgement.clauses.is_empty() {
        lines.push(clauses(conclusion, paint));
        lines.push(String::new());
    }
    lines.extend(comparisons(conclusion, paint));
    lines.push(verdict(conclusion, paint));
    lines.push(conclusion.link.clone());
    lines.join("\n")
}

fn section(title: &str, requests: &[&Request]) -> Option<String> {
    if requests.is_empty() {
        return None;
    }
    let mut table = table(["request", "samples", "failed", "p50", "p95", "p99", "max", "outcomes"]);
    for request in requests {
        table.add_row([
            request.label.clone(),
            units::count(request.samples),
            units::count(request.failed),
            units::latency_or_dash(request.latency_us_p50),
            units::latency_or_dash(request.latency_us_p95),
            units::latency_or_dash(request.latency_us_p99),
            units::latency_or_dash(request.latency_us_max),
            request.outcomes_text(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Some(format!("\n{title}\n{}", trimmed(&table)))
}

fn clauses(conclusion: &Conclusion, paint: &Paint) -> String {
    let mut table = table(["", "clause", "observed", "limit", "samples"]);
    for judged in &conclusion.judgement.clauses {
        table.add_row([
            paint.mark(judged),
            judged.clause.to_string(),
            figures::observed_text(judged),
            figures::limit_text(judged),
            units::count(judged.samples),
        ]);
    }
    if let Some(samples) = table.column_mut(4) {
        samples.set_cell_alignment(CellAlignment::Right);
    }
    trimmed(&table)
}

/// One number a paragraph: what is asked, what was seen, what that means.
fn comparisons(conclusion: &Conclusion, paint: &Paint) -> Vec<String> {
    let Some(baseline) = conclusion.baseline.as_ref().filter(|_| !conclusion.comparisons.is_empty()) else {
        return Vec::new();
    };
    let each = conclusion.comparisons.iter().map(|compared| {
        let mark = paint.sign(figures::comparison_word(compared));
        let (question, observed, meaning) = (compared.question(), compared.observed(), compared.meaning());
        format!("  {mark}  {question}\n     {observed}\n     {meaning}")
    });
    let heading = format!(" compared with {baseline}");
    std::iter::once(heading).chain(each).chain([String::new()]).collect()
}

fn verdict(conclusion: &Conclusion, paint: &Paint) -> String {
    let word = paint.verdict(conclusion.word());
    let broken = figures::broken(conclusion);
    let asked = conclusion.judgement.clauses.len() + conclusion.comparisons.len();
    let why = match conclusion.word() {
        "passed" => "every clause holds".to_owned(),
        "failed" => format!("{} of {asked} clauses broken: {}", broken.len(), broken.join("; ")),
        _ => conclusion.reasons().join("; "),
    };
    format!("{word} `{}` {}: {why}", conclusion.scenario, conclusion.place)
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    table
}

fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(|line| format!(" {}", line.trim_end())).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::conclusion::tests::{compared, concluded, measured};
    use crate::run::outcome::Ending;

    #[test]
    fn a_log_shows_every_clause_the_requests_worth_a_look_and_ends_with_the_link() {
        let ending = Ending { status: "complete".to_owned(), ..Ending::default() };
        let clauses = "success_rate >= 99.5%; p95 <= 300ms; warn p99 <= 10ms; p95 of \"nobody\" <= 1s";
        let conclusion = concluded(clauses, Some(measured(3)), ending);
        let text = text(&conclusion, &Paint::new(false));
        assert_eq!(text.lines().last(), Some(conclusion.link.as_str()));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_comparison_says_what_changed_and_whether_that_is_noise() {
        let text = text(&compared("success_rate >= 99%"), &Paint::new(false));
        insta::assert_snapshot!(text);
    }
}
