//! The words of the OCI image specification 1.1: media types, descriptors, manifests.

use serde_json::{Value, json};

use crate::release::content::{Blob, digest_of};

/// A manifest of one image, or of something attached to one.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// A list of manifests, one for each kind of processor.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's own words for the same two, which older bases use.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// See [`DOCKER_MANIFEST`].
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// How an image is run.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A compressed archive of files.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The configuration of what has none.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// What stands for nothing: an empty JSON object.
pub const NOTHING: &[u8] = b"{}";

/// A manifest or index, which a registry keeps under its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub media_type: String,
    /// `sha256:…`.
    pub digest: String,
    /// The very bytes.
    pub content: Vec<u8>,
}

impl Document {
    /// A document with these bytes.
    pub fn new(media_type: impl Into<String>, content: Vec<u8>) -> Self {
        Self { media_type: media_type.into(), digest: digest_of(&content), content }
    }

    /// Its content.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.content).unwrap_or_default()
    }

    /// The digest of the image that it is attached to, if it is.
    pub fn subject(&self) -> Option<String> {
        Some(self.value().get("subject")?.get("digest")?.as_str()?.to_owned())
    }

    /// How others point to it.
    pub fn descriptor(&self) -> Value {
        let mut descriptor = descriptor(&self.media_type, &self.digest, self.content.len() as u64);
        let value = self.value();
        for key in ["artifactType", "annotations"] {
            if let Some(said) = value.get(key).filter(|_| value.get("subject").is_some()) {
                descriptor[key] = said.clone();
            }
        }
        descriptor
    }
}

/// Points to something by its digest.
pub fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size })
}

/// Points to a blob.
pub fn of_blob(media_type: &str, blob: &Blob) -> Value {
    descriptor(media_type, &blob.digest, blob.size)
}

/// A manifest of an image: its configuration, its layers, and what else is known of it.
pub fn manifest(config: &Value, layers: &[Value], annotations: &Value) -> Document {
    let value = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": layers,
        "annotations": annotations,
    });
    Document::new(MANIFEST, value.to_string().into_bytes())
}

/// A manifest of something that is attached to an image and is no image itself.
pub fn attachment(kind: &str, blob: &Blob, title: &str, subject: &Document) -> Document {
    let nothing = Blob::new(NOTHING);
    let mut content = of_blob(kind, blob);
    content["annotations"] = json!({ "org.opencontainers.image.title": title });
    let value = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": of_blob(EMPTY, &nothing),
        "layers": [content],
        "subject": descriptor(&subject.media_type, &subject.digest, subject.content.len() as u64),
    });
    Document::new(MANIFEST, value.to_string().into_bytes())
}

/// An index of manifests, each with the platform that it is for.
pub fn index(manifests: &[Value], annotations: Option<&Value>) -> Document {
    let mut value = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    if let Some(annotations) = annotations {
        value["annotations"] = annotations.clone();
    }
    Document::new(INDEX, value.to_string().into_bytes())
}
