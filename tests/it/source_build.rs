//! `buildspec_image.yml` on a source that holds dlt itself: what it builds is what it ships. The source is a small one of the same
//! shape, built by the real cargo with this repository's settings; its `dlt` hands every call on to the real one.

use std::path::Path;

use crate::{
    buildspec::run,
    cloud::Stage,
    support::{Sandbox, root},
};

const MANIFEST: &str = "[workspace]\nmembers = [\".\", \"worker\"]\nresolver = \"3\"\n\n\
                        [package]\nname = \"dlt\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                        [[bin]]\nname = \"dlt\"\npath = \"dlt.rs\"\n\n[[bin]]\nname = \"bootstrap\"\npath = \"bootstrap.rs\"\n\n\
                        [profile.worker]\ninherits = \"release\"\n";
const WORKER: &str = "[package]\nname = \"dlt-worker\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                      [[bin]]\nname = \"dlt-worker\"\npath = \"main.rs\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"dlt\"\nversion = \"0.1.0\"\n\n\
                    [[package]]\nname = \"dlt-worker\"\nversion = \"0.1.0\"\n";

/// Puts the source into a container.
fn source(container: &Sandbox) {
    let copy = |name: &str| {
        container.write(name, &std::fs::read_to_string(root().join(name)).expect("a setting of this repository"));
    };
    [".cargo/config.toml", "rust-toolchain.toml"].into_iter().for_each(copy);
    container.write("Cargo.toml", MANIFEST);
    container.write("Cargo.lock", LOCK);
    container.write("worker/Cargo.toml", WORKER);
    container.write("worker/main.rs", "fn main() { println!(\"a worker that was just built\"); }\n");
    container.write("bootstrap.rs", "fn main() {}\n");
    let hand_on = format!(
        "fn main() {{\n    let ended = std::process::Command::new({:?}).args(std::env::args().skip(1)).status();\n    \
         std::process::exit(ended.ok().and_then(|status| status.code()).unwrap_or(1));\n}}\n",
        env!("CARGO_BIN_EXE_dlt")
    );
    container.write("dlt.rs", &hand_on);
}

#[test]
fn a_source_that_holds_dlt_is_built_and_what_was_built_is_shipped() {
    let stage = Stage::set(&[], None);
    stage.sandbox.dlt(&["up", "shop", "--yes"]).with_code(0);
    let container = crate::pipeline::container(&stage);
    source(&container);
    let spec = std::fs::read_to_string(root().join("buildspecs/buildspec_image.yml")).expect("the buildspec");
    // The container has Rust, as the pipeline's documentation asks for; nothing is fetched.
    let tools = Path::new(env!("CARGO")).parent().expect("a folder").display().to_string();
    let path = format!("{}:{tools}:/usr/bin:/bin", container.path().join("bin").display());
    let project = [("DLT_ENV", "shop"), ("PATH", path.as_str()), ("CARGO_NET_OFFLINE", "true")];
    let built = run(&container, &spec, &project);
    assert_eq!(built.code, 0, "{}", built.log);
    let release = container.path().join("target/x86_64-unknown-linux-gnu/release");
    assert!(release.join("dlt-worker").is_file() && release.join("bootstrap").is_file(), "{}", built.log);

    let manifest = std::fs::read_to_string(built.artifacts.expect("what the next stage gets").join("release.json"));
    let manifest: serde_json::Value = serde_json::from_str(&manifest.expect("a manifest")).expect("JSON");
    let bytes = manifest["worker_image"]["bytes"].as_u64().expect("a size");
    assert!(bytes < 2_000_000, "the small worker that was just built, and not the one beside this test: {bytes}");
    let images = stage.sandbox.dlt(&["image", "list", "shop", "--output", "json"]).with_code(0).json();
    let digest = &manifest["worker_image"]["digest"];
    let is_there = images.as_array().expect("a list").iter().any(|image| image["digest"] == *digest);
    assert!(is_there, "it is in the environment's registry: {images:#}");
}
