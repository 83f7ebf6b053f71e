//! The actions of the services that load testing touches, and whether they can be narrowed to a resource.
//!
//! `actions.txt` holds a service a line with its actions in lower case, sorted; a star marks those that only work on `*`. The
//! facts are those of the Service Authorization Reference.

use std::{collections::HashMap, sync::OnceLock};

/// What we know about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It can be narrowed to a resource.
    Narrow,
    /// It only works on `*`.
    Wide,
    /// Its service has no such action.
    Missing,
    /// We do not know the service.
    Uncovered,
}

/// Looks up `service:Action`, which may have wildcards in the action.
pub fn of(service: &str, action: &str) -> Known {
    let Some(actions) = table().get(service.to_ascii_lowercase().as_str()) else { return Known::Uncovered };
    let action = action.to_ascii_lowercase();
    if action.contains(['*', '?']) {
        let mut matching = actions.iter().filter(|(name, _)| matches(&action, name)).peekable();
        return match (matching.peek().is_some(), matching.any(|(_, wide)| !wide)) {
            (false, _) => Known::Missing,
            (true, true) => Known::Narrow,
            (true, false) => Known::Wide,
        };
    }
    match actions.binary_search_by_key(&action.as_str(), |(name, _)| name) {
        Ok(found) if actions[found].1 => Known::Wide,
        Ok(_) => Known::Narrow,
        Err(_) => Known::Missing,
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

type Table = HashMap<&'static str, Vec<(&'static str, bool)>>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| include_str!("actions.txt").lines().filter_map(line).collect())
}

fn line(line: &'static str) -> Option<(&'static str, Vec<(&'static str, bool)>)> {
    let mut words = line.split(' ');
    let service = words.next()?;
    Some((service, words.map(|word| word.strip_suffix('*').map_or((word, false), |name| (name, true))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_known_whatever_their_case() {
        assert_eq!(of("s3", "GetObject"), Known::Narrow);
        assert_eq!(of("dynamodb", "ListTables"), Known::Wide);
        assert_eq!(of("s3", "HeadObject"), Known::Missing);
        assert_eq!(of("nobody", "Knows"), Known::Uncovered);
        assert_eq!(of("dynamodb", "Get*"), Known::Narrow);
        assert_eq!(of("dynamodb", "Zap*"), Known::Missing);
    }

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        for (service, actions) in table() {
            assert!(actions.is_sorted(), "{service}");
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
