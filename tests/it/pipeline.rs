//! All stages of a pipeline: what `dlt pipeline bootstrap` makes of them, and the buildspecs that it ships, run as CodeBuild runs them.

use serde_json::Value;

use crate::{
    buildspec::run,
    cloud::{HUB, Stage},
    support::{Sandbox, eventually, root},
};

const POLICY: &str = "arn:aws:iam::000000000000:policy/shop";
/// Where an environment announces what needs a person.
const TOPIC: &str = "dlt-shop-alarms";

fn buildspec(name: &str) -> String {
    std::fs::read_to_string(root().join("buildspecs").join(name)).expect("the buildspec")
}

/// Something that looks like a program for CodeBuild's machines.
fn program(sandbox: &Sandbox) {
    let mut program = vec![0_u8; 64];
    program[..4].copy_from_slice(b"\x7fELF");
    program[18] = 62;
    std::fs::write(sandbox.path().join("dlt-linux"), program).expect("a file");
}

/// A container with a source in it, for a build on this account.
pub fn container(stage: &Stage) -> Sandbox {
    let mut container = Sandbox::new();
    container
        .variable("AWS_ENDPOINT_URL", &stage.aws.endpoint)
        .variable("AWS_ACCESS_KEY_ID", "test")
        .variable("AWS_SECRET_ACCESS_KEY", "test")
        .variable("AWS_EC2_METADATA_DISABLED", "true");
    let file = std::fs::read_to_string(stage.sandbox.path().join("stacks/shop.yaml")).expect("the file");
    container.write("stacks/shop.yaml", &file);
    container
}

#[test]
fn a_pipeline_with_all_stages_comes_and_goes_and_leaves_nothing_behind() {
    let stage = Stage::set(&[], None);
    let sandbox = &stage.sandbox;
    program(sandbox);
    sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    stage.look(&["subscribe", HUB, TOPIC]);
    let without = stage.account();
    let stages = [
        "pipeline",
        "bootstrap",
        "shop",
        "--codecommit",
        "checkout",
        "--build",
        "image",
        "--deploy-spec",
        "buildspecs/buildspec_deploy.yml",
        "--deploy-policy",
        POLICY,
        "--approval",
        "--permissions-boundary",
        POLICY,
        "--binary",
        "dlt-linux",
    ];
    let roles = sandbox.dlt(&[&stages[..], &["--print-policy=roles"]].concat()).with_code(0).json();
    let named: Vec<&String> = roles.as_object().expect("roles").keys().collect();
    assert!(!roles.to_string().contains("Fn::Sub"), "account, region and partition are put in: {roles:#}");
    assert_eq!(named, ["BuildRole", "DeployRole", "PipelineRole", "ProjectRole", "StartRole"], "{roles:#}");
    assert_eq!(roles["DeployRole"]["ManagedPolicies"], serde_json::json!([POLICY]), "{roles:#}");

    let made = sandbox.dlt(&[&stages[..], &["--yes"]].concat()).with_code(0);
    assert!(made.out.contains("dlt-shop-pipeline"), "{}{}", made.out, made.err);
    let again = sandbox.dlt(&[&stages[..], &["--yes"]].concat()).with_code(0);
    assert!(format!("{}{}", again.out, again.err).contains("nothing to do"), "{}{}", again.out, again.err);
    for (project, spec) in [("dlt-shop-build", "buildspec_image.yml"), ("dlt-shop-deploy", "buildspec_deploy.yml")] {
        let project: Value = serde_json::from_str(&stage.look(&["project", HUB, project])).expect("JSON");
        assert_eq!(project["buildspec"], format!("buildspecs/{spec}"), "{project:#}");
        assert_eq!(project["variables"]["DLT_ENV"], "shop", "{project:#}");
    }

    who_subscribed_hears_of_failures_and_of_approvals_and_of_nothing_else(&stage);

    // Other stages are a change of the same stack.
    let fewer = ["pipeline", "bootstrap", "shop", "--codecommit", "checkout", "--binary", "dlt-linux", "--yes"];
    let refused = sandbox.dlt(&fewer).with_code(5);
    assert!(refused.err.contains("--allow-data-loss BuildLogs"), "the logs of builds go: {}", refused.err);
    let allowed = ["--allow-data-loss", "BuildLogs", "--allow-data-loss", "DeployLogs"];
    sandbox.dlt(&[&fewer[..], &allowed].concat()).with_code(0);
    sandbox.dlt(&["pipeline", "rm", "shop", "--yes"]).with_code(0);
    assert_eq!(stage.account(), without, "the pipeline leaves nothing behind");
}

/// Events as CodePipeline words them; AWS takes such a source from nobody but its own services.
fn who_subscribed_hears_of_failures_and_of_approvals_and_of_nothing_else(stage: &Stage) {
    let tell = |what: &str, pipeline: &str, state: &str| {
        let mut detail =
            serde_json::json!({"pipeline": pipeline, "execution-id": "e-1", "state": state, "stage": "Approve"});
        if what == "Action" {
            detail["type"] = serde_json::json!({"owner": "AWS", "category": "Approval", "provider": "Manual"});
        }
        let kind = format!("CodePipeline {what} Execution State Change");
        stage.look(&["event", HUB, "aws.codepipeline", &kind, &detail.to_string()]);
    };
    tell("Pipeline", "dlt-shop-pipeline", "SUCCEEDED");
    tell("Pipeline", "somebody-elses", "FAILED");
    tell("Pipeline", "dlt-shop-pipeline", "FAILED");
    tell("Action", "dlt-shop-pipeline", "STARTED");
    let mut heard: Vec<String> = Vec::new();
    eventually("both are announced", std::time::Duration::from_secs(30), || {
        let more: Vec<String> = serde_json::from_str(&stage.look(&["announced", HUB, TOPIC])).expect("JSON");
        heard.extend(more);
        (heard.len() > 1).then_some(())
    });
    heard.sort();
    assert_eq!(heard.len(), 2, "{heard:#?}");
    assert!(
        heard.iter().any(|news| news.contains("dlt-shop-pipeline") && news.contains("is FAILED, execution e-1")),
        "{heard:#?}"
    );
    assert!(heard.iter().any(|news| news.contains("wait")), "somebody is asked to approve: {heard:#?}");
}

#[test]
fn a_bucket_that_could_not_start_a_pipeline_is_refused_with_the_commands_that_change_it() {
    let stage = Stage::set(&[], None);
    let sandbox = &stage.sandbox;
    program(sandbox);
    sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    stage.look(&["bucket", HUB, "sources", "silent"]);
    let bootstrap = [
        "pipeline",
        "bootstrap",
        "shop",
        "--source-bucket",
        "sources",
        "--source-key",
        "shop.zip",
        "--binary",
        "dlt-linux",
        "--yes",
    ];
    let refused = sandbox.dlt(&bootstrap).with_code(3);
    for cure in ["put-bucket-versioning", "put-bucket-notification-configuration"] {
        assert!(refused.err.contains(cure), "{}", refused.err);
    }
    stage.look(&["bucket", HUB, "sources", "talking"]);
    sandbox.dlt(&bootstrap).with_code(0);
}

#[test]
fn the_shipped_buildspecs_build_a_release_push_its_image_and_deploy_it() {
    let stage = Stage::set(&[], None);
    let built = container(&stage);
    let project = [("DLT_ENV", "shop")];
    let early = run(&built, &buildspec("buildspec_image.yml"), &project);
    assert_ne!(early.code, 0, "there is no repository yet: {}", early.log);

    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let image = run(&built, &buildspec("buildspec_image.yml"), &project);
    assert_eq!(image.code, 0, "{}", image.log);
    assert!(image.log.contains("dlt-shop/worker"), "{}", image.log);
    let release = image.artifacts.expect("what the next stage gets");
    assert!(release.join("release.json").is_file() && release.join("dlt").is_file(), "{}", image.log);

    // The role of the stage Deploy may do what that takes, and nothing more.
    program(&stage.sandbox);
    let stages =
        ["--codecommit", "checkout", "--deploy-spec", "buildspecs/buildspec_deploy.yml", "--binary", "dlt-linux"];
    let print = [&["pipeline", "bootstrap", "shop", "--print-policy=roles"][..], &stages].concat();
    let roles = stage.sandbox.dlt(&print).with_code(0).json();
    let keys = stage.look(&["keys", HUB, "deployer", &roles["DeployRole"].to_string()]);
    let keys: Vec<String> = serde_json::from_str(&keys).expect("two keys");
    stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
    let mut deployed = container(&stage);
    deployed.variable("AWS_ACCESS_KEY_ID", &keys[0]).variable("AWS_SECRET_ACCESS_KEY", &keys[1]);
    let release = release.to_str().expect("text");
    let project = [("DLT_ENV", "shop"), ("CODEBUILD_SRC_DIR_built", release)];
    let deploy = run(&deployed, &buildspec("buildspec_deploy.yml"), &project);
    assert_eq!(deploy.code, 0, "{}", deploy.log);
    assert!(stage.outputs()["ApiEndpoint"].as_str().is_some(), "{}", deploy.log);
    let again = run(&deployed, &buildspec("buildspec_deploy.yml"), &[("DLT_ENV", "shop")]);
    assert_eq!(again.code, 0, "without a release of an earlier stage it is the program's own: {}", again.log);
    let wrong = run(&deployed, &buildspec("buildspec_deploy.yml"), &[("DLT_ENV", "nowhere")]);
    assert_eq!(wrong.code, 3, "{}", wrong.log);
}
