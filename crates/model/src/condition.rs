//! What decides between ways: `status == 200 and not (user contains "test")`.
//!
//! ```text
//! condition  = term { "or" term }
//! term       = factor { "and" factor }
//! factor     = "not" factor | "(" condition ")" | expression [ operator expression ]
//! operator   = "==" | "!=" | "<=" | ">=" | "<" | ">" | "contains" | "matches"
//! ```
//! Two numbers are compared as numbers, anything else as text. An expression alone holds unless it is empty, `false` or `0`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::expression::{Expression, Reader};

/// How deeply conditions may be nested.
const MAX_DEPTH: usize = 16;

/// What holds or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// One of them at least.
    Any(Vec<Condition>),
    /// Every one.
    All(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// The expression is something.
    Holds(Expression),
    /// The expressions compare so.
    Compare(Expression, Operator, Expression),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The same.
    Equal,
    /// Not the same.
    NotEqual,
    /// Not larger.
    AtMost,
    /// Not smaller.
    AtLeast,
    /// Smaller.
    Less,
    /// Larger.
    More,
    /// The right is a part of the left.
    Contains,
    /// The regular expression on the right matches somewhere in the left.
    Matches,
}

/// Longer ones first: `<` begins `<=`.
const OPERATORS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::More),
    ("contains", Operator::Contains),
    ("matches", Operator::Matches),
];

impl Condition {
    /// The variables it asks for.
    pub fn variables(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().for_each(|part| part.collect(found)),
            Self::Not(part) => part.collect(found),
            Self::Holds(expression) => expression.variables(found),
            Self::Compare(left, _, right) => {
                left.variables(found);
                right.variables(found);
            }
        }
    }

    /// Whether it holds, when `value` says what an expression is and `matches` whether a text matches a pattern.
    pub fn holds(&self, value: &mut dyn FnMut(&Expression) -> String, matches: &dyn Fn(&str, &str) -> bool) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(value, matches)),
            Self::All(parts) => parts.iter().all(|part| part.holds(value, matches)),
            Self::Not(part) => !part.holds(value, matches),
            Self::Holds(expression) => !matches!(value(expression).as_str(), "" | "false" | "0"),
            Self::Compare(left, operator, right) => operator.compare(&value(left), &value(right), matches),
        }
    }
}

impl Operator {
    /// Whether two values compare so, when `matches` says whether a text matches a pattern.
    pub fn compare(self, left: &str, right: &str, matches: &dyn Fn(&str, &str) -> bool) -> bool {
        let order = match (left.trim().parse::<f64>(), right.trim().parse::<f64>()) {
            (Ok(left), Ok(right)) => left.partial_cmp(&right),
            _ => Some(left.cmp(right)),
        };
        match self {
            Self::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Self::NotEqual => !order.is_some_and(std::cmp::Ordering::is_eq),
            Self::AtMost => order.is_some_and(std::cmp::Ordering::is_le),
            Self::AtLeast => order.is_some_and(std::cmp::Ordering::is_ge),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::More => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::Contains => left.contains(right),
            Self::Matches => matches(left, right),
        }
    }

    fn name(self) -> &'static str {
        OPERATORS.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut reader = Reader::new(text);
        let condition = any(&mut reader, 0)?;
        match reader.rest() {
            "" => Ok(condition),
            rest => Err(format!("expected `and`, `or` or the end, found `{rest}`")),
        }
    }
}

fn any(reader: &mut Reader<'_>, depth: usize) -> Result<Condition, String> {
    if depth > MAX_DEPTH {
        return Err(format!("conditions are nested more than {MAX_DEPTH} deep"));
    }
    let mut parts = vec![all(reader, depth)?];
    while reader.take_word("or") || reader.take("||") {
        parts.push(all(reader, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
}

fn all(reader: &mut Reader<'_>, depth: usize) -> Result<Condition, String> {
    let mut parts = vec![factor(reader, depth)?];
    while reader.take_word("and") || reader.take("&&") {
        parts.push(factor(reader, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
}

fn factor(reader: &mut Reader<'_>, depth: usize) -> Result<Condition, String> {
    if reader.take_word("not") {
        if depth > MAX_DEPTH {
            return Err(format!("conditions are nested more than {MAX_DEPTH} deep"));
        }
        return factor(reader, depth + 1).map(|part| Condition::Not(Box::new(part)));
    }
    if reader.take("(") {
        let inside = any(reader, depth + 1)?;
        return if reader.take(")") { Ok(inside) } else { Err("expected `)`".to_owned()) };
    }
    let left = reader.expression()?;
    for (name, operator) in OPERATORS {
        let word = name.starts_with(char::is_alphabetic);
        if if word { reader.take_word(name) } else { reader.take(name) } {
            return Ok(Condition::Compare(left, operator, reader.expression()?));
        }
    }
    Ok(Condition::Holds(left))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(parts) => joined(parts, " or ", f),
            Self::All(parts) => joined(parts, " and ", f),
            Self::Not(part) => write!(f, "not ({part})"),
            Self::Holds(expression) => write!(f, "{expression}"),
            Self::Compare(left, operator, right) => write!(f, "{left} {} {right}", operator.name()),
        }
    }
}

fn joined(parts: &[Condition], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        f.write_str(if number > 0 { word } else { "" })?;
        match part {
            Condition::Any(_) | Condition::All(_) => write!(f, "({part})")?,
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let condition: Condition = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
        let mut value = |expression: &Expression| match expression {
            Expression::Literal(text) => text.clone(),
            Expression::Variable(name) => match name.as_str() {
                "ten" => "10".to_owned(),
                "name" => "alice".to_owned(),
                _ => String::new(),
            },
            Expression::Call(..) => "called".to_owned(),
        };
        condition.holds(&mut value, &|text, pattern| text.starts_with(pattern))
    }

    #[test]
    fn conditions_hold_or_do_not() {
        for text in [
            "ten",
            "not none",
            "ten == 10.0",
            "ten > 9",
            "name == 'alice' and ten >= 10",
            "none or name contains \"lic\"",
            "not (none or ten < 3) and name != \"bob\"",
            "name matches \"al\"",
            "uuid() == \"called\" && not none || none",
        ] {
            assert!(holds(text), "{text}");
            let condition: Condition = text.parse().expect("valid");
            assert_eq!(condition.to_string().parse(), Ok(condition), "{text}");
        }
        for text in ["none", "ten < 9", "\"b\" < \"a\"", "not ten", "notes", "name == \"Alice\""] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("", "found nothing"),
            ("ten = 10", "found `= 10`"),
            ("(ten", "expected `)`"),
            ("ten and", "found nothing"),
            (&format!("{}ten{}", "(".repeat(30), ")".repeat(30)), "nested"),
        ] {
            let why = text.parse::<Condition>().expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
