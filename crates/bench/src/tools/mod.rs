//! Everybody who can make load: our worker, and the peers that are installed.

mod peers;
pub mod worker;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub use self::worker::Checks;
use crate::{build, task::Task};

/// Who makes the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    Worker(Checks),
    Wrk,
    Wrk2,
    H2load,
    Ab,
    Hey,
    Oha,
    K6,
    Goose,
    Locust,
    Taurus,
}

/// Where a program is, if it is installed.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

impl Tool {
    pub const ALL: [Self; 12] = [
        Self::Worker(Checks::Status),
        Self::Worker(Checks::Body),
        Self::Wrk,
        Self::Wrk2,
        Self::H2load,
        Self::Ab,
        Self::Hey,
        Self::Oha,
        Self::K6,
        Self::Goose,
        Self::Locust,
        Self::Taurus,
    ];

    /// As `--tools` and the tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Worker(Checks::Status) => "dlt",
            Self::Worker(Checks::Body) => "dlt-body",
            Self::Wrk => "wrk",
            Self::Wrk2 => "wrk2",
            Self::H2load => "h2load",
            Self::Ab => "ab",
            Self::Hey => "hey",
            Self::Oha => "oha",
            Self::K6 => "k6",
            Self::Goose => "goose",
            Self::Locust => "locust",
            Self::Taurus => "taurus",
        }
    }

    /// Where its program is, or how it would come here.
    ///
    /// # Errors
    /// The command that installs it.
    pub fn find(self, root: &Path, worker: &Path) -> Result<PathBuf, &'static str> {
        let (program, folder, cure) = match self {
            Self::Worker(_) => return Ok(worker.to_owned()),
            Self::Wrk => ("wrk", None, "apt-get install wrk"),
            Self::Wrk2 => ("wrk2", None, "build github.com/giltene/wrk2 and put it in the PATH as wrk2"),
            Self::H2load => ("h2load", None, "apt-get install nghttp2-client"),
            Self::Ab => ("ab", None, "apt-get install apache2-utils"),
            Self::Hey => ("hey", None, "apt-get install hey"),
            Self::Oha => ("oha", None, "cargo install oha --locked"),
            Self::K6 => ("k6", None, "put k6 in the PATH"),
            Self::Goose => (build::GOOSE, Some(build::PEERS), "name it in --tools, and it is built"),
            Self::Locust => (
                "locust",
                Some(".venv/locust/bin"),
                "python3 -m venv .venv/locust && .venv/locust/bin/pip install locust",
            ),
            Self::Taurus => ("bzt", Some(".venv/taurus/bin"), "crates/bench/peers/taurus/setup"),
        };
        let own = folder.map(|folder| root.join(folder).join(program)).filter(|path| path.is_file());
        own.or_else(|| on_path(program)).ok_or(cure)
    }

    /// The most users that it can have without taking the machine down.
    pub fn most_users(self) -> u64 {
        match self {
            Self::Locust | Self::Taurus => 1_000,
            Self::K6 => 5_000,
            _ => u64::MAX,
        }
    }

    /// Who starts slowly needs longer to be seen at work.
    pub fn least_secs(self) -> u64 {
        match self {
            Self::Locust => 5,
            Self::Taurus => 20,
            _ => 1,
        }
    }

    /// The command that does the task, its files in the folder; `None` when the tool cannot do it.
    pub fn command(self, program: &Path, task: &Task, url: &str, folder: &Path, threads: usize) -> Option<Command> {
        match self {
            Self::Worker(checks) => Some(worker::command(program, checks, task, url, folder)),
            peer => peers::command(peer, program, task, url, folder, threads),
        }
    }
}
