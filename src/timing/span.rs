//! A range of time: half of all cases are done by its beginning, nine of ten by its end.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

/// How long something takes, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Span {
    /// Half of all cases are done by then.
    pub p50_secs: f64,
    /// Nine of ten are done by then.
    pub p90_secs: f64,
}

impl Span {
    /// A range; the end is never before the beginning.
    pub fn new(p50_secs: f64, p90_secs: f64) -> Self {
        Self { p50_secs, p90_secs: p90_secs.max(p50_secs) }
    }

    /// One after the other. Not everything is slow at once, so the slack grows by the root of its squares.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let slack = |span: Self| span.p90_secs - span.p50_secs;
        let p50_secs = self.p50_secs + next.p50_secs;
        Self { p50_secs, p90_secs: p50_secs + slack(self).hypot(slack(next)) }
    }

    /// Both at once: it is over when the slower one is.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self { p50_secs: self.p50_secs.max(other.p50_secs), p90_secs: self.p90_secs.max(other.p90_secs) }
    }

    /// What is left of it after some seconds; nothing once even the slow cases would be over.
    pub fn left_after(self, elapsed_secs: f64) -> Option<Self> {
        let left = self.p90_secs - elapsed_secs;
        (left > 0.0).then(|| Self { p50_secs: (self.p50_secs - elapsed_secs).max(0.0), p90_secs: left })
    }
}

impl fmt::Display for Span {
    /// `4–7 min`, `20–45 s`, `2 min` when both ends round to the same, and `up to 3 min` when the beginning is past.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, low, high) = if self.p90_secs < 90.0 {
            ("s", fives(self.p50_secs), fives(self.p90_secs).max(5))
        } else {
            ("min", whole(self.p50_secs / 60.0), whole((self.p90_secs / 60.0).ceil()).max(1))
        };
        match low {
            low if low == high => write!(f, "{high} {unit}"),
            0 => write!(f, "up to {high} {unit}"),
            low => write!(f, "{low}–{high} {unit}"),
        }
    }
}

impl Serialize for Span {
    /// Whole seconds: more would claim a precision that nobody has.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Span", 2)?;
        fields.serialize_field("p50_secs", &whole(self.p50_secs))?;
        fields.serialize_field("p90_secs", &whole(self.p90_secs))?;
        fields.end()
    }
}

fn fives(seconds: f64) -> u64 {
    whole(seconds / 5.0) * 5
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "spans are positive and below a year")]
fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_in_a_row_add_up_and_their_slack_grows_more_slowly() {
        let span = Span::new(10.0, 13.0).then(Span::new(20.0, 24.0));
        assert_eq!(span, Span::new(30.0, 35.0));
    }

    #[test]
    fn of_two_at_once_the_slower_one_counts_at_either_end() {
        assert_eq!(Span::new(10.0, 50.0).beside(Span::new(20.0, 30.0)), Span::new(20.0, 50.0));
    }

    #[test]
    fn what_is_left_ends_with_the_slow_cases() {
        let span = Span::new(60.0, 100.0);
        assert_eq!(span.left_after(40.0), Some(Span::new(20.0, 60.0)));
        assert_eq!(span.left_after(80.0), Some(Span::new(0.0, 20.0)));
        assert_eq!(span.left_after(100.0), None);
    }

    #[test]
    fn a_range_is_told_in_few_digits() {
        for (p50, p90, told) in [
            (18.0, 44.0, "20–45 s"),
            (0.0, 1.0, "up to 5 s"),
            (58.0, 61.0, "60 s"),
            (0.0, 89.0, "up to 90 s"),
            (240.0, 401.0, "4–7 min"),
            (119.0, 120.0, "2 min"),
            (20.0, 170.0, "up to 3 min"),
        ] {
            assert_eq!(Span::new(p50, p90).to_string(), told, "{p50} to {p90}");
        }
    }
}
