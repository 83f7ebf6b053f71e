//! What a request sends: `body`, `body-file` and `upload-files`.

use super::reader::{Reader, join, present};
use crate::{
    document::{Node, Value},
    program::{Body, Part as FilePart, PartContent},
    scenario::limits::MAX_BODY_BYTES,
    template::{Part, Template},
};

/// Bytes of all files that one request sends.
const MAX_UPLOAD_BYTES: usize = 4 * 1024 * 1024;
/// Methods whose parameters JMeter puts into the URL.
const IN_THE_URL: [&str; 2] = ["GET", "DELETE"];

/// What is sent, and parameters that go into the URL instead.
#[derive(Default)]
pub(super) struct Sent {
    pub body: Body,
    pub query: Vec<(String, Template)>,
    /// The type to say unless a header does.
    pub content_type: Option<&'static str>,
}

impl Reader<'_> {
    pub(super) fn sent(&mut self, node: &Node, path: &str, method: &str, headers: &[(String, Template)]) -> Sent {
        let body = present(node, "body");
        let uploads = present(node, "upload-files");
        if let Some(file) = present(node, "body-file") {
            let path = join(path, "body-file");
            if body.is_some() || uploads.is_some() {
                self.reject(file, &path, "give only one of `body`, `body-file` and `upload-files`");
            }
            return Sent { body: self.body_file(file, &path), ..Sent::default() };
        }
        if let Some(uploads) = uploads {
            let body = self.multipart(uploads, &join(path, "upload-files"), body, &join(path, "body"));
            return Sent { body, ..Sent::default() };
        }
        let Some(body) = body else { return Sent::default() };
        let path = join(path, "body");
        if body.text().is_some() {
            let text = self.template(body, &path).unwrap_or_default();
            self.bounded(body, &path, &text);
            return Sent { body: Body::Text(text), ..Sent::default() };
        }
        let json = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type")
                && value.as_literal().is_some_and(|value| value.to_ascii_lowercase().contains("json"))
        });
        match self.fields_of(body, &path).filter(|_| !json) {
            Some(fields) if IN_THE_URL.contains(&method) => Sent { query: fields, ..Sent::default() },
            Some(fields) => Sent { body: Body::Form(fields), ..Sent::default() },
            None => {
                let text = self.json(body, &path);
                self.bounded(body, &path, &text);
                Sent { body: Body::Text(text), content_type: Some("application/json"), ..Sent::default() }
            }
        }
    }

    /// The fields of a flat mapping; `None` for what can only be JSON.
    fn fields_of(&mut self, body: &Node, path: &str) -> Option<Vec<(String, Template)>> {
        let flat = matches!(body.value, Value::Mapping(_)) && body.entries().iter().all(|(_, it)| it.text().is_some());
        flat.then(|| {
            let entries = body.entries().iter();
            entries
                .map(|(key, value)| {
                    let template = self.template(value, &join(path, &key.text));
                    (key.text.clone(), template.unwrap_or_default())
                })
                .collect()
        })
    }

    /// JSON, written out, with holes where its texts have them.
    fn json(&mut self, node: &Node, path: &str) -> Template {
        let mut parts = Vec::new();
        self.write_json(node, path, &mut parts);
        Template::of_parts(parts)
    }

    fn write_json(&mut self, node: &Node, path: &str, parts: &mut Vec<Part>) {
        let plain = |text: &str| Part::Text(text.to_owned());
        match &node.value {
            Value::Scalar { text, .. } if text.contains("${") => {
                let template = self.template(node, path).unwrap_or_default();
                parts.push(plain("\""));
                for part in template.parts() {
                    parts.push(match part {
                        Part::Text(text) => {
                            let quoted = serde_json::Value::String(text.clone()).to_string();
                            plain(&quoted[1..quoted.len() - 1])
                        }
                        hole => hole.clone(),
                    });
                }
                parts.push(plain("\""));
            }
            Value::Scalar { .. } => parts.push(Part::Text(crate::scenario::body::to_json(node).to_string())),
            Value::Sequence(items) => {
                parts.push(plain("["));
                for (index, item) in items.iter().enumerate() {
                    parts.push(plain(if index > 0 { "," } else { "" }));
                    self.write_json(item, &format!("{path}[{index}]"), parts);
                }
                parts.push(plain("]"));
            }
            Value::Mapping(entries) => {
                parts.push(plain("{"));
                for (index, (key, value)) in entries.iter().enumerate() {
                    let name = serde_json::Value::String(key.text.clone());
                    parts.push(Part::Text(format!("{}{name}:", if index > 0 { "," } else { "" })));
                    self.write_json(value, &join(path, &key.text), parts);
                }
                parts.push(plain("}"));
            }
        }
    }

    fn bounded(&mut self, node: &Node, path: &str, text: &Template) {
        let bytes: usize =
            text.parts().iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum();
        if bytes > MAX_BODY_BYTES {
            self.reject(node, path, format!("expected a body of at most {MAX_BODY_BYTES} bytes, found {bytes}"));
        }
    }

    /// A file as it is, with its holes filled as JMeter does; what is no text stays bytes.
    fn body_file(&mut self, file: &Node, path: &str) -> Body {
        let Some(name) = self.check(file, path, |text| Ok(text.to_owned())) else { return Body::None };
        let bytes = match self.file(&name) {
            Ok(bytes) if bytes.len() <= MAX_UPLOAD_BYTES => bytes,
            Ok(bytes) => {
                let why = format!("expected a file of at most {MAX_UPLOAD_BYTES} bytes, found {}", bytes.len());
                self.reject(file, path, why);
                return Body::None;
            }
            Err(why) => {
                self.reject(file, path, why);
                return Body::None;
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => {
                let node = Node { value: Value::Scalar { text, plain: false }, ..file.clone() };
                Body::Text(self.template(&node, path).unwrap_or_default())
            }
            Err(binary) => Body::Bytes(binary.into_bytes()),
        }
    }

    fn multipart(&mut self, uploads: &Node, path: &str, body: Option<&Node>, path_of_body: &str) -> Body {
        let mut parts = Vec::new();
        if let Some(body) = body {
            match self.fields_of(body, path_of_body) {
                Some(fields) => parts.extend(fields.into_iter().map(|(name, text)| FilePart {
                    name,
                    file_name: None,
                    content_type: None,
                    content: PartContent::Text(text),
                })),
                None => self.reject(body, path_of_body, "files are sent with flat fields: expected names and texts"),
            }
        }
        let mut left = MAX_UPLOAD_BYTES;
        for (index, item) in self.list(uploads, path).iter().enumerate() {
            let path = format!("{path}[{index}]");
            if !self.is_object(item, &path) {
                continue;
            }
            self.warn_unknown_keys(item, &path, &["param", "path", "mime-type"]);
            let name = self.required(item, &path, "param", |text| Ok(text.to_owned()));
            let file = self.required(item, &path, "path", |text| Ok(text.to_owned()));
            let content_type = self.optional(item, &path, "mime-type", |text| Ok(text.to_owned()));
            let (Some(name), Some(file)) = (name, file) else { continue };
            match self.file(&file) {
                Ok(bytes) if bytes.len() <= left => {
                    left -= bytes.len();
                    let shown = file.rsplit('/').next().unwrap_or(&file).to_owned();
                    let content_type = content_type.or_else(|| Some("application/octet-stream".to_owned()));
                    parts.push(FilePart {
                        name,
                        file_name: Some(shown),
                        content_type,
                        content: PartContent::Bytes(bytes),
                    });
                }
                Ok(_) => self.reject(item, &path, format!("a request sends at most {MAX_UPLOAD_BYTES} bytes of files")),
                Err(why) => self.reject(item, &path, why),
            }
        }
        Body::Multipart(parts)
    }
}
