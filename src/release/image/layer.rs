//! A layer: files without an owner's name or a date, so that the same files are the same bytes.

use std::{collections::BTreeSet, io::Write};

use flate2::{Compression, GzBuilder};

use crate::release::content::{Blob, digest_of};

/// A file of a layer: its path without a leading slash, its permissions, and what is in it.
pub type LayerFile<'a> = (&'a str, u32, &'a [u8]);

/// A layer as it is shipped, and as it is named once unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The compressed archive.
    pub blob: Blob,
    /// The digest of the archive before it was compressed.
    pub diff_id: String,
}

impl Layer {
    /// A layer with files in the given order, and the directories that they stand in before them.
    ///
    /// # Errors
    /// When a path is longer than an archive can hold.
    pub fn new(files: &[LayerFile<'_>]) -> std::io::Result<Self> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut directories = BTreeSet::new();
        for (path, mode, content) in files {
            for directory in directories_of(path).filter(|directory| directories.insert(directory.clone())) {
                let mut header = header(tar::EntryType::Directory, 0o755, 0);
                tar.append_data(&mut header, directory, std::io::empty())?;
            }
            let mut header = header(tar::EntryType::Regular, *mode, content.len() as u64);
            tar.append_data(&mut header, path, *content)?;
        }
        let tar = tar.into_inner()?;
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        gzip.write_all(&tar)?;
        Ok(Self { diff_id: digest_of(&tar), blob: Blob::new(gzip.finish()?) })
    }
}

fn directories_of(path: &str) -> impl Iterator<Item = String> {
    path.match_indices('/').map(|(end, _)| path[..=end].to_owned())
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_once_and_before_what_is_in_them() {
        let layer = Layer::new(&[("a/b/one", 0o644, b"1"), ("a/b/two", 0o755, b"2")]).unwrap();
        let packed = layer.blob.read().unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&*packed));
        let listed: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap())
            })
            .collect();
        let expected = [("a/", 0o755), ("a/b/", 0o755), ("a/b/one", 0o644), ("a/b/two", 0o755)];
        assert_eq!(listed, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }
}
