//! Rates as people write them: `100/s`, `6000/m`, `5/10s`; a bare number counts per `time_unit`.

use super::values::{optional, required};
use crate::{duration::Duration, fields::Fields, scenario::limits};

/// Iterations that may begin in a second, over all workers.
pub const MAX_ARRIVALS_PER_SECOND: f64 = 10_000_000.0;

/// So many in a period, which is the one of all rates when it is not said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub count: f64,
    per_ms: Option<u64>,
}

impl Rate {
    pub(super) const NOTHING: Self = Self { count: 0.0, per_ms: None };
}

/// The rates of one executor, which all count in one period: the one that is given, or the first that somebody writes.
pub(super) struct Rates {
    time_unit_ms: Option<u64>,
    first_ms: Option<u64>,
}

impl Rates {
    pub(super) fn of(fields: &mut Fields<'_>) -> Self {
        let time_unit = optional(fields, "time_unit", limits::longer_than_nothing);
        Self { time_unit_ms: time_unit.map(Duration::as_millis), first_ms: None }
    }

    pub(super) fn required(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Rate> {
        let rate = required(fields, key, |text| self.read(text))?;
        self.first_ms = self.first_ms.or(rate.per_ms);
        Some(rate)
    }

    pub(super) fn optional(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Rate> {
        fields.optional(key).and_then(|_| self.required(fields, key))
    }

    /// A rate in the period of all, and this period.
    pub(super) fn settle(&self, rate: Rate) -> (f64, u64) {
        let bare_ms = self.time_unit_ms.unwrap_or(1_000);
        let all_ms = self.time_unit_ms.or(self.first_ms).unwrap_or(1_000);
        let own_ms = rate.per_ms.unwrap_or(bare_ms);
        if own_ms == all_ms {
            return (rate.count, all_ms);
        }
        #[expect(clippy::cast_precision_loss, reason = "periods are far below 2^53 milliseconds")]
        let converted = rate.count * all_ms as f64 / own_ms as f64;
        (converted, all_ms)
    }

    fn read(&self, text: &str) -> Result<Rate, String> {
        let (number, unit) = match text.split_once('/') {
            Some((number, unit)) => (number.trim(), Some(unit.trim())),
            None => (text.trim(), None),
        };
        let wrong = || format!("`{text}` is not a rate; expected one like `100/s`, `6000/m` or `5/10s`");
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let count: f64 = number.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        let per_ms = unit.map(period_ms).transpose().map_err(|()| wrong())?;
        #[expect(clippy::cast_precision_loss, reason = "periods are far below 2^53 milliseconds")]
        let per_second = count * 1_000.0 / per_ms.or(self.time_unit_ms).unwrap_or(1_000) as f64;
        if per_second > MAX_ARRIVALS_PER_SECOND {
            return Err(format!("expected at most {MAX_ARRIVALS_PER_SECOND} iterations per second, found {text}"));
        }
        Ok(Rate { count, per_ms })
    }
}

/// `s`, `min`, `10s`.
fn period_ms(unit: &str) -> Result<u64, ()> {
    let known = match unit {
        "sec" | "second" => "s",
        "min" | "minute" => "m",
        "hour" => "h",
        "day" => "d",
        unit => unit,
    };
    let text = if known.starts_with(|c: char| c.is_ascii_digit()) { known.to_owned() } else { format!("1{known}") };
    match text.parse::<Duration>() {
        Ok(span) if !span.is_zero() && text.ends_with(char::is_alphabetic) => Ok(span.as_millis()),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_different_periods_are_brought_to_one() {
        let rates = Rates { time_unit_ms: None, first_ms: Some(60_000) };
        let settled = |text: &str| rates.settle(rates.read(text).expect(text));
        assert_eq!(settled("600/m"), (600.0, 60_000));
        assert_eq!(settled("10/s"), (600.0, 60_000));
        assert_eq!(settled("5/10s"), (30.0, 60_000));
        assert_eq!(settled("7.5"), (450.0, 60_000));
        assert_eq!(
            Rates { time_unit_ms: Some(60_000), first_ms: None }.settle(Rate { count: 3.0, per_ms: None }).0,
            3.0
        );
    }

    #[test]
    fn what_is_no_rate_says_so() {
        let rates = Rates { time_unit_ms: None, first_ms: None };
        for text in ["", "fast", "-1/s", "1/", "1/0s", "1/x", "1e3/s", "1/10", "inf/s", "1//s"] {
            assert!(rates.read(text).is_err(), "{text}");
        }
        assert!(rates.read("99999999999/s").expect_err("large").contains("at most"));
    }
}
