//! Ports that do nothing, or only what a test tells them.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use dlt_model::{id::TestId, tick::Tick};

use crate::ports::{Clock, Driver, DriverError, Live, LiveError, RunKey, Subscription, Viewer};

/// A driver for tests that call `advance` themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDriver;

#[async_trait]
impl Driver for NoDriver {
    async fn drive(&self, _: &RunKey) -> Result<(), DriverError> {
        Ok(())
    }
}

/// A driver that fails as often as it is told and notes what it was asked to drive otherwise.
#[derive(Debug, Default)]
pub struct BrokenDriver {
    failures: AtomicU64,
    driven: Mutex<Vec<RunKey>>,
}

impl BrokenDriver {
    /// One that fails so many times from now on.
    pub fn failing(times: u64) -> Self {
        Self { failures: AtomicU64::new(times), driven: Mutex::default() }
    }

    /// What it drives.
    pub fn driven(&self) -> Vec<RunKey> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Driver for BrokenDriver {
    async fn drive(&self, run: &RunKey) -> Result<(), DriverError> {
        let fewer = |left: u64| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return Err(DriverError("the state machine is throttled".to_owned()));
        }
        self.driven.lock().unwrap_or_else(PoisonError::into_inner).push(run.clone());
        Ok(())
    }
}

/// Live data that nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLive;

#[async_trait]
impl Live for NoLive {
    async fn publish(&self, _: &[Tick]) -> Result<(), LiveError> {
        Ok(())
    }

    async fn subscription(&self, test: &TestId, _: Option<&Viewer>) -> Result<Subscription, LiveError> {
        Ok(Subscription::Iot { endpoint: "iot.example".to_owned(), topic: format!("dlt/{test}") })
    }
}

/// Live data of an environment that was made without.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveOff;

#[async_trait]
impl Live for LiveOff {
    async fn publish(&self, _: &[Tick]) -> Result<(), LiveError> {
        Ok(())
    }

    fn is_on(&self) -> bool {
        false
    }

    async fn subscription(&self, _: &TestId, _: Option<&Viewer>) -> Result<Subscription, LiveError> {
        Err(LiveError("it was asked although it is off".to_owned()))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SteppedClock(AtomicU64);

impl SteppedClock {
    /// A clock that shows this time, in milliseconds since 1970.
    pub fn at(now_ms: u64) -> Self {
        Self(AtomicU64::new(now_ms))
    }

    /// Moves it forward.
    pub fn step(&self, by_ms: u64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
