//! Conditions of `if` and `while`: comparisons as JMeter evaluates them, in our words.
//!
//! `"${x}" == "a" && !(${n} > 3)`, `vars.get("x") != null`, also inside `${__jexl3(…)}` and `${__groovy(…)}`. Anything that is
//! more of a script is refused.

use super::{
    holes::{self, Refused},
    names::Names,
};
use crate::{
    condition::{Condition, Operator},
    expression::Expression,
};

/// How deeply parentheses may be nested.
const MAX_DEPTH: usize = 16;
const INSTEAD: &str = "compare two values, as in \"${x}\" == \"a\", joined by && and ||";
const EVALUATORS: [&str; 4] = ["${__jexl3(", "${__jexl2(", "${__groovy(", "${__javaScript("];
/// Longer ones first: `==` begins `===`.
const OPERATORS: [(&str, Operator); 12] = [
    ("===", Operator::Equal),
    ("!==", Operator::NotEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::More),
    ("eq ", Operator::Equal),
    ("ne ", Operator::NotEqual),
    ("lt ", Operator::Less),
    ("gt ", Operator::More),
];
/// What groovy and JEXL ask of a text.
const METHODS: [(&str, Operator); 3] =
    [(".equals(", Operator::Equal), (".contains(", Operator::Contains), (".matches(", Operator::Matches)];

/// A condition, and what its writer should know.
pub(super) fn translate(text: &str, names: &Names) -> Result<(Condition, Vec<String>), Refused> {
    let mut parser = Parser { rest: unwrapped(text.trim()), names, warnings: Vec::new() };
    let condition = parser.any(0)?;
    match parser.peek() {
        "" => Ok((condition, parser.warnings)),
        rest => Err((format!("`{rest}` is not understood as part of a condition"), INSTEAD)),
    }
}

/// What an evaluating function is given, when it is all there is.
fn unwrapped(text: &str) -> &str {
    let inside = EVALUATORS.iter().find_map(|evaluator| text.strip_prefix(evaluator)?.strip_suffix(")}"));
    inside.map_or(text, |inside| inside.trim().trim_end_matches(',').trim())
}

struct Parser<'a> {
    rest: &'a str,
    names: &'a Names,
    warnings: Vec<String>,
}

impl<'a> Parser<'a> {
    fn peek(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.peek().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn any(&mut self, depth: usize) -> Result<Condition, Refused> {
        if depth > MAX_DEPTH {
            return Err((format!("conditions are nested more than {MAX_DEPTH} deep"), INSTEAD));
        }
        let mut parts = vec![self.all(depth)?];
        while self.take("||") || self.take("or ") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, Refused> {
        let mut parts = vec![self.factor(depth)?];
        while self.take("&&") || self.take("and ") {
            parts.push(self.factor(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn factor(&mut self, depth: usize) -> Result<Condition, Refused> {
        if depth > MAX_DEPTH {
            return Err((format!("conditions are nested more than {MAX_DEPTH} deep"), INSTEAD));
        }
        if !self.peek().starts_with("!=") && self.take("!") || self.take("not ") {
            return self.factor(depth + 1).map(|part| Condition::Not(Box::new(part)));
        }
        if self.take("(") {
            let inside = self.any(depth + 1)?;
            return if self.take(")") {
                Ok(inside)
            } else {
                Err(("a parenthesis is never closed".to_owned(), INSTEAD))
            };
        }
        let left = self.value()?;
        for (name, operator) in METHODS {
            if self.take(name) {
                // Java's `matches` asks for the whole text.
                let right = match self.value()? {
                    Expression::Literal(text) if operator == Operator::Matches => {
                        Expression::Literal(format!("^(?:{text})$"))
                    }
                    value => value,
                };
                return if self.take(")") {
                    Ok(Condition::Compare(left, operator, right))
                } else {
                    Err(("a parenthesis is never closed".to_owned(), INSTEAD))
                };
            }
        }
        match OPERATORS.iter().find(|(name, _)| self.take(name)) {
            Some((_, operator)) => Ok(Condition::Compare(left, *operator, self.value()?)),
            None => Ok(Condition::Holds(left)),
        }
    }

    /// `"text"`, `${hole}`, a number, `true`, `false`, `null` or `vars.get("name")`.
    fn value(&mut self) -> Result<Expression, Refused> {
        let rest = self.peek();
        if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            let Some(end) = rest[1..].find(quote) else {
                return Err((format!("a text begins with {quote} and does not end"), INSTEAD));
            };
            self.rest = &rest[end + 2..];
            return self.filled(&rest[1..=end]);
        }
        if rest.starts_with("${") {
            let mut depth = 0_usize;
            let end = rest.char_indices().find(|(_, c)| {
                depth = if *c == '{' {
                    depth + 1
                } else if *c == '}' {
                    depth - 1
                } else {
                    depth
                };
                *c == '}' && depth == 0
            });
            let Some((end, _)) = end else { return Err(("`${` is never closed".to_owned(), INSTEAD)) };
            self.rest = &rest[end + 1..];
            return self.filled(&rest[..=end]);
        }
        if self.take("vars.get(") {
            let name = self.value()?;
            return match (name, self.take(")")) {
                (Expression::Literal(name), true) if holes::is_name(&name) => Ok(Expression::Variable(name)),
                _ => Err(("`vars.get` takes the name of a variable in quotes".to_owned(), INSTEAD)),
            };
        }
        let word = &rest[..rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(rest.len())];
        let literal = match word {
            "null" => "",
            "true" | "false" => word,
            number if number.parse::<f64>().is_ok() => number,
            _ => {
                return Err((
                    format!("`{}` is not understood as a value", if word.is_empty() { rest } else { word }),
                    INSTEAD,
                ));
            }
        };
        self.rest = &rest[word.len()..];
        Ok(Expression::Literal(literal.to_owned()))
    }

    fn filled(&mut self, text: &str) -> Result<Expression, Refused> {
        holes::single(holes::parts(text, self.names, 0, &mut self.warnings)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_become_ours_and_scripts_are_refused() {
        let names = Names::default();
        for (text, expected) in [
            ("1 < 2", "\"1\" < \"2\""),
            ("\"a\" == 'b' && !(3 >= 2)", "\"a\" == \"b\" and not (\"3\" >= \"2\")"),
            ("${__jexl3(\"a\" != \"b\" || true,)}", "\"a\" != \"b\" or \"true\""),
            ("${__groovy(vars.get(\"x\") != null)}", "x != \"\""),
            ("${__groovy(vars.get('x').contains('b'))}", "x contains \"b\""),
            ("${__Random(0,1)} == 1", "random(\"0\", \"1\") == \"1\""),
        ] {
            let (condition, _) = translate(text, &names).unwrap_or_else(|(why, _)| panic!("{text}: {why}"));
            assert_eq!(condition.to_string(), expected);
        }
        for text in ["", "x.y()", "\"a", "(1 == 1", "1 == 1 1", "new Date() > 3", "${__groovy(1.plus(2) == 3)}"] {
            assert!(translate(text, &names).is_err(), "{text}");
        }
    }
}
