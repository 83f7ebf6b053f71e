//! What an independent tool says of the same pairs of templates: we see at least as much, and every danger that it sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::{Command, Stdio},
};

use dlt::{
    deploy::{
        catalogue,
        changes::Act,
        diff::ResourceDiff,
        event::StackRef,
        plan::{Live, StackPlan, Wanted, decide},
    },
    render::Part,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Ended, Sandbox, python, root};

/// An environment whose templates have as much in them as there can be.
const ENVIRONMENT: &str =
    "stack: dlt-diffs\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: chief, email: chief@example.com}\n";
/// How many pairs there are at least.
const PAIRS: usize = 40;

/// Two templates that differ in one place.
struct Pair {
    name: String,
    kind: String,
    old: Value,
    new: Value,
}

/// What the other tool says of a pair.
#[derive(Deserialize)]
struct Told {
    name: String,
    resources: BTreeMap<String, Change>,
}

#[derive(Deserialize)]
struct Change {
    impact: String,
    properties: Vec<String>,
}

#[test]
fn we_see_every_place_that_an_independent_tool_sees_and_every_replacement() {
    let pairs = pairs();
    assert!(pairs.len() >= PAIRS, "{}", pairs.len());
    let told = judge(&pairs);
    let (mut faults, mut dangers) = (Vec::new(), 0);
    for (pair, told) in pairs.iter().zip(&told) {
        assert_eq!(pair.name, told.name);
        let ours = compare(pair);
        for (id, change) in &told.resources {
            let found = ours.resources.iter().find(|it| it.logical_id == *id);
            faults.extend(fault(id, change, found).map(|fault| format!("{}: {fault}", pair.name)));
        }
        let is_danger = |it: &&ResourceDiff| it.loses_data && it.act <= Act::Remove;
        dangers += ours.resources.iter().filter(is_danger).count();
    }
    assert!(faults.is_empty(), "{} of {} pairs: {faults:#?}", faults.len(), pairs.len());
    let stateful = pairs.iter().filter(|pair| catalogue::holds_data(&pair.kind)).count();
    assert!(stateful >= PAIRS && dangers >= 20, "{stateful} pairs change what holds data, {dangers} of them lose it");
}

/// What we miss of what the other tool says about a resource.
fn fault(id: &str, change: &Change, ours: Option<&ResourceDiff>) -> Option<String> {
    let Some(ours) = ours else { return Some(format!("{id} is not seen to change: {:?}", change.properties)) };
    let places: BTreeSet<&str> =
        ours.properties.iter().map(|it| it.at.path.split(['.', '[', ' ']).next().unwrap_or_default()).collect();
    let missing: Vec<&String> = change.properties.iter().filter(|it| !places.contains(it.as_str())).collect();
    let expected = match change.impact.as_str() {
        "WILL_REPLACE" => Act::Replace,
        "MAY_REPLACE" => Act::MayReplace,
        "WILL_DESTROY" | "WILL_ORPHAN" => Act::Remove,
        "WILL_CREATE" => Act::Add,
        _ => Act::Modify,
    };
    // More caution than the other tool's is no fault.
    let is_milder = ours.act > expected && catalogue::knows(&ours.kind);
    let gone = expected == Act::Remove && ours.act == Act::Remove;
    let unsafe_ = matches!(expected, Act::Replace | Act::MayReplace)
        && ours.act == expected
        && catalogue::holds_data(&ours.kind)
        && !ours.loses_data;
    if !missing.is_empty() {
        return Some(format!("{id}: {missing:?} not among {places:?}"));
    }
    (!gone && (is_milder || unsafe_)).then(|| format!("{id}: {} there, {:?} here", change.impact, ours.act))
}

fn compare(pair: &Pair) -> StackPlan {
    let stack = StackRef { name: "it".to_owned(), region: "eu-west-1".parse().expect("a region") };
    let wanted = Wanted {
        stack,
        part: Part::Main,
        template: pair.new.to_string(),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        protection: false,
    };
    let live = Live {
        status: Some("UPDATE_COMPLETE".to_owned()),
        template: Some(pair.old.to_string()),
        stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/it/0".to_owned(),
        ..Live::default()
    };
    decide(&wanted, &live)
}

/// Our templates and those in tests/cases/diffs, each changed in one property of one resource, or short of one resource.
fn pairs() -> Vec<Pair> {
    let sandbox = Sandbox::new();
    sandbox.write("stacks/all.yaml", ENVIRONMENT);
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/cases/diffs"))
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    for (part, region) in
        [("main", "eu-west-1"), ("foundation", "eu-west-1"), ("regional", "us-east-1"), ("pipeline", "eu-west-1")]
    {
        let text = sandbox.dlt(&["render", "all", "--part", part, "--region", region]).with_code(0).out;
        files.push(sandbox.write(&format!("{part}.yaml"), &text));
    }
    let output = Command::new(python("judges/bin/python"))
        .arg(root().join("tests/judges/to_json.py"))
        .args(&files)
        .output()
        .expect("python runs");
    let templates: BTreeMap<String, Value> = serde_json::from_str(&Ended::of(output).with_code(0).out).expect("JSON");
    templates.iter().flat_map(|(path, template)| mutants(path, template)).collect()
}

fn mutants(path: &str, template: &Value) -> Vec<Pair> {
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".yaml");
    // What does not exist under the conditions changes nothing, whatever is written in it.
    let nothing =
        Pair { name: String::new(), kind: String::new(), old: json!({"Resources": {}}), new: template.clone() };
    let existing: BTreeSet<String> = compare(&nothing).resources.into_iter().map(|it| it.logical_id).collect();
    let resources = template["Resources"].as_object().expect("resources");
    let mut pairs = Vec::new();
    for (id, resource) in resources.iter().filter(|(id, _)| existing.contains(*id)) {
        let pair = |place: &str, new: Value| Pair {
            name: format!("{name}: {id} {place}"),
            kind: resource["Type"].as_str().unwrap_or_default().to_owned(),
            old: template.clone(),
            new,
        };
        for (property, value) in resource.get("Properties").and_then(Value::as_object).into_iter().flatten() {
            let mut changed = template.clone();
            changed["Resources"][id]["Properties"][property] = mutated(value);
            pairs.push(pair(property, changed));
        }
        let mut without = template.clone();
        without["Resources"].as_object_mut().expect("resources").remove(id);
        pairs.push(pair("gone", without));
    }
    pairs
}

/// The same value, changed in its first place.
fn mutated(value: &Value) -> Value {
    match value {
        Value::Null => json!("was nothing"),
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => json!(number.as_i64().unwrap_or_default() + 1),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inside @ (Value::Object(_) | Value::Array(_))) => json!(mutated(&inside).to_string()),
            _ => json!(format!("{text}x")),
        },
        Value::Array(items) => match items.split_first() {
            Some((first, rest)) => [&[mutated(first)], rest].concat().into(),
            None => json!(["new"]),
        },
        Value::Object(object) => match object.iter().next() {
            Some((key, _)) if key == "Ref" || key == "Fn::GetAtt" => json!("another"),
            Some((key, Value::Array(parts))) if key == "Fn::If" => {
                json!({"Fn::If": [parts[0], mutated(&parts[1]), mutated(&parts[2])]})
            }
            Some((key, inside)) => {
                let mut object = object.clone();
                object.insert(key.clone(), mutated(inside));
                object.into()
            }
            None => json!({"New": "new"}),
        },
    }
}

fn judge(pairs: &[Pair]) -> Vec<Told> {
    let modules = python("node/node_modules");
    let mut child = Command::new("node")
        .arg(root().join("tests/judges/diff.mjs"))
        .arg(modules.parent().expect("inside .venv/node"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let asked: Vec<Value> =
        pairs.iter().map(|pair| json!({"name": pair.name, "old": pair.old, "new": pair.new})).collect();
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(json!(asked).to_string().as_bytes()).expect("node reads");
    drop(stdin);
    let ended = Ended::of(child.wait_with_output().expect("it ends")).with_code(0);
    serde_json::from_str(&ended.out).expect("JSON")
}

#[test]
fn what_makes_resources_anew_is_as_the_public_schemas_say() {
    let path = root().join("src/deploy/catalogue/create-only.txt");
    let output = Command::new(python("judges/bin/python"))
        .arg(root().join("tests/judges/create_only.py"))
        .stdin(std::fs::File::open(&path).expect("the table"))
        .output()
        .expect("python runs");
    let made = Ended::of(output).with_code(0).out;
    if std::env::var_os("DLT_UPDATE").is_some() {
        std::fs::write(&path, &made).expect("the table is written");
    }
    let committed = std::fs::read_to_string(&path).expect("the table");
    assert!(made == committed, "run this test with DLT_UPDATE=1 and commit {}", path.display());
    let kinds = |text: &str| -> BTreeSet<String> {
        let words = text.split(|it: char| it.is_whitespace() || "'\"{},".contains(it));
        words
            .filter(|word| word.matches("::").count() == 2 && word.starts_with("AWS::"))
            .map(ToOwned::to_owned)
            .collect()
    };
    let templates = std::fs::read_dir(root().join("templates")).expect("a folder");
    let used: BTreeSet<String> = templates
        .flat_map(|entry| kinds(&std::fs::read_to_string(entry.expect("a file").path()).expect("a template")))
        .filter(|kind| !kind.starts_with("AWS::CloudFormation::"))
        .collect();
    let unknown: Vec<&String> = used.iter().filter(|kind| !catalogue::knows(kind)).collect();
    assert!(used.len() > 30 && unknown.is_empty(), "name these types in {}: {unknown:?}", path.display());
}
