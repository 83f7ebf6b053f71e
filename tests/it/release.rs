//! A release on the emulated AWS: one directory, one program that carries it, and what a change of it changes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    cloud::{HUB, Stage},
    support::Ended,
};

fn read(stage: &Stage, name: &str) -> Vec<u8> {
    std::fs::read(stage.sandbox.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn manifest(stage: &Stage, name: &str) -> Value {
    serde_json::from_slice(&read(stage, name)).expect("JSON")
}

/// A directory with what was built beside this test, but for a worker that is another one by a byte.
fn with_another_worker(stage: &Stage) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_dlt")).parent().expect("a folder");
    let folder = stage.sandbox.path().join("changed");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::copy(built.join("bootstrap"), folder.join("bootstrap")).expect("built");
    let mut worker = std::fs::read(built.join("dlt-worker")).expect("built");
    worker.push(0);
    std::fs::write(folder.join("dlt-worker"), worker).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("dlt-worker"), mode).expect("permissions");
    folder
}

#[test]
fn a_release_deploys_by_itself_and_a_changed_worker_changes_the_task_definition_alone() {
    let stage = Stage::set(&[], None);
    let before = stage.account();
    let packed = stage.sandbox.dlt(&["release", "--out", "dist", "--output", "json"]).with_code(0).json();
    assert_eq!(packed, manifest(&stage, "dist/release.json"));
    stage.sandbox.dlt(&["release", "--out", "again"]).with_code(0);
    for file in ["release.json", "dlt", "functions.zip", "image/index.json"] {
        assert!(
            read(&stage, &format!("dist/{file}")) == read(&stage, &format!("again/{file}")),
            "{file} is the same to the byte"
        );
    }

    let program = stage.sandbox.path().join("moved");
    std::fs::rename(stage.sandbox.path().join("dist/dlt"), &program).expect("the program alone");
    let up = stage.sandbox.command(&program).args(["up", "shop", "--yes"]).output().expect("it starts");
    let up = Ended::of(up).with_code(0);
    assert!(up.out.contains("ApiEndpoint"), "{}{}", up.out, up.err);
    let digest = packed["worker_image"]["digest"].as_str().expect("a digest").to_owned();
    let bucket = format!("dlt-shop-artifacts-000000000000-{HUB}");
    let key = format!("releases/{}.json", dlt::release::content::sha256_of(&read(&stage, "dist/release.json")));
    let kept: Value = serde_json::from_str(&stage.look(&["object", HUB, &bucket, &key])).expect("JSON");
    assert_eq!(kept, packed, "the bucket has the manifest beside what it names");
    stage.sandbox.dlt(&["plan", "shop", "--exit-code", "--release", "dist/release.json"]).with_code(0);
    // What is beside this program is what the release was made from.
    stage.sandbox.dlt(&["plan", "shop", "--exit-code"]).with_code(0);

    let changed = with_another_worker(&stage).display().to_string();
    let arguments = ["plan", "shop", "--release", &changed, "--output", "json"];
    let plan = stage.sandbox.dlt(&arguments).with_code(0).json();
    let resources: Vec<&Value> = plan["stacks"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|stack| stack["resources"].as_array().expect("a list"))
        .collect();
    let named: Vec<_> = resources.iter().map(|it| (&it["logical_id"], &it["properties"][0]["path"])).collect();
    assert_eq!(named, [(&json!("WorkerTask"), &json!("ContainerDefinitions[worker].Image"))], "{resources:#?}");
    assert_eq!(resources[0]["properties"].as_array().map(Vec::len), Some(1), "and of it the image alone");
    stage.sandbox.dlt(&["up", "shop", "--yes", "--release", &changed]).with_code(0);
    the_images_are_listed_with_their_users(&stage, &digest, &changed);

    std::fs::write(stage.sandbox.path().join("dist/functions.zip"), "another").expect("written");
    let damaged = stage.sandbox.dlt(&["plan", "shop", "--release", "dist"]).with_code(3);
    assert!(damaged.err.contains("functions.zip"), "{}", damaged.err);

    let down = stage.sandbox.dlt(&["down", "shop", "--yes"]).with_code(0);
    let inventory = format!("{}{}", down.out, down.err);
    assert!(inventory.contains("dlt-shop/worker"), "the repository and what is in it are listed: {inventory}");
    assert_eq!(stage.account(), before);
}

fn the_images_are_listed_with_their_users(stage: &Stage, old: &str, changed: &str) {
    let images = stage.sandbox.dlt(&["image", "list", "shop", "--output", "json"]).with_code(0).json();
    let images = images.as_array().expect("a list");
    assert_eq!(images.len(), 2, "{images:#?}");
    let (before, now): (Vec<&Value>, Vec<&Value>) = images.iter().partition(|image| image["digest"] == old);
    let (before, now) = (before[0], now[0]);
    let is_spared = |image: &Value| image["tags"].to_string().contains("\"deployed-");
    assert!(is_spared(now) && !is_spared(before), "only what is deployed is out of the lifecycle's reach: {images:#?}");
    assert!(now["used_by"].to_string().contains("dlt-shop-worker:"), "{now:#}");
    assert_eq!((&before["used_by"], &now["region"]), (&json!([]), &json!(HUB)));
    assert!(now["bytes"].as_u64() > Some(1_000_000), "{now:#}");
    let shown = stage.sandbox.dlt(&["image", "list", "shop"]).with_code(0).out;
    assert!(shown.contains("dlt-shop-worker:") && shown.contains("used by"), "{shown}");

    let pushed = stage.sandbox.dlt(&["image", "push", "shop", "--release", changed, "--output", "json"]).with_code(0);
    let line = &pushed.json()[0];
    assert_eq!((&line["bytes_sent"], &line["blobs_sent"]), (&json!(0), &json!(0)), "{line:#}");
    assert!(line["image"].as_str().is_some_and(|image| image.contains(now["digest"].as_str().expect("a digest"))));
}
