//! The reports on disk: one folder, one file for each reader.

use std::path::{Path, PathBuf};

use super::{html, json, junit, markdown};
use crate::{exit::Exit, failure::Failure, gate::conclusion::Conclusion};

/// What a CI's test report reads.
pub const JUNIT: &str = "junit.xml";
/// What programs read.
pub const JSON: &str = "gate.json";
/// What a pull request shows.
pub const MARKDOWN: &str = "gate.md";
/// What a browser shows.
pub const HTML: &str = "report.html";

/// A folder that reports can be written to; made before the run, so that no run is lost to a folder that cannot be.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, and takes an earlier run's reports out of it: they must not be taken for this one's.
    ///
    /// # Errors
    /// When it cannot be made or written to.
    pub fn prepare(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| {
            let failure =
                Failure::from_error(Exit::Usage, format!("failed to prepare the folder `{}`", path.display()), error);
            failure.hint("say where reports may be written with `--reports DIR`")
        };
        std::fs::create_dir_all(path).map_err(|error| failed(&error))?;
        let folder = Self(path.canonicalize().map_err(|error| failed(&error))?);
        for name in [JUNIT, JSON, MARKDOWN, HTML] {
            match std::fs::remove_file(folder.0.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
                _ => {}
            }
        }
        Ok(folder)
    }

    /// Where the page will be, as a link.
    pub fn page_link(&self) -> String {
        let page = self.0.join(HTML);
        url::Url::from_file_path(&page).map_or_else(|()| page.display().to_string(), |url| url.to_string())
    }

    /// Writes all of them.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write(&self, conclusion: &Conclusion) -> Result<(), Failure> {
        let fault = |error: &(dyn std::error::Error + 'static)| {
            Failure::from_error(Exit::Internal, "failed to write the report", error)
        };
        let junit = junit::junit(conclusion).map_err(|error| fault(&error))?;
        let page = html::html(conclusion).map_err(|error| fault(&error))?;
        let json = format!("{:#}\n", json::json(conclusion));
        for (name, text) in [(JUNIT, junit), (JSON, json), (MARKDOWN, markdown::markdown(conclusion)), (HTML, page)] {
            let path = self.0.join(name);
            std::fs::write(&path, text).map_err(|error| {
                Failure::from_error(Exit::Internal, format!("failed to write `{}`", path.display()), &error)
            })?;
        }
        Ok(())
    }
}
