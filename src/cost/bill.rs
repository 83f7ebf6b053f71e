//! Lines that add up.

use serde::Serialize;

/// One thing that is paid for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Line {
    /// What it is.
    pub what: String,
    /// How much of it, at what price.
    pub how: String,
    /// In US dollars.
    pub usd: f64,
}

impl Line {
    /// So many pieces at one price.
    pub fn pieces(what: impl Into<String>, count: f64, price: f64, unit: &str) -> Self {
        Self { what: what.into(), how: format!("{} × {}{unit}", number(count), dollars(price)), usd: count * price }
    }
}

/// Lines and their sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Bill {
    /// The lines, dearest first.
    pub lines: Vec<Line>,
    /// Their sum in US dollars.
    pub usd: f64,
}

impl Bill {
    /// Adds lines up; what costs nothing is left out.
    pub fn of(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut lines: Vec<Line> = lines.into_iter().filter(|line| line.usd > 0.0).collect();
        lines.sort_by(|a, b| b.usd.total_cmp(&a.usd).then_with(|| a.what.cmp(&b.what)));
        let usd = lines.iter().map(|line| line.usd).sum();
        Self { lines, usd }
    }
}

/// `$4.20`, `$0.005`, and `under $0.01` for a sum that would look like nothing.
pub fn dollars(usd: f64) -> String {
    let (sign, usd) = if usd < 0.0 { ("-", -usd) } else { ("", usd) };
    let cents = usd * 100.0;
    match usd {
        0.0 => "$0.00".to_owned(),
        // Prices of single things are often fractions of a cent.
        usd if usd < 1.0 && (cents - cents.round()).abs() > 1e-9 => {
            format!("{sign}${}", trimmed(&format!("{usd:.7}")))
        }
        usd => format!("{sign}${usd:.2}"),
    }
}

/// A sum, which nobody needs to the fraction of a cent.
pub fn sum(usd: f64) -> String {
    if usd > 0.0 && usd < 0.005 { "under $0.01".to_owned() } else { dollars((usd * 100.0).round() / 100.0) }
}

/// `12`, `3600`, `0.25`.
pub fn number(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { trimmed(&format!("{count:.3}")) }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_the_sum_of_its_lines_dearest_first() {
        let line = |what: &str, usd| Line { what: what.to_owned(), how: String::new(), usd };
        let bill = Bill::of([line("b", 1.0), line("nothing", 0.0), line("a", 2.5), line("c", 1.0)]);
        assert_eq!(bill.lines.iter().map(|line| line.what.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(bill.usd, 4.5);
    }

    #[test]
    fn prices_keep_their_fractions_and_sums_do_not() {
        for (usd, price, total) in [
            (0.0, "$0.00", "$0.00"),
            (0.005, "$0.005", "$0.01"),
            (0.000_2, "$0.0002", "under $0.01"),
            (0.1, "$0.10", "$0.10"),
            (3.0, "$3.00", "$3.00"),
            (29.623, "$29.62", "$29.62"),
            (-1.5, "-$1.50", "-$1.50"),
        ] {
            assert_eq!((dollars(usd).as_str(), sum(usd).as_str()), (price, total), "{usd}");
        }
    }
}
