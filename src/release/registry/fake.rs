//! A small registry for tests that fails as it is told, and what a push makes of that.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

use super::{Basic, Kind, Login, Meter, Registry, Trouble, push};
use crate::release::{
    content::{Blob, digest_of},
    image::{Image, WorkerSource},
};

/// What goes wrong with the next request of a kind.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Half of the chunk is kept, and the answer is an error of the server's own.
    HalfThen(u16),
    /// The answer, with a code of the specification.
    Refuse(u16, &'static str),
    /// The upload is forgotten.
    Forget,
}

/// What is asked of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    /// A password, which changes with every new login.
    Basic,
    /// A token from `/token`.
    Bearer,
}

struct Shelf {
    door: Door,
    password: String,
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, Vec<u8>>,
    received_bytes: usize,
    requests: Vec<String>,
    /// Where uploads go, when not here.
    elsewhere: Option<String>,
}

type Shared = Arc<Mutex<Shelf>>;

struct Fake {
    shelf: Shared,
    host: String,
}

impl Fake {
    async fn start(door: Door) -> Self {
        let shelf = Arc::new(Mutex::new(Shelf {
            door,
            password: "good".to_owned(),
            faults: BTreeMap::new(),
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            uploads: BTreeMap::new(),
            received_bytes: 0,
            requests: Vec::new(),
            elsewhere: None,
        }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shelf));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { shelf, host }
    }

    fn fail(&self, method: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.shelf.lock().unwrap().faults.entry(method).or_default().extend(faults);
    }

    fn registry(&self, login: Login) -> Registry {
        Registry::new(&self.host, true, "shop/worker".to_owned(), login).unwrap()
    }

    fn count(&self, method: &str) -> usize {
        self.shelf.lock().unwrap().requests.iter().filter(|request| request.starts_with(method)).count()
    }
}

async fn answer(State(shelf): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut shelf = shelf.lock().unwrap();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
    shelf.requests.push(format!("{} {path}", parts.method));
    if path == "/token" {
        let right = shelf.shown(&parts.headers) == Some(shelf.password.clone());
        return match right {
            true => format!(r#"{{"token":"{}"}}"#, shelf.password).into_response(),
            false => refused(401, "UNAUTHORIZED"),
        };
    }
    if let Some(closed) = shelf.closed(&parts.headers) {
        return closed;
    }
    let method = parts.method.as_str();
    let fault = shelf.faults.get_mut(method).and_then(VecDeque::pop_front);
    match fault {
        Some(Fault::Refuse(status, code)) => return refused(status, code),
        Some(Fault::HalfThen(status)) => {
            let half = body[..body.len() / 2].to_vec();
            shelf.keep(&path, &half);
            return refused(status, "UNKNOWN");
        }
        Some(Fault::Forget) => shelf.uploads.clear(),
        None => {}
    }
    shelf.serve(&parts.method, &path, &query, &body)
}

fn refused(status: u16, code: &str) -> Response {
    let text = if code == "EXPIRED" { "token has expired" } else { "no" };
    let body = serde_json::json!({ "errors": [{ "code": code, "message": text }] }).to_string();
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

impl Shelf {
    fn shown(&self, headers: &HeaderMap) -> Option<String> {
        let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        match header.split_once(' ')? {
            ("Basic", text) => Some(Basic::decode(text)?.password),
            (_, token) => Some(token.to_owned()),
        }
    }

    fn closed(&self, headers: &HeaderMap) -> Option<Response> {
        if self.door == Door::Open || self.shown(headers).as_ref() == Some(&self.password) {
            return None;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let challenge = match self.door {
            Door::Bearer => format!("Bearer realm=\"http://{host}/token\",service=\"fake\""),
            _ => "Basic realm=\"fake\"".to_owned(),
        };
        let mut answer = refused(401, if self.shown(headers).is_some() { "EXPIRED" } else { "UNAUTHORIZED" });
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.parse().unwrap());
        Some(answer)
    }

    fn keep(&mut self, path: &str, bytes: &[u8]) {
        self.received_bytes += bytes.len();
        self.uploads.entry(path.to_owned()).or_default().extend_from_slice(bytes);
    }

    fn serve(&mut self, method: &Method, path: &str, query: &str, body: &[u8]) -> Response {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        match (method.as_str(), path) {
            ("GET", "/v2/") => StatusCode::OK.into_response(),
            ("HEAD", path) if path.contains("/blobs/") => found(self.blobs.get(&name)),
            ("HEAD" | "GET", path) if path.contains("/manifests/") => found(self.manifests.get(&name)),
            ("POST", _) => {
                let location = format!("/v2/shop/worker/blobs/uploads/{}", self.requests.len());
                self.uploads.insert(location.clone(), Vec::new());
                accepted(202, &format!("{}{location}", self.elsewhere.clone().unwrap_or_default()), 0)
            }
            ("GET" | "PATCH" | "PUT", path) if path.contains("/uploads/") => {
                if !self.uploads.contains_key(path) {
                    return refused(404, "BLOB_UPLOAD_UNKNOWN");
                }
                self.keep(path, body);
                let length = self.uploads[path].len();
                match method.as_str() {
                    "GET" => accepted(204, path, length),
                    "PATCH" => accepted(202, path, length),
                    _ => self.finish(path, query),
                }
            }
            ("PUT", path) if path.contains("/manifests/") => {
                self.manifests.insert(name, body.to_vec());
                self.manifests.insert(digest_of(body), body.to_vec());
                StatusCode::CREATED.into_response()
            }
            _ => refused(404, "UNSUPPORTED"),
        }
    }

    fn finish(&mut self, path: &str, query: &str) -> Response {
        let bytes = self.uploads.remove(path).unwrap();
        let wanted = query.strip_prefix("digest=").unwrap_or_default().replace("%3A", ":");
        if digest_of(&bytes) != wanted {
            return refused(400, "DIGEST_INVALID");
        }
        self.blobs.insert(wanted, bytes);
        StatusCode::CREATED.into_response()
    }
}

fn found(content: Option<&Vec<u8>>) -> Response {
    match content {
        Some(content) => {
            let headers = [("docker-content-digest", digest_of(content))];
            (headers, Body::from(content.clone())).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn accepted(status: u16, location: &str, length: usize) -> Response {
    let range = format!("0-{}", length.saturating_sub(1));
    let headers = [("location", location.to_owned()), ("range", range)];
    (StatusCode::from_u16(status).unwrap(), headers).into_response()
}

/// An image with one large blob: three chunks, the last one short.
fn image() -> Image {
    let mut image = small();
    let large: Vec<u8> = (0..20 << 20).map(|at: u32| (at % 251) as u8).collect();
    image.blobs.push(Blob::new(large));
    image
}

fn small() -> Image {
    let this = std::fs::read("/proc/self/exe").unwrap();
    let head = [&this[..64], &[0; 64]].concat();
    let mut static_head = head;
    static_head[0x38..0x3A].copy_from_slice(&[0, 0]);
    WorkerSource::new(vec![("dlt-worker".to_owned(), static_head)], b"trust".to_vec()).unwrap().image().unwrap()
}

fn known(password: &str) -> Login {
    Login::Known(Basic { user: "eva".to_owned(), password: password.to_owned() })
}

async fn pushed(fake: &Fake, image: &Image, login: Login) -> Result<super::Pushed, Trouble> {
    push(&fake.registry(login), image, "1", &Meter::unseen()).await
}

#[tokio::test]
async fn an_image_arrives_whole_and_a_second_push_sends_nothing() {
    let (fake, image, meter) = (Fake::start(Door::Open).await, image(), Meter::unseen());
    let first = push(&fake.registry(Login::Nobody), &image, "1", &meter).await.unwrap();
    assert_eq!((first.blobs_sent, first.blobs_present), (image.blobs.len(), 0));
    let bytes: u64 = image.blobs.iter().map(|blob| blob.size).sum();
    assert_eq!((meter.count().sent, meter.count().total), (bytes, bytes));
    assert!(image.blobs.iter().all(|blob| fake.shelf.lock().unwrap().blobs.contains_key(&blob.digest)));
    let fallback = image.digest().replacen(':', "-", 1);
    assert!(fake.shelf.lock().unwrap().manifests.contains_key(&fallback), "what is attached can be found");
    let before = fake.count("POST");
    let second = pushed(&fake, &image, Login::Nobody).await.unwrap();
    assert_eq!((second.blobs_sent, second.bytes_sent, fake.count("POST")), (0, 0, before));
}

#[tokio::test]
async fn a_broken_upload_goes_on_from_where_the_registry_has_come_to() {
    let (fake, image) = (Fake::start(Door::Open).await, image());
    fake.fail("PATCH", [Fault::HalfThen(502), Fault::HalfThen(503)]);
    let meter = Meter::unseen();
    push(&fake.registry(Login::Nobody), &image, "1", &meter).await.unwrap();
    let bytes: u64 = image.blobs.iter().map(|blob| blob.size).sum();
    assert_eq!(fake.shelf.lock().unwrap().received_bytes as u64, bytes, "nothing was kept twice");
    assert_eq!(meter.count().sent, bytes);
}

#[tokio::test]
async fn a_forgotten_upload_begins_anew() {
    let (fake, image) = (Fake::start(Door::Open).await, image());
    fake.fail("PATCH", [Fault::HalfThen(502), Fault::Forget]);
    pushed(&fake, &image, Login::Nobody).await.unwrap();
    assert!(fake.shelf.lock().unwrap().blobs.contains_key(&image.blobs.last().unwrap().digest));
}

#[tokio::test]
async fn refusals_that_do_not_pass_end_the_push_at_once_with_their_kind() {
    for (method, fault, kind) in [
        ("POST", Fault::Refuse(404, "NAME_UNKNOWN"), Kind::NoRepository),
        ("POST", Fault::Refuse(403, "DENIED"), Kind::Denied),
        ("PUT", Fault::Refuse(507, ""), Kind::Full),
        ("PUT", Fault::Refuse(413, ""), Kind::TooLarge),
    ] {
        let fake = Fake::start(Door::Open).await;
        fake.fail(method, [fault; 20]);
        let trouble = pushed(&fake, &small(), Login::Nobody).await.unwrap_err();
        assert_eq!(trouble.kind, kind, "{trouble}");
        assert!(fake.count(method) <= 5, "it does not insist: {}", fake.count(method));
    }
}

#[tokio::test]
async fn content_that_changes_on_the_way_is_sent_once_more_and_then_told() {
    let fake = Fake::start(Door::Open).await;
    fake.fail("PUT", [Fault::Refuse(400, "DIGEST_INVALID"); 20]);
    assert_eq!(pushed(&fake, &small(), Login::Nobody).await.unwrap_err().kind, Kind::Digest);
    let fake = Fake::start(Door::Open).await;
    fake.fail("PUT", [Fault::Refuse(400, "DIGEST_INVALID")]);
    pushed(&fake, &small(), Login::Nobody).await.unwrap();
}

#[tokio::test]
async fn a_registry_that_is_busy_for_a_moment_is_waited_for() {
    let fake = Fake::start(Door::Open).await;
    for method in ["GET", "HEAD", "POST", "PUT"] {
        fake.fail(method, [Fault::Refuse(429, "TOOMANYREQUESTS"), Fault::Refuse(503, "")]);
    }
    pushed(&fake, &small(), Login::Nobody).await.unwrap();
}

#[tokio::test]
async fn passwords_and_tokens_let_in_and_wrong_ones_are_told() {
    for door in [Door::Basic, Door::Bearer] {
        let fake = Fake::start(door).await;
        pushed(&fake, &small(), known("good")).await.unwrap();
        let fake = Fake::start(door).await;
        let trouble = pushed(&fake, &small(), known("bad")).await.unwrap_err();
        assert!(matches!(trouble.kind, Kind::Credentials | Kind::Expired), "{door:?}: {trouble}");
        let trouble = pushed(&fake, &small(), Login::Nobody).await.unwrap_err();
        assert_eq!(trouble.kind, Kind::Credentials, "{door:?}: {trouble}");
    }
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_renewed_and_nothing_is_lost() {
    let (fake, image) = (Fake::start(Door::Basic).await, image());
    let (shelf, logins) = (Arc::clone(&fake.shelf), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&logins);
    let renew = move || -> futures::future::BoxFuture<'static, Result<Basic, Trouble>> {
        *counted.lock().unwrap() += 1;
        let password = shelf.lock().unwrap().password.clone();
        Box::pin(async move { Ok(Basic { user: "AWS".to_owned(), password }) })
    };
    let registry = fake.registry(Login::Renewed(Arc::new(renew)));
    registry.enter().await.unwrap();
    "better".clone_into(&mut fake.shelf.lock().unwrap().password);
    push(&registry, &image, "1", &Meter::unseen()).await.unwrap();
    assert_eq!(*logins.lock().unwrap(), 2, "once at first, and once when it had expired");
}

#[tokio::test]
async fn a_password_is_not_shown_to_another_host_that_a_registry_names() {
    let (here, there) = (Fake::start(Door::Basic).await, Fake::start(Door::Basic).await);
    here.shelf.lock().unwrap().elsewhere = Some(format!("http://{}", there.host));
    let trouble = pushed(&here, &small(), known("good")).await.unwrap_err();
    assert!(there.count("PUT") > 0 && there.shelf.lock().unwrap().received_bytes == 0, "{trouble}");
}
