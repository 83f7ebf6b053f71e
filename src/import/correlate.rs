//! What an answer gave and a later request sent again: a token, an id. It must be extracted rather than repeated.

use serde_json::Value as Json;

/// Shorter values are found everywhere.
const FEWEST_CHARACTERS: usize = 6;
/// Values of one answer that are looked for, so that large answers stay cheap.
const MOST_VALUES: usize = 2_000;

/// Values of an answer and where they stand, as JSONPaths.
pub(super) fn values(body: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Ok(json) = serde_json::from_str::<Json>(body) {
        collect(&json, "$".to_owned(), &mut found);
    }
    found
}

fn collect(json: &Json, path: String, found: &mut Vec<(String, String)>) {
    if found.len() >= MOST_VALUES {
        return;
    }
    match json {
        Json::String(text) if text.chars().count() >= FEWEST_CHARACTERS && !text.contains(char::is_whitespace) => {
            found.push((text.clone(), path));
        }
        Json::Number(number) if number.to_string().len() >= FEWEST_CHARACTERS => found.push((number.to_string(), path)),
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, format!("{path}[{index}]"), found));
        }
        Json::Object(entries) => entries.iter().for_each(|(key, value)| {
            let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !key.is_empty();
            let step = if plain { format!(".{key}") } else { format!("[{}]", Json::String(key.clone())) };
            collect(value, format!("{path}{step}"), found);
        }),
        _ => {}
    }
}

/// Whether a text holds a value as a word of its own.
pub(super) fn holds(text: &str, value: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric();
    text.match_indices(value)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + value.len()..].starts_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_they_stand() {
        let found =
            values(r#"{"token": "abcdef", "items": [{"id": 1234567, "a b": "xyzxyz"}], "n": 1, "t": "two words"}"#);
        let paths: Vec<&str> = found.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(paths, ["$.token", "$.items[0].id", "$.items[0][\"a b\"]"]);
        assert!(holds("Bearer abcdef", "abcdef") && !holds("xabcdef", "abcdef"));
        assert_eq!(values("<html>"), []);
    }
}
