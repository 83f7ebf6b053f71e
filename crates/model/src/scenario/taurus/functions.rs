//! JMeter's functions, `${__name(arguments)}`, in ours.

use super::{
    holes::{self, Refused},
    names::Names,
};
use crate::{
    expression::{Expression, Function},
    template::Part,
};

/// The longest text that is made letter by letter from an alphabet.
const MAX_LETTERS: u64 = 64;
/// The longest text of random letters and digits.
const MAX_RANDOM_LENGTH: u64 = 4_096;

const SCRIPTS: [&str; 8] = ["groovy", "jexl2", "jexl3", "javaScript", "BeanShell", "eval", "evalVar", "scriptEngine"];
const KNOWN: &str = "known are __UUID, __time, __Random, __RandomString, __P, __property, __env, __threadNum, __counter, \
                     __base64Encode, __base64Decode, __MD5, __digest, __urlencode, __uppercase, __lowercase, __strLen, \
                     __intSum, __longSum and __chooseRandom";

/// What stands behind the two underscores, as parts of a template.
pub(super) fn call(text: &str, names: &Names, depth: usize, warnings: &mut Vec<String>) -> Result<Vec<Part>, Refused> {
    let (name, written) = match text.split_once('(') {
        None => (text, Vec::new()),
        Some((name, rest)) => match rest.trim_end().strip_suffix(')') {
            Some(inside) => (name, arguments(inside)),
            None => return Err((format!("`__{text}` is not closed"), "end it with `)`")),
        },
    };
    if SCRIPTS.contains(&name) {
        let why = format!("`__{name}` runs a script, which this release cannot");
        return Err((why, "use variables, or a condition that compares two values"));
    }
    let call = Call { name, written: &written, names, depth };
    let hole = match name {
        "UUID" => call.of(Function::Uuid, 0, warnings)?,
        "threadNum" => call.of(Function::Vu, 0, warnings)?,
        "base64Encode" => call.of(Function::Base64, 1, warnings)?,
        "base64Decode" => call.of(Function::Base64Decode, 1, warnings)?,
        "MD5" | "md5" => call.of(Function::Md5, 1, warnings)?,
        "urlencode" => call.of(Function::UrlEncode, 1, warnings)?,
        "uppercase" => call.of(Function::Upper, 1, warnings)?,
        "lowercase" => call.of(Function::Lower, 1, warnings)?,
        "strLen" => call.of(Function::Length, 1, warnings)?,
        "Random" => call.of(Function::Random, 2, warnings)?,
        "intSum" | "longSum" => call.sum(warnings)?,
        "chooseRandom" => call.choose(warnings)?,
        "digest" => call.digest(warnings)?,
        "env" => call.env(warnings)?,
        "counter" => call.counter(warnings)?,
        "time" => call.time()?,
        "P" | "property" => return call.property(warnings),
        "RandomString" => return call.random_string(warnings),
        _ => return Err((format!("the function `__{name}` is not known here"), KNOWN)),
    };
    Ok(vec![Part::Hole(hole)])
}

struct Call<'a> {
    name: &'a str,
    written: &'a [String],
    names: &'a Names,
    depth: usize,
}

impl Call<'_> {
    fn argument(&self, at: usize, warnings: &mut Vec<String>) -> Result<Expression, Refused> {
        let text = self.written.get(at).map_or("", String::as_str);
        holes::single(holes::parts(text.trim(), self.names, self.depth, warnings)?)
    }

    /// An argument that must be written out; empty when it is not there.
    fn plain(&self, at: usize) -> Result<&str, Refused> {
        let text = self.written.get(at).map_or("", |text| text.trim());
        if text.contains("${") {
            return Err((
                format!("`__{}` needs its {}. argument written out here", self.name, at + 1),
                "write the value",
            ));
        }
        Ok(text)
    }

    /// JMeter stores the result of many functions in the variable that their last argument names; we do not.
    fn stores_nothing(&self, from: usize) -> Result<(), Refused> {
        if self.written.iter().skip(from).all(|text| text.trim().is_empty()) {
            return Ok(());
        }
        let why = format!("`__{}` stores its result in a variable, which this release cannot", self.name);
        Err((why, "leave the name out and use `set-variables`"))
    }

    fn of(&self, function: Function, takes: usize, warnings: &mut Vec<String>) -> Result<Expression, Refused> {
        self.stores_nothing(takes)?;
        if self.written.len() < takes {
            let why = format!("`__{}` takes {takes} arguments, found {}", self.name, self.written.len());
            return Err((why, "give them all"));
        }
        let arguments: Result<Vec<_>, _> = (0..takes).map(|at| self.argument(at, warnings)).collect();
        let arguments = arguments?;
        if function == Function::Random {
            let numbers = arguments.iter().map(|argument| match argument {
                Expression::Literal(text) => text.parse::<i64>().map(Some),
                _ => Ok(None),
            });
            match numbers.collect::<Result<Vec<_>, _>>().as_deref() {
                Ok([Some(least), Some(most)]) if least > most => {
                    return Err((
                        format!("`__Random({least},{most})` goes backwards"),
                        "write the smaller number first",
                    ));
                }
                Ok(_) => {}
                Err(_) => {
                    return Err(("`__Random` takes two whole numbers".to_owned(), "write one like __Random(1,10)"));
                }
            }
        }
        Ok(Expression::Call(function, arguments))
    }

    /// The last argument may name a variable, which the original tells from a number.
    fn sum(&self, warnings: &mut Vec<String>) -> Result<Expression, Refused> {
        let is_number = |text: &String| text.contains("${") || text.trim().parse::<i64>().is_ok();
        let count = self.written.iter().take_while(|text| is_number(text)).count();
        self.stores_nothing(count)?;
        if count < 2 {
            return Err((format!("`__{}` takes two numbers or more", self.name), "write one like __intSum(1,2)"));
        }
        let arguments: Result<Vec<_>, _> = (0..count).map(|at| self.argument(at, warnings)).collect();
        Ok(Expression::Call(Function::Add, arguments?))
    }

    fn choose(&self, warnings: &mut Vec<String>) -> Result<Expression, Refused> {
        let count = self.written.len().saturating_sub(1);
        self.stores_nothing(count)?;
        if count == 0 || count > 64 {
            return Err((
                "`__chooseRandom` takes 1 to 64 values and an empty name".to_owned(),
                "write __chooseRandom(a,b,)",
            ));
        }
        let arguments: Result<Vec<_>, _> = (0..count).map(|at| self.argument(at, warnings)).collect();
        Ok(Expression::Call(Function::Pick, arguments?))
    }

    fn digest(&self, warnings: &mut Vec<String>) -> Result<Expression, Refused> {
        let function = match self.plain(0)?.to_ascii_uppercase().as_str() {
            "MD5" => Function::Md5,
            "SHA-256" => Function::Sha256,
            other => return Err((format!("the digest `{other}` is not known here"), "use MD5 or SHA-256")),
        };
        self.stores_nothing(2)?;
        Ok(Expression::Call(function, vec![self.argument(1, warnings)?]))
    }

    /// `__env(NAME, variable, default)`.
    fn env(&self, warnings: &mut Vec<String>) -> Result<Expression, Refused> {
        let mut arguments = vec![Expression::Literal(self.plain(0)?.to_owned())];
        if !self.plain(1)?.is_empty() {
            self.stores_nothing(1)?;
        }
        if self.written.len() > 2 {
            arguments.push(self.argument(2, warnings)?);
        }
        Ok(Expression::Call(Function::Env, arguments))
    }

    fn counter(&self, warnings: &mut Vec<String>) -> Result<Expression, Refused> {
        self.stores_nothing(1)?;
        if !self.plain(0)?.eq_ignore_ascii_case("true") {
            let why = "`__counter(FALSE)` counts over all users, which workers on several machines cannot";
            return Err((why.to_owned(), "use __counter(TRUE), which counts for each user, or __UUID()"));
        }
        warnings.push(
            "`__counter(TRUE)` is the number of the user's iteration: inside a loop it stays the same".to_owned(),
        );
        let arguments = vec![Expression::Call(Function::Iteration, Vec::new()), Expression::Literal("1".to_owned())];
        Ok(Expression::Call(Function::Add, arguments))
    }

    fn time(&self) -> Result<Expression, Refused> {
        self.stores_nothing(1)?;
        let format = match self.plain(0)? {
            "" => return Ok(Expression::Call(Function::TimeMs, Vec::new())),
            "/1000" => return Ok(Expression::Call(Function::Time, Vec::new())),
            "YMD" => "%Y%m%d".to_owned(),
            "HMS" => "%H%M%S".to_owned(),
            "YMDHMS" => "%Y%m%d-%H%M%S".to_owned(),
            other => date_format(other)?,
        };
        Ok(Expression::Call(Function::Time, vec![Expression::Literal(format)]))
    }

    /// `__P(name, default)` and `__property(name, variable, default)`; without either JMeter has 1 and the name itself.
    fn property(&self, warnings: &mut Vec<String>) -> Result<Vec<Part>, Refused> {
        let name = self.plain(0)?;
        let default = if self.name == "P" { self.written.get(1) } else { self.written.get(2) };
        if self.name == "property" && !self.plain(1)?.is_empty() {
            self.stores_nothing(1)?;
        }
        if let Some(value) = self.names.properties.get(name) {
            return Ok(vec![Part::Text(value.clone())]);
        }
        match default {
            Some(default) => holes::parts(default.trim(), self.names, self.depth, warnings),
            None => {
                let value = if self.name == "P" { "1" } else { name };
                warnings.push(format!("the property `{name}` is not set: JMeter has `{value}` for it"));
                Ok(vec![Part::Text(value.to_owned())])
            }
        }
    }

    /// `__RandomString(length, letters, variable)`.
    fn random_string(&self, warnings: &mut Vec<String>) -> Result<Vec<Part>, Refused> {
        self.stores_nothing(2)?;
        let number = |most: u64| {
            let text = self.plain(0)?;
            text.parse::<u64>().ok().filter(|length| (1..=most).contains(length)).ok_or_else(|| {
                (
                    format!("`__RandomString` makes 1 to {most} letters here, found `{text}`"),
                    "write a number within that",
                )
            })
        };
        let letters: Vec<char> = self.plain(1)?.chars().collect();
        if letters.is_empty() {
            let length = number(MAX_RANDOM_LENGTH)?;
            warnings.push("`__RandomString` without letters makes letters and digits here".to_owned());
            let arguments = vec![Expression::Literal(length.to_string())];
            return Ok(vec![Part::Hole(Expression::Call(Function::RandomString, arguments))]);
        }
        if letters.len() > 64 {
            return Err((
                "`__RandomString` takes at most 64 different letters here".to_owned(),
                "leave the letters out",
            ));
        }
        let length = number(MAX_LETTERS)?;
        let arguments = letters.iter().map(|letter| Expression::Literal(letter.to_string())).collect();
        let one = Part::Hole(Expression::Call(Function::Pick, arguments));
        Ok((0..length).map(|_| one.clone()).collect())
    }
}

/// Splits at commas that stand outside of braces and parentheses; `\,` is a plain comma.
fn arguments(inside: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut depth = 0_usize;
    let mut letters = inside.chars().peekable();
    while let Some(c) = letters.next() {
        let last = found.last_mut().expect("there is always one");
        match c {
            '\\' if letters.peek() == Some(&',') => last.push(letters.next().unwrap_or(',')),
            '(' | '{' => {
                depth += 1;
                last.push(c);
            }
            ')' | '}' => {
                depth = depth.saturating_sub(1);
                last.push(c);
            }
            ',' if depth == 0 => found.push(String::new()),
            c => last.push(c),
        }
    }
    if found == [""] { Vec::new() } else { found }
}

/// A pattern of Java's SimpleDateFormat in `strftime`'s letters.
fn date_format(pattern: &str) -> Result<String, Refused> {
    let mut format = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let Some(end) = rest[1..].find('\'') else { break };
            format.push_str(if end == 0 { "'" } else { &rest[1..=end] });
            rest = &rest[end + 2..];
            continue;
        }
        let length = rest.find(|c| c != first).unwrap_or(rest.len());
        let (field, after) = rest.split_at(length);
        rest = after;
        format.push_str(match field {
            "yyyy" | "y" | "uuuu" => "%Y",
            "yy" => "%y",
            "MM" => "%m",
            "MMM" => "%b",
            "MMMM" => "%B",
            "dd" => "%d",
            "HH" => "%H",
            "hh" => "%I",
            "mm" => "%M",
            "ss" => "%S",
            "SSS" => "%3f",
            "EEE" => "%a",
            "EEEE" => "%A",
            "a" => "%p",
            "Z" | "XX" => "+0000",
            "XXX" => "+00:00",
            "X" => "Z",
            field if !first.is_ascii_alphabetic() && first != '%' => field,
            field => {
                let why = format!("`{field}` of the date format `{pattern}` is not known here");
                return Err((why, "use yyyy, MM, dd, HH, mm, ss and SSS"));
            }
        });
    }
    Ok(format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    fn translated(text: &str) -> Result<String, String> {
        let mut names = Names::default();
        names.properties.insert("host".to_owned(), "h".to_owned());
        let parts = call(text, &names, 0, &mut Vec::new()).map_err(|(why, _)| why)?;
        Ok(Template::of_parts(parts).to_string())
    }

    #[test]
    fn what_is_known_becomes_ours() {
        for (text, expected) in [
            ("UUID()", "{{ uuid() }}"),
            ("UUID", "{{ uuid() }}"),
            ("time()", "{{ time_ms() }}"),
            ("time(/1000,)", "{{ time() }}"),
            ("time(yyyy-MM-dd'T'HH:mm:ss.SSS)", "{{ time(\"%Y-%m-%dT%H:%M:%S.%3f\") }}"),
            ("Random(1,${__Random(5,9)})", "{{ random(\"1\", random(\"5\", \"9\")) }}"),
            ("RandomString(2,ab,)", "{{ pick(\"a\", \"b\") }}{{ pick(\"a\", \"b\") }}"),
            ("RandomString(12)", "{{ random_string(\"12\") }}"),
            ("P(host,x)", "h"),
            ("P(port,80\\,81)", "80,81"),
            ("property(none)", "none"),
            ("threadNum", "{{ vu() }}"),
            ("counter(TRUE,)", "{{ add(iteration(), \"1\") }}"),
            ("intSum(1,2,3,)", "{{ add(\"1\", \"2\", \"3\") }}"),
            ("env(HOME,,none)", "{{ env(\"HOME\", \"none\") }}"),
            ("digest(SHA-256,a,,,)", "{{ sha256(\"a\") }}"),
            ("chooseRandom(a,b,)", "{{ pick(\"a\", \"b\") }}"),
        ] {
            assert_eq!(translated(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_is_refused_with_its_reason() {
        for (text, part) in [
            ("groovy(1+1)", "runs a script"),
            ("timeShift(,,P1D,,)", "not known"),
            ("Random(9,1)", "backwards"),
            ("Random(a,b)", "whole numbers"),
            ("Random(1,2,x)", "stores its result"),
            ("Random(1)", "takes 2 arguments"),
            ("counter(FALSE)", "over all users"),
            ("time(QQ)", "date format"),
            ("RandomString(100,ab)", "1 to 64"),
            ("UUID(", "not closed"),
            ("digest(SHA-1,a)", "not known"),
        ] {
            assert!(translated(text).expect_err(text).contains(part), "{text}: {:?}", translated(text));
        }
    }
}
