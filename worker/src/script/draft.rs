//! A request with holes, and how it is filled in.

use dlt_model::program::Version;
use url::form_urlencoded;

use super::{
    functions::url_encoded,
    value::{Scope, Text},
};
use crate::request::Target;

/// A request with holes.
pub struct Draft {
    pub method: String,
    pub url: Text,
    /// Added to the URL's query.
    pub query: Vec<(String, Text)>,
    pub headers: Vec<(String, Text)>,
    pub body: Content,
    /// Which version of HTTP, unless the client's.
    pub version: Option<Version>,
}

/// What is sent.
pub enum Content {
    Bytes(Vec<u8>),
    Text(Text),
    Form(Vec<(String, Text)>),
    Multipart { boundary: String, parts: Vec<Part> },
}

/// A part of a multipart body: its head as it is sent, and what it holds.
pub struct Part {
    pub head: String,
    pub content: PartContent,
}

/// What a part holds.
pub enum PartContent {
    Text(Text),
    Bytes(Vec<u8>),
}

impl Draft {
    /// Whether nothing in it ever changes.
    pub fn is_fixed(&self) -> bool {
        let fixed = |pairs: &[(String, Text)]| pairs.iter().all(|(_, text)| text.as_literal().is_some());
        let body = match &self.body {
            Content::Bytes(_) => true,
            Content::Text(text) => text.as_literal().is_some(),
            Content::Form(fields) => fixed(fields),
            Content::Multipart { parts, .. } => parts.iter().all(|part| match &part.content {
                PartContent::Text(text) => text.as_literal().is_some(),
                PartContent::Bytes(_) => true,
            }),
        };
        self.url.as_literal().is_some() && fixed(&self.query) && fixed(&self.headers) && body
    }

    /// The request as it is now, with these headers more.
    ///
    /// # Errors
    /// Says what cannot be sent.
    pub fn fill(&self, scope: &mut Scope<'_>, more: Vec<(String, String)>) -> Result<Target, String> {
        let mut url = self.url.get(scope);
        if !self.query.is_empty() {
            url = with_query(&url, &self.query, scope);
        }
        let mut headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.clone(), value.get(scope))).collect();
        headers.extend(more);
        let target = Target::new(&self.method, &url, headers, self.body.fill(scope))?;
        Ok(Target { version: self.version, ..target })
    }
}

/// The query goes before the fragment, behind a query that is there already.
fn with_query(url: &str, query: &[(String, Text)], scope: &mut Scope<'_>) -> String {
    let (front, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let mut whole = front.to_owned();
    let mut separator = match front.rsplit_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, before)) if before.ends_with('&') => "",
        Some(_) => "&",
    };
    for (name, value) in query {
        whole.push_str(separator);
        whole.push_str(&url_encoded(name));
        whole.push('=');
        whole.push_str(&url_encoded(&value.get(scope)));
        separator = "&";
    }
    whole + fragment
}

impl Content {
    fn fill(&self, scope: &mut Scope<'_>) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Text(text) => text.get(scope).into_bytes(),
            Self::Form(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, &value.get(scope));
                }
                form.finish().into_bytes()
            }
            Self::Multipart { boundary, parts } => {
                let mut body = Vec::new();
                for part in parts {
                    body.extend_from_slice(format!("--{boundary}\r\n{}\r\n", part.head).as_bytes());
                    match &part.content {
                        PartContent::Text(text) => body.extend_from_slice(text.get(scope).as_bytes()),
                        PartContent::Bytes(bytes) => body.extend_from_slice(bytes),
                    }
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
                body
            }
        }
    }
}

impl Part {
    /// Names are written as browsers write them: quotes and line ends percent-encoded.
    pub fn head_of(name: &str, file_name: Option<&str>, content_type: Option<&str>) -> String {
        let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(name));
        if let Some(file_name) = file_name {
            head.push_str(&format!("; filename=\"{}\"", quoted(file_name)));
        }
        head.push_str("\r\n");
        let usual = file_name.map(|_| "application/octet-stream");
        if let Some(content_type) = content_type.or(usual) {
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;
    use crate::script::value::Value;

    fn text(text: &str) -> Text {
        Text::of([Value::Literal(text.into())])
    }

    fn filled(draft: &Draft) -> Target {
        let mut random = SmallRng::seed_from_u64(0);
        let mut scope = Scope { variables: &[], random: &mut random, user: 1, iteration: 0, worker: 0 };
        draft.fill(&mut scope, vec![("X".to_owned(), "y".to_owned())]).expect("valid")
    }

    fn draft(url: &str, body: Content) -> Draft {
        let query = vec![("a b".to_owned(), text("c&d")), ("e".to_owned(), text("ü"))];
        Draft { method: "POST".to_owned(), url: text(url), query, headers: Vec::new(), body, version: None }
    }

    #[test]
    fn queries_are_encoded_and_join_what_the_url_has() {
        for (url, expected) in [
            ("http://a.test/x", "http://a.test/x?a%20b=c%26d&e=%C3%BC"),
            ("http://a.test/x?f=g#h", "http://a.test/x?f=g&a%20b=c%26d&e=%C3%BC#h"),
            ("http://a.test/x?", "http://a.test/x?a%20b=c%26d&e=%C3%BC"),
        ] {
            let target = filled(&draft(url, Content::Bytes(vec![0, 255])));
            assert_eq!((target.url.as_str(), &*target.body), (expected, &[0, 255][..]));
            assert_eq!(target.headers, [("X".to_owned(), "y".to_owned())]);
        }
    }

    #[test]
    fn forms_are_encoded_as_browsers_encode_them() {
        let fields = vec![("a b".to_owned(), text("c&d")), ("e".to_owned(), text("ü+"))];
        assert_eq!(filled(&draft("http://a.test/", Content::Form(fields))).body, b"a+b=c%26d&e=%C3%BC%2B");
        let parts = vec![
            Part { head: Part::head_of("a\"b", None, None), content: PartContent::Text(text("one")) },
            Part { head: Part::head_of("f", Some("x.bin"), None), content: PartContent::Bytes(vec![7]) },
        ];
        let body = filled(&draft("http://a.test/", Content::Multipart { boundary: "B".to_owned(), parts })).body;
        let expected = "--B\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\none\r\n--B\r\n\
            Content-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n\
            \u{7}\r\n--B--\r\n";
        assert_eq!(String::from_utf8(body).expect("text"), expected);
    }
}
