//! Whatever happens, in whatever order, however many callers: a run never moves backwards, launches each worker once,
//! and ends.

use std::pin::Pin;

use dlt_control::{
    ports::{FleetError, RunKey},
    status::Status,
};
use dlt_model::report::Ending;
use proptest::prelude::*;

use crate::stage::Stage;

const WORKERS: u32 = 3;

#[derive(Clone, Debug)]
enum Event {
    Advance,
    AdvanceTogether(usize),
    /// A caller gets so far and then stands still, as a process does that is not given a processor.
    Stall(usize),
    /// The caller that has stood still for longest goes on.
    Resume,
    Pass(u64),
    Ready(u32),
    Finish(u32),
    Kill(u32),
    Forget(u32),
    Cancel,
    Throttle,
}

fn event() -> impl Strategy<Value = Event> {
    let worker = 0..WORKERS;
    prop_oneof![
        6 => Just(Event::Advance),
        4 => (2..5_usize).prop_map(Event::AdvanceTogether),
        2 => (0..8_usize).prop_map(Event::Stall),
        2 => Just(Event::Resume),
        4 => prop_oneof![1..6_000_u64, 50_000..1_000_000_u64].prop_map(Event::Pass),
        6 => worker.clone().prop_map(Event::Ready),
        3 => worker.clone().prop_map(Event::Finish),
        1 => worker.clone().prop_map(Event::Kill),
        1 => worker.prop_map(Event::Forget),
        1 => Just(Event::Cancel),
        2 => Just(Event::Throttle),
    ]
}

/// What happens to a run that nothing bad happens to, whoever calls how often.
fn harmless() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Advance),
        2 => (2..5_usize).prop_map(Event::AdvanceTogether),
        4 => (0..8_usize).prop_map(Event::Stall),
        3 => Just(Event::Resume),
        4 => (1..6_000_u64).prop_map(Event::Pass),
        6 => (0..WORKERS).prop_map(Event::Ready),
    ]
}

/// Callers that stand still.
type Stalled<'a> = Vec<Pin<Box<dyn Future<Output = ()> + 'a>>>;

async fn happen<'a>(stage: &'a Stage, run: &'a RunKey, stalled: &mut Stalled<'a>, event: &Event) {
    match event {
        Event::Advance => drop(stage.plane.advance(run).await),
        Event::Stall(polls) => {
            let mut caller: Pin<Box<dyn Future<Output = ()>>> =
                Box::pin(async { drop(stage.plane.advance(run).await) });
            for _ in 0..*polls {
                if futures::poll!(&mut caller).is_ready() {
                    return;
                }
            }
            stalled.push(caller);
        }
        Event::Resume if stalled.is_empty() => {}
        Event::Resume => stalled.remove(0).await,
        Event::AdvanceTogether(callers) => {
            drop(futures::future::join_all((0..*callers).map(|_| stage.plane.advance(run))).await);
        }
        Event::Pass(ms) => stage.clock.step(*ms),
        Event::Ready(worker) => stage.fleet.make_ready(run, *worker).await,
        Event::Finish(worker) => stage.fleet.finish(run, *worker, 10, Ending::Finished).await,
        Event::Kill(worker) => stage.fleet.kill(run, *worker),
        // ECS knows an ended task for an hour; no caller stands still for so long.
        Event::Forget(worker) if !stalled.is_empty() => stage.fleet.kill(run, *worker),
        Event::Forget(worker) => stage.fleet.forget(run, *worker),
        Event::Cancel => drop(stage.plane.cancel_run(run).await),
        Event::Throttle => stage.fleet.fail_next(FleetError::Unavailable("slow down".to_owned())),
    }
}

async fn check(events: &[Event]) {
    let (stage, run) = Stage::started(WORKERS).await;
    let mut status = stage.run(&run).await.status;
    let mut stalled = Stalled::new();
    for event in events {
        happen(&stage, &run, &mut stalled, event).await;
        let now = stage.run(&run).await.status;
        assert!(status.may_become(now), "{event:?} moved the run from {status} to {now}");
        status = now;
    }
    futures::future::join_all(stalled).await;
    let ended = stage.to_the_end(&run).await;
    assert!(status.may_become(ended.status));
    assert!(stage.fleet.starts(&run).iter().all(|starts| *starts == 1));
    let scenario = stage.plane.scenario(&run.test_id).await.expect("the scenario");
    assert_eq!((scenario.status_word(), scenario.active), (ended.status.as_str(), None));
    stage.plane.start_run(&run.test_id).await.expect("the next run can start");
}

async fn check_harmless(events: &[Event]) {
    let (stage, run) = Stage::started(WORKERS).await;
    let mut stalled = Stalled::new();
    for event in events {
        happen(&stage, &run, &mut stalled, event).await;
    }
    // Whoever still stands still wakes up when all is over.
    stage.to_the_start(&run, WORKERS).await;
    for worker in 0..WORKERS {
        stage.fleet.finish(&run, worker, 10, Ending::Finished).await;
    }
    futures::future::join_all(stalled).await;
    let ended = stage.to_the_end(&run).await;
    assert_eq!((ended.status, ended.partial, ended.error_reason), (Status::Complete, false, None));
    assert!(!stage.fleet.any_interrupted(), "nobody asked for its end");
}

fn block_on(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(story);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_run_never_moves_backwards_launches_each_worker_once_and_ends(
        events in proptest::collection::vec(event(), 0..60),
    ) {
        block_on(check(&events));
    }

    #[test]
    fn a_run_that_nothing_bad_happens_to_completes_whole_however_its_callers_stand_still(
        events in proptest::collection::vec(harmless(), 0..60),
    ) {
        block_on(check_harmless(&events));
    }
}
