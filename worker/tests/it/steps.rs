//! Steps: what a virtual user sends, keeps and decides, and what the report says of it.

use std::collections::BTreeMap;

use dlt_model::{
    load::Executor,
    program::{
        Body, Branch, Check, Cookies, Expect, Extract, MetricKind, Part, PartContent, Request, Source, Step, Subject,
        Test, UrlGroup, Which,
    },
    report::Report,
    template::Template,
};

use crate::{
    job::{Job, get},
    server::{Asked, Behaviour, Server, answer},
};

pub fn template(text: &str) -> Template {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

pub fn each(virtual_users: u64, iterations: u64) -> Executor {
    Executor::PerVuIterations { virtual_users, iterations, max_duration_ms: 20_000 }
}

pub fn ask(server: &Server, label: &str, method: &str, path: &str) -> Request {
    let url = template(&format!("http://{}{path}", server.address));
    Request { label: label.into(), method: method.to_owned(), url, ..get("http://x.test/") }
}

pub fn step(request: Request) -> Step {
    Step::Request(Box::new(request))
}

fn lines(server: &Server) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for asked in server.seen.asked() {
        *counts.entry(asked.line().to_owned()).or_default() += 1;
    }
    counts
}

fn check(name: &str, subject: Subject, test: Test) -> Check {
    Check { name: name.to_owned(), subject, test, not: false }
}

fn extract(variable: &str, from: Source) -> Extract {
    Extract { variable: variable.to_owned(), from, which: Which::At(0), default: None }
}

fn shop(asked: &Asked) -> String {
    match asked.line() {
        "GET /token" => {
            answer(200, &["Content-Type: application/json"], r#"{"token": "t-1", "items": ["a", "b", "c"]}"#)
        }
        "POST /order" if asked.header("authorization") == Some("Bearer t-1") => answer(201, &["X-Order: 7"], "made"),
        "POST /order" => answer(403, &[], "who?"),
        line if line.starts_with("GET /item/") => answer(200, &[], line),
        _ => answer(404, &[], ""),
    }
}

#[tokio::test]
async fn what_one_answer_says_is_sent_with_the_next_and_every_check_is_counted() {
    let server = Server::start(Behaviour::Routes(shop));
    let token = Request {
        checks: vec![
            check("is 200", Subject::Status, Test::Equals("200".into())),
            check("has items", Subject::JsonPath("$.items[*]".to_owned()), Test::Exists),
            check("is fast", Subject::Duration, Test::AtMost(5_000.0)),
        ],
        extract: vec![
            extract("token", Source::JsonPath("$.token".to_owned())),
            Extract { which: Which::All, ..extract("items", Source::JsonPath("$.items[*]".to_owned())) },
        ],
        ..ask(&server, "token", "GET", "/token")
    };
    let order = Request {
        headers: vec![("Authorization".to_owned(), template("Bearer {{ token }}"))],
        body: Body::Text(template("{{ upper(token) }} {{ vu() }}")),
        expect: Expect::Status(vec![201]),
        checks: vec![check("never", Subject::Body, Test::Contains("nothing of that".into()))],
        extract: vec![extract("order", Source::Header("x-order".to_owned()))],
        ..ask(&server, "order", "POST", "/order")
    };
    let item = ask(&server, "item", "GET", "/item/{{ order }}/{{ one }}");
    let walk = Step::ForEach { list: "items".to_owned(), item: "one".to_owned(), steps: vec![step(item)] };
    let group = Step::Group { name: "buy".to_owned(), transaction: true, steps: vec![step(token), step(order), walk] };
    let (reports, whole) = Job::of_steps(vec![group], each(3, 4)).run().await;
    let report = &reports[0];
    assert_eq!(whole.samples(), server.seen.requests());
    assert_eq!((report.iterations.completed, whole.samples()), (12, 12 * 5));
    let counts = lines(&server);
    assert_eq!((counts["GET /token"], counts["POST /order"]), (12, 12));
    assert_eq!((counts["GET /item/7/a"], counts["GET /item/7/c"]), (12, 12));
    for name in ["is 200", "has items", "is fast"] {
        assert_eq!((report.checks[name].passed, report.checks[name].failed), (12, 0), "{name}");
    }
    assert_eq!((report.checks["never"].passed, report.checks["never"].failed), (0, 12));
    // A failed check fails its sample and the transaction around it; the status stays what it was.
    assert_eq!((report.labels["order"].failed, report.labels["order"].outcomes["201"]), (12, 12));
    assert_eq!((report.transactions["buy"].failed, report.transactions["buy"].latency.count()), (12, 12));
    let bodies: std::collections::BTreeSet<String> =
        server.seen.asked().iter().filter(|asked| asked.line() == "POST /order").map(Asked::text).collect();
    assert_eq!(bodies.into_iter().collect::<Vec<_>>(), ["T-1 1", "T-1 2", "T-1 3"]);
}

#[tokio::test]
async fn an_extraction_that_finds_nothing_fails_the_sample_unless_something_stands_in_for_it() {
    let server = Server::start(Behaviour::Routes(shop));
    let missing = |label: &str, default: Option<&str>| Request {
        extract: vec![Extract {
            default: default.map(Template::literal),
            ..extract("none", Source::JsonPath("$.none".to_owned()))
        }],
        ..ask(&server, label, "GET", "/token")
    };
    let after = ask(&server, "after", "GET", "/item/{{ none }}");
    let steps = vec![step(missing("bare", None)), step(missing("default", Some("x"))), step(after)];
    let (reports, _) = Job::of_steps(steps, each(1, 3)).run().await;
    let labels = &reports[0].labels;
    assert_eq!((labels["bare"].failed, labels["bare"].outcomes["extract failed"]), (3, 3));
    assert_eq!((labels["default"].succeeded, lines(&server)["GET /item/x"]), (3, 3));
}

#[tokio::test]
async fn ways_are_taken_as_conditions_loops_and_weights_say() {
    let server = Server::start(Behaviour::Routes(|asked| answer(200, &[], asked.line())));
    let go = |path: &str| step(ask(&server, "go", "GET", path));
    let choose = |weight, path: &str| Branch { weight, steps: vec![go(path)] };
    let set = |name: &str, value: &str| Step::Set(vec![(name.to_owned(), template(value))]);
    let steps = vec![
        set("left", "3"),
        Step::Loop {
            times: template("{{ add(1, 1) }}"),
            steps: vec![
                Step::Loop { times: "2".into(), steps: vec![go("/inner/{{ index }}")] },
                go("/outer/{{ index }}"),
            ],
        },
        Step::While {
            condition: "left > 0".parse().expect("valid"),
            steps: vec![go("/while/{{ left }}"), set("left", "{{ add(left, \"-1\") }}")],
            most: 10,
        },
        Step::While { condition: "left == 0".parse().expect("valid"), steps: vec![go("/bound")], most: 2 },
        Step::If {
            condition: "iteration() == 0 and vu() matches \"^1$\"".parse().expect("valid"),
            then: vec![go("/first")],
            otherwise: vec![go("/other")],
        },
        Step::Choose(vec![choose(0, "/never"), choose(3, "/often"), choose(1, "/seldom")]),
        Step::Measure {
            metric: "turns".to_owned(),
            kind: MetricKind::Counter,
            value: template("{{ add(iteration(), 1) }}"),
            tags: vec![("vu".to_owned(), template("{{ vu() }}"))],
        },
    ];
    let (reports, whole) = Job::of_steps(steps, each(2, 20)).run().await;
    let counts = lines(&server);
    let count = |path: &str| counts.get(&format!("GET {path}")).copied().unwrap_or_default();
    assert_eq!(["/inner/0", "/inner/1", "/outer/0", "/outer/1"].map(count), [80, 80, 40, 40]);
    assert_eq!(["/while/3", "/while/2", "/while/1", "/while/0", "/bound"].map(count), [40, 40, 40, 0, 80]);
    assert_eq!(["/first", "/other", "/never"].map(count), [1, 39, 0]);
    assert_eq!(count("/often") + count("/seldom"), 40);
    assert!(count("/often") > count("/seldom"), "{counts:?}");
    assert_eq!(whole.samples(), server.seen.requests());
    let metrics = &reports[0].metrics;
    assert_eq!(["turns{vu=1}", "turns{vu=2}"].map(|name| metrics[name].sum), [210.0, 210.0]);
}

#[tokio::test]
async fn bodies_queries_and_headers_arrive_as_they_were_meant() {
    let server = Server::start(Behaviour::Routes(|_| answer(200, &[], "")));
    let field = |name: &str, value: &str| (name.to_owned(), template(value));
    let form = Request {
        query: vec![field("q", "a b&{{ x }}")],
        body: Body::Form(vec![field("name", "{{ x }}"), field("o", "p")]),
        ..ask(&server, "form", "POST", "/form?z=1")
    };
    let part = |name: &str, content| Part { name: name.to_owned(), file_name: None, content_type: None, content };
    let multipart = Request {
        body: Body::Multipart(vec![
            part("t", PartContent::Text(template("{{ x }}"))),
            Part { file_name: Some("f.bin".to_owned()), ..part("f", PartContent::Bytes(vec![0, 13, 10, 255])) },
        ]),
        ..ask(&server, "multipart", "POST", "/multipart")
    };
    let bytes = Request { body: Body::Bytes(vec![0, 255]), ..ask(&server, "bytes", "PUT", "/bytes") };
    let wrong = Request { headers: vec![field("X", "{{ bad }}")], ..ask(&server, "wrong", "GET", "/wrong") };
    let mut job = Job::of_steps([form, multipart, bytes, wrong].map(step).into(), each(1, 1));
    job.assignment.program.variables = vec![field("x", "ü=1"), ("bad".to_owned(), Template::literal("a\r\nB: c"))];
    job.assignment.program.client.compression = true;
    let (reports, whole) = job.run().await;
    let asked = server.seen.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].line(), "POST /form?z=1&q=a%20b%26%C3%BC%3D1");
    assert_eq!(asked[0].text(), "name=%C3%BC%3D1&o=p");
    assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked[0].header("accept-encoding"), Some("gzip, br, zstd"));
    let boundary = asked[1].header("content-type").and_then(|kind| kind.split_once("boundary=")).expect("there").1;
    let expected = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nü=1\r\n--{boundary}\r\n").as_bytes(),
        b"Content-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        &[0, 13, 10, 255],
        format!("\r\n--{boundary}--\r\n").as_bytes(),
    ]
    .concat();
    assert_eq!(asked[1].body, expected);
    assert_eq!(asked[2].body, [0, 255]);
    // A header must not smuggle another one in.
    assert_eq!(reports[0].labels["wrong"].outcomes["cannot be sent"], 1);
    assert_eq!((whole.requests, whole.samples()), (3, 4));
}

fn guarded(asked: &Asked) -> String {
    match asked.line() {
        "GET /login" => answer(302, &["Location: /home", "Set-Cookie: sid=s1; Path=/; HttpOnly"], ""),
        "GET /home" => answer(200, &[], asked.header("cookie").unwrap_or("none")),
        _ => answer(200, &["Set-Cookie: seen=yes"], asked.header("cookie").unwrap_or("none")),
    }
}

/// What the server was sent as cookies, by what was asked.
async fn cookies_sent(cookies: Cookies) -> Vec<(String, String)> {
    let server = Server::start(Behaviour::Routes(guarded));
    let begin = ask(&server, "begin", "GET", "/begin");
    let login = ask(&server, "login", "GET", "/login");
    let mut job = Job::of_steps(vec![step(begin), step(login)], each(1, 2));
    job.assignment.program.client.cookies = cookies;
    let (_, whole) = job.run().await;
    assert_eq!(whole.requests, server.seen.requests());
    let sent = |asked: &Asked| (asked.line().to_owned(), asked.header("cookie").unwrap_or_default().to_owned());
    server.seen.asked().iter().map(sent).collect()
}

#[tokio::test]
async fn cookies_are_kept_for_an_iteration_for_a_user_or_not_at_all() {
    let expected = |second: [&str; 3]| {
        let first = ["", "seen=yes", "seen=yes; sid=s1"];
        let lines = ["GET /begin", "GET /login", "GET /home"];
        let all = first.into_iter().chain(second).zip(lines.into_iter().cycle());
        all.map(|(cookies, line)| (line.to_owned(), cookies.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(cookies_sent(Cookies::Iteration).await, expected(["", "seen=yes", "seen=yes; sid=s1"]));
    let both = "seen=yes; sid=s1";
    assert_eq!(cookies_sent(Cookies::User).await, expected([both, both, both]));
    assert!(cookies_sent(Cookies::Off).await.iter().all(|(_, cookies)| cookies.is_empty()));
}

#[tokio::test]
async fn what_a_user_does_once_at_its_start_stays_signed_in_and_is_no_iteration() {
    let server = Server::start(Behaviour::Routes(guarded));
    let mut job = Job::of_steps(vec![step(ask(&server, "home", "GET", "/home"))], each(2, 3));
    let flow = job.assignment.program.flows.get_mut("test").expect("there");
    flow.start = vec![step(ask(&server, "login", "GET", "/login"))];
    let (reports, whole) = job.run().await;
    assert_eq!((reports[0].iterations.completed, whole.samples()), (6, 8));
    let home: Vec<Asked> = server.seen.asked().into_iter().filter(|asked| asked.line() == "GET /home").collect();
    assert!(home.len() == 8 && home.iter().all(|asked| asked.header("cookie") == Some("sid=s1")));
}

#[tokio::test]
async fn what_a_page_embeds_is_fetched_as_a_part_of_its_sample() {
    fn page(asked: &Asked) -> String {
        match asked.line() {
            "GET /" => {
                let html = r#"<link rel=stylesheet href=/a.css><img src=/1.png><img src=/1.png><script src=x.js></script>
                    <img src=/2.png><img src=/3.png><img src=/4.png>"#;
                answer(200, &["Content-Type: text/html; charset=utf-8"], html)
            }
            "GET /broken" => answer(200, &["Content-Type: text/html"], "<img src=/gone.png>"),
            "GET /gone.png" => answer(404, &[], ""),
            _ => answer(200, &[], "bytes"),
        }
    }
    let server = Server::start(Behaviour::Routes(page));
    let with = |label: &str, path: &str| Request { resources: true, ..ask(&server, label, "GET", path) };
    let steps = [with("page", "/"), with("broken", "/broken"), with("text", "/text")].map(step);
    let (reports, whole) = Job::of_steps(steps.into(), each(2, 5)).run().await;
    let labels = &reports[0].labels;
    assert_eq!((labels["page"].succeeded, labels["page"].requests), (10, 70));
    assert_eq!((labels["broken"].failed, labels["broken"].outcomes["resource failed"]), (10, 10));
    assert_eq!((labels["text"].succeeded, labels["text"].requests), (10, 10));
    assert_eq!(whole.requests, server.seen.requests());
    assert!(server.seen.connections().len() <= 2 * 4, "{}", server.seen.connections().len());
}

#[tokio::test]
async fn labels_of_urls_are_grouped_and_bounded() {
    let server = Server::start(Behaviour::Routes(|_| answer(200, &[], "")));
    let url = template(&format!("http://{}/item/{{{{ iteration() }}}}", server.address));
    let grouped = Request { label: url.clone(), url, ..get("http://x.test/") };
    let named = Request { label: template("page {{ iteration() }}"), ..ask(&server, "", "GET", "/page") };
    let mut job = Job::of_steps(vec![step(grouped), step(named)], each(1, 600));
    let group = UrlGroup { pattern: "/item/[0-9]+$".to_owned(), label: "item".to_owned() };
    job.assignment.program.client.url_groups = vec![group];
    let (reports, whole) = job.run().await;
    let labels = &reports[0].labels;
    assert_eq!((labels["item"].samples(), labels["page 7"].samples()), (600, 1));
    assert_eq!((labels.len(), labels["(other labels)"].samples()), (501, 101));
    assert_eq!(whole.samples(), server.seen.requests());
}

#[tokio::test]
async fn everything_that_cannot_be_run_is_named_at_once_before_the_worker_says_ready() {
    let server = Server::start(Behaviour::Routes(|_| answer(200, &[], "")));
    let bad = Request {
        checks: vec![check("shape", Subject::JsonPath("a.b".to_owned()), Test::Exists)],
        ..ask(&server, "one", "GET", "/{{ tokne }}")
    };
    let inner = Request {
        extract: vec![extract("t", Source::Css { selector: "a[".to_owned(), attribute: None })],
        ..ask(&server, "two", "GET", "/")
    };
    let group = Step::Group { name: "g".to_owned(), transaction: false, steps: vec![step(inner)] };
    let job = Job::of_steps(vec![step(bad), group, Step::Choose(Vec::new())], each(1, 1));
    job.assign();
    let error = job.live(0, std::future::pending(), std::io::sink()).await.expect_err("refused").to_string();
    for part in [
        "step 1 `one`: url: nothing sets the variable `tokne`",
        "step 2.1 `two`: extraction of `t`: `a[` is no CSS selector",
        "step 3: none of its ways has a weight above 0",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let ready = job.folder.path().join(dlt_model::assignment::keys::ready(0));
    assert!(!ready.exists() && server.seen.requests() == 0);
}

#[tokio::test]
async fn chance_is_the_same_in_the_same_run() {
    async fn drawn() -> Vec<String> {
        let server = Server::start(Behaviour::Routes(|_| answer(200, &[], "")));
        let request = ask(&server, "x", "GET", "/{{ uuid() }}/{{ random(1, 1000000) }}");
        let _: (Vec<Report>, _) = Job::of_steps(vec![step(request)], each(3, 3)).run().await;
        let mut lines: Vec<String> = server.seen.asked().iter().map(|asked| asked.line().to_owned()).collect();
        lines.sort();
        lines.dedup();
        lines
    }
    let first = drawn().await;
    assert_eq!((first.len(), &first), (9, &drawn().await));
}
