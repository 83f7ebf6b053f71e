//! Live events as a stream: the seconds of a run for plots, or for programs every worker's tick.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use dlt_control::ControlPlane;
use dlt_model::id::TestId;
use futures::{Stream, StreamExt, stream::BoxStream};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast::error::RecvError, watch};

use crate::{
    door::refusal,
    live::{Broadcast, Ticks, Watch},
};

/// How often a stream without events shows that it is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// What a stream of events needs.
pub(crate) type Scene = (ControlPlane, Arc<Broadcast>, watch::Receiver<bool>);

/// What a viewer wants.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// Every worker's tick after the seconds so far, instead of seconds alone.
    ticks: bool,
}

/// `GET …/live/events`: what was, then what comes, until the system stops.
pub(crate) async fn events(
    State((plane, live, mut stopped)): State<Scene>,
    Path(test): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<impl IntoResponse, Response> {
    let missing = || refusal(StatusCode::NOT_FOUND, "TEST_NOT_FOUND", &format!("there is no scenario `{test}`"));
    let test: TestId = test.parse().map_err(|_| missing())?;
    plane.scenario(&test).await.map_err(|_| missing())?;
    let stream: BoxStream<'static, _> =
        if wanted.ticks { Box::pin(ticks(live, test)) } else { Box::pin(points(live, test)) };
    let stream = stream.take_until(async move { drop(stopped.wait_for(|stopped| *stopped).await) });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE_EVERY)))
}

/// The past, then the future. A viewer that fell behind is given everything again: a point replaces its second.
fn points(live: Arc<Broadcast>, test: TestId) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let Watch { past, future } = live.watch(&test);
    let past = past.into_iter().map(Arc::new).collect::<VecDeque<_>>();
    futures::stream::unfold((live, test, past, future), |(live, test, mut past, mut future)| async move {
        loop {
            if let Some(point) = past.pop_front() {
                return Some((Ok(event("point", &*point)), (live, test, past, future)));
            }
            match future.recv().await {
                Ok(point) => past.push_back(point),
                Err(RecvError::Lagged(_)) => {
                    let again = live.watch(&test);
                    past = again.past.into_iter().map(Arc::new).collect();
                    future = again.future;
                }
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

/// The seconds so far, then every tick of the scenario that comes after them. A viewer that fell behind is given the seconds
/// again, which hold what it missed.
fn ticks(live: Arc<Broadcast>, test: TestId) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let Ticks { past, future } = live.ticks_of(&test);
    let past = VecDeque::from(past);
    futures::stream::unfold((live, test, past, future), |(live, test, mut past, mut future)| async move {
        loop {
            if let Some(point) = past.pop_front() {
                return Some((Ok(event("point", &point)), (live, test, past, future)));
            }
            match future.recv().await {
                Ok(tick) if tick.test_id == test => {
                    return Some((Ok(event("tick", &*tick)), (live, test, past, future)));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    let again = live.ticks_of(&test);
                    (past, future) = (again.past.into(), again.future);
                }
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

fn event(name: &str, value: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    event.json_data(value).unwrap_or_else(|_| Event::default().comment("an event could not be written"))
}

#[cfg(test)]
mod tests {
    use dlt_control::ports::Live;
    use futures::FutureExt;

    use super::*;
    use crate::live::tests::tick;

    #[tokio::test]
    async fn who_fell_behind_is_given_the_seconds_again_and_then_what_comes() {
        let live = Arc::new(Broadcast::new("/prod"));
        let mut stream = Box::pin(ticks(Arc::clone(&live), "test".parse().expect("an id")));
        let mut count = async || {
            let mut count = 0;
            while let Some(Some(_)) = stream.next().now_or_never() {
                count += 1;
            }
            count
        };
        // More than is kept for anybody, in two seconds.
        for worker in 0..3_000 {
            live.publish(&[tick(worker, 1), tick(worker, 2)]).await.expect("published");
        }
        assert_eq!(count().await, 2);
        live.publish(&[tick(0, 3)]).await.expect("published");
        assert_eq!(count().await, 1);
    }
}
