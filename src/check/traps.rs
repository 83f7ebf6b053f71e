//! Words that mean something else to CloudFormation's YAML 1.1 reader than they seem to.

use dlt_model::document::{Node, Value};

use super::{Scope, finding::Findings};

/// Reports plain scalars that YAML 1.1 reads as something else than their text, nulls, merges and aliases.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    let mut walk = Walk { path: Vec::new(), findings };
    walk.visit(scope.template.root);
}

struct Walk<'a, 'f> {
    path: Vec<&'a str>,
    findings: &'f mut Findings,
}

impl<'a> Walk<'a, '_> {
    fn visit(&mut self, node: &'a Node) {
        match &node.value {
            Value::Scalar { text, plain } if *plain && node.tag.is_none() => self.scalar(text, node),
            Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                self.path.push(&key.text);
                if key.text == "<<" {
                    let path = self.path.join(".");
                    self.findings.error("DLT172", key.place, path, "CloudFormation knows no merge keys (`<<`)");
                }
                self.visit(value);
                self.path.pop();
            }),
        }
    }

    fn scalar(&mut self, text: &str, node: &Node) {
        if node.is_null() {
            let path = self.path.join(".");
            self.findings
                .error("DLT171", node.place, path, "nothing stands here, and CloudFormation refuses null")
                .hint("leave the key out, or write \"\"");
            return;
        }
        // Dates are written plainly everywhere as policy versions, and CloudFormation reads those as text.
        if matches!(self.path.last(), Some(&("Version" | "AWSTemplateFormatVersion"))) && is_date(text) {
            return;
        }
        if let Some(meaning) = meaning(text) {
            let path = self.path.join(".");
            let message = format!("YAML 1.1 reads this plain `{text}` as {meaning}");
            self.findings
                .warning("DLT170", node.place, path, message)
                .hint(format!("write \"{text}\" if text is meant"));
        }
    }
}

/// What YAML 1.1 makes of a plain scalar, when that is not what it looks like.
fn meaning(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "yes" | "on" => return Some("the boolean true".to_owned()),
        "no" | "off" => return Some("the boolean false".to_owned()),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return None;
    }
    octal(text)
        .or_else(|| grouped(text))
        .or_else(|| sixties(text))
        .or_else(|| float(text))
        .or_else(|| is_date(text).then(|| "a date".to_owned()))
}

fn octal(text: &str) -> Option<String> {
    let digits = text.trim_start_matches(['-', '+']).strip_prefix('0')?.replace('_', "");
    if let Some(hex) = digits.strip_prefix('x') {
        return i64::from_str_radix(hex, 16).ok().map(|value| format!("the hexadecimal number {value}"));
    }
    if let Some(binary) = digits.strip_prefix('b') {
        return i64::from_str_radix(binary, 2).ok().map(|value| format!("the binary number {value}"));
    }
    let value = i64::from_str_radix(&digits, 8).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    Some(format!("the octal number {value}"))
}

fn grouped(text: &str) -> Option<String> {
    let bare = text.replace('_', "");
    let digits = bare.trim_start_matches(['-', '+']);
    let number = text.contains('_')
        && !text.starts_with('_')
        && digits.bytes().all(|digit| digit.is_ascii_digit() || digit == b'.');
    (number && !digits.is_empty()).then(|| format!("the number {bare}"))
}

/// Numbers to the base of sixty, such as times of day.
fn sixties(text: &str) -> Option<String> {
    let mut parts = text.trim_start_matches(['-', '+']).split(':');
    let first = parts.next().filter(|part| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()))?;
    let rest: Vec<u64> =
        parts.map(|part| part.parse().ok().filter(|value| *value < 60 && part.len() <= 2)).collect::<Option<_>>()?;
    let value =
        rest.iter().try_fold(first.parse::<u64>().ok()?, |value, part| value.checked_mul(60)?.checked_add(*part))?;
    (!rest.is_empty()).then(|| format!("the number {value}, to the base of sixty"))
}

/// Fractions that lose something, such as the last zero of `1.10`.
fn float(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.matches('.').count() == 1;
    let value: f64 = text.parse().ok().filter(|_| plain)?;
    let shown = if value.fract() == 0.0 { format!("{value:.1}") } else { value.to_string() };
    (shown != text).then(|| format!("the number {shown}"))
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(position, byte)| match position {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn what_looks_like_text_but_is_not_is_named() {
        for (text, expected) in [
            ("yes", "the boolean true"),
            ("Off", "the boolean false"),
            ("012", "the octal number 10"),
            ("0x1F", "the hexadecimal number 31"),
            ("1_000", "the number 1000"),
            ("12:30", "the number 750, to the base of sixty"),
            ("1.10", "the number 1.1"),
            ("2012-10-17", "a date"),
        ] {
            assert_eq!(meaning(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn ordinary_words_and_numbers_stay_what_they_are() {
        for text in [
            "true",
            "30",
            "0",
            "-1",
            "0.5",
            "1.0",
            "0.0.0.0/0",
            "123456789012",
            "089",
            "8080:8080",
            "a:b",
            "nodejs",
            "1e",
            "1_a",
            "192.168.0.0",
        ] {
            assert_eq!(meaning(text), None, "{text}");
        }
    }
}
