//! The examples of the documentation and the schema are what the program reads.

use std::{fs, path::PathBuf};

use dlt_model::{id::Region, plan::LoadPlan, scenario::Scenario};

fn docs(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(path)
}

#[test]
fn every_example_is_a_scenario_without_a_warning() {
    let region: Region = "eu-west-1".parse().unwrap();
    let mut count = 0;
    for entry in fs::read_dir(docs("examples")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let (scenario, warnings) =
            Scenario::read(&name, &text, &|_| None, Some(&region)).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert_eq!(warnings, [], "{name}");
        assert!(LoadPlan::new(&scenario).is_ok(), "{name}");
        count += 1;
    }
    assert!(count >= 2);
}
