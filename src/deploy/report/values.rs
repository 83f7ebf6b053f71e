//! Two values of one place: side by side where they are short, as a text difference where they are long.

use serde_json::Value;
use similar::TextDiff;

use super::View;
use crate::{deploy::diff::PropertyDiff, text::measure};

/// How long two values may be together to stand side by side.
const SHORT: usize = 60;
/// How many lines around a change are shown.
const CONTEXT_LINES: usize = 2;

/// A place with both its values. The first line is without the mark that may follow it.
pub fn lines(property: &PropertyDiff, indent: usize, view: View) -> Vec<String> {
    let space = " ".repeat(indent);
    match (&property.before, &property.after) {
        (None, None) => return vec![format!("{space}{}: changes, to what is not told", property.path)],
        (None, Some(value)) => return one_side(&property.path, '+', value, indent, view),
        (Some(value), None) => return one_side(&property.path, '-', value, indent, view),
        (Some(_), Some(_)) => {}
    }
    let (before, after) = (shown(property.before.as_ref()), shown(property.after.as_ref()));
    let is_short = |text: &str| text.chars().count() <= SHORT && !text.contains('\n');
    if is_short(&before) && is_short(&after) {
        return side_by_side(&property.path, &before, &after, indent, view);
    }
    let mut lines = vec![format!("{space}{}:", property.path)];
    let diff = TextDiff::from_lines(&before, &after);
    let text = diff.unified_diff().context_radius(CONTEXT_LINES).to_string();
    let paint = view.paint;
    lines.extend(text.lines().filter(|line| !line.starts_with("\\ No newline")).map(|line| {
        let line = view.cut(&format!("{space}  {line}"));
        match line.trim_start().chars().next() {
            Some('+') => paint.good(&line),
            Some('-') => paint.bad(&line),
            _ => paint.faint(&line),
        }
    }));
    lines
}

/// What comes or goes as a whole: on the line of its path where it fits, else below it.
fn one_side(path: &str, sign: char, value: &Value, indent: usize, view: View) -> Vec<String> {
    let space = " ".repeat(indent);
    let painted = |line: &str| if sign == '+' { view.paint.good(line) } else { view.paint.bad(line) };
    let text = value.as_str().map(ToOwned::to_owned).or_else(|| reference(value)).unwrap_or_else(|| value.to_string());
    let line = format!("{space}{path}: {sign} {text}");
    let fits = view.width.is_none_or(|width| measure::columns(&line) + MARK <= width);
    if fits && !text.contains('\n') {
        return vec![format!("{space}{path}: {}", painted(&format!("{sign} {text}")))];
    }
    let mut lines = vec![view.cut(&format!("{space}{path}:"))];
    let below = shown(Some(value));
    lines.extend(below.lines().map(|line| painted(&view.cut(&format!("{space}  {sign} {line}")))));
    lines
}

fn side_by_side(path: &str, before: &str, after: &str, indent: usize, view: View) -> Vec<String> {
    let space = " ".repeat(indent);
    let line = format!("{space}{path}: {before} → {after}");
    let fits = view.width.is_none_or(|width| measure::columns(&line) + MARK <= width);
    if fits {
        return vec![line];
    }
    let paint = view.paint;
    let side = |text: String| view.cut(&format!("{space}  {text}"));
    vec![
        view.cut(&format!("{space}{path}:")),
        paint.bad(&side(format!("- {before}"))),
        paint.good(&side(format!("+ {after}"))),
    ]
}

/// Room for who saw it, at the right.
const MARK: usize = "  server".len();

/// A value as text; a reference as `${Name.Attribute}`.
pub fn shown(value: Option<&Value>) -> String {
    match value {
        None => "(none)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => match reference(value) {
            Some(text) => text,
            None if value.to_string().len() > SHORT => {
                serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
            }
            None => value.to_string(),
        },
    }
}

fn reference(value: &Value) -> Option<String> {
    let (function, argument) = value.as_object().filter(|object| object.len() == 1)?.iter().next()?;
    match (function.as_str(), argument) {
        ("Ref", Value::String(name)) => Some(format!("${{{name}}}")),
        ("Fn::Sub", Value::String(text)) => Some(text.clone()),
        ("Fn::GetAtt", Value::Array(parts)) => {
            let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
            Some(format!("${{{}}}", parts?.join(".")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::Paint;

    fn told(before: Value, after: Value, width: Option<usize>) -> Vec<String> {
        let property =
            PropertyDiff { path: "P".to_owned(), before: Some(before), after: Some(after), ..PropertyDiff::default() };
        lines(&property, 2, View { width, paint: Paint::Plain, full: false })
    }

    #[test]
    fn short_values_stand_side_by_side_and_longer_ones_below_each_other() {
        assert_eq!(told(json!(3), json!({"Ref": "Table"}), None), ["  P: 3 → ${Table}"]);
        assert_eq!(told(json!("abcdefgh"), json!("ijklmnop"), Some(20)), ["  P:", "    - abcdefgh", "    + ijklmnop"]);
    }

    #[test]
    fn what_comes_or_goes_as_a_whole_has_one_side() {
        let one = |before: Option<Value>, after: Option<Value>, width| {
            let property = PropertyDiff { path: "P".to_owned(), before, after, recreates: false };
            lines(&property, 0, View { width, paint: Paint::Plain, full: false })
        };
        assert_eq!(one(None, Some(json!({"A": 1})), None), [r#"P: + {"A":1}"#]);
        assert_eq!(one(Some(json!(1)), None, Some(40)), ["P: - 1"]);
        assert_eq!(one(None, Some(json!("a\nb")), None), ["P:", "  + a", "  + b"]);
        assert_eq!(one(None, None, None), ["P: changes, to what is not told"]);
    }

    #[test]
    fn long_text_is_shown_as_what_differs_in_it() {
        let text = |word: &str| json!(format!("{}\n{word}\n{}", "a\n".repeat(9), "b\n".repeat(30)));
        let shown = told(text("old"), text("new"), Some(40));
        assert!(shown.contains(&"    -old".to_owned()) && shown.contains(&"    +new".to_owned()), "{shown:#?}");
        assert!(shown.len() < 10, "{shown:#?}");
    }
}
