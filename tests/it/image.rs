//! The worker image on real parts: made, pushed to a real registry, pulled by somebody else's client, run in a real container.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dlt::target::Target;
use dlt_model::{
    assignment::{Assignment, Start, keys},
    id::Region,
    load::{Execution, Executor},
    program::{Flow, Program, Request, Step},
    report::Report,
    segment::Segment,
    template::Template,
};
use serde_json::Value;

use crate::{
    registry::{Kind, Registry, USER, Wire},
    support::{Ended, Sandbox, eventually, python, root},
};

/// How long a container may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// Whoever the image runs as.
const NOBODY: u32 = 65532;

/// A sandbox with a release in `release/`: the worker that was built with this test.
pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path().join("release")).expect("a folder");
    std::fs::copy(worker_program(), sandbox.path().join("release/dlt-worker")).expect("the worker is built");
    sandbox
}

fn worker_program() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_dlt")).with_file_name("dlt-worker")
}

pub fn run(sandbox: &Sandbox, program: &str, arguments: &[&str]) -> Ended {
    let mut command = sandbox.command(program);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(arguments);
    Ended::of(command.output().unwrap_or_else(|error| panic!("{program}: {error}; `tests/run` installs it")))
}

pub fn push(sandbox: &Sandbox, to: &str) -> Ended {
    sandbox.dlt(&["image", "push", "--release", "release", "--to", to, "--output", "json"])
}

/// The only line of what was pushed.
pub fn pushed(ended: &Ended) -> Value {
    ended.json().as_array().and_then(|lines| lines.first().cloned()).expect("one place")
}

#[test]
fn two_builds_are_one_image_and_judges_that_are_not_ours_are_content() {
    let sandbox = sandbox();
    let build = |out: &str| sandbox.dlt(&["image", "build", "--release", "release", "--out", out]).with_code(0).out;
    let (one, two) = (build("one.tar"), build("two.tar"));
    let read = |name: &str| std::fs::read(sandbox.path().join(name)).expect("written");
    assert!(read("one.tar") == read("two.tar"), "the same to the byte");
    let digest =
        |text: &str| text.lines().find_map(|line| line.strip_prefix("digest ")).expect("a digest").trim().to_owned();
    assert_eq!(digest(&one), digest(&two));

    build("layout");
    let judge = Command::new(python("judges/bin/python"))
        .arg(root().join("tests/it/judge_image.py"))
        .arg(sandbox.path().join("layout"))
        .output()
        .expect("python starts");
    let judged = Ended::of(judge).with_code(0).json();
    assert_eq!((&judged["CycloneDX 1.6"], &judged["in-toto statement"]), (&1.into(), &1.into()), "{judged}");
    assert!(judged["packages"].as_u64() > Some(100), "the worker says what it is made of: {judged}");

    let refused = sandbox.dlt(&["image", "build", "--release", "release", "--platform", "linux/arm64"]).with_code(3);
    assert!(refused.err.contains("dlt-worker-arm64"), "{}", refused.err);
}

#[test]
fn an_image_is_pushed_pulled_by_another_client_and_runs_a_load_test_as_nobody_on_a_read_only_root() {
    let (sandbox, registry) = (sandbox(), Registry::start(Kind::Open));
    let to = format!("{}/shop/worker", registry.host());
    let first = pushed(&push(&sandbox, &to).with_code(0));
    assert!(first["bytes_sent"].as_u64() > Some(1_000_000), "{first}");
    let second = pushed(&push(&sandbox, &to).with_code(0));
    assert_eq!((&second["image"], &second["bytes_sent"]), (&first["image"], &0.into()), "nothing is sent twice");

    let image = first["image"].as_str().expect("a name");
    let remote = format!("docker://{image}");
    let inspected =
        run(&sandbox, "skopeo", &["inspect", "--tls-verify=false", "--config", &remote]).with_code(0).json();
    assert_eq!(inspected["config"]["User"], "65532:65532");
    let copied = ["copy", "--src-tls-verify=false", &remote, "oci:copy:pulled"];
    run(&sandbox, "skopeo", &copied).with_code(0);
    let attached = image.replace("@sha256:", ":sha256-");
    let list = run(&sandbox, "skopeo", &["inspect", "--tls-verify=false", "--raw", &format!("docker://{attached}")]);
    let list = list.with_code(0).json();
    let kinds: Vec<&str> =
        list["manifests"].as_array().expect("a list").iter().filter_map(|it| it["artifactType"].as_str()).collect();
    assert_eq!(kinds, ["application/vnd.cyclonedx+json", "application/vnd.in-toto+json"]);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = runtime.block_on(Target::start()).expect("a free port");
    let report = load_test_in_a_container(&sandbox, image, &target.url());
    let samples: u64 = report.labels.values().map(|label| label.samples()).sum();
    assert!(samples > 100, "it makes load: {samples}");
    assert_eq!(samples, target.answered(), "and counts what the target counts");
}

/// Runs the image as ECS would: a task's variables, no privilege, nothing to write to but the run's folder.
fn load_test_in_a_container(sandbox: &Sandbox, image: &str, url: &str) -> Report {
    let folder = sandbox.path().join("run");
    let request = Request { label: Template::literal("home"), ..Request::new("GET", Template::literal(url)) };
    let flow = Flow { start: Vec::new(), steps: vec![Step::Request(Box::new(request))] };
    let assignment = Assignment {
        test_id: "Image".parse().expect("an id"),
        run_id: "Run".parse().expect("an id"),
        region: Region::local(),
        worker: 0,
        segment: Segment::WHOLE,
        load: vec![Execution {
            name: "image".to_owned(),
            flow: "image".to_owned(),
            start_after_ms: 0,
            graceful_stop_ms: 5_000,
            executor: Executor::ramp_and_hold(4, 0, 2_000),
        }],
        program: Program { flows: [("image".to_owned(), flow)].into(), ..Program::default() },
        start_deadline_ms: 60_000,
    };
    write(&folder, &keys::assignment(0), &assignment);
    for name in ["", "ready", "reports"] {
        let place = folder.join(name);
        std::fs::create_dir_all(&place).expect("a folder");
        std::os::unix::fs::chown(&place, Some(NOBODY), Some(NOBODY)).expect("root may give a folder away");
    }
    let mut podman = podman(sandbox, &folder, image);
    let mut container = podman.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("podman starts");
    eventually("the worker in the container is ready", PATIENCE, || {
        let ended = container.try_wait().expect("a child");
        (ended.is_some() || folder.join(keys::ready(0)).exists()).then_some(())
    });
    if folder.join(keys::ready(0)).exists() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        write(&folder, keys::START, &Start { start_at_ms: u64::try_from(now).expect("soon") + 300 });
    }
    let ended = Ended::of(container.wait_with_output().expect("it ends")).with_code(0);
    assert!(ended.out.lines().any(|line| line.contains("\"second\"") || line.starts_with('{')), "{}", ended.out);
    let report = std::fs::read(folder.join(keys::report(0))).expect("its report came out");
    serde_json::from_slice(&report).expect("a report")
}

fn podman(sandbox: &Sandbox, folder: &Path, image: &str) -> Command {
    let in_sandbox = |name: &str| sandbox.path().join(name).display().to_string();
    let mut podman = sandbox.command("podman");
    podman
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .args(["--root", &in_sandbox("containers"), "--runroot", &in_sandbox("containers-run")])
        .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"])
        .args(["--runtime", "/usr/sbin/runc", "run", "--rm", "--tls-verify=false", "--network", "host"])
        .args(["--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges"])
        .args(["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"])
        .args(["--volume", &format!("{}:/run-folder", folder.display())])
        .args(["--env", "DLT_RUN_FOLDER=file:///run-folder/", "--env", "TASK_INDEX=0", "--env", "TASK_COUNT=1"])
        .args(["--env", "TEST_ID=Image", "--env", "RUN_ID=Run", "--env", &format!("REGION={}", Region::local())])
        .arg(image)
        .stdin(Stdio::null());
    podman
}

fn write(folder: &Path, key: &str, value: &impl serde::Serialize) {
    let path = folder.join(key);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let partial = path.with_extension("partial");
    std::fs::write(&partial, serde_json::to_vec(value).expect("serialises")).expect("written");
    std::fs::rename(partial, path).expect("renamed");
}

/// Makes the worker so large that it goes over the wire in several chunks, and cannot be packed any smaller.
pub fn enlarge(sandbox: &Sandbox, mib: usize) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = Vec::with_capacity(mib << 20);
    while noise.len() < mib << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    let path = sandbox.path().join("release/dlt-worker");
    let mut worker = std::fs::read(&path).expect("a worker");
    worker.extend_from_slice(&noise);
    std::fs::write(path, worker).expect("written");
}

#[test]
fn a_registry_that_is_killed_in_the_middle_of_an_upload_gets_the_rest_when_it_is_back() {
    let (sandbox, registry) = (sandbox(), Registry::start(Kind::Open));
    enlarge(&sandbox, 24);
    let port = registry.port;
    let registry = Arc::new(Mutex::new(registry));
    let crashing = Arc::clone(&registry);
    let wire = Wire::to(port, 20 << 20, move || {
        let mut registry = crashing.lock().expect("nobody panicked");
        registry.kill();
        registry.serve();
    });
    let first = pushed(&push(&sandbox, &format!("127.0.0.1:{}/shop/worker", wire.port)).with_code(0));
    let sent = first["bytes_sent"].as_u64().expect("a number");
    assert!(sent > 24 << 20 && wire.carried() > sent, "some of it was lost on the way: {sent} of {}", wire.carried());
    let image = first["image"].as_str().expect("a name").replace(&wire.port.to_string(), &port.to_string());
    let copied = ["copy", "--src-tls-verify=false", &format!("docker://{image}"), "oci:copy:pulled"];
    run(&sandbox, "skopeo", &copied).with_code(0);
}

#[test]
fn a_connection_that_breaks_is_no_reason_to_fail_and_costs_no_more_than_the_layer_that_was_on_it() {
    let (sandbox, registry) = (sandbox(), Registry::start(Kind::Open));
    enlarge(&sandbox, 40);
    let wire = Wire::to(registry.port, 36 << 20, || ());
    let first = pushed(&push(&sandbox, &format!("127.0.0.1:{}/shop/worker", wire.port)).with_code(0));
    let sent = first["bytes_sent"].as_u64().expect("a number");
    // This registry forgets an upload whose last chunk came only half. Others keep it: see the unit tests of `release`.
    let twice = wire.carried().saturating_sub(sent);
    assert!(twice > 1 << 20 && twice < 40 << 20, "{twice} bytes of {sent} were sent twice");
}

#[test]
fn what_a_registry_refuses_is_told_with_its_cure() {
    let sandbox = sandbox();
    let locked = Registry::start(Kind::Locked);
    let to = format!("{}/shop/worker", locked.host());
    let anonymous = push(&sandbox, &to).with_code(4);
    assert!(anonymous.err.contains("sign in") && anonymous.err.contains("docker login"), "{}", anonymous.err);
    let login = |password: &str| {
        let auth = basic(USER.0, password);
        let text = serde_json::json!({ "auths": { locked.host(): { "auth": auth } } }).to_string();
        sandbox.write("home/.docker/config.json", &text);
    };
    login("wrong");
    let wrong = push(&sandbox, &to).with_code(4);
    assert!(wrong.err.contains("401") && !wrong.err.contains("wrong"), "{}", wrong.err);
    login(USER.1);
    push(&sandbox, &to).with_code(0);

    enlarge(&sandbox, 12);
    let small = Registry::start(Kind::Small(8));
    let full = push(&sandbox, &format!("{}/shop/worker", small.host())).with_code(4);
    assert!(full.err.contains("make room"), "{}", full.err);

    let nobody = push(&sandbox, "127.0.0.1:9/shop/worker").with_code(4);
    assert!(nobody.err.contains("127.0.0.1:9") && nobody.err.contains("refused"), "{}", nobody.err);
    let strange = push(&sandbox, "127.0.0.1:9/Shop").with_code(2);
    assert!(strange.err.contains("lower-case"), "{}", strange.err);
}

/// `user:password` in base64, by a program that is not ours.
pub fn basic(user: &str, password: &str) -> String {
    let script = format!("printf %s {user}:{password} | base64 -w0");
    let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_worker_over_a_base_keeps_what_the_base_has() {
    let (sandbox, registry) = (sandbox(), Registry::start(Kind::Open));
    // The base is an image like any other: here one that was made by another tool, with a program of its own in it.
    let folder = sandbox.path().join("rootfs/usr/bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("k6"), "#!/bin/sh\n").expect("a file");
    std::fs::set_permissions(folder.join("k6"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("permissions");
    let umoci = |arguments: &[&str]| run(&sandbox, "umoci", arguments).with_code(0);
    umoci(&["init", "--layout", "base"]);
    umoci(&["new", "--image", "base:1"]);
    umoci(&["insert", "--image", "base:1", "rootfs/usr", "/usr"]);
    umoci(&["config", "--image", "base:1", "--config.env", "TOOL=k6", "--architecture", architecture()]);
    let base = format!("docker://{}/tools/k6:1", registry.host());
    run(&sandbox, "skopeo", &["copy", "--dest-tls-verify=false", "oci:base:1", &base]).with_code(0);
    let digest = run(&sandbox, "skopeo", &["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &base]);
    let base = format!("{}/tools/k6@{}", registry.host(), digest.with_code(0).out.trim());

    let to = format!("{}/shop/worker-full:1", registry.host());
    let arguments = ["image", "push", "--release", "release", "--to", &to, "--base", &base, "--output", "json"];
    let image = pushed(&sandbox.dlt(&arguments).with_code(0));
    let remote = format!("docker://{}", image["image"].as_str().expect("a name"));
    let config = run(&sandbox, "skopeo", &["inspect", "--tls-verify=false", "--config", &remote]).with_code(0).json();
    let environment = config["config"]["Env"].to_string();
    assert!(environment.contains("TOOL=k6") && environment.contains("SSL_CERT_FILE"), "{config:#}");
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/dlt-worker"]));
    run(&sandbox, "skopeo", &["copy", "--src-tls-verify=false", &remote, "oci:full:1"]).with_code(0);
    umoci(&["unpack", "--rootless", "--image", "full:1", "bundle"]);
    let there = |path: &str| sandbox.path().join("bundle/rootfs").join(path).exists();
    assert!(there("usr/bin/k6") && there("dlt-worker"), "what the base has and what is ours");

    let unpinned =
        sandbox.dlt(&["image", "build", "--release", "release", "--base", "registry.example/k6:1"]).with_code(2);
    assert!(unpinned.err.contains("without a digest"), "{}", unpinned.err);
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }
}

/// The last stage of the Dockerfile, whose parts come from a directory and not from a stage that needs a network.
fn last_stage(context: &Path) -> PathBuf {
    let text = std::fs::read_to_string(root().join("worker/Dockerfile")).expect("the Dockerfile");
    let stage = text.rsplit_once("\nFROM scratch").map(|(_, stage)| format!("FROM scratch{stage}"));
    let stage = stage.expect("it ends with a stage from scratch").replace("COPY --from=build ", "COPY ");
    let file = context.join("Dockerfile");
    std::fs::write(&file, stage).expect("written");
    file
}

#[test]
fn the_dockerfile_gives_the_same_files_run_in_the_same_way() {
    let sandbox = sandbox();
    let arguments = ["image", "build", "--release", "release", "--out", "ours", "--output", "json"];
    let ours = sandbox.dlt(&arguments).with_code(0).json();
    let ours = format!("ours:{}", ours["tag"].as_str().expect("a tag"));

    let context = sandbox.path().join("context");
    for (from, to) in [
        (root().join("worker/image/etc/passwd"), "worker/image/etc/passwd"),
        (root().join("worker/image/etc/group"), "worker/image/etc/group"),
        (root().join("worker/image/etc/nsswitch.conf"), "worker/image/etc/nsswitch.conf"),
        (PathBuf::from("/etc/ssl/certs/ca-certificates.crt"), "etc/ssl/certs/ca-certificates.crt"),
        (worker_program(), "dlt-worker"),
    ] {
        let to = context.join(to);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(from, to).expect("copied");
    }
    let file = last_stage(&context).display().to_string();
    let place = |name: &str| sandbox.path().join(name).display().to_string();
    let (containers, containers_run, context) =
        (place("containers"), place("containers-run"), context.display().to_string());
    let podman = |arguments: &[&str]| {
        let common = ["--root", &containers, "--runroot", &containers_run, "--storage-driver", "vfs"];
        let more = ["--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "/usr/sbin/runc"];
        run(&sandbox, "podman", &[&common[..], &more, arguments].concat()).with_code(0)
    };
    podman(&["build", "--isolation", "chroot", "--tag", "localhost/theirs:1", "--file", &file, &context]);
    podman(&["push", "localhost/theirs:1", "oci:theirs:1"]);

    let unpacked = |image: &str, bundle: &str| {
        run(&sandbox, "umoci", &["unpack", "--rootless", "--image", image, bundle]).with_code(0);
        files(&sandbox.path().join(bundle).join("rootfs"))
    };
    let (one, two) = (unpacked(&ours, "bundle-ours"), unpacked("theirs:1", "bundle-theirs"));
    assert_eq!(one.iter().map(|it| &it.0).collect::<Vec<_>>(), two.iter().map(|it| &it.0).collect::<Vec<_>>());
    assert!(one == two, "the same content and permissions");
    let config = |image: &str| {
        let inspected = run(&sandbox, "skopeo", &["inspect", "--config", &format!("oci:{image}")]).with_code(0).json();
        let config = &inspected["config"];
        let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].clone();
        let labels = ["title", "description", "version", "licenses"].map(label);
        let theirs_adds = |entry: &&Value| !entry.as_str().is_some_and(|it| it.starts_with("PATH="));
        let environment: Vec<Value> =
            config["Env"].as_array().expect("a list").iter().filter(theirs_adds).cloned().collect();
        serde_json::json!([config["User"], config["Entrypoint"], config["WorkingDir"], environment, labels])
    };
    assert_eq!(config(&ours), config("theirs:1"));
}

/// Every file below a folder with its permissions and its content, sorted by its path.
fn files(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().expect("a file").permissions());
                let name = path.strip_prefix(folder).expect("below it").to_owned();
                found.push((name, mode & 0o777, std::fs::read(&path).expect("a file")));
            }
        }
    }
    found.sort();
    found
}
