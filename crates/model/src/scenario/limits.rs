//! How much of everything a scenario may have. The numbers are AWS DLT's own where it has one.

use crate::duration::Duration;

/// Requests of one scenario.
pub const MAX_REQUESTS: usize = 100;
/// Characters of a URL.
pub const MAX_URL_LENGTH: usize = 2_048;
/// Bytes of a request's body.
pub const MAX_BODY_BYTES: usize = 65_536;
/// Virtual users of one worker.
pub const MAX_VIRTUAL_USERS_PER_WORKER: u64 = 25_000;
/// Workers of one scenario over all regions. AWS DLT leaves this to the account's quota; a bound guards against slips.
pub const MAX_WORKERS: u32 = 10_000;
/// Characters of a name, at least.
pub const MIN_NAME_LENGTH: usize = 3;
/// Characters of a name, at most.
pub const MAX_NAME_LENGTH: usize = 255;
/// Characters of a description.
pub const MAX_DESCRIPTION_LENGTH: usize = 60_000;
/// Tags of one scenario.
pub const MAX_TAGS: usize = 5;
/// Characters of a tag.
pub const MAX_TAG_LENGTH: usize = 50;
/// Ramp-up and hold-for, each: 30 days.
pub const MAX_STAGE_MS: u64 = 30 * 24 * 3_600_000;

/// Executions of one scenario.
pub const MAX_EXECUTIONS: usize = 50;
/// Stages of one execution.
pub const MAX_STAGES: usize = 1_000;
/// Iterations of one execution.
pub const MAX_ITERATIONS: u64 = 1_000_000_000_000;
/// Flows of one scenario.
pub const MAX_FLOWS: usize = 100;
/// Steps of one scenario over all flows, those that hold others included.
pub const MAX_STEPS: usize = 1_000;
/// Turns that `loop` and `while` may take.
pub const MAX_TURNS: u64 = 1_000_000;
/// Redirects that may be followed.
pub const MAX_REDIRECTS: u64 = 50;
/// Variables, secrets, headers, checks, extractions, or metrics' tags: each list of names.
pub const MAX_NAMES: usize = 200;
/// Rows of data of one scenario.
pub const MAX_ROWS: usize = 1_000_000;
/// Characters of the name of a flow, an execution, a group, a check or a metric.
pub const MAX_KEY_LENGTH: usize = 200;

/// The methods a request may have.
pub const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// A name as it is, or what is wrong with it.
pub(super) fn name(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if !(MIN_NAME_LENGTH..=MAX_NAME_LENGTH).contains(&length) {
        return Err(format!("expected {MIN_NAME_LENGTH} to {MAX_NAME_LENGTH} characters, found {length}"));
    }
    if text.trim() != text {
        return Err("must not begin or end with a space".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// The name of a flow, an execution, a group, a check or a metric, or what is wrong with it.
pub(super) fn key(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=MAX_KEY_LENGTH).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("expected a name of 1 to {MAX_KEY_LENGTH} characters without control characters"))
}

/// A description as it is, or what is wrong with it.
pub(super) fn description(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if length > MAX_DESCRIPTION_LENGTH {
        return Err(format!("expected at most {MAX_DESCRIPTION_LENGTH} characters, found {length}"));
    }
    Ok(text.to_owned())
}

/// A method in upper case, or what is wrong with it.
pub(super) fn method(text: &str) -> Result<String, String> {
    let method = text.to_ascii_uppercase();
    if METHODS.contains(&method.as_str()) {
        return Ok(method);
    }
    Err(format!("`{}` is not a method; expected one of {}", shown(text), METHODS.join(", ")))
}

/// An absolute URL as it is, or what is wrong with it.
pub(super) fn url(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if length > MAX_URL_LENGTH {
        return Err(format!("expected a URL of at most {MAX_URL_LENGTH} characters, found {length}"));
    }
    if text.chars().any(|c| c.is_control() || c == ' ') {
        return Err("a URL must not contain spaces or control characters; write %20".to_owned());
    }
    if text.contains("${__") {
        return Err("JMeter's functions (`${__…}`) cannot be run by this release".to_owned());
    }
    let url = url::Url::parse(text).map_err(|error| format!("`{}` is not an absolute URL: {error}", shown(text)))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("expected an http or https URL, found `{}:`", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL must not carry a user name or password; send an authorization header".to_owned());
    }
    Ok(text.to_owned())
}

/// What is wrong with a header, if anything.
pub(super) fn header(name: &str, value: &str) -> Result<(), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("`{}` is not the name of a header", shown(name)));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err("the value of a header must not contain line ends or other control characters".to_owned());
    }
    if value.contains("${__") {
        return Err("JMeter's functions (`${__…}`) cannot be run by this release".to_owned());
    }
    Ok(())
}

/// A body as it is, or what is wrong with it.
pub(super) fn body(text: &str) -> Result<String, String> {
    if text.len() > MAX_BODY_BYTES {
        return Err(format!("expected a body of at most {MAX_BODY_BYTES} bytes, found {}", text.len()));
    }
    if text.contains("${__") {
        return Err("JMeter's functions (`${__…}`) cannot be run by this release".to_owned());
    }
    Ok(text.to_owned())
}

/// A whole number between two bounds, or what is wrong with it.
pub(super) fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && (least..=most).contains(&number) => Ok(number),
        _ if digits => Err(format!("expected a number from {least} to {most}, found {}", shown(text))),
        _ => Err(format!("expected a whole number from {least} to {most}, found `{}`", shown(text))),
    }
}

/// A ramp-up, a hold-for, a timeout or a pause within its bounds.
pub(super) fn stage(text: &str) -> Result<Duration, String> {
    let span: Duration = text.parse().map_err(|error: crate::duration::InvalidDuration| error.to_string())?;
    if span.as_millis() > MAX_STAGE_MS { Err("must not be longer than 30 days".to_owned()) } else { Ok(span) }
}

/// As [`stage`], and more than nothing.
pub(super) fn longer_than_nothing(text: &str) -> Result<Duration, String> {
    let span = stage(text)?;
    if span.is_zero() { Err("must be longer than 0s".to_owned()) } else { Ok(span) }
}

/// Which statuses are a success: `201`, or a class such as `2xx`.
pub(super) fn statuses(text: &str) -> Result<Vec<u16>, String> {
    let class =
        text.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok()).filter(|class| (1..=5).contains(class));
    if let Some(class) = class {
        return Ok((class * 100..class * 100 + 100).collect());
    }
    match number(text, 100, 599) {
        Ok(status) => Ok(vec![u16::try_from(status).expect("at most 599")]),
        Err(_) => Err(format!("`{}` is not a status; expected one like 200, or a class like 2xx", shown(text))),
    }
}

/// A tag as it is stored: lower case, words joined by hyphens.
pub(super) fn tag(text: &str) -> Result<String, String> {
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let tag = words.join("-");
    let length = tag.chars().count();
    if (1..=MAX_TAG_LENGTH).contains(&length) {
        Ok(tag)
    } else {
        Err(format!("expected a tag of 1 to {MAX_TAG_LENGTH} letters, digits and hyphens, found `{}`", shown(text)))
    }
}

/// As much of a text as a message needs, on one line.
fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut short: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
