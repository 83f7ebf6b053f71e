//! A curl command as a scenario of its requests.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Imported,
    draft::{Body, Draft, Request, Text},
    secrets, shell,
};

/// Flags without a value that change nothing about a request here.
const SILENT: [&str; 22] = [
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-i",
    "--include",
    "-f",
    "--fail",
    "--fail-with-body",
    "-g",
    "--globoff",
    "-N",
    "--no-buffer",
    "-#",
    "--progress-bar",
    "--http1.1",
    "--compressed-ssh",
    "--no-progress-meter",
    "--path-as-is",
    "--tcp-nodelay",
];
/// Flags with a value that change nothing about a request here.
const SILENT_WITH_VALUE: [&str; 8] =
    ["-o", "--output", "-w", "--write-out", "--retry", "--retry-delay", "-c", "--cookie-jar"];

/// What a command says about all of its requests.
#[derive(Default)]
struct Command {
    urls: Vec<String>,
    method: Option<String>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    json: bool,
    parts: Vec<(String, String)>,
    user: Option<String>,
    cookie: Option<String>,
    in_the_url: bool,
    head: bool,
    follows: bool,
    compressed: bool,
    notes: Vec<String>,
}

/// Reads one command.
///
/// # Errors
/// Everything that is not understood, by its name.
pub fn import(command: &str) -> Result<Imported, Vec<String>> {
    let words = shell::words(command.trim().trim_start_matches("$ ")).map_err(|why| vec![why])?;
    let words = match words.split_first() {
        Some((first, rest)) if first == "curl" || first.ends_with("/curl") || first == "curl.exe" => rest,
        _ => return Err(vec!["expected a command that begins with `curl`".to_owned()]),
    };
    let mut read = Command::default();
    let mut problems = read.words(words);
    if read.urls.is_empty() && problems.is_empty() {
        problems.push("the command names no URL".to_owned());
    }
    if !read.data.is_empty() && !read.parts.is_empty() {
        problems.push("`-d` and `-F` cannot be sent together".to_owned());
    }
    let urls: Vec<url::Url> = read
        .urls
        .iter()
        .filter_map(|text| {
            match url::Url::parse(&if text.contains("://") { text.clone() } else { format!("http://{text}") }) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
                Ok(url) => {
                    problems.push(format!("`{}:` is not spoken here, only http and https", url.scheme()));
                    None
                }
                Err(error) => {
                    problems.push(format!("`{text}` is not a URL: {error}"));
                    None
                }
            }
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(read.imported(&urls))
}

impl Command {
    /// Takes in all words; the answer is what was not understood.
    fn words(&mut self, words: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut queue: std::collections::VecDeque<String> = words.iter().cloned().collect();
        while let Some(word) = queue.pop_front() {
            if !word.starts_with('-') || word == "-" {
                self.urls.push(word);
                continue;
            }
            // `--flag=value` and `-Xvalue` are two words in one; `-sS` are two flags.
            let (flag, attached) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ if !word.starts_with("--") && word.chars().count() > 2 => {
                    let (flag, rest) = word.split_at(1 + word[1..].chars().next().map_or(0, char::len_utf8));
                    if takes_value(flag) {
                        (flag.to_owned(), Some(rest.to_owned()))
                    } else {
                        queue.push_front(format!("-{rest}"));
                        (flag.to_owned(), None)
                    }
                }
                _ => (word.clone(), None),
            };
            if takes_value(&flag) {
                match attached.or_else(|| queue.pop_front()) {
                    Some(value) => problems.extend(self.with_value(&flag, value).err()),
                    None => problems.push(format!("`{flag}` needs a value")),
                }
            } else if let Err(why) = self.without_value(&flag) {
                problems.push(why);
            }
        }
        problems
    }

    fn without_value(&mut self, flag: &str) -> Result<(), String> {
        match flag {
            "-G" | "--get" => self.in_the_url = true,
            "-I" | "--head" => self.head = true,
            "-L" | "--location" | "--location-trusted" => self.follows = true,
            "--compressed" => self.compressed = true,
            "-k" | "--insecure" => self.notes.push(
                "`-k`: certificates are checked; for a target whose certificate nobody knows, write `http: { tls: { insecure: true } }`"
                    .to_owned(),
            ),
            "--http2" | "--http2-prior-knowledge" => {
                self.notes.push(format!("`{flag}`: say which version of HTTP is spoken by `http: {{ version: \"2\" }}`"));
            }
            silent if SILENT.contains(&silent) => {}
            _ => return Err(format!("`{flag}` is not understood; leave it out, or write what it does into the scenario")),
        }
        Ok(())
    }

    fn with_value(&mut self, flag: &str, value: String) -> Result<(), String> {
        match flag {
            "-X" | "--request" => self.method = Some(value.to_ascii_uppercase()),
            "-H" | "--header" => match value.split_once(':') {
                Some((name, value)) if !value.trim().is_empty() => {
                    self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                // `Name:` takes a header of curl's own away, which we do not send.
                Some(_) => {}
                None => match value.strip_suffix(';') {
                    Some(name) => self.headers.push((name.to_owned(), String::new())),
                    None => return Err(format!("`{value}` is not a header: expected `Name: value`")),
                },
            },
            "-d" | "--data" | "--data-ascii" | "--data-binary" | "--data-raw" | "--json" => {
                if value.starts_with('@') && flag != "--data-raw" {
                    return Err(format!("`{flag} {value}` reads a file; write the body into the scenario by `file:`"));
                }
                self.json |= flag == "--json";
                // Without `--data-binary` and the like, curl drops line ends of files only.
                self.data.push(value);
            }
            "--data-urlencode" => self.data.push(encoded(&value)?),
            "-F" | "--form" | "--form-string" => match value.split_once('=') {
                Some((_, text)) if text.starts_with(['@', '<']) && flag != "--form-string" => {
                    return Err(format!("`{flag} {value}` reads a file; write it into the scenario by `multipart:`"));
                }
                Some((name, text)) => self.parts.push((name.to_owned(), text.to_owned())),
                None => return Err(format!("`{value}` is not a field: expected `name=value`")),
            },
            "-u" | "--user" => self.user = Some(value),
            "-b" | "--cookie" => {
                if !value.contains('=') {
                    return Err(format!("`{flag} {value}` reads a file; give the cookies as `name=value`"));
                }
                self.cookie = Some(value);
            }
            "-A" | "--user-agent" => self.headers.push(("User-Agent".to_owned(), value)),
            "-e" | "--referer" => self.headers.push(("Referer".to_owned(), value)),
            "--oauth2-bearer" => self.headers.push(("Authorization".to_owned(), format!("Bearer {value}"))),
            "--url" => self.urls.push(value),
            "-x" | "--proxy" => {
                self.notes.push("`-x`: write `http: { proxy: … }` if the load, too, is to go by the proxy".to_owned());
            }
            "-m" | "--max-time" | "--connect-timeout" => {
                self.notes.push(format!("`{flag}`: write `defaults: {{ timeout: {value}s }}` for the same limit"));
            }
            _ => {}
        }
        Ok(())
    }

    fn imported(self, urls: &[url::Url]) -> Imported {
        let mut notes = self.notes.clone();
        let sent = self.all_headers();
        if !self.follows {
            notes.push("without `-L` curl follows no redirects; here they are followed".to_owned());
        }
        let mut asked = Vec::new();
        let origin = urls[0].origin().ascii_serialization();
        let mut requests = Vec::new();
        for url in urls {
            let mut url = url.clone();
            let mut headers = Vec::new();
            if !url.username().is_empty() || url.password().is_some() {
                // An http URL can always lose them.
                let _cleared = (url.set_username(""), url.set_password(None));
                let (value, variable) = secrets::header("Authorization", "Basic ");
                headers.push(("Authorization".to_owned(), value));
                asked.extend(variable);
            }
            for (name, value) in &sent {
                let (value, variable) = secrets::header(name, value);
                headers.push((name.clone(), value));
                asked.extend(variable);
            }
            let data = self.data.join("&");
            url.set_fragment(None);
            if self.in_the_url && !data.is_empty() {
                let query = url.query().map(|query| format!("{query}&{data}")).unwrap_or_else(|| data.clone());
                url.set_query(Some(&query));
            }
            let body = self.body(&mut headers, &mut asked);
            let sends = body != Body::None;
            let method = match &self.method {
                Some(method) => method.clone(),
                None if self.head => "HEAD".to_owned(),
                None if sends => "POST".to_owned(),
                None => "GET".to_owned(),
            };
            let whole = url.as_str();
            let path = whole.strip_prefix(&origin).filter(|path| path.starts_with('/')).unwrap_or(whole);
            let text = secrets::url(path, &mut asked);
            requests.push(Request {
                label: format!("{method} {}", url.path()),
                method,
                url: text,
                headers,
                body,
                ..Request::default()
            });
        }
        let name = format!("{} of {}", super::count(requests.len(), "request"), urls[0].host_str().unwrap_or("curl"));
        notes.extend(secrets::note(asked));
        Imported { draft: Draft { name, base_url: Some(origin), requests }, notes }.bounded()
    }

    /// Headers of the command, those of its flags too.
    fn all_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        if let Some(user) = &self.user {
            headers.push(("Authorization".to_owned(), format!("Basic {}", STANDARD.encode(user))));
        }
        headers.extend(self.cookie.iter().map(|cookie| ("Cookie".to_owned(), cookie.clone())));
        if self.compressed {
            headers.push(("Accept-Encoding".to_owned(), "gzip, deflate, br".to_owned()));
        }
        headers
    }

    fn body(&self, headers: &mut Vec<(String, Text)>, asked: &mut Vec<String>) -> Body {
        let has =
            |headers: &[(String, Text)], name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !self.parts.is_empty() {
            // Fields alone need no file; the boundary is ours and stands in no field.
            let mut boundary = "dlt-boundary".to_owned();
            while self.parts.iter().any(|(_, text)| text.contains(&boundary)) {
                boundary.push('x');
            }
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.push(("content-type".to_owned(), Text::plain(format!("multipart/form-data; boundary={boundary}"))));
            let mut body = Text::default();
            for (name, text) in &self.parts {
                let value = if secrets::is_secret(name) {
                    let variable = secrets::variable(name);
                    asked.push(variable.clone());
                    Text::asked(variable, None)
                } else {
                    Text::plain(text)
                };
                let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
                body = body.then(Text::plain(head)).then(value).then(Text::plain("\r\n"));
            }
            return Body::Text(body.then(Text::plain(format!("--{boundary}--\r\n"))));
        }
        if self.in_the_url || self.data.is_empty() {
            return Body::None;
        }
        let data = self.data.join(if self.json { "" } else { "&" });
        if self.json && !has(headers, "accept") {
            headers.push(("accept".to_owned(), Text::plain("application/json")));
        }
        if !has(headers, "content-type") {
            let kind = if self.json { "application/json" } else { "application/x-www-form-urlencoded" };
            headers.push(("content-type".to_owned(), Text::plain(kind)));
        }
        match serde_json::from_str::<serde_json::Value>(&data) {
            Ok(json) if json.is_object() || json.is_array() => Body::Json(secrets::json(&json, "", asked)),
            _ if data.contains('=') && !data.contains(['\n', '<', '{']) => Body::Text(secrets::pairs(&data, asked)),
            _ => Body::Text(Text::plain(data)),
        }
    }
}

fn takes_value(flag: &str) -> bool {
    const WITH_VALUE: [&str; 29] = [
        "-X",
        "--request",
        "-H",
        "--header",
        "-d",
        "--data",
        "--data-ascii",
        "--data-binary",
        "--data-raw",
        "--json",
        "--data-urlencode",
        "-F",
        "--form",
        "--form-string",
        "-u",
        "--user",
        "-b",
        "--cookie",
        "-A",
        "--user-agent",
        "-e",
        "--referer",
        "--oauth2-bearer",
        "--url",
        "-x",
        "--proxy",
        "-m",
        "--max-time",
        "--connect-timeout",
    ];
    WITH_VALUE.contains(&flag) || SILENT_WITH_VALUE.contains(&flag)
}

/// `name=value` with the value percent-encoded.
fn encoded(text: &str) -> Result<String, String> {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    match text.split_once('=') {
        Some(("", value)) => Ok(encode(value)),
        Some((name, value)) => Ok(format!("{name}={}", encode(value))),
        None if text.contains('@') => Err(format!("`--data-urlencode {text}` reads a file; write the value itself")),
        None => Ok(encode(text)),
    }
}
