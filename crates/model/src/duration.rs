//! Spans of time as people write them in scenarios: `1m30s`, `250ms`, `1h`; a bare number counts seconds.

use std::{fmt, iter::Sum, str::FromStr};

use serde::{Deserialize, Serialize, de};

/// The longest span that can be written: 366 days.
pub const MAX_MS: u64 = 366 * 24 * 3_600_000;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A span of time in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of so many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A span of so many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000)
    }

    /// The span in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whether it is no time at all.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

/// Text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {reason}")]
pub struct InvalidDuration {
    text: String,
    reason: String,
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        read(text).map(Self).map_err(|reason| InvalidDuration { text: text.to_owned(), reason })
    }
}

fn read(text: &str) -> Result<u64, String> {
    const EXPECTED: &str = "expected one like `1m30s`, `250ms` or `45` (seconds)";
    if text.starts_with('-') {
        return Err("it must not be negative".to_owned());
    }
    let (mut rest, mut total, mut coarser) = (text, 0_u64, u64::MAX);
    if rest.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    while !rest.is_empty() {
        let number = prefix(rest, |c| c.is_ascii_digit() || c == '.');
        let unit = prefix(&rest[number.len()..], |c| c.is_alphabetic());
        if number.is_empty() || (unit.is_empty() && number.len() < rest.len()) {
            return Err(EXPECTED.to_owned());
        }
        let unit_ms = match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, millis)) => *millis,
            None if unit.is_empty() && number.len() == text.len() => 1_000,
            None if unit.is_empty() => return Err(format!("`{number}` needs a unit: d, h, m, s or ms")),
            None => return Err(format!("`{unit}` is not a unit; expected d, h, m, s or ms")),
        };
        if unit_ms >= coarser {
            return Err("units must go from coarse to fine, each once".to_owned());
        }
        let part = millis(number, unit_ms)?;
        total = total.checked_add(part).filter(|sum| *sum <= MAX_MS).ok_or("it is longer than 366 days")?;
        coarser = unit_ms;
        rest = &rest[number.len() + unit.len()..];
    }
    Ok(total)
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !belongs(c)).unwrap_or(text.len())]
}

/// A decimal number of units in milliseconds, exactly.
fn millis(number: &str, unit_ms: u64) -> Result<u64, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let not_a_number = || format!("`{number}` is not a number");
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(not_a_number());
    }
    let too_long = || "it is longer than 366 days".to_owned();
    let whole: u64 = whole.parse().map_err(|_| too_long())?;
    let fraction = fraction.trim_end_matches('0');
    let finer = || "it is finer than a millisecond".to_owned();
    let scale = u32::try_from(fraction.len()).ok().and_then(|digits| 10_u64.checked_pow(digits)).ok_or_else(finer)?;
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| finer())? };
    let part = fraction.checked_mul(unit_ms).ok_or_else(finer)?;
    if part % scale != 0 {
        return Err(finer());
    }
    whole.checked_mul(unit_ms).and_then(|sum| sum.checked_add(part / scale)).ok_or_else(too_long)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, unit_ms) in UNITS {
            if rest >= unit_ms {
                write!(f, "{}{unit}", rest / unit_ms)?;
                rest %= unit_ms;
            }
        }
        Ok(())
    }
}

impl Sum for Duration {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        Self(spans.map(|span| span.0).sum())
    }
}

impl Serialize for Duration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("1m30s", 90_000),
            ("250ms", 250),
            ("1h", 3_600_000),
            ("45", 45_000),
            ("0.8", 800),
            ("1.5h", 5_400_000),
            ("1d4h33m12s103ms", 102_792_103),
            ("0", 0),
        ] {
            assert_eq!(text.parse(), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, reason) in [
            ("", "expected one like"),
            ("-1s", "must not be negative"),
            ("1x", "`x` is not a unit"),
            ("1 m", "expected one like"),
            ("30s1m", "from coarse to fine"),
            ("1m1m", "from coarse to fine"),
            ("1m30", "`30` needs a unit"),
            ("1..5s", "is not a number"),
            ("0.0001s", "finer than a millisecond"),
            ("400d", "longer than 366 days"),
            ("99999999999999999999s", "longer than 366 days"),
            ("five", "expected one like"),
        ] {
            let error = text.parse::<Duration>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0..=MAX_MS) {
            let span = Duration::from_millis(millis);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
