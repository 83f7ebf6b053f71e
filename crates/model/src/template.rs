//! Text with holes: `/basket/{{ id }}`. What stands in a hole is an [`Expression`]; `{{ "{{" }}` writes two braces.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::expression::Expression;

/// Text with holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// What is filled in.
    Hole(Expression),
}

impl Template {
    /// Text without holes.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        Self(if text.is_empty() { Vec::new() } else { vec![Part::Text(text)] })
    }

    /// These parts, one after the other.
    pub fn of_parts(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut template = Self::default();
        parts.into_iter().for_each(|part| template.push(part));
        template
    }

    /// Text and holes, in order; no two texts follow each other.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The text of a template that has no holes.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether nothing will ever come out of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The variables it asks for.
    pub fn variables(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for part in &self.0 {
            if let Part::Hole(expression) = part {
                expression.variables(&mut found);
            }
        }
        found
    }

    /// What comes out when each hole is filled by `fill`.
    pub fn render<'a>(&'a self, mut fill: impl FnMut(&Expression) -> String) -> Cow<'a, str> {
        if let Some(text) = self.as_literal() {
            return Cow::Borrowed(text);
        }
        let mut rendered = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => rendered.push_str(text),
                Part::Hole(expression) => rendered.push_str(&fill(expression)),
            }
        }
        Cow::Owned(rendered)
    }

    fn push(&mut self, part: Part) {
        match (self.0.last_mut(), part) {
            (_, Part::Text(text)) if text.is_empty() => {}
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, part) => self.0.push(part),
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            template.push(Part::Text(rest[..at].to_owned()));
            let inside = &rest[at + 2..];
            let end = end_of_hole(inside).ok_or("`{{` is never closed by `}}`; write two braces as `{{ \"{{\" }}`")?;
            let expression =
                Expression::parse(&inside[..end]).map_err(|why| format!("in `{{{{{}}}}}`: {why}", &inside[..end]))?;
            template.push(match expression {
                Expression::Literal(text) => Part::Text(text),
                other => Part::Hole(other),
            });
            rest = &inside[end + 2..];
        }
        template.push(Part::Text(rest.to_owned()));
        Ok(template)
    }
}

/// Where the hole ends: at the first `}}` that is not inside quotes.
fn end_of_hole(inside: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if inside[at..].starts_with("}}") => return Some(at),
            None => {}
        }
    }
    None
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                // Braces of the text must not open a hole when it is read again, not even with what follows.
                Part::Text(text) if text.contains('{') => f.write_str(&text.replace('{', "{{ \"{\" }}"))?,
                Part::Text(text) => f.write_str(text)?,
                Part::Hole(expression) => write!(f, "{{{{ {expression} }}}}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.shown())
    }
}

impl Template {
    /// As it is written: plain text stays plain unless it would be read as a hole.
    fn shown(&self) -> impl fmt::Display + '_ {
        struct Shown<'a>(&'a Template);
        impl fmt::Display for Shown<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0.as_literal() {
                    Some(text) if !text.contains("{{") => f.write_str(text),
                    _ => write!(f, "{}", self.0),
                }
            }
        }
        Shown(self)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::literal(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Template {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn holes_are_filled_and_text_stays() {
        let template = parse("/basket/{{ id }}?at={{time()}}&x={{ \"{{\" }}");
        assert_eq!(template.variables(), ["id"]);
        assert_eq!(template.render(|hole| format!("<{hole}>")), "/basket/<id>?at=<time()>&x={{");
        assert_eq!(parse("{\"a\": {\"b\": 1}}").as_literal(), Some("{\"a\": {\"b\": 1}}"));
        assert_eq!(parse("{{ upper(\"}}\") }}").variables().len(), 0);
    }

    #[test]
    fn a_hole_that_is_wrong_is_named() {
        assert!("{{ id".parse::<Template>().expect_err("open").contains("never closed"));
        assert!("{{ uid() }}".parse::<Template>().expect_err("unknown").contains("did you mean `uuid`?"));
    }

    proptest! {
        #[test]
        fn any_text_reads_as_it_is_written(
            parts in prop::collection::vec(prop::sample::select(vec!["{", "{{", "}", "a", "\"", "{{ x }}", "\\"]), 0..8),
        ) {
            let literal = Template::literal(parts.concat());
            let text = serde_json::to_string(&literal).expect("serialises");
            prop_assert_eq!(&serde_json::from_str::<Template>(&text).expect("reads back"), &literal);
            let mixed = Template::of_parts([
                Part::Text(parts.concat()), Part::Hole(Expression::Variable("x".to_owned())), Part::Text(parts.concat()),
            ]);
            let text = serde_json::to_string(&mixed).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<Template>(&text).expect("reads back"), mixed);
        }
    }
}
