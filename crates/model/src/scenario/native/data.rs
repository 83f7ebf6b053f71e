//! What virtual users know before they begin: `variables`, rows of `data`, and `secrets`.

use super::{
    body,
    scope::{Scope, variable},
    steps::content,
    table::{self, Table},
    values::{items, optional, required, text_of, word},
};
use crate::{
    document::{Node, Value},
    fields::Fields,
    problem::Problem,
    program::{Feed, FeedOrder, Secret, SecretSource},
    scenario::limits::{self, MAX_NAMES, MAX_ROWS},
    template::Template,
};

/// Feeds of one scenario.
const MAX_FEEDS: usize = 20;

/// The variables that are set once for each virtual user, in order; each may use those before it.
pub(super) fn variables(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Vec<(String, Template)> {
    let Some(node) = fields.optional("variables") else { return Vec::new() };
    let entries = fields.optional_map("variables");
    too_many(fields, "variables", node, entries.len());
    let mut read = Vec::new();
    for (key, node) in entries {
        let path = format!("variables.{}", key.text);
        let value = body::value(node, &path, scope, fields.problems());
        scope.end_globals(fields.problems());
        match variable(&key.text).and_then(|name| declared(name, scope)) {
            Ok(name) => read.extend(value.map(|value| (name, value))),
            Err(why) => fields.problems().push(Problem::at(key.place, path, why)),
        }
    }
    read
}

/// Where each secret is kept.
pub(super) fn secrets(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Vec<Secret> {
    let Some(node) = fields.optional("secrets") else { return Vec::new() };
    let entries = fields.optional_map("secrets");
    too_many(fields, "secrets", node, entries.len());
    let mut read = Vec::new();
    for (key, node) in entries {
        let path = format!("secrets.{}", key.text);
        let source = secret(node, &path, fields.problems());
        match variable(&key.text).and_then(|name| declared(name, scope)) {
            Ok(name) => read.extend(source.map(|source| Secret { name, source })),
            Err(why) => fields.problems().push(Problem::at(key.place, path, why)),
        }
    }
    read
}

fn secret(node: &Node, path: &str, problems: &mut Vec<Problem>) -> Option<SecretSource> {
    if node.text().is_some() {
        let message = "a secret is not written here, only where it is kept";
        let hint = "write `{ parameter: /name }`, `{ secrets_manager: name }` or `{ environment: NAME }`";
        problems.push(Problem::at(node.place, path, message).hint(hint));
        return None;
    }
    let mut fields = Fields::of(node, path, problems)?;
    let (key, _) = content(&mut fields, &["parameter", "secrets_manager", "environment"], true).or_else(|| {
        fields.optional("key");
        None
    })?;
    let name = required(&mut fields, key, limits::key);
    let source = match key {
        "parameter" => name.map(|name| SecretSource::Parameter { name }),
        "environment" => name.map(|name| SecretSource::Environment { name }),
        _ => {
            let key = optional(&mut fields, "key", limits::key);
            name.map(|id| SecretSource::SecretsManager { id, key })
        }
    };
    fields.finish_knowing(&[
        ("ssm", "write `parameter`"),
        ("env", "write `environment`"),
        ("name", "write `parameter`"),
    ]);
    source
}

/// The feeds below `data`.
pub(super) fn feeds(fields: &mut Fields<'_>, scope: &mut Scope<'_>) -> Vec<Feed> {
    let Some(node) = fields.optional("data") else { return Vec::new() };
    let listed = fields.optional_list("data");
    if listed.len() > MAX_FEEDS {
        fields.reject("data", node, format!("expected at most {MAX_FEEDS} feeds, found {}", listed.len()));
    }
    let feeds: Vec<Feed> =
        listed.iter().filter_map(|(path, item)| feed(item, path, scope, fields.problems())).collect();
    let rows: usize = feeds.iter().map(|feed| feed.rows.len()).sum();
    if rows > MAX_ROWS {
        fields.reject("data", node, format!("expected at most {MAX_ROWS} rows in all, found {rows}"));
    }
    feeds
}

fn feed(node: &Node, path: &str, scope: &mut Scope<'_>, problems: &mut Vec<Problem>) -> Option<Feed> {
    if let Some(name) = node.text() {
        let read = scope.files.read_text(name).and_then(|text| table::read(name, &text, None, None));
        let table = read.map_err(|why| problems.push(Problem::at(node.place, path, why))).ok()?;
        return finished(name, table, FeedOrder::Sequential, true, (node, path), scope, problems);
    }
    let mut fields = Fields::of(node, path, problems)?;
    let columns = columns(&mut fields);
    let delimiter = optional(&mut fields, "delimiter", delimiter);
    let given = content(&mut fields, &["file", "rows"], true);
    let orders = [
        ("sequential", FeedOrder::Sequential),
        ("random", FeedOrder::Random),
        ("unique", FeedOrder::Unique),
        ("partitioned", FeedOrder::Partitioned),
    ];
    let order = word(&mut fields, "order", &orders).unwrap_or(FeedOrder::Sequential);
    let repeat = fields.optional_bool("repeat");
    if let Some(node) = fields.optional("repeat").filter(|_| repeat == Some(true) && order == FeedOrder::Unique) {
        fields.reject(
            "repeat",
            node,
            "rows that are `unique` are used once; write `order: partitioned` to repeat them",
        );
    }
    let read = given.and_then(|(key, node)| {
        let path = fields.path_of(key);
        let read = match key {
            "rows" => table::of_rows(items(node, &path, fields.problems())),
            _ => text_of(node).and_then(|name| {
                let text = scope.files.read_text(name)?;
                table::read(name, &text, columns, delimiter)
            }),
        };
        let name = if key == "file" { node.text().unwrap_or_default() } else { "rows" };
        read.map(|table| (name.to_owned(), table)).map_err(|why| fields.reject(key, node, why)).ok()
    });
    fields.finish_knowing(&FEED_WORDS);
    let (name, table) = read?;
    finished(&name, table, order, repeat.unwrap_or(order != FeedOrder::Unique), (node, path), scope, problems)
}

const FEED_WORDS: [(&str, &str); 9] = [
    ("path", "write `file`"),
    ("fields", "write `columns`"),
    ("variable-names", "write `columns`"),
    ("loop", "write `repeat`"),
    ("loopAll", "write `repeat`"),
    ("random-order", "write `order: random`"),
    ("skipHeader", "without `columns` the first line names them, with `columns` every line is a row"),
    ("strategy", "write `order`"),
    ("shuffle", "write `order: random`"),
];

#[expect(clippy::too_many_arguments, reason = "a feed has as many parts")]
fn finished(
    name: &str,
    table: Table,
    order: FeedOrder,
    repeat: bool,
    (node, path): (&Node, &str),
    scope: &mut Scope<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Feed> {
    let before = problems.len();
    if table.rows.is_empty() {
        problems.push(Problem::at(node.place, path, format!("`{name}` has no rows")));
    }
    for column in &table.columns {
        if let Err(why) = variable(column).and_then(|name| declared(name, scope)) {
            let problem = Problem::at(node.place, path, format!("a column of `{name}`: {why}"));
            problems.push(problem.hint("`columns` gives them other names"));
        }
    }
    let Table { columns, rows } = table;
    (problems.len() == before).then(|| Feed { name: name.to_owned(), columns, rows, order, repeat })
}

fn columns(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let node = fields.optional("columns")?;
    if let Value::Scalar { text, .. } = &node.value {
        return Some(text.split(',').map(|name| name.trim().to_owned()).collect());
    }
    let listed = fields.optional_list("columns");
    let names: Vec<String> = listed.iter().filter_map(|(_, item)| item.text().map(ToOwned::to_owned)).collect();
    if names.len() < listed.len() || names.is_empty() {
        fields.reject("columns", node, "expected names");
        return None;
    }
    Some(names)
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        text => match text.as_bytes() {
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\n' | b'\r') => {
                Ok(*byte)
            }
            _ => Err(format!("expected one character such as `;`, or `tab`, found `{}`", text.escape_debug())),
        },
    }
}

fn declared(name: String, scope: &mut Scope<'_>) -> Result<String, String> {
    if scope.declare(&name) { Ok(name) } else { Err(format!("`{name}` is set elsewhere already")) }
}

fn too_many(fields: &mut Fields<'_>, key: &'static str, node: &Node, found: usize) {
    if found > MAX_NAMES {
        fields.reject(key, node, format!("expected at most {MAX_NAMES} {key}, found {found}"));
    }
}
