//! The run's folder in S3: path-style requests with signatures, to the endpoint that the environment names.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use dlt_model::{
    assignment::{Start, keys},
    report::{Ending, Report},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    job::{Job, get, now_ms, ticks},
    server::{Behaviour, OK, Server},
};

type Objects = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A bucket in memory: signed GET and PUT of whole objects. It fails the first request, as real stores do at times.
#[derive(Clone, Default)]
struct Bucket {
    objects: Objects,
    hiccups: Arc<Mutex<u32>>,
}

impl Bucket {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let bucket = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let bucket = bucket.clone();
                tokio::spawn(async move { bucket.serve(stream).await });
            }
        });
        address
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            while bytes.len() < end + 4 + length {
                stream.read_buf(&mut bytes).await?;
            }
            let line = String::from_utf8_lossy(&bytes[..end]).lines().next().unwrap_or_default().to_owned();
            let body = bytes[end + 4..end + 4 + length].to_vec();
            bytes.drain(..end + 4 + length);
            stream.write_all(&self.answer(&line, &head, body)).await?;
        }
    }

    fn answer(&self, line: &str, head: &str, body: Vec<u8>) -> Vec<u8> {
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let mut hiccups = self.hiccups.lock().expect("no panic");
        *hiccups += 1;
        let mut objects = self.objects.lock().expect("no panic");
        let answer = |status: &str, body: &[u8]| {
            let length = body.len();
            let date = "Last-Modified: Sun, 22 Nov 2026 00:00:00 GMT";
            let head = format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\n{date}\r\nContent-Length: {length}\r\n\r\n");
            [head.as_bytes(), body].concat()
        };
        if *hiccups == 1 {
            return answer("503 Slow Down", b"");
        }
        if !head.contains("authorization: aws4-hmac-sha256 credential=key/") {
            return answer("403 Forbidden", b"");
        }
        match (method, objects.get(&path)) {
            ("PUT", _) => {
                objects.insert(path, body);
                answer("200 OK", b"")
            }
            ("GET", Some(object)) => answer("200 OK", object),
            _ => answer("404 Not Found", b""),
        }
    }

    fn put(&self, key: &str, object: Vec<u8>) {
        self.objects.lock().expect("no panic").insert(format!("/bucket/runs/Test/Run/{key}"), object);
    }

    fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.lock().expect("no panic").get(&format!("/bucket/runs/Test/Run/{key}")).cloned()
    }
}

#[tokio::test]
async fn a_worker_finds_its_assignment_in_a_bucket_and_leaves_its_report_there() {
    let target = Server::start(Behaviour::Answer(OK, Duration::ZERO));
    let bucket = Bucket::default();
    let endpoint = format!("http://localhost:{}", bucket.start().await.port());
    let job = Job::new(vec![get(&target.url())], 2, 1_200);
    bucket.put(&keys::assignment(0), serde_json::to_vec(&job.assignment).expect("serialises"));
    let child = job.spawn(
        0,
        &[
            ("DLT_RUN_FOLDER", Path::new("s3://bucket/runs/Test/Run")),
            ("AWS_ENDPOINT_URL", Path::new(&endpoint)),
            ("AWS_REGION", Path::new("eu-west-1")),
            ("AWS_ACCESS_KEY_ID", Path::new("key")),
            ("AWS_SECRET_ACCESS_KEY", Path::new("secret")),
        ],
    );
    while bucket.object(&keys::ready(0)).is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bucket.put(keys::START, serde_json::to_vec(&Start { start_at_ms: now_ms() + 300 }).expect("serialises"));
    let waiting = tokio::task::spawn_blocking(|| child.wait_with_output());
    let output = waiting.await.expect("no panic").expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Report = serde_json::from_slice(&bucket.object(&keys::report(0)).expect("a report")).expect("valid");
    assert_eq!((report.ending, report.labels["home"].succeeded), (Ending::Finished, target.seen.requests()));
    assert_eq!(ticks(&output.stdout).len(), report.seconds.len());
}
