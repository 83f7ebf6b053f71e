//! Requests: rendered once when nothing in them ever changes, drafts otherwise.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dlt_model::program::{self, Body, Cookies};
use rand::{SeedableRng, rngs::SmallRng};
use sha2::{Digest, Sha256};

use super::Compiler;
use crate::{
    script::{
        auth::{Auth, Pool, Signer},
        bounded,
        check::Check,
        draft::{Content, Draft, Part, PartContent},
        extract::Extract,
        label_of, patterns,
        program::{Fixed, Form, Label, Request},
        protocols::Exam,
        value::{Scope, Text, Value},
    },
    transport::Want,
};

/// What a worker that asks for compressed answers understands.
const ACCEPT_ENCODING: &str = "gzip, br, zstd";

impl Compiler<'_> {
    pub(super) fn request(&mut self, request: &program::Request, here: &str) -> Result<Request, String> {
        if request.timeout_ms == 0 {
            return Err("a timeout of 0 ms would let nothing pass".to_owned());
        }
        let timeout = bounded("the timeout", request.timeout_ms)?;
        let mut draft = self.draft(request, here)?;
        let auth = match &request.auth {
            None => None,
            Some(_) if has(&draft, "authorization") => {
                return Err("it has `auth` and an Authorization header; leave one of them out".to_owned());
            }
            Some(auth) => self.auth(auth, &mut draft)?,
        };
        let Exam { checks, extract } = self.exam(&request.checks, &request.extract)?;
        let want = Want {
            headers: request.resources
                || checks.iter().any(Check::wants_headers)
                || extract.iter().any(Extract::wants_headers),
            cookies: self.program.client.cookies != Cookies::Off || extract.iter().any(Extract::wants_cookies),
            body: request.resources || checks.iter().any(Check::wants_body) || extract.iter().any(Extract::wants_body),
        };
        let form = if draft.is_fixed() && auth.is_none() {
            let target = draft.fill(&mut nobody(&mut SmallRng::seed_from_u64(0)), Vec::new())?;
            Form::Fixed(Box::new(Fixed { rendered: target.render(), target }))
        } else {
            Form::Draft(Box::new(draft))
        };
        Ok(Request {
            label: self.label(request, &form)?,
            form,
            auth,
            expect: request.expect.clone(),
            timeout,
            redirects: request.redirects,
            want,
            checks,
            extract,
            resources: request.resources,
        })
    }

    fn draft(&self, request: &program::Request, here: &str) -> Result<Draft, String> {
        let mut headers = self.pairs(&request.headers).map_err(|why| format!("header {why}"))?;
        let mut add = |name: &str, value: String| {
            if !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                headers.push((name.to_owned(), Text::of([Value::Literal(value.into())])));
            }
        };
        if self.program.client.compression {
            add("Accept-Encoding", ACCEPT_ENCODING.to_owned());
        }
        let body = match &request.body {
            Body::None => Content::Bytes(Vec::new()),
            Body::Text(text) => Content::Text(self.text(text).map_err(|why| format!("body: {why}"))?),
            Body::Bytes(bytes) => Content::Bytes(bytes.clone()),
            Body::Form(fields) => {
                add("Content-Type", "application/x-www-form-urlencoded".to_owned());
                Content::Form(self.pairs(fields).map_err(|why| format!("field {why}"))?)
            }
            Body::Multipart(parts) => {
                let boundary = boundary_of(here);
                let named = format!("multipart/form-data; boundary={boundary}");
                // Only who writes the body knows its boundary, so the type is ours whatever was written.
                headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                headers.push(("Content-Type".to_owned(), Text::of([Value::Literal(named.into())])));
                Content::Multipart { boundary, parts: self.parts(parts)? }
            }
        };
        Ok(Draft {
            method: request.method.clone(),
            url: self.text(&request.url).map_err(|why| format!("url: {why}"))?,
            query: self.pairs(&request.query).map_err(|why| format!("query {why}"))?,
            headers,
            body,
            version: request.version,
        })
    }

    fn parts(&self, parts: &[program::Part]) -> Result<Vec<Part>, String> {
        let part = |part: &program::Part| {
            let content = match &part.content {
                program::PartContent::Bytes(bytes) => PartContent::Bytes(bytes.clone()),
                program::PartContent::Text(text) => {
                    PartContent::Text(self.text(text).map_err(|why| format!("part `{}`: {why}", part.name))?)
                }
            };
            let (file_name, content_type) = (part.file_name.as_deref(), part.content_type.as_deref());
            if content_type.is_some_and(|kind| kind.contains(['\r', '\n'])) {
                return Err(format!("part `{}`: its type has a line end", part.name));
            }
            Ok(Part { head: Part::head_of(&part.name, file_name, content_type), content })
        };
        parts.iter().map(part).collect()
    }

    /// What never changes becomes a header at once.
    fn auth(&mut self, auth: &program::Auth, draft: &mut Draft) -> Result<Option<Auth>, String> {
        let mut header = |value: String| {
            let text = Text::of([Value::Literal(value.into())]);
            draft.headers.push(("Authorization".to_owned(), text));
            None
        };
        Ok(match auth {
            program::Auth::Basic { user, password } => {
                let (user, password) = (self.text(user)?, self.text(password)?);
                match (user.as_literal(), password.as_literal()) {
                    (Some(user), Some(password)) => {
                        header(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
                    }
                    _ => Some(Auth::Basic { user, password }),
                }
            }
            program::Auth::Bearer { token } => {
                let token = self.text(token)?;
                match token.as_literal() {
                    Some(token) => header(format!("Bearer {token}")),
                    None => Some(Auth::Bearer(token)),
                }
            }
            program::Auth::Cognito { region, client_id, user, password } => {
                let key = format!("{region} {client_id} {user} {password}");
                let next = self.pools.len();
                let index = *self.pools.entry(key).or_insert(next);
                Some(Auth::Cognito(Box::new(Pool {
                    index,
                    region: region.clone(),
                    client_id: self.text(client_id)?,
                    user: self.text(user)?,
                    password: self.text(password)?,
                })))
            }
            program::Auth::SigV4 { service, region, keys } => {
                let keys = match keys {
                    None => None,
                    Some(keys) => Some((
                        self.text(&keys.access_key_id)?,
                        self.text(&keys.secret_access_key)?,
                        keys.session_token.as_ref().map(|token| self.text(token)).transpose()?,
                    )),
                };
                Some(Auth::SigV4(Box::new(Signer { service: service.clone(), region: region.clone(), keys })))
            }
        })
    }

    /// A request whose label is its URL has none of its own.
    fn label(&self, request: &program::Request, form: &Form) -> Result<Label, String> {
        let groups = &self.program.client.url_groups;
        if request.label == request.url && !groups.is_empty() {
            return Ok(match form {
                Form::Draft(_) => Label::Url,
                Form::Fixed(fixed) => {
                    let url = fixed.target.url.as_str();
                    let fits = |pattern: &str| patterns::regex(pattern).is_ok_and(|it| it.is_match(url));
                    let group = groups.iter().find(|group| fits(&group.pattern));
                    self.fixed_label(group.map_or(url, |group| &group.label))
                }
            });
        }
        let text = self.text(&request.label)?;
        Ok(match text.as_literal() {
            Some(label) => self.fixed_label(label),
            None => Label::Text(text),
        })
    }

    pub(super) fn fixed_label(&self, label: &str) -> Label {
        Label::Fixed(self.names.labels.place(&label_of(label, self.secrets)).index())
    }
}

fn has(draft: &Draft, name: &str) -> bool {
    draft.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

/// Nobody writes this by chance; the same step has the same boundary on every worker.
fn boundary_of(here: &str) -> String {
    let digest = Sha256::digest(here);
    digest.iter().take(12).fold("dlt-".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn nobody(random: &mut SmallRng) -> Scope<'_> {
    Scope { variables: &[], random, user: 0, iteration: 0, worker: 0 }
}
