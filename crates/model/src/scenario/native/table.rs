//! Rows of data from CSV, JSON, or lines of JSON.

use serde_json::Value as Json;

use super::super::body::to_json;
use crate::document::Node;

/// Names, and rows as long as the names are many.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Columns of one feed.
const MAX_COLUMNS: usize = 500;

/// Reads a file as its name says. Without `columns` the first line of CSV names them; with them, every line is a row.
pub(super) fn read(
    name: &str,
    text: &str,
    columns: Option<Vec<String>>,
    delimiter: Option<u8>,
) -> Result<Table, String> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("csv" | "txt") => csv(name, text, columns, delimiter.unwrap_or(b',')),
        Some("tsv") => csv(name, text, columns, delimiter.unwrap_or(b'\t')),
        Some("json") => {
            let whole: Json = serde_json::from_str(text).map_err(|error| format!("`{name}` is not JSON: {error}"))?;
            let Json::Array(rows) = whole else { return Err(format!("`{name}` is not a list of objects")) };
            of_objects(name, &rows, columns)
        }
        Some("jsonl" | "ndjson") => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let read = |(at, line)| {
                serde_json::from_str(line).map_err(|error| format!("`{name}`, line {}: not JSON: {error}", at + 1))
            };
            of_objects(name, &lines.map(read).collect::<Result<Vec<_>, _>>()?, columns)
        }
        _ => Err(format!("`{name}` is no file of data: expected .csv, .tsv, .txt, .json or .jsonl")),
    }
}

/// Rows that are written into the scenario.
pub(super) fn of_rows(rows: Vec<(String, &Node)>) -> Result<Table, String> {
    let rows: Vec<Json> = rows.into_iter().map(|(_, node)| to_json(node)).collect();
    of_objects("rows", &rows, None)
}

fn csv(name: &str, text: &str, columns: Option<Vec<String>>, delimiter: u8) -> Result<Table, String> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut columns = columns;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("`{name}` is not CSV: {error}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let values: Vec<String> = record.iter().map(ToOwned::to_owned).collect();
        match &columns {
            None => columns = Some(values.iter().map(|value| value.trim().to_owned()).collect()),
            Some(columns) if columns.len() == values.len() => rows.push(values),
            Some(columns) => {
                let (expected, found) = (columns.len(), values.len());
                return Err(format!("`{name}`, line {line}: expected {expected} values, found {found}"));
            }
        }
    }
    finish(name, columns.unwrap_or_default(), rows)
}

fn of_objects(name: &str, rows: &[Json], columns: Option<Vec<String>>) -> Result<Table, String> {
    let first = rows.first().and_then(Json::as_object);
    let columns = columns.or_else(|| first.map(|first| first.keys().cloned().collect())).unwrap_or_default();
    let mut table = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let object = row.as_object().ok_or_else(|| format!("`{name}`, row {}: expected an object", at + 1))?;
        if let Some(stranger) = object.keys().find(|key| !columns.contains(key)) {
            return Err(format!("`{name}`, row {}: `{stranger}` is no column of the first row", at + 1));
        }
        let value = |column: &String| match object.get(column) {
            Some(Json::String(text)) => Ok(text.clone()),
            Some(Json::Null) => Ok(String::new()),
            Some(other) => Ok(other.to_string()),
            None => Err(format!("`{name}`, row {}: `{column}` is missing", at + 1)),
        };
        table.push(columns.iter().map(value).collect::<Result<_, _>>()?);
    }
    finish(name, columns, table)
}

fn finish(name: &str, columns: Vec<String>, rows: Vec<Vec<String>>) -> Result<Table, String> {
    if columns.len() > MAX_COLUMNS {
        return Err(format!("`{name}` has more than {MAX_COLUMNS} columns"));
    }
    if let Some(twice) = columns.iter().enumerate().find(|(at, column)| columns[..*at].contains(column)) {
        return Err(format!("`{name}` has two columns `{}`", twice.1));
    }
    Ok(Table { columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, text: &str) -> Result<Table, String> {
        read(name, text, None, None)
    }

    #[test]
    fn the_same_rows_are_read_from_every_kind_of_file() {
        let expected = rows("a.csv", "user,age\nann,7\n\"b, c\",\"x\"\"y\"\n").expect("valid");
        assert_eq!(expected.columns, ["user", "age"]);
        assert_eq!(expected.rows, [["ann", "7"], ["b, c", "x\"y"]]);
        assert_eq!(rows("a.tsv", "user\tage\nann\t7\nb, c\t\"x\"\"y\"\n"), Ok(expected));
        let json = rows("a.json", r#"[{"user": "ann", "age": 7, "tags": [1]}]"#).expect("valid");
        assert_eq!(json.rows, [["ann", "7", "[1]"]]);
        assert_eq!(rows("a.jsonl", "{\"user\": \"ann\", \"age\": 7, \"tags\": [1]}\n\n"), Ok(json));
        let named = read("a.txt", "1;2\n", Some(vec!["x".to_owned(), "y".to_owned()]), Some(b';')).expect("valid");
        assert_eq!(named.rows, [["1", "2"]]);
    }

    #[test]
    fn a_row_that_does_not_fit_is_named() {
        for (name, text, part) in [
            ("a.csv", "a,b\n1\n", "line 2: expected 2 values, found 1"),
            ("a.csv", "a,a\n1,2\n", "two columns `a`"),
            ("a.json", "{}", "is not a list of objects"),
            ("a.json", "[1]", "row 1: expected an object"),
            ("a.json", r#"[{"a": 1}, {"b": 1}]"#, "row 2: `b` is no column"),
            ("a.json", r#"[{"a": 1, "b": 2}, {"a": 1}]"#, "row 2: `b` is missing"),
            ("a.jsonl", "{\"a\": 1}\n{", "line 2: not JSON"),
            ("a.xls", "", "expected .csv"),
        ] {
            let why = rows(name, text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
