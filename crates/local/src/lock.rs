//! One system per data folder: two would each believe that the other's workers were lost.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
};

/// The right to use a data folder, for as long as it is held. The operating system takes it back from the dead.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// The folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum InUse {
    /// Another system uses it.
    #[error("the data folder `{0}` is in use by another `dlt`; stop that one, or use another folder")]
    Held(String),
    /// It cannot be locked at all.
    #[error("failed to lock the data folder `{0}`: {1}")]
    Failed(String, #[source] io::Error),
}

impl DataLock {
    /// Takes the folder, which must exist.
    ///
    /// # Errors
    /// When another system holds it, or the file system refuses.
    pub fn take(folder: &Path) -> Result<Self, InUse> {
        let name = || folder.display().to_string();
        let path = folder.join("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = open.map_err(|error| InUse::Failed(name(), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(InUse::Held(name())),
            Err(TryLockError::Error(error)) => Err(InUse::Failed(name(), error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_system_until_that_lets_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = DataLock::take(folder.path()).expect("it is free");
        assert!(matches!(DataLock::take(folder.path()), Err(InUse::Held(_))));
        drop(first);
        DataLock::take(folder.path()).expect("it is free again");
    }
}
