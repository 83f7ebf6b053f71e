//! From events to text: what a person sees of an operation. Pure; the only clock is the one that is passed in.

mod eta;
mod line;
pub mod show;
mod stack;

use std::collections::BTreeMap;

use self::stack::StackView;
use super::{
    event::{Event, Phase, StackRef},
    report,
};
use crate::{text::Paint, timing::Estimate};

/// Everything that is on the screen.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    phases: Vec<(Phase, Progress)>,
    stacks: BTreeMap<StackRef, StackView>,
    expected: Option<Estimate>,
    /// Bytes sent and bytes in all, of what is being uploaded to where.
    uploads: BTreeMap<(String, String), (u64, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Running,
    Over,
}

impl Screen {
    /// Takes an event. `now_ms` is when it arrived, in milliseconds since 1970.
    pub fn take(&mut self, event: &Event, now_ms: i64) {
        match event {
            Event::Began { phases, .. } => {
                self.phases = phases.iter().map(|phase| (*phase, Progress::Waiting)).collect();
            }
            Event::Expected { estimate } => self.expected = Some((**estimate).clone()),
            Event::PhaseStarted { phase } => self.progress(*phase, Progress::Running),
            Event::PhaseEnded { phase } => self.progress(*phase, Progress::Over),
            Event::Started { stack, operation, expected, joined } => {
                self.stacks.insert(stack.clone(), StackView::new(*operation, *expected, *joined, now_ms));
            }
            Event::Resource { stack, resource } => {
                if let Some(view) = self.stacks.get_mut(stack) {
                    view.hear(resource);
                }
            }
            Event::ReadTrouble { stack, message } => {
                if let Some(view) = self.stacks.get_mut(stack) {
                    view.trouble = Some(message.clone());
                }
            }
            Event::AssetProgress { asset, region, sent, total } => {
                self.uploads.insert((asset.clone(), region.to_string()), (*sent, *total));
            }
            Event::AssetUploaded { asset, region, .. } => {
                self.uploads.remove(&(asset.clone(), region.to_string()));
            }
            Event::Ended { stack, verdict, .. } => {
                if let Some(view) = self.stacks.get_mut(stack) {
                    view.ended = Some((now_ms, *verdict));
                }
            }
            _ => {}
        }
    }

    fn progress(&mut self, phase: Phase, progress: Progress) {
        if let Some((_, known)) = self.phases.iter_mut().find(|(known, _)| *known == phase) {
            *known = progress;
        }
    }

    /// The live part of the screen: the phase rail, and below it what moves. Finished stacks are told by `line`.
    pub fn draw(&self, now_ms: i64, width: usize, paint: Paint) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.phases.is_empty() {
            lines.push(self.rail(paint));
        }
        lines.extend(self.uploads.iter().map(|((asset, place), (sent, total))| {
            format!("{} {asset} to {place}", report::bar(*sent, *total, paint))
        }));
        for (stack, view) in self.stacks.iter().filter(|(_, view)| view.ended.is_none()) {
            lines.extend(view.draw(stack, now_ms, self.expected.as_ref(), paint));
        }
        lines.into_iter().map(|line| console::truncate_str(&line, width, "…").into_owned()).collect()
    }

    fn rail(&self, paint: Paint) -> String {
        let stations = self.phases.iter().map(|(phase, progress)| match progress {
            Progress::Waiting => paint.faint(phase.word()),
            Progress::Running => paint.moving(&format!("{} ▸", phase.word())),
            Progress::Over => paint.good(&format!("{} ✓", phase.word())),
        });
        stations.collect::<Vec<_>>().join("  ")
    }

    /// What has become slower than 95 % of past runs since it was asked before; each resource is told once. For where no
    /// screen shows what moves.
    pub fn late(&mut self, now_ms: i64) -> Vec<String> {
        let Some(expected) = &self.expected else { return Vec::new() };
        let running = self.stacks.iter_mut().filter(|(_, view)| view.ended.is_none());
        running.flat_map(|(stack, view)| view.late(stack, expected, now_ms)).collect()
    }
}

/// `0.4s`, `12.3s`, `2m 05s`.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms / 1000 {
        0..60 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        seconds => format!("{}m {:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            event::{Cause, Operation},
            fold::tests::event,
            status::Verdict,
        },
        *,
    };
    use crate::timing::{
        estimate::{Slow, StackEstimate},
        remaining::Course,
    };

    fn stack(name: &str, region: &str) -> StackRef {
        StackRef { name: name.to_owned(), region: region.parse().unwrap() }
    }

    fn resource(stack: &StackRef, at_ms: i64, name: &str, status: &str, reason: Option<&str>) -> Event {
        let id = format!("{at_ms}-{name}");
        Event::Resource { stack: stack.clone(), resource: event(&id, at_ms, name, status, reason) }
    }

    fn story() -> Vec<(i64, Event)> {
        let (main, regional) = (stack("shop", "eu-west-1"), stack("shop-regional", "us-east-1"));
        let phases =
            vec![Phase::Plan, Phase::Foundation, Phase::Upload, Phase::ChangeSet, Phase::Deploy, Phase::Verify];
        let started = |stack: &StackRef, expected| Event::Started {
            stack: stack.clone(),
            operation: Operation::Create,
            joined: false,
            expected: Some(expected),
        };
        vec![
            (0, Event::Began { stack: "shop".to_owned(), account: "123456789012".to_owned(), phases }),
            (0, Event::PhaseEnded { phase: Phase::Plan }),
            (0, Event::PhaseEnded { phase: Phase::Foundation }),
            (10, Event::AssetUploaded { asset: "functions".to_owned(), region: main.region.clone(), bytes: 1_234_567 }),
            (20, Event::AssetPresent { asset: "worker image".to_owned(), region: main.region.clone() }),
            (30, Event::PhaseEnded { phase: Phase::Upload }),
            (30, Event::PhaseEnded { phase: Phase::ChangeSet }),
            (1_000, Event::PhaseStarted { phase: Phase::Deploy }),
            (1_000, started(&main, 80)),
            (1_000, started(&regional, 20)),
            (2_000, resource(&main, 1_500, "Table", "CREATE_IN_PROGRESS", None)),
            (2_000, resource(&main, 1_600, "Distribution", "CREATE_IN_PROGRESS", None)),
            (2_000, resource(&regional, 1_700, "Cluster", "CREATE_IN_PROGRESS", None)),
            (9_000, resource(&main, 8_500, "Table", "CREATE_COMPLETE", None)),
        ]
    }

    fn told(story: &[(i64, Event)]) -> Screen {
        let mut screen = Screen::default();
        for (now_ms, event) in story {
            screen.take(event, *now_ms);
        }
        screen
    }

    #[test]
    fn the_live_part_shows_the_rail_and_what_moves_with_its_time() {
        insta::assert_snapshot!(told(&story()).draw(63_000, 100, Paint::Plain).join("\n"));
    }

    #[test]
    fn who_joins_sees_how_long_it_goes_on_already() {
        let main = stack("shop", "eu-west-1");
        let started =
            Event::Started { stack: main.clone(), operation: Operation::Update, joined: true, expected: None };
        let screen = told(&[
            (60_000, started),
            (61_000, resource(&main, 1_000, "Stack", "UPDATE_IN_PROGRESS", None)),
            (61_000, resource(&main, 2_000, "Table", "UPDATE_IN_PROGRESS", None)),
        ]);
        assert_eq!(
            screen.draw(61_000, 80, Paint::Plain),
            ["updating shop (eu-west-1)  0  1m 00s", "  ▸ Table (AWS::SNS::Topic)  59.0s"]
        );
    }

    #[test]
    fn trouble_with_a_stack_that_does_not_move_yet_is_a_line_of_its_own() {
        let trouble = |name| Event::ReadTrouble { stack: stack(name, "eu-west-1"), message: "no answer".to_owned() };
        let line = |name| told(&story()).line(&trouble(name), 2_000, Paint::Plain);
        assert_eq!(line("other").as_deref(), Some("· other (eu-west-1): asking again: no answer"));
        assert_eq!(line("shop"), None, "the live part shows it");
    }

    #[test]
    fn a_narrow_terminal_cuts_lines_and_never_wraps_them() {
        for line in told(&story()).draw(63_000, 24, Paint::Colour) {
            assert!(console::measure_text_width(&line) <= 24, "{line}");
        }
    }

    #[test]
    fn without_a_terminal_each_change_is_a_line() {
        let mut screen = Screen::default();
        let mut lines = Vec::new();
        for (now_ms, event) in story() {
            screen.take(&event, now_ms);
            lines.extend(screen.plain_line(&event, now_ms));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_failure_names_its_cause_and_counts_its_echoes() {
        let mut screen = told(&story());
        let ended = Event::Ended {
            stack: stack("shop", "eu-west-1"),
            status: "ROLLBACK_COMPLETE".to_owned(),
            verdict: Verdict::RolledBack,
            cause: Some(Cause {
                logical_id: "Distribution".to_owned(),
                kind: "AWS::CloudFront::Distribution".to_owned(),
                status: "CREATE_FAILED".to_owned(),
                reason: "Your account must be verified before you can add CloudFront resources.".to_owned(),
            }),
            echoes: 3,
        };
        screen.take(&ended, 75_000);
        insta::assert_snapshot!(screen.line(&ended, 75_000, Paint::Plain).unwrap());
    }

    fn expecting(slow_after_secs: f64) -> Event {
        let main = stack("shop", "eu-west-1");
        let (name, region) = (main.name.clone(), main.region.clone());
        let takes = crate::timing::Span::new(120.0, 300.0);
        let course = Course::default();
        let stacks = vec![StackEstimate { stack: name, region: region.clone(), takes, chain: Vec::new(), course }];
        let slow = Slow {
            region,
            kind: "AWS::SNS::Topic".to_owned(),
            operation: Operation::Create,
            after_secs: slow_after_secs,
        };
        Event::Expected { estimate: Box::new(Estimate { takes, stacks, learned_types: 1, slow: vec![slow] }) }
    }

    #[test]
    fn a_stack_says_how_long_it_will_take_still_and_what_is_slower_than_it_used_to_be() {
        let mut story = story();
        story.insert(0, (0, expecting(60.0)));
        let screen = told(&story);
        insta::assert_snapshot!(screen.draw(63_000, 100, Paint::Plain).join("\n"));
        let at = |now_ms| screen.draw(now_ms, 120, Paint::Plain)[1].clone();
        assert!(at(200_000).contains("up to 2 min left"), "{}", at(200_000));
        assert!(at(400_000).contains("longer than the 2–5 min that were expected"), "{}", at(400_000));
        assert_eq!(
            screen.line(&expecting(60.0), 0, Paint::Plain).unwrap(),
            "· this takes about 2–5 min besides uploads (1 type from your own past)"
        );
    }

    #[test]
    fn without_a_screen_a_slow_resource_is_told_once() {
        let mut story = story();
        story.insert(0, (0, expecting(60.0)));
        let mut screen = told(&story);
        assert_eq!(screen.late(50_000), Vec::<String>::new());
        let late = screen.late(63_000);
        assert_eq!(late, ["   shop (eu-west-1)  Distribution (AWS::SNS::Topic)  slower than 95 % of past runs"]);
        assert_eq!(screen.late(64_000), Vec::<String>::new());
    }

    #[test]
    fn durations_are_short() {
        for (ms, text) in
            [(-5, "0.0s"), (0, "0.0s"), (450, "0.4s"), (59_990, "59.9s"), (60_000, "1m 00s"), (605_000, "10m 05s")]
        {
            assert_eq!(duration(ms), text);
        }
    }
}
