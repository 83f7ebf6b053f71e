//! What every operation has around it: a screen, a recording, Ctrl-C, and the lock of its environment.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
};

use super::{Global, Output, asking, environment::EnvironmentArgs};
use crate::{
    cloud::Cloud,
    config::Config,
    deploy::{
        engine::Surroundings,
        event::{Event, Observer, Phase},
        follow::Wish,
        lock::{self, Held},
        screen::show::{self, Pause, Style},
    },
    exit::Exit,
    failure::Failure,
    journal::{
        recorder::{Recorder, Subject},
        shelf::Shelf,
    },
    terminal,
    timing::learn,
};

/// One operation, from its first word to its last.
pub struct Session {
    /// Where it says what happens.
    pub observer: Observer,
    /// Stops the screen while somebody is asked.
    pub pause: Pause,
    subject: Subject,
    wishes: watch::Receiver<Wish>,
    wish: watch::Sender<Wish>,
    in_flight: Arc<AtomicUsize>,
    shown: JoinHandle<()>,
    learning: Option<JoinHandle<()>>,
    recorder: Recorder,
    lock: Mutex<Option<Held>>,
    kind: Kind,
}

/// What an operation on an environment that is there stands on.
pub struct Stand<'a> {
    /// The operation.
    pub session: &'a Session,
    /// The world, as the engine sees it.
    pub around: Surroundings<'a>,
    /// The environment.
    pub config: &'a Config,
    /// True when nobody can be asked because a program reads.
    pub json: bool,
}

/// Says which environment it is and what will be done in which order; answers the environment's name in AWS.
pub fn begin(around: &Surroundings<'_>, config: &Config, phases: &[Phase]) -> String {
    let (stack, account) = (config.stack.to_string(), around.cloud.identity.account.clone());
    around.observer.tell(Event::Began { stack: stack.clone(), account, phases: phases.to_vec() });
    stack
}

/// Reads the environment, opens a session, works and closes it: what every operation does on an environment that is there.
///
/// # Errors
/// A wrong environment file, a refusal of AWS, or those of the work.
pub async fn operate(
    verb: &str,
    environment: &EnvironmentArgs,
    global: &Global,
    work: impl AsyncFnOnce(&Stand<'_>) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let json = global.output == Output::Json;
    let config = environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let session = Session::open(verb, &environment.environment, config.stack.as_str(), &cloud, Style::fitting(json));
    let result = {
        let stand = Stand { session: &session, around: session.around(&cloud), config: &config, json };
        session.interruptible(Box::pin(work(&stand))).await
    };
    session.close(result).await.map(|()| Exit::Done)
}

/// Whether AWS works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Real,
    Rehearsal,
}

/// What the first Ctrl-C of a rehearsal explains.
const REHEARSED_CHOICE: &str = "\nSIMULATED: no AWS works here. Press Ctrl-C again to end the rehearsal; in AWS the operation \
                                would go on,\nand `dlt attach` would join it. Or type `cancel` and Enter to rehearse \
                                going back to what was before.";

impl Session {
    /// Begins to show and to record. `stack` is the environment's name in AWS.
    pub fn open(verb: &str, environment: &str, stack: &str, cloud: &Cloud, style: Style) -> Self {
        Self::begin(subject(verb, environment, stack, cloud), style, Kind::Real)
    }

    /// The same for a rehearsal, which is recorded under a name of its own. Nothing is learned from it: its time is not
    /// AWS's.
    pub fn rehearse(verb: &str, environment: &str, stack: &str, cloud: &Cloud, style: Style) -> Self {
        let verb = format!("{verb} --simulate");
        Self::begin(subject(&verb, environment, stack, cloud), style, Kind::Rehearsal)
    }

    fn begin(subject: Subject, style: Style, kind: Kind) -> Self {
        let recorder = Recorder::begin(Shelf::of_user().as_ref(), &subject, now_ms());
        let (observer, events) = Observer::channel();
        let (events, learning) = match kind {
            Kind::Real => {
                let (events, learning) = learn::listen(events);
                (events, Some(learning))
            }
            Kind::Rehearsal => (events, None),
        };
        let tape = recorder.clone();
        let (reader, pause) = show::reader_with(events, style, move |event, now_ms| tape.hear(event, now_ms));
        let (wish, wishes) = watch::channel(Wish::Continue);
        let (in_flight, lock) = (Arc::new(AtomicUsize::new(0)), Mutex::new(None));
        let shown = tokio::spawn(reader);
        Self { observer, pause, subject, wishes, wish, in_flight, shown, learning, recorder, lock, kind }
    }

    /// The environment, as it was named.
    pub fn environment(&self) -> &str {
        &self.subject.environment
    }

    /// What the engine needs of the world.
    pub fn around<'a>(&'a self, cloud: &'a Cloud) -> Surroundings<'a> {
        let (observer, wishes, in_flight) = (&self.observer, self.wishes.clone(), Arc::clone(&self.in_flight));
        Surroundings { cloud, observer, wishes, in_flight }
    }

    /// Holds the environment until the session is closed, so that nobody else changes it to something different.
    /// `content` says what is wanted: whoever wants the same may go on beside us.
    ///
    /// # Errors
    /// When somebody else holds it, or AWS refuses.
    pub async fn hold(&self, cloud: &Cloud, content: &str) -> Result<(), Failure> {
        let held = lock::take(cloud, &self.observer, &self.subject.stack, &self.subject.verb, content).await?;
        *self.lock.lock().await = Some(held);
        Ok(())
    }

    /// Works, and hears Ctrl-C meanwhile.
    ///
    /// # Errors
    /// Those of the work, or that the person left.
    pub async fn interruptible<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let choice = match self.kind {
            Kind::Real => Event::Interrupted,
            Kind::Rehearsal => Event::Notice { text: REHEARSED_CHOICE.to_owned() },
        };
        asking::interruptible(work, Arc::clone(&self.in_flight), self.wish.clone(), &self.observer, choice).await
    }

    /// Lets the environment go, ends the recording, and waits until all of it was shown.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn close<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        debug_assert!(self.in_flight.load(Ordering::SeqCst) == 0 || result.is_err(), "nothing is followed any more");
        if let Some(held) = self.lock.into_inner() {
            held.release(&self.observer).await;
        }
        drop(self.observer);
        drop(self.shown.await);
        if let Some(learning) = self.learning {
            drop(learning.await);
        }
        if let Some(trouble) = self.recorder.end(&result, now_ms()) {
            terminal::say(&format!("this operation could not be recorded: {trouble}"));
        }
        result
    }
}

fn subject(verb: &str, environment: &str, stack: &str, cloud: &Cloud) -> Subject {
    Subject {
        verb: verb.to_owned(),
        environment: environment.to_owned(),
        stack: stack.to_owned(),
        account: cloud.identity.account.clone(),
        who: cloud.identity.arn.clone(),
        host: lock::host(),
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
