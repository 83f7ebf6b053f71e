//! Resources of one area, folded: those that change in the same places are one line.

use super::{View, sign, values};
use crate::deploy::{
    changes::Act,
    diff::{Evidence, PropertyChange, ResourceDiff},
};

/// How many places of one resource are shown with their values before the rest is folded.
const MOST_PLACES: usize = 4;
/// How many places of a group are named.
const MOST_PATHS: usize = 6;
/// Room for who saw it, at the right.
const MARK: usize = "  server".len();

/// Resources that change alike.
struct Group<'a> {
    act: Act,
    seen: Evidence,
    paths: Vec<&'a str>,
    members: Vec<&'a ResourceDiff>,
}

/// The lines of an area's resources.
pub(super) fn lines(resources: &[&ResourceDiff], indent: usize, view: View) -> Vec<String> {
    if view.full {
        return resources.iter().flat_map(|resource| single(resource, indent, view)).collect();
    }
    grouped(resources).iter().flat_map(|group| group.lines(indent, view)).collect()
}

fn grouped<'a>(resources: &[&'a ResourceDiff]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for resource in resources {
        let paths: Vec<&str> = resource.properties.iter().map(|it| it.at.path.as_str()).collect();
        match groups.iter_mut().find(|group| group.is_of(resource) && group.paths == paths) {
            Some(group) => group.members.push(resource),
            None => groups.push(Group { act: resource.act, seen: resource.seen, paths, members: vec![resource] }),
        }
    }
    groups
}

impl Group<'_> {
    fn is_of(&self, resource: &ResourceDiff) -> bool {
        let quiet = resource.findings.is_empty() && self.members.iter().all(|it| it.findings.is_empty());
        quiet && (self.act, self.seen) == (resource.act, resource.seen)
    }

    fn lines(&self, indent: usize, view: View) -> Vec<String> {
        if let [alone] = self.members[..] {
            return single(alone, indent, view);
        }
        let names: Vec<String> = self.members.iter().map(|it| name(it)).collect();
        let mut sentence = names.join(", ");
        if !self.paths.is_empty() {
            let more = self.paths.len().saturating_sub(MOST_PATHS);
            let paths = self.paths[..self.paths.len() - more].join(", ");
            sentence += &format!(": {paths}");
            if more > 0 {
                sentence += &format!(" and {more} more");
            }
        }
        let narrow = View { width: view.width.map(|width| width.saturating_sub(MARK)), ..view };
        let mut lines = narrow.wrapped(indent, &format!("{} ", sign(self.act, view.paint)), &sentence);
        if let Some(first) = lines.first_mut() {
            *first = view.marked(first, self.seen.word());
        }
        lines
    }
}

fn name(resource: &ResourceDiff) -> String {
    let imported = resource.physical_id.as_ref().filter(|_| resource.act == Act::Import);
    imported.map_or_else(|| resource.logical_id.clone(), |id| format!("{} (import {id})", resource.logical_id))
}

/// A resource by itself: what happens to it, and where.
pub(super) fn single(resource: &ResourceDiff, indent: usize, view: View) -> Vec<String> {
    let paint = view.paint;
    let loses = match resource.act {
        _ if !resource.loses_data => String::new(),
        Act::Remove => paint.bad("  DELETES DATA"),
        Act::MayReplace => paint.bad("  MAY REPLACE DATA"),
        _ => paint.bad("  REPLACES DATA"),
    };
    let what = match resource.act {
        Act::Replace => " is made anew",
        Act::MayReplace => " may be made anew",
        _ => "",
    };
    let header = format!(
        "{}{} {} ({}){what}{loses}",
        " ".repeat(indent),
        sign(resource.act, paint),
        name(resource),
        resource.kind
    );
    let mut lines = vec![view.marked(&header, resource.seen.word())];
    lines.extend(resource.stake.iter().flat_map(|stake| {
        let inside = super::inside(stake.count, stake.bytes);
        let inside = if inside.is_empty() { inside } else { format!("{inside}; ") };
        view.wrapped(indent + 4, "", &format!("{inside}{}", stake.backup))
    }));
    let (shown, hidden) = visible(resource, view);
    lines.extend(shown.into_iter().flat_map(|property| place(property, indent + 4, view)));
    if !hidden.is_empty() {
        let names: Vec<&str> = hidden.iter().map(|it| it.at.path.as_str()).take(MOST_PATHS).collect();
        let more = hidden.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let sentence = format!("{} more: {}{more}", hidden.len(), names.join(", "));
        lines.extend(view.wrapped(indent + 4, "", &sentence).iter().map(|line| paint.faint(line)));
    }
    for finding in resource.findings.iter().filter(|_| !resource.is_unexplained()) {
        lines.extend(view.wrapped(indent + 4, "! ", finding).iter().map(|line| paint.moving(line)));
    }
    lines
}

/// What is shown with values: all that makes the resource anew, and of the rest the first.
fn visible(resource: &ResourceDiff, view: View) -> (Vec<&PropertyChange>, Vec<&PropertyChange>) {
    let mut places: Vec<&PropertyChange> = resource.properties.iter().collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.recreation));
    let telling = places.iter().filter(|place| place.recreation > Default::default()).count();
    let limit = if view.full { places.len() } else { telling.max(MOST_PLACES) };
    let hidden = places.split_off(limit.min(places.len()));
    (places, hidden)
}

/// A place with its values, what it does to its resource, and who saw it.
fn place(property: &PropertyChange, indent: usize, view: View) -> Vec<String> {
    use crate::deploy::catalogue::Recreation;
    let paint = view.paint;
    let mut lines = match &property.follows {
        Some(other) if property.at.before == property.at.after => {
            vec![format!("{}{}: follows from {other}", " ".repeat(indent), property.at.path)]
        }
        _ => values::lines(&property.at, indent, view),
    };
    if let Some(first) = lines.first_mut() {
        *first += &match property.recreation {
            Recreation::Always => paint.bad("  makes it anew"),
            Recreation::Perhaps => paint.bad("  may make it anew"),
            Recreation::Never => String::new(),
        };
        *first = view.marked(first, property.seen.word());
    }
    lines
}
