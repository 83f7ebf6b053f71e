//! What the gate says of runs that might have been.

use dlt_model::{
    gate::{Clause, Outcome, Verdict, broken_so_far, judge, parse},
    report::Ending,
    summary::{Slice, Summary},
};
use proptest::prelude::*;

use crate::reports::{Seen, counts, report, summary};

fn clauses(text: &str) -> Vec<Clause> {
    parse(text).unwrap()
}

fn verdict(text: &str, summary: &Summary) -> Verdict {
    judge(&clauses(text), summary).verdict
}

fn run(seconds: &[Seen]) -> Summary {
    summary(1, &[report(0, "eu-west-1", "home", seconds)])
}

fn slices(seconds: &[Seen]) -> Vec<Slice> {
    run(seconds).seconds
}

#[test]
fn one_failure_in_a_million_is_not_a_hundred_percent() {
    let mut summary = run(&[counts(1, 0)]);
    (summary.total.all.succeeded, summary.total.all.failed) = (999_999, 1);
    assert_eq!(verdict("success_rate >= 100%", &summary), Verdict::Failed);
    assert_eq!(verdict("success_rate >= 99.9999%", &summary), Verdict::Passed);
    assert_eq!(verdict("success_rate > 99.9999%", &summary), Verdict::Failed);
    assert_eq!(verdict("error_rate == 0.0001%", &summary), Verdict::Passed);
}

#[test]
fn a_limit_that_is_just_met_is_met() {
    let summary = run(&[counts(95, 5)]);
    assert_eq!(
        verdict("success_rate >= 95%; failures <= 5; samples == 100; throughput >= 100/s", &summary),
        Verdict::Passed
    );
    assert_eq!(verdict("success_rate > 95%", &summary), Verdict::Failed);
}

#[test]
fn a_percentile_passes_only_at_its_buckets_upper_edge() {
    let seen = Seen { succeeded: vec![100_000; 94].into_iter().chain([123_457; 6]).collect(), failed: Vec::new() };
    let summary = run(&[seen]);
    assert_eq!(verdict("p95 <= 123.456ms", &summary), Verdict::Failed);
    assert_eq!(verdict("p95 <= 124ms; p94 <= 101ms", &summary), Verdict::Passed);
}

#[test]
fn every_clause_is_judged_whatever_the_others_say() {
    let judgement = judge(&clauses("p95 <= 1ms; success_rate >= 99%; warn avg < 1ms; max < 1m"), &run(&[counts(1, 1)]));
    let held: Vec<bool> = judgement.clauses.iter().map(|clause| clause.held()).collect();
    assert_eq!(held, [false, false, false, true]);
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(judgement.clauses[1].observed.unwrap().to_string(), "50%");
    assert_eq!(judgement.clauses[1].samples, 2);
}

#[test]
fn a_warning_fails_nothing() {
    assert_eq!(verdict("warn success_rate >= 99%", &run(&[counts(0, 1)])), Verdict::Passed);
    assert_eq!(verdict("abort success_rate >= 99%", &run(&[counts(0, 1)])), Verdict::Failed);
}

#[test]
fn no_samples_never_pass() {
    for text in ["success_rate >= 0%", "failures == 0", "p95 <= 1s over 1s", "warn p95 <= 1s"] {
        assert!(matches!(verdict(text, &run(&[])), Verdict::Invalid(_)), "{text}");
    }
    assert_eq!(judge(&[], &run(&[])).verdict, Verdict::Invalid(vec!["there are no samples".to_owned()]));
}

#[test]
fn a_missing_worker_makes_the_run_invalid_with_its_number_and_the_reason() {
    let mut summary = summary(3, &[report(1, "eu-west-1", "home", &[counts(10, 0)])]);
    summary.remark("worker 2 ran out of memory");
    assert_eq!(
        verdict("success_rate >= 50%", &summary),
        Verdict::Invalid(vec![
            "2 of 3 workers left no report: 0, 2".to_owned(),
            "worker 2 ran out of memory".to_owned()
        ])
    );
}

#[test]
fn a_worker_that_never_started_or_was_degraded_makes_the_run_invalid() {
    let mut late = report(0, "eu-west-1", "home", &[counts(10, 0)]);
    late.ending = Ending::NeverStarted;
    assert!(matches!(verdict("failures == 0", &summary(1, &[late])), Verdict::Invalid(_)));
    let mut slow = report(0, "eu-west-1", "home", &[counts(10, 0)]);
    slow.degraded.push("the event loop was 900 ms late".to_owned());
    assert_eq!(
        verdict("failures == 0", &summary(1, &[slow])),
        Verdict::Invalid(vec!["worker 0: the event loop was 900 ms late".to_owned()])
    );
}

#[test]
fn a_run_stopped_by_hand_is_invalid_and_one_stopped_by_its_gate_has_failed() {
    let mut stopped = report(0, "eu-west-1", "home", &[counts(5, 5)]);
    stopped.ending = Ending::Stopped;
    let summary = summary(1, &[stopped]);
    assert!(matches!(verdict("success_rate >= 10%", &summary), Verdict::Invalid(_)));
    assert_eq!(verdict("abort error_rate < 20%", &summary), Verdict::Failed);
    let recovered = clauses("abort error_rate < 60%").remove(0);
    let summary = Summary { aborted_by: Some(recovered), ..summary };
    assert_eq!(verdict("abort error_rate < 60%", &summary), Verdict::Failed);
}

#[test]
fn a_label_that_nobody_used_makes_the_gate_invalid_and_is_told() {
    let judgement = judge(&clauses("p95 of \"hoem\" <= 1s; warn p95 of \"x\" <= 1s"), &run(&[counts(1, 0)]));
    let Verdict::Invalid(reasons) = judgement.verdict else { panic!("expected invalid") };
    assert_eq!(
        reasons,
        ["`p95 of \"hoem\" <= 1s` cannot be judged: no sample is labelled `hoem`; the labels are: home"]
    );
    assert!(matches!(judgement.clauses[1].outcome, Outcome::Unjudged(_)));
}

#[test]
fn a_label_is_judged_by_its_own_samples() {
    let reports = [report(0, "eu-west-1", "home", &[counts(99, 0)]), report(1, "eu-west-1", "buy", &[counts(0, 1)])];
    let summary = summary(2, &reports);
    assert_eq!(verdict("success_rate >= 99%; success_rate of \"home\" >= 100%", &summary), Verdict::Passed);
    assert_eq!(verdict("success_rate of \"buy\" >= 99%", &summary), Verdict::Failed);
}

#[test]
fn a_window_finds_the_bad_stretch_that_the_whole_run_hides() {
    let mut seconds = vec![counts(100, 0); 60];
    seconds[20] = counts(10, 90);
    let summary = run(&seconds);
    assert_eq!(verdict("error_rate < 5%", &summary), Verdict::Passed);
    let judgement = judge(&clauses("error_rate < 5% over 10s"), &summary);
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(judgement.clauses[0].observed.unwrap().to_string(), "9%");
    assert_eq!(judgement.clauses[0].samples, 1_000);
    assert_eq!(judgement.clauses[0].until_second, Some(21));
}

#[test]
fn a_quiet_stretch_has_no_throughput_and_no_percentile() {
    let seconds = [counts(10, 0), counts(0, 0), counts(0, 0), counts(10, 0)];
    assert_eq!(verdict("throughput >= 1/s over 2s", &run(&seconds)), Verdict::Failed);
    assert_eq!(verdict("p95 <= 20ms over 2s", &run(&seconds)), Verdict::Passed);
}

#[test]
fn a_window_longer_than_the_run_is_the_run() {
    assert_eq!(verdict("error_rate < 20% over 1h", &run(&[counts(9, 1), counts(9, 1)])), Verdict::Passed);
}

#[test]
fn a_running_test_is_aborted_by_the_latest_full_window_only() {
    let gate = clauses("abort error_rate < 20% over 3s; error_rate < 1%");
    assert!(broken_so_far(&gate, &slices(&[counts(0, 10), counts(0, 10)])).is_empty(), "the window is not full");
    assert_eq!(broken_so_far(&gate, &slices(&[counts(0, 10), counts(0, 10), counts(10, 0)])).len(), 1);
    let recovered = [counts(0, 10), counts(10, 0), counts(10, 0), counts(10, 0)];
    assert!(broken_so_far(&gate, &slices(&recovered)).is_empty());
}

#[test]
fn a_running_test_is_not_aborted_for_what_time_will_bring() {
    let seconds = slices(&[counts(10, 0)]);
    assert!(broken_so_far(&clauses("abort samples >= 1000"), &seconds).is_empty());
    assert_eq!(broken_so_far(&clauses("abort samples <= 5"), &seconds).len(), 1);
    assert!(broken_so_far(&clauses("abort p95 <= 1ms"), &[]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_further_failure_never_turns_a_fail_into_a_pass(
        seconds in prop::collection::vec((0..20_usize, 0..20_usize), 1..8),
        at in 0..8_usize,
        limit in 0..=100_u32,
    ) {
        let before: Vec<Seen> = seconds.iter().map(|(good, bad)| counts(*good, *bad)).collect();
        let mut after = before.clone();
        let at = at % after.len();
        after[at].failed.push(10_000);
        for text in [format!("success_rate >= {limit}%"), format!("error_rate <= {limit}% over 2s"), format!("failures < {limit}")] {
            if verdict(&text, &run(&before)) == Verdict::Failed {
                prop_assert_eq!(verdict(&text, &run(&after)), Verdict::Failed, "{}", text);
            }
        }
    }

    #[test]
    fn a_slower_sample_never_turns_a_fail_into_a_pass(
        latencies in prop::collection::vec(1..2_000_000_u64, 1..30),
        slower in 1_000_000..3_000_000_u64,
    ) {
        let seen = |latencies: Vec<u64>| run(&[Seen { succeeded: latencies, failed: Vec::new() }]);
        let more: Vec<u64> = latencies.iter().copied().chain([slower.max(*latencies.iter().max().unwrap())]).collect();
        for text in ["p95 <= 1s", "max <= 1s", "p50 <= 1s over 1s"] {
            if verdict(text, &seen(latencies.clone())) == Verdict::Failed {
                prop_assert_eq!(verdict(text, &seen(more.clone())), Verdict::Failed, "{}", text);
            }
        }
    }

    #[test]
    fn a_window_over_everything_says_what_the_whole_run_says(
        latencies in prop::collection::vec(1..2_000_000_u64, 1..30),
        percent in 0..=100_u32,
    ) {
        let summary = run(&[Seen { succeeded: latencies, failed: Vec::new() }]);
        let text = format!("p{percent} <= 1s; p{percent} <= 1s over 1s");
        let judgement = judge(&clauses(&text), &summary);
        prop_assert_eq!(judgement.clauses[0].observed, judgement.clauses[1].observed);
    }
}
