//! Every file of `tests/cases/imports` is imported. Beside it stands the scenario that comes out, or what is wrong with it.
//! `UPDATE_CASES=1` writes them anew, to be read before they are committed.

use std::{fs, path::PathBuf};

use dlt_model::{
    id::Region,
    plan::LoadPlan,
    scenario::{Scenario, Sources},
};

use super::{Imported, curl, har, openapi};

fn cases() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/imports");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| ["har", "openapi", "curl"].iter().any(|kind| end == *kind)));
    files.sort();
    files
}

fn imported(file: &std::path::Path) -> Result<Imported, Vec<String>> {
    let text = fs::read_to_string(file).unwrap();
    match file.extension().unwrap().to_str().unwrap() {
        "har" => har::import(&text, file.to_string_lossy().contains("_all")),
        "openapi" => openapi::import(&text),
        _ => curl::import(&text),
    }
}

#[test]
fn every_source_becomes_what_stands_beside_it_and_that_reads_back_and_plans() {
    let mut wrong = Vec::new();
    let (mut good, mut bad) = (0, 0);
    for file in cases() {
        let (kind, said) = match imported(&file) {
            Ok(imported) => ("yaml", imported.draft.yaml(&imported.notes)),
            Err(problems) => ("problems", problems.iter().map(|why| format!("{why}\n")).collect()),
        };
        let beside = PathBuf::from(format!("{}.{kind}", file.display()));
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&beside, &said).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_else(|_| "(nothing is written beside it)".to_owned());
        if said != expected {
            wrong.push(format!("--- {}: expected\n{expected}--- found\n{said}", file.display()));
        }
        if kind == "problems" {
            bad += 1;
            continue;
        }
        good += 1;
        let region: Region = "eu-west-1".parse().unwrap();
        let variable =
            |name: &str| Some(if name == "TARGET" { "https://api.example.com".to_owned() } else { "x".to_owned() });
        let sources = Sources { variable: &variable, ..Sources::NONE };
        match Scenario::read("a.yaml", &said, &sources, Some(&region)) {
            Ok((scenario, _)) => assert!(LoadPlan::new(&scenario).is_ok(), "{}", file.display()),
            Err(problems) => wrong.push(format!("--- {}: cannot be read: {problems}\n{said}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good >= 12 && bad >= 6, "{good} and {bad}");
}

#[test]
fn no_secret_gets_into_a_file() {
    for file in cases() {
        if let Ok(imported) = imported(&file) {
            let text = imported.draft.yaml(&imported.notes);
            assert!(!text.contains("s3cr3t"), "{}: {text}", file.display());
        }
    }
}
