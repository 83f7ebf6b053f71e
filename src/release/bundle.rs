//! A release on disk: a directory that is there as a whole or not at all, with a program in it that carries everything.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::{
    manifest::{FILE, PROGRAM, Packed},
    place,
};
use crate::{exit::Exit, failure::Failure};

/// Writes a release into a directory, in the place of an earlier one, and answers the program's path.
///
/// # Errors
/// A directory with something else in it, or a disk that refuses.
pub fn write(directory: &Path, packed: &Packed, program: &[u8]) -> Result<PathBuf, Failure> {
    let failed = |error: io::Error| {
        Failure::from_error(Exit::Invalid, format!("failed to write the release to `{}`", directory.display()), &error)
    };
    if !may_be_replaced(directory).map_err(failed)? {
        let message = format!("`{}` has something in it that is no release", directory.display());
        return Err(Failure::new(Exit::Guarded, message).hint("name another directory with --out"));
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(failed)?;
    let building = tempfile::Builder::new().prefix(".release-").tempdir_in(parent).map_err(failed)?;
    fill(building.path(), packed, program).map_err(failed)?;
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(failed)?;
    }
    fs::rename(building.keep(), directory).map_err(failed)?;
    Ok(directory.join(PROGRAM))
}

fn may_be_replaced(directory: &Path) -> io::Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(directory.join(FILE).is_file() || entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn fill(directory: &Path, packed: &Packed, program: &[u8]) -> io::Result<()> {
    // The directory for temporary things is closed to everybody else.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    write_files(directory, &packed.files)?;
    let path = directory.join(PROGRAM);
    fs::write(&path, place::carrying(program.to_vec(), &archive(&packed.files)?))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
}

/// Writes files below a directory.
///
/// # Errors
/// When the disk refuses.
pub fn write_files(directory: &Path, files: &[(String, Bytes)]) -> io::Result<()> {
    for (name, content) in files {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

/// Files as one archive, without an owner's name or a date.
///
/// # Errors
/// When a path is longer than an archive can hold.
pub fn archive(files: &[(String, Bytes)]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        tar.append_data(&mut header, name, &**content)?;
    }
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Place,
            manifest::{pack, tests::release, unpack},
        },
        *,
    };

    #[test]
    fn a_release_takes_the_place_of_an_earlier_one_and_of_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("release");
        for page in ["<p>", "<b>"] {
            write(&out, &pack(&release(page), b"dlt").unwrap(), b"dlt").unwrap();
            assert_eq!(fs::read_to_string(out.join("console/index.html")).unwrap(), page);
        }
        let failure = write(directory.path(), &pack(&release("<p>"), b"dlt").unwrap(), b"dlt").unwrap_err();
        assert_eq!(failure.exit, Exit::Guarded);
    }

    #[test]
    fn the_program_of_a_release_carries_the_whole_release() {
        let directory = tempfile::tempdir().unwrap();
        let packed = pack(&release("<p>"), b"dlt").unwrap();
        let program = write(&directory.path().join("release"), &packed, b"dlt").unwrap();
        let carried = Place::in_program(&program).unwrap().unwrap();
        let (carried, made) = (unpack(&carried).unwrap(), release("<p>"));
        assert_eq!((carried.console, carried.functions.key), (made.console, made.functions.key));
        assert_eq!(carried.worker.image().unwrap().digest(), made.worker.image().unwrap().digest());
        assert_eq!(place::bare(&program).unwrap(), b"dlt");
    }
}
