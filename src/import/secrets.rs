//! What must not get into a file: where a secret stood, the scenario asks for a variable of the environment.

use serde_json::Value as Json;

use super::draft::Text;

/// Headers whose values say who somebody is.
const HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/// Parts of names whose values are secret, in headers, queries, forms and JSON.
const WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passcode",
    "secret",
    "token",
    "api-key",
    "api_key",
    "apikey",
    "access_key",
    "credential",
    "session",
    "csrf",
    "private_key",
];

/// Whether what stands under this name is secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADERS.contains(&name.as_str()) || WORDS.iter().any(|word| name.contains(word)) || name == "pwd" || name == "auth"
}

/// The variable that stands for it: `x-api-key` is `X_API_KEY`.
pub(super) fn variable(name: &str) -> String {
    let word: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let word = word.trim_matches('_');
    if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
        format!("VALUE_{word}")
    } else {
        word.to_owned()
    }
}

/// The value of a header, without what is secret about it; and the variable that was put in.
pub(super) fn header(name: &str, value: &str) -> (Text, Option<String>) {
    if !is_secret(name) {
        return (Text::plain(value), None);
    }
    // The scheme is no secret, and shows what is expected.
    let scheme = value.split_once(' ').map(|(scheme, _)| scheme).filter(|scheme| {
        name.eq_ignore_ascii_case("authorization")
            && ["basic", "bearer", "token", "apikey"].contains(&scheme.to_ascii_lowercase().as_str())
    });
    let name = scheme.map_or_else(|| name.to_owned(), |scheme| format!("{scheme}_{name}"));
    let variable = variable(&name);
    let before = scheme.map(|scheme| Text::plain(format!("{scheme} "))).unwrap_or_default();
    (before.then(Text::asked(&variable, None)), Some(variable))
}

/// `a=1&token=…`, without what is secret about it.
pub(super) fn pairs(text: &str, asked: &mut Vec<String>) -> Text {
    let mut written = Text::default();
    for (number, pair) in text.split('&').enumerate() {
        let before = if number > 0 { "&" } else { "" };
        written = match pair.split_once('=') {
            Some((name, value)) if is_secret(name) && !value.is_empty() => {
                let variable = variable(name);
                asked.push(variable.clone());
                written.then(Text::plain(format!("{before}{name}="))).then(Text::asked(variable, None))
            }
            _ => written.then(Text::plain(format!("{before}{pair}"))),
        };
    }
    written
}

/// A URL, without what is secret about its query.
pub(super) fn url(text: &str, asked: &mut Vec<String>) -> Text {
    match text.split_once('?') {
        Some((path, query)) => Text::plain(format!("{path}?")).then(pairs(query, asked)),
        None => Text::plain(text),
    }
}

/// JSON whose texts are written as a scenario has them, without what is secret.
pub(super) fn json(value: &Json, name: &str, asked: &mut Vec<String>) -> Json {
    match value {
        Json::String(_) | Json::Number(_) if is_secret(name) => {
            let variable = variable(name);
            asked.push(variable.clone());
            Json::String(Text::asked(variable, None).written())
        }
        Json::String(text) => Json::String(Text::plain(text).written()),
        Json::Array(items) => Json::Array(items.iter().map(|item| json(item, name, asked)).collect()),
        Json::Object(entries) => Json::Object(
            entries.iter().map(|(key, value)| (Text::plain(key).written(), json(value, key, asked))).collect(),
        ),
        other => other.clone(),
    }
}

/// What a person is told about the variables that were put in.
pub(super) fn note(mut asked: Vec<String>) -> Option<String> {
    asked.sort_unstable();
    asked.dedup();
    (!asked.is_empty()).then(|| format!("secrets are not in this file: set {} in the environment", asked.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_asked_for_and_the_rest_stays() {
        let mut asked = Vec::new();
        assert_eq!(url("/a?x=1&api_key=abc", &mut asked).written(), "/a?x=1&api_key=${API_KEY}");
        assert_eq!(header("Authorization", "Bearer abc").0.written(), "Bearer ${BEARER_AUTHORIZATION}");
        assert_eq!(header("accept", "*/*"), (Text::plain("*/*"), None));
        let body = serde_json::json!({"user": "a", "password": "b", "deep": [{"token": 7}]});
        let hidden = json(&body, "", &mut asked).to_string();
        assert_eq!(hidden, r#"{"user":"a","password":"${PASSWORD}","deep":[{"token":"${TOKEN}"}]}"#);
        assert_eq!(asked, ["API_KEY", "PASSWORD", "TOKEN"]);
    }
}
