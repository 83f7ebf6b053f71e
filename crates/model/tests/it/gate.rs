//! The gate language: what is written is read, and what is wrong is told at its place.

use dlt_model::gate::{Clause, from_aliases, parse};
use proptest::prelude::*;

fn wrong(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn every_problem_is_told_at_its_line_and_column() {
    let text = "p95 <= 800ms; p95 <= 800\n\n# a note; p95\nsucces_rate >= 99%;avg of \"a;b\" ~ 1s";
    assert_eq!(
        wrong(text),
        "1:22: `800` needs a unit (write `800ms` or `800s`)\n\
         4:1: `succes_rate` is not something a run is judged by (did you mean `success_rate`?)\n\
         4:33: expected one of >=, >, <=, < and ==, found `~`"
    );
}

#[test]
fn a_share_is_not_taken_for_a_percentage() {
    assert_eq!(
        wrong("error_rate < 0.01"),
        "1:14: `0.01` needs a percent sign (write `1%` for that share of all, or `0.01%`)"
    );
}

#[test]
fn nonsense_is_refused_and_never_panics() {
    for text in [
        "",
        ";",
        "p95",
        "p95 <=",
        "p <= 1s",
        "p95 <= -1s",
        "p95 <= 1",
        "p95 <= 1e3ms",
        "p95 <= 2h",
        "p95 <= 61m",
        "p95 <= 0.0000001s",
        "p100.1 < 1s",
        "p99.9999 < 1s",
        "success_rate >= -1%",
        "success_rate >= 100.1%",
        "success_rate >= 1.0000001%",
        "success_rate >= %",
        "failures == 1.5",
        "failures == 1%",
        "throughput > x/s",
        "p95 of",
        "p95 of \"a",
        "p95 <= 1s over",
        "p95 <= 1s over 0s",
        "p95 <= 1s over 1s over 2s",
        "require",
        "warn warn p95 < 1s",
        "p95 <= 1s p99 <= 2s",
        "p95 <= 99999999999999999999s",
        "p(95 <= 1s",
        "é <= 1s",
        "p95 <= 1é",
        "\"p95\" of \"",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_two_variables_are_two_spellings_of_clauses() {
    let clauses =
        |rate, p95| from_aliases(rate, p95).map(|read| read.clauses.iter().map(Clause::to_string).collect::<Vec<_>>());
    let expected = vec!["success_rate >= 99.5%".to_owned(), "p95 <= 800ms".to_owned()];
    for (rate, p95) in [("99.5", "0.8"), ("99.5%", "800ms"), (" 99.50 % ", "0.8s"), ("99.500000", "800000us")] {
        assert_eq!(clauses(Some(rate), Some(p95)), Ok(expected.clone()), "{rate} {p95}");
    }
    assert_eq!(clauses(None, None), Ok(Vec::new()));
    assert_eq!(clauses(Some(""), Some(" ")), Ok(Vec::new()));
    assert_eq!(clauses(Some("100"), Some("1m")), Ok(vec!["success_rate >= 100%".to_owned(), "p95 <= 60s".to_owned()]));
}

#[test]
fn variables_that_make_no_sense_are_all_told_by_name() {
    assert_eq!(
        from_aliases(Some("101"), Some("fast")).unwrap_err().to_string(),
        "EXPECT_SUCCESS_RATE: `101` is more than 100% (expected a percentage from 0 to 100, such as 99.5)\n\
         SUCCESS_P95: `fast` is not a latency: expected a number and us, ms, s or m (expected seconds such as 0.8, or a \
         latency such as 800ms)"
    );
    for (rate, p95) in
        [("-1", "1"), ("1e2", "1"), ("99,5", "1"), ("99", "-1"), ("99", "1..2"), ("99", "2h"), ("99", "%")]
    {
        assert!(from_aliases(Some(rate), Some(p95)).is_err(), "{rate} {p95}");
    }
}

#[test]
fn a_limit_of_more_than_a_minute_is_questioned() {
    let warned = |text| from_aliases(None, Some(text)).unwrap().warnings.len();
    assert_eq!((warned("99"), warned("60"), warned("99s"), warned("0.8")), (1, 0, 0, 0));
}

fn text_of_a_clause() -> impl Strategy<Value = String> {
    let severity = prop::sample::select(vec!["", "require ", "warn "]);
    let op = prop::sample::select(vec![">=", ">", "<=", "<", "=="]);
    let percent = (0..=100_000_000_u64)
        .prop_map(|millionths| format!("{}.{:06}%", millionths / 1_000_000, millionths % 1_000_000));
    let rate = prop_oneof![
        percent.prop_map(|value| ("success_rate".to_owned(), value)),
        any::<u64>().prop_map(|value| ("failures".to_owned(), value.to_string())),
        (0..1_000_000_000_u64, 0..1_000_000_u32)
            .prop_map(|(whole, part)| ("throughput".to_owned(), format!("{whole}.{part:06}/s"))),
    ];
    let latency = (prop::sample::select(vec!["avg", "min", "max", "stdev", "med"]), 0..3_600_000_000_u64)
        .prop_map(|(subject, micros)| (subject.to_owned(), format!("{micros}us")));
    let percentile = (0..=100_000_u32, 0..3_600_000_u64).prop_map(|(thousandths, millis)| {
        (format!("p{}.{:03}", thousandths / 1_000, thousandths % 1_000), format!("{millis}ms"))
    });
    let body = prop_oneof![rate, latency, percentile];
    let place = prop_oneof![
        Just((String::new(), String::new())),
        "[^\\n\\r]{0,12}"
            .prop_map(|label| (format!(" of \"{}\"", label.replace('\\', "\\\\").replace('"', "\\\"")), String::new())),
        (1..100_000_u32).prop_map(|secs| (String::new(), format!(" over {secs}s"))),
    ];
    (severity, body, op, place).prop_map(|(severity, (subject, value), op, (selector, window))| {
        format!("{severity}{subject}{selector} {op} {value}{window}")
    })
}

proptest! {
    #[test]
    fn a_clause_that_is_written_is_read_back(text in text_of_a_clause()) {
        let read: Clause = text.parse().map_err(|wrong| TestCaseError::fail(format!("{text}: {wrong}")))?;
        let again: Clause = read.to_string().parse().map_err(|wrong| TestCaseError::fail(format!("{read}: {wrong}")))?;
        prop_assert_eq!(&again, &read);
        prop_assert_eq!(again.to_string(), read.to_string());
        let stored = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(serde_json::from_str::<Clause>(&stored).unwrap(), read);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        drop(parse(&text));
        drop(from_aliases(Some(&text), Some(&text)));
    }
}
