//! `dlt check`: what is wrong with a template, before AWS sees it.

use std::path::PathBuf;

use console::style;

use super::{Global, Output};
use crate::{
    check::{Located, Part, Promises, Report, Severity, check_rendered},
    exit::Exit,
    failure::Failure,
    terminal,
};

/// Checks a CloudFormation template: names, conditions under every assignment, limits, permissions.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The template to check, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// Leave out the promises that only templates of this project make (encryption, retention, log groups, …).
    #[arg(long)]
    generic: bool,
}

/// Checks, prints what was found, and answers 3 when there are errors.
///
/// # Errors
/// A file that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let name = args.template.display().to_string();
    let text = std::fs::read_to_string(&args.template).map_err(|error| {
        Failure::from_error(Exit::Invalid, format!("failed to read template `{name}`"), &error)
            .hint("is the path right?")
    })?;
    let promises = if args.generic { Promises::none() } else { Promises::ours() };
    let report = check_rendered(&[Part { name, text: &text, promises, locate: &|_| None }]);
    show(&report, global.output);
    Ok(if report.errors > 0 { Exit::Invalid } else { Exit::Done })
}

/// Prints a report to standard output.
pub fn show(report: &Report, output: Output) {
    match output {
        Output::Json => terminal::print(&serde_json::to_string_pretty(report).expect("a report is plain data")),
        Output::Text => {
            print_findings(&report.findings);
            terminal::print(&summary(report));
        }
    }
}

fn print_findings(findings: &[Located]) {
    let mut file = None;
    for located in findings {
        if file != Some(&located.file) {
            terminal::print(&style(&located.file).bold().underlined().to_string());
            file = Some(&located.file);
        }
        print_finding(located);
    }
}

fn print_finding(located: &Located) {
    let finding = &located.finding;
    let word = style(finding.severity.word());
    let word = match finding.severity {
        Severity::Error => word.red().bold(),
        Severity::Warning => word.yellow().bold(),
        Severity::Note => word.cyan(),
    };
    terminal::print(&format!("  {}: {word} {}: {}", located.line, style(finding.code).dim(), finding.message));
    let (excerpt, caret) = pointed(&located.excerpt, finding.place.column);
    if !excerpt.is_empty() {
        terminal::print(&format!("      {} {excerpt}", style("|").blue()));
        terminal::print(&format!("      {} {}{}", style("|").blue(), " ".repeat(caret), style("^").red().bold()));
    }
    if let Some(hint) = &finding.hint {
        terminal::print(&format!("      {} {hint}", style("hint:").green()));
    }
}

/// How much of a long line is shown.
const EXCERPT_CHARACTERS: usize = 110;

/// The part of a line around a column, without its indent, and where in it the column is, from 0.
fn pointed(line: &str, column: usize) -> (String, usize) {
    let letters: Vec<char> =
        line.trim_end().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let indent = letters.iter().take_while(|letter| **letter == ' ').count();
    let at = column.saturating_sub(1).clamp(indent, letters.len().max(indent));
    let start = if at - indent > EXCERPT_CHARACTERS * 2 / 3 { at - EXCERPT_CHARACTERS / 2 } else { indent };
    (letters.iter().skip(start).take(EXCERPT_CHARACTERS).collect(), at - start)
}

fn summary(report: &Report) -> String {
    let count = |number: usize, what: &str| match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    let (errors, warnings) = (count(report.errors, "error"), count(report.warnings, "warning"));
    format!("{errors}, {warnings}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_under_its_column() {
        assert_eq!(pointed("    Value: !Ref X", 12), ("Value: !Ref X".to_owned(), 7));
    }

    #[test]
    fn a_long_line_is_cut_around_its_column() {
        let line = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let (excerpt, caret) = pointed(&line, 501);
        assert_eq!(&excerpt[caret..caret + 4], "HERE");
        assert_eq!(excerpt.len(), EXCERPT_CHARACTERS);
    }

    #[test]
    fn a_column_outside_of_its_line_does_no_harm() {
        assert_eq!(pointed("", 90), (String::new(), 0));
        assert_eq!(pointed("  a", 1), ("a".to_owned(), 0));
    }
}
