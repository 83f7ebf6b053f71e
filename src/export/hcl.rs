//! Terraform's language as `terraform fmt` writes it: two spaces, and the signs of neighbouring lines below each other.

use std::fmt::Write;

/// A block such as `variable "Name" { … }`.
#[derive(Clone, Debug, Default)]
pub struct Block {
    head: String,
    lines: Vec<(String, Value)>,
}

/// What stands right of a sign.
#[derive(Clone, Debug)]
pub enum Value {
    /// An expression, as it is.
    Expression(String),
    /// A map, in a paragraph of its own.
    Map(Vec<(String, String)>),
    /// A block inside of the block, in a paragraph of its own.
    Inside(Block),
}

impl Block {
    /// A block with nothing in it yet.
    pub fn new(head: impl Into<String>) -> Self {
        Self { head: head.into(), lines: Vec::new() }
    }

    /// The same with an expression.
    pub fn with(mut self, name: &str, expression: impl Into<String>) -> Self {
        self.lines.push((name.to_owned(), Value::Expression(expression.into())));
        self
    }

    /// The same with a map.
    pub fn map(mut self, name: &str, entries: Vec<(String, String)>) -> Self {
        self.lines.push((name.to_owned(), Value::Map(entries)));
        self
    }

    /// The same with a block in it.
    pub fn inside(mut self, block: Self) -> Self {
        self.lines.push((String::new(), Value::Inside(block)));
        self
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, "");
        text
    }

    fn write(&self, text: &mut String, indent: &str) {
        let deeper = format!("{indent}  ");
        writeln!(text, "{indent}{} {{", self.head).expect("writing to a string");
        let is_plain = |value: &Value| matches!(value, Value::Expression(_));
        for (index, paragraph) in self.lines.chunk_by(|left, right| is_plain(&left.1) && is_plain(&right.1)).enumerate()
        {
            if index > 0 {
                text.push('\n');
            }
            let width = paragraph.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, value) in paragraph {
                match value {
                    Value::Expression(value) => {
                        writeln!(text, "{deeper}{name:width$} = {value}").expect("writing to a string");
                    }
                    Value::Map(entries) => map(text, &deeper, name, entries),
                    Value::Inside(block) => block.write(text, &deeper),
                }
            }
        }
        writeln!(text, "{indent}}}").expect("writing to a string");
    }
}

fn map(text: &mut String, indent: &str, name: &str, entries: &[(String, String)]) {
    let width = entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    writeln!(text, "{indent}{name} = {{").expect("writing to a string");
    for (key, value) in entries {
        writeln!(text, "{indent}  {key:width$} = {value}").expect("writing to a string");
    }
    writeln!(text, "{indent}}}").expect("writing to a string");
}

/// A text in quotes, in which nothing is looked for.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // `${` and `%{` begin what is looked for; doubled, they do not.
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_neighbouring_lines_stand_below_each_other() {
        let entries = vec![("Long".to_owned(), "1".to_owned()), ("A".to_owned(), "2".to_owned())];
        let block = Block::new("resource \"a\" \"b\"").with("x", "1").with("name", quoted("n")).map("more", entries);
        let wanted =
            "resource \"a\" \"b\" {\n  x    = 1\n  name = \"n\"\n\n  more = {\n    Long = 1\n    A    = 2\n  }\n}\n";
        assert_eq!(block.text(), wanted);
    }

    #[test]
    fn nothing_is_looked_for_in_a_text() {
        assert_eq!(quoted("a\"b\\ ${c} %{d}\n"), "\"a\\\"b\\\\ $${c} %%{d}\\n\"");
    }
}
