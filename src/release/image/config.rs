//! How an image is run: as nobody in particular, the worker first.

use serde_json::{Map, Value, json};

use super::layer::Layer;
use crate::release::machine::Machine;

/// Where the worker finds certificates in an image.
pub const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
/// The variable that says so.
const CERTIFICATES_VARIABLE: &str = "SSL_CERT_FILE";
/// A user and group without rights, by the number that distroless images use.
const USER: &str = "65532:65532";

/// What an image says about itself.
pub fn labels(base: Option<&str>) -> Value {
    let mut labels = json!({
        "org.opencontainers.image.title": "dlt-worker",
        "org.opencontainers.image.description": "Load generator of dlt: reads its assignment, makes the load, reports what it saw.",
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
    });
    if let Some((name, digest)) = base.and_then(|base| base.split_once('@')) {
        labels["org.opencontainers.image.base.name"] = name.into();
        labels["org.opencontainers.image.base.digest"] = digest.into();
    }
    labels
}

/// The configuration of an image of our layers alone.
pub fn alone(layers: &[Layer], machine: Machine) -> Value {
    json!({
        "architecture": machine.in_images(),
        "os": "linux",
        "config": {
            "User": USER,
            "Env": [format!("{CERTIFICATES_VARIABLE}=/{CERTIFICATES}")],
            "Entrypoint": ["/dlt-worker"],
            "WorkingDir": "/",
            "Labels": labels(None),
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids(layers) },
    })
}

/// A base's configuration with our layers over it. Everything that the base says stays, but for who runs what.
pub fn over(base: &Value, reference: &str, layers: &[Layer], brings_certificates: bool) -> Value {
    let mut value = base.clone();
    append(&mut value["rootfs"], "diff_ids", diff_ids(layers));
    if value.get("history").is_some_and(Value::is_array) {
        let entry = |_: &Layer| json!({ "created_by": "dlt image: the worker over its base" });
        append(&mut value, "history", layers.iter().map(entry).collect());
    }
    if !value["config"].is_object() {
        value["config"] = Value::Object(Map::new());
    }
    let config = value["config"].as_object_mut().expect("made an object above");
    config.insert("User".to_owned(), USER.into());
    config.insert("Entrypoint".to_owned(), json!(["/dlt-worker"]));
    config.remove("Cmd");
    if brings_certificates {
        let entry = json!(format!("{CERTIFICATES_VARIABLE}=/{CERTIFICATES}"));
        append(&mut value["config"], "Env", vec![entry]);
    }
    let labels = labels(Some(reference)).as_object().cloned().unwrap_or_default();
    match value["config"].get_mut("Labels").and_then(Value::as_object_mut) {
        Some(known) => known.extend(labels),
        None => value["config"]["Labels"] = Value::Object(labels),
    }
    value
}

fn append(object: &mut Value, key: &str, more: Vec<Value>) {
    match object.get_mut(key).and_then(Value::as_array_mut) {
        Some(list) => list.extend(more),
        None => object[key] = Value::Array(more),
    }
}

fn diff_ids(layers: &[Layer]) -> Vec<Value> {
    layers.iter().map(|layer| Value::from(&*layer.diff_id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_runs_the_worker_as_nobody_in_particular() {
        let layer = Layer::new(&[("dlt-worker", 0o755, b"worker")]).unwrap();
        let config = alone(std::slice::from_ref(&layer), Machine::Arm64);
        assert_eq!((&config["architecture"], &config["config"]["User"]), (&json!("arm64"), &json!("65532:65532")));
        assert_eq!(config["rootfs"]["diff_ids"], json!([layer.diff_id]));
    }

    #[test]
    fn a_base_keeps_what_it_says_but_for_who_runs_what() {
        let base = json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
            "config": { "User": "root", "Env": ["PATH=/usr/bin"], "Cmd": ["bash"], "Labels": { "team": "shop" } },
            "rootfs": { "type": "layers", "diff_ids": ["sha256:1"] },
            "history": [{ "created_by": "FROM scratch" }],
        });
        let layer = Layer::new(&[("dlt-worker", 0o755, b"worker")]).unwrap();
        let full = over(&base, "registry.example/k6@sha256:2", std::slice::from_ref(&layer), false);
        assert_eq!(full["rootfs"]["diff_ids"], json!(["sha256:1", layer.diff_id]));
        assert_eq!(full["history"].as_array().map(Vec::len), Some(2), "a line of history for every layer");
        let config = &full["config"];
        assert_eq!((&config["Env"], config.get("Cmd")), (&json!(["PATH=/usr/bin"]), None));
        assert_eq!((&config["User"], &config["Entrypoint"]), (&json!("65532:65532"), &json!(["/dlt-worker"])));
        assert_eq!(config["Labels"]["team"], "shop");
        assert_eq!(config["Labels"]["org.opencontainers.image.base.digest"], "sha256:2");
        assert_eq!(full["created"], base["created"]);
    }
}
