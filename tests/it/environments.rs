//! Environment files, as people get them right and wrong.

use crate::support::{Sandbox, root};

const GOOD: &str = "stack: shop\nregion: eu-west-1\nadmin: {name: admin, email: admin@example.com}\n";

#[test]
fn a_file_that_init_wrote_is_valid_and_not_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.dlt(&["init", "dev"]).with_code(0);
    let written = std::fs::read_to_string(sandbox.path().join("stacks/dev.yaml")).expect("a file");
    assert!(written.lines().next().is_some_and(|line| line.contains("$schema=")), "{written}");
    let again = sandbox.dlt(&["init", "dev"]);
    assert_ne!(again.code, 0);
    assert_eq!(std::fs::read_to_string(sandbox.path().join("stacks/dev.yaml")).expect("a file"), written);
    sandbox.dlt(&["check", "dev"]).with_code(0);
}

#[test]
fn a_value_knows_where_it_came_from() {
    let mut sandbox = Sandbox::new();
    sandbox.write("stacks/dev.yaml", GOOD);
    sandbox.variable("DLT_WORKER_CPU", "4096").variable("DLT_WORKER_MEMORY", "8192");
    let shown = sandbox.dlt(&["config", "dev", "--origin", "--set", "console=headless"]).with_code(0).out;
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {shown}"));
    assert!(line("stack").contains("dev.yaml") || line("stack").contains("line 1"), "{shown}");
    assert!(line("worker.cpu").contains("DLT_WORKER_CPU"), "{shown}");
    assert!(line("console").contains("--set") || line("console").contains("flag"), "{shown}");
    assert!(line("egress_cidr").contains("default"), "{shown}");
}

#[test]
fn all_problems_of_a_file_come_at_once_each_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "stacks/bad.yaml",
        "stack: Shop!\nregoin: eu-west-1\nadmin: {name: me, email: nobody}\nworker: {cpu: 300, memory: 512}\n",
    );
    for verb in ["check", "render", "config"] {
        let ended = sandbox.dlt(&[verb, "bad"]).with_code(3);
        // What is wrong is what `check` answers; for the others it is why they answer nothing.
        let (told, silent) = if verb == "check" { (ended.out, ended.err) } else { (ended.err, ended.out) };
        for place in ["1:8: ", "2:1: ", "3:15: ", "3:26: ", "4:15: "] {
            let place = format!("stacks/bad.yaml:{place}");
            assert_eq!(told.matches(&place).count(), 1, "{verb}: {place} in\n{told}");
        }
        assert!(told.contains("did you mean `region`"), "{verb}: {told}");
        assert!(silent.is_empty(), "{verb}: {silent}");
    }
}

#[test]
fn a_problem_that_no_line_holds_names_the_file_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("stacks/dev.yaml", GOOD);
    let ended = sandbox.dlt(&["render", "dev", "--set", "console=none"]).with_code(3);
    assert!(ended.err.contains("\n  stacks/dev.yaml: console: "), "{}", ended.err);
    let ended = sandbox.dlt(&["check", "dev", "--set", "console=none"]).with_code(3);
    assert!(ended.out.starts_with("stacks/dev.yaml: error DLT010: console: "), "{}", ended.out);
}

#[test]
fn the_examples_are_valid() {
    let sandbox = Sandbox::new();
    for entry in std::fs::read_dir(root().join("stacks")).expect("the examples") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("an example");
        assert!(text.starts_with("# yaml-language-server: $schema="), "{name} does not name its schema");
        sandbox.write(&format!("stacks/{name}"), &text);
        sandbox.dlt(&["check", name.trim_end_matches(".yaml")]).with_code(0);
    }
}

#[test]
fn where_something_does_not_exist_every_verb_says_so_before_aws_is_asked() {
    let mut sandbox = Sandbox::new();
    // Whoever asks AWS all the same does not get far.
    sandbox.variable("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    sandbox.write("stacks/gov.yaml", &GOOD.replace("eu-west-1", "us-gov-west-1"));
    sandbox.write("stacks/china.yaml", &GOOD.replace("eu-west-1", "cn-north-1"));
    for verb in ["check", "render", "plan", "up", "down"] {
        for (name, problem) in
            [("gov", "`console: headless` deploys everything else"), ("china", "no Cognito user pools")]
        {
            let ended = sandbox.dlt(&[verb, name]).with_code(3);
            let told = format!("{}{}", ended.out, ended.err);
            assert!(told.contains(&format!("stacks/{name}.yaml:2:9: ")) && told.contains(problem), "{verb}: {told}");
        }
    }
    let cured = sandbox.dlt(&["render", "gov", "--set", "console=headless"]).with_code(0).out;
    assert!(cured.contains("arn:aws-us-gov:states:::lambda:invoke") && !cured.contains("arn:aws:"), "{cured}");
}
