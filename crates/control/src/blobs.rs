//! Reading and writing JSON files of scenarios and runs.

use std::sync::Arc;

use dlt_model::id::TestId;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{error::ControlError, record::BodyDigest};

/// The largest file that is read into memory, in bytes: a report of a day-long run with a hundred labels is far smaller.
pub const MAX_BLOB_BYTES: u64 = 256 * 1024 * 1024;
/// How many files are removed at once.
const REMOVALS: usize = 16;

/// Everything that a scenario and its runs leave in the blobs.
pub fn folder_of(test: &TestId) -> Path {
    Path::from(format!("runs/{test}"))
}

/// Where a version of a scenario's body lies.
pub fn body_path(test: &TestId, digest: &BodyDigest) -> Path {
    Path::from(format!("runs/{test}/scenarios/{}.json", digest.0))
}

/// Names a body by its content.
pub fn digest(bytes: &[u8]) -> BodyDigest {
    BodyDigest(hex::encode(Sha256::digest(bytes)))
}

/// A file's value; `None` if it is not there.
///
/// # Errors
/// When the files cannot be reached, the file is too large, or holds something else.
pub async fn read<T: DeserializeOwned>(blobs: &Arc<dyn ObjectStore>, path: &Path) -> Result<Option<T>, ControlError> {
    let found = match blobs.get(path).await {
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        found => found?,
    };
    if found.meta.size > MAX_BLOB_BYTES {
        return Err(ControlError::Corrupt(format!("{path} is larger than {MAX_BLOB_BYTES} bytes")));
    }
    let bytes = found.bytes().await?;
    let value = serde_json::from_slice(&bytes).map_err(|error| ControlError::Corrupt(format!("{path}: {error}")))?;
    Ok(Some(value))
}

/// Writes a file.
///
/// # Errors
/// When the files cannot be reached.
pub async fn write<T: Serialize>(blobs: &Arc<dyn ObjectStore>, path: &Path, value: &T) -> Result<(), ControlError> {
    blobs.put(path, to_bytes(path, value)?.into()).await?;
    Ok(())
}

/// Writes a file unless it is there; what is there stays.
///
/// # Errors
/// When the files cannot be reached.
pub async fn write_once<T: Serialize>(
    blobs: &Arc<dyn ObjectStore>,
    path: &Path,
    value: &T,
) -> Result<(), ControlError> {
    let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match blobs.put_opts(path, to_bytes(path, value)?.into(), once).await {
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The indices of the workers that have a file `<folder>/<index>.json`.
///
/// # Errors
/// When the files cannot be reached.
pub async fn indices(blobs: &Arc<dyn ObjectStore>, folder: &Path) -> Result<Vec<u32>, ControlError> {
    let files: Vec<_> = blobs.list(Some(folder)).try_collect().await?;
    let index = |path: &Path| path.filename()?.strip_suffix(".json")?.parse().ok();
    Ok(files.iter().filter_map(|file| index(&file.location)).collect())
}

/// Removes everything below a folder.
///
/// # Errors
/// When the files cannot be reached; what was removed until then stays removed, and it can be called again.
pub async fn remove_folder(blobs: &Arc<dyn ObjectStore>, folder: &Path) -> Result<(), ControlError> {
    let files = blobs.list(Some(folder)).map_ok(|file| file.location);
    let removed = files.map(|path| async {
        match blobs.delete(&path?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    });
    removed.buffer_unordered(REMOVALS).try_collect::<()>().await?;
    Ok(())
}

fn to_bytes<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, ControlError> {
    serde_json::to_vec(value).map_err(|error| ControlError::Corrupt(format!("{path}: {error}")))
}
