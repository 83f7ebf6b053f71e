//! How long comparing two main templates takes, next to the library of `cdk diff` on the same pair in the same run; and how
//! long it takes to say `--version`, next to the CDK's command line.
//!
//! `cargo bench --bench plan`; the library is where `tests/run` puts it. The command line is found in CDK, in `.venv/node` or on
//! the PATH.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use dlt::{
    config::{Config, Layers},
    deploy::{
        event::StackRef,
        plan::{Live, StackPlan, Wanted, decide},
    },
    render::{Part, render},
};
use serde_json::{Value, json};

const OURS: usize = 30;
const THEIRS: usize = 10;
const STARTS: usize = 5;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::read(include_str!("../stacks/dev.yaml"), &Layers::new(std::iter::empty(), &[]))
        .expect("the example is valid");
    let old = render(Part::Main, &config, &config.region).expect("the templates are valid").text;
    let new = old.replace("MemorySize: ", "MemorySize: 1");
    assert_ne!(old, new, "there is something to find");
    let ours = median((0..OURS).map(|_| timed(|| compare(&old, &new))).collect());
    let found = compare(&old, &new).resources.len();
    say(&format!("main template of {} bytes, {found} resources differ", old.len()));
    say(&format!("dlt: read and compared in {ours:?} (median of {OURS})"));
    let node = root.join(".venv/node");
    if node.join("node_modules").is_dir() {
        let theirs = theirs(root, &node, &old, &new);
        say(&format!("cdk's library: compared in {theirs:?} (median of {THEIRS}, templates read beforehand)"));
        say(&format!("ratio: {:.1}", theirs.as_secs_f64() / ours.as_secs_f64()));
        let pair = pairs(root, &old, &new, 1);
        let process = median((0..STARTS).map(|_| timed(|| judge(root, &node, &pair))).collect());
        let ratio = process.as_secs_f64() / ours.as_secs_f64();
        say(&format!("a process of it: {process:?} (median of {STARTS}), ratio: {ratio:.1}"));
    } else {
        say("cdk's library: not found; `tests/run` installs it");
    }
    starts(&node);
}

fn compare(old: &str, new: &str) -> StackPlan {
    let stack = StackRef { name: "it".to_owned(), region: "eu-west-1".parse().expect("a region") };
    let (parameters, tags) = (BTreeMap::new(), BTreeMap::new());
    let wanted = Wanted { stack, part: Part::Main, template: new.to_owned(), parameters, tags, protection: false };
    let live = Live {
        status: Some("UPDATE_COMPLETE".to_owned()),
        template: Some(old.to_owned()),
        stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/it/0".to_owned(),
        ..Live::default()
    };
    decide(&wanted, &live)
}

/// The pair as often as wanted, as JSON, read by a parser that is not ours.
fn pairs(root: &Path, old: &str, new: &str, times: usize) -> Value {
    let read = |text: &str| -> Value {
        let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file can be made");
        file.write_all(text.as_bytes()).expect("a temporary file can be written");
        let output = Command::new(root.join(".venv/judges/bin/python"))
            .arg(root.join("tests/judges/to_json.py"))
            .arg(file.path())
            .output()
            .expect("python runs");
        let all: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        all.into_values().next().expect("one file, one template")
    };
    let pair = json!({"name": "main", "old": read(old), "new": read(new)});
    std::iter::repeat_n(pair, times).collect()
}

/// The time that the library says it took, once it is warm.
fn theirs(root: &Path, node: &Path, old: &str, new: &str) -> Duration {
    let told: Vec<Value> =
        serde_json::from_slice(&judge(root, node, &pairs(root, old, new, THEIRS + 1))).expect("JSON");
    let micros = |it: &Value| Duration::from_micros(it["micros"].as_u64().expect("a number"));
    // The first one reads the library's own tables.
    median(told.iter().skip(1).map(micros).collect())
}

fn judge(root: &Path, node: &Path, pairs: &Value) -> Vec<u8> {
    let mut child = Command::new("node")
        .arg(root.join("tests/judges/diff.mjs"))
        .arg(node)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(pairs.to_string().as_bytes()).expect("node reads");
    drop(stdin);
    child.wait_with_output().expect("it ends").stdout
}

fn starts(node: &Path) {
    let version = |program: &Path| {
        let status = Command::new(program).arg("--version").stdout(Stdio::null()).status().expect("it starts");
        assert!(status.success(), "{}", program.display());
    };
    let ours = Path::new(env!("CARGO_BIN_EXE_dlt"));
    let took = |program: &Path| median((0..STARTS).map(|_| timed(|| version(program))).collect());
    let ours = took(ours);
    say(&format!("dlt --version: {ours:?} (median of {STARTS})"));
    match cdk(node) {
        Some(cdk) => {
            let theirs = took(&cdk);
            say(&format!("cdk --version: {theirs:?}, ratio: {:.0}", theirs.as_secs_f64() / ours.as_secs_f64()));
        }
        None => say("cdk: not found; `npm install aws-cdk` somewhere, and name its `cdk` in CDK"),
    }
}

fn cdk(node: &Path) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::var_os("CDK")
        .map(PathBuf::from)
        .into_iter()
        .chain([node.join("node_modules/.bin/cdk")])
        .chain(std::env::split_paths(&paths).map(|folder| folder.join("cdk")))
        .find(|path| path.is_file())
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

fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").expect("standard output can be written");
}
