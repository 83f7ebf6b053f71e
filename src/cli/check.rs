//! `dlt check`: what is wrong with an environment or a template, before AWS sees it.

use std::path::PathBuf;

use console::style;

use super::{Global, Output};
use crate::{
    check::{Finding, Located, Part, Promises, Report, Severity, check_rendered},
    config::{self, Config, Layers},
    exit::Exit,
    failure::Failure,
    render::{self, Rendered},
    terminal,
};

/// Arguments of `dlt check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The environments: `dev` for stacks/dev.yaml, or paths of files.
    #[arg(value_name = "ENV", env = "DLT_ENV", default_value = config::loader::DEFAULT_ENVIRONMENT)]
    environments: Vec<String>,
    /// A setting that wins over file and variables, such as `console=headless`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Check this CloudFormation template, YAML or JSON, instead of an environment's.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["environments", "set"])]
    template: Option<PathBuf>,
    /// Leave out the promises that only templates of this project make (encryption, retention, log groups, …).
    #[arg(long, requires = "template")]
    generic: bool,
}

/// Checks, prints what was found, and answers 3 when there are errors.
///
/// # Errors
/// A file that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let report = match &args.template {
        Some(file) => check_file(file, args.generic)?,
        None => check_environments(args)?,
    };
    show(&report, global.output);
    Ok(if report.errors > 0 { Exit::Invalid } else { Exit::Done })
}

fn check_file(file: &std::path::Path, generic: bool) -> Result<Report, Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::from_error(Exit::Invalid, format!("failed to read template `{name}`"), &error)
            .hint("is the path right?")
    })?;
    let promises = if generic { Promises::none() } else { Promises::ours() };
    Ok(check_rendered(&[Part { name, text: &text, promises, locate: &|_| None }]))
}

/// All environments, each with the problems of its file or of everything that is rendered from it.
fn check_environments(args: &Args) -> Result<Report, Failure> {
    let mut report = Report::default();
    for environment in &args.environments {
        let variables =
            std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        match config::load(environment, &Layers::new(variables, &args.set)) {
            Ok(config) => report.join(check_config(&config, environment)?),
            Err(failure) => report.join(problems(environment, failure)?),
        }
    }
    Ok(report)
}

/// Renders every template of a configuration for every region and checks them.
///
/// # Errors
/// A template that cannot be rendered, which is a fault of ours.
pub fn check_config(config: &Config, environment: &str) -> Result<Report, Failure> {
    let rendered =
        render_all(config).map_err(|error| Failure::from_error(Exit::Internal, "failed to render", &error))?;
    let locators: Vec<_> = rendered
        .iter()
        .map(|rendered| move |line| rendered.source.locate(line).map(|found| (found.file.to_owned(), found.line)))
        .collect();
    let parts: Vec<_> = rendered
        .iter()
        .zip(&locators)
        .map(|(rendered, locate)| Part {
            name: format!("{environment}/{}", rendered.part.word()),
            text: &rendered.text,
            promises: Promises::ours(),
            locate,
        })
        .collect();
    Ok(check_rendered(&parts))
}

fn render_all(config: &Config) -> Result<Vec<Rendered>, render::RenderError> {
    let stacks = render::Part::ALL
        .into_iter()
        .flat_map(|part| part.regions(config).into_iter().map(move |region| (part, region)));
    stacks.map(|(part, region)| render::render(part, config, &region)).collect()
}

/// What is wrong with an environment file, as a report; a file that cannot be read at all stays a failure.
fn problems(environment: &str, failure: Failure) -> Result<Report, Failure> {
    let Some((file, problems)) = failure.problems else { return Err(failure) };
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let findings = problems.into_iter().map(|problem| {
        let place = problem.place.unwrap_or_default();
        let message =
            if problem.path.is_empty() { problem.message } else { format!("{}: {}", problem.path, problem.message) };
        let finding = Finding {
            severity: Severity::Error,
            code: "DLT010",
            place,
            path: problem.path,
            message,
            hint: problem.hint,
        };
        let excerpt = text.lines().nth(place.line.wrapping_sub(1)).unwrap_or_default().to_owned();
        Located { part: environment.to_owned(), file: file.clone(), line: place.line, excerpt, finding }
    });
    Ok(Report::of(findings.collect()))
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
    // A variable or a flag has no line.
    let line = if located.line == 0 { String::new() } else { format!("{}: ", located.line) };
    terminal::print(&format!("  {line}{word} {}: {}", style(finding.code).dim(), finding.message));
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
