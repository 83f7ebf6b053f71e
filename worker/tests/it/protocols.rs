//! WebSocket, gRPC and TCP as steps, against servers of other makes: both sides count the same, and what fails is named.

use std::{future::pending, io, sync::atomic::Ordering::SeqCst};

use dlt_model::{
    load::Executor,
    program::{
        Check, Extract, Grpc, Pause, Secret, SecretSource, SocketAction, Source, Step, Subject, Tcp, TcpBytes,
        TcpUntil, Test, WebSocket, Which,
    },
};

use crate::{
    job::Job,
    peers::{Manners, Peer},
    server::{Behaviour, Server, answer},
    steps::{ask, each, step, template},
    talkers::{Talker, descriptors},
};

fn check(name: &str, subject: Subject, test: Test) -> Check {
    Check { name: name.to_owned(), subject, test, not: false }
}

fn json(path: &str) -> Subject {
    Subject::JsonPath(path.to_owned())
}

fn extract(variable: &str, path: &str) -> Extract {
    let from = Source::JsonPath(path.to_owned());
    Extract { variable: variable.to_owned(), from, which: Which::At(0), default: None }
}

pub fn receive(checks: Vec<Check>, extract: Vec<Extract>) -> SocketAction {
    SocketAction::Receive { checks, extract }
}

pub fn says(text: &str) -> SocketAction {
    SocketAction::Send(template(text))
}

pub fn websocket(label: &str, host: &str, actions: Vec<SocketAction>) -> WebSocket {
    WebSocket {
        label: template(label),
        url: template(&format!("ws://{host}/chat")),
        headers: Vec::new(),
        protocols: Vec::new(),
        timeout_ms: 5_000,
        actions,
    }
}

pub fn chat(socket: WebSocket) -> Step {
    Step::WebSocket(Box::new(socket))
}

pub fn grpc(label: &str, host: &str, name: &str) -> Grpc {
    Grpc {
        label: template(label),
        url: template(&format!("http://{host}")),
        method: "shop.Stock/Count".to_owned(),
        descriptors: descriptors(),
        message: template(&format!(r#"{{"item_name": "{name}"}}"#)),
        metadata: Vec::new(),
        timeout_ms: 5_000,
        checks: Vec::new(),
        extract: Vec::new(),
    }
}

pub fn call(grpc: Grpc) -> Step {
    Step::Grpc(Box::new(grpc))
}

pub fn tcp(label: &str, address: &str, text: &str) -> Tcp {
    Tcp {
        label: template(label),
        address: template(address),
        tls: false,
        send: TcpBytes::Text(template(text)),
        until: Some(TcpUntil::Text("\n".to_owned())),
        timeout_ms: 5_000,
        checks: Vec::new(),
        extract: Vec::new(),
    }
}

pub fn bytes(tcp: Tcp) -> Step {
    Step::Tcp(Box::new(tcp))
}

#[tokio::test]
async fn a_conversation_is_one_sample_for_connecting_and_one_for_each_answer() {
    let server = Talker::chat();
    let host = server.address.to_string();
    let joined = check("joined", json("$.kind"), Test::Equals("joined".into()));
    let bye = check("bye", Subject::Body, Test::Equals(template("bye {{ id }}")));
    let socket = websocket(
        "chat {{ vu() }}",
        &host,
        vec![
            says("join"),
            receive(vec![joined], vec![extract("id", "$.id")]),
            says("aside"),
            SocketAction::Pause(Pause::Constant { ms: 100 }),
            says("bye {{ id }}"),
            receive(vec![bye], Vec::new()),
        ],
    );
    let group = Step::Group { name: "talk".to_owned(), transaction: true, steps: vec![chat(socket)] };
    let (reports, whole) = Job::of_steps(vec![group], each(3, 4)).run().await;
    let report = &reports[0];
    assert_eq!((whole.samples(), whole.succeeded, whole.outcomes["101"], whole.outcomes["200"]), (36, 36, 12, 24));
    assert_eq!((whole.requests, server.heard.connections(), whole.connecting.count()), (12, 12, 12));
    assert_eq!(["join", "aside", "bye 7"].map(|line| server.heard.count(line)), [12, 12, 12]);
    assert_eq!(report.labels["chat 1"].samples(), 12);
    for name in ["joined", "bye"] {
        assert_eq!((report.checks[name].passed, report.checks[name].failed), (12, 0), "{name}");
    }
    // The noise before each greeting, and the echo of what was said aside.
    assert_eq!(report.metrics["websocket_messages_skipped"].sum, 24.0);
    assert_eq!((report.transactions["talk"].succeeded, report.iterations.completed), (12, 12));
    // Each text has a frame of 6 bytes around it, and the goodbye is one more; the rest are handshakes.
    let said = 12 * (4 + 5 + 5 + 4 * 6) as u64;
    assert!(whole.bytes_sent > said + 12 * 100 && whole.bytes_sent < said + 12 * 400, "{}", whole.bytes_sent);
}

#[tokio::test]
async fn what_goes_wrong_in_a_conversation_is_named_and_its_checks_fail() {
    let server = Talker::chat();
    let http = Server::start(Behaviour::Routes(|_| answer(403, &[], "no")));
    let (host, other) = (server.address.to_string(), http.address.to_string());
    let never = |name: &str| check(name, Subject::Body, Test::Contains("never".into()));
    let any = |name: &str| check(name, Subject::Body, Test::Exists);
    let short = |socket: WebSocket| chat(WebSocket { timeout_ms: 200, ..socket });
    let pause = SocketAction::Pause(Pause::Constant { ms: 2_000 });
    let missing = extract("none", "$.none");
    let steps = vec![
        chat(websocket("refused", &other, vec![receive(vec![any("refused")], Vec::new())])),
        short(websocket("silent", &host, vec![says("silence"), receive(vec![any("silent")], Vec::new())])),
        short(websocket(
            "wrong",
            &host,
            vec![
                says("x"),
                receive(vec![never("wrong"), any("there")], Vec::new()),
                receive(vec![any("next")], vec![]),
            ],
        )),
        chat(websocket("closed", &host, vec![says("leave"), receive(Vec::new(), Vec::new())])),
        chat(websocket("paused", &host, vec![says("leave"), pause, receive(vec![any("paused")], Vec::new())])),
        chat(websocket("missing", &host, vec![says("x"), receive(Vec::new(), vec![missing]), says("after")])),
        chat(WebSocket {
            url: template("{{ pick(\"http\", \"ftp\") }}://x.test/"),
            ..websocket("scheme", &host, vec![says("x")])
        }),
    ];
    let (reports, whole) = Job::of_steps(steps, each(1, 2)).run().await;
    let report = &reports[0];
    for (label, outcome, others) in [
        ("refused", "websocket refused", 0),
        ("silent", "request timeout", 2),
        ("wrong", "request timeout", 2),
        ("closed", "websocket closed", 2),
        ("paused", "websocket closed", 2),
        ("missing", "extract failed", 2),
        ("scheme", "cannot be sent", 0),
    ] {
        let label = &report.labels[label];
        assert_eq!((label.failed, label.outcomes.get(outcome), label.succeeded), (2, Some(&2), others), "{outcome}");
    }
    for name in ["refused", "silent", "wrong", "next", "paused"] {
        assert_eq!((report.checks[name].passed, report.checks[name].failed), (0, 2), "{name}");
    }
    assert_eq!((report.checks["there"].passed, report.checks["there"].failed), (2, 0));
    assert_eq!(server.heard.count("after"), 2);
    assert_eq!(whole.requests, server.heard.connections() + http.seen.requests());
}

#[tokio::test]
async fn a_call_is_judged_by_its_status_and_read_as_json() {
    let server = Talker::stock();
    let host = server.address.to_string();
    let amount = |name: &str, amount: &str| check(name, json("$.amount"), Test::Equals(template(amount)));
    let status = check("is 5", Subject::Status, Test::Equals("5".into()));
    let why = check("why", Subject::Body, Test::Equals("none left".into()));
    let steps = vec![
        call(Grpc {
            checks: vec![amount("seven", "7"), amount("eight", "8")],
            extract: vec![extract("name", "$.item_name")],
            ..grpc("checked", &host, "pen")
        }),
        call(Grpc {
            metadata: vec![("x-key".to_owned(), template("k {{ name }}"))],
            ..grpc("good", &host, "{{ name }}")
        }),
        call(grpc("bad", &host, "ink")),
        call(Grpc { checks: vec![status, why], ..grpc("expected", &host, "ink") }),
        call(Grpc { extract: vec![extract("none", "$.none")], ..grpc("missing", &host, "pen") }),
        call(Grpc { message: template("{{ name }}"), ..grpc("no JSON", &host, "") }),
    ];
    let (reports, whole) = Job::of_steps(steps, each(3, 4)).run().await;
    let report = &reports[0];
    for (label, outcome, succeeded) in [
        ("checked", "0", 0),
        ("good", "0", 12),
        ("bad", "5", 0),
        ("expected", "5", 12),
        ("missing", "extract failed", 0),
        ("no JSON", "cannot be sent", 0),
    ] {
        let label = &report.labels[label];
        assert_eq!(
            (label.succeeded, label.samples(), label.outcomes.get(outcome)),
            (succeeded, 12, Some(&12)),
            "{outcome}"
        );
    }
    for (name, passed) in [("seven", 12), ("eight", 0), ("is 5", 12), ("why", 12)] {
        assert_eq!((report.checks[name].passed, report.checks[name].failed), (passed, 12 - passed), "{name}");
    }
    assert_eq!((whole.requests, whole.retries, server.heard.calls()), (60, 0, 60));
    assert_eq!(server.heard.count("/shop.Stock/Count k pen"), 12);
    // Users keep their connections.
    assert_eq!((whole.connecting.count(), server.heard.connections()), (3, 3));
    let plain = Peer::start(Manners::default(), None);
    let mut job = Job::of_steps(vec![call(grpc("plain", &plain.address.to_string(), "pen"))], each(1, 3));
    job.assignment.program.client.reuse = dlt_model::program::Reuse::Never;
    let (_, whole) = job.run().await;
    assert_eq!((whole.failed, whole.outcomes["malformed grpc response"]), (3, 3));
    assert_eq!((plain.seen.requests(), plain.seen.connections()), (3, 3));
}

#[tokio::test]
async fn bytes_over_tcp_are_counted_to_the_last_and_looked_at() {
    let server = Talker::echo();
    let host = server.address.to_string();
    let has = |name: &str, text: &str| check(name, Subject::Body, Test::Contains(template(text)));
    let number =
        Extract { from: Source::Regex { pattern: "n=([0-9]+)".to_owned(), group: 1 }, ..extract("number", "$.unused") };
    let steps = vec![
        bytes(Tcp { checks: vec![has("echo", "n=42")], extract: vec![number], ..tcp("first", &host, "n=42\n") }),
        bytes(Tcp { checks: vec![has("other", "nothing")], ..tcp("second", &host, "again {{ number }}\n") }),
        bytes(Tcp { extract: vec![extract("none", "$.none")], ..tcp("third", &host, "x\n") }),
        bytes(Tcp { send: TcpBytes::Bytes(vec![0xff, b'\n']), ..tcp("bytes", &host, "") }),
    ];
    let (reports, whole) = Job::of_steps(steps, each(3, 4)).run().await;
    let report = &reports[0];
    for (label, outcome, succeeded) in
        [("first", "200", 12), ("second", "200", 0), ("third", "extract failed", 0), ("bytes", "200", 12)]
    {
        let label = &report.labels[label];
        assert_eq!(
            (label.succeeded, label.samples(), label.outcomes.get(outcome)),
            (succeeded, 12, Some(&12)),
            "{outcome}"
        );
    }
    assert_eq!((report.checks["echo"].passed, report.checks["other"].failed), (12, 12));
    assert_eq!((server.heard.count("again 42\n"), server.heard.connections(), whole.requests), (12, 48, 48));
    assert_eq!(whole.bytes_sent, server.heard.bytes_in.load(SeqCst));
    assert_eq!(whole.bytes_received, server.heard.bytes_out.load(SeqCst));
}

#[tokio::test]
async fn what_goes_wrong_over_tcp_is_named() {
    let server = Talker::echo();
    let host = server.address.to_string();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let there = || vec![check("there", Subject::Body, Test::Exists)];
    let steps = vec![
        bytes(Tcp { checks: there(), ..tcp("nobody", &closed.to_string(), "x\n") }),
        bytes(Tcp { checks: there(), timeout_ms: 200, ..tcp("silent", &host, "silence\n") }),
        bytes(Tcp { checks: there(), ..tcp("leave", &host, "leave\n") }),
        bytes(Tcp { checks: there(), ..tcp("nowhere", "{{ pick(\"a b\", \"c\") }}", "x") }),
    ];
    let (reports, _) = Job::of_steps(steps, each(1, 2)).run().await;
    let report = &reports[0];
    for (label, outcome) in [
        ("nobody", "connect refused"),
        ("silent", "request timeout"),
        ("leave", "connection closed early"),
        ("nowhere", "no such address"),
    ] {
        let label = &report.labels[label];
        assert_eq!((label.failed, label.samples(), label.outcomes.get(outcome)), (2, 2, Some(&2)), "{outcome}");
    }
    assert_eq!((report.checks["there"].passed, report.checks["there"].failed), (0, 8));
}

#[tokio::test]
async fn the_graceful_stop_cuts_off_whoever_still_waits() {
    let (socket, echo) = (Talker::chat(), Talker::echo());
    let actions = vec![says("silence"), receive(Vec::new(), Vec::new())];
    for (step, outcomes) in [
        (chat(websocket("chat", &socket.address.to_string(), actions)), vec!["101", "interrupted"]),
        (bytes(tcp("tcp", &echo.address.to_string(), "silence\n")), vec!["interrupted"]),
    ] {
        let mut job = Job::of_steps(vec![step], Executor::ramp_and_hold(2, 0, 400));
        job.assignment.load[0].graceful_stop_ms = 200;
        let (reports, whole) = job.run().await;
        assert_eq!(whole.outcomes.keys().collect::<Vec<_>>(), outcomes);
        assert_eq!((whole.outcomes["interrupted"], reports[0].iterations.interrupted), (2, 2));
    }
}

#[tokio::test]
async fn cookies_and_secrets_go_with_them_and_secrets_stay_hidden() {
    let http = Server::start(Behaviour::Routes(|_| answer(200, &["Set-Cookie: sid=s1; Path=/"], "")));
    let (socket, stock) = (Talker::chat(), Talker::stock());
    let key = || vec![("x-key".to_owned(), template("{{ key }}"))];
    let steps = vec![
        step(ask(&http, "login", "GET", "/")),
        chat(WebSocket { headers: key(), ..websocket("chat {{ key }}", &socket.address.to_string(), vec![says("x")]) }),
        call(Grpc { metadata: key(), ..grpc("call {{ key }}", &stock.address.to_string(), "pen") }),
    ];
    let mut job = Job::of_steps(steps, each(1, 2));
    let source = SecretSource::Environment { name: "CARGO_PKG_NAME".to_owned() };
    job.assignment.program.secrets = vec![Secret { name: "key".to_owned(), source }];
    let (reports, whole) = job.run().await;
    assert_eq!((whole.failed, whole.succeeded), (0, 6));
    assert_eq!((socket.heard.count("cookie: sid=s1"), socket.heard.count("x-key: dlt-worker")), (2, 2));
    assert_eq!(stock.heard.count("/shop.Stock/Count dlt-worker"), 2);
    assert_eq!(reports[0].labels.keys().collect::<Vec<_>>(), ["call (secret)", "chat (secret)", "login"]);
}

#[tokio::test]
async fn everything_that_cannot_be_done_is_said_before_the_worker_says_ready() {
    let status = || check("s", Subject::Status, Test::Exists);
    let steps = vec![
        chat(WebSocket { url: template("http://a.test/"), ..websocket("a", "x", vec![says("x")]) }),
        chat(websocket("b", "x", vec![says("x"), receive(vec![status()], Vec::new())])),
        call(Grpc { method: "shop.Stock/Sell".to_owned(), ..grpc("c", "x", "pen") }),
        call(Grpc { message: template(r#"{"colour": 1}"#), ..grpc("d", "x", "pen") }),
        bytes(tcp("e", "a.test", "x")),
        bytes(Tcp { until: None, checks: vec![check("s", Subject::Body, Test::Exists)], ..tcp("f", "a.test:1", "x") }),
        bytes(Tcp { timeout_ms: 0, ..tcp("g", "a.test:1", "x") }),
    ];
    let job = Job::of_steps(steps, each(1, 1));
    job.assign();
    let error = job.live(0, pending(), io::sink()).await.expect_err("refused").to_string();
    for part in [
        "step 1 `a`: `http://a.test/` is not an absolute ws or wss URL",
        "step 2 `b`: action 2: check `s`: a message has neither status nor headers",
        "step 3 `c`: there is no method `shop.Stock/Sell`; there is shop.Stock/Count",
        "step 4 `d`: the message is no shop.Item",
        "step 5 `e`: `a.test` is no address of the form `host:port`",
        "step 6 `f`: no answer is awaited",
        "step 7 `g`: a timeout of 0 ms",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
}
