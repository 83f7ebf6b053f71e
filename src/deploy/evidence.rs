//! Two witnesses of one change: our comparison of the templates and CloudFormation's change set. What both say, what only
//! one says, and where they contradict each other.

use serde_json::Value;

use super::{
    catalogue::{Recreation, names},
    changes::{Act, ChangeDetail, Fate, ResourceChange},
    diff::{self, Evidence, PropertyChange, PropertyDiff, ResourceDiff},
};

/// Attributes of a resource that a change set does not list, because nothing is done for them alone.
const SILENT: &[&str] = &["(Condition)", "(DependsOn)", "(Metadata)"];

/// Puts what CloudFormation says beside what the templates say. Of two opinions the more dangerous one counts.
pub fn merge(local: &mut Vec<ResourceDiff>, server: &[ResourceChange]) {
    let anew: Vec<String> = local
        .iter()
        .filter(|diff| matches!(diff.act, Act::Replace | Act::MayReplace))
        .map(|diff| diff.logical_id.clone())
        .collect();
    for diff in local.iter_mut() {
        match server.iter().find(|change| change.logical_id == diff.logical_id) {
            Some(change) => confirm(diff, &informed(change, &anew)),
            None => doubt(diff),
        }
    }
    let known = |change: &&ResourceChange| local.iter().any(|diff| diff.logical_id == change.logical_id);
    let new: Vec<ResourceDiff> =
        server.iter().filter(|change| !known(change)).map(|change| unforeseen(&informed(change, &anew))).collect();
    local.extend(new);
    diff::sort(local);
}

/// A change as the server says it, without the fears that knowing the templates removes: what a `Ref` gives is the name of
/// a resource, which stays as long as the resource is not made anew.
fn informed(change: &ResourceChange, anew: &[String]) -> ResourceChange {
    let mut change = change.clone();
    for detail in &mut change.details {
        let follows_what_stays = detail.follows.as_ref().is_some_and(|name| !anew.contains(name));
        detail.recreates &= !(detail.perhaps && follows_what_stays);
    }
    if change.act == Act::MayReplace && !change.details.is_empty() && !change.details.iter().any(|it| it.recreates) {
        change.act = Act::Modify;
    }
    change
}

/// Both say that the resource changes.
fn confirm(diff: &mut ResourceDiff, change: &ResourceChange) {
    diff.seen = Evidence::Both;
    if diff.physical_id.is_none() {
        diff.physical_id.clone_from(&change.physical_id);
    }
    if diff.act != change.act {
        let (here, there) = (word(diff.act), word(change.act));
        diff.findings.push(format!("the templates say that it {here}, CloudFormation says that it {there}"));
    }
    // What the templates say becomes of the old one counts where they say that it goes.
    let goes_here = diff.act < Act::Modify;
    diff.act = diff.act.min(change.act);
    match change.fate {
        Fate::Kept => diff.loses_data = false,
        Fate::Deleted => diff.loses_data = change.loses_data(),
        Fate::Unknown => diff.loses_data |= change.loses_data() && !goes_here,
    }
    for detail in &change.details {
        let path = path(detail);
        let ours = diff.properties.iter_mut().filter(|it| it.seen != Evidence::Server && is_within(&it.at.path, &path));
        if ours.map(|it| it.seen = Evidence::Both).count() == 0 {
            diff.properties.push(told(detail));
        }
    }
    let unseen =
        |it: &&PropertyChange| it.seen == Evidence::Local && !it.at.path.starts_with('(') && it.follows.is_none();
    let missing: Vec<&str> = diff.properties.iter().filter(unseen).map(|it| it.at.path.as_str()).collect();
    // An answer without any details is no evidence about one of them.
    if !change.details.is_empty() && !missing.is_empty() {
        diff.findings.push(format!("CloudFormation does not list {}", missing.join(", ")));
    }
}

/// The templates say that a resource changes, and the change set does not have it.
fn doubt(diff: &mut ResourceDiff) {
    let is_silent = |it: &PropertyChange| SILENT.iter().any(|attribute| it.at.path.starts_with(attribute));
    let expected = diff.act == Act::Modify && diff.properties.iter().all(|it| is_silent(it) || it.follows.is_some());
    if !expected {
        diff.findings.push("CloudFormation's change set does not have it".to_owned());
    }
}

/// The change set has what the templates do not show.
fn unforeseen(change: &ResourceChange) -> ResourceDiff {
    let follows = !change.details.is_empty() && change.details.iter().all(|detail| detail.follows.is_some());
    let finding = match change.details.is_empty() {
        _ if follows => None,
        true => Some("CloudFormation lists it and does not say why; the templates do not differ there"),
        false => Some("only CloudFormation lists it; the templates do not differ there"),
    };
    ResourceDiff {
        logical_id: change.logical_id.clone(),
        physical_id: change.physical_id.clone(),
        kind: change.kind.clone(),
        act: change.act,
        loses_data: change.loses_data(),
        seen: Evidence::Server,
        properties: change.details.iter().map(told).collect(),
        findings: finding.map(ToOwned::to_owned).into_iter().collect(),
        ..ResourceDiff::default()
    }
}

/// A property as only the server tells it.
fn told(detail: &ChangeDetail) -> PropertyChange {
    let recreation = match (detail.recreates, detail.perhaps) {
        (false, _) => Recreation::Never,
        (true, true) => Recreation::Perhaps,
        (true, false) => Recreation::Always,
    };
    PropertyChange {
        at: PropertyDiff {
            path: path(detail),
            before: detail.before.as_deref().map(value),
            after: detail.after.as_deref().map(value),
            recreates: recreation == Recreation::Always,
        },
        recreation,
        seen: Evidence::Server,
        follows: detail.follows.clone(),
    }
}

/// The server's path as ours: properties by their names, attributes in parentheses.
fn path(detail: &ChangeDetail) -> String {
    match detail.path.strip_prefix("Properties.") {
        Some(property) => property.to_owned(),
        None if detail.path == "Tags" => detail.path.clone(),
        None => format!("({})", detail.path),
    }
}

fn value(text: &str) -> Value {
    let parsed = text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten();
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// True when one path leads into the other; what picks items of lists is called differently by both, and does not count.
fn is_within(one: &str, other: &str) -> bool {
    names(one).iter().zip(names(other)).all(|(one, other)| *one == other)
}

fn word(act: Act) -> &'static str {
    match act {
        Act::Replace => "is made anew",
        Act::MayReplace => "may be made anew",
        Act::Remove => "goes",
        Act::Modify => "changes",
        Act::Add => "comes",
        Act::Import => "is imported",
    }
}

impl ResourceDiff {
    /// True when only the server lists it, and says nothing but that: some answers list every resource.
    pub fn is_unexplained(&self) -> bool {
        self.seen == Evidence::Server && self.act == Act::Modify && self.properties.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::changes::tests::change, *};

    fn local(name: &str, kind: &str, act: Act, paths: &[&str]) -> ResourceDiff {
        let at = |path: &&str| PropertyDiff { path: (*path).to_owned(), ..PropertyDiff::default() };
        ResourceDiff {
            logical_id: name.to_owned(),
            kind: kind.to_owned(),
            act,
            properties: paths.iter().map(|path| PropertyChange::of(kind, at(path))).collect(),
            ..ResourceDiff::default()
        }
    }

    fn detail(path: &str) -> ChangeDetail {
        ChangeDetail {
            path: format!("Properties.{path}"),
            before: Some("[1]".to_owned()),
            after: None,
            recreates: false,
            perhaps: false,
            follows: None,
        }
    }

    fn server(name: &str, kind: &str, act: Act, details: Vec<ChangeDetail>) -> ResourceChange {
        ResourceChange { details, ..change(name, kind, act) }
    }

    fn merged(local: ResourceDiff, server: &[ResourceChange]) -> ResourceDiff {
        let mut all = vec![local];
        merge(&mut all, server);
        all.remove(0)
    }

    const FUNCTION: &str = "AWS::Lambda::Function";
    const TABLE: &str = "AWS::DynamoDB::Table";

    #[test]
    fn what_both_see_is_seen_by_both_however_they_call_the_place() {
        let ours = local("F", FUNCTION, Act::Modify, &["Tags[team].Value", "Timeout"]);
        let theirs = server("F", FUNCTION, Act::Modify, vec![detail("Tags.0.Value"), detail("Timeout")]);
        let merged = merged(ours, &[theirs]);
        assert!(merged.properties.iter().all(|it| it.seen == Evidence::Both), "{merged:#?}");
        assert_eq!((merged.seen, merged.findings.len()), (Evidence::Both, 0));
    }

    #[test]
    fn what_only_one_sees_is_shown_and_found() {
        let ours = local("F", FUNCTION, Act::Modify, &["Timeout"]);
        let merged = merged(ours, &[server("F", FUNCTION, Act::Modify, vec![detail("MemorySize")])]);
        let seen: Vec<_> = merged.properties.iter().map(|it| (it.at.path.as_str(), it.seen)).collect();
        assert_eq!(seen, [("Timeout", Evidence::Local), ("MemorySize", Evidence::Server)]);
        assert_eq!(
            merged.properties[1].at.before,
            Some(serde_json::json!([1])),
            "values that are JSON are read as such"
        );
        assert_eq!(merged.findings, ["CloudFormation does not list Timeout"]);
    }

    #[test]
    fn an_answer_without_details_is_no_evidence_about_them() {
        let ours = local("F", FUNCTION, Act::Modify, &["Timeout"]);
        let merged = merged(ours, &[server("F", FUNCTION, Act::Modify, Vec::new())]);
        assert_eq!((merged.properties[0].seen, merged.findings.len()), (Evidence::Local, 0));
    }

    #[test]
    fn of_two_opinions_the_more_dangerous_one_counts_and_the_difference_is_told() {
        for (here, there, expected) in
            [(Act::Modify, Act::Replace, Act::Replace), (Act::Replace, Act::Modify, Act::Replace)]
        {
            let merged = merged(local("T", TABLE, here, &["X"]), &[server("T", TABLE, there, vec![detail("X")])]);
            assert_eq!(merged.act, expected);
            assert_eq!(merged.findings.len(), 1, "{:?}", merged.findings);
        }
    }

    #[test]
    fn the_server_knows_best_what_becomes_of_the_old_one() {
        for (fate, here, expected) in [
            (Fate::Kept, true, false),
            (Fate::Deleted, false, true),
            (Fate::Unknown, true, true),
            (Fate::Unknown, false, false),
        ] {
            let ours = ResourceDiff { loses_data: here, ..local("T", TABLE, Act::Replace, &["TableName"]) };
            let theirs = ResourceChange { fate, ..server("T", TABLE, Act::Replace, vec![detail("TableName")]) };
            assert_eq!(merged(ours, &[theirs]).loses_data, expected, "{fate:?} {here}");
        }
    }

    #[test]
    fn a_change_that_the_server_does_not_have_is_doubted_except_where_it_never_has_one() {
        assert_eq!(merged(local("F", FUNCTION, Act::Modify, &["Timeout"]), &[]).findings.len(), 1);
        assert_eq!(merged(local("F", FUNCTION, Act::Modify, &["(DependsOn)[0]"]), &[]).findings.len(), 0);
        assert_eq!(merged(local("F", FUNCTION, Act::Add, &[]), &[]).findings.len(), 1);
    }

    #[test]
    fn a_perhaps_because_of_something_that_stays_is_no_danger() {
        let because = |name: &str| ChangeDetail {
            recreates: true,
            perhaps: true,
            follows: Some(name.to_owned()),
            ..detail("TopicArn")
        };
        let subscription = |name| server("S", "AWS::SNS::Subscription", Act::MayReplace, vec![because(name)]);
        let mut all = vec![local("Topic", "AWS::SNS::Topic", Act::Modify, &["DisplayName"])];
        merge(&mut all, &[server("Topic", "AWS::SNS::Topic", Act::Modify, Vec::new()), subscription("Topic")]);
        let told =
            |all: &[ResourceDiff]| all.iter().find(|it| it.logical_id == "S").map(|it| (it.act, it.findings.len()));
        assert_eq!(told(&all), Some((Act::Modify, 0)));
        let mut all = vec![local("Topic", "AWS::SNS::Topic", Act::Replace, &["TopicName"])];
        merge(&mut all, &[subscription("Topic")]);
        assert_eq!(told(&all), Some((Act::MayReplace, 0)));
    }

    #[test]
    fn what_the_server_lists_for_no_reason_is_marked_as_such() {
        let mut all = Vec::new();
        merge(
            &mut all,
            &[server("F", FUNCTION, Act::Modify, Vec::new()), server("G", FUNCTION, Act::Modify, vec![detail("X")])],
        );
        let marks: Vec<_> = all.iter().map(|it| (it.is_unexplained(), it.findings.len())).collect();
        assert_eq!(marks, [(true, 1), (false, 1)]);
    }
}
