//! The worker's image: from executables and certificates, for one kind of processor or several, alone or over a base.

use serde_json::Value;

use super::{
    base::Base,
    bill::{self, BILL, Contents},
    config::{self, CERTIFICATES},
    facts::{self, FACTS, Making},
    layer::{Layer, LayerFile},
    spec::{self, CONFIG, Document, LAYER, NOTHING},
};
use crate::{
    exit::Exit,
    failure::Failure,
    release::{
        content::{Blob, name_of},
        machine::Machine,
    },
};

/// Part of the tag, so that another way of making the image is another image.
const FORMAT: &str = "dlt worker image 2";
/// Who is who in an image without a base, which group is which, and how names are looked up. The Dockerfile takes the same
/// files.
const PASSWD: &[u8] = include_bytes!("../../../worker/image/etc/passwd");
/// See [`PASSWD`].
const GROUP: &[u8] = include_bytes!("../../../worker/image/etc/group");
/// See [`PASSWD`].
const NSSWITCH: &[u8] = include_bytes!("../../../worker/image/etc/nsswitch.conf");

/// An image with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Layers, configurations, bills and statements.
    pub blobs: Vec<Blob>,
    /// Manifests, then what is attached to them, and last the one that names the image.
    pub documents: Vec<Document>,
    /// The processors that it is for.
    pub machines: Vec<Machine>,
}

impl Image {
    /// What names the image: an index, or the manifest of its only platform.
    pub fn root(&self) -> &Document {
        self.documents.last().expect("an image has a manifest: made in WorkerSource::image or read in layout::read")
    }

    /// `sha256:…` of what names it.
    pub fn digest(&self) -> &str {
        &self.root().digest
    }

    /// Bytes of all blobs and documents together.
    pub fn size(&self) -> u64 {
        let documents = self.documents.iter().map(|document| document.content.len() as u64);
        self.blobs.iter().map(|blob| blob.size).chain(documents).sum()
    }
}

/// What the worker image is made of, or the image itself when it came ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSource {
    parts: Parts,
    /// A tag that names the content: it finds the image in a registry without making it first.
    pub tag: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Parts {
    Raw { executables: Vec<(Machine, Vec<u8>)>, certificates: Vec<u8>, base: Option<Base> },
    Ready(Image),
}

impl WorkerSource {
    /// The image's parts: executables by the names of their files, and the certificates that they trust.
    ///
    /// # Errors
    /// Names the file that is no executable of its own, or a second one for the same processors.
    pub fn new(files: Vec<(String, Vec<u8>)>, certificates: Vec<u8>) -> Result<Self, Failure> {
        let mut executables: Vec<(Machine, Vec<u8>)> = Vec::new();
        for (file, executable) in files {
            let machine = Machine::of_static(&file, &executable)?;
            if executables.iter().any(|(known, _)| *known == machine) {
                let message = format!("`{file}` of the release is a second worker for {}", machine.in_images());
                return Err(Failure::new(Exit::Invalid, message).hint("keep one worker for each kind of processor"));
            }
            executables.push((machine, executable));
        }
        executables.sort_by_key(|(machine, _)| *machine);
        Ok(Self {
            tag: tag(&executables, &certificates, None),
            parts: Parts::Raw { executables, certificates, base: None },
        })
    }

    /// An image that was made before.
    pub fn ready(tag: String, image: Image) -> Self {
        Self { parts: Parts::Ready(image), tag }
    }

    /// The processors that there is a worker for.
    pub fn machines(&self) -> Vec<Machine> {
        match &self.parts {
            Parts::Raw { executables, .. } => executables.iter().map(|(machine, _)| *machine).collect(),
            Parts::Ready(image) => image.machines.clone(),
        }
    }

    /// The same with fewer platforms, or over a base.
    ///
    /// # Errors
    /// A platform that there is no worker for, or an image that came ready.
    pub fn narrowed(self, only: &[Machine], base: Option<Base>) -> Result<Self, Failure> {
        if only.is_empty() && base.is_none() {
            return Ok(self);
        }
        let there: Vec<&str> = self.machines().into_iter().map(Machine::in_images).collect();
        if let Some(missing) = only.iter().find(|machine| !there.contains(&machine.in_images())) {
            let message = format!("there is no worker for {}, only for {}", missing.in_images(), there.join(", "));
            return Err(Failure::new(Exit::Invalid, message)
                .hint(format!("put one beside it as `dlt-worker-{}`", missing.in_images())));
        }
        let Parts::Raw { mut executables, certificates, .. } = self.parts else {
            return Err(Failure::new(
                Exit::Invalid,
                "the release has an image that is made already, and it stays as it is",
            )
            .hint("name a directory with `bootstrap` and `dlt-worker` with --release"));
        };
        executables.retain(|(machine, _)| only.is_empty() || only.contains(machine));
        let tag = tag(&executables, &certificates, base.as_ref());
        Ok(Self { parts: Parts::Raw { executables, certificates, base }, tag })
    }

    /// Makes the image. Takes a moment: whole executables are packed.
    ///
    /// # Errors
    /// When a part cannot be packed, or when the base is not for one of the workers' processors.
    pub fn image(&self) -> Result<Image, Failure> {
        let (executables, certificates, base) = match &self.parts {
            Parts::Ready(image) => return Ok(image.clone()),
            Parts::Raw { executables, certificates, base } => (executables, certificates, base.as_ref()),
        };
        let mut image = Image { blobs: Vec::new(), documents: Vec::new(), machines: self.machines() };
        let mut attachments = Vec::new();
        let mut entries = Vec::new();
        for (machine, executable) in executables {
            let made = Platform { machine: *machine, executable, certificates, base }.make()?;
            add(&mut image.blobs, made.blobs);
            let mut entry = made.manifest.descriptor();
            entry["platform"] = serde_json::json!({ "architecture": machine.in_images(), "os": "linux" });
            entries.push(entry);
            image.documents.push(made.manifest);
            attachments.extend(made.attachments);
        }
        if let [only] = &mut image.documents[..] {
            let only = only.clone();
            image.documents = attachments.into_iter().chain([only]).collect();
        } else {
            image.documents.extend(attachments);
            let labels = config::labels(base.map(|base| &*base.reference));
            image.documents.push(spec::index(&entries, Some(&labels)));
        }
        Ok(image)
    }
}

fn tag(executables: &[(Machine, Vec<u8>)], certificates: &[u8], base: Option<&Base>) -> String {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let base = base.map(|base| base.reference.as_bytes()).unwrap_or_default();
    let mut parts: Vec<&[u8]> = vec![FORMAT.as_bytes(), version, base, certificates];
    parts.extend(executables.iter().map(|(_, executable)| &**executable));
    format!("content-{}", &name_of(&parts)[..40])
}

fn add(blobs: &mut Vec<Blob>, more: Vec<Blob>) {
    for blob in more {
        if blobs.iter().all(|known| known.digest != blob.digest) {
            blobs.push(blob);
        }
    }
}

/// One worker with all that goes around it.
struct Platform<'a> {
    machine: Machine,
    executable: &'a [u8],
    certificates: &'a [u8],
    base: Option<&'a Base>,
}

struct Made {
    blobs: Vec<Blob>,
    manifest: Document,
    attachments: Vec<Document>,
}

/// What an image is stacked up of.
struct Stack {
    /// The base's layers with their descriptors.
    beneath: Vec<(Value, Blob)>,
    /// Ours.
    layers: Vec<Layer>,
    /// True when ours have certificates in them.
    brings_certificates: bool,
}

impl Platform<'_> {
    fn make(&self) -> Result<Made, Failure> {
        let Stack { beneath, layers, brings_certificates } = self.stack()?;
        let reference = self.base.map(|base| &*base.reference);
        let config = match self.base {
            Some(base) => config::over(&base.on(self.machine)?.config, &base.reference, &layers, brings_certificates),
            None => config::alone(&layers, self.machine),
        };
        let config = Blob::new(config.to_string().into_bytes());
        let (beneath, mut blobs): (Vec<Value>, Vec<Blob>) = beneath.into_iter().unzip();
        let ours = layers.iter().map(|layer| spec::of_blob(LAYER, &layer.blob));
        let descriptors: Vec<Value> = beneath.into_iter().chain(ours).collect();
        let manifest = spec::manifest(&spec::of_blob(CONFIG, &config), &descriptors, &config::labels(reference));
        let (architecture, executable) = (self.machine.in_images(), self.executable);
        let bill = Blob::new(bill::bill(Contents {
            manifest: &manifest,
            architecture,
            executable,
            certificates: brings_certificates.then_some((CERTIFICATES, self.certificates)),
            base: reference,
        }));
        let facts = Blob::new(facts::facts(Making {
            manifest: &manifest,
            architecture,
            executable,
            certificates: self.certificates,
            base: reference,
            format: FORMAT,
        }));
        let attachments = vec![
            spec::attachment(BILL, &bill, "bill-of-materials.cdx.json", &manifest),
            spec::attachment(FACTS, &facts, "provenance.intoto.json", &manifest),
        ];
        blobs.extend(layers.into_iter().map(|layer| layer.blob));
        blobs.extend([config, bill, facts, Blob::new(NOTHING)]);
        Ok(Made { blobs, manifest, attachments })
    }

    fn stack(&self) -> Result<Stack, Failure> {
        let worker: LayerFile<'_> = ("dlt-worker", 0o755, self.executable);
        let certificates: LayerFile<'_> = (CERTIFICATES, 0o644, self.certificates);
        let layer = |files: &[LayerFile<'_>]| {
            Layer::new(files)
                .map_err(|error| Failure::from_error(Exit::Internal, "failed to make the worker image", &error))
        };
        let Some(base) = self.base else {
            // What seldom changes comes first, so that it is sent seldom.
            let surroundings = layer(&[
                ("etc/group", 0o644, GROUP),
                ("etc/nsswitch.conf", 0o644, NSSWITCH),
                ("etc/passwd", 0o644, PASSWD),
                certificates,
            ])?;
            let layers = vec![surroundings, layer(&[worker])?];
            return Ok(Stack { beneath: Vec::new(), layers, brings_certificates: true });
        };
        let base = base.on(self.machine)?;
        let brings_certificates = !base.has_certificates();
        let mut layers = Vec::new();
        if brings_certificates {
            layers.push(layer(&[certificates])?);
        }
        layers.push(layer(&[worker])?);
        Ok(Stack { beneath: base.layers.clone(), layers, brings_certificates })
    }
}

#[cfg(test)]
pub(in crate::release) mod tests {
    use std::io::Read;

    use serde_json::json;

    use super::{
        super::{
            base::BasePlatform,
            dependencies::tests::{LIST, executable},
        },
        *,
    };

    pub fn source(machines: &[u16]) -> WorkerSource {
        let files = machines.iter().map(|machine| (format!("dlt-worker-{machine}"), executable(*machine, LIST)));
        WorkerSource::new(files.collect(), b"certificates".to_vec()).unwrap()
    }

    fn blob<'a>(image: &'a Image, descriptor: &Value) -> &'a Blob {
        image.blobs.iter().find(|blob| descriptor["digest"] == *blob.digest).unwrap()
    }

    #[test]
    fn the_same_parts_give_the_same_image() {
        assert_eq!(source(&[62]).image().unwrap(), source(&[62]).image().unwrap());
        assert_ne!(source(&[62]).tag, source(&[183]).tag);
        assert_ne!(source(&[62]).image().unwrap().digest(), source(&[183]).image().unwrap().digest());
    }

    #[test]
    fn every_document_names_only_what_the_image_has_with_its_size() {
        let image = source(&[183, 62]).image().unwrap();
        for document in &image.documents {
            let value = document.value();
            let layers = value["layers"].as_array().cloned().unwrap_or_default();
            for named in layers.iter().chain(value.get("config")) {
                assert_eq!(blob(&image, named).size, named["size"].as_u64().unwrap());
            }
            let manifests = value["manifests"].as_array().cloned().unwrap_or_default();
            for named in manifests.iter().chain(value.get("subject")) {
                let there = image.documents.iter().find(|it| named["digest"] == *it.digest).unwrap();
                assert_eq!(there.content.len() as u64, named["size"].as_u64().unwrap());
            }
        }
    }

    #[test]
    fn two_workers_make_an_index_and_one_makes_a_manifest() {
        let both = source(&[183, 62]).image().unwrap();
        let root = both.root().value();
        let platforms: Vec<_> =
            root["manifests"].as_array().unwrap().iter().map(|it| &it["platform"]["architecture"]).collect();
        assert_eq!(platforms, ["amd64", "arm64"]);
        assert_eq!(both.documents.len(), 2 + 4 + 1, "two manifests, a bill and a statement for each, and the index");
        let one = source(&[62]).image().unwrap();
        assert_eq!(one.root().media_type, spec::MANIFEST);
        assert!(one.documents[..2].iter().all(|it| it.subject().as_deref() == Some(one.digest())));
        assert_eq!(one.digest(), both.documents[0].digest, "a platform is the same image in an index and without one");
    }

    #[test]
    fn the_worker_lies_at_the_root_and_may_be_executed() {
        let image = source(&[62]).image().unwrap();
        let layer = blob(&image, &image.root().value()["layers"][1]).read().unwrap();
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&*layer));
        let mut entry = tar.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("dlt-worker"));
        assert_eq!((entry.header().mode().unwrap(), entry.header().mtime().unwrap()), (0o755, 0));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!(content, executable(62, LIST));
    }

    #[test]
    fn over_a_base_the_worker_is_the_last_layer_and_the_base_is_named() {
        let layer = Layer::new(&[("usr/bin/k6", 0o755, b"k6")]).unwrap();
        let config = json!({ "config": {}, "rootfs": { "type": "layers", "diff_ids": [layer.diff_id] } });
        let layers = vec![(spec::of_blob(LAYER, &layer.blob), layer.blob.clone())];
        let platforms = vec![BasePlatform { machine: Machine::X86_64, config, layers }];
        let base = Base { reference: format!("registry.example/k6@sha256:{}", "1".repeat(64)), platforms };
        let full = source(&[62]).narrowed(&[], Some(base.clone())).unwrap();
        assert_ne!(full.tag, source(&[62]).tag);
        let image = full.image().unwrap();
        let value = image.root().value();
        assert_eq!(value["layers"].as_array().unwrap().len(), 3, "the base, certificates that it lacks, the worker");
        assert_eq!(value["layers"][0]["digest"], *layer.blob.digest);
        assert_eq!(value["annotations"]["org.opencontainers.image.base.name"], "registry.example/k6");
        assert!(source(&[183]).narrowed(&[], Some(base)).unwrap().image().is_err(), "the base is not for arm64");
    }

    #[test]
    fn a_platform_without_a_worker_is_refused_with_the_name_of_the_file_to_add() {
        let failure = source(&[62]).narrowed(&[Machine::Arm64], None).unwrap_err();
        assert!(failure.to_string().contains("dlt-worker-arm64"), "{failure}");
        assert_eq!(source(&[62, 183]).narrowed(&[Machine::X86_64], None).unwrap(), source(&[62]));
    }

    #[test]
    fn two_workers_for_the_same_processors_are_one_too_many() {
        let files = ["a", "b"].map(|name| (name.to_owned(), executable(62, LIST)));
        assert!(WorkerSource::new(files.to_vec(), Vec::new()).unwrap_err().to_string().contains("`b`"));
    }
}
