//! The report as a comment on a pull request.

use super::figures::{self, Request};
use crate::{gate::conclusion::Conclusion, report::units};

/// The whole of it, in GitHub's Markdown.
pub fn markdown(conclusion: &Conclusion) -> String {
    let mark = match conclusion.word() {
        "passed" => "✅",
        "failed" => "❌",
        _ => "⚠️",
    };
    let name = escaped(&conclusion.scenario);
    let mut lines = vec![format!("### {mark} Load test {}: {name}", conclusion.word()), String::new()];
    lines.extend(conclusion.reasons().iter().map(|reason| format!("- {}", escaped(reason))));
    if !conclusion.reasons().is_empty() {
        lines.push(String::new());
    }
    lines.extend(["| | clause | observed | limit | samples |", "|---|---|---:|---:|---:|"].map(ToOwned::to_owned));
    for judged in &conclusion.judgement.clauses {
        let mark = sign(figures::outcome_word(judged));
        lines.push(format!(
            "| {mark} | {} | {} | {} | {} |",
            code(&judged.clause.to_string()),
            escaped(&figures::observed_text(judged)),
            escaped(&figures::limit_text(judged)),
            units::count(judged.samples)
        ));
    }
    lines.extend(comparisons(conclusion));
    if let Some(summary) = &conclusion.summary {
        lines.extend([String::new(), figures::headline(summary)]);
        let requests = figures::requests(summary);
        lines.extend(section("Slowest requests", &figures::slowest(&requests)));
        lines.extend(section("Most failing requests", &figures::most_failing(&requests)));
    }
    lines.extend([String::new(), link(&conclusion.link), String::new()]);
    lines.join("\n")
}

fn sign(word: &str) -> &'static str {
    match word {
        "held" => "✅",
        "broken" => "❌",
        _ => "⚠️",
    }
}

fn comparisons(conclusion: &Conclusion) -> Vec<String> {
    let Some(baseline) = conclusion.baseline.as_ref().filter(|_| !conclusion.comparisons.is_empty()) else {
        return Vec::new();
    };
    let head = format!("| | compared with {} | observed | meaning |", code(baseline));
    let rows = conclusion.comparisons.iter().map(|compared| {
        format!(
            "| {} | {} | {} | {} |",
            sign(figures::comparison_word(compared)),
            escaped(&compared.question()),
            escaped(&compared.observed()),
            escaped(compared.meaning()),
        )
    });
    [String::new(), head, "|---|---|---|---|".to_owned()].into_iter().chain(rows).collect()
}

fn section(title: &str, requests: &[&Request]) -> Vec<String> {
    if requests.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        String::new(),
        format!("<details><summary>{title}</summary>"),
        String::new(),
        "| request | samples | failed | p50 | p95 | p99 | outcomes |".to_owned(),
        "|---|---:|---:|---:|---:|---:|---|".to_owned(),
    ];
    lines.extend(requests.iter().map(|request| {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            code(&request.label),
            units::count(request.samples),
            units::count(request.failed),
            units::latency_or_dash(request.latency_us_p50),
            units::latency_or_dash(request.latency_us_p95),
            units::latency_or_dash(request.latency_us_p99),
            escaped(&request.outcomes_text()),
        )
    }));
    lines.extend([String::new(), "</details>".to_owned()]);
    lines
}

/// A link where it can be followed from somewhere else.
fn link(link: &str) -> String {
    if link.starts_with("http") { format!("[See the run]({link})") } else { code(link) }
}

/// Text that says nothing to Markdown, HTML or a table.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '@' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// Text in a code span, which a table may hold.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace(['\n', '\r'], " ").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::conclusion::tests::{compared, concluded, measured};
    use crate::run::outcome::Ending;

    #[test]
    fn a_comment_survives_names_full_of_markup() {
        let ending = Ending { status: "complete".to_owned(), ..Ending::default() };
        let text = markdown(&concluded("success_rate >= 99.5%; p95 <= 300ms", Some(measured(2)), ending));
        insta::assert_snapshot!(text);
        insta::assert_snapshot!("compared", markdown(&compared("success_rate >= 99%")));
        assert_eq!(code("a`b"), "``a`b``");
    }
}
