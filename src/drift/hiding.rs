//! What the environment file wants not to be counted: hidden until the day it names, and told when that day has passed.

use jiff::civil::Date;

use super::answer::{Answer, Fate, Ignored, ResourceDrift};
use crate::config::Ignore;

/// Marks what is hidden, and says which entries have run out or hide nothing.
pub fn hide(answer: &mut Answer, entries: &[Ignore], today: Date) {
    for entry in entries {
        let mut trial = answer.clone();
        let hides = mark(&mut trial, entry);
        if entry.until < today {
            if hides > 0 {
                let property = entry.property.as_ref().map(|it| format!(".{it}")).unwrap_or_default();
                answer.notes.push(format!(
                    "line {}: {}{property} was to be ignored until {} ({}); that day has passed, so it counts again",
                    entry.line, entry.resource, entry.until, entry.reason
                ));
            }
        } else if hides > 0 {
            *answer = trial;
        } else {
            let why = "nothing of that name differs any more; the entry can go";
            answer.notes.push(format!("line {}: {} is to be ignored: {why}", entry.line, entry.resource));
        }
    }
}

/// How many things an entry hides.
fn mark(answer: &mut Answer, entry: &Ignore) -> usize {
    let ignored = Ignored { reason: entry.reason.clone(), until: entry.until.to_string() };
    let mut hidden = 0;
    for stack in &mut answer.stacks {
        let name = stack.name.clone();
        for resource in stack.resources.iter_mut().filter(|it| entry.names(&name, &it.logical_id)) {
            hidden += mark_resource(resource, entry, &ignored);
        }
    }
    if entry.stack.is_none() && entry.property.is_none() {
        let strays = answer.strays.iter_mut().filter(|it| it.name == entry.resource).map(|it| &mut it.ignored);
        let code = answer.code.iter_mut().filter(|it| it.what == entry.resource).map(|it| &mut it.ignored);
        for place in strays.chain(code) {
            *place = Some(ignored.clone());
            hidden += 1;
        }
    }
    hidden
}

fn mark_resource(resource: &mut ResourceDrift, entry: &Ignore, ignored: &Ignored) -> usize {
    if entry.property.is_none() {
        resource.ignored = Some(ignored.clone());
        return 1;
    }
    // A resource that is gone lacks more than a property.
    if resource.fate == Fate::Deleted {
        return 0;
    }
    let covered = resource.properties.iter_mut().filter(|property| entry.covers(&property.path));
    covered.map(|property| property.ignored = Some(ignored.clone())).count()
}

#[cfg(test)]
mod tests {
    use super::{
        super::answer::{
            Verdict,
            tests::{answer, changed, stack},
        },
        *,
    };

    fn entry(resource: &str, property: Option<&str>, until: &str) -> Ignore {
        Ignore {
            stack: None,
            resource: resource.to_owned(),
            property: property.map(ToOwned::to_owned),
            reason: "audit".to_owned(),
            until: until.parse().unwrap(),
            line: 9,
        }
    }

    fn hidden(entries: &[Ignore]) -> Answer {
        let mut drifted = stack("shop", 9, 0);
        drifted.resources = vec![changed("Logs", "RetentionInDays"), changed("Table", "Tags[0].Value")];
        let mut answer = answer(vec![drifted]);
        hide(&mut answer, entries, "2026-11-22".parse().unwrap());
        answer.judged()
    }

    #[test]
    fn what_is_ignored_is_shown_and_not_counted() {
        let answer =
            hidden(&[entry("Logs", Some("RetentionInDays"), "2026-11-22"), entry("Table", None, "2027-01-01")]);
        assert_eq!((answer.verdict, answer.drifted, answer.ignored), (Verdict::Clean, 0, 2));
        assert_eq!(answer.stacks[0].resources[0].properties[0].ignored.as_ref().unwrap().reason, "audit");
        assert_eq!(answer.notes, [""; 0]);
    }

    #[test]
    fn an_entry_whose_day_has_passed_hides_nothing_and_says_so() {
        let answer = hidden(&[entry("Logs", Some("RetentionInDays"), "2026-11-21")]);
        assert_eq!((answer.verdict, answer.drifted, answer.ignored), (Verdict::Drifted, 2, 0));
        assert_eq!(
            answer.notes,
            [
                "line 9: Logs.RetentionInDays was to be ignored until 2026-11-21 (audit); that day has passed, so it counts again"
            ]
        );
    }

    #[test]
    fn an_entry_about_another_property_hides_nothing_and_is_named() {
        let answer = hidden(&[entry("Logs", Some("KmsKeyId"), "2027-01-01")]);
        assert_eq!(answer.drifted, 2);
        assert_eq!(
            answer.notes,
            ["line 9: Logs is to be ignored: nothing of that name differs any more; the entry can go"]
        );
    }

    #[test]
    fn a_resource_that_is_gone_is_not_hidden_by_an_entry_about_a_property() {
        let mut drifted = stack("shop", 9, 0);
        drifted.resources = vec![ResourceDrift { fate: Fate::Deleted, ..changed("Logs", "RetentionInDays") }];
        let mut answer = answer(vec![drifted]);
        hide(&mut answer, &[entry("Logs", Some("RetentionInDays"), "2027-01-01")], "2026-11-22".parse().unwrap());
        assert_eq!(answer.judged().verdict, Verdict::Drifted);
    }
}
