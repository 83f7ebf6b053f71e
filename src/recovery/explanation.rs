//! Why an operation failed, in four blocks: what broke, why, what AWS is doing now, what to do. Pure: the evidence is
//! gathered elsewhere, or read from a recording.

mod findings;

use serde::Serialize;

pub use self::findings::Findings;
use super::causes::Known;
use crate::deploy::event::StackRef;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        deploy::{
            event::{Cause, Event},
            status::Verdict,
        },
        journal::recording::{End, Recording, tests::header},
        recovery::report,
        text::Paint,
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
