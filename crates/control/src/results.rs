//! The end of a run: the workers' reports become one summary, and the record says what came out.

use std::collections::BTreeMap;

use dlt_model::{
    assignment::keys,
    report::{Ending, Report},
    summary::Summary,
};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::{
    blobs, census::Census, error::ControlError, plane::ControlPlane, record::RunRecord, state, status::Status,
};

/// How large the totals in a run's record may be, in bytes of JSON; the rest of the record is smaller.
pub const MAX_RESULTS_BYTES: usize = 150_000;
/// How many reports are read at once.
const READS: usize = 8;

impl ControlPlane {
    /// Merges what there is, writes it down, and ends the run. Done twice, it does the same.
    pub(crate) async fn finish(&self, run: &RunRecord, status: Status, census: &Census) -> Result<(), ControlError> {
        let (mut summary, unreadable) = self.merge_reports(run).await?;
        let mut counted = run.clone();
        counted.lose(&unreadable);
        if summary.missing().next().is_some() {
            counted.reasons.iter().for_each(|reason| summary.remark(reason.clone()));
        }
        blobs::write(&self.ports.blobs, &Self::blob(&run.key(), keys::SUMMARY), &summary).await?;
        if census.alive().next().is_some() {
            self.stop(run, "the run has ended").await?;
        }
        let now_ms = self.now_ms();
        let end = |run: &mut RunRecord| conclude(run, status, &summary, &unreadable, now_ms);
        let ended = self.records.update::<RunRecord>(&(&run.key()).into(), end).await?;
        match ended {
            Some(run) => self.note_latest(&run).await,
            None => Ok(()),
        }
    }

    /// All reports in one, and the workers whose report cannot be read.
    async fn merge_reports(&self, run: &RunRecord) -> Result<(Summary, BTreeMap<u32, String>), ControlError> {
        let key = run.key();
        let workers = blobs::indices(&self.ports.blobs, &Self::blob(&key, "reports")).await?;
        let mut summary = Summary::new(&run.test_id, &run.run_id, run.each_worker());
        let mut unreadable = BTreeMap::new();
        let reads: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                let path = Self::blob(&key, &keys::report(worker));
                async move { (worker, blobs::read::<Report>(&self.ports.blobs, &path).await) }
            })
            .collect();
        let mut reads = futures::stream::iter(reads).buffered(READS);
        while let Some((worker, read)) = reads.next().await {
            let added = match read {
                Ok(Some(report)) => summary.add(&report).map_err(|error| error.to_string()),
                Ok(None) => continue,
                Err(ControlError::Corrupt(error)) => Err(error),
                Err(error) => return Err(error),
            };
            if let Err(error) = added {
                unreadable.insert(worker, format!("left a report that cannot be read: {error}"));
            }
        }
        Ok((summary, unreadable))
    }
}

/// Writes into the record what came out. A run that has ended stays as it ended.
fn conclude(run: &mut RunRecord, status: Status, summary: &Summary, unreadable: &BTreeMap<u32, String>, now_ms: u64) {
    if run.status.is_end() {
        return;
    }
    let missing: BTreeMap<u32, String> =
        summary.missing().map(|worker| (worker, "left no report".to_owned())).collect();
    run.lose(unreadable);
    run.lose(&missing);
    // A worker that was given up and reported all the same is not lost.
    run.lost.retain(|worker| missing.contains_key(worker));
    let started = summary.workers.values().filter(|one| one.ending.is_some_and(|how| how != Ending::NeverStarted));
    for worker in started {
        *run.complete_tasks.entry(worker.region.clone()).or_default() += 1;
    }
    // Who was stopped before the start has reported, but measured nothing.
    let measured = summary.ended(Ending::Finished).next().is_some() || summary.total.max_virtual_users > 0;
    let status = if status == Status::Complete && !measured { Status::Failed } else { status };
    let reasons = summary.partial_reasons().join("; ");
    run.partial = status != Status::Cancelled && !reasons.is_empty();
    run.error_reason = match status {
        Status::Failed if reasons.is_empty() => Some("no worker made any load".to_owned()),
        Status::Failed => Some(format!("no worker made any load: {reasons}")),
        _ if run.partial => Some(reasons),
        // That workers were stopped is what cancelling means; that some were lost is worth a word.
        _ => (!run.lost.is_empty()).then(|| run.reasons.join("; ")),
    };
    run.results = measured.then(|| bounded(Value::Object(dlt_model::dlt_results::results(summary))));
    run.ended_at_ms = Some(now_ms);
    state::forward(run, status);
}

/// The totals, without the labels of regions and then without the last labels, so that they fit into an item.
fn bounded(mut results: Value) -> Value {
    if fits(&results) {
        return results;
    }
    for (region, part) in results.as_object_mut().into_iter().flatten() {
        if region != "total" {
            part["labels"] = json!([]);
            part["labelsTruncated"] = json!(true);
        }
    }
    while !fits(&results) {
        let Some(labels) = results["total"]["labels"].as_array_mut().filter(|labels| !labels.is_empty()) else { break };
        labels.truncate(labels.len() / 2);
        results["total"]["labelsTruncated"] = json!(true);
    }
    results
}

fn fits(results: &Value) -> bool {
    results.to_string().len() <= MAX_RESULTS_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_a_thousand_labels_fit_into_an_item_and_say_that_some_are_missing() {
        let label = |index: usize| json!({"label": format!("label {index} {}", "x".repeat(500)), "succ": 1});
        let labels: Vec<Value> = (0..1_000).map(label).collect();
        let results = bounded(json!({"total": {"labels": labels, "succ": 1}, "eu-west-1": {"labels": labels}}));
        assert!(fits(&results));
        assert_eq!(results["total"]["labelsTruncated"], true);
        assert!(!results["total"]["labels"].as_array().expect("labels").is_empty());
        assert_eq!(results["total"]["succ"], 1);
    }
}
