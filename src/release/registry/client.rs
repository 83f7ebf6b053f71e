//! One repository of a registry, and the right to use it: every request knows how to be let in.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use reqwest::{
    Client, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use tokio::sync::RwLock;
use url::Url;

use super::{
    challenge::{self, Challenge},
    credentials::Basic,
    patience,
    trouble::{Kind, Trouble},
};
use crate::release::image::spec::{DOCKER_LIST, DOCKER_MANIFEST, Document, INDEX, MANIFEST};

/// How long we wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long we wait for the next byte of an answer.
const READ_WITHIN: Duration = Duration::from_secs(60);
/// How often a registry is asked that has not answered yet: its name may be wrong, and a person waits.
const FIRST_ATTEMPTS: u32 = 4;
/// The longest manifest: what the specification wants a registry to take at least.
const LONGEST_MANIFEST_BYTES: usize = 4 << 20;

/// Makes a new login; a registry's tokens are good for some hours only.
pub type Renew = Arc<dyn Fn() -> BoxFuture<'static, Result<Basic, Trouble>> + Send + Sync>;

/// Who we are to a registry.
#[derive(Clone)]
pub enum Login {
    /// Nobody.
    Nobody,
    /// A user with a password.
    Known(Basic),
    /// Whoever the token says, which is asked for when it is needed.
    Renewed(Renew),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Known(_) => "Known",
            Self::Renewed(_) => "Renewed",
        })
    }
}

/// A repository of a registry.
#[derive(Debug)]
pub struct Registry {
    http: Client,
    root: Url,
    /// The repository.
    pub repository: String,
    login: Login,
    /// The header that lets us in, once we know which.
    pass: RwLock<Option<String>>,
}

impl Registry {
    /// A repository of the registry at a host; `plain` says that nothing is encrypted on the way.
    ///
    /// # Errors
    /// When the host is none.
    pub fn new(host: &str, plain: bool, repository: String, login: Login) -> Result<Self, Trouble> {
        let wrong = |said: String| Trouble::new(format!("talk to the registry `{host}`"), Kind::Other, said);
        let scheme = if plain { "http" } else { "https" };
        let root = Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|error| wrong(error.to_string()))?;
        let http = Client::builder().connect_timeout(CONNECT_WITHIN).read_timeout(READ_WITHIN).build();
        let http = http.map_err(|error| wrong(error.to_string()))?;
        Ok(Self { http, root, repository, login, pass: RwLock::new(None) })
    }

    /// The address of something in the repository.
    pub fn url(&self, path: &str) -> Url {
        let path = format!("{}/{path}", self.repository);
        self.root.join(&path).expect("a repository's name and a digest or tag make a path: checked in Reference::parse")
    }

    /// The address that a registry names, which may be only a path.
    pub fn resolve(&self, location: &str) -> Option<Url> {
        self.root.join(location).ok()
    }

    /// For making requests with; they are sent by [`Registry::send`].
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// Sees that we are let in before anything large is sent.
    ///
    /// # Errors
    /// When the registry does not answer or does not let us in.
    pub async fn enter(&self) -> Result<(), Trouble> {
        let doing = format!("sign in to the registry `{}`", self.host());
        let work = async || self.send(&doing, || self.http.get(self.root.clone()).build()).await;
        self.trying(FIRST_ATTEMPTS, work).await.map(drop)
    }

    /// The registry's host.
    pub fn host(&self) -> String {
        let port = self.root.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.root.host_str().unwrap_or_default())
    }

    /// Sends a request, once more when the registry wants to see who we are. The answer is a success or a redirect.
    ///
    /// # Errors
    /// Every other answer, and none.
    pub async fn send(&self, doing: &str, make: impl Fn() -> reqwest::Result<Request>) -> Result<Response, Trouble> {
        let pass = self.pass.read().await.clone();
        let (trouble, challenge) = match self.attempt(doing, &make, pass.as_deref()).await? {
            Ok(response) => return Ok(response),
            Err(refused) => refused,
        };
        if !matches!(trouble.kind, Kind::Credentials | Kind::Expired) {
            return Err(trouble);
        }
        let Some(pass) = self.renewed(pass, challenge, &trouble).await? else { return Err(trouble) };
        self.attempt(doing, &make, Some(&pass)).await?.map_err(|(trouble, _)| trouble)
    }

    async fn attempt(
        &self,
        doing: &str,
        make: &impl Fn() -> reqwest::Result<Request>,
        pass: Option<&str>,
    ) -> Result<Result<Response, (Trouble, Option<Challenge>)>, Trouble> {
        let broken = |error: reqwest::Error| Trouble::of_error(doing, &error);
        let mut request = make().map_err(broken)?;
        // Where a registry sends us for an upload may be somebody else's, who has no business with our password.
        if let Some(pass) = pass.filter(|_| request.url().origin() == self.root.origin()) {
            let mut value = http::HeaderValue::from_str(pass).map_err(|_| {
                Trouble::new(doing, Kind::Credentials, "the password has characters that no header can hold")
            })?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let response = self.http.execute(request).await.map_err(broken)?;
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(Ok(response));
        }
        let challenge = challenge_of(response.headers());
        let body = response.text().await.unwrap_or_default();
        Ok(Err((Trouble::of_answer(doing, status.as_u16(), &body), challenge)))
    }

    /// A new pass, unless somebody else has got one meanwhile; none when there is nothing more that we could show.
    async fn renewed(
        &self,
        refused: Option<String>,
        challenge: Option<Challenge>,
        trouble: &Trouble,
    ) -> Result<Option<String>, Trouble> {
        let mut pass = self.pass.write().await;
        if *pass != refused {
            return Ok(pass.clone());
        }
        let login = match &self.login {
            Login::Nobody => None,
            Login::Known(basic) => Some(basic.clone()),
            Login::Renewed(renew) => Some(renew().await?),
        };
        let new = match (challenge, login) {
            (Some(Challenge::Bearer { realm, service, scope }), login) => {
                Some(self.token(&realm, service.as_deref(), scope.as_deref(), login.as_ref(), trouble).await?)
            }
            (_, Some(login)) => Some(login.header()),
            (_, None) => None,
        };
        // The same pass once more would be refused once more.
        let new = new.filter(|new| refused.as_ref() != Some(new));
        if new.is_some() {
            pass.clone_from(&new);
        }
        Ok(new)
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
        login: Option<&Basic>,
        trouble: &Trouble,
    ) -> Result<String, Trouble> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(alias = "access_token")]
            token: String,
        }
        let doing = format!("get a token for the registry `{}`", self.host());
        let mut url = Url::parse(realm).map_err(|error| Trouble::new(&doing, Kind::Other, error.to_string()))?;
        if url.scheme() != "https" && self.root.scheme() == "https" {
            return Err(Trouble::new(&doing, Kind::Other, "the registry wants our password in the clear"));
        }
        // What the registry asks for here may be less than what the next request needs.
        let ours = format!("repository:{}:pull,push", self.repository);
        let scope = scope.filter(|scope| scope.contains("push")).unwrap_or(&ours);
        url.query_pairs_mut().extend_pairs(service.map(|service| ("service", service))).append_pair("scope", scope);
        let request = self.http.get(url);
        let request = match login {
            Some(login) => request.header(AUTHORIZATION, login.header()),
            None => request,
        };
        let response = request.send().await.map_err(|error| Trouble::of_error(&doing, &error))?;
        let status = response.status();
        let body = response.text().await.map_err(|error| Trouble::of_error(&doing, &error))?;
        if !status.is_success() {
            return Err(Trouble::of_answer(&trouble.doing, status.as_u16(), &body));
        }
        let answer: Answer = serde_json::from_str(&body)
            .map_err(|_| Trouble::new(&doing, Kind::Other, "the answer has no token that we understand"))?;
        Ok(format!("Bearer {}", answer.token))
    }

    /// Does something again while it fails for a reason that passes.
    ///
    /// # Errors
    /// The last failure.
    pub async fn patiently<T>(&self, work: impl AsyncFn() -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.trying(patience::ATTEMPTS, work).await
    }

    async fn trying<T>(&self, attempts: u32, work: impl AsyncFn() -> Result<T, Trouble>) -> Result<T, Trouble> {
        for failures in 1.. {
            match work().await {
                Err(trouble) if trouble.kind.passes() && failures < attempts => {
                    tokio::time::sleep(patience::wait(failures, patience::chance())).await;
                }
                result => return result,
            }
        }
        unreachable!("the last attempt returns its failure")
    }

    /// True when the repository has a blob.
    ///
    /// # Errors
    /// When the registry does not say.
    pub async fn has_blob(&self, digest: &str) -> Result<bool, Trouble> {
        let doing = format!("look for a layer in `{}`", self.repository);
        let url = self.url(&format!("blobs/{digest}"));
        let head = async || absent_is_none(self.send(&doing, || self.http.head(url.clone()).build()).await);
        Ok(self.patiently(head).await?.is_some())
    }

    /// The digest that a tag or digest stands for in the repository, if it is there.
    ///
    /// # Errors
    /// When the registry does not say.
    pub async fn manifest_digest(&self, name: &str) -> Result<Option<String>, Trouble> {
        let doing = format!("look for `{name}` in `{}`", self.repository);
        let url = self.url(&format!("manifests/{name}"));
        let make = || self.http.head(url.clone()).header(ACCEPT, manifests()).build();
        let answer = self.patiently(async || absent_is_none(self.send(&doing, make).await)).await?;
        Ok(answer.and_then(|answer| Some(answer.headers().get("docker-content-digest")?.to_str().ok()?.to_owned())))
    }

    /// A manifest by its tag or digest, if it is there.
    ///
    /// # Errors
    /// When the registry does not say, or answers more than a manifest can be.
    pub async fn manifest(&self, name: &str) -> Result<Option<Document>, Trouble> {
        let doing = format!("read `{name}` in `{}`", self.repository);
        let url = self.url(&format!("manifests/{name}"));
        let make = || self.http.get(url.clone()).header(ACCEPT, manifests()).build();
        let read = async || {
            let Some(mut answer) = absent_is_none(self.send(&doing, make).await)? else { return Ok(None) };
            let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or(MANIFEST);
            let kind = kind.split(';').next().unwrap_or_default().to_owned();
            let mut content = Vec::new();
            while let Some(piece) = answer.chunk().await.map_err(|error| Trouble::of_error(&doing, &error))? {
                content.extend_from_slice(&piece);
                if content.len() > LONGEST_MANIFEST_BYTES {
                    return Err(Trouble::new(&doing, Kind::TooLarge, "the manifest is longer than 4 MiB"));
                }
            }
            Ok(Some(Document::new(kind, content)))
        };
        self.patiently(read).await
    }

    /// Stores a manifest under a tag or its digest, and answers whether the registry keeps account of what is attached to
    /// what.
    ///
    /// # Errors
    /// When the registry refuses it.
    pub async fn put_manifest(&self, document: &Document, name: &str) -> Result<bool, Trouble> {
        let doing = format!("push `{name}` to `{}`", self.repository);
        let url = self.url(&format!("manifests/{name}"));
        let make = || {
            let request = self.http.put(url.clone()).header(CONTENT_TYPE, &document.media_type);
            request.body(document.content.clone()).build()
        };
        let answer = self.patiently(async || self.send(&doing, make).await).await?;
        Ok(answer.headers().contains_key("oci-subject"))
    }
}

fn manifests() -> String {
    [INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(", ")
}

fn challenge_of(headers: &HeaderMap) -> Option<Challenge> {
    headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| challenge::parse(value.to_str().ok()?))
}

/// What is not there is no failure for who only looks.
fn absent_is_none(answer: Result<Response, Trouble>) -> Result<Option<Response>, Trouble> {
    match answer {
        Ok(answer) if answer.status() == StatusCode::OK => Ok(Some(answer)),
        Ok(_) => Ok(None),
        // An answer to HEAD has no body that could tell what exactly is missing.
        Err(trouble) if trouble.kind == Kind::Absent => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
