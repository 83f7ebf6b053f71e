//! Pushing the worker image when something is in the way: a registry that dies in the middle of a chunk, tokens that expire, limits,
//! tags that may not move; and one image for two kinds of processors, in two regions at once.

use std::{path::Path, process::Command};

use dlt::target::Target;
use serde_json::Value;

use crate::{
    cloud::{HUB, SECOND, Stage, scenario},
    image::{basic, enlarge, push, pushed, run, sandbox},
    registry::{Kind, Registry},
    shelf::Shelf,
    support::{Ended, Sandbox},
};

const MIB: u64 = 1 << 20;
/// What an upload is cut into.
const CHUNK: u64 = 8 * MIB;

#[test]
fn a_registry_killed_in_the_middle_of_a_chunk_gets_the_rest_of_that_chunk_and_nothing_twice() {
    let (sandbox, stall) = (sandbox(), 20 * MIB);
    enlarge(&sandbox, 24);
    let mut shelf = Shelf::start(&["--stall-at", &stall.to_string()]);
    let to = format!("{}/shop/worker", shelf.host());
    let ended = std::thread::scope(|scope| {
        let push = scope.spawn(|| push(&sandbox, &to));
        shelf.stalls();
        shelf.kill();
        shelf.serve(&[]);
        push.join().expect("it ends")
    });
    let first = pushed(&ended.with_code(0));
    let pieces = shelf.pieces();
    let broken = pieces.iter().find(|(from, _)| from % CHUNK != 0);
    assert_eq!(
        broken.map(|(from, _)| *from),
        Some(stall),
        "it went on from the last byte that had arrived: {pieces:?}"
    );
    assert!(pieces.contains(&(16 * MIB, 4 * MIB)), "in the middle of the third chunk: {pieces:?}");
    assert!(pieces.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0), "nothing was kept twice: {pieces:?}");

    let image = first["image"].as_str().expect("a name");
    let copied = ["copy", "--src-tls-verify=false", &format!("docker://{image}"), "oci:copy:pulled"];
    run(&sandbox, "skopeo", &copied).with_code(0);
}

#[test]
fn tokens_that_expire_between_two_chunks_are_renewed_and_nothing_is_sent_twice() {
    let sandbox = sandbox();
    enlarge(&sandbox, 40);
    let shelf = Shelf::start(&["--tokens", "2"]);
    log_in(&sandbox, &shelf.host(), &basic("eva", "right"));
    push(&sandbox, &format!("{}/shop/worker", shelf.host())).with_code(0);
    assert!(shelf.tokens() > 1, "one token is not enough for so many chunks");
    let pieces = shelf.pieces();
    assert!(pieces.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0), "nothing was kept twice: {pieces:?}");
}

fn log_in(sandbox: &Sandbox, host: &str, auth: &str) {
    let mut auths = serde_json::Map::new();
    auths.insert(host.to_owned(), serde_json::json!({ "auth": auth }));
    sandbox.write("home/.docker/config.json", &serde_json::json!({ "auths": auths }).to_string());
}

#[test]
fn limits_tags_that_may_not_move_and_damage_on_the_way_are_told_with_their_cure() {
    let sandbox = sandbox();
    let limited = Shelf::start(&["--quota", "1000000"]);
    let refused = push(&sandbox, &format!("{}/shop/worker", limited.host())).with_code(4);
    assert!(refused.err.contains("quota exceeded") && refused.err.contains("dlt image list"), "{}", refused.err);

    let fixed = Shelf::start(&["--immutable"]);
    let to = format!("{}/shop/worker:1", fixed.host());
    push(&sandbox, &to).with_code(0);
    push(&sandbox, &to).with_code(0);
    enlarge(&sandbox, 1);
    let moved = push(&sandbox, &to).with_code(4);
    assert!(moved.err.contains("already exists") && moved.err.contains("another tag"), "{}", moved.err);

    let unlucky = Shelf::start(&["--damage", "1"]);
    push(&sandbox, &format!("{}/shop/worker", unlucky.host())).with_code(0);
    let damaging = Shelf::start(&["--damage", "1000"]);
    let damaged = push(&sandbox, &format!("{}/shop/worker", damaging.host())).with_code(4);
    assert!(damaged.err.contains("did not match") && damaged.err.contains("proxy"), "{}", damaged.err);
}

/// The same worker with another processor in its header: nothing here could run a real one, and nothing has to.
fn add_arm64(release: &Path) {
    let mut worker = std::fs::read(release.join("dlt-worker")).expect("a worker");
    worker[18..20].copy_from_slice(&183_u16.to_le_bytes());
    std::fs::write(release.join("dlt-worker-arm64"), worker).expect("written");
}

fn inspected(sandbox: &Sandbox, image: &str, more: &[&str]) -> Value {
    let remote = format!("docker://{image}");
    let arguments = [&["inspect", "--tls-verify=false"], more, &[&remote]].concat();
    run(sandbox, "skopeo", &arguments).with_code(0).json()
}

#[test]
fn two_workers_are_one_index_from_which_another_client_takes_the_one_for_its_processor() {
    let (sandbox, registry) = (sandbox(), Registry::start(Kind::Open));
    add_arm64(&sandbox.path().join("release"));
    let built = sandbox.dlt(&["image", "build", "--release", "release", "--output", "json"]).with_code(0).json();
    assert_eq!(built["platforms"], serde_json::json!(["linux/amd64", "linux/arm64"]));
    let first = pushed(&push(&sandbox, &format!("{}/shop/worker", registry.host())).with_code(0));
    let image = first["image"].as_str().expect("a name");
    assert!(image.ends_with(built["digest"].as_str().expect("a digest")), "what was built is what is named: {image}");

    let of = |architecture: &str| {
        let choice = format!("--override-arch={architecture}");
        let config = inspected(&sandbox, image, &[&choice, "--config"]);
        assert_eq!((&config["architecture"], &config["os"]), (&architecture.into(), &"linux".into()));
        inspected(&sandbox, image, &[&choice])["Layers"].as_array().expect("layers").clone()
    };
    let (amd64, arm64) = (of("amd64"), of("arm64"));
    let shared = amd64.iter().filter(|layer| arm64.contains(layer)).count();
    assert_eq!((amd64.len(), arm64.len(), shared), (2, 2, 1), "certificates are shared, the worker is not");

    let only = ["image", "build", "--release", "release", "--platform", "linux/arm64", "--output", "json"];
    assert_eq!(sandbox.dlt(&only).with_code(0).json()["platforms"], serde_json::json!(["linux/arm64"]));
    run(&sandbox, "skopeo", &["copy", "--all", "--src-tls-verify=false", &format!("docker://{image}"), "oci:copy:all"])
        .with_code(0);
}

/// Makes the registry of the emulated AWS refuse, and answers how many tokens it has given out.
fn trouble(stage: &Stage, query: &str) -> u64 {
    let url = format!("{}/_dlt/registry?{query}", stage.aws.endpoint);
    let output =
        Command::new("curl").args(["--silent", "--fail", "--max-time", "10", "--request", "POST", &url]).output();
    let ended = Ended::of(output.expect("curl runs")).with_code(0);
    ended.json()["tokens"].as_u64().expect("a number")
}

#[test]
fn an_index_goes_to_the_registries_of_two_regions_at_once_and_a_load_test_runs_from_it() {
    let stage = Stage::set(&[SECOND], None);
    let release = stage.sandbox.path().join("release");
    std::fs::create_dir(&release).expect("a folder");
    let built = Path::new(env!("CARGO_BIN_EXE_dlt")).parent().expect("a folder");
    for file in ["bootstrap", "dlt-worker"] {
        std::fs::copy(built.join(file), release.join(file)).expect("built");
    }
    add_arm64(&release);
    let up = stage.sandbox.dlt(&["up", "shop", "--yes", "--release", "release"]).with_code(0);
    for region in [HUB, SECOND] {
        assert!(format!("{}{}", up.out, up.err).contains(&format!("worker image sent to {region}")), "{}", up.err);
    }
    let listed = stage.sandbox.dlt(&["image", "list", "shop", "--output", "json"]).with_code(0).json();
    let images: Vec<_> = listed.as_array().expect("a list").iter().map(|it| (&it["region"], &it["kind"])).collect();
    assert_eq!(images, [(&HUB.into(), &"index".into()), (&SECOND.into(), &"index".into())], "{listed:#}");
    assert_eq!(listed[0]["digest"], listed[1]["digest"]);

    let push = ["image", "push", "shop", "--release", "release", "--output", "json"];
    let again = stage.sandbox.dlt(&push).with_code(0).json();
    let sent: Vec<_> = again.as_array().expect("a line a region").iter().map(|it| it["bytes_sent"].as_u64()).collect();
    assert_eq!(sent, [Some(0), Some(0)], "nothing is sent twice");

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    scenario(&stage, &target.url(), "2s");
    stage.sandbox.dlt(&["gate", "dlt_test.json", "--env", "shop", "--success-p95", "5"]).with_code(0);
    assert!(target.answered() > 0, "the worker for this processor was taken out of the index");
}

#[test]
fn ecr_renews_an_expired_login_in_the_middle_of_a_push_and_its_refusals_are_told() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    std::fs::create_dir(stage.sandbox.path().join("release")).expect("a folder");
    let built = Path::new(env!("CARGO_BIN_EXE_dlt")).with_file_name("dlt-worker");
    std::fs::copy(built, stage.sandbox.path().join("release/dlt-worker")).expect("built");
    let push = ["image", "push", "shop", "--release", "release", "--output", "json"];

    enlarge(&stage.sandbox, 32);
    let before = trouble(&stage, "chunks=2");
    let sent = pushed(&stage.sandbox.dlt(&push).with_code(0));
    assert!(sent["bytes_sent"].as_u64() > Some(32 * MIB), "{sent}");
    assert_eq!(trouble(&stage, ""), before + 2, "it signed in once at first, and once when that had expired");

    enlarge(&stage.sandbox, 1);
    trouble(&stage, "limit=1");
    let full = stage.sandbox.dlt(&push).with_code(4);
    assert!(full.err.contains("LimitExceeded") && full.err.contains("raise the limit"), "{}", full.err);
    trouble(&stage, "");
    stage.sandbox.dlt(&push).with_code(0);
}

#[test]
fn an_image_of_ones_own_runs_instead_of_the_shipped_one_and_is_looked_for_beforehand() {
    let stage = Stage::set(&[], None);
    stage.look(&["repository", HUB, "shop/worker-full"]);
    let repository = format!("000000000000.dkr.ecr.{HUB}.amazonaws.com/shop/worker-full");
    std::fs::create_dir(stage.sandbox.path().join("release")).expect("a folder");
    let built = Path::new(env!("CARGO_BIN_EXE_dlt")).with_file_name("dlt-worker");
    std::fs::copy(built, stage.sandbox.path().join("release/dlt-worker")).expect("built");
    let sent = pushed(&push(&stage.sandbox, &format!("{repository}:1")).with_code(0));
    let (_, digest) = sent["image"].as_str().and_then(|image| image.split_once('@')).expect("a digest");
    let named =
        |digest: &str| format!("worker.image=000000000000.dkr.ecr.{HUB}.amazonaws.com/shop/worker-full@{digest}");
    let own = named(digest);

    let looked = |set: &[&str]| {
        let arguments = ["doctor", "shop", "--output", "json", "--set"];
        let report = stage.sandbox.dlt(&[&arguments[..], set].concat()).json();
        let checks = report["checks"].as_array().expect("checks").iter();
        let found = checks.filter(|check| check["area"] == "image").map(|check| check["state"].clone());
        found.collect::<Vec<Value>>()
    };
    assert_eq!(looked(&[&own]), ["ok"]);
    assert_eq!(looked(&[&own, "--set", "worker.architecture=arm64"]), ["fail"], "it is for another processor");
    assert_eq!(looked(&[&named(&format!("sha256:{}", "0".repeat(64)))]), ["fail"], "there is none");

    let up = stage.sandbox.dlt(&["up", "shop", "--yes", "--set", &own]).with_code(0);
    assert!(!up.err.contains("worker image sent"), "the shipped one stays at home: {}", up.err);
    stage.sandbox.dlt(&["plan", "shop", "--exit-code", "--set", &own]).with_code(0);
    let back = stage.sandbox.dlt(&["plan", "shop", "--exit-code", "--output", "json"]).with_code(20).out;
    assert!(back.contains("ContainerDefinitions[worker].Image"), "{back}");
    let drift = stage.sandbox.dlt(&["drift", "shop", "--set", &own]);
    assert!(!drift.out.contains("worker image"), "{}", drift.out);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    scenario(&stage, &target.url(), "2s");
    stage.sandbox.dlt(&["gate", "dlt_test.json", "--env", "shop", "--success-p95", "5"]).with_code(0);
    assert!(target.answered() > 0, "workers are started from it");
}
