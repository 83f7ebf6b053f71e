//! The local system, put together: what `dlt local`, `dlt run` and the tests stand on.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use dlt_control::{
    ControlError, ControlPlane, Environment, Ports,
    pace::Pace,
    ports::{Fleet, Live, StoreError, SystemClock},
};
use dlt_model::id::Region;
use object_store::local::LocalFileSystem;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use url::Url;

use crate::{
    alarm, door,
    driver::Timer,
    fleet::{Processes, WorkerCommand},
    live::Broadcast,
    lock::{DataLock, InUse},
    store::RedbStore,
};

/// How long answers that are under way may take once the system stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// The local system could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder is in use.
    #[error(transparent)]
    InUse(#[from] InUse),
    /// The folder cannot be used.
    #[error("failed to prepare the data folder `{path}`")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The records cannot be opened.
    #[error("failed to open the records in the data folder")]
    Records(#[from] StoreError),
    /// What ran before cannot be taken up again.
    #[error("failed to take up the runs of the last time")]
    Recover(#[from] ControlError),
    /// The listener has no address.
    #[error("failed to listen")]
    Listen(#[source] io::Error),
}

/// The whole system, running. Dropping it leaves runs to be recovered; [`shut_down`](Self::shut_down) ends them first.
#[derive(Debug)]
pub struct LocalSystem {
    plane: ControlPlane,
    live: Arc<Broadcast>,
    timer: Arc<Timer>,
    fleet: Arc<Processes>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    alarm: Option<JoinHandle<()>>,
    server: Option<JoinHandle<io::Result<()>>>,
    _lock: DataLock,
}

impl LocalSystem {
    /// Starts the system in a data folder, serves it at a listener, and takes up what ran before.
    ///
    /// # Errors
    /// When the folder is in use or cannot be written, or the records in it cannot be read.
    pub async fn start(data: &Path, listener: TcpListener, worker: WorkerCommand) -> Result<Self, StartError> {
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let files = prepare(data)?;
        let lock = DataLock::take(data)?;
        let store = RedbStore::open(&data.join("records.redb"))?;
        let blobs = LocalFileSystem::new_with_prefix(&files).map_err(ControlError::Blobs)?;
        let live = Arc::new(Broadcast::new(door::PREFIX));
        let fleet = Arc::new(Processes::new(worker, files.clone(), Arc::clone(&live) as Arc<dyn Live>));
        let timer = Arc::new(Timer::default());
        let ports = Ports {
            store: Arc::new(store),
            blobs: Arc::new(blobs),
            fleet: Arc::clone(&fleet) as Arc<dyn Fleet>,
            live: Arc::clone(&live) as Arc<dyn Live>,
            driver: timer.clone(),
            clock: Arc::new(SystemClock),
        };
        let plane = ControlPlane::new(ports, environment(&files, address));
        timer.attach(plane.clone());
        plane.recover().await?;
        let alarm = Some(tokio::spawn(alarm::keep(plane.clone())));
        let (stop, stopped) = watch::channel(false);
        let router = door::router(plane.clone(), Arc::clone(&live), stopped.clone());
        let server = tokio::spawn(serve(listener, router, stopped));
        Ok(Self { plane, live, timer, fleet, address, stop, alarm, server: Some(server), _lock: lock })
    }

    /// What can be done with scenarios and runs.
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Live data.
    pub fn live(&self) -> &Arc<Broadcast> {
        &self.live
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people look.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Where people look at one run.
    pub fn page_of(&self, test_id: &str, run_id: &str) -> String {
        format!("{}details/{test_id}#{run_id}", self.url())
    }

    /// Where a run's files lie: logs, reports, summary.
    pub fn run_folder(&self, run: &dlt_control::ports::RunKey) -> PathBuf {
        self.fleet.run_folder(run)
    }

    /// Asks every active run to end, waits for that at most so long, and stops serving. What has not ended by then is
    /// taken up when the system is started again.
    pub async fn shut_down(mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        // Nothing new begins.
        let alarm = self.alarm.take().inspect(JoinHandle::abort);
        for run in self.timer.driven() {
            if let Err(error) = self.plane.cancel_run(&run).await {
                tracing::debug!(run = %run.run_id, %error, "the run needs no cancelling");
            }
        }
        while !self.timer.driven().is_empty() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // What still holds the records lets go of them, so that the folder is free when this returns.
        for task in self.timer.detach().into_iter().chain(alarm) {
            drop(task.await);
        }
        self.stop.send_replace(true);
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(LAST_ANSWERS, &mut server).await.is_err()
        {
            server.abort();
        }
    }
}

impl Drop for LocalSystem {
    fn drop(&mut self) {
        drop(self.timer.detach());
        drop(self.alarm.take().inspect(JoinHandle::abort));
        self.stop.send_replace(true);
        if let Some(server) = self.server.take() {
            server.abort();
        }
    }
}

async fn serve(listener: TcpListener, router: axum::Router, mut stopped: watch::Receiver<bool>) -> io::Result<()> {
    let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// Makes the folders, and answers where files lie, without symbolic links in the path.
fn prepare(data: &Path) -> Result<PathBuf, StartError> {
    let files = data.join("files");
    let made = std::fs::create_dir_all(&files).and_then(|()| files.canonicalize());
    made.map_err(|source| StartError::Folder { path: data.to_owned(), source })
}

fn environment(files: &Path, address: SocketAddr) -> Environment {
    let url = Url::from_file_path(files).expect("a canonical path is absolute");
    Environment {
        stack: "local".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        regions: vec![Region::local()],
        any_region: true,
        blobs_url: url.as_str().trim_end_matches('/').to_owned(),
        console_url: Some(format!("http://{address}/")),
        pace: Pace::LOCAL,
        facts: serde_json::Map::new(),
    }
}
