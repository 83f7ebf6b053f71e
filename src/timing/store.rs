//! Where the past is kept: one small file in the state directory that nobody else reads.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{past::Past, samples::Sample};

/// The name of the file.
const FILE: &str = "durations.json";
/// Only the owner may enter or read.
const OWNER_ONLY: u32 = 0o700;
/// A file that is longer than this is not ours.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The folder of what this program remembers between commands: `$XDG_STATE_HOME/dlt`, else `~/.local/state/dlt`.
pub fn folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value: &OsString| Path::new(value).is_absolute());
    let state = of("XDG_STATE_HOME").map(PathBuf::from);
    state.or_else(|| Some(Path::new(&of("HOME")?).join(".local/state"))).map(|state| state.join("dlt"))
}

/// What was learned so far; nothing when there is no file, or none that can be read.
pub fn load() -> Past {
    folder().map(|folder| read(&folder.join(FILE))).unwrap_or_default()
}

fn read(path: &Path) -> Past {
    let short = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= MOST_BYTES);
    let text = if short { fs::read_to_string(path).ok() } else { None };
    text.map(|text| Past::read(&text)).unwrap_or_default()
}

/// Adds what was seen in an account. Of two commands that end in the same instant one may be forgotten.
///
/// # Errors
/// A folder that cannot be made or written.
pub fn add(account: &str, samples: &[Sample]) -> io::Result<()> {
    match folder() {
        Some(folder) if !samples.is_empty() => add_in(&folder, account, samples),
        _ => Ok(()),
    }
}

fn add_in(folder: &Path, account: &str, samples: &[Sample]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(folder)?;
    let path = folder.join(FILE);
    let mut past = read(&path);
    samples.iter().for_each(|sample| past.learn(account, sample));
    // A file of this kind is the owner's alone from its first byte, and takes the old one's place whole or not at all.
    let file = tempfile::NamedTempFile::new_in(folder)?;
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600))?;
    serde_json::to_writer(&file, &past)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::event::Operation;

    #[test]
    fn the_file_grows_with_every_command_and_is_the_owners_alone() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("a/dlt");
        let region = "eu-west-1".parse().unwrap();
        let sample = Sample { region, kind: "AWS::SNS::Topic".to_owned(), operation: Operation::Create, tenths: 40 };
        for _ in 0..5 {
            add_in(&folder, "1", std::slice::from_ref(&sample)).unwrap();
        }
        let span = read(&folder.join(FILE)).span("1", &sample.region, &sample.kind, sample.operation);
        assert_eq!(span.map(|span| span.p50_secs), Some(4.0));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_file_that_makes_no_sense_is_no_past_and_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "not JSON").unwrap();
        assert_eq!(read(&folder.path().join(FILE)), Past::default());
        assert_eq!(read(&folder.path().join("missing")), Past::default());
    }
}
