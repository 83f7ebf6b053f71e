//! Trouble on the way to AWS, as it is told: the same trouble once, and again when it lasts.

use std::time::Duration;

use tokio::time::Instant;

use super::event::{Event, Observer, StackRef};
use crate::cloud::CloudError;

/// How long the same trouble is not told again.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What was told last.
#[derive(Clone, Debug, Default)]
pub struct Complaint {
    told: Option<(Instant, String)>,
}

impl Complaint {
    /// Tells of trouble with a stack, unless that was told a moment ago.
    pub fn tell(&mut self, observer: &Observer, stack: &StackRef, error: &CloudError) {
        let is_known = |(at, known): &(Instant, String)| *known == error.message && at.elapsed() < TOLD_AGAIN_AFTER;
        if !self.told.as_ref().is_some_and(is_known) {
            observer.tell(Event::ReadTrouble { stack: stack.clone(), message: error.to_string() });
            self.told = Some((Instant::now(), error.message.clone()));
        }
    }

    /// The trouble is over: the next one is news, even if it is the same.
    pub fn over(&mut self) {
        self.told = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Kind;

    #[tokio::test(start_paused = true)]
    async fn the_same_trouble_is_told_once_and_again_when_it_lasts_or_comes_back() {
        let (observer, mut told) = Observer::channel();
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        let error = |message: &str| CloudError {
            doing: "ask".to_owned(),
            kind: Kind::Unreachable,
            code: None,
            message: message.to_owned(),
        };
        let mut complaint = Complaint::default();
        let mut tell = |complaint: &mut Complaint, message: &str| {
            complaint.tell(&observer, &stack, &error(message));
            told.try_recv().is_ok()
        };
        assert!(tell(&mut complaint, "a"));
        assert!(!tell(&mut complaint, "a"));
        assert!(tell(&mut complaint, "b"), "other trouble is news");
        tokio::time::advance(TOLD_AGAIN_AFTER).await;
        assert!(tell(&mut complaint, "b"), "it lasts");
        complaint.over();
        assert!(tell(&mut complaint, "b"), "it came back");
    }
}
