//! Patterns that scenarios carry: regular expressions, JSONPaths and CSS selectors, compiled once here so that none is wrong
//! when a worker reads it.

/// Bytes that a compiled regular expression may take.
pub const MAX_REGEX_BYTES: usize = 1024 * 1024;

/// How many groups a regular expression has, or what is wrong with it.
pub(super) fn regex(text: &str) -> Result<usize, String> {
    let regex = regex::RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("this regular expression needs more than {MAX_REGEX_BYTES} bytes"),
        error => {
            let said = error.to_string();
            let reason = said.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it is invalid");
            format!("`{text}` is not a regular expression: {reason}")
        }
    })?;
    Ok(regex.captures_len() - 1)
}

/// What is wrong with a JSONPath (RFC 9535), if anything.
pub(super) fn json_path(text: &str) -> Result<(), String> {
    if !text.starts_with('$') {
        return Err(format!("`{text}` is not a JSONPath: it begins with `$`, as `$.items[0].id`"));
    }
    let said = |error: serde_json_path::ParseError| format!("`{text}` is not a JSONPath: {error}");
    serde_json_path::JsonPath::parse(text).map(drop).map_err(said)
}

/// What is wrong with a CSS selector, if anything.
pub(super) fn selector(text: &str) -> Result<(), String> {
    scraper::Selector::parse(text)
        .map(drop)
        .map_err(|_| format!("`{text}` is not a CSS selector, as `form input.token`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern_says_why() {
        assert_eq!(regex(r"id=(\d+)(x)?"), Ok(2));
        assert_eq!(regex("a(b"), Err("`a(b` is not a regular expression: unclosed group".to_owned()));
        assert!(regex("(a{1000}){1000}").expect_err("large").contains("needs more than"));
        assert_eq!(json_path("$.items[?@.price < 10].id"), Ok(()));
        assert!(json_path("items").expect_err("no root").contains("begins with `$`"));
        assert!(json_path("$.a[").expect_err("open").contains("is not a JSONPath"));
        assert_eq!(selector("form > input[name=csrf]"), Ok(()));
        assert!(selector("a[").is_err());
    }
}
