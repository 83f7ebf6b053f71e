//! An image that ours stands on, named by its digest and pulled from a registry: what `worker-full` images begin with.

use std::{io::Read, path::Path};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::spec::LAYER;
use crate::{
    exit::Exit,
    failure::Failure,
    release::{content::Blob, machine::Machine},
};

/// Where images keep the certificates of authorities.
const CERTIFICATES: [&str; 4] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/ssl/certs/ca-bundle.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/cert.pem",
];
/// What Docker calls a compressed layer; its content is the same.
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// A base, for one kind of processor or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its name with its digest.
    pub reference: String,
    /// What it is made of, for each kind of processor.
    pub platforms: Vec<BasePlatform>,
}

/// A base for one kind of processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePlatform {
    /// The processor.
    pub machine: Machine,
    /// Its configuration.
    pub config: Value,
    /// Its layers with their descriptors, lowest first.
    pub layers: Vec<(Value, Blob)>,
}

impl Base {
    /// The base for a processor.
    ///
    /// # Errors
    /// Says which processors it is for.
    pub fn on(&self, machine: Machine) -> Result<&BasePlatform, Failure> {
        self.platforms.iter().find(|platform| platform.machine == machine).ok_or_else(|| {
            let there: Vec<&str> = self.platforms.iter().map(|platform| platform.machine.in_images()).collect();
            let message = format!(
                "the base `{}` is not for {}, only for {}",
                self.reference,
                machine.in_images(),
                there.join(", ")
            );
            Failure::new(Exit::Invalid, message).hint("name another base, or only some platforms with --platform")
        })
    }
}

impl BasePlatform {
    /// True when one of its layers has certificates of authorities. A layer that is packed in a way that we do not read
    /// is taken to have them.
    pub fn has_certificates(&self) -> bool {
        self.layers.iter().any(|(descriptor, blob)| {
            let packed = descriptor["mediaType"] == LAYER;
            blob.read().ok().and_then(|bytes| brings_certificates(&bytes, packed)).unwrap_or(true)
        })
    }
}

/// A layer's descriptor, in the words of the OCI specification.
pub fn in_oci_words(mut descriptor: Value) -> Value {
    if descriptor["mediaType"] == DOCKER_LAYER {
        descriptor["mediaType"] = LAYER.into();
    }
    descriptor
}

/// None when nothing in the layer can be read. Some tools leave out how an archive ends, which is no reason to doubt it.
fn brings_certificates(bytes: &[u8], packed: bool) -> Option<bool> {
    let unpacked: Box<dyn Read + '_> = if packed { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    let mut archive = tar::Archive::new(unpacked);
    let mut read = None;
    for entry in archive.entries().ok()? {
        let Ok(entry) = entry else { return read };
        let path = entry.path().ok()?;
        if CERTIFICATES.iter().any(|known| path.strip_prefix("./").unwrap_or(&path) == Path::new(known)) {
            return Some(true);
        }
        read = Some(false);
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::layer::Layer, *};

    fn platform(files: &[(&str, u32, &[u8])], media_type: &str) -> BasePlatform {
        let blob = Layer::new(files).unwrap().blob;
        BasePlatform {
            machine: Machine::X86_64,
            config: json!({}),
            layers: vec![(in_oci_words(json!({ "mediaType": media_type })), blob)],
        }
    }

    #[test]
    fn a_base_with_certificates_is_known_and_an_unreadable_one_gets_the_benefit_of_the_doubt() {
        let with = [("etc/ssl/certs/ca-certificates.crt", 0o644, &b"trust"[..])];
        let without = [("usr/bin/k6", 0o755, &b"k6"[..])];
        assert!(platform(&with, DOCKER_LAYER).has_certificates());
        assert!(!platform(&without, LAYER).has_certificates());
        assert!(platform(&without, "application/vnd.oci.image.layer.v1.tar+zstd").has_certificates());
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        tar.append_data(&mut header, "usr/bin/k6", std::io::empty()).unwrap();
        let mut endless = tar.into_inner().unwrap();
        endless.truncate(600);
        assert_eq!(brings_certificates(&endless, false), Some(false), "its end is missing, its entries are not");
    }

    #[test]
    fn a_base_for_other_processors_says_which() {
        let base = Base { reference: "k6@sha256:1".to_owned(), platforms: vec![platform(&[], LAYER)] };
        assert!(base.on(Machine::X86_64).is_ok());
        let failure = base.on(Machine::Arm64).unwrap_err();
        assert!(failure.to_string().contains("not for arm64, only for amd64"), "{failure}");
    }
}
