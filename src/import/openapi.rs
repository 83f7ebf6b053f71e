//! An OpenAPI document, 3.0 or 3.1, as a scenario of one request for each operation.

use serde_json::Value as Json;

use super::{
    Imported,
    draft::{Body, Draft, Request, Text},
    schema::{example, resolved},
    secrets,
};

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Reads a document, YAML or JSON.
///
/// # Errors
/// A text that is no such document, or one without operations.
pub fn import(text: &str) -> Result<Imported, Vec<String>> {
    let document: Json =
        serde_yaml::from_str(text).map_err(|error| vec![format!("this is neither YAML nor JSON: {error}")])?;
    match document.get("openapi").and_then(Json::as_str) {
        Some(version) if version.starts_with("3.0") || version.starts_with("3.1") => {}
        Some(version) => return Err(vec![format!("OpenAPI {version} is not understood, only 3.0 and 3.1")]),
        None if document.get("swagger").is_some() => {
            return Err(vec!["this is Swagger 2.0; convert it to OpenAPI 3 first".to_owned()]);
        }
        None => return Err(vec!["this is no OpenAPI document: it has no `openapi`".to_owned()]),
    }
    let mut reader = Reader { document: &document, notes: Vec::new(), asked: Vec::new(), values: Vec::new() };
    let base_url = reader.base_url();
    let mut requests = Vec::new();
    for (path, item) in document.get("paths").and_then(Json::as_object).into_iter().flatten() {
        let item = resolved(&document, item);
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                requests.push(reader.request(path, item, method, operation));
            }
        }
    }
    if requests.is_empty() {
        return Err(vec!["the document has no operations below `paths`".to_owned()]);
    }
    let Reader { mut notes, asked, mut values, .. } = reader;
    let changing =
        requests.iter().filter(|request| !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")).count();
    if changing > 0 {
        notes.push(format!(
            "{} may change data: leave out what must not be repeated",
            super::count(changing, "operation")
        ));
    }
    values.sort_unstable();
    values.dedup();
    if !values.is_empty() {
        notes.push(format!("path parameters have examples until the environment says more: {}", values.join(", ")));
    }
    notes.extend(secrets::note(asked));
    let title = document.pointer("/info/title").and_then(Json::as_str).unwrap_or("an API");
    let name: String = title.chars().filter(|c| !c.is_control()).take(200).collect();
    let name = if name.trim().chars().count() < 3 { format!("API {}", name.trim()) } else { name.trim().to_owned() };
    Ok(Imported { draft: Draft { name, base_url: Some(base_url), requests }, notes }.bounded())
}

struct Reader<'a> {
    document: &'a Json,
    notes: Vec<String>,
    asked: Vec<String>,
    values: Vec<String>,
}

impl Reader<'_> {
    /// The first server, with the defaults of its variables.
    fn base_url(&mut self) -> String {
        let server = self.document.pointer("/servers/0");
        let mut url = server.and_then(|server| server.get("url")).and_then(Json::as_str).unwrap_or_default().to_owned();
        let variables = server.and_then(|server| server.get("variables")).and_then(Json::as_object);
        for (name, variable) in variables.into_iter().flatten() {
            let default = variable.get("default").and_then(Json::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
        let trimmed = url.trim_end_matches('/');
        if url::Url::parse(trimmed).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return trimmed.to_owned();
        }
        self.notes.push(
            "the document names no server: set TARGET in the environment, such as https://api.example.com".to_owned(),
        );
        let path = if trimmed.starts_with('/') { trimmed } else { "" };
        format!("${{TARGET}}{path}")
    }

    fn request(&mut self, path: &str, item: &Json, method: &str, operation: &Json) -> Request {
        let method = method.to_ascii_uppercase();
        let mut headers: Vec<(String, Text)> = Vec::new();
        let mut query: Vec<Text> = Vec::new();
        let mut url = path.to_owned();
        let mut replaced: Vec<(String, Text)> = Vec::new();
        let own = operation.get("parameters").and_then(Json::as_array).into_iter().flatten();
        let shared = item.get("parameters").and_then(Json::as_array).into_iter().flatten();
        let mut seen: Vec<(String, String)> = Vec::new();
        for parameter in own.chain(shared) {
            let parameter = resolved(self.document, parameter);
            let text = |key: &str| parameter.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
            let (name, place) = (text("name"), text("in"));
            let required = parameter.get("required") == Some(&Json::Bool(true));
            if name.is_empty() || seen.contains(&(name.clone(), place.clone())) {
                continue;
            }
            seen.push((name.clone(), place.clone()));
            let value = plain(&example(self.document, parameter));
            match place.as_str() {
                "path" => {
                    let variable = secrets::variable(&name);
                    self.values.push(variable.clone());
                    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                    replaced.push((format!("{{{name}}}"), Text::asked(variable, Some(encoded))));
                }
                "query" if required => {
                    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                    query.push(secrets::pairs(&format!("{name}={encoded}"), &mut self.asked));
                }
                "header" if required => {
                    let (value, variable) = secrets::header(&name, &value);
                    self.asked.extend(variable);
                    headers.push((name, value));
                }
                _ => {}
            }
        }
        self.security(operation, &mut headers, &mut query);
        let body = self.body(operation, &mut headers);
        let label = operation
            .get("operationId")
            .and_then(Json::as_str)
            .map_or_else(|| format!("{method} {path}"), ToOwned::to_owned);
        if !url.starts_with('/') {
            url.insert(0, '/');
        }
        let mut text = filled(&url, &replaced);
        for (number, pair) in query.into_iter().enumerate() {
            text = text.then(Text::plain(if number > 0 { "&" } else { "?" })).then(pair);
        }
        Request { label, method, url: text, headers, body, expect: statuses(operation), ..Request::default() }
    }

    /// The first way to say who one is, of the operation or of the document.
    fn security(&mut self, operation: &Json, headers: &mut Vec<(String, Text)>, query: &mut Vec<Text>) {
        let ways = operation.get("security").or_else(|| self.document.get("security")).and_then(Json::as_array);
        let Some(way) = ways.and_then(|ways| ways.first()).and_then(Json::as_object) else { return };
        for name in way.keys() {
            let Some(scheme) =
                self.document.pointer("/components/securitySchemes").and_then(|schemes| schemes.get(name))
            else {
                self.notes.push(format!("the security scheme `{name}` is not described"));
                continue;
            };
            let scheme = resolved(self.document, scheme);
            let text = |key: &str| scheme.get(key).and_then(Json::as_str).unwrap_or_default();
            let variable = secrets::variable(name);
            let value = Text::asked(&variable, None);
            match (text("type"), text("scheme").to_ascii_lowercase().as_str(), text("in")) {
                ("http", "basic", _) => headers.push(("Authorization".to_owned(), Text::plain("Basic ").then(value))),
                ("http", _, _) | ("oauth2" | "openIdConnect", ..) => {
                    headers.push(("Authorization".to_owned(), Text::plain("Bearer ").then(value)));
                }
                ("apiKey", _, "header") => headers.push((text("name").to_owned(), value)),
                ("apiKey", _, "query") => query.push(Text::plain(format!("{}=", text("name"))).then(value)),
                ("apiKey", _, "cookie") => {
                    headers.push(("Cookie".to_owned(), Text::plain(format!("{}=", text("name"))).then(value)));
                }
                (kind, ..) => {
                    self.notes.push(format!("the security scheme `{name}` ({kind}) is left to you"));
                    continue;
                }
            }
            self.asked.push(variable);
        }
    }

    fn body(&mut self, operation: &Json, headers: &mut Vec<(String, Text)>) -> Body {
        let Some(body) = operation.get("requestBody").map(|body| resolved(self.document, body)) else {
            return Body::None;
        };
        let Some(content) = body.get("content").and_then(Json::as_object) else { return Body::None };
        let json = content.iter().find(|(kind, _)| kind.contains("json"));
        let Some((kind, media)) = json.or_else(|| content.iter().next()) else { return Body::None };
        let example = example(self.document, media);
        if kind.contains("json") {
            if kind != "application/json" {
                headers.push(("content-type".to_owned(), Text::plain(kind)));
            }
            return Body::Json(secrets::json(&example, "", &mut self.asked));
        }
        if kind.starts_with("application/x-www-form-urlencoded") {
            headers.push(("content-type".to_owned(), Text::plain(kind)));
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in example.as_object().into_iter().flatten() {
                form.append_pair(name, &plain(value));
            }
            return Body::Text(secrets::pairs(&form.finish(), &mut self.asked));
        }
        if kind.starts_with("multipart/") {
            let what = operation.get("operationId").and_then(Json::as_str).unwrap_or("an operation");
            self.notes.push(format!("`{what}` sends {kind}: write its parts by `multipart:`"));
            return Body::None;
        }
        headers.push(("content-type".to_owned(), Text::plain(kind)));
        Body::Text(Text::plain(plain(&example)))
    }
}

/// A path with its parameters put in; one that is not described has a variable too.
fn filled(path: &str, replaced: &[(String, Text)]) -> Text {
    let text_of = |plain: &str| Text::plain(plain.replace(' ', "%20"));
    let mut text = Text::default();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        let known = replaced.iter().find(|(parameter, _)| parameter[1..parameter.len() - 1] == *name);
        let value = known.map(|(_, value)| value.clone());
        let value = value.unwrap_or_else(|| Text::asked(secrets::variable(name), Some("1".to_owned())));
        text = text.then(text_of(before)).then(value);
        rest = behind;
    }
    text.then(text_of(rest))
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The statuses below 400 that are described.
fn statuses(operation: &Json) -> Vec<u16> {
    let described = operation.get("responses").and_then(Json::as_object);
    let codes = described.into_iter().flat_map(|responses| responses.keys());
    let mut statuses: Vec<u16> =
        codes.filter_map(|code| code.parse().ok()).filter(|status| (200..400).contains(status)).collect();
    statuses.sort_unstable();
    statuses
}
