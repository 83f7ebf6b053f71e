//! Content and the name that follows from it.

use std::{io::SeekFrom, path::PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// `sha256:…` of some bytes, as images name things.
pub fn digest_of(content: &[u8]) -> String {
    format!("sha256:{}", sha256_of(content))
}

/// The same in bare hexadecimal digits.
pub fn sha256_of(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// The name of several parts together. Lengths go into it, so that no part can pass for the end of another.
pub fn name_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// True for `sha256:` and 64 hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// A part of an image: in memory when we made it, in a file when it came from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:…`.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Memory(Bytes),
    File(PathBuf),
}

impl Blob {
    /// Bytes that are here.
    pub fn new(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self { digest: digest_of(&content), size: content.len() as u64, content: Content::Memory(content) }
    }

    /// Bytes that lie in a file and were seen to have this digest.
    pub fn in_file(path: PathBuf, digest: String, size: u64) -> Self {
        Self { digest, size, content: Content::File(path) }
    }

    /// Up to `length` bytes from a place on.
    ///
    /// # Errors
    /// When the file cannot be read or has become shorter.
    pub async fn piece(&self, from: u64, length: u64) -> std::io::Result<Bytes> {
        let length = length.min(self.size.saturating_sub(from));
        let as_index = |number: u64| usize::try_from(number).map_err(std::io::Error::other);
        match &self.content {
            Content::Memory(bytes) => Ok(bytes.slice(as_index(from)?..as_index(from + length)?)),
            Content::File(path) => {
                let mut file = tokio::fs::File::open(path).await?;
                file.seek(SeekFrom::Start(from)).await?;
                let mut piece = vec![0; as_index(length)?];
                file.read_exact(&mut piece).await?;
                Ok(piece.into())
            }
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> std::io::Result<Bytes> {
        match &self.content {
            Content::Memory(bytes) => Ok(bytes.clone()),
            Content::File(path) => std::fs::read(path).map(Bytes::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_shifted_into_one_another() {
        assert_ne!(name_of(&[b"ab", b"c"]), name_of(&[b"a", b"bc"]));
    }

    #[test]
    fn a_digest_is_lower_case_and_whole() {
        let good = digest_of(b"dlt");
        assert!(is_digest(&good));
        for bad in [&good[..70], &good.to_uppercase(), "sha256:", "latest"] {
            assert!(!is_digest(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_piece_of_a_file_is_the_piece_of_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blob");
        std::fs::write(&path, b"0123456789").unwrap();
        let memory = Blob::new(b"0123456789".to_vec());
        let file = Blob::in_file(path, memory.digest.clone(), 10);
        for (from, length, expected) in [(0, 4, "0123"), (8, 4, "89"), (10, 4, "")] {
            assert_eq!(memory.piece(from, length).await.unwrap(), expected);
            assert_eq!(file.piece(from, length).await.unwrap(), expected);
        }
    }
}
