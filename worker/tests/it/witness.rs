//! A server that keeps its own record: every request's times and every byte, as its sockets saw them.
//!
//! What it notes encloses and is enclosed by what a client can measure, so the two can be compared on a machine of any speed.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How long connections may take to be closed by a worker that has ended.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);

/// What it does with a request that it has read to its end.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Answers after as long as the request's number says.
    Answers(&'static str, fn(u64) -> Duration),
    /// Answers and closes.
    AnswersAndCloses(&'static str),
    /// Resets the connection.
    Resets,
    /// Says nothing for ever.
    Stalls,
}

/// One request.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    /// Its last byte had been read.
    read: Instant,
    /// The first byte of the answer was about to be written.
    answered: Instant,
}

/// One connection.
#[derive(Clone, Debug, Default)]
struct Connection {
    exchanges: Vec<Exchange>,
    closed: Option<Instant>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub struct Record {
    connections: Vec<Connection>,
    pub requests: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    /// Requests and their bytes per path.
    pub paths: BTreeMap<String, (u64, u64)>,
}

impl Record {
    /// What the server itself took for each request, from its last byte read to the answer's first written; sorted. No
    /// client can have waited for less.
    pub fn least(&self) -> Vec<Duration> {
        let exchanges = self.connections.iter().flat_map(|connection| &connection.exchanges);
        sorted(exchanges.map(|exchange| exchange.answered - exchange.read))
    }

    /// From the answer before to the request after, sorted. Where users ask again at once, no client can have waited for
    /// more; before the first request of a connection there is the start of the run.
    pub fn most(&self, start: Instant) -> Vec<Duration> {
        sorted(self.connections.iter().flat_map(|connection| {
            let exchanges = &connection.exchanges;
            let before = std::iter::once(start).chain(exchanges.iter().map(|exchange| exchange.answered));
            let after = exchanges.iter().skip(1).map(|exchange| exchange.read);
            let after = after.chain(connection.closed).collect::<Vec<_>>();
            before.zip(after).map(|(before, after)| after.saturating_duration_since(before)).collect::<Vec<_>>()
        }))
    }
}

fn sorted(durations: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut durations: Vec<Duration> = durations.collect();
    durations.sort();
    durations
}

/// A server that runs until the test process ends, on a thread of its own.
pub struct Witness {
    pub address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

impl Witness {
    pub fn start(manner: Manner) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let address = listener.local_addr().expect("bound");
        let record = Arc::new(Mutex::new(Record::default()));
        let witness = Self { address, record: Arc::clone(&record) };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                loop {
                    let Ok((stream, _)) = listener.accept().await else { continue };
                    tokio::spawn(attend(stream, manner, Arc::clone(&record)));
                }
            });
        });
        witness
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests there were until now.
    pub fn requests(&self) -> u64 {
        lock(&self.record).requests
    }

    /// The record, once every connection is closed.
    pub async fn record(&self) -> Record {
        let deadline = Instant::now() + CLOSED_WITHIN;
        loop {
            let record = lock(&self.record).clone();
            if record.connections.iter().all(|connection| connection.closed.is_some()) {
                return record;
            }
            assert!(Instant::now() < deadline, "connections are still open");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().expect("no panic in the server")
}

async fn attend(stream: TcpStream, manner: Manner, record: Arc<Mutex<Record>>) {
    let number = {
        let mut record = lock(&record);
        record.connections.push(Connection::default());
        record.connections.len() - 1
    };
    // However it ends, it has ended.
    let _ = converse(stream, manner, &record, number).await;
    lock(&record).connections[number].closed = Some(Instant::now());
}

async fn converse(mut stream: TcpStream, manner: Manner, record: &Mutex<Record>, connection: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await? == 0 {
            lock(record).bytes_received += request.len() as u64;
            return Ok(());
        }
        // Requests have no bodies, and nobody sends one before the last is answered.
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let read = Instant::now();
        let turn = note_request(record, &request);
        request.clear();
        let answer = match manner {
            Manner::Answers(answer, delay) => {
                tokio::time::sleep(delay(turn)).await;
                answer
            }
            Manner::AnswersAndCloses(answer) => answer,
            Manner::Resets => return stream.set_zero_linger(),
            // The peer hangs up some time.
            Manner::Stalls => continue,
        };
        lock(record).connections[connection].exchanges.push(Exchange { read, answered: Instant::now() });
        stream.write_all(answer.as_bytes()).await?;
        lock(record).bytes_sent += answer.len() as u64;
        if matches!(manner, Manner::AnswersAndCloses(_)) {
            return stream.shutdown().await;
        }
    }
}

/// Counts a request and says which one it is.
fn note_request(record: &Mutex<Record>, request: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(request);
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut record = lock(record);
    let turn = record.requests;
    record.requests += 1;
    record.bytes_received += request.len() as u64;
    let (requests, bytes) = record.paths.entry(path).or_default();
    *requests += 1;
    *bytes += request.len() as u64;
    turn
}
