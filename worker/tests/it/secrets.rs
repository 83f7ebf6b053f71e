//! Secrets: fetched before the worker says ready, sent where the scenario says, and shown nowhere.

use std::path::Path;

use dlt_model::{
    assignment::keys,
    program::{Request, Secret, SecretSource},
};

use crate::{
    job::Job,
    server::{Asked, Behaviour, Server, answer},
    steps::{ask, each, step, template},
};

const PARAMETER: &str = "p4rameter-value-9f";
const PASSWORD: &str = "pa55word-value-7c";

/// Parameter Store and Secrets Manager as far as a worker asks them.
fn stores(asked: &Asked) -> String {
    let message: serde_json::Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let signed =
        asked.header("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
    match (asked.header("x-amz-target").unwrap_or_default(), signed) {
        ("AmazonSSM.GetParameter", true) if message["Name"] == "/dlt/shop/secrets/key" => {
            assert_eq!(message["WithDecryption"], true);
            answer(200, &[], &format!(r#"{{"Parameter": {{"Value": "{PARAMETER}"}}}}"#))
        }
        ("secretsmanager.GetSecretValue", true) if message["SecretId"] == "/dlt/shop/secrets/login" => {
            answer(200, &[], &format!(r#"{{"SecretString": "{{\"password\": \"{PASSWORD}\"}}"}}"#))
        }
        (_, true) => answer(400, &[], r#"{"__type": "com.amazonaws.ssm#ParameterNotFound", "message": "none"}"#),
        _ => answer(403, &[], r#"{"__type": "IncompleteSignature"}"#),
    }
}

fn secret(name: &str, source: SecretSource) -> Secret {
    Secret { name: name.to_owned(), source }
}

fn parameter(name: &str) -> SecretSource {
    SecretSource::Parameter { name: name.to_owned() }
}

fn login(key: &str) -> SecretSource {
    SecretSource::SecretsManager { id: "/dlt/shop/secrets/login".to_owned(), key: Some(key.to_owned()) }
}

fn environment(stores: &Server) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", format!("http://{}", stores.address)),
        ("AWS_ACCESS_KEY_ID", "AKID".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret-access-key".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
    ]
}

fn spawn(job: &Job, stores: &Server) -> std::process::Child {
    let environment = environment(stores);
    let environment: Vec<(&str, &Path)> = environment.iter().map(|(name, value)| (*name, Path::new(value))).collect();
    job.spawn(0, &environment)
}

#[tokio::test]
async fn secrets_are_sent_and_stand_in_no_report_and_no_log() {
    let stores = Server::start(Behaviour::Routes(stores));
    let target = Server::start(Behaviour::Routes(|_| answer(200, &[], "")));
    let request = Request {
        label: template("key {{ key }} {{ copy }}"),
        headers: vec![
            ("X-Key".to_owned(), template("{{ key }}")),
            ("X-Login".to_owned(), template("{{ base64(password) }} {{ copy }} {{ from_env }}")),
        ],
        ..ask(&target, "", "GET", "/?k={{ key }}")
    };
    let by_url = Request { label: request.url.clone(), ..request.clone() };
    let set = dlt_model::program::Step::Set(vec![("copy".to_owned(), template("{{ password }}"))]);
    let mut job = Job::of_steps(vec![set, step(request), step(by_url)], each(2, 3));
    job.assignment.program.secrets = vec![
        secret("key", parameter("/dlt/shop/secrets/key")),
        secret("password", login("password")),
        secret("from_env", SecretSource::Environment { name: "AWS_ACCESS_KEY_ID".to_owned() }),
    ];
    job.assign();
    let child = spawn(&job, &stores);
    job.open().await;
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = target.seen.asked();
    assert_eq!(asked.len(), 12);
    for asked in &asked {
        assert_eq!(asked.header("x-key"), Some(PARAMETER));
        assert_eq!(asked.header("x-login"), Some(format!("cGE1NXdvcmQtdmFsdWUtN2M= {PASSWORD} AKID").as_str()));
        assert_eq!(asked.line(), format!("GET /?k={PARAMETER}"));
    }
    let report = std::fs::read(job.folder.path().join(keys::report(0))).expect("written");
    let ready = std::fs::read(job.folder.path().join(keys::ready(0))).expect("written");
    for bytes in [&report, &ready, &output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(PARAMETER) && !text.contains(PASSWORD) && !text.contains("secret-access-key"), "{text}");
    }
    let (reports, whole) = job.reports();
    assert_eq!((whole.succeeded, reports[0].labels["key (secret) (secret)"].samples()), (12, 6));
}

#[tokio::test]
async fn every_secret_that_cannot_be_had_is_named_and_the_worker_does_not_begin() {
    let stores = Server::start(Behaviour::Routes(stores));
    let mut job = Job::of_steps(vec![step(ask(&stores, "x", "GET", "/"))], each(1, 1));
    job.assignment.program.secrets = vec![
        secret("key", parameter("/dlt/shop/secrets/key")),
        secret("other", parameter("/dlt/shop/secrets/other")),
        secret("pin", login("pin")),
        secret("home", SecretSource::Environment { name: "NO_SUCH_VARIABLE".to_owned() }),
    ];
    job.assign();
    let output = spawn(&job, &stores).wait_with_output().expect("it ends");
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !job.folder.path().join(keys::ready(0)).exists(), "{line}");
    for part in [
        "`other` from Parameter Store `/dlt/shop/secrets/other`: ParameterNotFound: none",
        "`pin` from Secrets Manager `/dlt/shop/secrets/login`, key `pin`: it has no such key",
        "`home` from the environment variable `NO_SUCH_VARIABLE`: it is not set",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains(PASSWORD) && !line.contains(PARAMETER), "{line}");
}
