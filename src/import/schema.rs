//! An example of what a JSON schema describes, as OpenAPI documents have them.

use serde_json::{Map, Value as Json, json};

/// How deeply a schema is followed; they may name themselves.
const MAX_DEPTH: usize = 8;
/// Values of one example, so that schemas that branch stay small.
const MAX_VALUES: usize = 500;

/// What a `$ref` of this document names, or the value itself.
pub(super) fn resolved<'a>(document: &'a Json, value: &'a Json) -> &'a Json {
    let mut value = value;
    for _ in 0..MAX_DEPTH {
        let Some(name) = value.get("$ref").and_then(Json::as_str) else { return value };
        match name.strip_prefix('#').and_then(|pointer| document.pointer(pointer)) {
            Some(found) => value = found,
            None => return value,
        }
    }
    value
}

/// An example of a media type or a parameter: its own, or one made from its schema.
pub(super) fn example(document: &Json, described: &Json) -> Json {
    let named = |examples: &Json| match examples {
        Json::Object(examples) => examples.values().next().map(|it| {
            let it = resolved(document, it);
            it.get("value").unwrap_or(it).clone()
        }),
        Json::Array(examples) => examples.first().cloned(),
        _ => None,
    };
    described
        .get("example")
        .cloned()
        .or_else(|| described.get("examples").and_then(named))
        .or_else(|| described.get("schema").map(|schema| of_schema(document, schema, 0, &mut 0)))
        .unwrap_or(Json::Null)
}

fn of_schema(document: &Json, schema: &Json, depth: usize, values: &mut usize) -> Json {
    *values += 1;
    if depth > MAX_DEPTH || *values > MAX_VALUES {
        return Json::Null;
    }
    let schema = resolved(document, schema);
    for key in ["example", "default", "const"] {
        if let Some(value) = schema.get(key) {
            return value.clone();
        }
    }
    for key in ["examples", "enum"] {
        if let Some(first) = schema.get(key).and_then(Json::as_array).and_then(|values| values.first()) {
            return first.clone();
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Json::as_array) {
        let mut whole = Map::new();
        for part in parts {
            if let Json::Object(entries) = of_schema(document, part, depth + 1, values) {
                whole.extend(entries);
            }
        }
        if let Json::Object(own) = properties(document, schema, depth, values) {
            whole.extend(own);
        }
        return Json::Object(whole);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(first) = schema.get(key).and_then(Json::as_array).and_then(|ways| ways.first()) {
            return of_schema(document, first, depth + 1, values);
        }
    }
    // OpenAPI 3.1 may list several types; the first that is not null is taken.
    let kind = match schema.get("type") {
        Some(Json::String(kind)) => kind.as_str(),
        Some(Json::Array(kinds)) => {
            kinds.iter().filter_map(Json::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    };
    match kind {
        "object" => properties(document, schema, depth, values),
        "array" => match schema.get("items") {
            Some(items) => json!([of_schema(document, items, depth + 1, values)]),
            None => json!([]),
        },
        "integer" => schema.get("minimum").filter(|least| least.is_i64()).cloned().unwrap_or(json!(1)),
        "number" => schema.get("minimum").cloned().unwrap_or(json!(1.5)),
        "boolean" => json!(true),
        "null" => Json::Null,
        _ => json!(text(schema)),
    }
}

fn properties(document: &Json, schema: &Json, depth: usize, values: &mut usize) -> Json {
    let mut object = Map::new();
    for (name, property) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let described = resolved(document, property);
        if described.get("readOnly") == Some(&Json::Bool(true)) {
            continue;
        }
        object.insert(name.clone(), of_schema(document, property, depth + 1, values));
    }
    Json::Object(object)
}

fn text(schema: &Json) -> String {
    match schema.get("format").and_then(Json::as_str) {
        Some("date") => "2026-01-31".to_owned(),
        Some("date-time") => "2026-01-31T12:00:00Z".to_owned(),
        Some("time") => "12:00:00".to_owned(),
        Some("uuid") => "123e4567-e89b-42d3-a456-426614174000".to_owned(),
        Some("email") => "user@example.com".to_owned(),
        Some("uri" | "url") => "https://example.com/".to_owned(),
        Some("ipv4") => "192.0.2.1".to_owned(),
        Some("byte") => "dGV4dA==".to_owned(),
        _ => {
            let least = schema
                .get("minLength")
                .and_then(Json::as_u64)
                .and_then(|least| usize::try_from(least).ok())
                .unwrap_or(0);
            "text".repeat(least.min(4_096).div_ceil(4).max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_names_itself_ends_and_every_type_has_an_example() {
        let document = json!({"components": {"schemas": {"Node": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "format": "uuid", "readOnly": true},
                "name": {"type": ["null", "string"]},
                "count": {"type": "integer", "minimum": 3},
                "kind": {"enum": ["leaf", "twig"]},
                "when": {"type": "string", "format": "date"},
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            },
        }}}});
        let example = example(&document, &json!({"schema": {"$ref": "#/components/schemas/Node"}}));
        assert_eq!(example["name"], "text");
        assert_eq!(
            (&example["count"], &example["kind"], &example["when"]),
            (&json!(3), &json!("leaf"), &json!("2026-01-31"))
        );
        assert!(example.get("id").is_none() && example["children"][0]["count"] == 3);
    }
}
