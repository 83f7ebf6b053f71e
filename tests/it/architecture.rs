//! What is absent: rules about the source that no type can state.

use std::path::{Path, PathBuf};

use crate::support::root;

/// What a file of thoughts may not mention: the world.
const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env::",
    "tokio::",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "object_store",
    "aws_",
];

#[test]
fn what_thinks_does_not_touch_the_world() {
    let folders = [
        "crates/model/src",
        "src/check",
        "src/config",
        "src/deploy/diff",
        "src/deploy/plan",
        "src/deploy/report",
        "src/deploy/template",
        "src/render",
        "src/report",
    ];
    let thoughts = [
        "src/deploy/catalogue.rs",
        "src/deploy/diff.rs",
        "src/deploy/evidence.rs",
        "src/deploy/fold.rs",
        "src/deploy/follow/ours.rs",
        "src/deploy/lock/protocol.rs",
        "src/deploy/outcome.rs",
        "src/deploy/plan.rs",
        "src/deploy/report.rs",
        "src/deploy/seal.rs",
        "src/deploy/sift.rs",
        "src/deploy/template.rs",
        "src/drift/differences.rs",
        "src/drift/hiding.rs",
        "src/drift/home.rs",
        "src/drift/patch.rs",
        "src/journal/recording.rs",
        "src/journal/redact.rs",
        "src/recovery/causes.rs",
        "src/recovery/causes/catalogue.rs",
        "src/recovery/explanation.rs",
        "src/recovery/explanation/findings.rs",
        "src/recovery/remedy.rs",
        "src/run/event.rs",
        "src/run/outcome.rs",
        "src/run/pace.rs",
        "src/run/proposal.rs",
        "src/run/seconds.rs",
        "crates/control/src/state.rs",
    ];
    // The loader is the door of `src/config`: it reads the file, and nothing else.
    let door = Path::new("src/config/loader.rs");
    let files = folders.iter().flat_map(|folder| sources(folder)).chain(thoughts.iter().map(|file| root().join(file)));
    assert_absent(files.chain(in_rooms()).filter(|file| !file.ends_with(door)), WORLD);
}

/// Rooms that think, and have a door for what asks or keeps.
fn in_rooms() -> impl Iterator<Item = PathBuf> {
    let rooms: [(&str, &[&str]); 3] = [
        ("cost", &["bill", "idle", "page", "planned", "testing"]),
        (
            "doctor",
            &[
                "addresses",
                "clock",
                "finding",
                "names",
                "page",
                "permissions",
                "permissions/table",
                "permissions/verdict",
                "planned",
                "quotas",
            ],
        ),
        ("timing", &["durations", "estimate", "graph", "page", "past", "path", "remaining", "samples", "span"]),
    ];
    rooms
        .into_iter()
        .flat_map(|(room, files)| files.iter().map(move |file| root().join(format!("src/{room}/{file}.rs"))))
}

#[test]
fn the_control_plane_does_not_know_that_aws_exists() {
    assert_absent(sources("crates/control/src"), &["aws_sdk", "aws_config", "lambda_", "std::process"]);
    let manifest = std::fs::read_to_string(root().join("crates/control/Cargo.toml")).expect("a manifest");
    assert!(!manifest.contains("aws"), "{manifest}");
}

#[test]
fn the_engine_does_not_print_and_the_screen_does_not_call() {
    let (screens, rest): (Vec<_>, Vec<_>) = sources("src").into_iter().partition(|file| is_screen(file));
    let engine = rest.into_iter().filter(|file| file.starts_with(root().join("src/deploy")));
    assert_absent(engine, &["println!", "eprintln!", "terminal::", "crate::terminal", "indicatif", "console::"]);
    assert!(screens.len() >= 3, "{screens:?}");
    assert_absent(screens, &["aws_sdk", "aws_config", "cloud::", "crate::cloud"]);
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent: Vec<PathBuf> = ["src", "crates", "worker", "lambda", "tests"]
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|file| !std::fs::read_to_string(file).expect("a source file").starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

/// Every Rust file below a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a readable folder").path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == "rs" => found.push(path),
                _ => {}
            }
        }
    }
    assert!(!found.is_empty(), "no source in {folder}");
    found
}

/// Whether a file is a screen, or stands in the folder of one.
fn is_screen(file: &Path) -> bool {
    let inside = file.strip_prefix(root()).expect("a source of this repository");
    inside.components().any(|part| Path::new(part.as_os_str()).file_stem().is_some_and(|stem| stem == "screen"))
}

/// Whether the module above declares this file for tests alone.
fn is_only_for_tests(file: &Path) -> bool {
    let stem = file.file_stem().expect("a file has a name").to_string_lossy();
    let above = std::fs::read_to_string(file.with_file_name("mod.rs")).unwrap_or_default();
    above.contains(&format!("#[cfg(test)]\nmod {stem};"))
}

/// No line of code (comments aside, tests in the file and files of tests aside) mentions one of the words.
#[track_caller]
fn assert_absent(files: impl IntoIterator<Item = PathBuf>, words: &[&str]) {
    let mut found = Vec::new();
    for file in files.into_iter().filter(|file| !is_only_for_tests(file)) {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{}: `{word}` in `{}`", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
