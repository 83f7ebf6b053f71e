//! Live data on this machine: whoever watches gets what was, then what comes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use dlt_control::{
    ports::{Live, LiveError, Subscription, Viewer},
    series::{Point, Series},
};
use dlt_model::{id::TestId, tick::Tick};
use tokio::sync::broadcast;

/// How many points or ticks a slow viewer may be behind before it is given the whole series again.
const BACKLOG: usize = 4_096;
/// Of how many scenarios the last run's seconds are kept in memory.
const MAX_SCENES: usize = 64;

/// Ticks to viewers.
#[derive(Debug)]
pub struct Broadcast {
    prefix: String,
    scenes: Mutex<BTreeMap<TestId, Scene>>,
    ticks: broadcast::Sender<Arc<Tick>>,
}

#[derive(Debug)]
struct Scene {
    series: Series,
    points: broadcast::Sender<Arc<Point>>,
    touched: u64,
}

/// One viewer's view of a scenario.
#[derive(Debug)]
pub struct Watch {
    /// Every second so far of the run that ran last.
    pub past: Vec<Point>,
    /// Seconds as they come, and again when another worker's part of them arrives.
    pub future: broadcast::Receiver<Arc<Point>>,
}

/// One listener's view of a scenario.
#[derive(Debug)]
pub struct Ticks {
    /// Every second so far of the run that ran last.
    pub past: Vec<Point>,
    /// Every worker's ticks that are not in them, of all scenarios.
    pub future: broadcast::Receiver<Arc<Tick>>,
}

impl Broadcast {
    /// Live data whose events are served below the API's prefix, such as `/prod`.
    pub fn new(prefix: impl Into<String>) -> Self {
        let (ticks, _) = broadcast::channel(BACKLOG);
        Self { prefix: prefix.into(), scenes: Mutex::default(), ticks }
    }

    /// A scenario's seconds, from the first of its current run. Nothing falls between past and future.
    pub fn watch(&self, test: &TestId) -> Watch {
        let mut scenes = self.scenes();
        let scene = scene(&mut scenes, test);
        Watch { past: scene.series.points().cloned().collect(), future: scene.points.subscribe() }
    }

    /// A scenario's seconds so far, and the ticks that come after them. Nothing falls between, and nothing is in both.
    pub fn ticks_of(&self, test: &TestId) -> Ticks {
        let mut scenes = self.scenes();
        let scene = scene(&mut scenes, test);
        Ticks { past: scene.series.points().cloned().collect(), future: self.ticks.subscribe() }
    }

    /// Every worker's ticks as they come, of all scenarios.
    pub fn ticks(&self) -> broadcast::Receiver<Arc<Tick>> {
        self.ticks.subscribe()
    }

    fn scenes(&self) -> MutexGuard<'_, BTreeMap<TestId, Scene>> {
        self.scenes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A scenario's scene, made if need be; then the one that was touched longest ago and nobody watches goes.
fn scene<'a>(scenes: &'a mut BTreeMap<TestId, Scene>, test: &TestId) -> &'a mut Scene {
    let now = scenes.values().map(|scene| scene.touched).max().unwrap_or(0) + 1;
    if !scenes.contains_key(test) && scenes.len() >= MAX_SCENES {
        let idle = scenes.iter().filter(|(_, scene)| scene.points.receiver_count() == 0);
        if let Some(oldest) = idle.min_by_key(|(_, scene)| scene.touched).map(|(test, _)| test.clone()) {
            scenes.remove(&oldest);
        }
    }
    let fresh = || Scene { series: Series::default(), points: broadcast::channel(BACKLOG).0, touched: now };
    let scene = scenes.entry(test.clone()).or_insert_with(fresh);
    scene.touched = now;
    scene
}

#[async_trait]
impl Live for Broadcast {
    async fn publish(&self, ticks: &[Tick]) -> Result<(), LiveError> {
        let mut scenes = self.scenes();
        for tick in ticks {
            let scene = scene(&mut scenes, &tick.test_id);
            if let Some(point) = scene.series.add(tick) {
                // Nobody may be listening.
                drop(scene.points.send(Arc::new(point)));
            }
            drop(self.ticks.send(Arc::new(tick.clone())));
        }
        Ok(())
    }

    async fn subscription(&self, test: &TestId, _: Option<&Viewer>) -> Result<Subscription, LiveError> {
        let path = format!("{}/scenarios/{test}/live/events", self.prefix);
        Ok(Subscription::ServerSentEvents { path })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use dlt_model::{
        histogram::Histogram,
        id::Region,
        tick::{Health, SCHEMA},
    };

    use super::*;

    pub(crate) fn tick(worker: u32, second: u64) -> Tick {
        Tick {
            schema: SCHEMA.to_owned(),
            test_id: "test".parse().expect("an id"),
            run_id: "run".parse().expect("an id"),
            region: Region::local(),
            worker,
            at_ms: second * 1_000,
            second,
            virtual_users: 1,
            succeeded: 2,
            failed: 0,
            avg_rt: 0.0,
            latency_ms_p95: 0.0,
            bytes_received: 0,
            bytes_sent: 0,
            latency: Histogram::default(),
            health: Health::default(),
        }
    }

    #[tokio::test]
    async fn who_comes_between_two_workers_ticks_gets_one_as_the_past_and_the_other_as_a_tick() {
        let live = Broadcast::new("/prod");
        live.publish(&[tick(0, 1), tick(1, 1), tick(0, 2)]).await.expect("published");
        let Ticks { past, mut future } = live.ticks_of(&"test".parse().expect("an id"));
        assert_eq!(past.iter().map(|point| (point.second, point.workers)).collect::<Vec<_>>(), [(1, 2), (2, 1)]);
        live.publish(&[tick(1, 2)]).await.expect("published");
        let heard = future.try_recv().expect("a tick");
        assert_eq!((heard.worker, heard.second), (1, 2));
        assert!(future.try_recv().is_err());
    }
}
