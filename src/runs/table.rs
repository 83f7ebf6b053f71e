//! Lists of scenarios and of runs, a line each.

use super::kept::{ListedRun, ListedScenario};
use crate::{
    report::{summary::table, units},
    text::measure,
};

/// What stands where nothing is known.
const NOTHING: &str = "–";

/// Scenarios by name.
pub fn scenarios(listed: &[ListedScenario]) -> String {
    let mut listed: Vec<&ListedScenario> = listed.iter().collect();
    listed.sort_by(|one, other| (&one.test_name, &one.test_id).cmp(&(&other.test_name, &other.test_id)));
    let is_planned = listed.iter().any(|one| next_start(one).is_some());
    let is_filed = listed.iter().any(|one| !one.tags.is_empty());
    // Two times side by side leave no room for seconds.
    let savings = if is_planned { &[Saving::Seconds][..] } else { &[] };
    let rows = listed.into_iter().map(|one| {
        let mut row = vec![
            one.test_id.clone(),
            units::count(one.total_test_runs),
            one.test_name.clone(),
            known(one.status.as_deref()),
            started(one.start_time.as_deref(), savings),
        ];
        row.extend(is_planned.then(|| known(next_start(one).as_deref())));
        row.extend(is_filed.then(|| one.tags.join(", ")));
        row
    });
    let mut header = vec!["id", "runs", "name", "last run", "started (UTC)"];
    header.extend(is_planned.then_some("next (UTC)"));
    header.extend(is_filed.then_some("tags"));
    table(header, 1..2, rows)
}

/// `2026-12-24 01:00`, in UTC as the other times.
fn next_start(one: &ListedScenario) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(one.next_run_at_ms?).ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// A list as it is shown, and the columns for which there was no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The lines.
    pub text: String,
    /// By name.
    pub left_out: Vec<&'static str>,
}

/// What is given up for a narrower list, one after another: what is needed least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saving {
    Seconds,
    Year,
    Words,
    Column(&'static str),
}

/// The columns that a list can do without, last the ones that it should not.
const SAVINGS: [Saving; 10] = [
    Saving::Seconds,
    Saving::Year,
    Saving::Words,
    Saving::Column("p50"),
    Saving::Column("rate"),
    Saving::Column("p99"),
    Saving::Column("samples"),
    Saving::Column("failed"),
    Saving::Column("p95"),
    Saving::Column("started"),
];
/// The columns whose cells are numbers.
const NUMBERS: [&str; 6] = ["samples", "failed", "rate", "p50", "p95", "p99"];

/// Runs in the order in which they are given, in lines no wider than `width` as far as columns can be spared: a run's id
/// and its status always stand there whole.
pub fn runs(listed: &[ListedRun], width: usize) -> Listing {
    let lists = (0..=SAVINGS.len()).map(|count| saving(listed, &SAVINGS[..count]));
    let fits = |listing: &Listing| listing.text.lines().all(|line| measure::columns(line) <= width);
    let mut narrowest = None;
    for listing in lists {
        if fits(&listing) {
            return listing;
        }
        narrowest = Some(listing);
    }
    narrowest.expect("there is a list with all savings")
}

fn saving(listed: &[ListedRun], savings: &[Saving]) -> Listing {
    let all = ["run", "started", "status"].into_iter().chain(NUMBERS);
    let (columns, left_out): (Vec<&'static str>, Vec<_>) =
        all.partition(|column| !savings.contains(&Saving::Column(column)));
    let header: Vec<&str> = columns.iter().map(|column| heading(column, savings)).collect();
    let rows = listed.iter().map(|run| columns.iter().map(|column| cell(run, column, savings)).collect::<Vec<_>>());
    let first = columns.iter().position(|column| NUMBERS.contains(column)).unwrap_or(columns.len());
    let text = table(header, first..columns.len(), rows).trim_end().to_owned();
    Listing { text, left_out }
}

fn heading(column: &'static str, savings: &[Saving]) -> &'static str {
    match column {
        "started" if savings.contains(&Saving::Year) => "start (UTC)",
        "started" => "started (UTC)",
        other => other,
    }
}

fn cell(run: &ListedRun, column: &str, savings: &[Saving]) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| NOTHING.to_owned(), units::count);
    match column {
        "run" => run.test_run_id.clone(),
        "started" => started(run.start_time.as_deref(), savings),
        "status" => match (run.partial, run.status.as_str()) {
            // What is complete and lacks something is the only thing that this word can mean alone.
            (true, "complete") if savings.contains(&Saving::Words) => "partial".to_owned(),
            (true, status) => format!("{status}, partial"),
            (false, status) => status.to_owned(),
        },
        "samples" => number(run.requests),
        "failed" => number(run.errors),
        "rate" => {
            let rate = |rate: f64| format!("{}/s", units::decimal(rate.round()));
            run.requests_per_second.map_or_else(|| NOTHING.to_owned(), rate)
        }
        "p50" => latency(run.percentiles.p50),
        "p95" => latency(run.percentiles.p95),
        _ => latency(run.percentiles.p99),
    }
}

/// `2026-11-22 09:37:33`, or what of it has room. What is written otherwise stays as it is.
fn started(text: Option<&str>, savings: &[Saving]) -> String {
    let whole = known(text);
    let (year, seconds) = (savings.contains(&Saving::Year), savings.contains(&Saving::Seconds));
    let mut short = whole.as_str();
    let is_usual = short.is_ascii() && short.len() == "2026-11-22 09:37:33".len();
    if is_usual && seconds {
        short = &short[.."2026-11-22 09:37".len()];
    }
    if is_usual && year {
        short = &short["2026-".len()..];
    }
    short.to_owned()
}

fn known(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(NOTHING).to_owned()
}

fn latency(milliseconds: Option<f64>) -> String {
    // The list has hundredths of a millisecond.
    units::latency_or_dash(milliseconds.filter(|ms| *ms >= 0.0).map(|ms| (ms * 1_000.0).round() as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read<T: serde::de::DeserializeOwned>(list: Value) -> Vec<T> {
        serde_json::from_value(list).expect("what the API lists")
    }

    fn listed() -> Vec<ListedRun> {
        let percentiles = json!({"p0": 0.1, "p50": 0.52, "p90": 9.0, "p95": 12.4, "p99": 1_530.0, "p99_9": null});
        let of = |id: &str, status: &str, partial: bool| {
            json!({"testRunId": id, "startTime": "2026-11-21 18:00:00", "status": status, "partial": partial,
                   "requests": 1_215_808, "success": 1_215_000, "errors": 808, "requestsPerSecond": 11_578.4,
                   "percentiles": percentiles})
        };
        read(json!([
            {"testRunId": "01M81BCSRAPXM929NBXY8N1H83", "startTime": "2026-11-22 09:37:33", "status": "running",
             "partial": false},
            of("01M81BCSRAPXM929NBXY8N1H82", "complete", false),
            of("01M81BCSRAPXM929NBXY8N1H81", "complete", true),
            of("01M81BCSRAPXM929NBXY8N1H80", "cancelled", false),
        ]))
    }

    fn shown(width: usize) -> String {
        let Listing { text, left_out } = runs(&listed(), width);
        assert!(text.lines().all(|line| measure::columns(line) <= width), "{text}");
        format!("{text}\nleft out: {}", left_out.join(", "))
    }

    #[test]
    fn runs_are_told_a_line_each_with_what_is_known_of_them() {
        insta::assert_snapshot!(shown(120));
        assert_eq!(runs(&listed(), usize::MAX).left_out, Vec::<&str>::new(), "a pipe has room for everything");
    }

    #[test]
    fn runs_fit_80_columns() {
        insta::assert_snapshot!(shown(80));
    }

    #[test]
    fn a_runs_id_and_status_stand_there_however_narrow_it_is() {
        let Listing { text, left_out } = runs(&listed(), 20);
        assert!(text.contains("01M81BCSRAPXM929NBXY8N1H80") && text.contains("cancelled"), "{text}");
        assert_eq!(left_out.len(), 7);
    }

    #[test]
    fn a_time_that_is_written_otherwise_is_not_cut() {
        let savings = [Saving::Seconds, Saving::Year];
        assert_eq!(started(Some("2026-11-22 09:37:33"), &savings), "11-22 09:37");
        for other in ["yesterday, an hour ago", "–––––––––––––––––––", "2026-11-22"]
        {
            assert_eq!(started(Some(other), &savings), other);
        }
        assert_eq!(started(None, &savings), NOTHING);
    }

    #[test]
    fn scenarios_are_told_by_name() {
        let listed = read(json!([
            {"testId": "b1", "testName": "shop", "status": "complete", "startTime": "2026-11-22 09:37:33", "tags": ["qa", "eu"],
             "totalTestRuns": 1_204},
            {"testId": "a9", "testName": "checkout", "status": "", "tags": [], "totalTestRuns": 0},
        ]));
        insta::assert_snapshot!(scenarios(&listed));
    }
}
