//! The JSON schema that editors complete and check environment files by, made of the table of settings.

use serde_json::{Map, Value, json};

use super::table::{self, Field, Kind};

/// Where the schema lies in the repository, as an environment file's first line names it from `stacks/`.
pub const PATH: &str = "../docs/schema/environment.json";

/// The schema, as it is committed.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).expect("a schema is plain JSON");
    text.push('\n');
    text
}

fn schema() -> Value {
    let mut root = object("An environment of `dlt`: what differs between one environment and the next.");
    for field in table::FIELDS {
        let keys: Vec<&str> = field.key.split('.').collect();
        place(&mut root, &keys, of(field));
    }
    require(&mut root);
    // A new network and one that exists exclude each other.
    let network = root["properties"]["network"].clone();
    root["properties"]["regional_networks"]["additionalProperties"] = network;
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("dlt environment");
    root
}

fn object(about: &str) -> Value {
    json!({"type": "object", "description": about, "additionalProperties": false, "properties": {}})
}

fn place(parent: &mut Value, keys: &[&str], leaf: Value) {
    let Some((first, rest)) = keys.split_first() else { return };
    let properties = parent["properties"].as_object_mut().expect("objects are made with properties");
    if rest.is_empty() {
        properties.insert((*first).to_owned(), leaf);
        return;
    }
    place(properties.entry(*first).or_insert_with(|| object(group(first))), rest, leaf);
}

fn group(key: &str) -> &'static str {
    match key {
        "admin" => "The first administrator, whom Cognito invites by e-mail.",
        "network" => "Where workers run: addresses of a new network, or `existing`.",
        "existing" => "A network that is already there.",
        "drift" => "What deployed things may differ in.",
        "worker" => "How large a worker is unless a scenario says otherwise.",
        _ => "What stays, and for how long.",
    }
}

fn require(root: &mut Value) {
    root["required"] = json!(["stack", "admin"]);
    root["properties"]["admin"]["required"] = json!(["name", "email"]);
    root["properties"]["network"]["properties"]["existing"]["required"] = json!(["vpc", "subnets"]);
    let addresses = json!([
        {"required": ["vpc_cidr"]},
        {"required": ["subnet_a_cidr"]},
        {"required": ["subnet_b_cidr"]},
    ]);
    root["properties"]["network"]["not"] = json!({"required": ["existing"], "anyOf": addresses});
}

fn of(field: &Field) -> Value {
    let mut schema = match field.kind {
        Kind::Text(pattern) => json!({"type": "string", "pattern": pattern}),
        Kind::Words(words) => json!({"type": "string", "enum": words}),
        Kind::Numbers(numbers) => json!({"type": "integer", "enum": numbers}),
        Kind::Range(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::List(pattern, least) => {
            json!({"type": "array", "minItems": least, "uniqueItems": true, "items": {"type": "string", "pattern": pattern}})
        }
        Kind::Map => {
            json!({"type": "object", "maxProperties": 50, "additionalProperties": {"type": ["string", "number", "boolean"]}})
        }
        Kind::Networks => json!({"type": "object", "propertyNames": {"pattern": table::REGION}}),
        Kind::Ignores => json!({"type": "array", "items": ignore()}),
    };
    let schema_map: &mut Map<String, Value> = schema.as_object_mut().expect("every kind is an object");
    schema_map.insert("description".to_owned(), json!(field.about));
    if let Some(default) = field.default {
        schema_map.insert("default".to_owned(), default_of(field.kind, default));
    }
    schema
}

/// An entry of `drift.ignore`.
fn ignore() -> Value {
    let text = |about: &str| json!({"type": "string", "minLength": 1, "maxLength": 300, "description": about});
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["resource", "reason", "until"],
        "properties": {
            "stack": text("The stack, by name; every stack of the environment unless given."),
            "resource": text("The resource, by its name in the template; or a stray thing, by its name."),
            "property": text("The property, with everything in it; the whole resource unless given."),
            "reason": text("Why it may differ."),
            "until": {"type": "string", "format": "date", "description": "The last day on which this holds."},
        },
    })
}

fn default_of(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::Boolean => json!(text == "true"),
        Kind::Numbers(_) | Kind::Range(..) => json!(text.parse::<u32>().unwrap_or_default()),
        Kind::List(..) => json!([]),
        _ => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_the_one_that_the_table_makes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/environment.json");
        if std::env::var_os("DLT_UPDATE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema")).unwrap();
            std::fs::write(path, text()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == text(),
            "run `DLT_UPDATE=1 cargo test -p dlt the_committed_schema` and commit docs/schema"
        );
    }

    #[test]
    fn every_example_names_the_schema_in_its_first_line() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/stacks")).unwrap().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let expected = format!("# yaml-language-server: $schema={PATH}");
            assert_eq!(text.lines().next(), Some(expected.as_str()), "{}", entry.path().display());
        }
    }
}
