//! The longest chain of a template, for a person: what waits for what, and when.

use std::fmt::Write;

use dlt_model::id::Region;
use serde::Serialize;

use super::{durations, path::Chain, span::Span};
use crate::render::Part;

/// The longest chain of one template of an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriticalPath {
    /// Which template.
    pub part: Part,
    /// Its stack.
    pub stack: String,
    /// Its region.
    pub region: Region,
    /// How many resources it makes.
    pub resources: usize,
    /// The chain.
    #[serde(flatten)]
    pub chain: Chain,
    /// Types that the table does not have; each is taken for ten seconds.
    pub untimed: Vec<String>,
    /// Making the whole environment from nothing: foundations, then main and regional stacks side by side.
    pub environment: Span,
    /// Where the seconds come from.
    pub source: &'static str,
}

impl CriticalPath {
    /// The page, without colour and at most 80 columns wide for names of usual length.
    pub fn text(&self) -> String {
        let mut page = format!(
            "{} in {}: {} resources, the longest chain takes {}\n\n",
            self.stack, self.region, self.resources, self.chain.takes
        );
        let name = self.chain.steps.iter().map(|step| step.logical_id.len()).max().unwrap_or_default();
        for step in &self.chain.steps {
            let begins = step.done.p50_secs - step.takes.p50_secs;
            let (begins, takes) = (clock(begins), clock(step.takes.p50_secs));
            line(&mut page, format!("{begins:>8}  {:name$}  {:>6}  {}", step.logical_id, takes, step.kind));
        }
        line(&mut page, format!("{:>8}  done; everything else is done meanwhile", clock(self.chain.takes.p50_secs)));
        page.push('\n');
        line(&mut page, format!("The whole environment from nothing: {}", self.environment));
        line(&mut page, "(foundations first, then all other stacks side by side; uploads not counted).");
        line(&mut page, format!("Seconds: {}.", durations::SOURCE));
        if !self.untimed.is_empty() {
            line(&mut page, format!("Not in that table, taken for 10 s each: {}.", self.untimed.join(", ")));
        }
        page
    }
}

fn line(page: &mut String, text: impl std::fmt::Display) {
    writeln!(page, "{text}").expect("writing to a string");
}

/// `42s`, `5m 02s`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "spans are positive and below a year")]
fn clock(seconds: f64) -> String {
    match seconds.max(0.0).round() as u64 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds => format!("{}m {:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::path::Step;

    #[test]
    fn the_page_shows_when_each_link_begins_and_how_long_it_takes() {
        let step = |name: &str, kind: &str, takes: f64, done: f64| Step {
            logical_id: name.to_owned(),
            kind: kind.to_owned(),
            takes: Span::new(takes, takes),
            done: Span::new(done, done),
        };
        let steps = vec![
            step("Role", "AWS::IAM::Role", 12.0, 12.0),
            step("Distribution", "AWS::CloudFront::Distribution", 266.0, 278.0),
            step("Base", "AWS::Moon::Base", 10.0, 288.0),
        ];
        let page = CriticalPath {
            part: Part::Main,
            stack: "shop".to_owned(),
            region: "eu-west-1".parse().unwrap(),
            resources: 85,
            chain: Chain { steps, takes: Span::new(288.0, 440.0) },
            untimed: vec!["AWS::Moon::Base".to_owned()],
            environment: Span::new(346.0, 509.0),
            source: durations::SOURCE,
        };
        insta::assert_snapshot!(page.text());
    }
}
