//! A small application to try a load test on: answers at once, late or with an error, and counts what it answered.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Json, Response},
    routing::any,
};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// The longest that `/delay/<ms>` waits.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// A running target. It stops when dropped.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    answered: Arc<Counts>,
    server: JoinHandle<io::Result<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    by_status: [AtomicU64; 6],
    total: AtomicU64,
}

impl Counts {
    fn count(&self, status: StatusCode) {
        self.total.fetch_add(1, Ordering::Relaxed);
        self.by_status[usize::from(status.as_u16() / 100)].fetch_add(1, Ordering::Relaxed);
    }
}

impl Target {
    /// Starts answering on a free port of the loopback interface.
    ///
    /// | path | answer |
    /// |---|---|
    /// | `/` and any other | `200` and a short JSON object |
    /// | `/delay/<ms>` | the same, after that many milliseconds, at most 30 s |
    /// | `/status/<code>` | that status, 200 to 599 |
    ///
    /// # Errors
    /// Returns an error when no port can be opened.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let answered = Arc::new(Counts::default());
        let server = tokio::spawn(axum::serve(listener, router(Arc::clone(&answered))).into_future());
        Ok(Self { address, answered, server })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests it has answered.
    pub fn answered(&self) -> u64 {
        self.answered.total.load(Ordering::Relaxed)
    }

    /// How many of its answers had a status of each class (`2xx`, …), without the classes that were never used.
    pub fn answered_by_class(&self) -> BTreeMap<String, u64> {
        let classes = self.answered.by_status.iter().enumerate();
        let counted = classes.map(|(class, count)| (format!("{class}xx"), count.load(Ordering::Relaxed)));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn router(counts: Arc<Counts>) -> Router {
    Router::new()
        .route("/delay/{ms}", any(delayed))
        .route("/status/{code}", any(with_status))
        .fallback(any(at_once))
        .with_state(counts)
}

async fn at_once(State(counts): State<Arc<Counts>>) -> Response {
    answer(&counts, StatusCode::OK)
}

async fn delayed(State(counts): State<Arc<Counts>>, Path(ms): Path<u64>) -> Response {
    tokio::time::sleep(Duration::from_millis(ms).min(MAX_DELAY)).await;
    answer(&counts, StatusCode::OK)
}

async fn with_status(State(counts): State<Arc<Counts>>, Path(code): Path<u16>) -> Response {
    let known = StatusCode::from_u16(code).ok().filter(|status| (200..600).contains(&status.as_u16()));
    answer(&counts, known.unwrap_or(StatusCode::BAD_REQUEST))
}

fn answer(counts: &Counts, status: StatusCode) -> Response {
    counts.count(status);
    (status, Json(json!({ "status": status.as_u16(), "message": "hello from the built-in target" }))).into_response()
}
