//! The actions of the services that load testing touches, and whether they can be narrowed to a resource.
//!
//! `actions.txt` holds a service a line with its actions in lower case, sorted; a star marks those that only work on `*`,
//! and a tilde those that work on `*` or on a resource, depending on what they are asked (a policy of IoT is attached to a certificate, which
//! has an ARN, or to an identity, which has none). The facts are those of the Service Authorization Reference.

use std::{collections::HashMap, sync::OnceLock};

/// What we know about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It can be narrowed to a resource.
    Narrow,
    /// It only works on `*`.
    Wide,
    /// It may need `*`, or a resource.
    Either,
    /// Its service has no such action.
    Missing,
    /// We do not know the service.
    Uncovered,
}

/// Looks up `service:Action`, which may have wildcards in the action.
pub fn of(service: &str, action: &str) -> Known {
    let Some(actions) = table().get(service.to_ascii_lowercase().as_str()) else { return Known::Uncovered };
    let action = action.to_ascii_lowercase();
    if !action.contains(['*', '?']) {
        return actions
            .binary_search_by_key(&action.as_str(), |(name, _)| name)
            .map_or(Known::Missing, |found| actions[found].1);
    }
    let matching: Vec<_> = actions.iter().filter(|(name, _)| matches(&action, name)).map(|(_, known)| *known).collect();
    match matching.first() {
        None => Known::Missing,
        Some(_) if matching.contains(&Known::Narrow) => Known::Narrow,
        Some(_) if matching.contains(&Known::Either) => Known::Either,
        Some(_) => Known::Wide,
    }
}

/// The actions of a service, to suggest one.
pub fn names(service: &str) -> impl Iterator<Item = &'static str> {
    table().get(service).into_iter().flatten().map(|(name, _)| *name)
}

/// Whether a pattern with `*` and `?` matches a whole text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) && pattern[p] != b'*' {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, taken)) = star {
            (p, t) = (at + 1, taken + 1);
            star = Some((at, taken + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

type Actions = Vec<(&'static str, Known)>;
type Table = HashMap<&'static str, Actions>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| include_str!("actions.txt").lines().filter_map(line).collect())
}

fn line(line: &'static str) -> Option<(&'static str, Actions)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.map(marked).collect()))
}

fn marked(word: &'static str) -> (&'static str, Known) {
    match (word.strip_suffix('*'), word.strip_suffix('~')) {
        (Some(name), _) => (name, Known::Wide),
        (_, Some(name)) => (name, Known::Either),
        _ => (word, Known::Narrow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_known_whatever_their_case() {
        assert_eq!(of("s3", "GetObject"), Known::Narrow);
        assert_eq!(of("dynamodb", "ListTables"), Known::Wide);
        assert_eq!(of("iot", "AttachPolicy"), Known::Either);
        assert_eq!(of("s3", "HeadObject"), Known::Missing);
        assert_eq!(of("nobody", "Knows"), Known::Uncovered);
        assert_eq!(of("dynamodb", "Get*"), Known::Narrow);
        assert_eq!(of("dynamodb", "Zap*"), Known::Missing);
    }

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        for (service, actions) in table() {
            assert!(actions.is_sorted_by_key(|(name, _)| name), "{service}");
        }
    }

    #[test]
    fn wildcards_match_like_iam_does() {
        assert!(matches("get*item", "getbatchitem"));
        assert!(matches("g?t", "get"));
        assert!(!matches("get", "gets"));
        assert!(matches("*", ""));
    }
}
