//! What stays of an event: the lines above the part that moves, and all there is where nothing moves.

use super::{Screen, duration, eta, stack::verb};
use crate::{
    deploy::{
        event::{Cause, Event, ResourceEvent, StackRef},
        report,
        status::Verdict,
    },
    text::Paint,
};

impl Screen {
    /// What remains on the screen of an event, or is written where there is no screen; nothing for what only moves.
    pub fn line(&self, event: &Event, now_ms: i64, paint: Paint) -> Option<String> {
        Some(match event {
            Event::Began { stack, account, .. } => format!("{stack} in the account {account}"),
            Event::Planned { plan } => report::plan(plan, paint),
            Event::Expected { estimate } => paint.faint(&eta::expected(estimate)),
            Event::AssetUploaded { asset, region, bytes } => {
                format!("{} {asset} sent to {region} ({})", paint.good("✓"), report::size(*bytes))
            }
            Event::AssetPresent { asset, region } => paint.faint(&format!("· {asset} is already in {region}")),
            Event::Proposed { stack, changes } => report::proposal(stack, changes, paint),
            Event::AtStake { stack, resources } => report::at_stake(stack, resources, paint),
            Event::Unchanged { stack } => paint.faint(&format!("· {stack}: CloudFormation finds nothing to change")),
            Event::Started { stack, operation, joined, expected } => {
                let word = if *joined { "joining, already under way:" } else { verb(*operation).0 };
                let count = expected.map(|count| format!(", {}", report::resources(count))).unwrap_or_default();
                format!("{} {word} {stack}{count}", paint.moving("▸"))
            }
            Event::Ended { stack, status, verdict, cause, echoes } => {
                self.ending(stack, status, *verdict, cause.as_ref(), *echoes, now_ms, paint)
            }
            Event::Interrupted => {
                "\nAWS goes on working; nothing is lost. Press Ctrl-C again to leave it to that (`dlt \
                                   attach` joins it later),\nor type `cancel` and Enter to go back to what was before."
                    .to_owned()
            }
            // A stack that moves has a place for its trouble in the live part.
            Event::ReadTrouble { stack, .. } if self.stacks.get(stack).is_some_and(|it| it.ended.is_none()) => {
                return None;
            }
            Event::ReadTrouble { stack, message } => paint.faint(&format!("· {stack}: asking again: {message}")),
            Event::Notice { text } => text.clone(),
            Event::Inventory { stacks, holdings } => report::inventory(stacks, holdings, paint),
            Event::Cases { cases } => crate::recovery::report::cases(cases, paint),
            Event::Emptied { kind, name, region, count } => {
                format!("{} emptied the {kind} {name} in {region} ({count} removed)", paint.good("✓"))
            }
            Event::Ledger { remains, leaving, unknown } => report::ledger(remains, leaving, unknown, paint),
            Event::PhaseStarted { .. }
            | Event::PhaseEnded { .. }
            | Event::AssetProgress { .. }
            | Event::Resource { .. }
            | Event::Outputs { .. } => return None,
        })
    }

    /// What is written for an event where no screen shows what moves.
    pub fn plain_line(&self, event: &Event, now_ms: i64) -> Option<String> {
        match event {
            Event::PhaseStarted { phase } => Some(format!("== {}", phase.word())),
            Event::Resource { stack, resource } => {
                let reason = resource.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
                let ResourceEvent { status, logical_id, kind, .. } = resource;
                Some(format!("   {stack}  {status}  {logical_id} ({kind}){reason}"))
            }
            Event::ReadTrouble { stack, message } => Some(format!("   {stack}  asking again: {message}")),
            other => self.line(other, now_ms, Paint::Plain),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of one event, taken apart")]
    fn ending(
        &self,
        stack: &StackRef,
        status: &str,
        verdict: Verdict,
        cause: Option<&Cause>,
        echoes: usize,
        now_ms: i64,
        paint: Paint,
    ) -> String {
        let view = self.stacks.get(stack);
        let took = view.map(|view| duration(now_ms - view.began_ms)).unwrap_or_default();
        let done = match (verdict, view) {
            (Verdict::Deleted, _) => "deleted",
            (_, Some(view)) => verb(view.operation).1,
            (_, None) => "done",
        };
        if matches!(verdict, Verdict::Succeeded | Verdict::Deleted) && cause.is_none() {
            return format!("{} {done} {stack}  {took}", paint.good("✓"));
        }
        let mut text = format!("{} {stack} ended in {status}  {took}", paint.bad("✗"));
        if let Some(cause) = cause {
            text += &format!("\n  cause: {} ({}) {}", paint.bad(&cause.logical_id), cause.kind, cause.status);
            text += &format!("\n         {}", cause.reason);
        }
        if echoes > 0 && cause.is_none() {
            let what = report::resources(echoes);
            text += &paint.faint(&format!("\n  {what} stopped on the way; AWS names no failure before that"));
        } else if echoes > 0 {
            let what = if echoes == 1 { "1 more failure".to_owned() } else { format!("{echoes} more failures") };
            text += &paint.faint(&format!("\n         {what} followed from it"));
        }
        text
    }
}
