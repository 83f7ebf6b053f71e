//! Where the files of a release are: in a directory, or at the end of this very program.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// What a program ends with that carries a release: the length of the archive before it, and this.
const MARK: &[u8; 16] = b"dlt release  v1\n";
/// The longest archive that a program may carry.
const LONGEST_BYTES: u64 = 1 << 30;

/// A set of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// The end of a program: each file with where it begins and how long it is.
    Program {
        /// The program.
        path: PathBuf,
        /// Its files.
        files: BTreeMap<String, (u64, u64)>,
    },
}

impl Place {
    /// The files that a program carries, if it carries any.
    ///
    /// # Errors
    /// When the program cannot be read, or what it carries is damaged.
    pub fn in_program(path: &Path) -> io::Result<Option<Self>> {
        let mut program = File::open(path)?;
        let Some((start, length)) = archive(&mut program)? else { return Ok(None) };
        program.seek(SeekFrom::Start(start))?;
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new((&mut program).take(length));
        for entry in archive.entries()? {
            let entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            files.insert(name, (start + entry.raw_file_position(), entry.size()));
        }
        Ok(Some(Self::Program { path: path.to_owned(), files }))
    }

    /// What is in a file.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        match self {
            Self::Directory(directory) => std::fs::read(directory.join(name)),
            Self::Program { path, files } => {
                let (start, length) = files.get(name).ok_or(io::ErrorKind::NotFound)?;
                let mut program = File::open(path)?;
                program.seek(SeekFrom::Start(*start))?;
                let mut content = Vec::new();
                program.take(*length).read_to_end(&mut content)?;
                Ok(content)
            }
        }
    }

    /// True when a file of this name is there.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Directory(directory) => directory.join(name).is_file(),
            Self::Program { files, .. } => files.contains_key(name),
        }
    }

    /// Where a file lies by itself.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => Some(directory.join(name)),
            Self::Program { .. } => None,
        }
    }

    /// How a person finds a file.
    pub fn name_of(&self, name: &str) -> String {
        match self {
            Self::Directory(directory) => directory.join(name).display().to_string(),
            Self::Program { path, .. } => format!("{} (carried by {})", name, path.display()),
        }
    }
}

/// Where the archive at the end of a program begins, and how long it is.
fn archive(program: &mut File) -> io::Result<Option<(u64, u64)>> {
    let size = program.metadata()?.len();
    let footer_length = MARK.len() as u64 + 8;
    if size < footer_length {
        return Ok(None);
    }
    program.seek(SeekFrom::Start(size - footer_length))?;
    let (mut length, mut mark) = ([0; 8], [0; 16]);
    program.read_exact(&mut length)?;
    program.read_exact(&mut mark)?;
    if mark != *MARK {
        return Ok(None);
    }
    let length = u64::from_le_bytes(length);
    let start = (size - footer_length).checked_sub(length).filter(|_| length <= LONGEST_BYTES);
    start.map(|start| Some((start, length))).ok_or_else(|| io::Error::other("the release at its end is damaged"))
}

/// A program without what it carries.
///
/// # Errors
/// When it cannot be read.
pub fn bare(path: &Path) -> io::Result<Vec<u8>> {
    let mut program = File::open(path)?;
    let length = match archive(&mut program)? {
        Some((start, _)) => start,
        None => program.metadata()?.len(),
    };
    program.seek(SeekFrom::Start(0))?;
    let mut content = Vec::new();
    program.take(length).read_to_end(&mut content)?;
    Ok(content)
}

/// A program that carries an archive.
pub fn carrying(mut program: Vec<u8>, archive: &[u8]) -> Vec<u8> {
    program.extend_from_slice(archive);
    program.extend_from_slice(&(archive.len() as u64).to_le_bytes());
    program.extend_from_slice(MARK);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_carries_files_and_can_be_had_without_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dlt");
        std::fs::write(&path, b"a program").unwrap();
        assert_eq!(Place::in_program(&path).unwrap(), None);
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("release.json", "{}"), ("image/oci-layout", "layout")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        std::fs::write(&path, carrying(b"a program".to_vec(), &tar.into_inner().unwrap())).unwrap();
        let place = Place::in_program(&path).unwrap().unwrap();
        assert_eq!(place.read("image/oci-layout").unwrap(), b"layout");
        assert!(place.has("release.json") && !place.has("functions.zip"));
        assert!(place.read("functions.zip").is_err());
        assert_eq!(bare(&path).unwrap(), b"a program");
    }

    #[test]
    fn a_damaged_end_is_told_and_not_taken_for_no_release() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dlt");
        let mut program = carrying(b"a program".to_vec(), b"archive");
        program.splice(..5, []);
        program.splice(5..8, []);
        std::fs::write(&path, &program).unwrap();
        assert!(Place::in_program(&path).is_err());
    }
}
