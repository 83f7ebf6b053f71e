//! Writes a recording while an operation goes on. That it cannot is a notice, never a failure.

use std::{
    fs::File,
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    recording::{End, Header, VERSION},
    redact,
    shelf::Shelf,
};
use crate::deploy::event::Event;

/// How much one recording may take.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How many hexadecimal digits name an operation.
const ID_DIGITS: usize = 6;

/// What an operation is, as whoever begins it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What was asked for.
    pub verb: String,
    /// The environment, as it was named.
    pub environment: String,
    /// The environment's stack name.
    pub stack: String,
    /// The account.
    pub account: String,
    /// Who asks, as AWS names them.
    pub who: String,
    /// The machine that it is asked from.
    pub host: String,
}

/// A recording that is being written. Clones write into the same.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Mutex<Tape>>);

#[derive(Debug)]
struct Tape {
    file: Option<File>,
    began_ms: i64,
    bytes: usize,
    left_out: u64,
    trouble: Option<String>,
}

impl Recorder {
    /// Begins a recording. One that cannot be begun takes nothing, and says why when it is asked.
    pub fn begin(shelf: Option<&Shelf>, subject: &Subject, now_ms: i64) -> Self {
        let header = header(subject, now_ms);
        let opened = match shelf {
            Some(shelf) => shelf
                .add(now_ms, &header.id)
                .map_err(|error| format!("failed to write to `{}`: {error}", shelf.path().display())),
            None => Err("neither XDG_STATE_HOME nor HOME names a folder".to_owned()),
        };
        let mut tape = Tape { file: None, began_ms: now_ms, bytes: 0, left_out: 0, trouble: None };
        match opened {
            Ok(file) => tape.file = Some(file),
            Err(trouble) => tape.trouble = Some(trouble),
        }
        tape.write(json!(header));
        Self(Arc::new(Mutex::new(tape)))
    }

    /// Keeps an event, without its secrets.
    pub fn hear(&self, event: &Event, now_ms: i64) {
        let mut tape = self.tape();
        if tape.bytes > MOST_BYTES {
            tape.left_out += 1;
            return;
        }
        let at_ms = now_ms - tape.began_ms;
        tape.write(json!({"at_ms": at_ms, "event": event}));
    }

    /// Ends the recording. Answers what went wrong with it, if anything did.
    pub fn end<T>(&self, result: &Result<T, crate::failure::Failure>, now_ms: i64) -> Option<String> {
        let mut tape = self.tape();
        let (at_ms, end) = (now_ms - tape.began_ms, End::of(result, tape.left_out));
        tape.write(json!({"at_ms": at_ms, "end": end}));
        tape.file = None;
        tape.trouble.take()
    }

    fn tape(&self) -> std::sync::MutexGuard<'_, Tape> {
        // What a panicking thread left is still a recording up to there.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tape {
    fn write(&mut self, mut line: Value) {
        let Some(file) = &mut self.file else { return };
        redact::value(&mut line);
        let text = format!("{line}\n");
        match file.write_all(text.as_bytes()) {
            Ok(()) => self.bytes += text.len(),
            Err(error) => {
                self.trouble = Some(error.to_string());
                self.file = None;
            }
        }
    }
}

fn header(subject: &Subject, now_ms: i64) -> Header {
    let Subject { verb, environment, stack, account, who, host } = subject.clone();
    let seed = format!("{verb} {environment} {account} {who} {host} {now_ms} {}", std::process::id());
    let id = hex::encode(Sha256::digest(seed.as_bytes()))[..ID_DIGITS].to_owned();
    let dlt = env!("CARGO_PKG_VERSION").to_owned();
    Header { recording: VERSION, id, verb, environment, stack, account, who, host, dlt, began_ms: now_ms }
}

#[cfg(test)]
mod tests {
    use super::{super::recording::Recording, *};
    use crate::{exit::Exit, failure::Failure};

    fn subject() -> Subject {
        Subject {
            verb: "up".to_owned(),
            environment: "shop".to_owned(),
            stack: "dlt-shop".to_owned(),
            account: "1".to_owned(),
            who: "arn:aws:sts::1:assumed-role/Admin/eva@example.com".to_owned(),
            host: "desk".to_owned(),
        }
    }

    #[test]
    fn what_was_told_is_read_back_as_it_was_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(folder.path().to_owned());
        let recorder = Recorder::begin(Some(&shelf), &subject(), 1_000);
        recorder.hear(&Event::Interrupted, 1_200);
        recorder.hear(&Event::Notice { text: "sent to eva@example.com".to_owned() }, 1_300);
        let failed: Result<(), Failure> = Err(Failure::new(Exit::RolledBack, "it was rolled back"));
        assert_eq!(recorder.end(&failed, 2_000), None);
        let read = shelf.recordings().unwrap().remove(0);
        let notice = Event::Notice { text: "sent to (address)".to_owned() };
        assert_eq!(read.events, [(200, Event::Interrupted), (300, notice)]);
        assert_eq!((read.took_ms(), read.verdict()), (1_000, "rolled back"));
        assert_eq!(read.header.who, "arn:aws:sts::1:assumed-role/Admin/(address)");
    }

    #[test]
    fn a_recording_has_a_bound_and_counts_what_found_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::at(folder.path().to_owned());
        let recorder = Recorder::begin(Some(&shelf), &subject(), 0);
        let long = Event::Notice { text: "x".repeat(MOST_BYTES / 2) };
        for _ in 0..5 {
            recorder.hear(&long, 1);
        }
        recorder.end(&Ok(()), 2);
        let Recording { events, end, .. } = shelf.recordings().unwrap().remove(0);
        assert_eq!((events.len(), end.unwrap().1.left_out), (2, 3));
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told_and_nothing_else_happens() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let shelf = Shelf::at(file.path().join("below-a-file"));
        let recorder = Recorder::begin(Some(&shelf), &subject(), 0);
        recorder.hear(&Event::Interrupted, 1);
        assert!(recorder.end(&Ok(()), 2).is_some_and(|trouble| trouble.contains("below-a-file")));
        assert!(Recorder::begin(None, &subject(), 0).end(&Ok(()), 1).is_some());
    }
}
