//! Dates of cookies: every way of writing them that browsers understand (RFC 6265, 5.1.1).

use jiff::civil::DateTime;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since 1970; `None` for what is no date.
pub fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none() && time_of(token).is_some() {
            time = time_of(token);
        } else if day.is_none() && digits(token, 1..=2).is_some() {
            day = digits(token, 1..=2);
        } else if month.is_none() && month_of(token).is_some() {
            month = month_of(token);
        } else if year.is_none() {
            year = digits(token, 2..=4);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1_900,
        year @ 0..=69 => year + 2_000,
        year @ 1_601.. => year,
        _ => return None,
    };
    let (hour, minute, second) = time?;
    let at = DateTime::new(year, month?, i8::try_from(day?).ok()?, hour, minute, second, 0).ok()?;
    at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp().as_second())
}

fn is_delimiter(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || c == ':' || u32::from(c) >= 0x7f || u32::from(c) < 9)
}

/// The digits at the front of a token, if so many.
fn digits(token: &str, count: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let end = token.find(|c: char| !c.is_ascii_digit()).unwrap_or(token.len());
    count.contains(&end).then(|| token[..end].parse().ok())?
}

fn time_of(token: &str) -> Option<(i8, i8, i8)> {
    let mut parts = token.splitn(3, ':').map(|part| digits(part, 1..=2).and_then(|number| i8::try_from(number).ok()));
    Some((parts.next()??, parts.next()??, parts.next()??))
}

fn month_of(token: &str) -> Option<i8> {
    let begin = token.get(..3)?.to_ascii_lowercase();
    MONTHS.iter().position(|month| *month == begin).and_then(|at| i8::try_from(at + 1).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_date_is_the_same_instant() {
        for text in [
            "Wed, 21 Oct 2026 07:28:00 GMT",
            "Wednesday, 21-Oct-26 07:28:00 GMT",
            "Wed Oct 21 07:28:00 2026",
            "21 oct 2026 7:28:0",
        ] {
            assert_eq!(parse(text), Some(1_792_567_680), "{text}");
        }
        for text in ["", "tomorrow", "32 Oct 2026 07:28:00", "21 Oct 2026 25:00:00", "21 Oct 1600 07:28:00"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
