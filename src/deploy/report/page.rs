//! The page of a plan: a verdict strip, then stack by stack what is dangerous, who may do what, and the rest by area.

use std::collections::BTreeMap;

use super::{View, groups};
use crate::{
    cost,
    deploy::{
        area::Area,
        changes::Act,
        diff::{Evidence, ResourceDiff},
        plan::{Action, Plan, Server, StackPlan, ValueDiff},
    },
    timing,
};

/// How many sentences about rights are shown before the rest is folded.
const MOST_POWERS: usize = 12;

/// A space at which no line ends, so that a part of the strip stays in one piece.
const UNBROKEN: &str = "\u{a0}";

/// The whole page.
pub(super) fn plan(plan: &Plan, view: View) -> String {
    if plan.is_empty() {
        return view.paint.good("nothing to do: everything is as it should be");
    }
    let strip = view.wrapped(0, "", &strip(plan, view));
    let mut lines: Vec<String> = strip.into_iter().map(|line| line.replace(UNBROKEN, " ")).collect();
    for stack in plan.stacks.iter().filter(|stack| stack.action != Action::Nothing || stack.protection.is_some()) {
        lines.extend(stack_lines(stack, view));
    }
    let missing: Vec<String> =
        plan.assets.iter().filter(|it| !it.present).map(|it| format!("{} ({})", it.asset, it.region)).collect();
    if !missing.is_empty() {
        lines.extend(view.wrapped(0, "upload: ", &missing.join(", ")));
    }
    lines.join("\n")
}

/// What it comes to, in one line.
fn strip(plan: &Plan, view: View) -> String {
    let counted = || plan.stacks.iter().flat_map(|stack| &stack.resources).filter(|it| !it.is_unexplained());
    let count = |act: Act| counted().filter(|it| it.act == act).count();
    let mut parts = vec![
        format!("{}{UNBROKEN}change", count(Act::Modify)),
        format!("{}{UNBROKEN}add", count(Act::Add)),
        format!("{}{UNBROKEN}delete", count(Act::Remove)),
    ];
    let mut more = |count: usize, word: &str, is_bad: bool| {
        if count > 0 {
            let text = format!("{count} {word}").replace(' ', UNBROKEN);
            parts.push(if is_bad { view.paint.bad(&text) } else { text });
        }
    };
    more(count(Act::Import), "import", false);
    more(count(Act::Replace), "replace", false);
    more(count(Act::MayReplace), "may replace", false);
    let losing = |removes: bool| counted().filter(|it| it.loses_data && (it.act == Act::Remove) == removes).count();
    more(losing(false), "REPLACES DATA", true);
    more(losing(true), "DELETES DATA", true);
    let widening = updates(plan).flat_map(|stack| &stack.resources).flat_map(|it| &it.powers);
    more(widening.filter(|it| it.widens()).count(), "WIDENS ACCESS", true);
    more(counted().map(|it| it.findings.len()).sum(), "to look at", false);
    let estimate = timing::estimate(plan);
    if !estimate.stacks.is_empty() {
        parts.push(estimate.to_string().replace(' ', UNBROKEN));
    }
    let dollars = cost::idle::difference(plan);
    if dollars.abs() >= 0.01 {
        let sign = if dollars < 0.0 { '-' } else { '+' };
        parts.push(format!("{sign}${:.2} a month", dollars.abs()).replace(' ', UNBROKEN));
    }
    parts.join(&format!("{UNBROKEN}· "))
}

/// A stack that is made has no rights that could widen.
fn updates(plan: &Plan) -> impl Iterator<Item = &StackPlan> {
    plan.stacks.iter().filter(|stack| stack.action != Action::Create)
}

fn stack_lines(stack: &StackPlan, view: View) -> Vec<String> {
    let paint = view.paint;
    let what = match &stack.action {
        Action::Create => "create".to_owned(),
        Action::Update => "update".to_owned(),
        Action::Nothing => "leave".to_owned(),
        Action::Join => "join the same deployment, already under way".to_owned(),
        Action::Held { status } => format!("cannot: another operation holds it ({status})"),
        Action::Blocked { status, why, way_out } => format!("cannot: {status}, {why}; {way_out}"),
    };
    let mut lines = view.wrapped(0, &format!("{} ", paint.moving("▸")), &format!("{}: {what}", stack.stack));
    lines.extend(witness(stack).iter().flat_map(|line| view.wrapped(4, "", line)).map(|line| paint.faint(&line)));
    match stack.action {
        Action::Create => lines.extend(creation(stack, view)),
        _ => lines.extend(update(stack, view)),
    }
    let taken = |it: &crate::deploy::plan::Obstacle| format!("{} ({}): is there already", it.name, it.kind);
    lines.extend(stack.obstacles.iter().map(|it| format!("    {} {}", paint.bad("✗"), taken(it))));
    lines.extend(stack.notes.iter().flat_map(|note| view.wrapped(4, "", note)).map(|line| paint.faint(&line)));
    lines.extend(stack.protection.map(|on| format!("    ~ termination protection: {}", if on { "on" } else { "off" })));
    lines
}

/// Who looked, in a sentence; nothing where only we could.
fn witness(stack: &StackPlan) -> Option<String> {
    match &stack.server {
        Server::Unasked => None,
        Server::Unable { why } => Some(format!("compared here only: {why}")),
        Server::Answered => Some("compared here and by CloudFormation's change set".to_owned()),
        Server::Nothing => Some("CloudFormation finds nothing to change in it".to_owned()),
    }
}

fn creation(stack: &StackPlan, view: View) -> Vec<String> {
    let mut lines = vec![view.paint.faint(&format!("    {}", super::resources(stack.resources.len())))];
    let of_note: Vec<&ResourceDiff> =
        stack.resources.iter().filter(|it| it.act != Act::Add || (view.full || !it.findings.is_empty())).collect();
    lines.extend(groups::lines(&of_note, 4, view));
    lines
}

fn update(stack: &StackPlan, view: View) -> Vec<String> {
    let is_danger = |it: &&ResourceDiff| it.loses_data || it.act <= Act::Remove;
    let (danger, rest): (Vec<_>, Vec<_>) = stack.resources.iter().partition(is_danger);
    let (unexplained, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|it| it.is_unexplained());
    let mut lines: Vec<String> = danger.iter().flat_map(|it| groups::single(it, 4, view)).collect();
    lines.extend(powers(stack, view));
    lines.extend(areas(stack, &rest, view));
    lines.extend(stack.parameters.iter().map(|value| value_line("parameter", value, view)));
    lines.extend(stack.tags.iter().map(|tag| value_line("tag", tag, view)));
    lines.extend(sections(stack, view));
    if !unexplained.is_empty() {
        let mut sentence = format!(
            "CloudFormation also lists {}, and does not say why; the templates do not differ there",
            super::resources(unexplained.len())
        );
        if view.full {
            let names: Vec<&str> = unexplained.iter().map(|it| it.logical_id.as_str()).collect();
            sentence += &format!(": {}", names.join(", "));
        }
        lines.extend(view.wrapped(4, "", &sentence).iter().map(|line| view.paint.faint(line)));
    }
    lines
}

fn powers(stack: &StackPlan, view: View) -> Vec<String> {
    let mut powers: Vec<_> = stack.resources.iter().flat_map(|it| &it.powers).collect();
    powers.sort();
    let limit = if view.full { powers.len() } else { MOST_POWERS };
    let hidden = powers.len().saturating_sub(limit);
    let paint = view.paint;
    let mut lines: Vec<String> = powers
        .iter()
        .take(limit)
        .flat_map(|power| {
            let (sign, paint_it): (_, fn(crate::text::Paint, &str) -> String) = match power.widens() {
                true => ("! ", |paint, line| paint.bad(line)),
                false => ("· ", |_, line| line.to_owned()),
            };
            view.wrapped(4, sign, &power.to_string())
                .into_iter()
                .map(move |line| paint_it(paint, &line))
                .collect::<Vec<_>>()
        })
        .collect();
    if hidden > 0 {
        lines.push(paint.faint(&format!("    and {hidden} more about who may do what")));
    }
    lines
}

fn areas(stack: &StackPlan, rest: &[&ResourceDiff], view: View) -> Vec<String> {
    let mut areas: BTreeMap<Area, Vec<&ResourceDiff>> = BTreeMap::new();
    for resource in rest {
        areas.entry(Area::of(&resource.kind, &resource.logical_id)).or_default().push(resource);
    }
    let mut lines = Vec::new();
    for (area, resources) in areas {
        let unchanged = stack.unchanged.get(&area).copied().unwrap_or_default();
        let siblings = match unchanged {
            0 => String::new(),
            count => view.paint.faint(&format!("  {count} unchanged")),
        };
        lines.push(format!("    {}{siblings}", view.paint.moving(area.word())));
        lines.extend(groups::lines(&resources, 6, view));
    }
    lines
}

fn sections(stack: &StackPlan, view: View) -> Vec<String> {
    if view.full {
        let lines = stack.sections.iter().flat_map(|it| super::values::lines(it, 6, view));
        return lines.collect();
    }
    let mut names: Vec<&str> =
        stack.sections.iter().map(|it| it.path.split(['.', '[']).next().unwrap_or_default()).collect();
    names.dedup();
    if names.is_empty() { Vec::new() } else { vec![format!("    ~ sections: {}", names.join(", "))] }
}

fn value_line(kind: &str, value: &ValueDiff, view: View) -> String {
    let show = |side: &Option<String>| side.clone().unwrap_or_else(|| "(none)".to_owned());
    let text = format!("    ~ {kind} {}: {} → {}", value.name, show(&value.before), show(&value.after));
    view.paint.faint(&view.cut(&text))
}

impl Evidence {
    /// The word at the right of a line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Server => "server",
            Self::Both => "both",
        }
    }
}
