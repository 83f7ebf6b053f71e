//! One request of a user, from filling it in to what its answer means.

use std::{rc::Rc, time::Duration};

use super::{Actor, Begin, Taken};
use crate::{
    Fault,
    clock::Instant,
    engine::{Recorder, Sample},
    follow,
    request::Target,
    script::{
        auth::Pass,
        check::Check,
        desk::Desk,
        extract::Extract,
        looks::Looks,
        program::{Fixed, Form, Label, Request},
        resources::Embedded,
    },
    transport::{Answer, Session, Traffic},
};

/// An answer, and the request that led to it when that is not the one that was asked first.
struct Landed {
    answer: Answer,
    target: Option<Box<Target>>,
}

/// A request whose parts are known.
enum Prepared<'a> {
    Fixed(&'a Fixed),
    Filled(Box<Target>),
}

impl Prepared<'_> {
    fn target(&self) -> &Target {
        match self {
            Self::Fixed(fixed) => &fixed.target,
            Self::Filled(target) => target,
        }
    }
}

impl Actor {
    /// Takes one sample and says whether it succeeded.
    pub(super) async fn request(
        &mut self,
        desk: &Desk,
        request: &Request,
        mut begin: Begin,
        recorder: &Recorder,
    ) -> Taken {
        let pass = match &request.auth {
            None => Ok(Pass::None),
            Some(auth) if auth.waits() => {
                // Signing in is no part of the sample; a sample that it delays begins when it is done.
                let began = Instant::now();
                let pass = Box::pin(auth.wait_for_pass(&mut self.user, desk)).await;
                begin.intended = begin.intended.map(|intended| intended + began.elapsed());
                pass
            }
            Some(auth) => Ok(auth.pass(&mut self.user)),
        };
        let prepared = pass.and_then(|pass| self.prepare(request, &pass));
        let label = self.label(desk, request, prepared.as_ref().ok());
        let now = match (&prepared, begin.now) {
            // Nothing had to be filled in, so no time has passed that is worth another look at the clock.
            (Ok(Prepared::Fixed(_)), Some(now)) if request.auth.is_none() => now,
            _ => Instant::now(),
        };
        let mut sample = recorder.begin_sample(label, begin.intended.unwrap_or(now), now);
        sample.traffic.now = Some(now);
        let landed = match &prepared {
            Ok(prepared) => self.converse(request, prepared, &mut sample.traffic).await,
            Err(fault) => Err(*fault),
        };
        let now = sample.traffic.now;
        match (landed, prepared) {
            // What costs nothing is done without a detour.
            (Ok(Landed { answer, .. }), _) if !request.is_looked_at() && !request.resources => {
                let succeeded = request.expect.accepts(answer.status);
                sample.finish(Ok(answer.status), succeeded);
                Taken { succeeded, now }
            }
            (Ok(Landed { answer, target }), Ok(prepared)) => {
                let complete = if request.resources && request.expect.accepts(answer.status) {
                    let page = target.as_deref().unwrap_or_else(|| prepared.target());
                    Box::pin(self.embedded(request, page, &answer, &mut sample.traffic)).await
                } else {
                    true
                };
                Taken { succeeded: self.judge(request, &answer, complete, &mut sample, recorder), now }
            }
            (Err(fault), _) | (_, Err(fault)) => {
                request.checks.iter().for_each(|check| recorder.check(check.index, false));
                sample.finish(Err(fault), false);
                Taken::from(false)
            }
        }
    }

    fn prepare<'a>(&mut self, request: &'a Request, pass: &Pass) -> Result<Prepared<'a>, Fault> {
        let draft = match &request.form {
            Form::Fixed(fixed) => return Ok(Prepared::Fixed(fixed)),
            Form::Draft(draft) => draft,
        };
        let more = match pass {
            Pass::Header(value) => vec![("Authorization".to_owned(), value.clone())],
            Pass::None | Pass::Keys(_) => Vec::new(),
        };
        let mut target = draft.fill(&mut self.user.scope(), more).map_err(|_| Fault::CannotBeSent)?;
        if let (Some(auth), Pass::Keys(keys)) = (&request.auth, pass) {
            auth.sign(&mut target, keys).map_err(|_| Fault::CannotBeSent)?;
        }
        Ok(Prepared::Filled(Box::new(target)))
    }

    fn label(&mut self, desk: &Desk, request: &Request, prepared: Option<&Prepared<'_>>) -> usize {
        match (&request.label, prepared) {
            (Label::Fixed(index), _) => *index,
            (Label::Text(text), _) => desk.label(&text.get(&mut self.user.scope())),
            (Label::Url, Some(prepared)) => desk.label_of_url(prepared.target().url.as_str()),
            (Label::Url, None) => match &request.form {
                Form::Draft(draft) => desk.label_of_url(&draft.url.get(&mut self.user.scope())),
                Form::Fixed(fixed) => desk.label_of_url(fixed.target.url.as_str()),
            },
        }
    }

    async fn converse(
        &mut self,
        request: &Request,
        prepared: &Prepared<'_>,
        traffic: &mut Traffic,
    ) -> Result<Landed, Fault> {
        let url = &prepared.target().url;
        let owned;
        let rendered = match (prepared, self.user.cookies(url)) {
            (Prepared::Fixed(fixed), None) => &fixed.rendered,
            (prepared, cookies) => {
                owned = prepared.target().render_with(cookies.as_deref());
                &owned
            }
        };
        let answer = self.session.exchange(rendered, request.want, request.timeout, traffic).await?;
        self.user.keep_cookies(url, &answer, self.cookies());
        if answer.location().is_none() || request.redirects == 0 || request.expects(answer.status) {
            return Ok(Landed { answer, target: None });
        }
        Box::pin(self.follow(request, prepared.target().clone(), answer, traffic)).await
    }

    /// The requests that an answer redirects to, one after the other.
    async fn follow(
        &mut self,
        request: &Request,
        mut target: Target,
        mut answer: Answer,
        traffic: &mut Traffic,
    ) -> Result<Landed, Fault> {
        let mut hops = 0;
        while let Some(next) = follow::next(&target, answer.status, answer.location()) {
            if hops == request.redirects {
                return Err(Fault::TooManyRedirects);
            }
            hops += 1;
            target = next?;
            let rendered = target.render_with(self.user.cookies(&target.url).as_deref());
            answer = self.session.exchange(&rendered, request.want, request.timeout, traffic).await?;
            self.user.keep_cookies(&target.url, &answer, self.cookies());
            if request.expects(answer.status) {
                break;
            }
        }
        Ok(Landed { answer, target: Some(Box::new(target)) })
    }

    /// Fetches what the page embeds, a few things at a time; says whether all of it came.
    async fn embedded(&mut self, request: &Request, page: &Target, answer: &Answer, traffic: &mut Traffic) -> bool {
        let embedded = Embedded::of(page, answer);
        while self.helpers.len() + 1 < embedded.connections() {
            self.helpers.push(Session::new(Rc::clone(&self.desk.wire)));
        }
        let cookies = self.cookies();
        let sessions = std::iter::once(&mut self.session).chain(&mut self.helpers);
        embedded.fetch(sessions, request, (&mut self.user, cookies), traffic).await
    }

    /// Checks and extractions, and what they make of the sample.
    fn judge(
        &mut self,
        request: &Request,
        answer: &Answer,
        complete: bool,
        sample: &mut Sample<'_>,
        recorder: &Recorder,
    ) -> bool {
        let looks = Looks::new(answer.status, answer.headers(), answer.body(), took(&sample.traffic));
        let accepted = request.expect.accepts(answer.status);
        let (passed, extracted) = self.examine(&request.checks, &request.extract, &looks, recorder);
        let outcome = match () {
            () if accepted && !complete => Err(Fault::ResourceFailed),
            () if accepted && !extracted => Err(Fault::ExtractFailed),
            () => Ok(answer.status),
        };
        let succeeded = accepted && complete && extracted && passed;
        sample.finish(outcome, succeeded);
        succeeded
    }

    /// Says whether all checks passed, and whether everything was found that is kept.
    pub(super) fn examine(
        &mut self,
        checks: &[Check],
        extract: &[Extract],
        looks: &Looks<'_>,
        recorder: &Recorder,
    ) -> (bool, bool) {
        let mut passed = true;
        for check in checks {
            let passes = check.passes(looks, &mut self.user.scope());
            recorder.check(check.index, passes);
            passed &= passes;
        }
        let mut extracted = true;
        for extract in extract {
            let value = extract.from(looks, &mut self.user.scope());
            extracted &= value.is_some();
            // What an earlier answer left must not pass for this one's.
            self.user.variables[extract.variable] = value.unwrap_or_default();
        }
        (passed, extracted)
    }
}

/// From the first byte sent to the last received.
pub(super) fn took(traffic: &Traffic) -> Duration {
    let part = |phase: Option<Duration>| phase.unwrap_or_default();
    part(traffic.sending) + part(traffic.waiting) + part(traffic.receiving)
}
