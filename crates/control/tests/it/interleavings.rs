//! Whatever happens, in whatever order, however many callers: a run never moves backwards, launches each worker once,
//! and ends.

use dlt_control::ports::{FleetError, RunKey};
use dlt_model::report::Ending;
use proptest::prelude::*;

use crate::stage::Stage;

const WORKERS: u32 = 3;

#[derive(Clone, Debug)]
enum Event {
    Advance,
    AdvanceTogether(usize),
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
        4 => prop_oneof![1..6_000_u64, 50_000..1_000_000_u64].prop_map(Event::Pass),
        6 => worker.clone().prop_map(Event::Ready),
        3 => worker.clone().prop_map(Event::Finish),
        1 => worker.clone().prop_map(Event::Kill),
        1 => worker.prop_map(Event::Forget),
        1 => Just(Event::Cancel),
        2 => Just(Event::Throttle),
    ]
}

async fn happen(stage: &Stage, run: &RunKey, event: &Event) {
    match event {
        Event::Advance => drop(stage.plane.advance(run).await),
        Event::AdvanceTogether(callers) => {
            drop(futures::future::join_all((0..*callers).map(|_| stage.plane.advance(run))).await);
        }
        Event::Pass(ms) => stage.clock.step(*ms),
        Event::Ready(worker) => stage.fleet.make_ready(run, *worker).await,
        Event::Finish(worker) => stage.fleet.finish(run, *worker, 10, Ending::Finished).await,
        Event::Kill(worker) => stage.fleet.kill(run, *worker),
        Event::Forget(worker) => stage.fleet.forget(run, *worker),
        Event::Cancel => drop(stage.plane.cancel_run(run).await),
        Event::Throttle => stage.fleet.fail_next(FleetError::Unavailable("slow down".to_owned())),
    }
}

async fn check(events: &[Event]) {
    let (stage, run) = Stage::started(WORKERS).await;
    let mut status = stage.run(&run).await.status;
    for event in events {
        happen(&stage, &run, event).await;
        let now = stage.run(&run).await.status;
        assert!(status.may_become(now), "{event:?} moved the run from {status} to {now}");
        status = now;
    }
    let ended = stage.to_the_end(&run).await;
    assert!(status.may_become(ended.status));
    assert!(stage.fleet.starts(&run).iter().all(|starts| *starts == 1));
    let scenario = stage.plane.scenario(&run.test_id).await.expect("the scenario");
    assert_eq!((scenario.status_word(), scenario.active), (ended.status.as_str(), None));
    stage.plane.start_run(&run.test_id).await.expect("the next run can start");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_run_never_moves_backwards_launches_each_worker_once_and_ends(
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(check(&events));
    }
}
