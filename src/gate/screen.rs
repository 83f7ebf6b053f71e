//! The way to a verdict in a log: a line for every step, and one for the load now and then, less often the longer it takes.

use super::event::Event;
use crate::{
    report::{live, units},
    terminal,
};

/// A reader of a gate's events, on standard error.
#[derive(Debug, Default)]
pub struct Screen {
    progress: live::Progress,
    told: u64,
}

impl Screen {
    /// Shows one event.
    pub fn observe(&mut self, event: &Event<'_>) {
        for line in self.lines(event) {
            terminal::say(&line);
        }
    }

    fn lines(&mut self, event: &Event<'_>) -> Vec<String> {
        match event {
            Event::Started { run_id, what, planned_secs, link } => {
                self.progress.planned_secs = *planned_secs;
                vec![format!("run {run_id}: {what}"), format!("watch it at {link}")]
            }
            Event::Status(status) => {
                (*status).clone_into(&mut self.progress.status);
                vec![(*status).to_owned()]
            }
            Event::Second { number, seconds } => {
                self.progress.seconds = seconds.to_vec();
                if self.is_due(*number) { vec![live::line(&self.progress)] } else { Vec::new() }
            }
            Event::Elapsed { secs } if self.is_due(*secs) => {
                let planned = units::span(self.progress.planned_secs * 1_000);
                vec![format!("{}: {}/{planned}", self.progress.status, units::span(secs * 1_000))]
            }
            Event::Elapsed { .. } => Vec::new(),
            Event::Note(text) => vec![text.clone()],
        }
    }

    /// Whether it is time for another line: every five seconds at first, every minute in the end.
    fn is_due(&mut self, second: u64) -> bool {
        let every = match second {
            0..60 => 5,
            60..600 => 15,
            _ => 60,
        };
        let due = second >= self.told + every;
        if due {
            self.told = second;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_an_hour_has_about_a_hundred_lines() {
        let mut screen = Screen::default();
        let lines = (1..=3_600).map(|secs| screen.lines(&Event::Elapsed { secs }).len()).sum::<usize>();
        assert!((80..=110).contains(&lines), "{lines}");
    }
}
