//! Our worker, driven as a control plane drives it: assignment out, readiness in, one start instant, report in.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dlt_model::{
    assignment::{Assignment, Start, keys},
    id::Region,
    load::{Execution, Executor},
    program::{
        Body, Check, Client, Expect, Extract, Flow, Http2, Pause, Program, Request, Source, Step, Subject, Test,
        Version, Which,
    },
    segment::Segment,
    template::Template,
};
use serde_json::Value;

use crate::{
    machine,
    server::Protocol,
    task::{Kind, Task},
};

/// How long a worker may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// From the start file to the start.
const START_AHEAD_MS: u64 = 300;
/// Iterations that go on at the end.
const GRACEFUL_STOP_MS: u64 = 5_000;
const TIMEOUT_MS: u64 = 20_000;
/// Virtual users that wait for arrivals, and as many again that may be made: a stall of 500 ms needs half a second's worth.
const OPEN_USERS: u64 = 2_500;

/// What is checked of every answer besides the expected status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checks {
    /// The status, by a named check.
    Status,
    /// The status and a part of the body.
    Body,
}

/// The worker's process; its assignment lies in the folder.
pub fn command(program: &Path, checks: Checks, task: &Task, url: &str, folder: &Path) -> Command {
    let assignment = assignment(checks, task, url);
    write(folder, &keys::assignment(0), &assignment);
    let ticks = fs::File::create(folder.join("ticks.jsonl")).expect("a file in a fresh temporary folder");
    let place = url::Url::from_directory_path(folder).expect("temporary folders have absolute paths");
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("DLT_RUN_FOLDER", place.as_str())
        .env("TASK_INDEX", "0")
        .env("TASK_COUNT", "1")
        .env("TEST_ID", assignment.test_id.as_str())
        .env("RUN_ID", assignment.run_id.as_str())
        .env("REGION", assignment.region.as_str())
        // It ends when we do.
        .env("DLT_STOP_ON_STDIN_EOF", "1")
        .stdin(Stdio::piped())
        .stdout(ticks);
    command
}

/// Waits until the worker is ready and tells it to start.
///
/// # Errors
/// Returns what the worker said when it ended instead: it refuses what it cannot do.
pub fn open(folder: &Path, child: &mut Child) -> Result<(), String> {
    let deadline = Instant::now() + READY_WITHIN;
    while !folder.join(keys::ready(0)).exists() {
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            let said = fs::read_to_string(folder.join("stderr")).unwrap_or_default();
            return Err(format!("this worker refuses it: {}", said.trim().trim_start_matches("error: ")));
        }
        if Instant::now() > deadline {
            return Err("the worker was not ready in time".to_owned());
        }
        machine::rest(Duration::from_millis(10));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let start_at_ms = u64::try_from(now.as_millis()).unwrap_or(0) + START_AHEAD_MS;
    write(folder, keys::START, &Start { start_at_ms });
    Ok(())
}

/// What the worker reported, with everything that this release of it has.
pub fn report(folder: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(folder.join(keys::report(0))).ok()?).ok()
}

/// How many checks a report counted, passed or not.
pub fn checks_counted(report: &Value) -> u64 {
    let checks = report.get("checks").and_then(Value::as_object);
    let number = |check: &Value, key: &str| check.get(key).and_then(Value::as_u64).unwrap_or(0);
    checks.map_or(0, |checks| checks.values().map(|check| number(check, "passed") + number(check, "failed")).sum())
}

fn write(folder: &Path, key: &str, value: &impl serde::Serialize) {
    let path = folder.join(key);
    let partial = path.with_extension("partial");
    fs::create_dir_all(path.parent().expect("keys have folders or are in one"))
        .and_then(|()| fs::write(&partial, serde_json::to_vec(value).expect("nouns of the model serialise")))
        .and_then(|()| fs::rename(partial, path))
        .expect("a file can be written in a fresh temporary folder");
}

fn assignment(checks: Checks, task: &Task, url: &str) -> Assignment {
    let version = if task.protocol == Protocol::Http2 { Version::Http2 } else { Version::Http1 };
    let users_per_connection = u32::try_from(task.streams).expect("far fewer than 2^32 streams");
    let flow = Flow { start: Vec::new(), steps: steps(checks, task.kind, url) };
    Assignment {
        test_id: "Bench".parse().expect("an id"),
        run_id: "Run".parse().expect("an id"),
        region: Region::local(),
        worker: 0,
        segment: Segment::WHOLE,
        load: vec![Execution {
            name: "bench".to_owned(),
            flow: "bench".to_owned(),
            start_after_ms: 0,
            graceful_stop_ms: GRACEFUL_STOP_MS,
            executor: executor(task),
        }],
        program: Program {
            flows: [("bench".to_owned(), flow)].into(),
            client: Client { version, http2: Http2 { users_per_connection }, ..Client::default() },
            ..Program::default()
        },
        start_deadline_ms: 60_000,
    }
}

fn executor(task: &Task) -> Executor {
    let duration_ms = task.secs * 1_000;
    match task.kind {
        #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
        Kind::Open { rate } => Executor::ConstantArrivalRate {
            rate: rate as f64,
            per_ms: 1_000,
            duration_ms,
            pre_allocated_virtual_users: task.users,
            max_virtual_users: task.users.max(2 * OPEN_USERS),
        },
        _ => Executor::ConstantVus { virtual_users: task.users, duration_ms },
    }
}

fn steps(checks: Checks, kind: Kind, url: &str) -> Vec<Step> {
    let page = Request {
        checks: match checks {
            Checks::Status => vec![status(200)],
            Checks::Body => vec![status(200), has("in stock", "\"stock\":17")],
        },
        ..request("page", "GET", &format!("{url}/"), 200)
    };
    match kind {
        Kind::Steady | Kind::Open { .. } => vec![sent(page)],
        Kind::Thinking { pause_ms } => vec![sent(page), Step::Pause(Pause::Constant { ms: pause_ms })],
        Kind::Scenario => vec![
            sent(Request {
                checks: vec![status(200)],
                extract: vec![Extract {
                    variable: "token".to_owned(),
                    from: Source::JsonPath("$.token".to_owned()),
                    which: Which::default(),
                    default: None,
                }],
                ..request("token", "GET", &format!("{url}/token"), 200)
            }),
            sent(Request {
                headers: vec![("Content-Type".to_owned(), Template::literal("application/json"))],
                body: Body::Text(
                    r#"{"token":"{{ token }}","items":[1,2,3]}"#.parse().expect("a template of one variable"),
                ),
                checks: vec![status(201)],
                ..request("order", "POST", &format!("{url}/orders"), 201)
            }),
        ],
    }
}

fn sent(request: Request) -> Step {
    Step::Request(Box::new(request))
}

fn request(label: &str, method: &str, url: &str, status: u16) -> Request {
    Request {
        label: Template::literal(label),
        timeout_ms: TIMEOUT_MS,
        expect: Expect::Status(vec![status]),
        ..Request::new(method, Template::literal(url))
    }
}

fn status(status: u16) -> Check {
    let test = Test::Equals(Template::literal(status.to_string()));
    Check { name: format!("status is {status}"), subject: Subject::Status, test, not: false }
}

fn has(name: &str, text: &str) -> Check {
    let test = Test::Contains(Template::literal(text));
    Check { name: name.to_owned(), subject: Subject::Body, test, not: false }
}
