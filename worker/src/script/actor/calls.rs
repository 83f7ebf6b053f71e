//! One gRPC call, or one exchange of bytes over TCP, from filling it in to what its answer means.

use super::{Actor, exchange::took};
use crate::{
    Fault,
    clock::Instant,
    engine::{Recorder, Sample},
    script::{
        desk::Desk,
        looks::Looks,
        program::Label,
        protocols::{ANSWERED, Exam, Grpc, Tcp},
    },
    transport::{call_grpc, call_tcp},
};

impl Actor {
    /// Takes one sample and says whether it succeeded.
    pub(super) async fn grpc(
        &mut self,
        desk: &Desk,
        call: &Grpc,
        intended: Option<Instant>,
        recorder: &Recorder,
    ) -> bool {
        let url = call.url.get(&mut self.user.scope());
        let owned = match &call.fixed {
            Some(_) => None,
            None => Some(call.render(&url, &mut self.user.scope()).map_err(|_| Fault::CannotBeSent)),
        };
        let label = self.place_of(desk, &call.label, &url);
        let now = Instant::now();
        let mut sample = recorder.begin_sample(label, intended.unwrap_or(now), now);
        let rendered = match (&call.fixed, &owned) {
            (Some(fixed), _) => Ok(&**fixed),
            (None, Some(owned)) => owned.as_ref().map_err(|fault| *fault),
            (None, None) => Err(Fault::CannotBeSent),
        };
        let answer = match rendered {
            Ok(request) => call_grpc(&mut self.session, &call.method, request, call.timeout, &mut sample.traffic).await,
            Err(fault) => Err(fault),
        };
        match answer {
            Ok(answer) => {
                let accepted = call.judges_status || answer.status == 0;
                // A status that is no success comes with what the peer says about it, and with nothing else.
                let body = if answer.status == 0 { &answer.json } else { &answer.message };
                let took = took(&sample.traffic);
                let looks = Looks::new(answer.status, &answer.headers, body.as_bytes(), took);
                self.weigh(&call.exam, &looks, accepted, sample, recorder)
            }
            Err(fault) => fail(&call.exam, fault, sample, recorder),
        }
    }

    /// Takes one sample and says whether it succeeded.
    pub(super) async fn tcp(&mut self, desk: &Desk, tcp: &Tcp, intended: Option<Instant>, recorder: &Recorder) -> bool {
        let address = tcp.address.get(&mut self.user.scope());
        let send = tcp.send.bytes(&mut self.user.scope());
        let label = self.place_of(desk, &tcp.label, &address);
        let now = Instant::now();
        let mut sample = recorder.begin_sample(label, intended.unwrap_or(now), now);
        let target = (address.as_str(), tcp.tls);
        let answer = call_tcp(&desk.wire, target, &send, tcp.until.as_ref(), tcp.timeout, &mut sample.traffic).await;
        match answer {
            Ok(answer) => {
                let looks = Looks::new(ANSWERED, &[], &answer, took(&sample.traffic));
                self.weigh(&tcp.exam, &looks, true, sample, recorder)
            }
            Err(fault) => fail(&tcp.exam, fault, sample, recorder),
        }
    }

    /// Where the samples of a step are counted.
    pub(super) fn place_of(&mut self, desk: &Desk, label: &Label, url: &str) -> usize {
        match label {
            Label::Fixed(index) => *index,
            Label::Text(text) => desk.label(&text.get(&mut self.user.scope())),
            Label::Url => desk.label_of_url(url),
        }
    }

    /// Checks and extractions, and what they make of the sample.
    pub(super) fn weigh(
        &mut self,
        exam: &Exam,
        looks: &Looks<'_>,
        accepted: bool,
        mut sample: Sample<'_>,
        recorder: &Recorder,
    ) -> bool {
        let (passed, extracted) = self.examine(&exam.checks, &exam.extract, looks, recorder);
        let outcome = if accepted && !extracted { Err(Fault::ExtractFailed) } else { Ok(looks.status) };
        let succeeded = accepted && extracted && passed;
        sample.finish(outcome, succeeded);
        succeeded
    }
}

/// Nothing came: whatever must be true of it is not.
fn fail(exam: &Exam, fault: Fault, mut sample: Sample<'_>, recorder: &Recorder) -> bool {
    exam.checks.iter().for_each(|check| recorder.check(check.index, false));
    sample.finish(Err(fault), false);
    false
}
