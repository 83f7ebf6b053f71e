//! One upload: in chunks, from where the registry says it has come to, however often the connection breaks.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use futures::stream;
use reqwest::{
    Body, Response,
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LOCATION, RANGE},
};
use url::Url;

use super::{
    client::Registry,
    meter::Meter,
    patience,
    trouble::{Kind, Trouble},
};
use crate::release::content::Blob;

/// How much is sent at once, unless the registry wants more. ECR takes parts of 5 MiB to 10 MB.
const CHUNK_BYTES: u64 = 8 << 20;
/// In what portions a chunk goes over the wire, so that progress is told.
const PORTION_BYTES: usize = 64 << 10;

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Wait, ask how far it has come, and go on from there.
    Resume,
    /// Wait, and begin again.
    Anew,
    /// Tell the person.
    GiveUp,
}

/// `failures` counts those in a row that brought nothing forward, this one included.
fn next(kind: Kind, failures: u32) -> Next {
    match kind {
        _ if failures >= patience::ATTEMPTS => Next::GiveUp,
        Kind::LostSession => Next::Anew,
        // Once may be an accident on the way. Twice is no accident.
        Kind::Digest if failures < 2 => Next::Anew,
        kind if kind.passes() => Next::Resume,
        _ => Next::GiveUp,
    }
}

/// How many bytes a registry has, by the header `Range: 0-1023`. `0-0` is what it answers when it has none.
fn received(range: &str) -> Option<u64> {
    let last: u64 = range.trim_start_matches("bytes=").split_once('-')?.1.trim().parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}

/// Sends a blob that the registry lacks.
///
/// # Errors
/// The failure that did not pass.
pub async fn send_blob(registry: &Registry, blob: &Blob, meter: &Meter) -> Result<(), Trouble> {
    let doing = format!("push a layer of {} bytes to `{}`", blob.size, registry.repository);
    let counted = Arc::default();
    Upload { registry, blob, meter, doing, counted, session: None, furthest: 0 }.run().await
}

struct Upload<'a> {
    registry: &'a Registry,
    blob: &'a Blob,
    meter: &'a Meter,
    doing: String,
    /// How much of this blob the meter has counted.
    counted: Arc<AtomicU64>,
    session: Option<Session>,
    /// How far any session has come.
    furthest: u64,
}

#[derive(Clone, Debug)]
struct Session {
    location: Url,
    offset: u64,
    chunk_bytes: u64,
    /// False after a failure: how much of the last chunk has arrived, only the registry knows.
    is_known: bool,
}

impl Upload<'_> {
    async fn run(mut self) -> Result<(), Trouble> {
        let mut failures = 0;
        loop {
            let before = self.furthest;
            match self.advance().await {
                Ok(true) => {
                    self.count_to(self.blob.size);
                    return Ok(());
                }
                Ok(false) if self.furthest > before => failures = 0,
                Ok(false) => {}
                Err(trouble) => {
                    failures += 1;
                    let next = next(trouble.kind, failures);
                    if next == Next::GiveUp {
                        return Err(trouble);
                    }
                    tokio::time::sleep(patience::wait(failures, patience::chance())).await;
                    self.recover(next);
                }
            }
        }
    }

    /// One step: begins, sends a chunk, or ends. True when the blob is there.
    async fn advance(&mut self) -> Result<bool, Trouble> {
        let Some(session) = self.session.clone() else {
            self.session = Some(self.begin().await?);
            return Ok(false);
        };
        if !session.is_known {
            self.session = self.asked(session).await?;
            self.come_to(self.session.as_ref().map_or(0, |session| session.offset));
            return Ok(false);
        }
        if session.offset == self.blob.size || self.blob.size <= session.chunk_bytes && session.offset == 0 {
            self.end(&session).await?;
            return Ok(true);
        }
        let session = self.send_chunk(session).await?;
        self.come_to(session.offset);
        self.session = Some(session);
        Ok(false)
    }

    fn come_to(&mut self, offset: u64) {
        self.furthest = self.furthest.max(offset);
        self.count_to(offset);
    }

    async fn begin(&self) -> Result<Session, Trouble> {
        let url = self.registry.url("blobs/uploads/");
        let make = || self.registry.http().post(url.clone()).header(CONTENT_LENGTH, 0).build();
        let answer = self.registry.send(&self.doing, make).await?;
        let least = answer.headers().get("oci-chunk-min-length").and_then(|value| value.to_str().ok()?.parse().ok());
        let location = self.location(&answer)?;
        Ok(Session { location, offset: 0, chunk_bytes: CHUNK_BYTES.max(least.unwrap_or_default()), is_known: true })
    }

    async fn send_chunk(&self, session: Session) -> Result<Session, Trouble> {
        let from = session.offset;
        let chunk = self.piece(from, session.chunk_bytes).await?;
        let end = from + chunk.len() as u64;
        let make = || {
            let request = self.registry.http().patch(session.location.clone());
            let request = request.header(CONTENT_RANGE, format!("{from}-{}", end - 1));
            self.with_body(request, &chunk).build()
        };
        let answer = self.registry.send(&self.doing, make).await?;
        let offset = range_of(answer.headers()).unwrap_or(end);
        if offset > self.blob.size {
            return Err(Trouble::new(&self.doing, Kind::LostSession, "the registry has more than was sent"));
        }
        Ok(Session { location: self.location(&answer)?, offset, ..session })
    }

    /// Ends the session; what is small enough goes with it.
    async fn end(&self, session: &Session) -> Result<(), Trouble> {
        let rest = self.piece(session.offset, self.blob.size - session.offset).await?;
        let mut url = session.location.clone();
        url.query_pairs_mut().append_pair("digest", &self.blob.digest);
        let make = || self.with_body(self.registry.http().put(url.clone()), &rest).build();
        match self.registry.send(&self.doing, make).await {
            // The answer to an earlier end may have been lost on the way.
            Err(trouble) if trouble.kind == Kind::LostSession && self.is_there().await => Ok(()),
            result => result.map(drop),
        }
    }

    async fn is_there(&self) -> bool {
        self.registry.has_blob(&self.blob.digest).await.unwrap_or(false)
    }

    /// What there is to go on from. Nothing more is sent before the registry was asked how far it has come.
    fn recover(&mut self, next: Next) {
        let session = self.session.take().filter(|_| next == Next::Resume);
        self.session = session.map(|session| Session { is_known: false, ..session });
        self.count_to(self.session.as_ref().map_or(0, |session| session.offset));
    }

    /// The session as the registry knows it; none when it does not.
    async fn asked(&self, session: Session) -> Result<Option<Session>, Trouble> {
        let make = || self.registry.http().get(session.location.clone()).build();
        match self.registry.send(&self.doing, make).await {
            Ok(answer) => {
                let offset = range_of(answer.headers()).filter(|offset| *offset <= self.blob.size);
                let location = self.location(&answer).unwrap_or(session.location);
                Ok(offset.map(|offset| Session { location, offset, is_known: true, ..session }))
            }
            // Nobody answered: the session may well be there.
            Err(trouble) if trouble.kind.passes() => Err(trouble),
            Err(_) => Ok(None),
        }
    }

    async fn piece(&self, from: u64, length: u64) -> Result<Bytes, Trouble> {
        self.blob.piece(from, length).await.map_err(|error| Trouble::new(&self.doing, Kind::Other, error.to_string()))
    }

    fn location(&self, answer: &Response) -> Result<Url, Trouble> {
        let said = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        said.and_then(|said| self.registry.resolve(said))
            .ok_or_else(|| Trouble::new(&self.doing, Kind::Other, "the registry does not say where to send it"))
    }

    fn with_body(&self, request: reqwest::RequestBuilder, content: &Bytes) -> reqwest::RequestBuilder {
        let request = request.header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, content.len());
        if content.is_empty() {
            return request;
        }
        let (meter, counted, content) = (self.meter.clone(), Arc::clone(&self.counted), content.clone());
        let portions = (0..content.len()).step_by(PORTION_BYTES).map(move |start| {
            let portion = content.slice(start..content.len().min(start + PORTION_BYTES));
            counted.fetch_add(portion.len() as u64, Ordering::Relaxed);
            meter.advance(portion.len() as u64);
            Ok::<_, std::io::Error>(portion)
        });
        request.body(Body::wrap_stream(stream::iter(portions)))
    }

    /// Corrects the meter to what the registry has.
    fn count_to(&self, offset: u64) {
        let counted = self.counted.swap(offset, Ordering::Relaxed);
        match offset.checked_sub(counted) {
            Some(0) => {}
            Some(more) => self.meter.advance(more),
            None => self.meter.fall_back(counted - offset),
        }
    }
}

fn range_of(headers: &HeaderMap) -> Option<u64> {
    received(headers.get(RANGE)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_answered_by_what_can_mend_it() {
        for (kind, failures, expected) in [
            (Kind::Unreachable, 1, Next::Resume),
            (Kind::Broken, 7, Next::Resume),
            (Kind::Throttled, 1, Next::Resume),
            (Kind::Broken, 8, Next::GiveUp),
            (Kind::LostSession, 1, Next::Anew),
            (Kind::LostSession, 8, Next::GiveUp),
            (Kind::Digest, 1, Next::Anew),
            (Kind::Digest, 2, Next::GiveUp),
            (Kind::Credentials, 1, Next::GiveUp),
            (Kind::Full, 1, Next::GiveUp),
            (Kind::NoRepository, 1, Next::GiveUp),
            (Kind::Quota, 1, Next::GiveUp),
        ] {
            assert_eq!(next(kind, failures), expected, "{kind:?} {failures}");
        }
    }

    #[test]
    fn a_range_says_how_much_is_there() {
        for (range, expected) in
            [("0-1023", Some(1024)), ("bytes=0-1023", Some(1024)), ("0-0", Some(0)), ("", None), ("0-", None)]
        {
            assert_eq!(received(range), expected, "{range}");
        }
    }
}
