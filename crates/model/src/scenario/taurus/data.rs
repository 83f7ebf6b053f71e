//! `data-sources`: CSV files whose rows the users take, as JMeter's CSV data set does.

use super::reader::{Reader, join, present};
use crate::{
    document::{Node, Value},
    program::{Feed, FeedOrder},
};

/// Rows of one file.
const MAX_ROWS: usize = 1_000_000;
/// What separates columns when the file is left to show it, most likely first.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
const KEYS: [&str; 7] = ["path", "delimiter", "quoted", "loop", "variable-names", "random-order", "encoding"];

impl Reader<'_> {
    /// The variables that a source sets; what is wrong with it is told when it is read.
    pub(super) fn columns(&mut self, source: &Node) -> Option<Vec<String>> {
        if let Some(names) = present(source, "variable-names").and_then(Node::text) {
            return Some(names.split(',').map(|name| name.trim().to_owned()).collect());
        }
        let path = source.text().or_else(|| present(source, "path").and_then(Node::text))?.to_owned();
        let text = self.file_text(&path).ok()?;
        let header = text.lines().next()?.to_owned();
        let delimiter = present(source, "delimiter").and_then(Node::text).and_then(delimiter_of);
        let rows = split(&header, delimiter.unwrap_or_else(|| guess(&header)), true).ok()?;
        rows.into_iter().next()
    }

    pub(super) fn feeds(&mut self, scenario: &Node, path: &str) -> Vec<Feed> {
        let Some(sources) = present(scenario, "data-sources") else { return Vec::new() };
        let path = join(path, "data-sources");
        let items = self.items(sources);
        items.iter().enumerate().filter_map(|(index, item)| self.feed(item, &format!("{path}[{index}]"))).collect()
    }

    fn feed(&mut self, source: &Node, path: &str) -> Option<Feed> {
        let name = if source.text().is_some() {
            self.check(source, path, |text| Ok(text.to_owned()))?
        } else {
            if !self.is_object(source, path) {
                return None;
            }
            self.warn_unknown_keys(source, path, &KEYS);
            self.required(source, path, "path", |text| Ok(text.to_owned()))?
        };
        let whole = matches!(source.value, Value::Mapping(_));
        let written = whole.then(|| {
            self.optional(source, path, "delimiter", |text| {
                delimiter_of(text).ok_or_else(|| format!("expected one ASCII character or `tab`, found `{text}`"))
            })
        });
        let quoted = self.switch(source, path, "quoted").unwrap_or(false);
        let repeat = self.switch(source, path, "loop").unwrap_or(true);
        let random = self.switch(source, path, "random-order").unwrap_or(false);
        self.optional(source, path, "encoding", |text| {
            if text.eq_ignore_ascii_case("utf-8") {
                Ok(())
            } else {
                Err(format!("`{text}` cannot be read; save it as UTF-8"))
            }
        });
        let text = self.file_text(&name).map_err(|why| self.reject(source, path, why)).ok()?;
        let first = text.lines().next().unwrap_or_default();
        let delimiter = written.flatten().unwrap_or_else(|| guess(first));
        let mut rows = split(&text, delimiter, quoted)
            .map_err(|why| self.reject(source, path, format!("`{name}` is not CSV: {why}")))
            .ok()?;
        let named = present(source, "variable-names").is_some();
        let columns = self.columns(source)?;
        if !named && !rows.is_empty() {
            rows.remove(0);
        }
        for column in columns.iter().filter(|column| !super::holes::is_name(column)) {
            self.reject(source, path, format!("`{column}` of `{name}` is not the name of a variable"));
        }
        if rows.is_empty() || rows.len() > MAX_ROWS {
            self.reject(source, path, format!("expected 1 to {MAX_ROWS} rows in `{name}`, found {}", rows.len()));
            return None;
        }
        // JMeter leaves variables without a value empty and drops values without a variable.
        rows.iter_mut().for_each(|row| row.resize(columns.len(), String::new()));
        let order = if random { FeedOrder::Random } else { FeedOrder::Sequential };
        Some(Feed { name, columns, rows, order, repeat })
    }
}

fn delimiter_of(text: &str) -> Option<char> {
    let mut letters = text.chars();
    match (text, letters.next(), letters.next()) {
        ("tab" | "\\t", ..) => Some('\t'),
        (_, Some(one), None) if one.is_ascii() => Some(one),
        _ => None,
    }
}

fn guess(line: &str) -> char {
    let count = |delimiter: &char| line.matches(*delimiter).count();
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(',')
}

fn split(text: &str, delimiter: char, quoted: bool) -> Result<Vec<Vec<String>>, String> {
    let delimiter = u8::try_from(delimiter).map_err(|_| "its delimiter is not ASCII".to_owned())?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .quoting(quoted)
        .from_reader(text.as_bytes());
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        record.map(|record| record.iter().map(ToOwned::to_owned).collect()).map_err(|error| error.to_string())
    };
    reader.records().take(MAX_ROWS + 2).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_what_the_first_line_shows() {
        assert_eq!((guess("a,b;c,d"), guess("a\tb"), guess("a")), (',', '\t', ','));
        assert_eq!((delimiter_of("tab"), delimiter_of(";"), delimiter_of("ab")), (Some('\t'), Some(';'), None));
    }

    #[test]
    fn quotes_are_letters_unless_the_file_is_said_to_be_quoted() {
        assert_eq!(split("\"a,b\",c\n", ',', true), Ok(vec![vec!["a,b".to_owned(), "c".to_owned()]]));
        assert_eq!(split("\"a,b\"\n", ',', false), Ok(vec![vec!["\"a".to_owned(), "b\"".to_owned()]]));
    }
}
