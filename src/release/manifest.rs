//! `release.json`: everything that is shipped together, each thing with the digest of its content.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Console, Functions, Machine, Place, Release, WorkerSource, content::sha256_of, image::layout, source::Origin,
};
use crate::{exit::Exit, failure::Failure, render};

/// The file's name.
pub const FILE: &str = "release.json";
/// Another meaning of the file is another number.
const FORMAT: u32 = 1;
/// Where things are in a release.
const FUNCTIONS: &str = "functions.zip";
/// See [`FUNCTIONS`].
const IMAGE: &str = "image";
/// See [`FUNCTIONS`].
const CONSOLE: &str = "console";
/// See [`FUNCTIONS`].
const TEMPLATES: &str = "templates";
/// The program itself.
pub const PROGRAM: &str = "dlt";

/// What is in `release.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// How to read the rest.
    pub format: u32,
    /// The version of the program that made it.
    pub dlt: String,
    /// What runs in Lambda.
    pub functions: FunctionsEntry,
    /// What runs in ECS.
    pub worker_image: ImageEntry,
    /// The console.
    pub console: FilesEntry,
    /// The templates that this belongs to.
    pub templates: FilesEntry,
    /// The program, without the release that it carries.
    pub program: FileEntry,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Below the release's directory.
    pub file: String,
    /// Of its content.
    pub sha256: String,
    /// How long it is.
    pub bytes: u64,
}

/// The functions' zip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionsEntry {
    /// The zip.
    #[serde(flatten)]
    pub file: FileEntry,
    /// Where it goes in an artifact bucket.
    pub key: String,
}

/// The worker image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEntry {
    /// An OCI image layout, below the release's directory.
    pub directory: String,
    /// The tag that it is pushed under.
    pub tag: String,
    /// What a task definition names.
    pub digest: String,
    /// Such as `linux/amd64`.
    pub platforms: Vec<String>,
    /// All layers and documents together.
    pub bytes: u64,
}

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesEntry {
    /// Below the release's directory.
    pub directory: String,
    /// Where it goes in an artifact bucket, where it goes into one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prefix: Option<String>,
    /// SHA-256 by path.
    pub files: BTreeMap<String, String>,
}

/// A release as files, each with its permissions, sorted by their paths; and what `release.json` says.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The manifest.
    pub manifest: Manifest,
    /// Everything but the program.
    pub files: Vec<(String, Bytes)>,
}

/// Makes the files of a release. `program` is what ships as the command.
///
/// # Errors
/// When something cannot be packed.
pub fn pack(release: &Release, program: &[u8]) -> Result<Packed, Failure> {
    let failed = |what: &'static str| {
        move |error: std::io::Error| Failure::from_error(Exit::Internal, format!("failed to pack the {what}"), &error)
    };
    let zip = release.functions.zip().map_err(failed("functions"))?;
    let image = release.worker.image()?;
    let mut files: Vec<(String, Bytes)> = Vec::new();
    let console = release.console.files.iter().map(|it| (it.path.clone(), Bytes::from(it.content.clone()))).collect();
    let console = add(&mut files, CONSOLE, Some(release.console.prefix.clone()), console);
    let templates = add(&mut files, TEMPLATES, None, templates());
    let layout = layout::files(&image, &release.worker.tag).map_err(failed("worker image"))?;
    files.extend(layout.into_iter().map(|(path, content)| (format!("{IMAGE}/{path}"), content)));
    let manifest = Manifest {
        format: FORMAT,
        dlt: env!("CARGO_PKG_VERSION").to_owned(),
        functions: FunctionsEntry { file: entry(FUNCTIONS, &zip), key: release.functions.key.clone() },
        worker_image: ImageEntry {
            directory: IMAGE.to_owned(),
            tag: release.worker.tag.clone(),
            digest: image.digest().to_owned(),
            platforms: image.machines.iter().map(|machine| machine.platform()).collect(),
            bytes: image.size(),
        },
        console,
        templates,
        program: entry(PROGRAM, program),
    };
    files.push((FUNCTIONS.to_owned(), zip.into()));
    let text = serde_json::to_string_pretty(&manifest).expect("a manifest has text keys and plain values");
    files.push((FILE.to_owned(), Bytes::from(text + "\n")));
    files.sort();
    Ok(Packed { manifest, files })
}

fn entry(file: &str, content: &[u8]) -> FileEntry {
    FileEntry { file: file.to_owned(), sha256: sha256_of(content), bytes: content.len() as u64 }
}

fn add(
    files: &mut Vec<(String, Bytes)>,
    directory: &str,
    prefix: Option<String>,
    content: Vec<(String, Bytes)>,
) -> FilesEntry {
    let digests = content.iter().map(|(path, bytes)| (path.clone(), sha256_of(bytes))).collect();
    files.extend(content.into_iter().map(|(path, bytes)| (format!("{directory}/{path}"), bytes)));
    FilesEntry { directory: directory.to_owned(), prefix, files: digests }
}

/// The templates that this program renders.
fn templates() -> Vec<(String, Bytes)> {
    let bare = |path: &str| path.trim_start_matches("templates/").to_owned();
    render::sources().iter().map(|(path, text)| (bare(path), Bytes::from(*text))).collect()
}

/// Reads a release that has a `release.json`. Everything in it has been seen to be what the manifest says.
///
/// # Errors
/// Names the file that is missing or is not what the manifest says, or says that the release belongs to another program.
pub fn unpack(place: &Place) -> Result<Release, Failure> {
    let reader = Reader { place };
    let text = reader.read(FILE)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| reader.wrong(FILE, &error.to_string()))?;
    if manifest.format != FORMAT {
        return Err(
            reader.wrong(FILE, &format!("it has the format {}, and this program reads {FORMAT}", manifest.format))
        );
    }
    let ours: BTreeMap<String, String> =
        templates().iter().map(|(path, text)| (path.clone(), sha256_of(text))).collect();
    if manifest.templates.files != ours {
        let message = format!("the release of dlt {} belongs to other templates than this program has", manifest.dlt);
        return Err(Failure::new(Exit::Invalid, message)
            .hint(format!("run the program of that release: `{}`", place.name_of(PROGRAM))));
    }
    let zip = reader.checked(&manifest.functions.file.file, &manifest.functions.file.sha256)?;
    let functions = Functions::zipped(zip).map_err(|error| reader.wrong(FUNCTIONS, &error.to_string()))?;
    let (tag, image) = layout::read(place, &manifest.worker_image.directory)?;
    if image.digest() != manifest.worker_image.digest || tag != manifest.worker_image.tag {
        return Err(reader.wrong(IMAGE, "it is another image than the manifest names"));
    }
    let console = manifest.console.files.iter().map(|(path, sha256)| {
        Ok((path.clone(), reader.checked(&format!("{}/{path}", manifest.console.directory), sha256)?))
    });
    let console = Console::of(console.collect::<Result<_, Failure>>()?);
    let origin = Origin::Packed { place: place.clone(), sha256: sha256_of(&text) };
    Ok(Release { functions, worker: WorkerSource::ready(tag, image), console, origin })
}

struct Reader<'a> {
    place: &'a Place,
}

impl Reader<'_> {
    fn wrong(&self, file: &str, why: &str) -> Failure {
        let message = format!("`{}` of the release cannot be used: {why}", self.place.name_of(file));
        Failure::new(Exit::Invalid, message).hint("make the release anew: `dlt release`")
    }

    fn read(&self, file: &str) -> Result<Vec<u8>, Failure> {
        self.place.read(file).map_err(|error| self.wrong(file, &error.to_string()))
    }

    fn checked(&self, file: &str, sha256: &str) -> Result<Vec<u8>, Failure> {
        let content = self.read(file)?;
        if sha256_of(&content) == sha256 {
            return Ok(content);
        }
        Err(self.wrong(file, "its content is not what the manifest says"))
    }
}

impl Machine {
    /// Its name as a platform.
    pub fn platform(self) -> String {
        format!("linux/{}", self.in_images())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::image::tests::source, *};

    pub fn release(console: &str) -> Release {
        Release {
            functions: Functions::new(b"functions".to_vec()),
            worker: source(&[62, 183]),
            console: Console::of(vec![("index.html".to_owned(), console.into())]),
            origin: Origin::Parts,
        }
    }

    fn written(packed: &Packed) -> (tempfile::TempDir, Place) {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in &packed.files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let place = Place::Directory(directory.path().to_owned());
        (directory, place)
    }

    #[test]
    fn the_same_release_is_packed_the_same_and_is_read_back() {
        let packed = pack(&release("<p>"), b"dlt").unwrap();
        assert_eq!(packed.files, pack(&release("<p>"), b"dlt").unwrap().files);
        let (_directory, place) = written(&packed);
        let (read, made) = (unpack(&place).unwrap(), release("<p>"));
        assert_eq!(
            (&read.console, &read.functions.key, &read.worker.tag),
            (&made.console, &made.functions.key, &made.worker.tag)
        );
        assert_eq!(read.worker.image().unwrap().digest(), made.worker.image().unwrap().digest());
        assert_eq!(packed.manifest.worker_image.platforms, ["linux/amd64", "linux/arm64"]);
    }

    #[test]
    fn another_page_changes_the_console_and_nothing_else() {
        let (one, two) =
            (pack(&release("<p>"), b"dlt").unwrap().manifest, pack(&release("<b>"), b"dlt").unwrap().manifest);
        assert_ne!(one.console, two.console);
        assert_eq!(Manifest { console: one.console.clone(), ..two }, one);
    }

    #[test]
    fn whatever_was_changed_since_is_named() {
        let packed = pack(&release("<p>"), b"dlt").unwrap();
        for (path, named) in [
            ("functions.zip", "functions.zip"),
            ("console/index.html", "index.html"),
            ("image/index.json", "index.json"),
        ] {
            let (directory, place) = written(&packed);
            std::fs::write(directory.path().join(path), "{}").unwrap();
            let failure = unpack(&place).unwrap_err();
            assert!(failure.to_string().contains(named), "{path}: {failure}");
        }
    }

    #[test]
    fn a_release_of_another_program_names_the_program_to_run() {
        let mut packed = pack(&release("<p>"), b"dlt").unwrap();
        packed.manifest.templates.files.insert("main.yaml.j2".to_owned(), "0".to_owned());
        let (directory, place) = written(&packed);
        std::fs::write(directory.path().join(FILE), serde_json::to_string(&packed.manifest).unwrap()).unwrap();
        let failure = unpack(&place).unwrap_err();
        assert!(failure.to_string().contains("other templates") && failure.to_string().contains("/dlt`"), "{failure}");
    }
}
