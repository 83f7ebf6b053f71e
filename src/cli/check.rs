//! `dlt check`: what is wrong with an environment or a template, before AWS sees it, and what a scenario's run will be.

use std::path::PathBuf;

use console::style;

use super::{Global, Output, forecast};
use crate::{
    check::{Finding, Located, Part, Promises, Report, Severity, check_rendered},
    cloud::habits,
    config::{self, Config, Layers},
    exit::Exit,
    failure::Failure,
    render::{self, Rendered},
    terminal,
};

/// Arguments of `dlt check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt check dev\n  dlt check docs/examples/quickstart.yaml\n  dlt check --template template.yaml --generic"
)]
pub struct Args {
    /// Environments, `dev` for stacks/dev.yaml, or paths of files; or scenario files. Without any, the environment that
    /// DLT_ENV names, or `dev`.
    #[arg(value_name = "ENV|SCENARIO")]
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
    #[command(flatten)]
    assumed: forecast::Assumed,
}

impl Args {
    /// The variable is read here, since `--template` goes with it and not with an environment on the command line.
    fn environments(&self) -> Vec<String> {
        if !self.environments.is_empty() {
            return self.environments.clone();
        }
        let named = std::env::var("DLT_ENV").ok().filter(|name| !name.is_empty());
        vec![named.unwrap_or_else(|| config::loader::DEFAULT_ENVIRONMENT.to_owned())]
    }
}

/// Checks, prints what was found, and answers 3 when there are errors.
///
/// # Errors
/// A file that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let (scenarios, others): (Vec<&String>, Vec<&String>) =
        args.environments.iter().partition(|name| forecast::is_scenario(name));
    if !scenarios.is_empty() && !others.is_empty() {
        return Err(Failure::new(Exit::Usage, "scenarios and environments are checked one kind at a time"));
    }
    if !scenarios.is_empty() {
        return check_scenarios(&scenarios, &args.assumed, global.output);
    }
    let report = match &args.template {
        Some(file) => check_file(file, args.generic)?,
        None => check_environments(args)?,
    };
    show(&report, global.output);
    Ok(if report.errors > 0 { Exit::Invalid } else { Exit::Done })
}

/// Says what the runs will be; when any scenario is wrong, what is wrong with all of them.
fn check_scenarios(scenarios: &[&String], assumed: &forecast::Assumed, output: Output) -> Result<Exit, Failure> {
    let mut report = Report::default();
    let mut forecasts = Vec::new();
    for scenario in scenarios {
        match forecast::of(scenario, assumed) {
            Ok(forecast) => forecasts.push(forecast),
            Err(failure) => report.join(problems(scenario, failure)?),
        }
    }
    if report.errors > 0 {
        show(&report, output);
        return Ok(Exit::Invalid);
    }
    forecast::show(&forecasts, output);
    Ok(Exit::Done)
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
    for environment in &args.environments() {
        let variables =
            std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        match config::load(environment, &Layers::new(variables, &args.set).with_region(habits::region())) {
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
            promises: Promises::of_the_design(),
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
        Located {
            part: environment.to_owned(),
            file: file.clone(),
            line: place.line,
            column: Some(place.column),
            excerpt,
            finding,
        }
    });
    Ok(Report::of(findings.collect()))
}

/// Prints a report to standard output.
pub fn show(report: &Report, output: Output) {
    match output {
        Output::Json => terminal::print(&serde_json::to_string_pretty(report).expect("a report is plain data")),
        Output::Text => {
            report.findings.iter().for_each(print_finding);
            terminal::print(&summary(report));
        }
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
    let place = style(place(located)).bold();
    terminal::print(&format!("{place}: {word} {}: {}", style(finding.code).dim(), finding.message));
    let (excerpt, caret) = pointed(&located.excerpt, finding.place.column);
    if !excerpt.is_empty() {
        terminal::print(&format!("      {} {excerpt}", style("|").blue()));
        terminal::print(&format!("      {} {}{}", style("|").blue(), " ".repeat(caret), style("^").red().bold()));
    }
    if let Some(hint) = &finding.hint {
        terminal::print(&format!("      {} {hint}", style("hint:").green()));
    }
}

/// `file:line:column`, as much of it as there is; editors follow it.
fn place(located: &Located) -> String {
    let file = &located.file;
    match (located.line, located.column) {
        // A variable or a flag has no line.
        (0, _) => file.clone(),
        (line, Some(column)) => format!("{file}:{line}:{column}"),
        (line, None) => format!("{file}:{line}"),
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

    fn example(text: &str) -> Report {
        let config = Config::read(text, &Layers::new(std::iter::empty(), &[])).expect("the example is valid");
        check_config(&config, "example").expect("the templates are valid")
    }

    #[test]
    fn nothing_is_wrong_with_the_example_environments() {
        for text in [
            include_str!("../../stacks/dev.yaml"),
            include_str!("../../stacks/existing-network.yaml"),
            include_str!("../../stacks/minimal.yaml"),
        ] {
            let report = example(text);
            assert_eq!((report.errors, report.warnings), (0, 0), "{:#?}", report.findings);
        }
    }

    #[test]
    fn a_misspelt_resource_of_the_main_template_is_always_found() {
        let config =
            Config::read(include_str!("../../stacks/dev.yaml"), &Layers::new(std::iter::empty(), &[])).expect("valid");
        let text = render::render(render::Part::Main, &config, &config.region).expect("valid").text;
        let resources = text
            .split("\nResources:\n")
            .nth(1)
            .and_then(|rest| rest.split("\nOutputs:\n").next())
            .expect("it has both");
        let names = resources
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
            .filter(|name| !name.contains([' ', '#']));
        let used = names.filter(|name| {
            [
                format!("Ref {name}"),
                format!("GetAtt {name}."),
                format!("${{{name}}}"),
                format!("${{{name}."),
                format!("DependsOn: {name}\n"),
            ]
            .iter()
            .any(|way| text.contains(way.as_str()))
        });
        let mut tried = 0;
        for name in used {
            let broken = text.replacen(&format!("\n  {name}:\n"), &format!("\n  {name}Oops:\n"), 1);
            let found = crate::check::check(&broken, &Promises::none());
            let told = found.iter().any(|finding| {
                matches!(finding.code, "DLT101" | "DLT102" | "DLT103" | "DLT104") && finding.message.contains(name)
            });
            assert!(told, "nobody misses {name}: {found:#?}");
            tried += 1;
        }
        assert!(tried > 30, "only {tried} resources were tried");
    }

    #[test]
    fn a_wrong_environment_file_is_a_report_with_its_lines() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("bad.yaml");
        std::fs::write(&file, "stack: x\nregin: eu-west-1\n").expect("the folder is ours");
        let name = file.display().to_string();
        let failure = config::load(&name, &Layers::new(std::iter::empty(), &[])).expect_err("the file is wrong");
        let report = problems("bad", failure).expect("a file that can be read has a report");
        let misspelt = report.findings.iter().find(|located| located.line == 2).expect("the misspelt key is found");
        assert_eq!((misspelt.finding.code, misspelt.excerpt.as_str()), ("DLT010", "regin: eu-west-1"));
        assert_eq!(report.errors, report.findings.len());
    }

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
