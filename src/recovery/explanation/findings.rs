//! What was found about a failure, and what follows from it.

use super::{Evidence, Explanation, Now, Source};
use crate::{
    deploy::{
        event::{Cause, Event, StackRef},
        screen::duration,
        status::{Standing, Verdict, standing},
    },
    journal::recording::Recording,
    recovery::{
        causes::{self, Known},
        remedy::{Safe, safe},
    },
};

/// What was found about a failure, from wherever it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The environment, as it is named on the command line.
    pub environment: String,
    /// The recorded operation, if it is one.
    pub operation: Option<String>,
    /// What was done, when, by whom.
    pub about: Vec<String>,
    /// Stacks that failed: the first cause, and how many failures followed from it.
    pub failures: Vec<(StackRef, Cause, usize)>,
    /// What this program said, where it was no stack that failed.
    pub said: Vec<String>,
    /// What this program proposed.
    pub hints: Vec<String>,
    /// What stopped tasks and functions said, each with where it comes from.
    pub witnesses: Vec<Evidence>,
    /// Every stack and its status.
    pub statuses: Vec<(StackRef, String)>,
    /// True when the statuses are those of this moment.
    pub live: bool,
    /// What could not be read.
    pub unread: Vec<String>,
}

impl Findings {
    /// What a recording knows.
    pub fn of_recording(recording: &Recording) -> Self {
        let header = &recording.header;
        let mut findings = Self {
            environment: header.environment.clone(),
            operation: Some(header.id.clone()),
            about: vec![format!(
                "`dlt {} {}` of {} on {}: {} after {}",
                header.verb,
                header.environment,
                header.who,
                header.host,
                recording.verdict(),
                duration(recording.took_ms())
            )],
            ..Self::default()
        };
        for (_, event) in &recording.events {
            findings.hear(event);
        }
        if let Some((_, end)) = &recording.end {
            findings.said = end.message.iter().chain(&end.causes).cloned().collect();
            findings.hints = end.hints.clone();
        }
        findings
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Ended { stack, status, verdict, cause, echoes } => {
                let failed = matches!(verdict, Verdict::RolledBack | Verdict::NeedsRecovery);
                if let Some(cause) = cause.as_ref().filter(|_| failed) {
                    self.failures.push((stack.clone(), cause.clone(), *echoes));
                }
                self.statuses.retain(|(known, _)| known != stack);
                self.statuses.push((stack.clone(), status.clone()));
            }
            Event::Planned { plan } => {
                for it in &plan.stacks {
                    if let crate::deploy::plan::Action::Blocked { status, .. }
                    | crate::deploy::plan::Action::Held { status } = &it.action
                    {
                        self.statuses.push((it.stack.clone(), status.clone()));
                    }
                }
            }
            _ => {}
        }
    }

    /// True when something went wrong.
    pub fn is_failure(&self) -> bool {
        let stuck = |(_, status): &(StackRef, String)| matches!(standing(Some(status)), Standing::Stuck(_));
        !self.failures.is_empty() || !self.said.is_empty() || self.statuses.iter().any(stuck)
    }

    /// Puts it together.
    pub fn explain(self) -> Explanation {
        let causes = self.causes();
        Explanation {
            broke: self.broke(),
            why: self.why(),
            now: self.statuses.iter().map(|(stack, status)| now(stack, status)).collect(),
            to_do: self.to_do(&causes),
            causes,
            operation: self.operation,
            about: self.about,
            live: self.live,
            unread: self.unread,
        }
    }

    fn broke(&self) -> String {
        match (self.failures.as_slice(), self.said.first()) {
            ([], Some(said)) => said.clone(),
            ([], None) => match self.statuses.iter().find(|(_, status)| is_stuck(status)) {
                Some((stack, status)) => format!("the stack `{stack}` is in {status}"),
                None => "nothing: the last operation ended well".to_owned(),
            },
            ([(stack, cause, echoes), rest @ ..], _) => {
                let also = match rest.len() {
                    0 => String::new(),
                    1 => ", and one more stack failed".to_owned(),
                    more => format!(", and {more} more stacks failed"),
                };
                let followed = match echoes {
                    0 => String::new(),
                    1 => "; 1 more failure followed from it".to_owned(),
                    more => format!("; {more} more failures followed from it"),
                };
                format!(
                    "{} ({}) in the stack `{stack}`: {}{followed}{also}",
                    cause.logical_id, cause.kind, cause.status
                )
            }
        }
    }

    fn why(&self) -> Vec<Evidence> {
        let mut why = Vec::new();
        for (stack, cause, _) in &self.failures {
            let about = format!("{stack} {} ({})", cause.logical_id, cause.kind);
            why.push(Evidence { source: Source::Event, about: about.clone(), says: cause.reason.clone() });
            why.extend(causes::denied(&cause.reason).map(|denied| Evidence {
                source: Source::Denied,
                about,
                says: match denied.resource {
                    Some(resource) => format!("{} on {resource}", denied.action),
                    None => denied.action,
                },
            }));
        }
        why.extend(self.witnesses.iter().cloned());
        if self.failures.is_empty() {
            let said = self.said.iter().skip(1);
            why.extend(said.map(|said| Evidence {
                source: Source::Program,
                about: "dlt".to_owned(),
                says: said.clone(),
            }));
        }
        why
    }

    /// The causes that we know: of stacks first, then of what tasks and this program said.
    fn causes(&self) -> Vec<Known> {
        let of_stacks =
            self.failures.iter().filter_map(|(_, it, _)| causes::find(&it.reason, &it.kind, &it.logical_id));
        let of_witnesses = self.witnesses.iter().filter_map(|it| causes::find(&it.says, "", &it.about));
        let of_ours = self.said.iter().filter(|_| self.failures.is_empty()).filter_map(|it| causes::find(it, "", ""));
        let mut known: Vec<Known> = Vec::new();
        for cause in of_stacks.chain(of_witnesses).chain(of_ours) {
            if !known.iter().any(|it| it.id == cause.id) {
                known.push(cause);
            }
        }
        known
    }

    /// First what mends the cause, then what brings the environment on.
    fn to_do(&self, causes: &[Known]) -> Vec<String> {
        let environment = &self.environment;
        let mut to_do: Vec<String> = causes.iter().flat_map(|cause| cause.cures.clone()).collect();
        if self.failures.is_empty() {
            to_do.extend(self.hints.iter().cloned());
        }
        let safe: Vec<Vec<Safe>> = self.statuses.iter().map(|(_, status)| safe(Some(status), None)).collect();
        let moving = safe.iter().any(|safe| safe.contains(&Safe::Attach));
        let stuck = self.statuses.iter().any(|(_, status)| is_stuck(status));
        to_do.push(match (moving, stuck) {
            (true, _) => format!("dlt attach {environment}   # follow what goes on to its end"),
            (_, true) => format!("dlt recover {environment}   # help the stack out, then: dlt up {environment}"),
            _ => format!("dlt up {environment}   # try again: what is there already stays"),
        });
        let mut seen = std::collections::BTreeSet::new();
        to_do.retain(|it| seen.insert(it.clone()));
        to_do
    }
}

fn is_stuck(status: &str) -> bool {
    matches!(standing(Some(status)), Standing::Stuck(_))
}

fn now(stack: &StackRef, status: &str) -> Now {
    let means = match (standing(Some(status)), status) {
        (Standing::Moving, _) if status.contains("ROLLBACK") => "going back",
        (Standing::Moving, _) if status.contains("CLEANUP") => "done, and clearing away what was replaced",
        (Standing::Moving, _) => "working",
        (Standing::Review, _) => "waiting for a change set that nobody executed",
        (Standing::Settled, _) if status.contains("ROLLBACK") => "nothing; it is as it was before",
        (Standing::Settled, _) => "nothing; it is whole",
        (Standing::Absent, _) => "nothing; it is gone",
        (Standing::Stuck(_), _) => "nothing, and it does nothing more by itself",
    };
    Now { stack: stack.clone(), status: status.to_owned(), means }
}
