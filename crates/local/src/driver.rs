//! Drives runs with timers: a task per run that advances it until it has ended.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use dlt_control::{
    ControlPlane, Next,
    ports::{Driver, DriverError, RunKey},
};
use tokio::{sync::Notify, task::JoinHandle};

/// The first and the longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Timers. Driving a run that is driven already wakes its task, so that a cancel is not waited for.
#[derive(Debug, Default)]
pub struct Timer {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    plane: Option<ControlPlane>,
    runs: BTreeMap<RunKey, (Arc<Notify>, JoinHandle<()>)>,
}

impl Timer {
    /// Gives the timer the control plane that it drives; the two know each other, so one of them comes first.
    pub fn attach(&self, plane: ControlPlane) {
        self.state().plane = Some(plane);
    }

    /// Stops driving, and answers the tasks that are about to end. Runs stay as they are and can be recovered.
    pub fn detach(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state();
        state.plane = None;
        let tasks: Vec<_> = std::mem::take(&mut state.runs).into_values().map(|(_, task)| task).collect();
        tasks.iter().for_each(JoinHandle::abort);
        tasks
    }

    /// The runs that are being driven.
    pub fn driven(&self) -> Vec<RunKey> {
        self.state().runs.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Driver for Timer {
    async fn drive(&self, run: &RunKey) -> Result<(), DriverError> {
        let mut state = self.state();
        if let Some((wake, _)) = state.runs.get(run) {
            wake.notify_one();
            return Ok(());
        }
        let stopped = || DriverError("the local system is stopping".to_owned());
        let plane = state.plane.clone().ok_or_else(stopped)?;
        let wake = Arc::new(Notify::new());
        let (key, bell, all) = (run.clone(), Arc::clone(&wake), Arc::clone(&self.state));
        let task = tokio::spawn(async move {
            drive_to_the_end(&plane, &key, &bell).await;
            lock(&all).runs.remove(&key);
        });
        state.runs.insert(run.clone(), (wake, task));
        Ok(())
    }
}

async fn drive_to_the_end(plane: &ControlPlane, run: &RunKey, wake: &Notify) {
    let mut pause = FIRST_PAUSE;
    loop {
        let wait = match plane.advance(run).await {
            Ok(Next::Done) => return,
            Ok(Next::Wait(ms)) => {
                pause = FIRST_PAUSE;
                Duration::from_millis(ms)
            }
            Err(error) => {
                tracing::warn!(test = %run.test_id, run = %run.run_id, %error, "the run could not be moved; trying again");
                let wait = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                wait
            }
        };
        // Either is a reason to look again.
        drop(tokio::time::timeout(wait, wake.notified()).await);
    }
}
