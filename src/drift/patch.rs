//! Writing a setting into the text of an environment file, and leaving every other character as it is.

use dlt_model::document::{self, Node, Value};

/// The text with a setting at its place: replaced where it stands, added where it does not.
///
/// # Errors
/// Says what to write by hand when the place has a shape that is not worth guessing about.
pub fn set(text: &str, key: &str, value: &str) -> Result<String, String> {
    let by_hand = |why: &str| format!("{why}; write `{key}: {value}` by hand");
    let root = document::parse(text).map_err(|problem| by_hand(&problem.to_string()))?;
    let keys: Vec<&str> = key.split('.').collect();
    let (mut node, mut found) = (&root, 0);
    let mut line = None;
    while let Some((name, below)) = keys.get(found).and_then(|key| entry(node, key)) {
        (node, line) = (below, Some(name));
        found += 1;
    }
    let value = &written(value);
    if found == keys.len() {
        // A value on other lines than its key is a block.
        let on_one_line = line == Some(node.place.line);
        let replaced = on_one_line.then(|| replaced(text, node, value)).flatten();
        return replaced.ok_or_else(|| by_hand("it stands there in more than a plain word"));
    }
    let missing = &keys[found..];
    match (&node.value, line) {
        (Value::Mapping(_), None) if !is_flow(text, node) => Ok(appended(text, missing, value)),
        (Value::Mapping(entries), _) if is_flow(text, node) => {
            let comma = if entries.is_empty() { "" } else { ", " };
            let (before, after) = split(text, node.place.line, node.place.column + 1)
                .ok_or_else(|| by_hand("its place was not found"))?;
            Ok(format!("{before}{}{comma}{after}", inline(missing, value)))
        }
        (Value::Mapping(entries), Some(line)) if !entries.is_empty() => {
            let indent = entries[0].0.place.column - 1;
            let (before, after) = split(text, line + 1, 1).ok_or_else(|| by_hand("its place was not found"))?;
            Ok(format!("{before}{}{after}", block(missing, value, indent)))
        }
        _ => Err(by_hand("its place in the file is empty")),
    }
}

/// The line of a key and the value below it.
fn entry<'a>(node: &'a Node, key: &str) -> Option<(usize, &'a Node)> {
    node.entries().iter().find(|(name, _)| name.text == key).map(|(name, below)| (name.place.line, below))
}

/// As YAML takes it for the same text, whatever is in it.
fn written(value: &str) -> String {
    let is_plain = value.starts_with(|first: char| first.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_./@+-".contains(c));
    if is_plain { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}

/// A scalar that stands on one line, with another value.
fn replaced(text: &str, node: &Node, value: &str) -> Option<String> {
    let (before, rest) = split(text, node.place.line, node.place.column)?;
    let old = node.text()?;
    let quoted = ['"', '\''].into_iter().find(|quote| rest.starts_with(*quote));
    let length = match quoted {
        Some(quote) => rest[1..].find(quote).filter(|length| rest[1..=*length] == *old)? + 2,
        None => Some(old.len()).filter(|_| !old.is_empty() && rest.starts_with(old))?,
    };
    Some(format!("{before}{value}{}", &rest[length..]))
}

fn is_flow(text: &str, node: &Node) -> bool {
    split(text, node.place.line, node.place.column).is_some_and(|(_, rest)| rest.starts_with('{'))
}

/// The text before and from a line and a column, both counted from 1, columns in characters.
fn split(text: &str, line: usize, column: usize) -> Option<(&str, &str)> {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start..];
    let within = rest.char_indices().nth(column - 1).map_or(rest.len(), |(index, _)| index);
    text.split_at_checked(start + within)
}

fn appended(text: &str, keys: &[&str], value: &str) -> String {
    let gap = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}\n{}", block(keys, value, 0))
}

/// `worker:` and, two spaces further in, `cpu: 4096`.
fn block(keys: &[&str], value: &str, indent: usize) -> String {
    let last = keys.len() - 1;
    let line = |(depth, key): (usize, &&str)| {
        let value = if depth == last { format!(" {value}") } else { String::new() };
        format!("{:1$}{key}:{value}\n", "", indent + 2 * depth)
    };
    keys.iter().enumerate().map(line).collect()
}

/// `worker: {cpu: 4096}`.
fn inline(keys: &[&str], value: &str) -> String {
    match keys.split_first() {
        Some((key, [])) => format!("{key}: {value}"),
        Some((key, rest)) => format!("{key}: {{{}}}", inline(rest, value)),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_written_where_it_belongs_and_nothing_else_changes() {
        for (text, key, value, expected) in [
            ("a: 1 # why\nb: 2\n", "a", "7", "a: 7 # why\nb: 2\n"),
            ("a: \"1\" # why\n", "a", "7", "a: 7 # why\n"),
            ("w:\n  # small\n  cpu: 1024  # one\n", "w.cpu", "4096", "w:\n  # small\n  cpu: 4096  # one\n"),
            (
                "w: # all\n    # small\n    cpu: 1\nb: 2\n",
                "w.memory",
                "8",
                "w: # all\n    memory: 8\n    # small\n    cpu: 1\nb: 2\n",
            ),
            ("w: {cpu: 1}\n", "w.cpu", "2", "w: {cpu: 2}\n"),
            ("w: {cpu: 1}\n", "w.memory", "8", "w: {memory: 8, cpu: 1}\n"),
            ("w: {}\n", "w.memory", "8", "w: {memory: 8}\n"),
            ("a: 1\n# w:\n#   cpu: 1", "w.cpu", "2", "a: 1\n# w:\n#   cpu: 1\n\nw:\n  cpu: 2\n"),
            ("a: ä\nw: {x: ä, cpu: 1}\n", "w.cpu", "2", "a: ä\nw: {x: ä, cpu: 2}\n"),
            ("a: 1\n", "egress_cidr", "10.0.0.0/8", "a: 1\n\negress_cidr: 10.0.0.0/8\n"),
            ("a: 1\n", "b", "yes: no", "a: 1\n\nb: \"yes: no\"\n"),
            ("{a: 1}\n", "w.cpu", "2", "{w: {cpu: 2}, a: 1}\n"),
        ] {
            assert_eq!(set(text, key, value).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_place_of_another_shape_is_left_to_the_person() {
        for text in ["a: |\n  long\n", "a:\nb: 1\n", "a: 'it''s'\n"] {
            let told = set(text, "a", "7").unwrap_err();
            assert!(told.contains("by hand"), "{text}: {told}");
        }
        assert!(set("w:\nb: 1\n", "w.cpu", "7").unwrap_err().contains("write `w.cpu: 7` by hand"));
    }
}
