//! The list of operations, as a table and as JSON.

use serde_json::{Value, json};

use super::recording::Recording;
use crate::{deploy::screen::duration, text::Paint};

/// A line for each operation, newest first, none wider than the place that it is written to.
pub fn table(recordings: &[Recording], width: usize, paint: Paint) -> Vec<String> {
    if recordings.is_empty() {
        return vec![paint.faint("no operation was recorded on this machine")];
    }
    let rows: Vec<[String; 6]> = recordings.iter().map(row).collect();
    let titles = ["OPERATION", "WHEN (UTC)", "WHAT", "RESULT", "TOOK", "WHO"].map(ToOwned::to_owned);
    let widest =
        |column: usize| rows.iter().chain([&titles]).map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(widest);
    let line = |row: &[String; 6]| {
        let [id, when, what, result, took, who] = row;
        let [a, b, c, d, e, _] = widths;
        let line = format!("{id:<a$}  {when:<b$}  {what:<c$}  {result:<d$}  {took:>e$}  {who}");
        console::truncate_str(line.trim_end(), width, "…").into_owned()
    };
    let painted = |(recording, row): (&Recording, &[String; 6])| match recording.end.as_ref().map(|(_, end)| end.exit) {
        Some(0) => line(row),
        Some(6 | 7) => paint.bad(&line(row)),
        _ => paint.moving(&line(row)),
    };
    std::iter::once(paint.faint(&line(&titles))).chain(recordings.iter().zip(&rows).map(painted)).collect()
}

fn row(recording: &Recording) -> [String; 6] {
    let header = &recording.header;
    // `arn:aws:iam::123456789012:user/eva` is `user/eva` to people.
    let who = header.who.rsplit(':').next().unwrap_or_default();
    [
        header.id.clone(),
        when(header.began_ms),
        format!("{} {}", header.verb, header.environment),
        recording.verdict().to_owned(),
        duration(recording.took_ms()),
        format!("{who} on {}", header.host),
    ]
}

/// `2026-11-22 06:23`.
fn when(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// The same for programs; the form is `docs/schema/history.json`.
pub fn json(recordings: &[Recording]) -> Value {
    let one = |recording: &Recording| {
        let header = &recording.header;
        let end = recording.end.as_ref().map(|(_, end)| end);
        json!({
            "operation": header.id,
            "verb": header.verb,
            "environment": header.environment,
            "stack": header.stack,
            "account": header.account,
            "who": header.who,
            "host": header.host,
            "beganMs": header.began_ms,
            "tookMs": recording.took_ms(),
            "verdict": recording.verdict(),
            "exit": end.map(|end| end.exit),
            "message": end.and_then(|end| end.message.clone()),
            "events": recording.events.len(),
        })
    };
    Value::Array(recordings.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::{
        super::recording::{End, tests::header},
        *,
    };

    fn all() -> Vec<Recording> {
        let recording = |id: &str, verb: &str, exit: Option<u8>, took_ms: i64| {
            let header = super::super::recording::Header { verb: verb.to_owned(), ..header(id) };
            let end = exit.map(|exit| (took_ms, End { exit, ..End::default() }));
            Recording { header, events: Vec::new(), end, unread: 0 }
        };
        vec![
            recording("3f9c21", "up", Some(0), 605_000),
            recording("aa0000", "up", Some(6), 72_000),
            recording("bb0000", "recover", Some(7), 4_200),
            recording("cc0000", "pipeline rm", Some(130), 900),
            recording("dd0000", "down", None, 0),
        ]
    }

    #[test]
    fn a_line_says_when_what_how_it_ended_how_long_it_took_and_who_it_was() {
        let lines = table(&all(), 80, Paint::Plain);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_machine_that_did_nothing_yet_says_so() {
        assert_eq!(table(&[], 80, Paint::Plain), ["no operation was recorded on this machine"]);
        assert_eq!(json(&[]), serde_json::json!([]));
    }

    #[test]
    fn programs_get_every_field() {
        let first = json(&all())[1].clone();
        assert_eq!(
            (&first["verdict"], &first["exit"], &first["tookMs"]),
            (&json!("rolled back"), &json!(6), &json!(72_000))
        );
        assert_eq!(json(&all())[4]["exit"], Value::Null);
    }
}
