//! Who sends a request: `auth` with one of its kinds.

use super::{
    scope::Scope,
    steps::content,
    values::{required, required_template, template},
};
use crate::{
    fields::Fields,
    id::Region,
    problem::Problem,
    program::{Auth, Keys},
    scenario::limits,
};

/// `None` when nothing is said or something is wrong, `Some(None)` for `none`.
#[expect(clippy::option_option, reason = "nothing said and said to be nothing are two things")]
pub(super) fn read(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Option<Auth>> {
    let node = fields.optional("auth")?;
    if node.text() == Some("none") {
        return Some(None);
    }
    let path = fields.path_of("auth");
    let mut outer = Fields::of(node, path.as_str(), fields.problems())?;
    let kind = content(&mut outer, &["basic", "bearer", "cognito", "sigv4"], true);
    let auth = kind.and_then(|(key, node)| match key {
        "bearer" => required_template(&mut outer, "bearer", scope).map(|token| Auth::Bearer { token }),
        key => {
            let path = outer.path_of(key);
            let mut inner = Fields::of(node, path, outer.problems())?;
            let auth = match key {
                "basic" => basic(&mut inner, scope),
                "cognito" => cognito(&mut inner, scope),
                _ => sigv4(&mut inner, scope),
            };
            inner.finish_knowing(&[("username", "write `user`"), ("pass", "write `password`")]);
            auth
        }
    });
    outer.finish_knowing(&[("aws", "write `sigv4`"), ("token", "write `bearer`"), ("oauth2", "write `bearer`")]);
    auth.map(Some)
}

fn basic(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Auth> {
    let (user, password) = (required_template(fields, "user", scope), required_template(fields, "password", scope));
    Some(Auth::Basic { user: user?, password: password? })
}

fn cognito(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Auth> {
    let region = region(fields);
    let client_id = required_template(fields, "client_id", scope);
    let (user, password) = (required_template(fields, "user", scope), required_template(fields, "password", scope));
    Some(Auth::Cognito { region: region?, client_id: client_id?, user: user?, password: password? })
}

fn sigv4(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Option<Auth> {
    let service = required(fields, "service", limits::key);
    let region = region(fields);
    let access_key_id = template(fields, "access_key_id", scope);
    let secret_access_key = template(fields, "secret_access_key", scope);
    let session_token = template(fields, "session_token", scope);
    let keys = match (access_key_id, secret_access_key) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Some(Keys { access_key_id, secret_access_key, session_token })
        }
        (None, None) if session_token.is_none() => None,
        _ => {
            let path = fields.path_of("access_key_id");
            let message = "give `access_key_id` and `secret_access_key`, or none of them for the worker's own role";
            let problem = Problem::at(fields.place(), path, message);
            fields.problems().push(problem);
            None
        }
    };
    Some(Auth::SigV4 { service: service?, region: region?, keys })
}

fn region(fields: &mut Fields<'_>) -> Option<String> {
    required(fields, "region", |text| text.parse::<Region>().map(|_| text.to_owned()).map_err(|why| why.to_string()))
}
