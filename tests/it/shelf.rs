//! A registry of the tests' own as a process: it fails as it is told, and remembers every byte when it is killed.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{eventually, free_port, python, root};

const PATIENCE: Duration = Duration::from_secs(60);

/// A registry that ends with this value.
pub struct Shelf {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

/// What was kept of one upload in one go: from where on, and how much.
pub type Piece = (u64, u64);

impl Shelf {
    /// `faults` are the flags of `shelf.py`.
    pub fn start(faults: &[&str]) -> Self {
        let mut shelf = Self { folder: tempfile::tempdir().expect("a folder"), port: free_port(), process: None };
        shelf.serve(faults);
        shelf
    }

    /// Starts it, or starts it again over the same files.
    pub fn serve(&mut self, faults: &[&str]) {
        let child = Command::new(python("bin/python"))
            .arg(root().join("tests/it/shelf.py"))
            .arg(self.port.to_string())
            .arg(self.folder.path())
            .args(faults)
            .stdin(Stdio::null())
            .spawn()
            .expect("python starts");
        self.process = Some(child);
        eventually("the registry answers", PATIENCE, || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().and_then(|()| child.wait()).expect("it ran");
        }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until it stands still in the middle of an upload.
    pub fn stalls(&self) {
        eventually("the upload comes to where the registry stands still", PATIENCE, || {
            self.path().join("stalled").exists().then_some(())
        });
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// How many tokens it gave out.
    pub fn tokens(&self) -> usize {
        self.log().lines().filter(|line| *line == "token").count()
    }

    /// The pieces of the upload that came in most of them, in the order of time, without those that brought nothing.
    pub fn pieces(&self) -> Vec<Piece> {
        let log = self.log();
        let mut uploads: std::collections::BTreeMap<&str, Vec<Piece>> = std::collections::BTreeMap::new();
        for line in log.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if let [upload, from, length] = words[..] {
                let piece: Piece = (from.parse().expect("a number"), length.parse().expect("a number"));
                uploads.entry(upload).or_default().extend((piece.1 > 0).then_some(piece));
            }
        }
        uploads.into_values().max_by_key(Vec::len).unwrap_or_default()
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.kill();
    }
}
