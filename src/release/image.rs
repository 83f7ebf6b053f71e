//! The worker image, made without Docker: two layers, a configuration and a manifest, the same to the byte every time.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{machine::Machine, sha256};

/// Part of the tag, so that another way of making the image is another image.
const FORMAT: &[u8] = b"dlt worker image 1";
/// Where the worker finds certificates in the image.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
/// A user without rights, by the number that distroless images use.
const USER: u32 = 65532;
/// Who is who in the image.
const PASSWD: &str = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n";
/// How names are looked up.
const NSSWITCH: &str = "hosts: files dns\n";

/// The media type of a manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What the worker image is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSource {
    binary: Vec<u8>,
    certificates: Vec<u8>,
    /// A tag that names the content: it finds the image in a registry without making it first.
    pub tag: String,
}

/// An image, ready to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Layers and configuration, each with its digest.
    pub blobs: Vec<(String, Vec<u8>)>,
    /// What names them all.
    pub manifest: Vec<u8>,
    /// `sha256:…` of the manifest: the image's name.
    pub digest: String,
}

struct Layer {
    gzip: Vec<u8>,
    diff_id: String,
}

impl WorkerSource {
    /// The image's parts: the worker's executable and the certificates that it trusts.
    pub fn new(binary: Vec<u8>, certificates: Vec<u8>) -> Self {
        let tag = format!("content-{}", &sha256(&[FORMAT, &binary, &certificates])[..40]);
        Self { binary, certificates, tag }
    }

    /// The processors that the worker runs on.
    pub fn machine(&self) -> Option<Machine> {
        Machine::of(&self.binary)
    }

    /// Makes the image.
    pub fn image(&self) -> std::io::Result<Image> {
        let base = layer(&[
            (CERTIFICATES, 0o644, &*self.certificates),
            ("etc/nsswitch.conf", 0o644, NSSWITCH.as_bytes()),
            ("etc/passwd", 0o644, PASSWD.as_bytes()),
        ])?;
        let worker = layer(&[("dlt-worker", 0o755, &*self.binary)])?;
        let layers = [base, worker];
        let config = config(&layers, self.machine()).to_string().into_bytes();
        let manifest = manifest(&config, &layers).to_string().into_bytes();
        let digest = digest(&manifest);
        let blobs = layers.into_iter().map(|layer| layer.gzip).chain([config]);
        Ok(Image { blobs: blobs.map(|blob| (self::digest(&blob), blob)).collect(), manifest, digest })
    }
}

/// A tar of files that belong to root and have no date, compressed without one.
fn layer(files: &[(&str, u32, &[u8])]) -> std::io::Result<Layer> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, path, *content)?;
    }
    let tar = tar.into_inner()?;
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    gzip.write_all(&tar)?;
    Ok(Layer { gzip: gzip.finish()?, diff_id: digest(&tar) })
}

fn config(layers: &[Layer], machine: Option<Machine>) -> serde_json::Value {
    json!({
        "architecture": machine.map_or("unknown", Machine::in_images),
        "os": "linux",
        "config": {
            "User": USER.to_string(),
            "Entrypoint": ["/dlt-worker"],
            "Env": [format!("SSL_CERT_FILE=/{CERTIFICATES}")],
            "WorkingDir": "/",
        },
        "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|it| &*it.diff_id).collect::<Vec<_>>() },
    })
}

fn manifest(config: &[u8], layers: &[Layer]) -> serde_json::Value {
    let blob =
        |kind: &str, content: &[u8]| json!({ "mediaType": kind, "digest": digest(content), "size": content.len() });
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": blob(CONFIG_TYPE, config),
        "layers": layers.iter().map(|layer| blob(LAYER_TYPE, &layer.gzip)).collect::<Vec<_>>(),
    })
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn source() -> WorkerSource {
        WorkerSource::new(b"worker".to_vec(), b"certificates".to_vec())
    }

    #[test]
    fn the_same_parts_give_the_same_image() {
        assert_eq!(source().image().unwrap(), source().image().unwrap());
        let other = WorkerSource::new(b"worker 2".to_vec(), b"certificates".to_vec());
        assert_ne!(source().tag, other.tag);
        assert_ne!(source().image().unwrap().digest, other.image().unwrap().digest);
    }

    #[test]
    fn the_manifest_names_every_blob_with_its_size() {
        let image = source().image().unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
        let named = manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]);
        let named: Vec<_> = named.map(|it| (it["digest"].as_str().unwrap(), it["size"].as_u64().unwrap())).collect();
        let pushed: Vec<_> = image.blobs.iter().map(|(digest, blob)| (digest.as_str(), blob.len() as u64)).collect();
        assert_eq!(named, pushed);
    }

    #[test]
    fn the_worker_lies_at_the_root_and_may_be_executed() {
        let image = source().image().unwrap();
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&*image.blobs[1].1));
        let mut entry = tar.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("dlt-worker"));
        assert_eq!((entry.header().mode().unwrap(), entry.header().mtime().unwrap()), (0o755, 0));
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        assert_eq!(content, "worker");
    }
}
