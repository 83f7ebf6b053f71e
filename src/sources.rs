//! The files beside a scenario: read from its folder and from nowhere else, wherever links lead.

use std::path::{Path, PathBuf};

use dlt_model::scenario::MAX_FILES_BYTES;

/// A scenario's folder.
#[derive(Debug)]
pub struct Beside(PathBuf);

impl Beside {
    /// The folder of a scenario file.
    pub fn of(scenario: &Path) -> Self {
        Self(scenario.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned())
    }

    /// A file of the folder, or what is wrong with it.
    ///
    /// # Errors
    /// A file that is not there, lies elsewhere, is none, or is too large.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("failed to read `{name}`: {error}");
        let folder = self.0.canonicalize().map_err(failed)?;
        let file = folder.join(name).canonicalize().map_err(failed)?;
        if !file.starts_with(&folder) {
            return Err(format!("`{name}` is a link out of the scenario's folder"));
        }
        let facts = file.metadata().map_err(failed)?;
        if !facts.is_file() {
            return Err(format!("`{name}` is not a file"));
        }
        if facts.len() > MAX_FILES_BYTES as u64 {
            return Err(format!("`{name}` is larger than {} MiB", MAX_FILES_BYTES / 1024 / 1024));
        }
        std::fs::read(file).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_are_read() {
        let outer = tempfile::tempdir().expect("a folder can be made");
        let inner = outer.path().join("scenarios");
        std::fs::create_dir(&inner).expect("the folder is ours");
        std::fs::write(outer.path().join("secret"), "x").expect("the folder is ours");
        std::fs::write(inner.join("users.csv"), "a\n1\n").expect("the folder is ours");
        std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("link")).expect("links are known here");
        let beside = Beside::of(&inner.join("shop.yaml"));
        assert_eq!(beside.read("users.csv"), Ok(b"a\n1\n".to_vec()));
        assert!(beside.read("link").expect_err("outside").contains("a link out of"));
        assert!(beside.read("../secret").expect_err("outside").contains("out of"));
        assert!(beside.read(".").expect_err("a folder").contains("is not a file"));
        assert!(beside.read("nowhere").expect_err("missing").contains("failed to read"));
    }
}
