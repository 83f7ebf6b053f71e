//! A CloudFormation of a few lines that speaks the real protocol on loopback: every answer stands in the test. For what no
//! world would do by itself.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use aws_sdk_cloudformation::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use axum::{Router, extract::State, http::StatusCode, routing::post};

/// What is answered to each call of an action, in order; the last answer is repeated.
type Script = BTreeMap<&'static str, VecDeque<(u16, String)>>;

/// A CloudFormation that answers as it is told and remembers what it was asked.
#[derive(Clone, Default)]
pub struct Fake {
    script: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// The answers to an action.
    pub fn on(self, action: &'static str, answers: impl IntoIterator<Item = (u16, String)>) -> Self {
        self.script.lock().unwrap().insert(action, answers.into_iter().collect());
        self
    }

    /// A client of it.
    pub async fn client(&self) -> Client {
        let app = Router::new().route("/", post(answer)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        client_of(&endpoint)
    }

    /// How often an action was called.
    pub fn called(&self, action: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|called| *called == action).count()
    }

    /// What was said in every call, in order.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}

/// A client of whatever is at an address.
pub fn client_of(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

async fn answer(State(fake): State<Fake>, body: String) -> (StatusCode, String) {
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default().to_owned();
    fake.calls.lock().unwrap().push(action.clone());
    fake.bodies.lock().unwrap().push(body);
    let mut script = fake.script.lock().unwrap();
    let answers = script.get_mut(action.as_str());
    let (status, result) = match answers {
        Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some(answers) => answers.front().cloned().unwrap(),
        None => error("InvalidAction", "Unknown action"),
    };
    let wrapped = match status {
        200 => format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
        _ => result,
    };
    (StatusCode::from_u16(status).unwrap(), wrapped)
}

/// An error, as AWS says it.
pub fn error(code: &str, message: &str) -> (u16, String) {
    (400, format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"))
}

/// The stack `shop` with a status.
pub fn stack(status: &str) -> (u16, String) {
    let member = format!(
        "<StackId>arn:shop</StackId><StackName>shop</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
         <StackStatus>{status}</StackStatus>"
    );
    (200, format!("<Stacks><member>{member}</member></Stacks>"))
}
