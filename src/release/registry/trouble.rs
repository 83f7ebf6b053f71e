//! Why a registry said no, told apart so that each has its own cure.

use std::fmt;

use serde::Deserialize;

use crate::{exit::Exit, failure::Failure};

/// How much of an answer is shown that is no list of errors.
const MOST_CHARACTERS: usize = 200;

/// What sort of refusal it is, which decides whether we try again and what a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The registry does not know the user or the password.
    Credentials,
    /// The token was good once.
    Expired,
    /// The credentials are good and do not allow this.
    Denied,
    /// There is no such repository.
    NoRepository,
    /// There is no such image or blob.
    Absent,
    /// The registry has forgotten what was sent so far, or wants it from another place on.
    LostSession,
    /// What arrived is not what its name says.
    Digest,
    /// The tag names another image, and may not be moved.
    Immutable,
    /// A limit of the account or registry is reached.
    Quota,
    /// The registry's disk is full.
    Full,
    /// A part is larger than the registry takes.
    TooLarge,
    /// Too many requests: the same request will succeed later.
    Throttled,
    /// No answer came, or only half of one.
    Unreachable,
    /// A fault of the registry's own.
    Broken,
    /// Something that we have no name for.
    Other,
}

impl Kind {
    /// True when the same request may succeed in a moment.
    pub fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Unreachable | Self::Broken)
    }

    fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Credentials => {
                "sign in to the registry (`docker login`, `podman login`), or check the profile (AWS_PROFILE)"
            }
            Self::Expired => "sign in again: the token is only good for some hours",
            Self::Denied => "let these credentials push to the repository, or use others",
            Self::NoRepository => "make the repository first; the one of an environment is made by `dlt up`",
            Self::Immutable => "push under another tag: this one names another image already",
            Self::Quota => "remove images that nobody needs (`dlt image list` shows them), or raise the limit",
            Self::Full => "make room where the registry keeps its images, and run the same command again",
            Self::TooLarge => "raise the limit of the registry, or of the proxy before it",
            Self::Unreachable => {
                "check the registry's name and the network, and run this again: what has arrived is not sent twice"
            }
            Self::Throttled | Self::Broken => "run the same command again: what has arrived is not sent twice",
            Self::Digest => {
                "something on the way changes what is sent: try without the proxy, and run the command again"
            }
            Self::Absent | Self::LostSession | Self::Other => return None,
        })
    }
}

/// A request that failed: what we were doing and what the registry said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// As in "failed to …".
    pub doing: String,
    /// What sort of refusal it is.
    pub kind: Kind,
    /// What the registry said, or why nothing was said.
    pub said: String,
}

impl Trouble {
    /// What an answer means that is no success.
    pub fn of_answer(doing: impl Into<String>, status: u16, body: &str) -> Self {
        Self { doing: doing.into(), kind: kind_of(status, body), said: words(status, body) }
    }

    /// A request that got no answer.
    pub fn of_error(doing: impl Into<String>, error: &reqwest::Error) -> Self {
        // The outermost says only that sending failed; the innermost says why.
        let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
        let said: Vec<String> = causes.skip(1).map(ToString::to_string).collect();
        let said = if said.is_empty() { error.to_string() } else { said.join(": ") };
        Self { doing: doing.into(), kind: Kind::Unreachable, said }
    }

    /// Something else that went wrong.
    pub fn new(doing: impl Into<String>, kind: Kind, said: impl Into<String>) -> Self {
        Self { doing: doing.into(), kind, said: said.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.doing, self.said)
    }
}

impl std::error::Error for Trouble {}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let mut failure = Self::new(Exit::Refused, format!("failed to {}", trouble.doing));
        failure.causes.push(trouble.said);
        match trouble.kind.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: serde_json::Value,
}

fn entries(body: &str) -> Vec<Entry> {
    serde_json::from_str::<Errors>(body).map(|list| list.errors).unwrap_or_default()
}

/// What sort of refusal an answer is: first by the code that the specification gives it, then by its status.
fn kind_of(status: u16, body: &str) -> Kind {
    let lower = body.to_lowercase();
    let has = |words: &str| lower.contains(words);
    // A registry with its files on a disk tells errno 28 inside of an error without a name.
    if status == 507 || has("no space left") || has("\"err\":28") || has("disk quota exceeded") {
        return Kind::Full;
    }
    if (status == 401 || status == 403) && has("expired") {
        return Kind::Expired;
    }
    let codes = entries(body);
    let code = |name: &str| codes.iter().any(|entry| entry.code == name);
    if code("NAME_UNKNOWN") || has("repositorynotfound") {
        Kind::NoRepository
    } else if code("BLOB_UPLOAD_UNKNOWN") || code("BLOB_UPLOAD_INVALID") || code("RANGE_INVALID") || status == 416 {
        Kind::LostSession
    } else if code("DIGEST_INVALID") || code("SIZE_INVALID") {
        Kind::Digest
    } else if code("TAG_INVALID") || has("immutable") || has("tagalreadyexists") {
        Kind::Immutable
    } else if has("limitexceeded") || has("quota") {
        Kind::Quota
    } else {
        match status {
            401 => Kind::Credentials,
            403 => Kind::Denied,
            404 => Kind::Absent,
            413 => Kind::TooLarge,
            429 => Kind::Throttled,
            500..=599 => Kind::Broken,
            _ => Kind::Other,
        }
    }
}

/// What a registry says, for a person: its messages, else the beginning of whatever it answered.
fn words(status: u16, body: &str) -> String {
    let told: Vec<String> = entries(body)
        .into_iter()
        .map(|entry| {
            let detail = match &entry.detail {
                serde_json::Value::String(text) => format!(" ({text})"),
                _ => String::new(),
            };
            format!("{}: {}{detail}", entry.code, entry.message)
        })
        .collect();
    let text = if told.is_empty() { body.trim().chars().take(MOST_CHARACTERS).collect() } else { told.join("; ") };
    if text.is_empty() {
        format!("the registry answered {status}")
    } else {
        format!("the registry answered {status}: {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(code: &str, message: &str) -> String {
        serde_json::json!({ "errors": [{ "code": code, "message": message }] }).to_string()
    }

    #[test]
    fn refusals_are_told_apart() {
        let full = r#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"DriverName":"filesystem","Enclosed":{"Op":"write","Path":"/data","Err":28}}}]}"#;
        for (status, body, kind) in [
            (401, coded("UNAUTHORIZED", "authentication required"), Kind::Credentials),
            (401, String::new(), Kind::Credentials),
            (
                403,
                coded("DENIED", "Your authorization token has expired. Reauthenticate and try again."),
                Kind::Expired,
            ),
            (401, coded("UNAUTHORIZED", "token is expired"), Kind::Expired),
            (403, coded("DENIED", "not authorized to perform: ecr:InitiateLayerUpload"), Kind::Denied),
            (404, coded("NAME_UNKNOWN", "The repository with name 'x' does not exist"), Kind::NoRepository),
            (404, coded("MANIFEST_UNKNOWN", "manifest unknown"), Kind::Absent),
            (404, coded("BLOB_UPLOAD_UNKNOWN", "blob upload unknown"), Kind::LostSession),
            (416, String::new(), Kind::LostSession),
            (400, coded("DIGEST_INVALID", "provided digest did not match"), Kind::Digest),
            (400, coded("TAG_INVALID", "The image tag 'x' already exists and cannot be overwritten"), Kind::Immutable),
            (409, "tag is immutable".to_owned(), Kind::Immutable),
            (405, coded("LIMIT", "LimitExceededException: images per repository"), Kind::Quota),
            (403, coded("DENIED", "project quota exceeded"), Kind::Quota),
            (500, full.to_owned(), Kind::Full),
            (507, String::new(), Kind::Full),
            (500, "write /data: no space left on device".to_owned(), Kind::Full),
            (413, "<html>Request Entity Too Large</html>".to_owned(), Kind::TooLarge),
            (429, coded("TOOMANYREQUESTS", "Rate exceeded"), Kind::Throttled),
            (503, String::new(), Kind::Broken),
            (418, String::new(), Kind::Other),
        ] {
            assert_eq!(kind_of(status, &body), kind, "{status} {body}");
        }
    }

    #[test]
    fn every_refusal_that_a_person_can_mend_says_how() {
        use Kind::{
            Broken, Credentials, Denied, Digest, Expired, Full, Immutable, NoRepository, Quota, Throttled, TooLarge,
            Unreachable,
        };
        for kind in [
            Broken,
            Credentials,
            Denied,
            Digest,
            Expired,
            Full,
            Immutable,
            NoRepository,
            Quota,
            Throttled,
            TooLarge,
            Unreachable,
        ] {
            let failure = Failure::from(Trouble::new("push the image", kind, "no"));
            assert_eq!((failure.exit, failure.hints.len()), (Exit::Refused, 1), "{kind:?}");
        }
    }

    #[test]
    fn a_page_of_a_proxy_is_not_poured_over_the_screen() {
        let trouble = Trouble::of_answer("push", 502, &"<html>".repeat(1000));
        assert!(trouble.said.len() < 300, "{}", trouble.said);
        assert_eq!(Trouble::of_answer("push", 404, "").said, "the registry answered 404");
    }
}
