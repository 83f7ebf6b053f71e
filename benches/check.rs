//! How long rendering and checking the main template takes, next to cfn-lint on the same file in the same run.
//!
//! `cargo bench --bench check`; the command of cfn-lint is found in CFN_LINT, in `.venv/judges` or on the PATH.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use dlt::{
    check::{Promises, Severity, check},
    config::{Config, Layers},
    render::{Part, render},
};

const OURS: usize = 50;
const THEIRS: usize = 3;

fn main() {
    let config = Config::read(include_str!("../stacks/dev.yaml"), &Layers::new(std::iter::empty(), &[]))
        .expect("the example is valid");
    let main = || render(Part::Main, &config, &config.region).expect("the templates are valid");
    let text = main().text;
    say(&format!("main template: {} bytes, {} lines", text.len(), text.lines().count()));
    let rendered = median((0..OURS).map(|_| timed(main)).collect());
    let checked = median((0..OURS).map(|_| timed(|| errors(&text))).collect());
    say(&format!("render {rendered:?}, check {checked:?}, both {:?} (medians of {OURS})", rendered + checked));
    let large = synthetic(250);
    let synthetic = median((0..OURS).map(|_| timed(|| errors(&large))).collect());
    say(&format!("check of 250 resources, {} bytes: {synthetic:?}", large.len()));
    match cfn_lint() {
        Some(command) => compare(&command, &text, rendered + checked),
        None => say("cfn-lint: not found; set CFN_LINT to compare"),
    }
}

fn compare(command: &Path, text: &str, ours: Duration) {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file can be made");
    std::fs::write(file.path(), text).expect("a temporary file can be written");
    let lint = || {
        let status =
            Command::new(command).arg(file.path()).stdout(Stdio::null()).status().expect("cfn-lint can be started");
        assert!(status.code().is_some(), "cfn-lint was killed");
    };
    let theirs = median((0..THEIRS).map(|_| timed(lint)).collect());
    say(&format!(
        "cfn-lint {theirs:?} (median of {THEIRS}), {:.0} times as long as ours",
        theirs.as_secs_f64() / ours.as_secs_f64()
    ));
}

fn errors(text: &str) -> usize {
    check(text, &Promises::ours()).iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// A template of this many resources: functions with roles, log groups, tables and topics that use each other.
fn synthetic(resources: usize) -> String {
    let mut text = String::from(
        "Parameters:\n  Mode: {Type: String}\nConditions:\n  Large: !Equals [!Ref Mode, large]\nResources:\n",
    );
    for number in 0..resources / 5 {
        text.push_str(&include_str!("synthetic.yaml").replace("NUMBER", &number.to_string()));
    }
    text
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn cfn_lint() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("CFN_LINT").map(PathBuf::from);
    let judges = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/judges/bin/cfn-lint");
    named
        .into_iter()
        .chain([judges])
        .chain(std::env::split_paths(&paths).map(|folder| folder.join("cfn-lint")))
        .find(|path| path.is_file())
}

fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").expect("standard output can be written");
}
