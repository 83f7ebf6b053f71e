//! Numbers with their units, short enough for a table.

/// A latency in microseconds as `412 µs`, `12.4 ms` or `1.50 s`.
pub fn latency(micros: u64) -> String {
    let micros = micros as f64;
    match micros {
        m if m < 1_000.0 => format!("{m:.0} µs"),
        m if m < 1_000_000.0 => format!("{} ms", three_digits(m / 1_000.0)),
        m => format!("{} s", three_digits(m / 1_000_000.0)),
    }
}

/// A latency that may not exist; a dash when it does not.
pub fn latency_or_dash(micros: Option<u64>) -> String {
    micros.map_or_else(|| "–".to_owned(), latency)
}

/// A number of bytes as `812 B`, `4.10 kB`, `1.25 MB`.
pub fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        c if c < 1e3 => format!("{c:.0} B"),
        c if c < 1e6 => format!("{} kB", three_digits(c / 1e3)),
        c if c < 1e9 => format!("{} MB", three_digits(c / 1e6)),
        c => format!("{} GB", three_digits(c / 1e9)),
    }
}

/// A whole number with its thousands apart: `12 345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number without a unit, to three decimals at most: `40.5`, `12 345`, `0.125`.
pub fn decimal(number: f64) -> String {
    let rounded = (number * 1_000.0).round() / 1_000.0;
    let text = if rounded == 0.0 { "0".to_owned() } else { format!("{rounded}") };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |dot| digits.split_at(dot));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    format!("{sign}{whole}{rest}")
}

/// So many a second, from a number and a duration in milliseconds; a dash when no time passed.
pub fn per_second(number: u64, duration_ms: u64) -> String {
    if duration_ms == 0 {
        return "–".to_owned();
    }
    format!("{}/s", three_digits(number as f64 * 1_000.0 / duration_ms as f64))
}

/// A span as `1m05s` or `12s`.
pub fn span(milliseconds: u64) -> String {
    let seconds = milliseconds.div_ceil(1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, s) => format!("{h}h{m:02}m{s:02}s"),
    }
}

fn three_digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => count(n.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_three_digits_and_its_unit() {
        let shown = [412, 12_400, 412_000, 1_500_000, 61_000_000].map(latency);
        assert_eq!(shown, ["412 µs", "12.4 ms", "412 ms", "1.50 s", "61.0 s"]);
        assert_eq!([7, 4_096, 1_250_000].map(bytes), ["7 B", "4.10 kB", "1.25 MB"]);
        assert_eq!([0, 65_000, 3_661_000].map(span), ["0s", "1m05s", "1h01m01s"]);
    }

    #[test]
    fn a_number_without_a_unit_has_three_decimals_at_most() {
        let shown = [0.0, -0.000_1, 40.5, 0.125_4, -12_345.678_9].map(decimal);
        assert_eq!(shown, ["0", "0", "40.5", "0.125", "-12\u{202f}345.679"]);
    }

    #[test]
    fn a_rate_without_time_is_a_dash() {
        assert_eq!(per_second(10, 0), "–");
        assert_eq!(per_second(1_000, 500), "2\u{202f}000/s");
    }
}
