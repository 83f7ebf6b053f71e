//! The examples of the documentation and the schema are what the program reads.

use std::{fs, path::PathBuf};

use dlt_model::{
    id::Region,
    plan::LoadPlan,
    scenario::{Scenario, Sources},
};

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
        let (scenario, warnings) = Scenario::read(&name, &text, &Sources::NONE, Some(&region))
            .unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert_eq!(warnings, [], "{name}");
        assert!(LoadPlan::new(&scenario).is_ok(), "{name}");
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn the_published_schema_is_the_programs_own() {
    let mut text = serde_json::to_string_pretty(&dlt_model::scenario::schema::schema()).unwrap();
    text.push('\n');
    let path = docs("schema/scenario.json");
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "write it anew with UPDATE_CASES=1");
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = dlt_model::scenario::schema::schema();
    let known = |path: &str, text: &str| -> Vec<String> {
        let problems = Scenario::read("a.yaml", text, &Sources::NONE, None).unwrap_err();
        let problem = problems.as_slice().iter().find(|problem| problem.path == path).unwrap();
        let hint = problem.hint.as_deref().and_then(|hint| hint.strip_prefix("known here: ")).unwrap();
        let mut keys: Vec<String> = hint.split(", ").map(ToOwned::to_owned).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    };
    let described = |object: &serde_json::Value| -> Vec<String> {
        let mut keys: Vec<String> = object["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        keys
    };
    let part = |name: &str| &schema["$defs"][name];
    assert_eq!(known("qqq", "qqq: 1"), described(&schema));
    let load = |kind: &str| format!("load: {{executor: {kind}, qqq: 1}}");
    let step = |key: &str| format!("requests: [{{{key}: {{qqq: 1}}}}]");
    for (path, text, shape) in [
        ("load.qqq", "load: {qqq: 1}".to_owned(), "LoadFile"),
        ("load.qqq", load("constant-vus"), "ConstantVusFile"),
        ("load.qqq", load("ramping-vus"), "RampingVusFile"),
        ("load.qqq", load("per-vu-iterations"), "PerVuIterationsFile"),
        ("load.qqq", load("shared-iterations"), "SharedIterationsFile"),
        ("load.qqq", load("constant-arrival-rate"), "ConstantArrivalRateFile"),
        ("load.qqq", load("ramping-arrival-rate"), "RampingArrivalRateFile"),
        ("defaults.qqq", "defaults: {qqq: 1}".to_owned(), "DefaultsFile"),
        ("regions[0].qqq", "regions: [{qqq: 1}]".to_owned(), "RegionWithWorkers"),
        ("data[0].qqq", "data: [{qqq: 1}]".to_owned(), "LongFeed"),
        ("secrets.a.qqq", "secrets: {a: {secrets_manager: x, qqq: 1}}".to_owned(), "SecretFile"),
        ("http.qqq", "http: {qqq: 1}".to_owned(), "HttpFile"),
        ("http.tls.qqq", "http: {tls: {qqq: 1}}".to_owned(), "TlsFile"),
        ("http.dns.qqq", "http: {dns: {qqq: 1}}".to_owned(), "DnsFile"),
        ("flows.a.qqq", "flows: {a: {qqq: 1}}".to_owned(), "LongFlow"),
        ("requests[0].qqq", "requests: [{url: /, qqq: 1}]".to_owned(), "LongRequest"),
        ("requests[0].auth.qqq", "requests: [{url: /, auth: {qqq: 1}}]".to_owned(), "LongAuth"),
        ("requests[0].checks[0].qqq", "requests: [{url: /, checks: [{qqq: 1}]}]".to_owned(), "CheckFile"),
        ("requests[0].qqq", "requests: [{if: a, qqq: 1}]".to_owned(), "IfStep"),
        ("requests[0].qqq", "requests: [{loop: 1, qqq: 1}]".to_owned(), "LoopStep"),
        ("requests[0].qqq", "requests: [{while: a, qqq: 1}]".to_owned(), "WhileStep"),
        ("requests[0].qqq", "requests: [{foreach: a, qqq: 1}]".to_owned(), "ForeachStep"),
        ("requests[0].pause.qqq", step("pause"), "LongPause"),
        ("requests[0].measure.qqq", step("measure"), "MeasureFile"),
        ("requests[0].websocket.qqq", step("websocket"), "WebsocketFile"),
        ("requests[0].grpc.qqq", step("grpc"), "GrpcFile"),
        ("requests[0].tcp.qqq", step("tcp"), "TcpFile"),
    ] {
        // These two lead from the short form to the others, which have shapes of their own.
        let elsewhere = |key: &String| shape == "LoadFile" && matches!(key.as_str(), "executor" | "stages");
        let known: Vec<String> = known(path, &text).into_iter().filter(|key| !elsewhere(key)).collect();
        assert_eq!(known, described(part(shape)), "{shape}");
    }
}

#[test]
fn what_the_documentation_shows_is_read() {
    let page = fs::read_to_string(docs("scenarios.md")).unwrap();
    let blocks = |language: &str| -> Vec<String> {
        let opening = format!("```{language}\n");
        page.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
    };
    let (scenarios, gates) = (blocks("yaml"), blocks("gate"));
    assert!(!scenarios.is_empty() && !gates.is_empty());
    let region: Region = "eu-west-1".parse().unwrap();
    assert!(scenarios.len() >= 7);
    for text in scenarios {
        let (scenario, warnings) = Scenario::read("a.yaml", &text, &Sources::NONE, Some(&region))
            .unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        assert_eq!(warnings, []);
        assert!(LoadPlan::new(&scenario).is_ok(), "{text}");
    }
    for text in gates {
        dlt_model::gate::parse(&text).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}
