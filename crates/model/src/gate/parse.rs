//! From text to clauses, with every problem at its place.

use super::clause::{Clause, Limit, MILLION, Op, Percentile, Severity, Subject, decimal};
use crate::{
    duration::Duration,
    problem::{Place, Problem, Problems, suggest},
};

const SUBJECTS: [&str; 13] = [
    "success_rate",
    "error_rate",
    "failures",
    "samples",
    "throughput",
    "avg",
    "min",
    "max",
    "stdev",
    "med",
    "p95",
    "requests",
    "rps",
];

/// Reads clauses joined by `;` or line ends. Empty ones are skipped, and so are lines that begin with `#`.
///
/// # Errors
/// Every clause that cannot be understood, at its line and column in `text`; and a text without any clause.
pub fn parse(text: &str) -> Result<Vec<Clause>, Problems> {
    let mut problems = Vec::new();
    let mut clauses = Vec::new();
    for (line, content) in text.lines().enumerate() {
        if content.trim_start().starts_with('#') {
            continue;
        }
        let mut column = 1;
        for part in split(content) {
            if !part.trim().is_empty() {
                match clause(&tokens(part, Place { line: line + 1, column })) {
                    Ok(clause) => clauses.push(clause),
                    Err(problem) => problems.push(problem),
                }
            }
            column += part.chars().count() + 1;
        }
    }
    if clauses.is_empty() && problems.is_empty() {
        problems.push(Problem::at(Place { line: 1, column: 1 }, "", "there is no clause").hint(EXAMPLE));
    }
    Problems::unless_empty(problems, clauses)
}

/// Reads exactly one clause.
pub(super) fn one(text: &str) -> Result<Clause, Problems> {
    let mut clauses = parse(text)?;
    match (clauses.pop(), clauses.is_empty()) {
        (Some(clause), true) => Ok(clause),
        _ => Err(Problem::at(Place { line: 1, column: 1 }, "", "expected one clause, found several").into()),
    }
}

const EXAMPLE: &str = "write one like `success_rate >= 99.5%` or `p95 <= 800ms`";

/// The clauses of a line; a `;` between quotes belongs to a label.
fn split(line: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    line.split(move |c| {
        let ends = c == ';' && !quoted;
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        ends
    })
}

/// A word, an operator or a quoted label, and where it starts.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    quoted: bool,
    place: Place,
}

fn tokens(part: &str, start: Place) -> Tokens {
    let chars: Vec<char> = part.chars().collect();
    let mut list = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let place = Place { line: start.line, column: start.column + at };
        let from = at;
        let class = kind(chars[at]);
        match class {
            Class::Space => at += 1,
            Class::Quote => {
                let (text, next) = quoted(&chars, at + 1);
                at = next;
                list.push(Token { text, quoted: true, place });
            }
            Class::Operator | Class::Word => {
                while at < chars.len() && kind(chars[at]) == class {
                    at += 1;
                }
                list.push(Token { text: chars[from..at].iter().collect(), quoted: false, place });
            }
        }
    }
    let end = Place { line: start.line, column: start.column + part.trim_end().chars().count() };
    Tokens { list, next: 0, end }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Quote,
    Operator,
    Word,
}

fn kind(c: char) -> Class {
    match c {
        c if c.is_whitespace() => Class::Space,
        '"' => Class::Quote,
        '<' | '>' | '=' | '!' => Class::Operator,
        _ => Class::Word,
    }
}

fn quoted(chars: &[char], mut at: usize) -> (String, usize) {
    let mut text = String::new();
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            '"' => break,
            '\\' if at < chars.len() => {
                text.push(chars[at]);
                at += 1;
            }
            _ => text.push(c),
        }
    }
    (text, at)
}

struct Tokens {
    list: Vec<Token>,
    next: usize,
    end: Place,
}

impl Tokens {
    fn peek(&self) -> Option<&Token> {
        self.list.get(self.next)
    }

    fn take(&mut self, expected: &str) -> Result<Token, Problem> {
        let token =
            self.peek().cloned().ok_or_else(|| Problem::at(self.end, "", format!("expected {expected} here")))?;
        self.next += 1;
        Ok(token)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| !token.quoted && token.text == word);
        self.next += usize::from(found);
        found
    }
}

impl Token {
    fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::at(self.place, "", message)
    }
}

fn clause(tokens: &Tokens) -> Result<Clause, Problem> {
    let mut tokens = Tokens { list: tokens.list.clone(), next: 0, end: tokens.end };
    let severity = severity(&mut tokens);
    let subject = subject(&tokens.take("a subject such as `success_rate` or `p95`")?)?;
    let of = tokens.peek().map(|token| token.place);
    let selector = if tokens.take_word("of") { Some(label(&tokens.take("a quoted label")?)?) } else { None };
    let op = op(&tokens.take("one of >=, >, <=, < and ==")?)?;
    let value = value(subject, &tokens.take("a value")?)?;
    let over = tokens.peek().map(|token| token.place);
    let window = if tokens.take_word("over") { Some(window(&tokens.take("a duration such as 30s")?)?) } else { None };
    if let Some(rest) = tokens.peek() {
        return Err(rest
            .problem(format!("expected the end of the clause, found `{}`", rest.text))
            .hint("join clauses with `;`"));
    }
    if let (Some(place), Some(_), true) = (of, &selector, window.is_some() || severity == Severity::Abort) {
        let what = if window.is_some() { "a window" } else { "abort" };
        let message =
            format!("`of` cannot be combined with {what}: second by second, all requests are counted together");
        return Err(Problem::at(if window.is_some() { over.unwrap_or(place) } else { place }, "", message));
    }
    Ok(Clause { severity, subject, selector, op, value, window })
}

fn severity(tokens: &mut Tokens) -> Severity {
    for (word, severity) in [("require", Severity::Require), ("warn", Severity::Warn), ("abort", Severity::Abort)] {
        if tokens.take_word(word) {
            return severity;
        }
    }
    Severity::Require
}

fn subject(token: &Token) -> Result<Subject, Problem> {
    Ok(match token.text.as_str() {
        "success_rate" => Subject::SuccessRate,
        "error_rate" => Subject::ErrorRate,
        "failures" => Subject::Failures,
        "samples" | "requests" => Subject::Samples,
        "throughput" | "rps" => Subject::Throughput,
        "avg" => Subject::Avg,
        "min" => Subject::Min,
        "max" => Subject::Max,
        "stdev" => Subject::Stdev,
        "med" => Subject::Percentile(Percentile(50_000)),
        word => return percentile(token, word),
    })
}

fn percentile(token: &Token, word: &str) -> Result<Subject, Problem> {
    let number = word
        .strip_prefix('p')
        .map(|rest| rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest));
    match number {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            match fixed(number, 1_000) {
                Ok(thousandths) if thousandths <= 100_000 => {
                    Ok(Subject::Percentile(Percentile(u32::try_from(thousandths).expect("at most 100 000"))))
                }
                _ => Err(token
                    .problem(format!("`{word}` is not a percentile: expected p0 to p100, with at most 3 decimals"))),
            }
        }
        _ => {
            let problem = token.problem(format!("`{word}` is not something a run is judged by"));
            Err(match suggest(word, SUBJECTS) {
                Some(known) => problem.hint(format!("did you mean `{known}`?")),
                None => problem.hint(format!("known: {}", SUBJECTS.join(", "))),
            })
        }
    }
}

fn label(token: &Token) -> Result<String, Problem> {
    if token.quoted {
        Ok(token.text.clone())
    } else {
        Err(token.problem(format!("a label stands between quotes: `of \"{}\"`", token.text)))
    }
}

fn op(token: &Token) -> Result<Op, Problem> {
    Ok(match token.text.as_str() {
        ">=" => Op::AtLeast,
        ">" => Op::Above,
        "<=" => Op::AtMost,
        "<" => Op::Below,
        "==" => Op::Equal,
        other => {
            let problem = token.problem(format!("expected one of >=, >, <=, < and ==, found `{other}`"));
            return Err(match other {
                "=" | "===" => problem.hint("did you mean `==`?"),
                "=>" => problem.hint("did you mean `>=`?"),
                "=<" => problem.hint("did you mean `<=`?"),
                _ => problem,
            });
        }
    })
}

fn value(subject: Subject, token: &Token) -> Result<Limit, Problem> {
    let text = token.text.as_str();
    let read = match subject {
        Subject::SuccessRate | Subject::ErrorRate => percent(text),
        Subject::Samples | Subject::Failures => count(text),
        Subject::Throughput => per_second(text),
        _ => latency(text),
    };
    read.map_err(|(message, hint)| {
        let problem = token.problem(message);
        if hint.is_empty() { problem } else { problem.hint(hint) }
    })
}

/// What is wrong, and what to write; the second may be empty.
type Wrong = (String, String);

fn percent(text: &str) -> Result<Limit, Wrong> {
    let Some(number) = text.strip_suffix('%') else {
        // Half of the field writes shares from 0 to 1, so one of those is shown as the percents it would be.
        let share = fixed(text, MILLION).ok().filter(|share| *share <= MILLION);
        let hint = share.map_or_else(
            || format!("write `{text}%`"),
            |share| format!("write `{}%` for that share of all, or `{text}%`", decimal(share * 100, MILLION)),
        );
        return Err((format!("`{text}` needs a percent sign"), hint));
    };
    percent_number(number).map(Limit::Percent).map_err(|why| (format!("`{text}` {why}"), String::new()))
}

/// A percentage in millionths of a percent.
pub(super) fn percent_number(number: &str) -> Result<u64, String> {
    let millionths = fixed(number, MILLION)?;
    if millionths > 100 * MILLION { Err("is more than 100%".to_owned()) } else { Ok(millionths) }
}

fn count(text: &str) -> Result<Limit, Wrong> {
    text.parse().map(Limit::Count).map_err(|_| {
        let hint = if text.ends_with('%') { "for percents there are success_rate and error_rate" } else { "" };
        (format!("`{text}` is not a whole number of samples"), hint.to_owned())
    })
}

fn per_second(text: &str) -> Result<Limit, Wrong> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    fixed(number, MILLION)
        .map(Limit::PerSecond)
        .map_err(|why| (format!("`{text}` {why}"), "write one like `50/s`".to_owned()))
}

fn latency(text: &str) -> Result<Limit, Wrong> {
    let digits = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if unit.is_empty() {
        return Err((format!("`{text}` needs a unit"), format!("write `{text}ms` or `{text}s`")));
    }
    latency_us(number, unit).map(Limit::Latency).map_err(|why| (format!("`{text}` {why}"), String::new()))
}

/// A latency in microseconds.
pub(super) fn latency_us(number: &str, unit: &str) -> Result<u64, String> {
    let scale = match unit {
        "us" | "µs" => 1,
        "ms" => 1_000,
        "s" => MILLION,
        "m" => 60 * MILLION,
        _ => return Err("is not a latency: expected a number and us, ms, s or m".to_owned()),
    };
    let millionths = u128::from(fixed(number, MILLION)?) * u128::from(scale);
    if !millionths.is_multiple_of(u128::from(MILLION)) {
        return Err("is finer than a microsecond".to_owned());
    }
    u64::try_from(millionths / u128::from(MILLION))
        .ok()
        .filter(|us| *us <= crate::histogram::MAX_US)
        .ok_or_else(|| "is more than the hour up to which latencies are measured".to_owned())
}

/// A decimal number in units of `1 / scale`, exactly; `scale` is a power of ten.
pub(super) fn fixed(number: &str, scale: u64) -> Result<u64, String> {
    let not_a_number = || "is not a number".to_owned();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(if number.starts_with('-') { "must not be negative".to_owned() } else { not_a_number() });
    }
    let places = usize::try_from(scale.ilog10()).expect("at most 19 digits");
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > places {
        return Err(format!("has more than {places} decimals"));
    }
    let fraction: u64 = format!("{fraction:0<places$}").parse().unwrap_or(0);
    let whole: Option<u64> = whole.parse().ok();
    whole.and_then(|whole| whole.checked_mul(scale)?.checked_add(fraction)).ok_or_else(|| "is too large".to_owned())
}

fn window(token: &Token) -> Result<Duration, Problem> {
    let window: Duration =
        token.text.parse().map_err(|error: crate::duration::InvalidDuration| token.problem(error.to_string()))?;
    if window.is_zero() || !window.as_millis().is_multiple_of(1_000) {
        return Err(token.problem("a window is one or more whole seconds"));
    }
    Ok(window)
}
