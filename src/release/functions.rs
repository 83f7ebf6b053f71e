//! What Lambda gets: a zip with one executable, the same to the byte every time.

use std::io::{Cursor, Write};

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{machine::Machine, sha256};

/// Part of the address, so that another way of zipping is another thing.
const FORMAT: &[u8] = b"dlt functions zip 1";
/// Executable for everyone, writable by its owner.
const PERMISSIONS: u32 = 0o755;

/// The functions' binary and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Functions {
    binary: Vec<u8>,
    /// Where it lies in the artifact bucket; names its content.
    pub key: String,
}

impl Functions {
    /// The functions, given their executable.
    pub fn new(binary: Vec<u8>) -> Self {
        let key = format!("functions/{}.zip", sha256(&[FORMAT, &binary]));
        Self { binary, key }
    }

    /// The processors that the functions run on.
    pub fn machine(&self) -> Option<Machine> {
        Machine::of(&self.binary)
    }

    /// The zip: one entry `bootstrap`, with the oldest date that a zip can hold.
    pub fn zip(&self) -> std::io::Result<Vec<u8>> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(PERMISSIONS);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("bootstrap", options).map_err(std::io::Error::other)?;
        zip.write_all(&self.binary)?;
        Ok(zip.finish().map_err(std::io::Error::other)?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

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
        let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut entry = archive.by_name("bootstrap").unwrap();
        assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(PERMISSIONS));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"binary");
    }
}
