//! What the functions of `{{ … }}` do.

use std::fmt::Write as _;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use dlt_model::expression::Function;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, fmt::strtime, tz::TimeZone};
use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand::{Rng, RngCore, distr::Alphanumeric};
use sha2::{Digest, Sha256};

use super::value::Scope;
use crate::clock::epoch_ms;

/// How long a random text may be.
const MAX_RANDOM_CHARACTERS: usize = 65_536;
/// What need not be encoded in a URL (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whether the function gives the same for the same arguments, whoever asks and when.
pub fn is_pure(function: Function) -> bool {
    use Function as F;
    !matches!(
        function,
        F::Uuid | F::Random | F::RandomString | F::Pick | F::Time | F::TimeMs | F::Vu | F::Iteration | F::Worker
    )
}

/// Whether the function can do something with arguments that are known beforehand; `None` for one that is not.
///
/// # Errors
/// Says what was expected.
pub fn check(function: Function, arguments: &[Option<&str>]) -> Result<(), String> {
    let name = function.name();
    let number = |text: &str| match text.trim().parse::<f64>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{name}` takes numbers, found `{text}`")),
    };
    match (function, arguments) {
        (Function::Random | Function::Add, arguments) => arguments.iter().flatten().try_for_each(|text| number(text)),
        (Function::RandomString, [Some(text)]) => match text.trim().parse::<usize>() {
            Ok(length) if length <= MAX_RANDOM_CHARACTERS => Ok(()),
            _ => Err(format!("`{name}` takes a number up to {MAX_RANDOM_CHARACTERS}, found `{text}`")),
        },
        (Function::Time, [Some(format)]) => {
            now(format).map(drop).map_err(|error| format!("`{format}` is no format of a time: {error}"))
        }
        (Function::Base64Decode, [Some(text)]) => match STANDARD.decode(text.trim()) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("`{name}`: {error}")),
        },
        _ => Ok(()),
    }
}

/// Writes what the function makes of its arguments; nothing when it can make nothing of them.
pub fn call(function: Function, arguments: &[String], scope: &mut Scope<'_>, out: &mut String) {
    let first = arguments.first().map_or("", String::as_str);
    let second = arguments.get(1).map_or("", String::as_str);
    match function {
        Function::Uuid => uuid(scope, out),
        Function::Random => random(first, second, scope, out),
        Function::RandomString => {
            let length = first.trim().parse().unwrap_or(0).min(MAX_RANDOM_CHARACTERS);
            out.extend((&mut *scope.random).sample_iter(Alphanumeric).take(length).map(char::from));
        }
        Function::Pick => {
            out.push_str(arguments.get(scope.random.random_range(0..arguments.len().max(1))).map_or("", |one| one));
        }
        Function::Time if arguments.is_empty() => write(out, epoch_ms() / 1_000),
        Function::Time => out.push_str(&now(first).unwrap_or_default()),
        Function::TimeMs => write(out, epoch_ms()),
        Function::Vu => write(out, scope.user),
        Function::Iteration => write(out, scope.iteration),
        Function::Worker => write(out, scope.worker),
        pure => out.push_str(&derived(pure, arguments, first, second)),
    }
}

/// What a function gives that looks at its arguments only.
fn derived(function: Function, arguments: &[String], first: &str, second: &str) -> String {
    match function {
        Function::Base64 => STANDARD.encode(first),
        Function::Base64Url => URL_SAFE_NO_PAD.encode(first),
        Function::Base64Decode => {
            STANDARD.decode(first.trim()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        }
        Function::Sha256 => hexadecimal(&Sha256::digest(first)),
        Function::Md5 => hexadecimal(&Md5::digest(first)),
        Function::HmacSha256 => hexadecimal(&hmac_sha256(first.as_bytes(), second.as_bytes())),
        Function::HmacSha256Base64 => STANDARD.encode(hmac_sha256(first.as_bytes(), second.as_bytes())),
        Function::UrlEncode => url_encoded(first),
        Function::JsonEscape => {
            let quoted = serde_json::to_string(first).unwrap_or_default();
            quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
        }
        Function::Upper => first.to_uppercase(),
        Function::Lower => first.to_lowercase(),
        Function::Length => first.chars().count().to_string(),
        Function::Add => sum(arguments),
        // The others are not pure, and `env` is looked up when the program is compiled.
        _ => String::new(),
    }
}

/// Percent-encoded for a URL.
pub fn url_encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn write(out: &mut String, number: impl std::fmt::Display) {
    let _ = write!(out, "{number}");
}

fn now(format: &str) -> Result<String, jiff::Error> {
    strtime::format(format, &Timestamp::now().to_zoned(TimeZone::UTC))
}

fn uuid(scope: &mut Scope<'_>, out: &mut String) {
    let mut bytes = [0; 16];
    scope.random.fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    for (number, byte) in bytes.into_iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
}

fn random(low: &str, high: &str, scope: &mut Scope<'_>, out: &mut String) {
    let (Ok(low), Ok(high)) = (low.trim().parse::<i64>(), high.trim().parse::<i64>()) else { return };
    write(out, scope.random.random_range(low.min(high)..=low.max(high)));
}

/// Whole as long as every part is; what is no number counts as nothing.
fn sum(parts: &[String]) -> String {
    let whole: Option<Vec<i64>> = parts.iter().map(|part| part.trim().parse().ok()).collect();
    let sum = whole.and_then(|parts| parts.into_iter().try_fold(0_i64, i64::checked_add));
    match sum {
        Some(sum) => sum.to_string(),
        None => parts.iter().filter_map(|part| part.trim().parse::<f64>().ok()).sum::<f64>().to_string(),
    }
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    fn called(function: Function, arguments: &[&str]) -> String {
        let mut random = SmallRng::seed_from_u64(7);
        let mut scope = Scope { variables: &[], random: &mut random, user: 3, iteration: 4, worker: 5 };
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let mut out = String::new();
        call(function, &arguments, &mut scope, &mut out);
        out
    }

    #[test]
    fn digests_and_codes_are_those_that_everybody_knows() {
        for (function, arguments, expected) in [
            (Function::Sha256, &["abc"][..], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (Function::Md5, &["abc"], "900150983cd24fb0d6963f7d28e17f72"),
            // RFC 4231, test case 2.
            (
                Function::HmacSha256,
                &["Jefe", "what do ya want for nothing?"],
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                Function::HmacSha256Base64,
                &["Jefe", "what do ya want for nothing?"],
                "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
            ),
            (Function::Base64, &["a?>"], "YT8+"),
            (Function::Base64Url, &["a?>b"], "YT8-Yg"),
            (Function::Base64Decode, &["YT8+"], "a?>"),
            (Function::UrlEncode, &["a b/ü~"], "a%20b%2F%C3%BC~"),
            (Function::JsonEscape, &["a\"\n"], "a\\\"\\n"),
            (Function::Upper, &["aü"], "AÜ"),
            (Function::Lower, &["AÜ"], "aü"),
            (Function::Length, &["aü"], "2"),
            (Function::Add, &["1", "2", "39"], "42"),
            (Function::Add, &["1", "0.5"], "1.5"),
            (Function::Vu, &[], "3"),
            (Function::Iteration, &[], "4"),
            (Function::Worker, &[], "5"),
        ] {
            assert_eq!(called(function, arguments), expected, "{}", function.name());
        }
    }

    #[test]
    fn chance_stays_within_its_bounds() {
        let uuid = called(Function::Uuid, &[]);
        assert_eq!((uuid.len(), &uuid[14..15], uuid.matches('-').count()), (36, "4", 4));
        for _ in 0..50 {
            let number: i64 = called(Function::Random, &["-2", "2"]).parse().expect("a number");
            assert!((-2..=2).contains(&number));
        }
        assert_eq!(called(Function::RandomString, &["12"]).len(), 12);
        assert!(["a", "b"].contains(&called(Function::Pick, &["a", "b"]).as_str()));
    }

    #[test]
    fn times_are_formatted_and_formats_are_checked() {
        assert_eq!(called(Function::Time, &["%Y-%m-%dT%H:%M:%SZ"]).len(), 20);
        assert_eq!(called(Function::Time, &[]).len(), 10);
        assert_eq!(called(Function::TimeMs, &[]).len(), 13);
        assert!(check(Function::Time, &[Some("%Q%!")]).is_err());
        assert!(check(Function::Random, &[Some("a"), None]).is_err());
        assert!(check(Function::Random, &[None, Some("3")]).is_ok());
    }
}
