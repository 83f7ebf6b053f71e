//! Lines of logs on a screen: the day where it changes, then when, where, who and what.

use std::collections::BTreeSet;

use console::Style;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::line::{Line, Reading, Weight, read};
use crate::text::measure;

/// How far lines are indented that go on, where the line before says so much about itself that little room is left.
const INDENT: usize = 4;

/// Writes lines one after another.
#[derive(Debug)]
pub struct Writer {
    coloured: bool,
    /// How many columns there are.
    width: usize,
    /// How wide the names of regions and of sources are; a region that is the only one is not named.
    widths: (Option<usize>, usize),
    day: Option<Date>,
}

impl Writer {
    /// For lines of these regions and sources, folded where they are wider than the page.
    pub fn new<'a>(coloured: bool, width: usize, names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (regions, sources): (BTreeSet<&str>, BTreeSet<&str>) = names.into_iter().unzip();
        let widest = |names: &BTreeSet<&str>| names.iter().map(|name| name.len()).max().unwrap_or_default();
        let region = (regions.len() > 1).then(|| widest(&regions));
        Self { coloured, width, widths: (region, widest(&sources)), day: None }
    }

    /// A line, and before it the day if it is another than before.
    pub fn write(&mut self, line: &Line) -> Vec<String> {
        let at = Timestamp::from_millisecond(line.at_ms).unwrap_or_default().to_zoned(TimeZone::UTC);
        let day = (self.day != Some(at.date())).then(|| {
            self.day = Some(at.date());
            self.faint(&format!("── {} (UTC)", at.strftime("%Y-%m-%d")))
        });
        let (region, source) = self.widths;
        let region = region.map(|width| format!("{:width$} ", line.region.as_str())).unwrap_or_default();
        let whence = format!("{} {region}{:source$} ", at.strftime("%H:%M:%S%.3f"), line.source);
        let lead = measure::columns(&whence);
        let indent = " ".repeat(if lead > self.width / 2 { INDENT } else { lead });
        let lines = measure::folded(&self.faint(&whence), &self.said(&read(line)), &indent, self.width);
        day.into_iter().chain(lines).collect()
    }

    fn said(&self, reading: &Reading) -> String {
        let text = match reading.weight {
            Weight::Error => self.styled(Style::new().red().bold(), &reading.text),
            Weight::Warning => self.styled(Style::new().yellow(), &reading.text),
            Weight::Machine | Weight::Plain => reading.text.clone(),
        };
        let fields = reading.fields.iter().map(|(name, value)| self.faint(&format!("{name}={}", quoted(value))));
        let words = Some(text).filter(|text| !text.is_empty()).into_iter().chain(fields);
        words.collect::<Vec<_>>().join(" ")
    }

    fn faint(&self, text: &str) -> String {
        self.styled(Style::new().dim(), text)
    }

    fn styled(&self, style: Style, text: &str) -> String {
        style.force_styling(self.coloured).apply_to(text).to_string()
    }
}

/// A value that reads as one word.
fn quoted(value: &str) -> String {
    let is_word = !value.is_empty() && !value.contains(|character: char| character.is_whitespace() || character == '"');
    if is_word || value.starts_with(['{', '[']) { value.to_owned() } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::line::tests::line;

    fn lines() -> [Line; 3] {
        [
            line(1_795_343_304_123, "workers", "worker finished: 120 samples"),
            line(
                1_795_343_305_000,
                "advance",
                r#"{"level":"ERROR","message":"a request failed","code":"INTERNAL","why":"no answer in time"}"#,
            ),
            line(1_795_429_704_000, "apis", r#"{"method":"GET","path":"/prod/scenarios","status":"403","error":"-"}"#),
        ]
    }

    fn written(width: usize, lines: &[Line]) -> Vec<String> {
        let names = lines.iter().map(|line| (line.region.as_str(), line.source.as_str()));
        let mut writer = Writer::new(false, width, names);
        lines.iter().flat_map(|line| writer.write(line)).collect()
    }

    #[test]
    fn lines_say_when_where_who_and_what() {
        let mut lines = lines();
        lines[2].region = "us-east-1".parse().expect("a region");
        insta::assert_snapshot!(written(usize::MAX, &lines).join("\n"));
    }

    #[test]
    fn lines_fit_the_page_and_go_on_below_what_they_say() {
        let mut lines = lines();
        lines[0].message =
            "cannot connect to https://shop.example.com:8443/checkout after 3 attempts: the certificate \
                            is of another name"
                .to_owned();
        let written = written(80, &lines);
        assert!(written.iter().all(|line| measure::columns(line) <= 80), "{written:#?}");
        insta::assert_snapshot!(written.join("\n"));
    }

    #[test]
    fn what_has_little_room_is_indented_little() {
        let written = written(30, &lines());
        assert_eq!(written[1..3], ["10:28:24.123 workers worker", "    finished: 120 samples"]);
    }
}
