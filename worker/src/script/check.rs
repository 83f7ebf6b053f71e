//! Checks, compiled, and what they say of an answer.

use dlt_model::program::{self, Subject as Written, Test as WrittenTest};
use regex::Regex;
use scraper::Selector;
use serde_json_path::JsonPath;

use super::{
    looks::{Looks, plain},
    patterns,
    value::{Scope, Text},
};

/// Something that must be true of an answer.
pub struct Check {
    /// Its place among the names of checks.
    pub index: usize,
    subject: Subject,
    test: Test,
    not: bool,
}

enum Subject {
    Status,
    Header(Box<str>),
    Body,
    JsonPath(JsonPath),
    Css(Box<Selector>),
    Size,
    Duration,
}

enum Test {
    Exists,
    /// A text, and the number that it is if it is one.
    Equals(Text, Option<f64>),
    Contains(Text),
    Matches(Regex),
    AtMost(f64),
    AtLeast(f64),
}

impl Check {
    /// Compiles a check; `text` compiles the texts in it.
    ///
    /// # Errors
    /// Says what is wrong with its pattern, path or selector.
    pub fn compile(
        check: &program::Check,
        index: usize,
        text: impl FnOnce(&dlt_model::template::Template) -> Result<Text, String>,
    ) -> Result<Self, String> {
        let subject = match &check.subject {
            Written::Status => Subject::Status,
            Written::Header(name) => Subject::Header(name.as_str().into()),
            Written::Body => Subject::Body,
            Written::JsonPath(path) => Subject::JsonPath(patterns::json_path(path)?),
            Written::Css(selector) => Subject::Css(Box::new(patterns::selector(selector)?)),
            Written::Size => Subject::Size,
            Written::Duration => Subject::Duration,
        };
        let test = match &check.test {
            WrittenTest::Exists => Test::Exists,
            WrittenTest::Equals(expected) => {
                let expected = text(expected)?;
                let as_number = expected.as_literal().and_then(number);
                Test::Equals(expected, as_number)
            }
            WrittenTest::Contains(expected) => Test::Contains(text(expected)?),
            WrittenTest::Matches(pattern) => Test::Matches(patterns::regex(pattern)?),
            WrittenTest::AtMost(bound) => Test::AtMost(*bound),
            WrittenTest::AtLeast(bound) => Test::AtLeast(*bound),
        };
        Ok(Self { index, subject, test, not: check.not })
    }

    /// Whether it needs the body.
    pub fn wants_body(&self) -> bool {
        !matches!(self.subject, Subject::Status | Subject::Header(_) | Subject::Duration)
    }

    /// Whether it needs the headers.
    pub fn wants_headers(&self) -> bool {
        matches!(self.subject, Subject::Header(_))
    }

    /// Whether it is true. Of several things that were found, one is enough.
    pub fn passes(&self, looks: &Looks<'_>, scope: &mut Scope<'_>) -> bool {
        let holds = match &self.subject {
            Subject::Status => self.test.holds_for(f64::from(looks.status), scope),
            Subject::Header(name) => looks.headers_of(name).next().is_some_and(|value| self.test.holds(value, scope)),
            Subject::Body => match self.test {
                Test::Exists => !looks.body.is_empty(),
                _ => self.test.holds(looks.text(), scope),
            },
            Subject::JsonPath(path) => looks.json(path).into_iter().any(|json| self.test.holds(&plain(json), scope)),
            Subject::Css(selector) => looks.css(selector, None).iter().any(|text| self.test.holds(text, scope)),
            #[expect(clippy::cast_precision_loss, reason = "bodies are bounded far below 2^53 bytes")]
            Subject::Size => self.test.holds_for(looks.body.len() as f64, scope),
            Subject::Duration => self.test.holds_for(looks.duration.as_secs_f64() * 1_000.0, scope),
        };
        holds != self.not
    }
}

impl Test {
    /// The same for what is a number already, which is made a text only where that matters.
    fn holds_for(&self, found: f64, scope: &mut Scope<'_>) -> bool {
        #[expect(clippy::float_cmp, reason = "the same number, as when both are read from texts")]
        match self {
            Self::Equals(_, Some(expected)) => found == *expected,
            Self::AtMost(bound) => found <= *bound,
            Self::AtLeast(bound) => found >= *bound,
            _ => self.holds(&found.to_string(), scope),
        }
    }

    fn holds(&self, found: &str, scope: &mut Scope<'_>) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals(expected, _) => match expected.as_literal() {
                Some(expected) => is_same(found, expected),
                None => is_same(found, &expected.get(scope)),
            },
            Self::Contains(expected) => match expected.as_literal() {
                Some(expected) => found.contains(expected),
                None => found.contains(&expected.get(scope)),
            },
            Self::Matches(pattern) => pattern.is_match(found),
            Self::AtMost(bound) => number(found).is_some_and(|number| number <= *bound),
            Self::AtLeast(bound) => number(found).is_some_and(|number| number >= *bound),
        }
    }
}

fn is_same(found: &str, expected: &str) -> bool {
    found == expected || matches!((number(found), number(expected)), (Some(found), Some(expected)) if found == expected)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dlt_model::template::Template;
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;
    use crate::script::value::Value;

    fn passes(subject: Written, test: WrittenTest) -> bool {
        let headers = [("X-A".into(), "one, two".into())];
        let body = br#"<p class="x"> 42 </p>{"#;
        let json = br#"{"a": {"b": [1, "two", null]}}"#;
        let body = if matches!(subject, Written::JsonPath(_)) { &json[..] } else { &body[..] };
        let looks = Looks::new(201, &headers, body, Duration::from_millis(12));
        let mut random = SmallRng::seed_from_u64(0);
        let mut scope = Scope { variables: &[], random: &mut random, user: 1, iteration: 0, worker: 0 };
        let text =
            |template: &Template| Ok(Text::of([Value::Literal(template.as_literal().expect("no holes").into())]));
        let check = program::Check { name: "x".to_owned(), subject, test, not: false };
        let plain = Check::compile(&check, 0, text).expect("valid").passes(&looks, &mut scope);
        let check = program::Check { not: true, ..check };
        let not = Check::compile(&check, 0, text).expect("valid").passes(&looks, &mut scope);
        assert_ne!(plain, not);
        plain
    }

    #[test]
    fn checks_hold_or_do_not() {
        let path = |path: &str| Written::JsonPath(path.to_owned());
        let header = || Written::Header("x-a".to_owned());
        for (subject, test) in [
            (Written::Status, WrittenTest::Equals("201".into())),
            (header(), WrittenTest::Contains("two".into())),
            (header(), WrittenTest::Exists),
            (Written::Body, WrittenTest::Contains("class".into())),
            (Written::Body, WrittenTest::Matches("[0-9]{2}".to_owned())),
            (path("$.a.b[0]"), WrittenTest::Equals("1.0".into())),
            (path("$.a.b[*]"), WrittenTest::Equals("two".into())),
            (path("$.a.b[2]"), WrittenTest::Exists),
            (Written::Css(".x".to_owned()), WrittenTest::Equals("42".into())),
            (Written::Css("p".to_owned()), WrittenTest::AtLeast(42.0)),
            (Written::Size, WrittenTest::AtMost(22.0)),
            (Written::Duration, WrittenTest::AtMost(12.5)),
        ] {
            assert!(passes(subject.clone(), test.clone()), "{subject:?} {test:?}");
        }
        for (subject, test) in [
            (Written::Status, WrittenTest::Equals("200".into())),
            (Written::Header("x-b".to_owned()), WrittenTest::Exists),
            (path("$.a.c"), WrittenTest::Exists),
            (path("$.a"), WrittenTest::AtMost(1e9)),
            (Written::Size, WrittenTest::AtMost(21.0)),
            (Written::Css("q".to_owned()), WrittenTest::Exists),
        ] {
            assert!(!passes(subject.clone(), test.clone()), "{subject:?} {test:?}");
        }
    }
}
