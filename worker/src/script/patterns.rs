//! Regular expressions, JSONPaths and CSS selectors, compiled with a bound and refused with a sentence.

use regex::{Regex, RegexBuilder};
use scraper::Selector;
use serde_json_path::JsonPath;

/// How large a compiled regular expression may be.
const MAX_REGEX_BYTES: usize = 1024 * 1024;

/// A regular expression, whose time is linear in the text.
pub fn regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).dfa_size_limit(MAX_REGEX_BYTES).build().map_err(|error| {
        // The library draws a picture of the place over several lines.
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("`{pattern}` is no regular expression: {why}")
    })
}

/// A JSONPath of RFC 9535.
pub fn json_path(path: &str) -> Result<JsonPath, String> {
    JsonPath::parse(path).map_err(|error| format!("`{path}` is no JSONPath (RFC 9535): {error}"))
}

/// A CSS selector.
pub fn selector(selector: &str) -> Result<Selector, String> {
    Selector::parse(selector).map_err(|error| format!("`{selector}` is no CSS selector: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_none_is_refused_with_its_text() {
        assert!(regex("a(").expect_err("open").contains("`a(` is no regular expression: unclosed group"));
        assert!(regex("(a{1000}){1000}").is_err());
        assert!(json_path("a.b").expect_err("no root").contains("`a.b` is no JSONPath"));
        assert!(selector("a[").expect_err("open").contains("`a[` is no CSS selector"));
    }
}
