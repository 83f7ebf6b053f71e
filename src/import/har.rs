//! A HAR, as browsers save what they did, as a scenario of the same requests with the same pauses.

use serde::Deserialize;

use super::{
    Imported, correlate,
    draft::{Body, Draft, Request, Text},
    secrets,
};

/// Shorter gaps are the browser's own.
const SHORTEST_PAUSE_MS: i64 = 200;
/// Longer gaps are a person who was away.
const LONGEST_PAUSE_MS: i64 = 60_000;
/// Headers that the connection or the browser decides on.
const OWN_HEADERS: [&str; 16] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "accept-encoding",
    "upgrade-insecure-requests",
    "priority",
    "dnt",
    "pragma",
    "cache-control",
    "if-none-match",
    "if-modified-since",
    "te",
    "upgrade",
    "proxy-connection",
];
/// What pages embed, by the end of its path.
const STATIC: [&str; 22] = [
    "js",
    "mjs",
    "css",
    "map",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "ico",
    "webp",
    "avif",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "eot",
    "mp4",
    "webm",
    "mp3",
    "wasm",
    "webmanifest",
];

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    started_date_time: String,
    #[serde(default)]
    time: f64,
    request: Asked,
    response: Answer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    #[serde(default)]
    mime_type: String,
    text: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: i64,
    #[serde(default)]
    headers: Vec<Pair>,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    mime_type: String,
    text: Option<String>,
}

/// Reads a HAR; what pages embed is left out unless `all` is wanted.
///
/// # Errors
/// A text that is no HAR, or one without a request.
pub fn import(text: &str, all: bool) -> Result<Imported, Vec<String>> {
    let har: Har = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| vec![format!("this is no HAR: {error}")])?;
    let mut notes = Vec::new();
    let entries = har.log.entries;
    let found = entries.len();
    let (mut embedded, mut foreign, mut broken) = (0, 0, 0);
    let mut kept: Vec<(Entry, url::Url)> = Vec::new();
    for entry in entries {
        match url::Url::parse(&entry.request.url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => foreign += 1,
            Err(_) => foreign += 1,
            Ok(_) if entry.response.status <= 0 => broken += 1,
            Ok(_) if entry.request.method == "OPTIONS" || entry.request.method == "CONNECT" => foreign += 1,
            Ok(url) if !all && is_embedded(&entry, &url) => embedded += 1,
            Ok(url) => kept.push((entry, url)),
        }
    }
    if kept.is_empty() {
        let hint = if embedded > 0 { "; `--all` keeps what pages embed" } else { "" };
        return Err(vec![format!("none of its {found} entries is a request that can be sent{hint}")]);
    }
    let mut note = |number: usize, what: &str| {
        if number > 0 {
            notes.push(format!("{} left out: {what}", super::count(number, "request")));
        }
    };
    note(embedded, "images, scripts, styles and fonts (`--all` keeps them)");
    note(foreign, "no HTTP, or a browser's question before another request");
    note(broken, "never answered");
    Ok(drafted(&kept, notes))
}

fn is_embedded(entry: &Entry, url: &url::Url) -> bool {
    let kind = entry.response.content.as_ref().map_or("", |content| content.mime_type.as_str());
    let by_kind = ["image/", "font/", "audio/", "video/", "text/css"].iter().any(|start| kind.starts_with(start))
        || kind.contains("javascript")
        || kind.contains("font");
    let extension =
        url.path().rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
    entry.request.method == "GET" && (by_kind || extension.is_some_and(|end| STATIC.contains(&end.as_str())))
}

fn drafted(kept: &[(Entry, url::Url)], mut notes: Vec<String>) -> Imported {
    let origins: Vec<String> = kept.iter().map(|(_, url)| url.origin().ascii_serialization()).collect();
    let base = most_frequent(&origins);
    let mut others: Vec<&str> = origins.iter().map(String::as_str).filter(|origin| *origin != base).collect();
    others.sort_unstable();
    others.dedup();
    if !others.is_empty() {
        notes.push(format!(
            "requests go to other hosts too, leave out those that are not yours to load: {}",
            others.join(", ")
        ));
    }
    let mut asked = Vec::new();
    let mut requests: Vec<Request> = Vec::new();
    let mut given: Vec<(String, String, usize)> = Vec::new();
    let mut sets_cookies = false;
    let mut cookies_left_out = false;
    for (number, (entry, url)) in kept.iter().enumerate() {
        let whole = url.as_str().split('#').next().unwrap_or_default();
        let path = whole.strip_prefix(base).filter(|path| path.starts_with('/')).unwrap_or(whole);
        let mut headers = Vec::new();
        for Pair { name, value } in &entry.request.headers {
            let lower = name.to_ascii_lowercase();
            if name.starts_with(':')
                || lower.starts_with("sec-")
                || OWN_HEADERS.contains(&lower.as_str())
                || value.is_empty()
            {
                continue;
            }
            if lower == "cookie" && sets_cookies {
                cookies_left_out = true;
                continue;
            }
            let (value, variable) = secrets::header(name, value);
            asked.extend(variable);
            headers.push((name.clone(), value));
        }
        let mut body =
            entry.request.post_data.as_ref().map(|data| body(data, &mut asked, &mut notes)).unwrap_or_default();
        if body == Body::Text(Text::plain("")) {
            body = Body::None;
        }
        let sent = sent(entry);
        let mut hints: Vec<String> = Vec::new();
        for (value, path, of) in &given {
            let known = hints.len() >= 5;
            if !known && correlate::holds(&sent, value) {
                let label = &requests[*of].label;
                hints.push(format!("sends what `{label}` answered: extract `{path}` there"));
            }
        }
        hints.dedup();
        notes.extend(hints.iter().map(|hint| format!("{} {} {hint}", entry.request.method, url.path())));
        let answer = entry.response.content.as_ref().and_then(|content| content.text.as_deref()).unwrap_or_default();
        let known: Vec<(String, String)> = correlate::values(answer);
        given.extend(
            known
                .into_iter()
                .filter(|(value, _)| !sent.contains(value.as_str()))
                .map(|(value, path)| (value, path, number)),
        );
        sets_cookies |= entry.response.headers.iter().any(|header| header.name.eq_ignore_ascii_case("set-cookie"));
        let status = u16::try_from(entry.response.status).unwrap_or(0);
        requests.push(Request {
            label: format!("{} {}", entry.request.method, url.path()),
            method: entry.request.method.clone(),
            url: secrets::url(path, &mut asked),
            headers,
            body,
            expect: if status >= 400 { vec![status] } else { Vec::new() },
            think_time_ms: kept.get(number + 1).map_or(0, |(next, _)| pause(entry, next)),
            hints,
        });
    }
    if cookies_left_out {
        notes.push("cookies that answers set are left to each user's own jar".to_owned());
    }
    notes.extend(secrets::note(asked));
    let host = url::Url::parse(base).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
    let name = format!("recorded on {}", host.unwrap_or_else(|| "a browser".to_owned()));
    Imported { draft: Draft { name, base_url: Some(base.to_owned()), requests }, notes }.bounded()
}

/// Everything that a request carries, to look for values in.
fn sent(entry: &Entry) -> String {
    let request = &entry.request;
    let mut text = request.url.clone();
    for header in &request.headers {
        text.push('\n');
        text.push_str(&header.value);
    }
    if let Some(data) = &request.post_data {
        text.push('\n');
        text.push_str(data.text.as_deref().unwrap_or_default());
        data.params.iter().for_each(|param| {
            text.push('\n');
            text.push_str(&param.value);
        });
    }
    text
}

fn most_frequent(origins: &[String]) -> &str {
    let count = |origin: &String| origins.iter().filter(|other| *other == origin).count();
    // Of several the first, which a person opened.
    origins.iter().rev().max_by_key(|origin| count(origin)).map_or("", String::as_str)
}

fn body(data: &PostData, asked: &mut Vec<String>, notes: &mut Vec<String>) -> Body {
    if data.mime_type.starts_with("multipart/") {
        notes.push("a multipart body is sent as it was recorded; write `multipart:` to send other files".to_owned());
    }
    if let Some(text) = &data.text {
        if let Ok(json) = serde_json::from_str::<serde_json::Value>(text)
            && (json.is_object() || json.is_array())
        {
            return Body::Json(secrets::json(&json, "", asked));
        }
        if data.mime_type.starts_with("application/x-www-form-urlencoded") {
            return Body::Text(secrets::pairs(text, asked));
        }
        return Body::Text(Text::plain(text));
    }
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for param in &data.params {
        form.append_pair(&param.name, &param.value);
    }
    Body::Text(secrets::pairs(&form.finish(), asked))
}

/// From the end of one request to the start of the next.
fn pause(before: &Entry, next: &Entry) -> u64 {
    let at = |entry: &Entry| entry.started_date_time.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
    let (Ok(from), Ok(to)) = (at(before), at(next)) else { return 0 };
    #[expect(clippy::cast_possible_truncation, reason = "a request takes less than 2^53 milliseconds; floats saturate")]
    let gap = to.saturating_sub(from).saturating_sub(before.time.max(0.0) as i64);
    if gap < SHORTEST_PAUSE_MS { 0 } else { u64::try_from(gap.min(LONGEST_PAUSE_MS) / 100 * 100).unwrap_or(0) }
}
