//! Who sends a request: the server verifies what the worker says of itself.

use std::path::Path;

use dlt_model::{
    load::Executor,
    program::{Auth, Body, Keys, Pause, Request, Step},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{
    job::Job,
    server::{Asked, Behaviour, Server, answer},
    steps::{ask, each, step, template},
};

#[tokio::test]
async fn basic_and_bearer_say_who_the_user_is() {
    fn guard(asked: &Asked) -> String {
        let good = ["Basic dTE6cDox", "Basic Zml4ZWQ6cHc=", "Bearer t-1"];
        let passes = asked.header("authorization").is_some_and(|value| good.contains(&value));
        answer(if passes { 200 } else { 401 }, &[], "")
    }
    let server = Server::start(Behaviour::Routes(guard));
    let with = |auth| step(Request { auth: Some(auth), ..ask(&server, "x", "GET", "/") });
    let steps = vec![
        with(Auth::Basic { user: template("{{ name }}"), password: "p:1".into() }),
        with(Auth::Basic { user: "fixed".into(), password: "pw".into() }),
        with(Auth::Bearer { token: template("t-{{ vu() }}") }),
    ];
    let mut job = Job::of_steps(steps, each(1, 2));
    job.assignment.program.variables = vec![("name".to_owned(), "u1".into())];
    let (_, whole) = job.run().await;
    assert_eq!((whole.succeeded, whole.failed), (6, 0), "{:?}", server.seen.asked());
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The signature by AWS's rules, worked out from what arrived.
fn signature_of(asked: &Asked) -> Option<(String, String)> {
    let authorization = asked.header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part = |name: &str| authorization.split(", ").find_map(|part| part.strip_prefix(name));
    let (credential, signed, claimed) = (part("Credential=")?, part("SignedHeaders=")?, part("Signature=")?);
    let (id, scope) = credential.split_once('/')?;
    assert_eq!(id, "AKID-7");
    let (method, target) = asked.line().split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut query: Vec<&str> = query.split('&').collect();
    query.sort_unstable();
    let headers: String =
        signed.split(';').map(|name| format!("{name}:{}\n", asked.header(name).unwrap_or("missing").trim())).collect();
    let body = hexadecimal(&Sha256::digest(&asked.body));
    let canonical = format!("{method}\n{path}\n{}\n{headers}\n{signed}\n{body}", query.join("&"));
    let digest = hexadecimal(&Sha256::digest(canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", asked.header("x-amz-date")?);
    let key = scope.split('/').fold(b"AWS4the-secret".to_vec(), |key, part| hmac(&key, part));
    Some((hexadecimal(&hmac(&key, &to_sign)), claimed.to_owned()))
}

#[tokio::test]
async fn a_signature_of_aws_is_one_that_the_server_works_out_too() {
    fn verify(asked: &Asked) -> String {
        let valid = signature_of(asked).is_some_and(|(ours, theirs)| ours == theirs);
        let token = asked.header("x-amz-security-token") == Some("the-token");
        answer(if valid && token { 200 } else { 403 }, &[], "")
    }
    let server = Server::start(Behaviour::Routes(verify));
    let keys = Keys {
        access_key_id: template("AKID-{{ id }}"),
        secret_access_key: "the-secret".into(),
        session_token: Some("the-token".into()),
    };
    let auth = Auth::SigV4 { service: "execute-api".to_owned(), region: "eu-west-1".to_owned(), keys: Some(keys) };
    let request = Request {
        auth: Some(auth),
        headers: vec![("Content-Type".to_owned(), "application/json".into())],
        query: vec![("z".to_owned(), "a b".into()), ("b".to_owned(), template("{{ iteration() }}"))],
        body: Body::Text(template("{\"vu\": {{ vu() }}}")),
        ..ask(&server, "signed", "POST", "/prod/orders")
    };
    let mut job = Job::of_steps(vec![step(request)], each(2, 3));
    job.assignment.program.variables = vec![("id".to_owned(), "7".into())];
    let (_, whole) = job.run().await;
    assert_eq!((whole.succeeded, whole.failed), (6, 0), "{:?}", server.seen.asked());
}

/// A user pool whose tokens last two seconds, so that they are renewed within the run.
fn pool(asked: &Asked) -> String {
    let message: serde_json::Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    assert_eq!(asked.header("x-amz-target"), Some("AWSCognitoIdentityProviderService.InitiateAuth"));
    let parameters = &message["AuthParameters"];
    match message["AuthFlow"].as_str() {
        Some("USER_PASSWORD_AUTH") if parameters["PASSWORD"] == "right" => {
            let user = parameters["USERNAME"].as_str().unwrap_or_default();
            let result = format!(r#"{{"IdToken": "id-{user}", "RefreshToken": "r-{user}", "ExpiresIn": 2}}"#);
            answer(200, &[], &format!(r#"{{"AuthenticationResult": {result}}}"#))
        }
        Some("REFRESH_TOKEN_AUTH") => {
            let user = parameters["REFRESH_TOKEN"].as_str().unwrap_or_default().trim_start_matches("r-");
            answer(200, &[], &format!(r#"{{"AuthenticationResult": {{"IdToken": "id-{user}-2", "ExpiresIn": 60}}}}"#))
        }
        _ => answer(400, &[], r#"{"__type": "NotAuthorizedException", "message": "Incorrect username or password."}"#),
    }
}

async fn with_pool(password: &str, executor: Executor) -> (Vec<Asked>, Vec<Asked>, dlt_model::report::Measurements) {
    let (pool, target) =
        (Server::start(Behaviour::Routes(pool)), Server::start(Behaviour::Routes(|_| answer(200, &[], ""))));
    let auth = Auth::Cognito {
        region: "eu-west-1".to_owned(),
        client_id: "client".into(),
        user: template("user{{ vu() }}"),
        password: password.into(),
    };
    let request = Request { auth: Some(auth), ..ask(&target, "mine", "GET", "/") };
    let steps = vec![step(request), Step::Pause(Pause::Constant { ms: 100 })];
    let job = Job::of_steps(steps, executor);
    job.assign();
    let endpoint = format!("http://{}", pool.address);
    let child = job.spawn(0, &[("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", Path::new(&endpoint))]);
    job.open().await;
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (pool.seen.asked(), target.seen.asked(), job.reports().1)
}

#[tokio::test]
async fn a_session_of_a_user_pool_is_made_once_per_user_and_renewed_before_it_ends() {
    let (pool, target, whole) =
        with_pool("right", Executor::ConstantVus { virtual_users: 2, duration_ms: 2_800 }).await;
    assert_eq!(whole.samples(), target.len() as u64);
    assert_eq!(whole.failed, 0);
    for user in ["user1", "user2"] {
        let (first, second) = (format!("Bearer id-{user}"), format!("Bearer id-{user}-2"));
        let count = |token: &str| target.iter().filter(|asked| asked.header("authorization") == Some(token)).count();
        assert!(count(&first) > 5 && count(&second) > 2, "{user}");
    }
    // Two sign-ins and two renewals, none of which is a sample.
    assert_eq!(pool.len(), 4);
}

#[tokio::test]
async fn who_is_not_let_in_sends_nothing_and_the_failure_has_a_name() {
    let (pool, target, whole) = with_pool("wrong", each(2, 3)).await;
    assert_eq!((whole.outcomes["sign-in failed"], whole.failed, whole.requests, target.len()), (6, 6, 0, 0));
    assert_eq!(pool.len(), 6);
}
