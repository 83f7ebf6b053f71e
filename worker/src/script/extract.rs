//! Extractions, compiled, and what they keep of an answer.

use dlt_model::program::{self, Source as Written, Which};
use rand::Rng;
use regex::Regex;
use scraper::Selector;
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::{
    looks::{Looks, plain},
    patterns,
    value::{Scope, Slot, Text},
};

/// Something of an answer that is kept in a variable.
pub struct Extract {
    pub variable: Slot,
    source: Source,
    which: Which,
    default: Option<Text>,
}

enum Source {
    JsonPath(JsonPath),
    Regex(Regex, usize),
    Header(Box<str>),
    Css(Box<Selector>, Option<Box<str>>),
    Cookie(Box<str>),
    Between(Box<str>, Box<str>),
    Status,
    Body,
}

impl Extract {
    /// Compiles an extraction into the variable.
    ///
    /// # Errors
    /// Says what is wrong with its pattern, path or selector.
    pub fn compile(extract: &program::Extract, variable: Slot, default: Option<Text>) -> Result<Self, String> {
        let source = match &extract.from {
            Written::JsonPath(path) => Source::JsonPath(patterns::json_path(path)?),
            Written::Regex { pattern, group } => {
                let compiled = patterns::regex(pattern)?;
                if *group >= compiled.captures_len() {
                    let last = compiled.captures_len() - 1;
                    return Err(format!("`{pattern}` has no group {group}; its last is {last}"));
                }
                Source::Regex(compiled, *group)
            }
            Written::Header(name) => Source::Header(name.as_str().into()),
            Written::Css { selector, attribute } => {
                Source::Css(Box::new(patterns::selector(selector)?), attribute.as_deref().map(Into::into))
            }
            Written::Cookie(name) => Source::Cookie(name.as_str().into()),
            Written::Between { left, right } if left.is_empty() || right.is_empty() => {
                return Err("what stands between two texts needs both of them".to_owned());
            }
            Written::Between { left, right } => Source::Between(left.as_str().into(), right.as_str().into()),
            Written::Status => Source::Status,
            Written::Body => Source::Body,
        };
        Ok(Self { variable, source, which: extract.which, default })
    }

    /// Whether it needs the body.
    pub fn wants_body(&self) -> bool {
        !matches!(self.source, Source::Header(_) | Source::Cookie(_) | Source::Status)
    }

    /// Whether it needs the headers.
    pub fn wants_headers(&self) -> bool {
        matches!(self.source, Source::Header(_))
    }

    /// Whether it needs the cookies.
    pub fn wants_cookies(&self) -> bool {
        matches!(self.source, Source::Cookie(_))
    }

    /// What the variable holds from now on; `None` when nothing is found and nothing stands in for it.
    pub fn from(&self, looks: &Looks<'_>, scope: &mut Scope<'_>) -> Option<String> {
        let found = match &self.source {
            Source::JsonPath(path) => {
                let found = looks.json(path);
                match self.which {
                    // Numbers and objects stay what they are.
                    Which::All if !found.is_empty() => serde_json::to_string(&found).ok(),
                    Which::All => None,
                    which => one(found.len(), which, scope).and_then(|at| found.get(at).map(|json| plain(json))),
                }
            }
            Source::Regex(pattern, group) => self.choose(looks.regex(pattern, *group), scope),
            Source::Header(name) => self.choose(looks.headers_of(name), scope),
            Source::Css(selector, attribute) => {
                self.choose(looks.css(selector, attribute.as_deref()).iter().map(String::as_str), scope)
            }
            Source::Cookie(name) => self.choose(looks.cookies(name), scope),
            Source::Between(left, right) => self.choose(looks.between(left, right), scope),
            Source::Status => Some(looks.status.to_string()),
            Source::Body => Some(looks.text().to_owned()),
        };
        found.or_else(|| self.default.as_ref().map(|default| default.get(scope)))
    }

    fn choose<'a>(&self, mut found: impl Iterator<Item = &'a str>, scope: &mut Scope<'_>) -> Option<String> {
        match self.which {
            Which::At(number) => found.nth(number).map(ToOwned::to_owned),
            Which::All => {
                let all: Vec<&str> = found.collect();
                if all.is_empty() { None } else { serde_json::to_string(&all).ok() }
            }
            Which::Random => {
                let all: Vec<&str> = found.collect();
                one(all.len(), self.which, scope).map(|at| all[at].to_owned())
            }
        }
    }
}

fn one(count: usize, which: Which, scope: &mut Scope<'_>) -> Option<usize> {
    match which {
        Which::At(number) => (number < count).then_some(number),
        _ => (count > 0).then(|| scope.random.random_range(0..count)),
    }
}

/// The items of a list that a variable holds: those of a JSON array, or the text itself.
pub fn items(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(Json::Array(items)) => items.iter().map(plain).collect(),
        _ if text.is_empty() => Vec::new(),
        _ => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    const HTML: &str = r#"<a href="/1">one</a> [token=abc] [token=def] <a href="/2"> two </a>"#;
    const JSON: &str = r#"{"items": [{"id": 1}, {"id": "x"}]}"#;

    fn kept(from: Written, which: Which) -> Option<String> {
        let body = if matches!(from, Written::JsonPath(_)) { JSON } else { HTML };
        let headers = [("Set-Cookie".into(), "sid=s1; Path=/".into()), ("Location".into(), "/there".into())];
        let looks = Looks::new(200, &headers, body.as_bytes(), Duration::ZERO);
        let mut random = SmallRng::seed_from_u64(0);
        let mut scope = Scope { variables: &[], random: &mut random, user: 1, iteration: 0, worker: 0 };
        let extract = program::Extract { variable: "x".to_owned(), from, which, default: None };
        Extract::compile(&extract, 0, None).expect("valid").from(&looks, &mut scope)
    }

    #[test]
    fn what_is_found_is_kept() {
        let path = |path: &str| Written::JsonPath(path.to_owned());
        let regex = |pattern: &str, group| Written::Regex { pattern: pattern.to_owned(), group };
        let css = |attribute: Option<&str>| Written::Css {
            selector: "a".to_owned(),
            attribute: attribute.map(ToOwned::to_owned),
        };
        let between = || Written::Between { left: "[token=".to_owned(), right: "]".to_owned() };
        for (from, which, expected) in [
            (path("$.items[1].id"), Which::At(0), "x"),
            (path("$.items[*].id"), Which::All, r#"[1,"x"]"#),
            (path("$.items[0]"), Which::At(0), r#"{"id":1}"#),
            (regex("token=([a-z]+)", 1), Which::At(1), "def"),
            (regex("token=([a-z]+)", 0), Which::At(0), "token=abc"),
            (regex("token=([a-z]+)", 1), Which::All, r#"["abc","def"]"#),
            (Written::Header("location".to_owned()), Which::At(0), "/there"),
            (css(Some("href")), Which::At(1), "/2"),
            (css(None), Which::All, r#"["one","two"]"#),
            (Written::Cookie("sid".to_owned()), Which::At(0), "s1"),
            (between(), Which::All, r#"["abc","def"]"#),
            (Written::Status, Which::At(0), "200"),
            (Written::Body, Which::At(0), HTML),
        ] {
            assert_eq!(kept(from.clone(), which).as_deref(), Some(expected), "{from:?}");
        }
        assert!(["abc", "def"].contains(&kept(between(), Which::Random).expect("found").as_str()));
        for (from, which) in [
            (path("$.none"), Which::At(0)),
            (path("$.none[*]"), Which::All),
            (regex("token=([a-z]+)", 1), Which::At(2)),
            (Written::Cookie("other".to_owned()), Which::At(0)),
        ] {
            assert_eq!(kept(from, which), None);
        }
    }

    #[test]
    fn lists_are_arrays_or_single_texts() {
        assert_eq!(items(r#"["a", 1, {"b": 2}]"#), ["a", "1", r#"{"b":2}"#]);
        assert_eq!(items("plain"), ["plain"]);
        assert!(items("").is_empty() && items("[]").is_empty());
    }
}
