//! What Lambda gets: a zip with one executable, the same to the byte every time.

use std::io::{Cursor, Read, Write};

use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{content::name_of, machine::Machine};

/// Part of the address, so that another way of zipping is another thing.
const FORMAT: &[u8] = b"dlt functions zip 2";
/// Executable for everyone, writable by its owner.
const PERMISSIONS: u32 = 0o755;
/// The only entry: what Lambda starts.
const ENTRY: &str = "bootstrap";

/// The functions' executable, zipped or still to be, and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Functions {
    content: Content,
    machine: Option<Machine>,
    /// Where it lies in the artifact bucket; names its content.
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Executable(Vec<u8>),
    Zip(Vec<u8>),
}

impl Functions {
    /// The functions, given their executable.
    pub fn new(executable: Vec<u8>) -> Self {
        let key = key(&executable);
        Self { machine: Machine::of(&executable), key, content: Content::Executable(executable) }
    }

    /// The functions, zipped before.
    ///
    /// # Errors
    /// When this is no zip with an executable in it.
    pub fn zipped(zip: Vec<u8>) -> std::io::Result<Self> {
        let mut executable = Vec::new();
        let mut archive = ZipArchive::new(Cursor::new(&zip)).map_err(std::io::Error::other)?;
        archive.by_name(ENTRY).map_err(std::io::Error::other)?.read_to_end(&mut executable)?;
        Ok(Self { machine: Machine::of(&executable), key: key(&executable), content: Content::Zip(zip) })
    }

    /// The processors that the functions run on.
    pub fn machine(&self) -> Option<Machine> {
        self.machine
    }

    /// The zip: one entry `bootstrap`, with the oldest date that a zip can hold.
    pub fn zip(&self) -> std::io::Result<Vec<u8>> {
        let executable = match &self.content {
            Content::Zip(zip) => return Ok(zip.clone()),
            Content::Executable(executable) => executable,
        };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::default())
            .unix_permissions(PERMISSIONS);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(ENTRY, options).map_err(std::io::Error::other)?;
        zip.write_all(executable)?;
        Ok(zip.finish().map_err(std::io::Error::other)?.into_inner())
    }
}

fn key(executable: &[u8]) -> String {
    format!("functions/{}.zip", name_of(&[FORMAT, executable]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_binary_gives_the_same_zip_and_another_one_another_key() {
        let functions = Functions::new(b"binary".to_vec());
        assert_eq!(functions.zip().unwrap(), Functions::new(b"binary".to_vec()).zip().unwrap());
        assert_ne!(functions.key, Functions::new(b"other".to_vec()).key);
    }

    #[test]
    fn the_zip_holds_an_executable_named_bootstrap() {
        let zip = Functions::new(b"binary".to_vec()).zip().unwrap();
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut entry = archive.by_name("bootstrap").unwrap();
        assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(PERMISSIONS));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"binary");
    }

    #[test]
    fn a_zip_that_was_made_before_has_the_same_key() {
        let functions = Functions::new(b"binary".to_vec());
        let zipped = Functions::zipped(functions.zip().unwrap()).unwrap();
        assert_eq!((&zipped.key, zipped.zip().unwrap()), (&functions.key, functions.zip().unwrap()));
        assert!(Functions::zipped(b"no zip".to_vec()).is_err());
    }
}
