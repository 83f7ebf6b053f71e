//! The small language inside `{{ … }}` and of conditions: variables, literals and functions.
//!
//! ```text
//! expression = literal | name | name "(" [ expression { "," expression } ] ")"
//! literal    = "text" in double or single quotes, with \" \' \\ \n \t \r | a number
//! name       = letters, digits, "_", "-" and "."; begins with a letter or "_"
//! ```

use std::{fmt, iter::Peekable, str::CharIndices};

/// How deeply calls may be nested.
const MAX_DEPTH: usize = 16;

/// Something that has a value when it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// The text itself; numbers too.
    Literal(String),
    /// What the variable holds.
    Variable(String),
    /// What a function makes of its arguments.
    Call(Function, Vec<Expression>),
}

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// A random UUID, version 4.
    Uuid,
    /// A whole number between two bounds, both included.
    Random,
    /// So many random letters and digits.
    RandomString,
    /// One of its arguments, by chance.
    Pick,
    /// Seconds since 1970, or the time in UTC in a `strftime` format.
    Time,
    /// Milliseconds since 1970.
    TimeMs,
    /// Text as base64.
    Base64,
    /// Base64 as text.
    Base64Decode,
    /// Text as base64 for URLs, without padding.
    Base64Url,
    /// The SHA-256 of a text, in hexadecimal digits.
    Sha256,
    /// The MD5 of a text, in hexadecimal digits.
    Md5,
    /// The HMAC-SHA-256 of a key and a text, in hexadecimal digits.
    HmacSha256,
    /// The HMAC-SHA-256 of a key and a text, as base64.
    HmacSha256Base64,
    /// Text percent-encoded for a URL.
    UrlEncode,
    /// Text escaped to stand between the quotes of a JSON string.
    JsonEscape,
    /// A variable of the worker's environment, or its second argument.
    Env,
    /// In capitals.
    Upper,
    /// In small letters.
    Lower,
    /// Its number of characters.
    Length,
    /// The sum of numbers.
    Add,
    /// The number of the virtual user over all workers, from 1.
    Vu,
    /// The number of this user's iteration, from 0.
    Iteration,
    /// The number of the worker, from 0.
    Worker,
}

/// Name, function, fewest and most arguments.
const FUNCTIONS: [(&str, Function, usize, usize); 23] = [
    ("uuid", Function::Uuid, 0, 0),
    ("random", Function::Random, 2, 2),
    ("random_string", Function::RandomString, 1, 1),
    ("pick", Function::Pick, 1, 64),
    ("time", Function::Time, 0, 1),
    ("time_ms", Function::TimeMs, 0, 0),
    ("base64", Function::Base64, 1, 1),
    ("base64_decode", Function::Base64Decode, 1, 1),
    ("base64_url", Function::Base64Url, 1, 1),
    ("sha256", Function::Sha256, 1, 1),
    ("md5", Function::Md5, 1, 1),
    ("hmac_sha256", Function::HmacSha256, 2, 2),
    ("hmac_sha256_base64", Function::HmacSha256Base64, 2, 2),
    ("url_encode", Function::UrlEncode, 1, 1),
    ("json_escape", Function::JsonEscape, 1, 1),
    ("env", Function::Env, 1, 2),
    ("upper", Function::Upper, 1, 1),
    ("lower", Function::Lower, 1, 1),
    ("length", Function::Length, 1, 1),
    ("add", Function::Add, 2, 64),
    ("vu", Function::Vu, 0, 0),
    ("iteration", Function::Iteration, 0, 0),
    ("worker", Function::Worker, 0, 0),
];

impl Function {
    /// As it is written.
    pub fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|entry| entry.1 == self).map_or("", |entry| entry.0)
    }

    /// The names of all.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.iter().map(|entry| entry.0)
    }
}

impl Expression {
    /// Reads a whole text.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::new(text);
        let expression = reader.expression()?;
        match reader.peek() {
            None => Ok(expression),
            Some(other) => Err(format!("expected the end, found `{other}`")),
        }
    }

    /// The variables it asks for, in order, again and again when it does.
    pub fn variables<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Literal(_) => {}
            Self::Variable(name) => found.push(name),
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.variables(found)),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => quoted(text, f),
            Self::Variable(name) => f.write_str(name),
            Self::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                for (number, argument) in arguments.iter().enumerate() {
                    if number > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{argument}")?;
                }
                f.write_str(")")
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            // A template's end must not come from inside a literal.
            '}' => f.write_str("\\}")?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("\"")
}

/// Reads tokens from a text, for expressions and for conditions.
pub(crate) struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, rest: text.char_indices().peekable(), depth: 0 }
    }

    /// The next character that is no space.
    pub(crate) fn peek(&mut self) -> Option<char> {
        while self.rest.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        self.rest.peek().map(|(_, c)| *c)
    }

    /// What is left.
    pub(crate) fn rest(&mut self) -> &'a str {
        self.peek();
        self.rest.peek().map_or("", |(at, _)| &self.text[*at..])
    }

    /// Takes this text if it comes next.
    pub(crate) fn take(&mut self, token: &str) -> bool {
        let taken = self.rest().starts_with(token);
        if taken {
            self.rest.nth(token.chars().count().saturating_sub(1));
        }
        taken
    }

    /// Takes this word if it comes next and ends there.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let is_word = rest.strip_prefix(word).is_some_and(|after| !after.starts_with(is_part_of_name));
        is_word && self.take(word)
    }

    pub(crate) fn expression(&mut self) -> Result<Expression, String> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.text(quote).map(Expression::Literal),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name_or_call(),
            Some(c) => Err(format!("expected a variable, a function or a text in quotes, found `{c}`")),
            None => Err("expected a variable, a function or a text in quotes, found nothing".to_owned()),
        }
    }

    fn text(&mut self, quote: char) -> Result<String, String> {
        self.rest.next();
        let mut text = String::new();
        while let Some((_, c)) = self.rest.next() {
            match c {
                '\\' => text.push(match self.rest.next().map(|(_, escaped)| escaped) {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some(other) => other,
                    None => break,
                }),
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
        Err(format!("a text begins with {quote} and does not end"))
    }

    fn number(&mut self) -> Result<Expression, String> {
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '.'))).unwrap_or(rest.len());
        let digits = &rest[..length];
        digits.parse::<f64>().map_err(|_| format!("`{digits}` is not a number"))?;
        self.take(digits);
        Ok(Expression::Literal(digits.to_owned()))
    }

    fn name_or_call(&mut self) -> Result<Expression, String> {
        let rest = self.rest();
        let name = &rest[..rest.find(|c| !is_part_of_name(c)).unwrap_or(rest.len())];
        self.take(name);
        if !self.take("(") {
            return Ok(Expression::Variable(name.to_owned()));
        }
        let Some((_, function, fewest, most)) = FUNCTIONS.iter().find(|entry| entry.0 == name) else {
            let meant = crate::problem::suggest(name, Function::names());
            let hint = meant.map_or_else(
                || Function::names().collect::<Vec<_>>().join(", "),
                |meant| format!("did you mean `{meant}`?"),
            );
            return Err(format!("there is no function `{name}`: {hint}"));
        };
        let arguments = self.arguments()?;
        if !(*fewest..=*most).contains(&arguments.len()) {
            let wanted = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
            return Err(format!("`{name}` takes {wanted} arguments, found {}", arguments.len()));
        }
        Ok(Expression::Call(*function, arguments))
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("calls are nested more than {MAX_DEPTH} deep"));
        }
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() && !self.take(",") {
                return Err("expected `,` or `)`".to_owned());
            }
            arguments.push(self.expression()?);
        }
        self.depth -= 1;
        Ok(arguments)
    }
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_reads_as_it_is_written() {
        for text in [
            "token",
            "user.name",
            "uuid()",
            "random(1, 10)",
            "hmac_sha256(\"a\\\"b\\\\\", upper(name))",
            "env(\"HOME\", \"none\")",
            "pick(\"a\\}\", \"b\\n\")",
        ] {
            let expression = Expression::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(Expression::parse(&expression.to_string()), Ok(expression), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("", "found nothing"),
            ("uid()", "did you mean `uuid`?"),
            ("uuid(1)", "takes 0 arguments, found 1"),
            ("env()", "takes 1 to 2 arguments"),
            ("\"open", "does not end"),
            ("a b", "expected the end"),
            ("add(1 2)", "expected `,` or `)`"),
            ("1.2.3", "is not a number"),
            (&format!("{}x{}", "upper(".repeat(20), ")".repeat(20)), "nested"),
        ] {
            let why = Expression::parse(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn every_function_has_one_name() {
        for (name, function, ..) in FUNCTIONS {
            assert_eq!(function.name(), name);
        }
    }
}
