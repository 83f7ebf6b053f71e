//! What is taken out of events before they are kept: passwords, tokens, keys, and addresses of people.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

/// What stands where a secret stood.
pub const HIDDEN: &str = "(hidden)";
/// What stands where somebody's address stood.
const ADDRESS: &str = "(address)";
/// What CloudFormation shows in place of a NoEcho parameter.
const NO_ECHO: &str = "****";
/// Words in a name that make its value a secret.
const SECRET_NAMES: &[&str] =
    &["password", "passwd", "secret", "credential", "authorization", "apikey", "api_key", "privatekey", "private_key"];
/// Names that have such a word and say no secret: where one is kept, or how long it must be.
const HARMLESS_NAMES: &[&str] = &["password_parameter", "passwordpolicy", "secrets_manager", "generatesecret"];

struct Pattern {
    /// A text without any of these has nothing to find, which is told much faster.
    signs: &'static [&'static str],
    find: Regex,
    put: String,
}

/// What a secret looks like wherever it stands.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let table: [(&'static [&'static str], &str, String); 7] = [
        (&["@"], r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", ADDRESS.to_owned()),
        (&["AKIA", "ASIA"], r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", HIDDEN.to_owned()),
        (&["eyJ"], r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*", HIDDEN.to_owned()),
        (&["mz-", "MZ-"], r"(?i)(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s]+", format!("${{1}}{HIDDEN}")),
        (
            &["earer ", "EARER ", "asic ", "ASIC "],
            r"(?i)\b(Bearer|Basic) [A-Za-z0-9._~+/=-]{8,}",
            format!("${{1}} {HIDDEN}"),
        ),
        (&["://"], r"(://)[^/\s:@]+:[^/\s@]+@", format!("${{1}}{HIDDEN}@")),
        (
            &["assw", "ASSW", "ecret", "ECRET", "oken", "OKEN"],
            r#"(?i)\b([a-z_]*(?:password|passwd|secret|token)["']?\s*[=:]\s*)["']?[^\s"',;&()]+"#,
            format!("${{1}}{HIDDEN}"),
        ),
    ];
    let pattern = |(signs, find, put): (&'static [&'static str], &str, String)| {
        let find = Regex::new(find).expect("every pattern is used by the tests below");
        Pattern { signs, find, put }
    };
    table.into_iter().map(pattern).collect()
});

/// The same text without what looks like a secret or an address.
pub fn text(text: &str) -> String {
    PATTERNS.iter().fold(text.to_owned(), |text, pattern| match pattern.signs.iter().any(|sign| text.contains(sign)) {
        true => pattern.find.replace_all(&text, pattern.put.as_str()).into_owned(),
        false => text,
    })
}

/// Takes secrets out of a value, wherever they stand in it.
pub fn value(value: &mut Value) {
    match value {
        Value::String(found) => *found = text(found),
        Value::Array(items) => items.iter_mut().for_each(self::value),
        Value::Object(fields) => {
            if is_secret_difference(fields) {
                for side in ["before", "after"] {
                    if let Some(value) = fields.get_mut(side).filter(|it| !it.is_null()) {
                        hide(value);
                    }
                }
            }
            for (name, field) in fields.iter_mut() {
                if names_a_secret(name) && (field.is_string() || field.is_number()) {
                    hide(field);
                } else {
                    self::value(field);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hide(value: &mut Value) {
    *value = Value::String(HIDDEN.to_owned());
}

/// A value that differs, of a parameter or property that is secret by its name, or by what CloudFormation shows of it.
fn is_secret_difference(fields: &serde_json::Map<String, Value>) -> bool {
    let named = |key: &str| fields.get(key).and_then(Value::as_str).is_some_and(names_a_secret);
    let masked = |key: &str| fields.get(key).and_then(Value::as_str) == Some(NO_ECHO);
    named("name") || named("path") || masked("before") || masked("after")
}

fn names_a_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let harmless = HARMLESS_NAMES.iter().any(|known| name.contains(known));
    // A token alone names an operation of CloudFormation; a token of somebody's is told by its whole name.
    let token = ["authtoken", "auth_token", "accesstoken", "access_token", "sessiontoken", "session_token"];
    !harmless && SECRET_NAMES.iter().chain(&token).any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_looks_like_a_secret_or_an_address_is_hidden_wherever_it_stands() {
        for (before, after) in [
            ("sent to eva@shop.example.com again", "sent to (address) again"),
            ("user AKIAIOSFODNN7EXAMPLE may not", "user (hidden) may not"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl came", "(hidden) came"),
            (
                "https://b.s3.amazonaws.com/k?X-Amz-Signature=abc123&x=1",
                "https://b.s3.amazonaws.com/k?X-Amz-Signature=(hidden)&x=1",
            ),
            ("authorization: Bearer abcdefgh12345678", "authorization: Bearer (hidden)"),
            ("https://eva:hunter2@example/x", "https://(hidden)@example/x"),
            ("password=hunter2, done", "password=(hidden), done"),
            (r#"{"db_password": "hunter2"}"#, r#"{"db_password": (hidden)"}"#),
            ("arn:aws:iam::123456789012:user/eva on shop", "arn:aws:iam::123456789012:user/eva on shop"),
            ("The role cannot be assumed", "The role cannot be assumed"),
        ] {
            assert_eq!(text(before), after);
        }
    }

    #[test]
    fn a_value_is_hidden_by_its_name_by_its_path_and_when_cloudformation_does_not_echo_it() {
        let mut event = json!({
            "outputs": {"Url": "https://a", "ClientSecret": "s3cret", "Admin": "eva@example.com"},
            "parameters": [
                {"name": "DbPassword", "before": null, "after": "hunter2"},
                {"name": "Plain", "before": "****", "after": "hunter3"},
                {"name": "Memory", "before": "1", "after": "2"},
            ],
            "properties": [{"path": "Environment.Variables.API_KEY", "before": "k1", "after": {"Ref": "X"}}],
            "token": "dlt-0011-2233",
        });
        value(&mut event);
        assert_eq!(
            event,
            json!({
                "outputs": {"Url": "https://a", "ClientSecret": HIDDEN, "Admin": ADDRESS},
                "parameters": [
                    {"name": "DbPassword", "before": null, "after": HIDDEN},
                    {"name": "Plain", "before": HIDDEN, "after": HIDDEN},
                    {"name": "Memory", "before": "1", "after": "2"},
                ],
                "properties": [{"path": "Environment.Variables.API_KEY", "before": HIDDEN, "after": HIDDEN}],
                "token": "dlt-0011-2233",
            })
        );
    }

    #[test]
    fn where_a_secret_is_kept_is_no_secret() {
        let mut event = json!({"password_parameter": "/shop/admin", "PasswordPolicy": {"MinimumLength": 12}});
        let before = event.clone();
        value(&mut event);
        assert_eq!(event, before);
    }
}
