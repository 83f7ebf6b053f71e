//! Follows a run on a deployed system: how far it is, what is heard of it, and what is done when it must end.

use std::time::Duration;

use dlt_model::{
    gate::{self, Clause, Severity},
    tick::Tick,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{self, Instant};

use super::{
    event::Event,
    outcome::Ending,
    seconds::Seconds,
    stop::{Stop, Stops},
};
use crate::system::{
    System,
    api::{ApiError, Repeat},
    live::{Heard, Listener},
};

/// How often the run is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// For how long the API may fail to answer before the run's state counts as unknown.
const SILENCE: Duration = Duration::from_secs(120);
/// How long a cancelled run may take to end, beyond the time its iterations have.
pub(super) const CANCEL_WITHIN: Duration = Duration::from_secs(180);
/// From when on a run that nothing was heard of is one without live data, in seconds of load.
const HEARD_WITHIN_SECS: u64 = 20;

/// Whoever watches one run.
pub(super) struct Follower<'a> {
    system: &'a System,
    path: String,
    /// The clauses of which an `abort` clause may stop it.
    pub clauses: &'a [Clause],
    run_id: &'a str,
    workers: u32,
    /// What was heard so far.
    seconds: Seconds,
    /// Whether it was said that nothing is.
    is_deaf: bool,
    pub ending: Ending,
    /// When a cancelled run has to have ended.
    give_up: Option<Instant>,
    /// Since when the API has not answered.
    silent_since: Option<Instant>,
    /// How long a cancelled run may take to end.
    pub patience: Duration,
    /// Whether the run is ours to end; who only watches leaves it alone.
    pub is_ours: bool,
}

impl<'a> Follower<'a> {
    /// Whoever follows a run of ours, and stops it for nobody's sake.
    pub fn new(system: &'a System, test_id: &str, run_id: &'a str, workers: u32) -> Self {
        Self {
            system,
            path: format!("/scenarios/{test_id}/testruns/{run_id}"),
            clauses: &[],
            run_id,
            workers,
            seconds: Seconds::default(),
            is_deaf: false,
            ending: Ending::default(),
            give_up: None,
            silent_since: None,
            patience: CANCEL_WITHIN,
            is_ours: true,
        }
    }

    /// Follows it until it has ended, is out of sight, or is left.
    pub async fn follow(&mut self, stops: &mut Stops, mut listener: Listener, observe: &mut dyn FnMut(&Event<'_>)) {
        let mut look = time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                stop = stops.next() => {
                    if !self.is_ours {
                        self.ending.stopped = Some(stop);
                        return;
                    }
                    if self.ending.stopped.is_some() && stop == Stop::Interrupted {
                        self.ending.stopped = Some(Stop::Interrupted);
                        self.ending.unknown = Some("we left before the run had ended".to_owned());
                        return;
                    }
                    observe(&Event::Stopping(stop));
                    self.ending.stopped.get_or_insert(stop);
                    self.give_up.get_or_insert(Instant::now() + self.patience);
                    self.cancel(observe).await;
                }
                heard = listener.next() => match heard {
                    Heard::Tick(tick) if tick.run_id.as_str() == self.run_id => self.hear(&tick, observe).await,
                    Heard::Past(point) if point.run_id.as_str() == self.run_id => self.seconds.know(&point),
                    Heard::Tick(_) | Heard::Past(_) => {}
                    Heard::Deaf(why) => self.deaf(&why, observe),
                },
                _ = look.tick() => {
                    if self.look(observe).await {
                        return;
                    }
                }
            }
        }
    }

    /// Shows the seconds that are complete, and ends the run for the sake of an `abort` clause that they break.
    async fn hear(&mut self, tick: &Tick, observe: &mut dyn FnMut(&Event<'_>)) {
        self.seconds.add(tick);
        while let Some(number) = self.seconds.next(self.workers) {
            observe(&Event::Second { number, seconds: self.seconds.complete() });
        }
        if self.give_up.is_some() {
            return;
        }
        let broken = gate::broken_so_far(self.clauses, self.seconds.complete());
        if let Some(broken) = broken.into_iter().next() {
            observe(&Event::Aborted(&broken));
            self.ending.aborted_by = Some(broken.clause);
            self.give_up = Some(Instant::now() + self.patience);
            self.cancel(observe).await;
        }
    }

    /// Says once that nothing is heard, and what that means.
    fn deaf(&mut self, why: &str, observe: &mut dyn FnMut(&Event<'_>)) {
        if std::mem::replace(&mut self.is_deaf, true) {
            return;
        }
        let stoppers = self.clauses.iter().any(|clause| clause.severity == Severity::Abort);
        let meaning = if stoppers { "; `abort` clauses are judged at the end and do not stop the run" } else { "" };
        observe(&Event::Note(format!("there is no live data ({why}){meaning}")));
    }

    /// Looks once, and answers whether there is nothing more to see.
    async fn look(&mut self, observe: &mut dyn FnMut(&Event<'_>)) -> bool {
        match self.system.api.get::<Value>(&self.path).await {
            Ok(run) => {
                self.silent_since = None;
                let before = std::mem::take(&mut self.ending.status);
                self.ending.hear(&run);
                let status = self.ending.status.as_str();
                if before != status {
                    observe(&Event::Status(status));
                }
                if status == "running"
                    && self.seconds.complete().is_empty()
                    && let Some(secs) = elapsed_secs(&run)
                {
                    observe(&Event::Elapsed { secs });
                    if secs >= HEARD_WITHIN_SECS {
                        self.deaf("nothing was heard so far", observe);
                    }
                }
                if self.ending.is_end() {
                    while let Some(number) = self.seconds.rest() {
                        observe(&Event::Second { number, seconds: self.seconds.complete() });
                    }
                    return true;
                }
            }
            Err(error @ ApiError::Unanswered(_)) => {
                let since = *self.silent_since.get_or_insert_with(|| {
                    observe(&Event::Note(format!("warning: {error}")));
                    Instant::now()
                });
                if since.elapsed() > SILENCE {
                    self.unknown(format!("the API has not answered for {}s: {error}", SILENCE.as_secs()), observe)
                        .await;
                    return true;
                }
            }
            Err(error) => {
                self.unknown(format!("the run can no longer be seen: {error}"), observe).await;
                return true;
            }
        }
        if self.give_up.is_some_and(|at| Instant::now() > at) {
            self.ending.unknown = Some("the run was cancelled and did not end in time".to_owned());
            return true;
        }
        false
    }

    /// Nobody knows how the run is; it must not go on unseen.
    async fn unknown(&mut self, why: String, observe: &mut dyn FnMut(&Event<'_>)) {
        self.cancel(observe).await;
        self.ending.unknown = Some(why);
    }

    async fn cancel(&mut self, observe: &mut dyn FnMut(&Event<'_>)) {
        if !self.is_ours {
            return;
        }
        match self.system.api.post(&format!("{}/cancel", self.path), &json!({}), Repeat::Freely).await {
            Ok(_) => {}
            // It has ended, or is about to.
            Err(error) if error.is(409) => {}
            Err(error) => observe(&Event::Note(format!("warning: the run could not be cancelled: {error}"))),
        }
    }
}

fn elapsed_secs(run: &Value) -> Option<u64> {
    let started_ms = i64::try_from(run["startedAtMs"].as_u64()?).ok()?;
    u64::try_from((Timestamp::now().as_millisecond() - started_ms) / 1_000).ok().filter(|secs| *secs > 0)
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use dlt_model::id::Region;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::system::{api::Api, sign_in::Keys};

    /// Follows a run on a system at this address, and answers how that ended.
    async fn followed(base: &str) -> Ending {
        let region: Region = "us-east-1".parse().expect("a region");
        let keys = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config =
            aws_config::SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(keys)).build();
        let api = Api::new(base, region.clone(), Keys::new(config, region.clone(), None)).expect("a client");
        let system = System::at(api, region);
        let (_sender, interrupts) = tokio::sync::mpsc::channel(1);
        let mut stops = Stops::new(interrupts, Duration::from_secs(36_000));
        let mut follower = Follower::new(&system, "shop", "run", 1);
        follower.follow(&mut stops, Listener::start(&system, "shop", "run"), &mut |_| {}).await;
        follower.ending
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_that_falls_silent_makes_the_run_unknown_and_never_a_success() {
        // A port that nobody listens on: every request is lost at once.
        let port =
            TcpListener::bind(("127.0.0.1", 0)).await.and_then(|listener| listener.local_addr()).expect("a port");
        let ending = followed(&format!("http://{port}/prod")).await;
        let unknown = ending.unknown.as_deref().unwrap_or_default();
        assert!(unknown.contains("has not answered for 120s"), "{unknown}");
        let judgement = crate::run::outcome::judge(&[], None, &ending);
        assert!(matches!(judgement.verdict, gate::Verdict::Invalid(_)), "{judgement:?}");
    }

    #[tokio::test]
    async fn credentials_that_expire_during_a_run_make_it_unknown_and_never_a_success() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base = format!("http://{}/prod", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0_u8; 16_384];
                drop(stream.read(&mut head).await);
                let body = r#"{"message":"The security token included in the request is expired"}"#;
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        let ending = followed(&base).await;
        let unknown = ending.unknown.as_deref().unwrap_or_default();
        assert!(unknown.contains("can no longer be seen") && unknown.contains("is expired"), "{unknown}");
        let judgement = crate::run::outcome::judge(&[], None, &ending);
        assert!(matches!(judgement.verdict, gate::Verdict::Invalid(_)), "{judgement:?}");
    }
}
