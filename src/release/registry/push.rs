//! Pushing an image with all that belongs to it. Its tag comes last: where the tag is, everything is.

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::Value;

use super::{client::Registry, meter::Meter, session, trouble::Trouble};
use crate::release::image::{
    Image,
    spec::{self, Document, INDEX},
};

/// How many blobs are looked for or sent at once.
const AT_ONCE: usize = 4;

/// What was pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// Blobs that the registry lacked.
    pub blobs_sent: usize,
    /// Blobs that it had.
    pub blobs_present: usize,
    /// Bytes of all that was sent, manifests included.
    pub bytes_sent: u64,
}

/// Pushes an image under a tag. What is there is not sent again.
///
/// # Errors
/// The failure that did not pass. What has arrived stays, and the next push goes on from there.
pub async fn push(registry: &Registry, image: &Image, tag: &str, meter: &Meter) -> Result<Pushed, Trouble> {
    registry.enter().await?;
    if registry.manifest_digest(tag).await?.as_deref() == Some(image.digest()) {
        return Ok(Pushed { blobs_present: image.blobs.len(), ..Pushed::default() });
    }
    let looks = image.blobs.iter().map(async |blob| Ok((blob, registry.has_blob(&blob.digest).await?)));
    let looks: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).try_collect().await?;
    let missing: Vec<_> = looks.iter().filter(|(_, present)| !present).map(|(blob, _)| *blob).collect();
    let blob_bytes = missing.iter().map(|blob| blob.size).sum();
    meter.expect(blob_bytes);
    let sends = missing.iter().map(|blob| session::send_blob(registry, blob, meter));
    stream::iter(sends).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    documents(registry, image).await?;
    registry.put_manifest(image.root(), tag).await?;
    Ok(Pushed {
        blobs_sent: missing.len(),
        blobs_present: image.blobs.len() - missing.len(),
        bytes_sent: blob_bytes + image.documents.iter().map(|it| it.content.len() as u64).sum::<u64>(),
    })
}

/// Images before what is attached to them, and all of them before an index.
async fn documents(registry: &Registry, image: &Image) -> Result<(), Trouble> {
    let (attached, images): (Vec<_>, Vec<_>) = image.documents.iter().partition(|it| it.subject().is_some());
    for document in images {
        registry.put_manifest(document, &document.digest).await?;
    }
    let mut unaccounted: Vec<&Document> = Vec::new();
    for document in attached {
        if !registry.put_manifest(document, &document.digest).await? {
            unaccounted.push(document);
        }
    }
    while let Some(subject) = unaccounted.first().and_then(|first| first.subject()) {
        let (of_subject, others) = unaccounted.into_iter().partition(|it| it.subject().as_ref() == Some(&subject));
        account(registry, &subject, of_subject).await?;
        unaccounted = others;
    }
    Ok(())
}

/// A registry that does not keep account of what is attached to an image gets a list of it, under the tag that the
/// specification gives to it. What others attached stays in the list.
async fn account(registry: &Registry, subject: &str, attached: Vec<&Document>) -> Result<(), Trouble> {
    let tag = subject.replacen(':', "-", 1);
    let known = registry.manifest(&tag).await?.filter(|known| known.media_type == INDEX);
    let mut entries: Vec<Value> =
        known.and_then(|known| known.value()["manifests"].as_array().cloned()).unwrap_or_default();
    let before = entries.len();
    for document in attached {
        if entries.iter().all(|entry| entry["digest"] != *document.digest) {
            entries.push(document.descriptor());
        }
    }
    if entries.len() > before {
        registry.put_manifest(&spec::index(&entries, None), &tag).await?;
    }
    Ok(())
}
