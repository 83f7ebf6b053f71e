//! What this machine has seen: how long resources of a type took, in each account and region.

use std::collections::BTreeMap;

use dlt_model::id::Region;
use serde::{Deserialize, Serialize};

use super::{samples::Sample, span::Span};
use crate::deploy::event::Operation;

/// The form of the file.
const VERSION: u32 = 1;
/// How many of the newest samples of a type are kept.
const MOST_KEPT: usize = 100;
/// How many samples say more than the table.
const ENOUGH: usize = 5;
/// How many samples say what is rare: one in twenty.
const ENOUGH_FOR_RARE: usize = 20;

/// Samples by `account/region`, type and operation, oldest first, in tenths of a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    version: u32,
    places: BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<u32>>>>,
}

impl Default for Past {
    fn default() -> Self {
        Self { version: VERSION, places: BTreeMap::new() }
    }
}

impl Past {
    /// Reads what was written. A file of another form, or none at all, is no past.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).ok().filter(|past: &Self| past.version == VERSION).unwrap_or_default()
    }

    /// Adds what was seen; the oldest goes when there is too much.
    pub fn learn(&mut self, account: &str, sample: &Sample) {
        let place = self.places.entry(place(account, &sample.region)).or_default();
        let kept = place.entry(sample.kind.clone()).or_default().entry(word(sample.operation).to_owned()).or_default();
        kept.push(sample.tenths);
        kept.drain(..kept.len().saturating_sub(MOST_KEPT));
    }

    /// How long this took so far, once there are enough samples.
    pub fn span(&self, account: &str, region: &Region, kind: &str, operation: Operation) -> Option<Span> {
        let samples = self.samples(account, region, kind, operation, ENOUGH)?;
        Some(Span::new(quantile(&samples, 0.5), quantile(&samples, 0.9)))
    }

    /// The seconds after which this is slower than 95 % of past runs, once there are enough samples to say so.
    pub fn slow_after(&self, account: &str, region: &Region, kind: &str, operation: Operation) -> Option<f64> {
        Some(quantile(&self.samples(account, region, kind, operation, ENOUGH_FOR_RARE)?, 0.95))
    }

    fn samples(
        &self,
        account: &str,
        region: &Region,
        kind: &str,
        operation: Operation,
        least: usize,
    ) -> Option<Vec<u32>> {
        let kept = self.places.get(&place(account, region))?.get(kind)?.get(word(operation))?;
        let mut sorted = kept.clone();
        sorted.sort_unstable();
        (sorted.len() >= least).then_some(sorted)
    }
}

fn place(account: &str, region: &Region) -> String {
    format!("{account}/{region}")
}

fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::RollBack => "roll back",
    }
}

/// The smallest sample that at least this share of all is not above, in seconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most a hundred samples"
)]
fn quantile(sorted: &[u32], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    f64::from(sorted[rank.clamp(1, sorted.len()) - 1]) / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "AWS::S3::Bucket";

    fn region() -> Region {
        "eu-west-1".parse().unwrap()
    }

    fn past(tenths: impl IntoIterator<Item = u32>) -> Past {
        let mut past = Past::default();
        for tenths in tenths {
            let sample = Sample { region: region(), kind: KIND.to_owned(), operation: Operation::Create, tenths };
            past.learn("1", &sample);
        }
        past
    }

    #[test]
    fn a_few_samples_say_nothing_yet() {
        assert_eq!(past(1..5).span("1", &region(), KIND, Operation::Create), None);
        assert_eq!(past(1..20).slow_after("1", &region(), KIND, Operation::Create), None);
    }

    #[test]
    fn quantiles_are_samples_that_were_seen() {
        let past = past((1..=20).rev().map(|second| second * 10));
        assert_eq!(past.span("1", &region(), KIND, Operation::Create), Some(Span::new(10.0, 18.0)));
        assert_eq!(past.slow_after("1", &region(), KIND, Operation::Create), Some(19.0));
    }

    #[test]
    fn each_account_region_and_operation_has_a_past_of_its_own() {
        let past = past(1..50);
        assert_eq!(past.span("2", &region(), KIND, Operation::Create), None);
        assert_eq!(past.span("1", &"us-east-1".parse().unwrap(), KIND, Operation::Create), None);
        assert_eq!(past.span("1", &region(), KIND, Operation::Delete), None);
    }

    #[test]
    fn the_oldest_are_forgotten_so_that_the_file_stays_small() {
        let past = past((0..100).map(|_| 9_999).chain((0..100).map(|_| 10)));
        assert_eq!(past.span("1", &region(), KIND, Operation::Create), Some(Span::new(1.0, 1.0)));
    }

    #[test]
    fn what_is_written_is_read_again_and_anything_else_is_no_past() {
        let past = past(1..8);
        assert_eq!(Past::read(&serde_json::to_string(&past).unwrap()), past);
        for text in ["", "{", "[]", r#"{"version":2,"places":{}}"#] {
            assert_eq!(Past::read(text), Past::default(), "{text}");
        }
    }
}
