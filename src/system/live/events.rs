//! Live data of a system on this machine: server-sent events, read as they come.

use std::time::Duration;

use dlt_control::series::Point;
use tokio::{sync::mpsc, time};

use super::{Broken, Heard};
use crate::system::api::Api;

/// For how long a stream may be silent; it shows that it is alive three times as often.
const SILENT_FOR: Duration = Duration::from_secs(45);
/// How long an event may be.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// Listens until nobody wants to hear it any more.
pub(super) async fn listen(api: &Api, path: &str, sender: &mpsc::Sender<Heard>) -> Result<(), Broken> {
    let closed = |why: String| Broken { why, was_open: false };
    let mut answer = api.stream(&format!("{path}?ticks=true")).await.map_err(|error| closed(error.to_string()))?;
    let broken = |why: &str| Broken { why: why.to_owned(), was_open: true };
    let mut events = Events::default();
    loop {
        let chunk = tokio::select! {
            () = sender.closed() => return Ok(()),
            chunk = time::timeout(SILENT_FOR, answer.chunk()) => chunk,
        };
        let bytes = match chunk {
            Err(_) => return Err(broken("the stream of events fell silent")),
            Ok(Err(error)) => return Err(broken(&error.to_string())),
            Ok(Ok(None)) => return Err(broken("the stream of events ended")),
            Ok(Ok(Some(bytes))) => bytes,
        };
        for event in events.take(&bytes).map_err(broken)? {
            let Some(heard) = heard(&event) else { continue };
            if sender.send(heard).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// What an event says; nothing when it is of another kind.
fn heard(event: &Event) -> Option<Heard> {
    match event.name.as_str() {
        "tick" => serde_json::from_str(&event.data).ok().map(|tick| Heard::Tick(Box::new(tick))),
        "point" => serde_json::from_str::<Point>(&event.data).ok().map(|point| Heard::Past(Box::new(point))),
        _ => None,
    }
}

/// An event with its name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
}

/// Events out of bytes, however these are cut.
#[derive(Debug, Default)]
struct Events {
    bytes: Vec<u8>,
    event: Event,
}

impl Events {
    /// The events that are whole now.
    fn take(&mut self, more: &[u8]) -> Result<Vec<Event>, &'static str> {
        self.bytes.extend_from_slice(more);
        let mut whole = Vec::new();
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\r', '\n']), &mut whole);
        }
        if self.bytes.len() + self.event.data.len() > MAX_EVENT_BYTES {
            return Err("the stream has an event that is too long");
        }
        Ok(whole)
    }

    /// An empty line ends an event; other lines are its fields, and what begins with a colon is none.
    fn line(&mut self, line: &str, whole: &mut Vec<Event>) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            whole.extend(Some(event).filter(|event| !event.data.is_empty()));
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_whole_however_their_bytes_arrive() {
        let sent = ":\n\nevent: tick\ndata: {\"a\": 1}\n\nevent:point\r\ndata: 1\r\ndata: 2\r\n\r\nid: 7\n\ndata: unfinished\n";
        let wanted = [event("tick", "{\"a\": 1}"), event("point", "1\n2")];
        for size in [1, 2, 7, sent.len()] {
            let mut events = Events::default();
            let taken: Vec<Event> =
                sent.as_bytes().chunks(size).flat_map(|some| events.take(some).expect("events")).collect();
            assert_eq!(taken, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut events = Events::default();
        assert!(events.take(&vec![b'x'; MAX_EVENT_BYTES]).is_ok());
        assert!(events.take(b"x").is_err());
        let mut events = Events::default();
        let lines = format!("data: {}\n", "x".repeat(MAX_EVENT_BYTES / 2));
        assert!(events.take(lines.as_bytes()).is_ok());
        assert!(events.take(lines.as_bytes()).is_err());
    }

    #[test]
    fn what_is_neither_a_tick_nor_a_second_is_not_heard() {
        for (name, data) in [("tick", "7"), ("point", "{}"), ("", "{}"), ("news", "{\"runId\": \"a\"}")] {
            assert!(heard(&event(name, data)).is_none(), "{name} {data}");
        }
        let point = r#"{"runId":"01J","second":3,"atMs":9,"workers":2,"virtualUsers":5,"succeeded":7,"failed":1,
            "latencyMsP50":1.5,"latencyMsP95":null,"latencyMsP99":null}"#;
        assert!(matches!(heard(&event("point", point)), Some(Heard::Past(point)) if point.second == 3));
    }
}
