//! Why an operation failed, in four blocks: what broke, why, what AWS is doing now, what to do. Pure: the evidence is
//! gathered elsewhere, or read from a recording.

use serde::Serialize;

use super::{
    causes::{self, Known},
    remedy::{Safe, safe},
};
use crate::{
    deploy::{
        event::{Cause, Event, StackRef},
        screen::duration,
        status::{Standing, Verdict, standing},
    },
    journal::recording::Recording,
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

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it comes from.
    pub source: Source,
    /// What it is about.
    pub about: String,
    /// What was said, verbatim.
    pub says: String,
}

/// Where a piece of evidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The first failed event of a stack, or a result of its early validation.
    Event,
    /// A call that IAM denied, out of that event.
    Denied,
    /// A task that stopped.
    Task,
    /// A line of a function's or worker's log.
    Log,
    /// This program.
    Program,
}

/// A stack and what AWS is doing with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Now {
    /// The stack.
    pub stack: StackRef,
    /// CloudFormation's word.
    pub status: String,
    /// What that means.
    pub means: &'static str,
}

/// The four blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The recorded operation, if it is one.
    pub operation: Option<String>,
    /// What broke, as a sentence.
    pub broke: String,
    /// What was done, when, by whom.
    pub about: Vec<String>,
    /// The causes that we know, most telling first.
    pub causes: Vec<Known>,
    /// The evidence.
    pub why: Vec<Evidence>,
    /// What AWS is doing.
    pub now: Vec<Now>,
    /// True when that is of this moment, and not of the end of the recording.
    pub live: bool,
    /// What to do, in this order.
    pub to_do: Vec<String>,
    /// What could not be read, so that it is missing above.
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

impl Explanation {
    /// The block "why" as lines.
    pub fn why_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.causes.iter().map(|cause| format!("{} [{}]", cause.says, cause.id)).collect();
        lines.extend(self.why.iter().map(|it| {
            let source = match it.source {
                Source::Event => "event",
                Source::Denied => "denied",
                Source::Task => "task",
                Source::Log => "log",
                Source::Program => "said",
            };
            format!("{source}: {}\n  {}", it.about, it.says)
        }));
        lines.extend(self.unread.iter().map(|it| format!("could not be read: {it}")));
        if lines.is_empty() {
            lines.push("there is no evidence: AWS gave no reason".to_owned());
        }
        lines
    }

    /// The block "now" as lines.
    pub fn now_lines(&self) -> Vec<String> {
        let tense = if self.live { "is in" } else { "was left in" };
        let mut lines: Vec<String> =
            self.now.iter().map(|it| format!("{} {tense} {}: {}", it.stack, it.status, it.means)).collect();
        if lines.is_empty() {
            lines.push("nothing: no stack was touched".to_owned());
        }
        lines
    }

    /// The block "to do" as lines.
    pub fn to_do_lines(&self) -> Vec<String> {
        self.to_do.iter().enumerate().map(|(index, it)| format!("{}. {it}", index + 1)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        deploy::screen::Paint,
        journal::recording::{End, tests::header},
        recovery::report,
    };

    fn stack(name: &str) -> StackRef {
        StackRef { name: name.to_owned(), region: "eu-west-1".parse().unwrap() }
    }

    fn ended(name: &str, status: &str, verdict: Verdict, reason: Option<&str>) -> Event {
        let cause = reason.map(|reason| Cause {
            logical_id: "ViewerRole".to_owned(),
            kind: "AWS::IAM::Role".to_owned(),
            status: "CREATE_FAILED".to_owned(),
            reason: reason.to_owned(),
        });
        Event::Ended { stack: stack(name), status: status.to_owned(), verdict, cause, echoes: 3 }
    }

    fn recording(events: Vec<Event>, end: End) -> Recording {
        let events = events.into_iter().map(|event| (1_000, event)).collect();
        Recording { header: header("3f9c21"), events, end: Some((72_000, end)), unread: 0 }
    }

    fn failed() -> Recording {
        let reason = "API: iam:CreateRole User: arn:aws:iam::1:user/eva is not authorized to perform: iam:CreateRole on \
                      resource: arn:aws:iam::1:role/dlt-shop-viewer";
        let end = End { exit: 6, message: Some("failed to create the stack".to_owned()), ..End::default() };
        let events = vec![
            ended("dlt-shop-foundation", "CREATE_COMPLETE", Verdict::Succeeded, None),
            ended("dlt-shop", "ROLLBACK_COMPLETE", Verdict::RolledBack, Some(reason)),
        ];
        recording(events, end)
    }

    #[test]
    fn a_recorded_failure_is_explained_without_any_network() {
        let explanation = Findings::of_recording(&failed()).explain();
        insta::assert_snapshot!(report::explanation(&explanation, 80, Paint::Plain));
        assert_eq!(explanation.causes[0].id, "denied");
        assert_eq!(explanation.why[1].says, "iam:CreateRole on arn:aws:iam::1:role/dlt-shop-viewer");
    }

    #[test]
    fn witnesses_of_this_moment_stand_beside_the_event() {
        let mut findings = Findings::of_recording(&failed());
        findings.live = true;
        findings.statuses = vec![(stack("dlt-shop"), "UPDATE_ROLLBACK_IN_PROGRESS".to_owned())];
        let witness = |source, says: &str| Evidence { source, about: "worker".to_owned(), says: says.to_owned() };
        findings.witnesses = vec![
            witness(Source::Task, "OutOfMemoryError: Container killed due to memory usage"),
            witness(Source::Log, "ERROR cannot reach the table"),
        ];
        findings.unread = vec!["the log group /dlt/dlt-shop/api: AccessDenied".to_owned()];
        insta::assert_snapshot!(report::explanation(&findings.explain(), 80, Paint::Plain));
    }

    #[test]
    fn what_failed_before_any_stack_was_touched_is_told_as_this_program_said_it() {
        let end = End {
            exit: 4,
            message: Some("failed to ask AWS who we are".to_owned()),
            causes: vec!["ExpiredToken: The security token included in the request is expired".to_owned()],
            hints: vec!["set AWS_PROFILE".to_owned()],
            left_out: 0,
        };
        let explanation = Findings::of_recording(&recording(Vec::new(), end)).explain();
        assert_eq!(explanation.broke, "failed to ask AWS who we are");
        assert_eq!(explanation.causes[0].id, "expired-credentials");
        assert_eq!(explanation.now_lines(), ["nothing: no stack was touched"]);
        assert!(explanation.to_do.contains(&"set AWS_PROFILE".to_owned()), "{:?}", explanation.to_do);
    }

    #[test]
    fn the_next_step_follows_from_where_the_stacks_are() {
        for (status, verb) in [
            ("UPDATE_ROLLBACK_COMPLETE", "dlt up shop"),
            ("ROLLBACK_COMPLETE", "dlt recover shop"),
            ("DELETE_FAILED", "dlt recover shop"),
            ("UPDATE_ROLLBACK_IN_PROGRESS", "dlt attach shop"),
        ] {
            let statuses = vec![(stack("dlt-shop"), status.to_owned())];
            let findings = Findings { environment: "shop".to_owned(), statuses, ..Findings::default() };
            let to_do = findings.explain().to_do;
            assert!(to_do.last().is_some_and(|last| last.starts_with(verb)), "{status}: {to_do:?}");
        }
    }

    #[test]
    fn an_operation_that_ended_well_is_no_failure() {
        let good = recording(vec![ended("dlt-shop", "UPDATE_COMPLETE", Verdict::Succeeded, None)], End::default());
        let findings = Findings::of_recording(&good);
        assert!(!findings.is_failure());
        assert_eq!(findings.explain().broke, "nothing: the last operation ended well");
        assert!(Findings::of_recording(&failed()).is_failure());
    }
}
