//! A conversation over a WebSocket: one sample for connecting, and one for each answer awaited.

use dlt_model::program::MetricKind;
use url::Url;

use super::{Actor, exchange::took};
use crate::{
    Fault,
    clock::Instant,
    engine::Recorder,
    script::{
        desk::Desk,
        looks::Looks,
        pause,
        protocols::{AGREED, ANSWERED, Action, Exam, Sent, WebSocket, check_headers, filled, socket_url},
    },
    transport::{Message, Traffic, WebSocketSession},
};

/// An open conversation and where it is counted.
struct Talk<'a> {
    socket: &'a WebSocket,
    session: WebSocketSession,
    label: usize,
    recorder: &'a Recorder,
}

/// What goes over the wire outside of samples; it is counted however it ends.
struct Aside<'a> {
    traffic: Traffic,
    label: usize,
    recorder: &'a Recorder,
}

impl<'a> Aside<'a> {
    fn new(label: usize, recorder: &'a Recorder) -> Self {
        Self { traffic: Traffic::default(), label, recorder }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.recorder.pass(self.label, &self.traffic);
    }
}

impl Talk<'_> {
    /// Messages came that nobody awaited.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 messages come in one run")]
    fn skip(&self, messages: u64) {
        if messages > 0 {
            self.recorder.measure(self.socket.skipped, MetricKind::Counter, messages as f64);
        }
    }
}

impl Actor {
    /// Holds the whole conversation and says whether all of it succeeded. It ends with the first thing that goes wrong with
    /// the connection, or with an answer that does not come: what is said after that would be said to nobody.
    pub(super) async fn converse_over(
        &mut self,
        desk: &Desk,
        socket: &WebSocket,
        intended: Option<Instant>,
        recorder: &Recorder,
    ) -> bool {
        let url = socket.url.get(&mut self.user.scope());
        let headers = filled(&socket.headers, &mut self.user.scope());
        let label = self.place_of(desk, &socket.label, &url);
        let now = Instant::now();
        let mut sample = recorder.begin_sample(label, intended.unwrap_or(now), now);
        let connected = match self.prepare_handshake(&url, headers) {
            Ok((url, headers)) => {
                let (protocols, traffic) = (&socket.protocols, &mut sample.traffic);
                WebSocketSession::connect(&desk.wire, &url, &headers, protocols, socket.timeout, traffic).await
            }
            Err(_) => Err(Fault::CannotBeSent),
        };
        let session = match connected {
            Ok(mut session) => {
                self.keep_cookies_of(&url, &session.take_cookies());
                session
            }
            Err(fault) => {
                give_up(&socket.actions, recorder);
                sample.finish(Err(fault), false);
                return false;
            }
        };
        sample.finish(Ok(AGREED), true);
        let mut talk = Talk { socket, session, label, recorder };
        let mut succeeded = true;
        for (number, action) in socket.actions.iter().enumerate() {
            let done = match action {
                Action::Send(sent) => self.say(&mut talk, sent).await,
                Action::Receive { question, exam } => self.ask(&mut talk, question.as_ref(), exam).await,
                Action::Pause(pause) => {
                    let pause = pause::draw(*pause, &mut self.user.random);
                    let mut aside = Aside::new(label, recorder);
                    let (messages, idle) = talk.session.idle(pause, &mut aside.traffic).await;
                    talk.skip(messages);
                    idle.map(|()| true).map_err(|fault| broken(&talk, fault))
                }
            };
            match done {
                Ok(passed) => succeeded &= passed,
                Err(Ended) => {
                    give_up(&socket.actions[number + 1..], recorder);
                    return false;
                }
            }
        }
        let mut aside = Aside::new(label, recorder);
        talk.session.close(&mut aside.traffic).await;
        succeeded
    }

    /// The user's cookies join those that were written, as with any request.
    fn prepare_handshake(
        &mut self,
        url: &str,
        mut headers: Vec<(String, String)>,
    ) -> Result<(Url, Vec<(String, String)>), String> {
        let url = socket_url(url)?;
        check_headers(&headers)?;
        if let Some(cookies) = page_of(&url).and_then(|page| self.user.cookies(&page)) {
            match headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
                Some((_, written)) => written.extend(["; ", &cookies]),
                None => headers.push(("Cookie".to_owned(), cookies)),
            }
        }
        Ok((url, headers))
    }

    /// The peer's cookies are the user's from now on, as with any answer.
    fn keep_cookies_of(&mut self, url: &str, set: &[String]) {
        if let Some(page) = socket_url(url).ok().as_ref().and_then(page_of) {
            let cookies = self.cookies();
            self.user.keep_set_cookies(&page, set.iter().map(String::as_str), cookies);
        }
    }

    /// Says something that is not answered at once.
    async fn say(&mut self, talk: &mut Talk<'_>, sent: &Sent) -> Result<bool, Ended> {
        let message = sent.message(&mut self.user.scope());
        let mut aside = Aside::new(talk.label, talk.recorder);
        let said = talk.session.send(message, talk.socket.timeout, &mut aside.traffic).await;
        said.map(|()| true).map_err(|fault| broken(talk, fault))
    }

    /// Waits for a message that passes all checks, having asked for it or not: one sample.
    async fn ask(&mut self, talk: &mut Talk<'_>, question: Option<&Sent>, exam: &Exam) -> Result<bool, Ended> {
        let recorder = talk.recorder;
        let question = question.map(|sent| sent.message(&mut self.user.scope()));
        let now = Instant::now();
        let mut sample = recorder.begin_sample(talk.label, now, now);
        // What the last message that was skipped had of what is awaited.
        let mut passed = vec![false; exam.checks.len()];
        match self.hear(talk, question, exam, &mut passed, &mut sample.traffic).await {
            Ok(message) => {
                let looks = Looks::new(ANSWERED, &[], bytes_of(&message), took(&sample.traffic));
                Ok(self.weigh(exam, &looks, true, sample, recorder))
            }
            Err(fault) => {
                exam.checks.iter().zip(passed).for_each(|(check, passed)| recorder.check(check.index, passed));
                sample.finish(Err(fault), false);
                Err(Ended)
            }
        }
    }

    async fn hear(
        &mut self,
        talk: &mut Talk<'_>,
        question: Option<Message>,
        exam: &Exam,
        passed: &mut [bool],
        traffic: &mut Traffic,
    ) -> Result<Message, Fault> {
        let timeout = talk.socket.timeout;
        if let Some(question) = question {
            talk.session.send(question, timeout, traffic).await?;
        }
        let began = Instant::now();
        loop {
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(Fault::RequestTimeout);
            }
            let message = talk.session.receive(left, traffic).await?;
            let looks = Looks::new(ANSWERED, &[], bytes_of(&message), took(traffic));
            for (check, passed) in exam.checks.iter().zip(&mut *passed) {
                *passed = check.passes(&looks, &mut self.user.scope());
            }
            drop(looks);
            if passed.iter().all(|passed| *passed) {
                return Ok(message);
            }
            talk.skip(1);
        }
    }
}

/// The page whose cookies a WebSocket shares. They are kept for http and https; both pairs of schemes have the same ports.
fn page_of(socket: &Url) -> Option<Url> {
    let rest = socket.as_str().strip_prefix("ws")?;
    Url::parse(&format!("http{rest}")).ok()
}

/// The conversation is over before its end, and a sample says why.
struct Ended;

/// The connection is found broken while no answer is awaited: a sample of its own, so that it is named.
fn broken(talk: &Talk<'_>, fault: Fault) -> Ended {
    let now = Instant::now();
    talk.recorder.begin_sample(talk.label, now, now).finish(Err(fault), false);
    Ended
}

/// Answers that are awaited no more do not pass their checks.
fn give_up(actions: &[Action], recorder: &Recorder) {
    for action in actions {
        if let Action::Receive { exam, .. } = action {
            exam.checks.iter().for_each(|check| recorder.check(check.index, false));
        }
    }
}

fn bytes_of(message: &Message) -> &[u8] {
    match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
    }
}
