//! Where recordings are kept: a folder of this user alone, with a bound on how many and how much.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::recording::Recording;

/// How many recordings are kept; older ones go.
const MOST_RECORDINGS: usize = 200;
/// How much they may take together.
const MOST_BYTES: u64 = 128 * 1024 * 1024;
/// How recordings' files end.
const EXTENSION: &str = "jsonl";

/// The folder of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf(PathBuf);

impl Shelf {
    /// The folder of this user: below `XDG_STATE_HOME`, or below the home directory. Nothing where there is neither.
    pub fn of_user() -> Option<Self> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
        Some(Self::at(state.join("dlt/operations")))
    }

    /// A folder.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new file for a recording, which only this user can read. Makes room for it first.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn add(&self, began_ms: i64, id: &str) -> io::Result<File> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        // A folder that was there before may be open to others.
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700))?;
        self.make_room()?;
        let path = self.0.join(format!("{began_ms:013}-{id}.{EXTENSION}"));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    /// The files of all recordings, newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| is_recording(path)).collect();
        // The names begin with the instant.
        files.sort_by(|one, other| other.file_name().cmp(&one.file_name()));
        Ok(files)
    }

    /// All recordings, newest first. What is none is passed over.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn recordings(&self) -> io::Result<Vec<Recording>> {
        let read = |path: PathBuf| Recording::parse(&String::from_utf8_lossy(&fs::read(path).ok()?));
        Ok(self.files()?.into_iter().filter_map(read).collect())
    }

    fn make_room(&self) -> io::Result<()> {
        let mut bytes = 0;
        for (index, path) in self.files()?.into_iter().enumerate() {
            bytes += fs::metadata(&path).map_or(0, |it| it.len());
            if index + 1 >= MOST_RECORDINGS || bytes > MOST_BYTES {
                // Somebody else may have made room at the same time.
                drop(fs::remove_file(path));
            }
        }
        Ok(())
    }
}

fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

/// The one recording that a word means: its id, the beginning of one, or `last`.
///
/// # Errors
/// The ids that it could mean: none, or several.
pub fn pick(recordings: Vec<Recording>, word: &str) -> Result<Recording, Vec<String>> {
    let mut meant: Vec<Recording> = match word {
        "last" => recordings.into_iter().take(1).collect(),
        _ => recordings.into_iter().filter(|it| it.header.id.starts_with(word)).collect(),
    };
    match meant.len() {
        1 => Ok(meant.remove(0)),
        _ => Err(meant.into_iter().map(|it| it.header.id).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{super::recording::tests::header, *};

    fn write(shelf: &Shelf, began_ms: i64, id: &str) {
        let mut file = shelf.add(began_ms, id).unwrap();
        writeln!(file, "{}", serde_json::to_string(&header(id)).unwrap()).unwrap();
    }

    #[test]
    fn only_this_user_can_read_a_recording() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(folder.path().join("dlt/operations"));
        write(&shelf, 1, "aaa");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(shelf.path()), mode(&shelf.files().unwrap()[0])), (0o700, 0o600));
    }

    #[test]
    fn the_newest_comes_first_and_the_oldest_goes_when_there_are_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(folder.path().to_owned());
        assert!(shelf.recordings().unwrap().is_empty());
        for number in 0..MOST_RECORDINGS + 3 {
            write(&shelf, i64::try_from(number).unwrap(), &format!("id{number}"));
        }
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let kept = shelf.recordings().unwrap();
        assert_eq!(kept.len(), MOST_RECORDINGS);
        assert_eq!((kept[0].header.id.as_str(), kept.last().unwrap().header.id.as_str()), ("id202", "id3"));
        assert!(folder.path().join("notes.txt").exists(), "what is not ours stays");
    }

    #[test]
    fn an_operation_is_meant_by_its_id_by_the_beginning_of_it_or_as_the_last() {
        let all = || {
            let text = |id: &str| serde_json::to_string(&header(id)).unwrap();
            ["3f9c21", "3fa000", "aa0000"].map(|id| Recording::parse(&text(id)).unwrap()).to_vec()
        };
        let id = |word: &str| pick(all(), word).map(|it| it.header.id);
        assert_eq!(id("last"), Ok("3f9c21".to_owned()));
        assert_eq!(id("aa"), Ok("aa0000".to_owned()));
        assert_eq!(id("3f"), Err(vec!["3f9c21".to_owned(), "3fa000".to_owned()]));
        assert_eq!(id("bb"), Err(Vec::new()));
    }
}
