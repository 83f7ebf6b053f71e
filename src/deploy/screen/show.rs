//! Shows events while they happen: a live screen on a terminal, lines without one, JSON for programs.

use std::time::Duration;

use console::Term;
use tokio::sync::{mpsc, oneshot};

use super::Screen;
use crate::{deploy::event::Event, terminal, text::Paint};

/// How often the live part is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A live screen on standard error.
    Live,
    /// A line for each change on standard error.
    Lines,
    /// A JSON value a line on standard output.
    Json,
}

impl Style {
    /// What suits the place that we write to.
    pub fn fitting(json: bool) -> Self {
        match json {
            true => Self::Json,
            false if Term::stderr().is_term() => Self::Live,
            false => Self::Lines,
        }
    }
}

/// Stops the live screen while somebody is asked something; it goes on with the next event.
#[derive(Clone, Debug)]
pub struct Pause(mpsc::UnboundedSender<oneshot::Sender<()>>);

impl Pause {
    /// Waits until everything told so far is on the screen and the live part is gone.
    pub async fn quiet(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.0.send(sender).is_ok() {
            drop(receiver.await);
        }
    }
}

/// A reader of events, and the means to pause it. It ends when nobody is left who could tell an event.
pub fn reader(events: mpsc::UnboundedReceiver<Event>, style: Style) -> (impl Future<Output = ()>, Pause) {
    reader_with(events, style, |_, _| {})
}

/// The same, where somebody else hears every event too, with the instant when it was shown.
pub fn reader_with(
    mut events: mpsc::UnboundedReceiver<Event>,
    style: Style,
    also: impl Fn(&Event, i64),
) -> (impl Future<Output = ()>, Pause) {
    let (pause, mut pauses) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    let show = async move {
        let mut display = Display::new(style);
        let mut frames = tokio::time::interval(FRAME);
        loop {
            tokio::select! {
                // Everything that was told comes before the question about it.
                biased;
                event = events.recv() => match event {
                    Some(event) => {
                        let now_ms = now_ms();
                        also(&event, now_ms);
                        display.take(&event, now_ms);
                    }
                    None => break,
                },
                Some(quiet) = pauses.recv() => {
                    display.clear();
                    display.paused = true;
                    let _ = quiet.send(());
                }
                _ = frames.tick() => display.draw(now_ms()),
            }
        }
        display.clear();
    };
    (show, Pause(pause))
}

/// Shows events again that happened at known instants, so many times as fast; at once where no speed is given.
pub async fn play(events: impl IntoIterator<Item = (i64, Event)>, style: Style, speed: Option<f64>) {
    let mut display = Display::new(style);
    let mut then_ms = None;
    for (at_ms, event) in events {
        if let (Some(speed), Some(then_ms)) = (speed, then_ms) {
            display.pass(then_ms, at_ms, speed).await;
        }
        display.take(&event, at_ms);
        then_ms = Some(at_ms);
    }
    display.clear();
}

struct Display {
    style: Style,
    paint: Paint,
    term: Term,
    screen: Screen,
    drawn: usize,
    paused: bool,
}

impl Display {
    fn new(style: Style) -> Self {
        Self {
            style,
            paint: Paint::of_stderr(),
            term: Term::stderr(),
            screen: Screen::default(),
            drawn: 0,
            paused: false,
        }
    }

    /// Lets the time between two events pass, drawing what moves meanwhile.
    async fn pass(&mut self, from_ms: i64, to_ms: i64, speed: f64) {
        let began = tokio::time::Instant::now();
        loop {
            let elapsed_ms = (began.elapsed().as_secs_f64() * 1000.0 * speed) as i64;
            if from_ms + elapsed_ms >= to_ms {
                return;
            }
            self.draw(from_ms + elapsed_ms);
            let left = Duration::from_secs_f64((to_ms - from_ms - elapsed_ms) as f64 / 1000.0 / speed);
            tokio::time::sleep(left.min(FRAME)).await;
        }
    }

    fn take(&mut self, event: &Event, now_ms: i64) {
        self.paused = false;
        self.screen.take(event, now_ms);
        match self.style {
            Style::Json => {
                terminal::print(&serde_json::to_string(event).expect("events have text keys and plain values"));
            }
            Style::Lines => {
                if let Some(line) = self.screen.plain_line(event, now_ms) {
                    terminal::say(&line);
                }
            }
            Style::Live => {
                if let Some(line) = self.screen.line(event, now_ms, self.paint) {
                    self.clear();
                    terminal::say(&line);
                }
            }
        }
    }

    fn draw(&mut self, now_ms: i64) {
        if self.style == Style::Lines {
            self.screen.late(now_ms).iter().for_each(|line| terminal::say(line));
        }
        if self.style != Style::Live || self.paused {
            return;
        }
        let (rows, columns) = self.term.size();
        let mut lines = self.screen.draw(now_ms, usize::from(columns).max(20), self.paint);
        // A live part that is taller than the terminal could not be removed again.
        lines.truncate(usize::from(rows).saturating_sub(1).max(1));
        self.clear();
        self.drawn = lines.len();
        for line in lines {
            terminal::say(&line);
        }
    }

    fn clear(&mut self) {
        if self.drawn > 0 {
            // A terminal that cannot be cleared shows the lines twice, which harms nobody.
            drop(self.term.clear_last_lines(self.drawn));
            self.drawn = 0;
        }
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
