//! Pulling a base: what it says about itself into memory, its layers into files. Everything is what its digest says.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::{
    Reference,
    client::Registry,
    trouble::{Kind, Trouble},
};
use crate::{
    exit::Exit,
    failure::Failure,
    release::{
        content::{Blob, is_digest},
        image::{Base, BasePlatform, in_oci_words, spec::Document},
        machine::Machine,
    },
};

/// Pulls a base for some kinds of processors; layers go into the directory.
///
/// # Errors
/// A name without a digest, a base that is not there or not for these processors, or a registry that refuses.
pub async fn pull_base(
    reference: &Reference,
    registry: &Registry,
    machines: &[Machine],
    directory: &Path,
) -> Result<Base, Failure> {
    let Some(digest) = &reference.digest else {
        let message = format!("the base `{reference}` is named without a digest, so it could be another one tomorrow");
        let example = format!("{}@sha256:…", reference.place());
        return Err(Failure::new(Exit::Usage, message).hint(format!("name it as `{example}`")));
    };
    let puller = Puller { registry, directory };
    let root = puller.document(digest).await?;
    let mut platforms = Vec::new();
    for (machine, document) in puller.images(root).await? {
        if machines.contains(&machine) {
            platforms.push(puller.platform(machine, &document).await?);
        }
    }
    Ok(Base { reference: format!("{}@{digest}", reference.place()), platforms })
}

struct Puller<'a> {
    registry: &'a Registry,
    directory: &'a Path,
}

impl Puller<'_> {
    fn wrong(&self, said: impl Into<String>) -> Trouble {
        Trouble::new(format!("pull the base from `{}`", self.registry.repository), Kind::Other, said)
    }

    async fn document(&self, digest: &str) -> Result<Document, Trouble> {
        let document = self.registry.manifest(digest).await?;
        let document = document.ok_or_else(|| {
            let doing = format!("pull the base from `{}`", self.registry.repository);
            Trouble::new(doing, Kind::Absent, format!("there is no image with the digest {digest}"))
        })?;
        if document.digest != digest {
            return Err(self.wrong(format!("the registry answered {} for {digest}", document.digest)));
        }
        Ok(document)
    }

    /// The images of an index, or the one that is no index; each with its processor.
    async fn images(&self, root: Document) -> Result<Vec<(Machine, Document)>, Trouble> {
        let value = root.value();
        let Some(entries) = value["manifests"].as_array() else {
            let config = self.config(&value).await?;
            let machine = config["architecture"].as_str().and_then(Machine::from_images);
            return Ok(machine.map(|machine| (machine, root)).into_iter().collect());
        };
        let mut images = Vec::new();
        for entry in entries.iter().filter(|entry| entry["platform"]["os"] == "linux") {
            let machine = entry["platform"]["architecture"].as_str().and_then(Machine::from_images);
            if let (Some(machine), Some(digest)) = (machine, entry["digest"].as_str()) {
                images.push((machine, self.document(digest).await?));
            }
        }
        Ok(images)
    }

    async fn platform(&self, machine: Machine, document: &Document) -> Result<BasePlatform, Trouble> {
        let value = document.value();
        let config = self.config(&value).await?;
        let mut layers = Vec::new();
        for descriptor in value["layers"].as_array().into_iter().flatten() {
            if descriptor.get("urls").is_some() {
                return Err(self.wrong("a layer of it is not in the registry and may not be copied"));
            }
            layers.push((in_oci_words(descriptor.clone()), self.blob(descriptor).await?));
        }
        Ok(BasePlatform { machine, config, layers })
    }

    async fn config(&self, manifest: &Value) -> Result<Value, Trouble> {
        let blob = self.blob(&manifest["config"]).await?;
        let content = blob.read().map_err(|error| self.wrong(error.to_string()))?;
        serde_json::from_slice(&content).map_err(|error| self.wrong(error.to_string()))
    }

    async fn blob(&self, descriptor: &Value) -> Result<Blob, Trouble> {
        let digest = descriptor["digest"].as_str().filter(|digest| is_digest(digest));
        let size = descriptor["size"].as_u64();
        let (Some(digest), Some(size)) = (digest, size) else {
            return Err(self.wrong("a part of it has no digest or no size"));
        };
        let path = self.directory.join(digest.replacen(':', "-", 1));
        self.registry.patiently(async || self.download(digest, size, &path).await).await?;
        Ok(Blob::in_file(path, digest.to_owned(), size))
    }

    async fn download(&self, digest: &str, size: u64, path: &Path) -> Result<(), Trouble> {
        let doing = format!("pull a layer of `{}`", self.registry.repository);
        let url = self.registry.url(&format!("blobs/{digest}"));
        let mut answer = self.registry.send(&doing, || self.registry.http().get(url.clone()).build()).await?;
        let on_disk = |error: std::io::Error| Trouble::new(&doing, Kind::Other, error.to_string());
        let mut file = tokio::fs::File::create(path).await.map_err(on_disk)?;
        let (mut hash, mut length) = (Sha256::new(), 0);
        while let Some(piece) = answer.chunk().await.map_err(|error| Trouble::of_error(&doing, &error))? {
            length += piece.len() as u64;
            if length > size {
                return Err(Trouble::new(&doing, Kind::Digest, "the registry sends more than the layer's size"));
            }
            hash.update(&piece);
            file.write_all(&piece).await.map_err(on_disk)?;
        }
        file.flush().await.map_err(on_disk)?;
        let found = format!("sha256:{}", hex::encode(hash.finalize()));
        if found != digest {
            return Err(Trouble::new(&doing, Kind::Digest, format!("what came is {found} and not {digest}")));
        }
        Ok(())
    }
}
