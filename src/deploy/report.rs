//! Plans, proposals, inventories and ledgers as text: dangerous things first, the rest briefly.

mod groups;
mod layout;
mod page;
#[cfg(test)]
mod pages;
pub mod values;

use super::{
    changes::{Act, ResourceChange},
    event::{Holding, Leaving, Remainder, StackRef},
    plan::Plan,
    stakes::AtStake,
};
use crate::text::Paint;

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// How many columns there are; none where the page is read by a program or kept in a file.
    pub width: Option<usize>,
    /// Whether it is coloured.
    pub paint: Paint,
    /// True when nothing is folded.
    pub full: bool,
}

/// The whole plan, uncut: for a reader that has no width.
pub fn plan(plan: &Plan, paint: Paint) -> String {
    page(plan, View { width: None, paint, full: false })
}

/// The whole plan: a verdict strip, then stack by stack, dangerous things first.
pub fn page(plan: &Plan, view: View) -> String {
    page::plan(plan, view)
}

/// What becomes of a resource, in a character.
fn sign(act: Act, paint: Paint) -> String {
    match act {
        Act::Add => paint.good("+"),
        Act::Import => paint.good("<"),
        Act::Modify => paint.moving("~"),
        Act::Remove => paint.bad("-"),
        Act::Replace => paint.bad("±"),
        Act::MayReplace => paint.bad("±?"),
    }
}

/// What CloudFormation would do to one stack: dangerous changes with their reasons, additions as a count.
pub fn proposal(stack: &StackRef, changes: &[ResourceChange], paint: Paint) -> String {
    let count = |act: Act| changes.iter().filter(|change| change.act == act).count();
    let mut text = format!(
        "{} CloudFormation for {stack}: {} add · {} change · {} replace · {} remove",
        paint.moving("▸"),
        count(Act::Add),
        count(Act::Modify),
        count(Act::Replace) + count(Act::MayReplace),
        count(Act::Remove),
    );
    if count(Act::Import) > 0 {
        text += &format!(" · {} import", count(Act::Import));
    }
    for change in changes.iter().filter(|change| change.act != Act::Add) {
        let loses = if change.loses_data() { paint.bad("  LOSES DATA") } else { String::new() };
        let name = change.physical_id.as_ref().filter(|_| change.act == Act::Import);
        let name = name.map(|name| format!(": import {name}")).unwrap_or_default();
        text += &format!("\n    {} {} ({}){name}{loses}", sign(change.act, paint), change.logical_id, change.kind);
        for detail in change.details.iter().filter(|detail| detail.recreates) {
            let word = if change.act == Act::MayReplace { "may make" } else { "makes" };
            text += &format!("\n        {} {word} it anew", detail.path);
        }
    }
    text
}

/// What would be lost that the plan did not show: CloudFormation alone has found it.
pub fn at_stake(stack: &StackRef, resources: &[AtStake], paint: Paint) -> String {
    let mut text = format!("{} what only CloudFormation found to be lost in {stack}:", paint.bad("✗"));
    for AtStake { logical_id, kind, name, stake } in resources {
        let inside = inside(stake.count, stake.bytes);
        let inside = if inside.is_empty() { inside } else { format!("{inside}; ") };
        text += &format!("\n    {} ({kind}) {name}\n        {inside}{}", paint.bad(logical_id), stake.backup);
    }
    text
}

/// What a teardown is about to remove.
pub fn inventory(stacks: &[StackRef], holdings: &[Holding], paint: Paint) -> String {
    let mut text = "this removes:".to_owned();
    for stack in stacks {
        text += &format!("\n  {} {stack}", paint.bad("-"));
        for holding in holdings.iter().filter(|holding| holding.stack == *stack) {
            let kept = if holding.kept { paint.good("  stays") } else { String::new() };
            let inside = inside(holding.count, holding.bytes);
            text += &format!("\n      {} ({})  {inside}{kept}", holding.name, holding.kind);
        }
    }
    text
}

/// How many things are inside and how large they are, as far as that is known.
fn inside(count: Option<u64>, bytes: Option<u64>) -> String {
    let parts = [count.map(|count| format!("{count} inside")), bytes.map(size)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What remains, why, and what removes it.
///
/// What goes by itself is no remainder; it is said so that nobody wonders. What is not known is never called nothing.
pub fn ledger(remains: &[Remainder], leaving: &[Leaving], unknown: &[String], paint: Paint) -> String {
    let mut text = match (remains, unknown) {
        ([], []) => paint.good("nothing of this environment is left"),
        ([], _) => "nothing of this environment is left, as far as is known".to_owned(),
        _ => "left behind:".to_owned(),
    };
    for it in remains {
        let size = inside(it.count, it.bytes);
        let size = if size.is_empty() { size } else { format!(", {size}") };
        text += &format!("\n  {} {} ({}{size}): {}\n      {}", it.kind, it.name, it.region, it.why, it.command);
    }
    for Leaving { kind, name, region, why, command, .. } in leaving {
        let lines = format!("· the {kind} {name} in {region}:\n    {why}\n    {command} brings it back");
        text += &format!("\n{}", paint.faint(&lines));
    }
    for sentence in unknown {
        text += &format!("\n{}", paint.bad(&format!("· {sentence}")));
    }
    text
}

/// `1 resource`, `80 resources`.
pub fn resources(count: usize) -> String {
    if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") }
}

/// How many cells a bar has.
const BAR_CELLS: u64 = 20;

/// `██████▌             1.2 MB / 3.6 MB`.
pub fn bar(done: u64, total: u64, paint: Paint) -> String {
    let cells = (done.min(total) * BAR_CELLS).checked_div(total).unwrap_or(BAR_CELLS);
    let cells = usize::try_from(cells).expect("at most as many as the bar has");
    let (full, empty) = ("█".repeat(cells), "░".repeat(BAR_CELLS as usize - cells));
    format!("{}{} {} / {}", paint.moving(&full), paint.faint(&empty), size(done), size(total))
}

/// `12 B`, `1.2 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::stakes::Stake;

    #[test]
    fn a_ledger_names_the_command_for_everything_that_remains() {
        let remains = vec![Remainder {
            kind: "bucket".to_owned(),
            name: "shop-data-1-eu-west-1".to_owned(),
            region: "eu-west-1".parse().unwrap(),
            count: Some(3),
            bytes: Some(1_234),
            why: "the environment file says `retention.data: keep`".to_owned(),
            command: "aws s3 rb --force s3://shop-data-1-eu-west-1 --region eu-west-1".to_owned(),
        }];
        insta::assert_snapshot!(ledger(&remains, &[], &[], Paint::Plain));
        assert_eq!(ledger(&[], &[], &[], Paint::Plain), "nothing of this environment is left");
    }

    #[test]
    fn a_key_that_waits_is_named_and_is_no_remainder_and_what_is_not_known_is_not_nothing() {
        let leaving = [Leaving {
            kind: "key".to_owned(),
            name: "1234".to_owned(),
            region: "eu-west-1".parse().unwrap(),
            until_ms: None,
            why: "AWS deletes it on 2026-11-29 at 13:20 UTC".to_owned(),
            command: "aws kms cancel-key-deletion --key-id 1234 --region eu-west-1".to_owned(),
        }];
        let lines = "· the key 1234 in eu-west-1:\n    AWS deletes it on 2026-11-29 at 13:20 UTC\n    aws kms \
                     cancel-key-deletion --key-id 1234 --region eu-west-1 brings it back";
        let told = ledger(&[], &leaving, &[], Paint::Plain);
        assert_eq!(told, format!("nothing of this environment is left\n{lines}"));
        let unknown = ["whether more keys wait is not known: no".to_owned()];
        assert_eq!(
            ledger(&[], &[], &unknown, Paint::Plain),
            "nothing of this environment is left, as far as is known\n· whether more keys wait is not known: no"
        );
    }

    #[test]
    fn a_loss_that_only_cloudformation_found_is_shown_with_what_is_at_stake() {
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        let stake = |count, backup: &str| Stake { count, bytes: None, backup: backup.to_owned() };
        let resource = |name: &str, kind: &str, stake| AtStake {
            logical_id: name.to_owned(),
            kind: kind.to_owned(),
            name: format!("eu-west-1_{name}"),
            stake,
        };
        let resources = [
            resource("Users", "AWS::Cognito::UserPool", stake(Some(12), "users have no backup")),
            resource("Other", "AWS::X::Y", stake(None, "whether there is a backup is not known")),
        ];
        insta::assert_snapshot!(at_stake(&stack, &resources, Paint::Plain));
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_234_567, "1.2 MB"), (u64::MAX, "18446744.1 TB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
