//! What a worker's process leaves on disk, so that another `dlt` knows what became of it.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// One launched worker, in `processes/<worker>.json` of its run's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Marker {
    /// Its process.
    pub pid: u32,
    /// When that process began, in the kernel's own count, which tells it from a later one of the same number.
    pub began: Option<u64>,
    /// Where it counts as running.
    pub region: dlt_model::id::Region,
    /// How it ended, once it has.
    pub exit: Option<Exit>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exit {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// In words.
    pub reason: String,
}

impl Marker {
    /// Whether the process is still there, whoever its parent is now.
    pub fn is_alive(&self) -> bool {
        self.exit.is_none() && self.began.is_some() && began(self.pid) == self.began
    }

    /// Writes it whole or not at all.
    pub async fn write(&self, folder: &Path, worker: u32) -> io::Result<()> {
        let path = path(folder, worker);
        let draft = path.with_extension("draft");
        tokio::fs::create_dir_all(folder.join("processes")).await?;
        tokio::fs::write(&draft, serde_json::to_vec(self)?).await?;
        tokio::fs::rename(&draft, &path).await
    }

    /// The marker of one worker, if it was ever launched.
    pub async fn read(folder: &Path, worker: u32) -> io::Result<Option<Self>> {
        match tokio::fs::read(path(folder, worker)).await {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every worker of a run that was ever launched.
    pub async fn read_all(folder: &Path) -> io::Result<Vec<(u32, Self)>> {
        let mut files = match tokio::fs::read_dir(folder.join("processes")).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let mut markers = Vec::new();
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name();
            let Some(worker) = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok()) else {
                continue;
            };
            if let Some(marker) = Self::read(folder, worker).await? {
                markers.push((worker, marker));
            }
        }
        markers.sort_by_key(|(worker, _)| *worker);
        Ok(markers)
    }
}

fn path(folder: &Path, worker: u32) -> PathBuf {
    folder.join("processes").join(format!("{worker}.json"))
}

/// When a process began; `None` if there is none, or the system does not say. A zombie is none.
pub(crate) fn began(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything; the third follows the last of them.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_is_alive_and_one_that_began_at_another_time_is_not() {
        let pid = std::process::id();
        let region = dlt_model::id::Region::local();
        let marker = Marker { pid, began: began(pid), region, exit: None };
        assert!(marker.is_alive());
        assert!(!Marker { began: Some(1), ..marker.clone() }.is_alive());
        let exit = Some(Exit { code: Some(0), reason: "exited".to_owned() });
        assert!(!Marker { exit, ..marker }.is_alive());
    }
}
