//! Lines of logs on a screen: the day where it changes, then when, where, who and what.

use console::Style;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::line::{Line, Reading, Weight, read};

/// Writes lines one after another.
#[derive(Debug)]
pub struct Writer {
    coloured: bool,
    /// How wide the names of regions and of sources are.
    widths: (usize, usize),
    day: Option<Date>,
}

impl Writer {
    /// For lines of these regions and sources.
    pub fn new<'a>(coloured: bool, names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let widest = |(one, other): (usize, usize), (region, source): (&str, &str)| {
            (one.max(region.len()), other.max(source.len()))
        };
        Self { coloured, widths: names.into_iter().fold((0, 0), widest), day: None }
    }

    /// A line, and before it the day if it is another than before.
    pub fn write(&mut self, line: &Line) -> Vec<String> {
        let at = Timestamp::from_millisecond(line.at_ms).unwrap_or_default().to_zoned(TimeZone::UTC);
        let day = (self.day != Some(at.date())).then(|| {
            self.day = Some(at.date());
            self.faint(&format!("── {} (UTC)", at.strftime("%Y-%m-%d")))
        });
        let (region, source) = self.widths;
        let whence =
            format!("{} {:region$} {:source$}", at.strftime("%H:%M:%S%.3f"), line.region.as_str(), line.source);
        let line = format!("{} {}", self.faint(&whence), self.said(&read(line)));
        day.into_iter().chain([line]).collect()
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

    #[test]
    fn lines_say_when_where_who_and_what() {
        let lines = [
            line(1_795_343_304_123, "workers", "worker finished: 120 samples"),
            line(
                1_795_343_305_000,
                "advance",
                r#"{"level":"ERROR","message":"a request failed","code":"INTERNAL","why":"no answer in time"}"#,
            ),
            line(1_795_429_704_000, "apis", r#"{"method":"GET","path":"/prod/scenarios","status":"403","error":"-"}"#),
        ];
        let mut writer = Writer::new(false, lines.iter().map(|line| (line.region.as_str(), line.source.as_str())));
        let written: Vec<String> = lines.iter().flat_map(|line| writer.write(line)).collect();
        insta::assert_snapshot!(written.join("\n"));
    }
}
