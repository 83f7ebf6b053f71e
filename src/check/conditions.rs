//! Conditions under every assignment: nothing may use what is not there, whatever the parameters say.

use std::collections::HashMap;

use super::{
    Scope,
    finding::Findings,
    logic::{Answer, Formula},
    uses::{Kind, Owner, Use},
};

/// Reports every use of a resource that some assignment leaves out, with that assignment.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    let mut known = HashMap::new();
    for found in scope.uses {
        judge(scope, found, &mut known, findings);
    }
    never(scope, findings);
}

type Known<'a> = HashMap<(Option<&'a str>, Vec<(&'a str, bool)>, &'a str), Answer>;

fn judge<'a>(scope: &Scope<'_, 'a>, found: &Use<'a>, known: &mut Known<'a>, findings: &mut Findings) {
    let (Owner::Resource(part) | Owner::Output(part)) = found.owner else { return };
    let Some(target) = scope.template.resources.get(found.target).and_then(|resource| resource.condition()) else {
        return;
    };
    let used = part.condition.into_iter().chain(found.guards.iter().map(|(name, _)| *name)).chain([target]);
    if matches!(found.kind, Kind::Condition | Kind::Map)
        || !used.into_iter().all(|name| scope.template.conditions.has(name))
    {
        return;
    }
    let answer = known
        .entry((part.condition, found.guards.clone(), target))
        .or_insert_with(|| missing(scope, found, part.condition, target));
    match answer {
        Answer::Impossible => {}
        Answer::Possible(example) => report(found, target, example, findings),
        Answer::TooMany => {
            let message = format!("not decided: whether `{}` is always there when it is used here", found.target);
            findings.warning("DLT123", found.place, found.path.as_str(), message);
        }
    }
}

fn missing(scope: &Scope<'_, '_>, found: &Use<'_>, condition: Option<&str>, target: &str) -> Answer {
    let here = scope.logic.reached(condition, &found.guards);
    let absent = Formula::Not(Box::new(scope.logic.condition(target)));
    scope.logic.possible(&Formula::And(vec![here, absent]))
}

fn report(found: &Use<'_>, target: &str, example: &str, findings: &mut Findings) {
    let name = found.target;
    let hint = format!("give both the same condition, or use `!If [{target}, …, …]` here");
    match (found.kind, found.owner) {
        (Kind::DependsOn, _) => {
            let message = format!("`{name}` is not there {example} (condition `{target}`), so this order is lost");
            findings.warning("DLT121", found.place, found.path.as_str(), message);
        }
        (_, Owner::Output(_)) => {
            let message = format!("this output needs `{name}`, which is not there {example} (condition `{target}`)");
            findings.error("DLT122", found.place, found.path.as_str(), message).hint(hint);
        }
        _ => {
            let message = format!("`{name}` is used here but not there {example} (condition `{target}`)");
            findings.error("DLT120", found.place, found.path.as_str(), message).hint(hint);
        }
    }
}

/// Reports what no assignment makes.
fn never(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for (section, entries) in [("Resources", &scope.template.resources), ("Outputs", &scope.template.outputs)] {
        for entry in entries.iter() {
            let Some(condition) = entry.condition().filter(|name| scope.template.conditions.has(name)) else {
                continue;
            };
            if scope.logic.possible(&scope.logic.condition(condition)) == Answer::Impossible {
                let message = format!("`{}` is never made: condition `{condition}` cannot hold", entry.name);
                findings.warning("DLT124", entry.place, format!("{section}.{}", entry.name), message);
            }
        }
    }
}
