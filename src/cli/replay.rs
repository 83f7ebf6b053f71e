//! `dlt replay`: the screen of an operation, played again.

use super::{Global, Output, history};
use crate::{
    deploy::screen::show::{self, Style},
    exit::Exit,
    failure::Failure,
    journal::{recording::Recording, shelf},
    terminal,
};

/// How many times as fast a terminal shows it, unless somebody says otherwise.
const SPEED: f64 = 10.0;

/// Play the screen of a recorded operation again, without any network.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt replay last\n  dlt replay 3f9c21 --speed 60\n  dlt replay last --output json | jq .event"
)]
pub struct Args {
    /// Which: its id in `dlt history` or the beginning of it, or `last`.
    #[arg(value_name = "OPERATION", default_value = "last")]
    operation: String,
    /// How many times as fast as it was. Ten times on a terminal unless given, at once elsewhere.
    #[arg(long, value_name = "N", value_parser = speed)]
    speed: Option<f64>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "expected a number such as 10".to_owned())?;
    if speed.is_finite() && speed > 0.0 { Ok(speed) } else { Err("it must be more than 0".to_owned()) }
}

/// Plays it.
///
/// # Errors
/// When there is no such operation.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let recording = find(&args.operation)?;
    let style = Style::fitting(global.output == Output::Json);
    let began_ms = recording.header.began_ms;
    let speed = args.speed.or((style == Style::Live).then_some(SPEED));
    let (end, unread) = (recording.end.clone(), recording.unread);
    show::play(recording.events.into_iter().map(|(at_ms, event)| (began_ms + at_ms, event)), style, speed).await;
    if unread > 0 {
        terminal::say(&format!("{unread} lines of the recording could not be read: another release of dlt wrote them"));
    }
    match end.map(|(_, end)| end) {
        None => terminal::say("the recording ends here: the program was killed"),
        Some(end) => {
            if end.left_out > 0 {
                terminal::say(&format!("{} events found no room in the recording", end.left_out));
            }
            if let Some(message) = end.message {
                let mut failure = Failure::new(Exit::Done, message);
                (failure.causes, failure.hints) = (end.causes, end.hints);
                terminal::complain(&failure);
                terminal::say(&format!("it ended with exit code {}", end.exit));
            }
        }
    }
    Ok(Exit::Done)
}

/// The recording that a word means.
///
/// # Errors
/// When there is none, or several.
pub fn find(operation: &str) -> Result<Recording, Failure> {
    let recordings = history::recordings()?;
    let known: Vec<String> = recordings.iter().map(|it| it.header.id.clone()).collect();
    shelf::pick(recordings, operation).map_err(|meant| {
        if let [_, _, ..] = meant.as_slice() {
            let message = format!("`{operation}` is the beginning of several operations");
            return Failure::new(Exit::Usage, message).hint(format!("these are: {}", meant.join(", ")));
        }
        let failure = Failure::new(Exit::Usage, format!("there is no recorded operation `{operation}`"));
        match dlt_model::problem::suggest(operation, known.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`dlt history` lists them"),
        }
    })
}
