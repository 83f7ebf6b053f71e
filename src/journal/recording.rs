//! A recording: who did what, every event with its instant, and how it ended. A JSON value a line, so that a recording
//! that was cut short can be read up to there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{deploy::event::Event, failure::Failure};

/// The form of recordings that this program writes.
pub const VERSION: u32 = 1;

/// What an operation is, known when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the recording.
    pub recording: u32,
    /// Names the operation.
    pub id: String,
    /// What was asked for: `up`, `down`, `recover` …
    pub verb: String,
    /// The environment, as it was named.
    pub environment: String,
    /// The environment's stack name.
    pub stack: String,
    /// The account.
    pub account: String,
    /// Who asked, as AWS names them.
    pub who: String,
    /// The machine that it was asked from.
    pub host: String,
    /// The release of this program.
    pub dlt: String,
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
}

/// How an operation ended, as far as this program saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The exit code.
    pub exit: u8,
    /// What went wrong, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to try.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// How many events found no room.
    #[serde(default)]
    pub left_out: u64,
}

/// A whole recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// What it is.
    pub header: Header,
    /// Every event, with the milliseconds since the beginning.
    pub events: Vec<(i64, Event)>,
    /// When and how it ended. Nothing when this program was killed.
    pub end: Option<(i64, End)>,
    /// Lines that could not be read: of a newer release, or cut short.
    pub unread: usize,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    at_ms: i64,
    #[serde(default)]
    event: Option<Value>,
    #[serde(default)]
    end: Option<End>,
}

impl End {
    /// How a result ends an operation.
    pub fn of<T>(result: &Result<T, Failure>, left_out: u64) -> Self {
        match result {
            Ok(_) => Self { left_out, ..Self::default() },
            Err(failure) => Self {
                exit: failure.exit as u8,
                message: Some(failure.message.clone()),
                causes: failure.causes.clone(),
                hints: failure.hints.clone(),
                left_out,
            },
        }
    }

    /// What an exit code says of an operation, in two words.
    pub fn verdict(&self) -> &'static str {
        match self.exit {
            0 | 20 => "done",
            4 => "refused by AWS",
            2 | 3 => "invalid",
            5 => "not agreed",
            6 => "rolled back",
            7 => "needs recovery",
            8 => "held",
            9 => "incomplete",
            10 => "went on alone",
            130 => "left alone",
            _ => "failed",
        }
    }
}

impl Recording {
    /// Reads a recording. What cannot be read of it is counted.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let header: Header = serde_json::from_str(lines.next()?).ok()?;
        let mut recording = Self { header, events: Vec::new(), end: None, unread: 0 };
        for line in lines {
            recording.take(line);
        }
        Some(recording)
    }

    fn take(&mut self, line: &str) {
        match serde_json::from_str::<Line>(line) {
            Ok(Line { at_ms, end: Some(end), .. }) => self.end = Some((at_ms, end)),
            Ok(Line { at_ms, event: Some(event), .. }) => match serde_json::from_value(event) {
                Ok(event) => self.events.push((at_ms, event)),
                Err(_) => self.unread += 1,
            },
            _ => self.unread += 1,
        }
    }

    /// How long it took, as far as it is known, in milliseconds.
    pub fn took_ms(&self) -> i64 {
        let last = self.events.last().map_or(0, |(at_ms, _)| *at_ms);
        self.end.as_ref().map_or(last, |(at_ms, _)| *at_ms)
    }

    /// How it ended, in two words.
    pub fn verdict(&self) -> &'static str {
        self.end.as_ref().map_or("cut short", |(_, end)| end.verdict())
    }

    /// True when it ended otherwise than it was meant to.
    pub fn failed(&self) -> bool {
        self.end.as_ref().is_none_or(|(_, end)| end.exit != 0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::exit::Exit;

    /// The first line of a recording.
    pub fn header(id: &str) -> Header {
        Header {
            recording: VERSION,
            id: id.to_owned(),
            verb: "up".to_owned(),
            environment: "shop".to_owned(),
            stack: "dlt-shop".to_owned(),
            account: "123456789012".to_owned(),
            who: "arn:aws:iam::123456789012:user/eva".to_owned(),
            host: "desk".to_owned(),
            dlt: "0.1.0".to_owned(),
            began_ms: 1_790_000_000_000,
        }
    }

    fn text(lines: &[&str]) -> String {
        let header = serde_json::to_string(&header("3f9c21")).unwrap();
        [&[header.as_str()], lines].concat().join("\n")
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_the_rest_is_there() {
        let recording = Recording::parse(&text(&[
            r#"{"at_ms":5,"event":{"event":"notice","text":"one"}}"#,
            r#"{"at_ms":6,"event":{"event":"of-a-later-release","x":1}}"#,
            r#"{"at_ms":7,"event":{"event":"interrupted"}}"#,
            r#"{"at_ms":9,"end":{"exit":6,"message":"it failed"}}"#,
            r#"{"at_ms":9,"ev"#,
        ]))
        .unwrap();
        assert_eq!(recording.events.iter().map(|(at_ms, _)| *at_ms).collect::<Vec<_>>(), [5, 7]);
        assert_eq!((recording.unread, recording.took_ms(), recording.verdict()), (2, 9, "rolled back"));
    }

    #[test]
    fn a_recording_without_an_end_was_cut_short() {
        let recording = Recording::parse(&text(&[r#"{"at_ms":5,"event":{"event":"interrupted"}}"#])).unwrap();
        assert!(recording.failed());
        assert_eq!((recording.verdict(), recording.took_ms()), ("cut short", 5));
        assert_eq!(Recording::parse("what is this"), None);
        assert_eq!(Recording::parse(""), None);
    }

    #[test]
    fn an_end_says_what_the_exit_code_said() {
        let failed: Result<(), Failure> = Err(Failure::new(Exit::NeedsRecovery, "stuck").hint("`dlt recover`"));
        let end = End::of(&failed, 2);
        assert_eq!((end.exit, end.verdict(), end.left_out), (7, "needs recovery", 2));
        assert_eq!(End::of(&Ok(()), 0).verdict(), "done");
    }
}
