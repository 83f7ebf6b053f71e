//! What judges that are not ours say of what we render.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use crate::support::{Ended, Sandbox, python, root};

const HUB: &str = "stack: dlt-judged\nregion: eu-west-1\nadmin: {name: admin, email: admin@example.com}\n";

const MORE_REGIONS: &str = "regions: [us-east-1]\n";

/// A network that is there already: VPC and subnets, in both regions.
macro_rules! existing {
    ($public:literal) => {
        concat!(
            "network: {existing: {vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3a, subnet-0a1b2c3b, subnet-0a1b2c3c], public: ",
            $public,
            "}}\nregional_networks:\n  us-east-1: {existing: {vpc: vpc-0d1b2c3d, subnets: [subnet-0d1b2c3a, subnet-0d1b2c3b], public: ",
            $public,
            "}}\n"
        )
    };
}

/// An image in this repository.
macro_rules! own_image {
    ($repository:literal) => {
        concat!($repository, "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
    };
}

/// What changes the structure of the templates, by what a person would write: every combination is a variant.
const CHOICES: &[[(&str, &str); 2]] = &[
    [("new", ""), ("private", existing!("false"))],
    [("cloudfront", ""), ("headless", "console: headless\n")],
    [("keep", "retention: {data: keep, logs_days: 90}\n"), ("delete", "retention: {data: delete}\n")],
    [("live", ""), ("quiet", "live_data: false\n")],
];

/// What changes no more than some values, each by itself.
const BESIDES: &[(&str, &str)] = &[
    ("alone", ""),
    ("public", concat!("regions: [us-east-1]\n", existing!("true"))),
    ("tagged", "regions: [us-east-1, ap-southeast-2]\ntags: {team: shop}\n"),
    ("large", "worker: {cpu: 4096, memory: 8192, architecture: x86_64}\nprotection: true\n"),
    (
        "own-image",
        concat!(
            "regions: [us-east-1]\nworker: {image: ",
            own_image!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/worker-full"),
            "}\n"
        ),
    ),
    ("public-image", concat!("worker: {image: ", own_image!("registry.example/shop/worker"), "}\n")),
    ("small", "worker: {cpu: 256, memory: 512, architecture: arm64}\negress_cidr: 10.0.0.0/8\n"),
];

/// The ARN of a managed policy.
const POLICY: &str = "arn:aws:iam::123456789012:policy/shop";

/// What decides which stages a pipeline has, by what a person would write.
const PIPELINES: &[(&str, &[&str])] = &[
    ("codecommit", &["--codecommit", "checkout"]),
    ("s3", &["--source-bucket", "sources", "--source-key", "checkout.zip"]),
    ("image", &["--build", "image", "--deploy-spec", "buildspecs/buildspec_deploy.yml"]),
    ("build", &["--build-spec", "ci/build.yml", "--approval"]),
    ("deploy", &["--codecommit", "checkout", "--deploy-spec", "ci/deploy.yml", "--approval"]),
    (
        "all",
        &[
            "--source-bucket",
            "sources",
            "--source-key",
            "checkout.zip",
            "--build-spec",
            "ci/build.yml",
            "--build-policy",
            POLICY,
            "--deploy-spec",
            "ci/deploy.yml",
            "--deploy-policy",
            POLICY,
            "--approval",
            "--permissions-boundary",
            POLICY,
        ],
    ),
];

/// Every variant of an environment: its name and its file.
fn variants() -> Vec<(String, String)> {
    let mut variants = vec![(String::from("regions"), format!("{HUB}{MORE_REGIONS}"))];
    for choice in CHOICES {
        let with = |(name, file): &(String, String)| {
            choice.map(|(word, text)| (format!("{name}-{word}"), format!("{file}{text}")))
        };
        variants = variants.iter().flat_map(with).collect();
    }
    variants.extend(BESIDES.iter().map(|(name, text)| ((*name).to_owned(), format!("{HUB}{text}"))));
    variants
}

/// Which templates an environment has, and where; only one with more regions has any there.
fn parts(file: &str) -> &'static [(&'static str, &'static str)] {
    const HUBS: &[(&str, &str)] = &[("foundation", "eu-west-1"), ("main", "eu-west-1"), ("pipeline", "eu-west-1")];
    const ALL: &[(&str, &str)] = &[HUBS[0], HUBS[1], HUBS[2], ("foundation", "us-east-1"), ("regional", "us-east-1")];
    if file.contains("\nregions:") { ALL } else { HUBS }
}

/// Every template of every variant, and the role that the documentation offers to other CIs.
fn templates(sandbox: &Sandbox) -> Vec<PathBuf> {
    // Many variants share a foundation; each text is judged once.
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for (name, file) in variants() {
        sandbox.write(&format!("stacks/{name}.yaml"), &file);
        for (part, region) in parts(&file) {
            let text = sandbox.dlt(&["render", &name, "--part", part, "--region", region]).with_code(0).out;
            if seen.insert(text.clone()) {
                files.push(sandbox.write(&format!("{name}-{part}-{region}.yaml"), &text));
            }
        }
    }
    for (name, choices) in PIPELINES {
        let print = [&["pipeline", "bootstrap", "alone", "--print"], *choices].concat();
        let text = sandbox.dlt(&print).with_code(0).out;
        assert!(seen.insert(text.clone()), "the pipeline `{name}` is a template of its own");
        files.push(sandbox.write(&format!("{name}-pipeline.yaml"), &text));
    }
    let hubs = files.iter().filter(|file| file.to_string_lossy().contains("-main-")).count();
    assert!(hubs >= 1 << CHOICES.len(), "every combination of the choices is a template of its own: {files:#?}");
    files.push(root().join("docs/ci/github-role.yaml"));
    files
}

#[test]
fn iam_linters_have_nothing_to_say_about_any_policy() {
    let sandbox = Sandbox::new();
    let output = Command::new(python("judges/bin/python"))
        .arg(root().join("tests/judges/iam.py"))
        .args(templates(&sandbox))
        .output()
        .expect("python starts");
    let ended = Ended::of(output).with_code(0);
    assert!(ended.out.is_empty() && ended.err.contains(" policies"), "{}{}", ended.out, ended.err);
}

#[test]
fn cfn_lint_has_nothing_to_say_about_any_variant() {
    let sandbox = Sandbox::new();
    let files = templates(&sandbox);
    let output = Command::new(python("judges/bin/cfn-lint"))
        .arg("--config-file")
        .arg(root().join("tests/cfn-lint.yaml"))
        .args(["--non-zero-exit-code", "informational", "--format", "parseable", "--"])
        .args(&files)
        .output()
        .expect("cfn-lint runs");
    let ended = Ended::of(output).with_code(0);
    assert!(ended.out.is_empty() && ended.err.is_empty(), "{}{}", ended.out, ended.err);
}

#[test]
fn cfn_lint_finds_in_govcloud_all_that_an_environment_there_is_made_of() {
    let sandbox = Sandbox::new();
    let file = "stack: dlt-gov\nregion: us-gov-west-1\nregions: [us-gov-east-1]\nconsole: headless\n\
                admin: {name: admin, email: admin@example.com}\n";
    sandbox.write("stacks/gov.yaml", file);
    let parts = [("foundation", "us-gov-west-1"), ("main", "us-gov-west-1"), ("regional", "us-gov-east-1")];
    let files = parts.map(|(part, region)| {
        let text = sandbox.dlt(&["render", "gov", "--part", part, "--region", region]).with_code(0).out;
        sandbox.write(&format!("{part}.yaml"), &text)
    });
    let output = Command::new(python("judges/bin/cfn-lint"))
        .args(["--regions", "us-gov-west-1", "us-gov-east-1"])
        // It knows state machines with ARNs of the standard partition only.
        .args(["--ignore-checks", "E3601", "--non-zero-exit-code", "informational", "--format", "parseable", "--"])
        .args(&files)
        .output()
        .expect("cfn-lint runs");
    let ended = Ended::of(output).with_code(0);
    assert!(ended.out.is_empty() && ended.err.is_empty(), "{}{}", ended.out, ended.err);
    sandbox.dlt(&["check", "gov"]).with_code(0);
}

#[test]
fn our_own_checker_agrees() {
    let sandbox = Sandbox::new();
    let variants = variants();
    for (name, file) in &variants {
        sandbox.write(&format!("stacks/{name}.yaml"), file);
    }
    let names = variants.iter().map(|(name, _)| name.as_str());
    let ended = sandbox.dlt(&["check"].into_iter().chain(names).collect::<Vec<_>>()).with_code(0);
    assert!(ended.out.starts_with("no errors, no warnings"), "{}", ended.out);
}

#[test]
fn files_for_other_cis_are_what_those_cis_read() {
    for (schema, file) in [("vendor.github-workflows", "github-actions.yml"), ("vendor.gitlab-ci", "gitlab-ci.yml")] {
        let output = Command::new(python("judges/bin/check-jsonschema"))
            .args(["--builtin-schema", schema])
            .arg(root().join("docs/ci").join(file))
            .output()
            .expect("check-jsonschema runs");
        Ended::of(output).with_code(0);
    }
}

#[test]
fn a_terraform_module_parses_is_formatted_and_has_every_parameter_and_output() {
    let sandbox = Sandbox::new();
    sandbox.write("stacks/qa.yaml", &format!("{HUB}tags: {{team: shop}}\n"));
    let written = sandbox.dlt(&["export", "terraform", "qa"]).with_code(0).out;
    assert_eq!(written.lines().count(), 5, "{written}");
    let refused = sandbox.dlt(&["export", "terraform", "qa"]).with_code(5);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    sandbox.dlt(&["export", "terraform", "qa", "--force", "--output", "json"]).with_code(0).json();
    judged_module(&sandbox, "terraform/dlt-judged");

    // With the release in it nothing is left to say but what the file leaves open.
    let release = std::path::Path::new(env!("CARGO_BIN_EXE_dlt")).parent().expect("a folder").display().to_string();
    let whole = ["export", "terraform", "qa", "--with-release", "--release", &release, "--out", "whole"];
    let written = sandbox.dlt(&whole).with_code(0).out;
    assert!(written.contains("whole/release/release.json"), "{written}");
    judged_module(&sandbox, "whole");
    let read = |name: &str| std::fs::read_to_string(sandbox.path().join("whole").join(name)).expect("written");
    let asked = read("variables.tf");
    for known in ["StorageBucket", "ArtifactBucket", "CodeKey", "WorkerImage", "ConsolePrefix"] {
        assert!(!asked.contains(&format!("variable \"{known}\"")), "{known} is known: {asked}");
    }
    let image = sandbox.dlt(&["image", "build", "--release", "whole/release", "--output", "json"]).with_code(0).json();
    let (digest, main) = (image["digest"].as_str().expect("a digest"), read("main.tf"));
    assert!(main.contains(&format!("@{digest}")), "{main}");
}

fn judged_module(sandbox: &Sandbox, folder: &str) {
    let output = Command::new(python("judges/bin/python"))
        .arg(root().join("tests/judges/terraform.py"))
        .arg(sandbox.path().join(folder))
        .output()
        .expect("python starts");
    let ended = Ended::of(output).with_code(0);
    assert!(ended.out.is_empty(), "{}", ended.out);
}
