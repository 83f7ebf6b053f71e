//! What judges that are not ours say of what we render.

use std::process::Command;

use crate::support::{Ended, Sandbox, python, root};

/// Every kind of environment, by what a person would write differently.
const VARIANTS: &[(&str, &str)] = &[
    ("cloudfront", ""),
    ("headless", "console: headless\n"),
    ("keep", "retention: {data: keep, logs_days: 90}\n"),
    ("quiet", "live_data: false\n"),
    (
        "private",
        "network: {existing: {vpc: vpc-0123456789abcdef0, subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1, subnet-0123456789abcdef2], public: false}}\n",
    ),
    ("regions", "regions: [us-east-1, ap-southeast-2]\ntags: {team: shop}\n"),
    ("large", "worker: {cpu: 4096, memory: 8192}\nprotection: true\n"),
];

const BASE: &str = "stack: dlt-judged\nregion: eu-west-1\nadmin: {name: admin, email: admin@example.com}\n";

#[test]
fn cfn_lint_has_nothing_to_say_about_any_variant() {
    let sandbox = Sandbox::new();
    let mut files = Vec::new();
    for (name, more) in VARIANTS {
        sandbox.write(&format!("stacks/{name}.yaml"), &format!("{BASE}{more}"));
        for part in ["foundation", "main", "regional"] {
            let text = sandbox.dlt(&["render", name, "--part", part]).with_code(0).out;
            files.push(sandbox.write(&format!("{name}-{part}.yaml"), &text));
        }
    }
    let output = Command::new(python("judges/bin/cfn-lint"))
        .arg("--config-file")
        .arg(root().join("tests/cfn-lint.yaml"))
        .args(["--non-zero-exit-code", "informational", "--"])
        .args(&files)
        .output()
        .expect("cfn-lint runs");
    Ended::of(output).with_code(0);
    assert_eq!(files.len(), VARIANTS.len() * 3);
}

#[test]
fn our_own_checker_agrees() {
    let sandbox = Sandbox::new();
    for (name, more) in VARIANTS {
        sandbox.write(&format!("stacks/{name}.yaml"), &format!("{BASE}{more}"));
        let ended = sandbox.dlt(&["check", name]);
        assert_eq!(ended.code, 0, "{name}:\n{}{}", ended.out, ended.err);
    }
}
