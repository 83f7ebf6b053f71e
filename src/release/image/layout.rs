//! An image as files: the OCI image layout, which skopeo, podman and others read.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    spec::{self, Document, INDEX, MANIFEST},
    worker::Image,
};
use crate::{
    exit::Exit,
    failure::Failure,
    release::{
        content::{Blob, digest_of, is_digest},
        machine::Machine,
        place::Place,
    },
};

/// What says that a directory is a layout.
const MARK: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
/// The annotation that a tag stands in.
const TAG: &str = "org.opencontainers.image.ref.name";

/// The files of a layout, sorted by their paths.
///
/// # Errors
/// When a blob that lies in a file cannot be read.
pub fn files(image: &Image, tag: &str) -> std::io::Result<Vec<(String, Bytes)>> {
    let mut files = vec![
        ("index.json".to_owned(), Bytes::from(index(image, tag).content)),
        ("oci-layout".to_owned(), Bytes::from(MARK)),
    ];
    for blob in &image.blobs {
        files.push((path_of(&blob.digest), blob.read()?));
    }
    let documents = image.documents.iter().map(|it| (path_of(&it.digest), Bytes::from(it.content.clone())));
    files.extend(documents);
    files.sort();
    Ok(files)
}

fn path_of(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

fn index(image: &Image, tag: &str) -> Document {
    let mut root = image.root().descriptor();
    root["annotations"] = json!({ TAG: tag });
    let attached = image.documents.iter().filter(|document| document.subject().is_some()).map(Document::descriptor);
    spec::index(&[root].into_iter().chain(attached).collect::<Vec<_>>(), None)
}

/// Reads the layout in a directory of a release, and answers its tag and the image. Everything in it has been seen to be
/// what its name says.
///
/// # Errors
/// Names the file that is missing or is not what its name says.
pub fn read(place: &Place, directory: &str) -> Result<(String, Image), Failure> {
    let reader = Reader { place, directory };
    let index = reader.json("index.json")?;
    let entries = index["manifests"].as_array().cloned().unwrap_or_default();
    let root = entries.iter().find(|entry| entry["annotations"][TAG].is_string());
    let root = root.ok_or_else(|| reader.wrong("index.json", "it names no image with a tag"))?;
    let tag = root["annotations"][TAG].as_str().unwrap_or_default().to_owned();
    let root = reader.document(root)?;
    let mut image = Image { blobs: Vec::new(), documents: Vec::new(), machines: Vec::new() };
    let manifests = match root.value()["manifests"].as_array() {
        Some(entries) => entries.iter().map(|entry| reader.document(entry)).collect::<Result<_, _>>()?,
        None => vec![root.clone()],
    };
    let attached = entries.iter().filter(|entry| entry.get("artifactType").is_some());
    let attached: Vec<Document> = attached.map(|entry| reader.document(entry)).collect::<Result<_, _>>()?;
    for document in manifests.iter().chain(&attached) {
        reader.blobs(document, &mut image)?;
    }
    image.documents.extend(manifests.into_iter().filter(|it| it.digest != root.digest).chain(attached));
    image.documents.push(root);
    Ok((tag, image))
}

struct Reader<'a> {
    place: &'a Place,
    directory: &'a str,
}

impl Reader<'_> {
    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.directory)
    }

    fn wrong(&self, file: &str, why: &str) -> Failure {
        let message = format!("`{}` of the release cannot be used: {why}", self.path(file));
        Failure::new(Exit::Invalid, message).hint("make the release anew: `dlt release`")
    }

    fn bytes(&self, file: &str) -> Result<Vec<u8>, Failure> {
        self.place.read(&self.path(file)).map_err(|error| self.wrong(file, &error.to_string()))
    }

    fn json(&self, file: &str) -> Result<Value, Failure> {
        serde_json::from_slice(&self.bytes(file)?).map_err(|error| self.wrong(file, &error.to_string()))
    }

    fn content(&self, descriptor: &Value) -> Result<(String, Vec<u8>), Failure> {
        let digest = descriptor["digest"].as_str().filter(|digest| is_digest(digest));
        let digest = digest.ok_or_else(|| self.wrong("index.json", "a part of the image has no digest"))?;
        let (path, content) = (path_of(digest), self.bytes(&path_of(digest))?);
        if digest_of(&content) != digest {
            return Err(self.wrong(&path, "its content is not what its name says"));
        }
        Ok((digest.to_owned(), content))
    }

    fn document(&self, descriptor: &Value) -> Result<Document, Failure> {
        let (_, content) = self.content(descriptor)?;
        let media_type = descriptor["mediaType"].as_str().filter(|kind| [MANIFEST, INDEX].contains(kind));
        let media_type = media_type.ok_or_else(|| self.wrong("index.json", "it names something that is no image"))?;
        Ok(Document::new(media_type, content))
    }

    fn blobs(&self, document: &Document, image: &mut Image) -> Result<(), Failure> {
        let value = document.value();
        let layers = value["layers"].as_array().cloned().unwrap_or_default();
        for descriptor in value.get("config").into_iter().chain(&layers) {
            let (digest, content) = self.content(descriptor)?;
            if Some(descriptor) == value.get("config") && value.get("subject").is_none() {
                let config: Value = serde_json::from_slice(&content).unwrap_or_default();
                image.machines.extend(config["architecture"].as_str().and_then(Machine::from_images));
            }
            if image.blobs.iter().all(|known| known.digest != digest) {
                image.blobs.push(match self.place.file(&self.path(&path_of(&digest))) {
                    Some(file) => Blob::in_file(file, digest, content.len() as u64),
                    None => Blob::new(content),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::worker::tests::source, *};

    fn written(machines: &[u16]) -> (tempfile::TempDir, Place, Image, String) {
        let directory = tempfile::tempdir().unwrap();
        let (image, tag) = (source(machines).image().unwrap(), source(machines).tag);
        for (path, content) in files(&image, &tag).unwrap() {
            let path = directory.path().join("image").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let place = Place::Directory(directory.path().to_owned());
        (directory, place, image, tag)
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for machines in [&[62][..], &[62, 183]] {
            let (_directory, place, image, tag) = written(machines);
            let (read_tag, found) = read(&place, "image").unwrap();
            assert_eq!((read_tag, found.machines.len(), found.digest()), (tag, machines.len(), image.digest()));
            assert_eq!(found.documents, image.documents);
            let digests = |image: &Image| {
                let mut digests: Vec<_> = image.blobs.iter().map(|it| (it.digest.clone(), it.size)).collect();
                digests.sort();
                digests
            };
            assert_eq!(digests(&found), digests(&image));
        }
    }

    #[test]
    fn a_damaged_or_missing_part_is_named() {
        let (directory, place, image, _) = written(&[62]);
        let path = directory.path().join("image").join(path_of(&image.blobs[1].digest));
        std::fs::write(&path, b"something else").unwrap();
        let failure = read(&place, "image").unwrap_err();
        assert!(failure.to_string().contains(&path_of(&image.blobs[1].digest)), "{failure}");
        std::fs::remove_file(&path).unwrap();
        assert!(read(&place, "image").is_err());
    }
}
