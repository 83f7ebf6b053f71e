//! The API as its clients see it: good requests, and bad ones that leave nothing behind.

use axum::{
    Router,
    body::{Body, to_bytes},
};
use dlt_control::api;
use dlt_model::report::Ending;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::stage::Stage;

struct Client {
    stage: Stage,
    router: Router,
}

impl Client {
    fn new() -> Self {
        Self::on(Stage::new())
    }

    fn on(stage: Stage) -> Self {
        let router = api::router(stage.plane.clone(), "/prod");
        Self { stage, router }
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<Body>, key: Option<&str>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/prod{path}"));
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body.into()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let status = response.status();
        assert!(response.headers().contains_key(api::REQUEST_ID));
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, Body::empty(), None).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, body.to_string(), None).await
    }

    async fn stored(&self) -> usize {
        self.stage.plane.all_scenarios().await.expect("a list").len()
    }
}

/// As the seed's script sends it: digit strings, empty id and file type, `{}` for no body, an invented capacity.
fn seed_body() -> Value {
    json!({
        "testId": "",
        "testName": "DLT-test",
        "testDescription": "A test of the front page",
        "testTaskConfigs": [{"concurrency": "3", "taskCount": "2", "region": "eu-west-1"}],
        "testScenario": {
            "execution": [{"ramp-up": "1m", "hold-for": "3m", "scenario": "DLT-test"}],
            "scenarios": {"DLT-test": {"requests": [
                {"url": "https://example.com/", "method": "GET", "body": {}, "headers": {}}
            ]}},
        },
        "showLive": false,
        "testType": "simple",
        "fileType": "",
        "regionalTaskDetails": {"eu-west-1": {"vCPULimit": 500, "vCPUsPerTask": 2, "vCPUsInUse": 1,
            "dltTaskLimit": 32, "dltAvailableTasks": 32}},
    })
}

fn saved_body() -> Value {
    let mut body = seed_body();
    body["saveOnly"] = json!(true);
    body
}

#[tokio::test]
async fn the_seeds_request_is_stored_and_started_and_its_end_can_be_polled() {
    let client = Client::new();
    let (status, created) = client.post("/scenarios", &seed_body()).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    assert_eq!(created["status"], "queued");
    let id = created["testId"].as_str().expect("an id").to_owned();
    let run = client.stage.plane.runs(&id.parse().expect("an id"), None, 1).await.expect("runs").items[0].key();
    client.stage.to_the_start(&run, 2).await;
    let (_, running) = client.get(&format!("/scenarios/{id}?history=false")).await;
    assert_eq!(running["status"], "running");
    assert_eq!(running["tasksPerRegion"], json!([{"region": "eu-west-1", "running": 2, "pending": 0, "desired": 2}]));
    assert!(running.get("history").is_none());
    client.stage.fleet.finish(&run, 0, 40, Ending::Finished).await;
    client.stage.fleet.finish(&run, 1, 60, Ending::Finished).await;
    client.stage.to_the_end(&run).await;

    let (_, ended) = client.get(&format!("/scenarios/{id}")).await;
    assert_eq!(ended["status"], "complete");
    let total = &ended["results"]["total"];
    let count = |key: &str| total[key].as_str().map_or_else(|| total[key].as_f64(), |text| text.parse().ok());
    assert_eq!((count("throughput"), count("fail")), (Some(100.0), Some(0.0)));
    assert!(count("p95_0").expect("seconds") < 0.1);
    assert_eq!(ended["history"][0]["testRunId"], run.run_id.as_str());
    assert_eq!(ended["testScenario"]["execution"][0]["hold-for"], "3m");
    assert_eq!(ended["totalTestRuns"], 1);

    let (_, runs) = client.get(&format!("/scenarios/{id}/testruns?limit=5")).await;
    assert_eq!(runs["testRuns"][0]["requests"], 100.0);
    assert_eq!(runs["testRuns"][0]["status"], "complete");
    assert_eq!(runs["pagination"], json!({"limit": 5, "next_token": null, "total_count": 1}));
    let (_, one) = client.get(&format!("/scenarios/{id}/testruns/{}", run.run_id)).await;
    assert_eq!((one["completeTasks"]["eu-west-1"].as_u64(), one["succPercent"].as_str()), (Some(2), Some("100.00")));
    assert_eq!(one["testTaskConfigs"][0]["taskCount"], 2);
    let (_, summary) = client.get(&format!("/scenarios/{id}/testruns/{}/summary", run.run_id)).await;
    assert_eq!(summary["total"]["all"]["succeeded"], 100);
    let (_, series) = client.get(&format!("/scenarios/{id}/testruns/{}/series", run.run_id)).await;
    assert_eq!((series[0]["second"].as_u64(), series[0]["succeeded"].as_u64()), (Some(1), Some(100)));
}

#[tokio::test]
async fn bodies_that_are_wrong_are_refused_with_every_problem_and_nothing_is_stored() {
    let client = Client::new();
    let with = |key: &str, value: Value| {
        let mut body = saved_body();
        body[key] = value;
        body.to_string()
    };
    let requests = |requests: Value| {
        let mut body = saved_body();
        body["testScenario"]["scenarios"]["DLT-test"]["requests"] = requests;
        body.to_string()
    };
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "empty"),
        ("not json".to_owned(), "not JSON"),
        ("{\"testName\": ".to_owned(), "not JSON"),
        ("[]".to_owned(), "expected an object"),
        ("null".to_owned(), "expected an object"),
        ("{}".to_owned(), "`testName` is required"),
        (with("testName", json!("ab")), "testName"),
        (with("testName", json!(["a", "list"])), "testName"),
        (with("testId", json!("../../etc/passwd")), "testId"),
        (with("testTaskConfigs", json!([])), "testTaskConfigs"),
        (with("testTaskConfigs", json!([{"region": "eu-west-1", "taskCount": -1, "concurrency": 1}])), "taskCount"),
        (with("testTaskConfigs", json!([{"region": "moon-base-1", "taskCount": 1, "concurrency": 1}])), "region"),
        (with("testTaskConfigs", json!([{"region": "sa-east-1", "taskCount": 1, "concurrency": 1}])), "eu-west-1"),
        (with("testScenario", json!({"execution": [], "scenarios": {}})), "execution"),
        (requests(json!([])), "requests"),
        (requests(json!([{"url": "ftp://example.com", "method": "GET"}])), "url"),
        (requests(json!([{"url": "https://example.com", "method": "FETCH"}])), "method"),
        (with("testType", json!("jmeter")), "testType"),
        (with("scheduleStep", json!("create")), "`scheduleDate` is required"),
        (with("scheduleStep", json!("perhaps")), "expected `create` or `start`"),
        (with("saveOnly", json!("perhaps")), "saveOnly"),
        ("[".repeat(100_000), "not JSON"),
    ];
    for (body, expected) in cases {
        let shown: String = body.chars().take(80).collect();
        let (status, answer) = client.send(Method::POST, "/scenarios", body, None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{shown}: {answer}");
        assert_eq!(answer["code"], "INVALID_REQUEST_BODY", "{shown}");
        assert!(answer["message"].as_str().expect("a message").contains(expected), "{shown}: {answer}");
        assert!(answer["requestId"].as_str().is_some_and(|id| !id.is_empty()));
    }
    let (status, answer) = client.send(Method::POST, "/scenarios", vec![0xff, 0xfe, b'{'], None).await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::BAD_REQUEST, Some("INVALID_REQUEST_BODY")));
    let (status, answer) = client.send(Method::POST, "/scenarios", "x".repeat(api::MAX_BODY_BYTES + 1), None).await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("INVALID_REQUEST_BODY")));
    assert_eq!(client.stored().await, 0);
}

#[tokio::test]
async fn several_problems_come_together_each_with_its_place() {
    let client = Client::new();
    let mut body = saved_body();
    body["testName"] = json!("x");
    body["testType"] = json!("k6");
    let (_, answer) = client.post("/scenarios", &body).await;
    let problems = answer["problems"].as_array().expect("problems");
    assert!(problems.len() >= 2, "{answer}");
    assert!(problems.iter().all(|problem| problem["place"]["line"].is_u64() && problem["message"].is_string()));
}

#[tokio::test]
async fn paths_queries_and_verbs_that_are_wrong_are_refused_in_aws_dlts_words() {
    let client = Client::new();
    let (_, created) = client.post("/scenarios", &saved_body()).await;
    let id = created["testId"].as_str().expect("an id").to_owned();
    let cases = [
        (Method::GET, "/nothing".to_owned(), 404, "NOT_FOUND"),
        (Method::GET, "/scenarios/nobody".to_owned(), 404, "TEST_NOT_FOUND"),
        (Method::DELETE, "/scenarios/nobody".to_owned(), 404, "TEST_NOT_FOUND"),
        (Method::POST, "/scenarios/nobody".to_owned(), 404, "TEST_NOT_FOUND"),
        (Method::POST, "/scenarios/nobody/runs".to_owned(), 404, "TEST_NOT_FOUND"),
        (Method::GET, "/scenarios/a%20b".to_owned(), 400, "INVALID_PATH_PARAMETER"),
        (Method::GET, format!("/scenarios/{}", "x".repeat(129)), 400, "INVALID_PATH_PARAMETER"),
        (Method::GET, "/scenarios/%ff".to_owned(), 400, "INVALID_PATH_PARAMETER"),
        (Method::PATCH, format!("/scenarios/{id}"), 405, "METHOD_NOT_ALLOWED"),
        (Method::PUT, "/scenarios".to_owned(), 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, format!("/scenarios/{id}?history=yes"), 400, "INVALID_QUERY_PARAMETER"),
        (Method::GET, format!("/scenarios/{id}/testruns?limit=0"), 400, "INVALID_QUERY_PARAMETER"),
        (Method::GET, format!("/scenarios/{id}/testruns?limit=101"), 400, "INVALID_QUERY_PARAMETER"),
        (Method::GET, format!("/scenarios/{id}/testruns?next_token=%00"), 400, "INVALID_QUERY_PARAMETER"),
        (Method::GET, format!("/scenarios/{id}/testruns?start_timestamp=now"), 400, "INVALID_QUERY_PARAMETER"),
        (Method::GET, format!("/scenarios/{id}/testruns/none"), 404, "TESTRUN_NOT_FOUND"),
        (Method::GET, format!("/scenarios/{id}/testruns/none/summary"), 404, "TESTRUN_NOT_FOUND"),
        (Method::POST, format!("/scenarios/{id}"), 409, "TEST_NOT_ACTIVE"),
        (Method::GET, "/console".to_owned(), 404, "NOT_FOUND"),
    ];
    for (method, path, status, code) in cases {
        let (found, answer) = client.send(method.clone(), &path, Body::empty(), None).await;
        assert_eq!((found.as_u16(), answer["code"].as_str()), (status, Some(code)), "{method} {path}: {answer}");
    }
    for body in [json!({}), json!([]), json!(["../x"]), json!("all")] {
        let (status, answer) =
            client.send(Method::DELETE, &format!("/scenarios/{id}/testruns"), body.to_string(), None).await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (400, Some("INVALID_REQUEST_BODY")), "{body}");
    }
}

#[tokio::test]
async fn an_environment_without_live_data_says_so_and_is_not_out_of_order() {
    let client = Client::on(Stage::with_live(std::sync::Arc::new(dlt_control::testing::LiveOff)));
    let (_, created) = client.post("/scenarios", &seed_body()).await;
    let path = format!("/scenarios/{}/live", created["testId"].as_str().expect("an id"));
    let (status, answer) = client.send(Method::GET, &path, Body::empty(), None).await;
    assert_eq!((status.as_u16(), answer["code"].as_str()), (409, Some("LIVE_DATA_OFF")), "{answer}");
    assert!(answer["message"].as_str().is_some_and(|message| message.contains("live_data: true")), "{answer}");
    let (status, _) = client.send(Method::GET, "/scenarios/nobody/live", Body::empty(), None).await;
    assert_eq!(status.as_u16(), 404);
}

#[tokio::test]
async fn a_running_scenario_is_neither_started_changed_nor_deleted_but_cancelled() {
    let client = Client::new();
    let (_, created) = client.post("/scenarios", &seed_body()).await;
    let id = created["testId"].as_str().expect("an id").to_owned();
    let mut again = seed_body();
    again["testId"] = json!(id);
    for (method, path) in [
        (Method::POST, "/scenarios".to_owned()),
        (Method::POST, format!("/scenarios/{id}/runs")),
        (Method::DELETE, format!("/scenarios/{id}")),
    ] {
        let (status, answer) = client.send(method, &path, again.to_string(), None).await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (409, Some("TEST_RUNNING")), "{path}");
    }
    let (status, answer) = client.post(&format!("/scenarios/{id}"), &json!({})).await;
    assert_eq!((status.as_u16(), answer), (200, json!("test cancelling")));
    let (_, shown) = client.get(&format!("/scenarios/{id}")).await;
    assert_eq!(shown["status"], "cancelling");
}

#[tokio::test]
async fn a_scenario_posted_again_under_its_id_is_changed_and_run_again() {
    let client = Client::new();
    let (_, created) = client.post("/scenarios", &saved_body()).await;
    assert_eq!(created["status"], "created");
    let mut changed = seed_body();
    changed["testId"] = created["testId"].clone();
    changed["testName"] = json!("Another name");
    let (status, answer) = client.post("/scenarios", &changed).await;
    assert_eq!((status.as_u16(), answer["testName"].as_str()), (200, Some("Another name")));
    assert_eq!(answer["status"], "queued");
    assert_eq!(client.stored().await, 1);
    let (_, list) = client.get("/scenarios").await;
    assert_eq!(list["Items"][0]["testName"], "Another name");
}

#[tokio::test]
async fn a_request_repeated_with_its_key_starts_one_run() {
    let client = Client::new();
    let send = || client.send(Method::POST, "/scenarios", seed_body().to_string(), Some("pipeline 7"));
    let (first_status, first) = send().await;
    let (second_status, second) = send().await;
    assert_eq!((first_status.as_u16(), second_status.as_u16()), (200, 200), "{second}");
    assert_eq!((&first["testId"], &first["testRunId"]), (&second["testId"], &second["testRunId"]));
    assert_eq!(second["totalTestRuns"], 1);
}

#[tokio::test]
async fn the_place_describes_itself() {
    let client = Client::new();
    let (_, regions) = client.get("/regions").await;
    assert_eq!(regions["regions"][1]["region"], "us-east-1");
    assert_eq!(client.get("/scenarios?op=listRegions").await.1, regions);
    let (_, tasks) = client.get("/tasks").await;
    assert_eq!(tasks[0], json!({"region": "eu-west-1", "taskArns": []}));
    let (_, info) = client.get("/stack-info").await;
    assert_eq!((info["stack"].as_str(), info["region"].as_str()), (Some("stage"), Some("eu-west-1")));
    let (_, created) = client.post("/scenarios", &saved_body()).await;
    let (_, live) = client.get(&format!("/scenarios/{}/live", created["testId"].as_str().expect("an id"))).await;
    assert_eq!(live["kind"], "iot");
}

#[tokio::test]
async fn a_posted_schedule_is_kept_told_in_aws_dlts_words_and_starts_nothing_yet() {
    let client = Client::new();
    let mut body = seed_body();
    let schedule = [
        ("scheduleStep", "create"),
        ("recurrence", "daily"),
        ("cronValue", "0 9 * * *"),
        ("cronExpiryDate", "2027-01-01"),
        ("scheduleTimezone", "Europe/Berlin"),
    ];
    schedule.iter().for_each(|(key, value)| body[*key] = json!(value));
    let (status, created) = client.post("/scenarios", &body).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    assert_eq!((created["status"].as_str(), created["totalTestRuns"].as_u64()), (Some("scheduled"), Some(0)));
    let (_, list) = client.get("/scenarios").await;
    let line = &list["Items"][0];
    // It is 00:16:40 in 1970, when Berlin was an hour ahead.
    assert_eq!(
        (line["nextRun"].as_str(), line["cronValue"].as_str()),
        (Some("1970-01-01 09:00:00"), Some("0 9 * * *"))
    );
    assert_eq!(
        (line["scheduleRecurrence"].as_str(), line["cronExpiryDate"].as_str()),
        (Some("daily"), Some("2027-01-01"))
    );

    // Who stores the scenario anew, or posts the answer as it came, keeps the schedule.
    let id = created["testId"].as_str().expect("an id").to_owned();
    let mut again = saved_body();
    again["testId"] = json!(id);
    client.post("/scenarios", &again).await;
    let path = format!("/scenarios/{id}/schedule");
    let (status, kept) = client.get(&path).await;
    assert_eq!(
        (status, kept["cron"].as_str(), kept["timezone"].as_str()),
        (StatusCode::OK, Some("0 9 * * *"), Some("Europe/Berlin"))
    );
    assert_eq!(kept["next"][1], json!({"at": "1970-01-02T08:00:00Z", "local": "1970-01-02 09:00:00"}));

    let (status, _) = client.send(Method::DELETE, &path, Body::empty(), None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, answer) = client.get(&path).await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::NOT_FOUND, Some("SCHEDULE_NOT_FOUND")));
    let (_, list) = client.get("/scenarios").await;
    assert_eq!((list["Items"][0]["status"].as_str(), list["Items"][0].get("nextRun")), (Some("created"), None));
}

#[tokio::test]
async fn a_single_time_and_a_recurrence_are_read_from_a_day_and_a_time() {
    let client = Client::new();
    for (recurrence, wanted) in [
        (None, json!({"at": "1970-03-01T06:30"})),
        (Some("weekly"), json!({"every": "weekly", "from": "1970-03-01T06:30"})),
    ] {
        let mut body = seed_body();
        for (key, value) in [("scheduleStep", "start"), ("scheduleDate", "1970-03-01"), ("scheduleTime", "06:30")] {
            body[key] = json!(value);
        }
        if let Some(recurrence) = recurrence {
            body["recurrence"] = json!(recurrence);
        }
        let (status, created) = client.post("/scenarios", &body).await;
        assert_eq!((status, created["nextRun"].as_str()), (StatusCode::OK, Some("1970-03-01 06:30:00")), "{created}");
        let id = created["testId"].as_str().expect("an id");
        let (_, kept) = client.get(&format!("/scenarios/{id}/schedule")).await;
        for (key, value) in wanted.as_object().expect("an object") {
            assert_eq!(kept[key], *value);
        }
    }
}

#[tokio::test]
async fn schedules_that_make_no_sense_are_refused_with_everything_that_is_wrong_and_change_nothing() {
    let client = Client::new();
    let (_, created) = client.post("/scenarios", &saved_body()).await;
    let path = format!("/scenarios/{}/schedule", created["testId"].as_str().expect("an id"));
    let put = |body: Value| client.send(Method::PUT, &path, body.to_string(), None);
    let (status, set) = put(json!({"cron": "0 2 * * MON-FRI", "timezone": "Europe/Berlin"})).await;
    assert_eq!((status, set["next"].as_array().map(Vec::len)), (StatusCode::OK, Some(5)), "{set}");
    for (body, wanted) in [
        (json!({}), &["at: a schedule has a time"][..]),
        (
            json!({"cron": "61 2 * * *", "timezone": "Mars/Olympus"}),
            &["no line of crontab", "no time zone `Mars/Olympus`"][..],
        ),
        (
            json!({"at": "1969-12-31T23:00"}),
            &["no time of this schedule is yet to come", "it is 1970-01-01 00:16:40 in UTC"][..],
        ),
        (json!({"cron": "0 0 31 2 *"}), &["no time of this schedule is yet to come"][..]),
        (json!({"corn": "0 2 * * *"}), &["unknown field `corn`"][..]),
    ] {
        let (status, answer) = put(body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        for wanted in wanted {
            assert!(answer["message"].as_str().expect("a message").contains(wanted), "{wanted}: {answer}");
        }
    }
    let (_, kept) = client.get(&path).await;
    assert_eq!(kept, set);
    let (status, answer) =
        client.send(Method::PUT, "/scenarios/nobody/schedule", r#"{"cron": "0 2 * * *"}"#, None).await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::NOT_FOUND, Some("TEST_NOT_FOUND")));
}
