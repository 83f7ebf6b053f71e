//! A body as it arrives: counted and thrown away, unless somebody looks at it.

use super::inflate::MAX_BODY_BYTES_KEPT;
use crate::Fault;

/// How much room is made for a body before its first byte has come, whatever its head promises.
const ROOM_BYTES: usize = 64 * 1024;

/// What is kept of a body.
#[derive(Debug, Default)]
pub struct Body {
    is_wanted: bool,
    bytes: Vec<u8>,
}

impl Body {
    /// Forgets the last body and keeps the next one, or does not.
    pub fn begin(&mut self, is_wanted: bool) {
        self.is_wanted = is_wanted;
        self.bytes.clear();
    }

    /// The head said how long it will be.
    pub fn expect(&mut self, length: u64) -> Result<(), Fault> {
        if !self.is_wanted {
            return Ok(());
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_BODY_BYTES_KEPT {
            return Err(Fault::BodyTooLarge);
        }
        self.bytes.reserve(length.min(ROOM_BYTES));
        Ok(())
    }

    /// Takes the next bytes.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if !self.is_wanted {
            return Ok(());
        }
        if self.bytes.len() + bytes.len() > MAX_BODY_BYTES_KEPT {
            return Err(Fault::BodyTooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// What was kept.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
