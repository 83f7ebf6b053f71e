//! Every code has a template that provokes it and one that does not; the samples stand in `tests/cases/templates`.
//!
//! In a sample, `# <- CODE words` expects that finding on its line, with those words in its message or hint; several are
//! separated by `; `, and `in N:` moves the line. No other findings may appear, and none at all below `# good`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use proptest::prelude::*;

use super::{Finding, Promises, check, codes, report::Part};

/// Codes of large templates, which are made below, and of environment files, which are no templates.
const GENERATED: [&str; 9] = ["DLT010", "DLT123", "DLT150", "DLT151", "DLT152", "DLT154", "DLT155", "DLT156", "DLT158"];

struct Case {
    name: String,
    bad: String,
    good: String,
}

fn cases() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/templates");
    let mut cases: Vec<_> = fs::read_dir(folder)
        .expect("the folder of samples is there")
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = fs::read_to_string(&path).expect("a sample can be read");
            let (bad, good) = text.split_once("# good\n").expect("a sample has a good half");
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            Case { name, bad: bad.to_owned(), good: good.to_owned() }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    /// Our own promises are for the samples about them.
    fn promises(&self) -> Promises {
        if self.name >= "DLT300".to_owned() { Promises::ours() } else { Promises::none() }
    }

    /// What is announced and not found, or found and not announced.
    fn differences(&self) -> Vec<String> {
        let mut found = check(&self.bad, &self.promises());
        let mut out = Vec::new();
        for (line, code, words) in self.expected() {
            let is_it = |finding: &Finding| {
                finding.place.line == line && finding.code == code && told(finding).contains(&words)
            };
            match found.iter().position(is_it) {
                Some(position) => drop(found.remove(position)),
                None => out.push(format!("{}: missing {line}: {code} {words}", self.name)),
            }
        }
        let unannounced =
            |finding: &Finding| format!("{}: unannounced {}: {}", self.name, finding.place, told(finding));
        out.extend(found.iter().map(unannounced));
        out
    }

    /// Line, code and words of every expected finding.
    fn expected(&self) -> Vec<(usize, String, String)> {
        let mut out = Vec::new();
        for (position, line) in self.bad.lines().enumerate() {
            let Some((_, marker)) = line.split_once("# <- ") else { continue };
            let (shift, marker) = match marker.strip_prefix("in ").and_then(|rest| rest.split_once(": ")) {
                Some((shift, rest)) => (shift.parse().expect("a marker's shift is a number"), rest),
                None => (0, marker),
            };
            let line = (position + 1).saturating_add_signed(shift);
            for one in marker.split("; ") {
                let (code, words) = one.split_once(' ').expect("a marker has a code and words");
                out.push((line, code.to_owned(), words.to_owned()));
            }
        }
        out
    }
}

fn told(finding: &Finding) -> String {
    format!("{} {} {}", finding.code, finding.message, finding.hint.as_deref().unwrap_or_default())
}

#[test]
fn every_bad_sample_has_exactly_the_findings_that_it_announces() {
    let wrong: Vec<_> = cases().iter().flat_map(Case::differences).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_good_sample_has_nothing() {
    let all: Vec<_> = cases().into_iter().map(|case| (check(&case.good, &case.promises()), case.name)).collect();
    let wrong: Vec<_> = all.into_iter().filter(|(found, _)| !found.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_code_is_provoked_and_has_a_title() {
    let announced: BTreeSet<_> = cases().iter().flat_map(Case::expected).map(|(_, code, _)| code).collect();
    let known: BTreeSet<_> = codes::CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
    let provoked = announced.into_iter().chain(GENERATED.map(str::to_owned)).collect();
    assert_eq!(known, provoked);
}

fn codes_of(text: &str) -> Vec<&'static str> {
    check(text, &Promises::none()).into_iter().map(|finding| finding.code).collect()
}

const TOPIC: &str = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n";

#[test]
fn a_template_beyond_the_limits_is_told_so() {
    let blank = format!("{}# {}\n", TOPIC, "x".repeat(60_000));
    assert_eq!(codes_of(&blank), ["DLT151"]);
    assert_eq!(codes_of(&format!("{}# {}\n", TOPIC, "x".repeat(1_000_001))), ["DLT150"]);
    assert_eq!(codes_of(&format!("Description: {}\n{TOPIC}", "x".repeat(1_025))), ["DLT154"]);
    let many: String = (0..501).map(|number| format!("  Topic{number}: {{Type: AWS::SNS::Topic}}\n")).collect();
    assert_eq!(codes_of(&format!("Resources:\n{many}")), ["DLT152"]);
    let long = format!(
        "Parameters:\n  Name: {{Type: String, Default: {}}}\n{TOPIC}Outputs: {{A: {{Value: !Ref Name}}}}\n",
        "x".repeat(4_097)
    );
    assert_eq!(codes_of(&long), ["DLT155"]);
}

#[test]
fn code_and_policies_beyond_the_limits_are_told_so() {
    let code = format!(
        "Resources:\n  Edge: {{Type: AWS::CloudFront::Function, Properties: {{FunctionCode: \"{}\"}}}}\n",
        "x".repeat(10_241)
    );
    assert_eq!(codes_of(&code), ["DLT158"]);
    let resources: Vec<_> =
        (0..250).map(|number| format!("\"arn:aws:s3:::bucket-with-a-long-name-{number}\"")).collect();
    let policy = format!(
        "Resources:\n  Policy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {{Statement: [{{Effect: Allow, Action: s3:ListBucket, Resource: [{}]}}]}}\n",
        resources.join(", ")
    );
    assert_eq!(codes_of(&policy), ["DLT156"]);
}

/// Conditions that say: nine parameters have values from `a` to `h`, and no two of them the same. That cannot be, but to see it
/// takes more steps than we go.
fn pigeons() -> String {
    let holes = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut text = String::from("Parameters:\n");
    (0..9).for_each(|one| text.push_str(&format!("  P{one}: {{Type: String}}\n")));
    text.push_str("Conditions:\n");
    for one in 0..9 {
        let somewhere: Vec<_> = holes.iter().map(|hole| format!("!Equals [!Ref P{one}, {hole}]")).collect();
        text.push_str(&format!("  In{one}: !Or [{}]\n", somewhere.join(", ")));
        for two in 0..one {
            let both: Vec<_> = holes
                .iter()
                .map(|hole| format!("!And [!Equals [!Ref P{one}, {hole}], !Equals [!Ref P{two}, {hole}]]"))
                .collect();
            text.push_str(&format!("  Apart{one}x{two}: !Not [!Or [{}]]\n", both.join(", ")));
        }
        let apart: Vec<_> = (0..one).map(|two| format!("!Condition Apart{one}x{two}")).collect();
        text.push_str(&format!(
            "  Alone{one}: !And [!Condition In{one}, {}]\n",
            if apart.is_empty() { "!Condition In0".to_owned() } else { apart.join(", ") }
        ));
    }
    let all: Vec<_> = (0..9).map(|one| format!("!Condition Alone{one}")).collect();
    text.push_str(&format!("  All: !And [{}]\n  Other: !Equals [!Ref P0, z]\n", all.join(", ")));
    text
}

#[test]
fn conditions_that_cannot_be_decided_in_time_are_told_so() {
    let resources = "Resources:\n  A: {Type: AWS::SNS::Topic, Condition: Other}\n  B: {Type: AWS::SNS::Topic, DependsOn: A, Condition: All}\n";
    assert_eq!(codes_of(&format!("{}{resources}", pigeons())), ["DLT123"]);
}

#[test]
fn conditions_that_multiply_without_end_are_told_so() {
    let mut text = String::from("Parameters: {P: {Type: String}}\nConditions:\n  C0: !Equals [!Ref P, x]\n");
    (1..40).for_each(|next| {
        text.push_str(&format!("  C{next}: !And [!Condition C{0}, !Not [!Condition C{0}]]\n", next - 1))
    });
    text.push_str(
        "Resources:\n  A: {Type: AWS::SNS::Topic, Condition: C39}\n  B: {Type: AWS::SNS::Topic, DependsOn: A}\n",
    );
    assert_eq!(codes_of(&text), ["DLT123"]);
}

#[test]
fn a_rendered_line_is_shown_as_the_line_of_its_template_file_and_once() {
    let text = "Resources:\n  Topic: {Type: AWS::SNS::Topic, DependsOn: Nothing}\n";
    let locate =
        |line: usize| Some((format!("templates/{}.yaml.j2", if line == 2 { "topic" } else { "main" }), line + 10));
    let part = |name: &str| Part { name: name.to_owned(), text, promises: Promises::ours(), locate: &locate };
    let report = super::check_rendered(&[part("main"), part("regional")]);
    assert_eq!((report.errors, report.warnings, report.findings.len()), (1, 0, 1));
    assert_eq!((report.findings[0].file.as_str(), report.findings[0].line), ("templates/topic.yaml.j2", 12));
}

/// A template with every kind of thing in it, to be broken.
fn everything() -> String {
    let good: Vec<_> =
        cases().into_iter().map(|case| case.good).filter(|text| text.starts_with("Resources:\n")).collect();
    let mut text = String::from(
        "Conditions:\n  On: !Equals [!Ref Mode, \"on\"]\nParameters:\n  Mode: {Type: String, AllowedValues: [\"on\", \"off\"]}\nResources:\n",
    );
    for (position, sample) in good.iter().enumerate() {
        let body: Vec<_> = sample.lines().skip(1).take_while(|line| line.starts_with(' ')).collect();
        body.iter().for_each(|line| match line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) {
            Some(rest) => text.push_str(&format!("  X{position}{rest}\n")),
            None => text.push_str(&format!("{line}\n")),
        });
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_template_never_breaks_the_checker(cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..6_usize), 1..12)) {
        let text = everything();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (index, how) in cuts {
            let at = index.index(lines.len());
            match how {
                0 => drop(lines.remove(at)),
                1 => lines[at] = lines[at].replace(':', ": ["),
                2 => lines[at] = lines[at].replace('{', "[").replace('}', "]"),
                3 => lines[at] = lines[at].replace("${", "${é.").replace('"', ""),
                4 => lines.swap(at, 0),
                _ => lines[at] = format!("{}Fn::If: [On, !Sub \"${{\", {{Ref: }}]", " ".repeat(at % 12)),
            }
            if lines.is_empty() { break; }
        }
        drop(check(&lines.join("\n"), &Promises::ours()));
    }

    #[test]
    fn any_text_at_all_is_answered(text in "[-:{}\\[\\]!&*#|>$a-zA-Z0-9 \"'\\n]{0,200}") {
        drop(check(&text, &Promises::ours()));
        drop(check(&format!("Resources:\n  A:\n    Type: AWS::S3::Bucket\n    Properties: {text}\n"), &Promises::ours()));
    }
}
