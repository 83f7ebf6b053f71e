//! Every file of `tests/cases/scenarios` is read. Beside it stands what is expected: `NAME.problems` for what is wrong with
//! it, or `NAME.plan` for what will be done. `UPDATE_CASES=1` writes them anew, to be read before they are committed.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use dlt_model::{
    id::Region,
    plan::LoadPlan,
    problem::Problem,
    scenario::{Scenario, Sources},
};
use proptest::prelude::*;

fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/scenarios")
}

/// The variables that the cases may use.
fn lookup(name: &str) -> Option<String> {
    match name {
        "TARGET" => Some("http://127.0.0.1:8080".to_owned()),
        "USERS" => Some("12".to_owned()),
        "INJECTED" => Some("x\nload: {virtual_users: 1}".to_owned()),
        _ => None,
    }
}

/// The files that the cases may read lie in a folder of their own.
fn beside(name: &str) -> Result<Vec<u8>, String> {
    fs::read(cases().join("files").join(name)).map_err(|error| format!("failed to read `{name}`: {error}"))
}

const SOURCES: Sources<'static> = Sources { variable: &lookup, file: &beside };

/// What we say to a file: its problems, or its plan.
fn answer(name: &str, text: &str) -> (&'static str, String) {
    let region: Region = "eu-west-1".parse().expect("a region");
    match Scenario::read(name, text, &SOURCES, Some(&region)) {
        Err(problems) => ("problems", lines(problems.as_slice())),
        Ok((scenario, warnings)) => match LoadPlan::new(&scenario) {
            Err(problems) => ("problems", lines(problems.as_slice())),
            Ok(plan) => ("plan", describe(&plan, &warnings)),
        },
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn describe(plan: &LoadPlan, warnings: &[Problem]) -> String {
    let scenario = &plan.scenario;
    let estimate = plan.estimate();
    let mut text = format!("{}\n", scenario.name);
    if !scenario.description.is_empty() {
        writeln!(text, "{}", scenario.description).unwrap();
    }
    for group in &plan.groups {
        writeln!(text, "{}: {} virtual users on {} workers", group.region, group.virtual_users, group.workers).unwrap();
    }
    for execution in &scenario.load {
        writeln!(text, "{}", json(execution)).unwrap();
    }
    writeln!(text, "{} in all", estimate.duration).unwrap();
    text.push_str(&json(&scenario.program));
    text.push('\n');
    scenario.thresholds.iter().for_each(|clause| writeln!(text, "must: {clause}").unwrap());
    if !scenario.tags.is_empty() {
        writeln!(text, "tags: {}", scenario.tags.join(" ")).unwrap();
    }
    warnings.iter().chain(&plan.warnings).for_each(|warning| writeln!(text, "warning: {warning}").unwrap());
    text
}

/// As it is stored, line by line.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn every_case_is_answered_as_written_beside_it() {
    let mut wrong = Vec::new();
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut files: Vec<PathBuf> = fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "yaml" || end == "json")) {
        let name = file.file_name().unwrap().to_string_lossy();
        let (kind, said) = answer(&name, &fs::read_to_string(file).unwrap());
        *seen.entry(kind).or_default() += 1;
        let beside = PathBuf::from(format!("{}.{kind}", file.display()));
        let other = if kind == "plan" { "problems" } else { "plan" };
        if file.with_added_extension(other).exists() {
            wrong.push(format!("--- {name}: has {kind}, and {other} stand beside it"));
        }
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&beside, &said).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_else(|_| "(nothing is written beside it)".to_owned());
        if said != expected {
            wrong.push(format!("--- {name}: expected\n{expected}--- found\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen["problems"] >= 25 && seen["plan"] >= 10, "{seen:?}");
}

#[test]
fn no_expectation_stands_alone() {
    for entry in fs::read_dir(cases()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "problems" || end == "plan") {
            assert!(path.with_extension("").exists(), "{} has no scenario beside it", path.display());
        }
    }
}

#[test]
fn what_was_read_survives_the_store_and_aws_dlts_shape() {
    use dlt_model::scenario::dlt_json::TestScenario;
    for entry in fs::read_dir(cases()).unwrap() {
        let path = entry.unwrap().path();
        let Some(file) = path.extension().filter(|end| *end == "plan").map(|_| path.with_extension("")) else {
            continue;
        };
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let region: Region = "eu-west-1".parse().unwrap();
        let (scenario, _) =
            Scenario::read(&name, &fs::read_to_string(&file).unwrap(), &SOURCES, Some(&region)).unwrap();
        let stored = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&stored).unwrap(), scenario, "{name}");
        for form in [TestScenario::Object, TestScenario::Text] {
            let written = serde_json::to_string_pretty(&scenario.to_dlt_json(form)).unwrap();
            // What AWS DLT has no words for is kept in ours, which its reader does not know yet.
            if written.contains("program") {
                continue;
            }
            let again =
                Scenario::from_dlt_json(&written, None).unwrap_or_else(|wrong| panic!("{name}: {wrong}\n{written}"));
            assert_eq!(again.scenario, scenario, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_scenario_makes_a_reader_panic(
        which in 0..1_000_usize,
        cuts in prop::collection::vec((0.0..1.0_f64, 0..4_usize, "[-\\[\\]{}:,\"'&*!#%|>?\n\t a0\u{e9}$]{0,3}"), 1..5),
    ) {
        let mut files: Vec<PathBuf> = fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "plan"));
        files.sort();
        let mut text: Vec<char> =
            fs::read_to_string(files[which % files.len()].with_extension("")).unwrap().chars().collect();
        for (at, remove, insert) in cuts {
            let at = (at * text.len() as f64) as usize;
            let end = (at + remove).min(text.len());
            text.splice(at..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        let region: Region = "eu-west-1".parse().unwrap();
        if let Ok((scenario, _)) = Scenario::read("a.yaml", &text, &SOURCES, Some(&region)) {
            prop_assert!(LoadPlan::new(&scenario).is_ok(), "{}", text);
        }
        drop(Scenario::from_dlt_json(&text, None));
    }
}
