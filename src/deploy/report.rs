//! Plans, proposals, inventories and ledgers as text: dangerous things first, the rest briefly.

use serde_json::Value;
use similar::TextDiff;

use super::{
    changes::{Act, ResourceChange},
    diff::{PropertyDiff, ResourceDiff},
    event::{Holding, Remainder, StackRef},
    plan::{Action, Plan, StackPlan, ValueDiff},
    screen::Paint,
};

/// How long a value may be before it is shown as a text difference or cut.
const SHORT: usize = 60;
/// How many lines around a change are shown.
const CONTEXT_LINES: usize = 2;

/// The whole plan: a verdict strip, then stack by stack.
pub fn plan(plan: &Plan, paint: Paint) -> String {
    if plan.is_empty() {
        return paint.good("nothing to do: everything is as it should be");
    }
    let mut lines = vec![strip(plan, paint)];
    for stack in plan.stacks.iter().filter(|stack| stack.action != Action::Nothing || stack.protection.is_some()) {
        lines.extend(stack_lines(stack, paint));
    }
    let missing: Vec<String> =
        plan.assets.iter().filter(|it| !it.present).map(|it| format!("{} ({})", it.asset, it.region)).collect();
    if !missing.is_empty() {
        lines.push(format!("upload: {}", missing.join(", ")));
    }
    lines.join("\n")
}

fn strip(plan: &Plan, paint: Paint) -> String {
    let count = |act: Act| plan.stacks.iter().map(|stack| stack.count(act)).sum::<usize>();
    let losses = plan.losses().len();
    let mut parts = vec![
        format!("{} add", count(Act::Add)),
        format!("{} change", count(Act::Modify)),
        format!("{} replace", count(Act::Replace)),
        format!("{} remove", count(Act::Remove)),
    ];
    if count(Act::Import) > 0 {
        parts.push(format!("{} import", count(Act::Import)));
    }
    if losses > 0 {
        parts.push(paint.bad(&format!("{losses} LOSES DATA")));
    }
    parts.join(" · ")
}

fn stack_lines(stack: &StackPlan, paint: Paint) -> Vec<String> {
    let what = match &stack.action {
        Action::Create => "create".to_owned(),
        Action::Update => "update".to_owned(),
        Action::Nothing => "leave".to_owned(),
        Action::Join => "join the same deployment, already under way".to_owned(),
        Action::Held { status } => format!("cannot: another operation holds it ({status})"),
        Action::Blocked { status, why, way_out } => format!("cannot: {status}, {why}; {way_out}"),
    };
    let mut lines = vec![format!("{} {}: {what}", paint.moving("▸"), stack.stack)];
    if stack.action == Action::Create {
        lines.push(paint.faint(&format!("    {}", resources(stack.resources.len()))));
        let imported = stack.resources.iter().filter(|resource| resource.act == Act::Import);
        lines.extend(imported.flat_map(|resource| resource_lines(resource, paint)));
    } else {
        lines.extend(stack.resources.iter().flat_map(|resource| resource_lines(resource, paint)));
        lines.extend(stack.parameters.iter().map(|value| value_line("parameter", value, paint)));
    }
    lines.extend(stack.tags.iter().filter(|_| stack.action != Action::Create).map(|tag| value_line("tag", tag, paint)));
    if stack.action != Action::Create && !stack.sections.is_empty() {
        lines.push(format!("    ~ sections: {}", stack.sections.join(", ")));
    }
    lines.extend(
        stack.obstacles.iter().map(|it| format!("    {} {} ({}): is there already", paint.bad("✗"), it.name, it.kind)),
    );
    lines.extend(stack.notes.iter().map(|note| paint.faint(&format!("    {note}"))));
    lines.extend(stack.protection.map(|on| format!("    ~ termination protection: {}", if on { "on" } else { "off" })));
    lines
}

fn resource_lines(resource: &ResourceDiff, paint: Paint) -> Vec<String> {
    let name = resource.physical_id.as_ref().map(|name| format!(": import {name}")).unwrap_or_default();
    let mut lines = vec![format!(
        "    {} {} ({}){name}{}",
        sign(resource.act, paint),
        resource.logical_id,
        resource.kind,
        if resource.loses_data { paint.bad("  LOSES DATA") } else { String::new() }
    )];
    lines.extend(resource.properties.iter().flat_map(|property| property_lines(property, paint)));
    lines
}

/// A place that differs: both values on a line, or as a text difference where they are long.
pub fn property_lines(property: &PropertyDiff, paint: Paint) -> Vec<String> {
    let why = if property.recreates { paint.bad("  makes it anew") } else { String::new() };
    let (before, after) = (shown(property.before.as_ref()), shown(property.after.as_ref()));
    let is_short = |text: &str| text.chars().count() <= SHORT && !text.contains('\n');
    if is_short(&before) && is_short(&after) {
        return vec![format!("        {}: {before} → {after}{why}", property.path)];
    }
    let mut lines = vec![format!("        {}:{why}", property.path)];
    let diff = TextDiff::from_lines(&before, &after);
    let text = diff.unified_diff().context_radius(CONTEXT_LINES).to_string();
    lines.extend(text.lines().filter(|line| !line.starts_with("\\ No newline")).map(|line| {
        let line = match line.chars().next() {
            Some('+') => paint.good(line),
            Some('-') => paint.bad(line),
            _ => paint.faint(line),
        };
        format!("          {line}")
    }));
    lines
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "(none)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Object(_) | Value::Array(_))) if value.to_string().len() > SHORT => {
            serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
        }
        Some(value) => value.to_string(),
    }
}

fn value_line(kind: &str, value: &ValueDiff, paint: Paint) -> String {
    let show = |side: &Option<String>| side.clone().unwrap_or_else(|| "(none)".to_owned());
    let text = format!("    ~ {kind} {}: {} → {}", value.name, show(&value.before), show(&value.after));
    paint.faint(&text)
}

fn sign(act: Act, paint: Paint) -> String {
    match act {
        Act::Add => paint.good("+"),
        Act::Import => paint.good("<"),
        Act::Modify => paint.moving("~"),
        Act::Remove => paint.bad("-"),
        Act::Replace => paint.bad("± replace"),
        Act::MayReplace => paint.bad("± may replace"),
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
pub fn ledger(remains: &[Remainder], paint: Paint) -> String {
    if remains.is_empty() {
        return paint.good("nothing of this environment is left");
    }
    let mut text = "left behind:".to_owned();
    for it in remains {
        let size = inside(it.count, it.bytes);
        let size = if size.is_empty() { size } else { format!(", {size}") };
        text += &format!("\n  {} {} ({}{size}): {}\n      {}", it.kind, it.name, it.region, it.why, it.command);
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
    use std::collections::BTreeMap;

    use super::{
        super::plan::{
            Wanted, decide,
            tests::{deployed, wanted},
        },
        *,
    };

    const OLD: &str = r#"
Resources:
  Table: { Type: AWS::DynamoDB::Table, Properties: { TableName: shop } }
  Function: { Type: AWS::Lambda::Function, Properties: { Timeout: 3, MemorySize: 256 } }
  Topic: { Type: AWS::SNS::Topic }
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardBody: |
        # Requests
        one
        two
        three and more, so that this text is far too long for a single line of the report
"#;
    const NEW: &str = r#"
Resources:
  Table: { Type: AWS::DynamoDB::Table, Properties: { TableName: shop-2 } }
  Function: { Type: AWS::Lambda::Function, Properties: { Timeout: 5, MemorySize: 256 } }
  Queue: { Type: AWS::SQS::Queue }
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardBody: |
        # Requests
        one
        2
        three and more, so that this text is far too long for a single line of the report
"#;

    #[test]
    fn a_plan_shows_what_loses_data_first_and_every_property() {
        let live = deployed(&wanted(OLD), "CREATE_COMPLETE");
        let wanted = Wanted { tags: BTreeMap::from([("team".to_owned(), "load".to_owned())]), ..wanted(NEW) };
        let stacks = vec![decide(&wanted, &live)];
        let whole = Plan { stack: "shop".to_owned(), account: "1".to_owned(), stacks, assets: Vec::new() };
        insta::assert_snapshot!(plan(&whole, Paint::Plain));
    }

    #[test]
    fn an_empty_plan_says_so() {
        let live = deployed(&wanted(OLD), "CREATE_COMPLETE");
        let stacks = vec![decide(&wanted(OLD), &live)];
        let whole = Plan { stack: "shop".to_owned(), account: "1".to_owned(), stacks, assets: Vec::new() };
        assert_eq!(plan(&whole, Paint::Plain), "nothing to do: everything is as it should be");
    }

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
        insta::assert_snapshot!(ledger(&remains, Paint::Plain));
        assert_eq!(ledger(&[], Paint::Plain), "nothing of this environment is left");
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
