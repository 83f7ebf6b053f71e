//! The report as one page that needs nothing else: no script, no style and no picture from elsewhere.

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::json;

use super::{
    figures::{self, LONGEST_LIST, Request},
    plot::{self, Line, Plot},
};
use crate::{gate::conclusion::Conclusion, report::units};

static PAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", include_str!("page.html.j2")).expect("the page is a valid template");
    environment
});

/// The whole page.
///
/// # Errors
/// None but a fault in the page itself.
pub fn html(conclusion: &Conclusion) -> Result<String, minijinja::Error> {
    let requests = conclusion.summary.as_ref().map(figures::requests).unwrap_or_default();
    let clauses: Vec<_> = conclusion
        .judgement
        .clauses
        .iter()
        .map(|judged| {
            json!({
                "clause": judged.clause.to_string(),
                "outcome": figures::outcome_word(judged),
                "observed": figures::observed_text(judged),
                "limit": figures::limit_text(judged),
                "samples": units::count(judged.samples),
            })
        })
        .collect();
    let comparisons: Vec<_> = conclusion
        .comparisons
        .iter()
        .map(|compared| {
            json!({
                "question": compared.question(),
                "outcome": figures::comparison_word(compared),
                "observed": compared.observed(),
                "meaning": compared.meaning(),
            })
        })
        .collect();
    let page = json!({
        "scenario": conclusion.scenario,
        "place": conclusion.place,
        "word": conclusion.word(),
        "reasons": conclusion.reasons(),
        "link": conclusion.link,
        "linked": conclusion.link.starts_with("http"),
        "run_id": conclusion.run_id,
        "test_id": conclusion.test_id,
        "clauses": clauses,
        "baseline": conclusion.baseline,
        "comparisons": comparisons,
        "headline": conclusion.summary.as_ref().map(figures::headline),
        "slowest": figures::slowest(&requests).into_iter().map(row).collect::<Vec<_>>(),
        "failing": figures::most_failing(&requests).into_iter().map(row).collect::<Vec<_>>(),
        "requests": requests.iter().take(LONGEST_LIST).map(row).collect::<Vec<_>>(),
        "more": requests.len().saturating_sub(LONGEST_LIST),
        "plots": plots(conclusion),
    });
    PAGE.get_template("page")?.render(minijinja::value::Serde(page))
}

fn row(request: &Request) -> serde_json::Value {
    json!({
        "label": request.label,
        "samples": units::count(request.samples),
        "failed": units::count(request.failed),
        "rate": format!("{:.2}", request.rate_per_second),
        "p50": units::latency_or_dash(request.latency_us_p50),
        "p90": units::latency_or_dash(request.latency_us_p90),
        "p95": units::latency_or_dash(request.latency_us_p95),
        "p99": units::latency_or_dash(request.latency_us_p99),
        "max": units::latency_or_dash(request.latency_us_max),
        "outcomes": request.outcomes_text(),
    })
}

fn plots(conclusion: &Conclusion) -> Vec<Plot> {
    let Some(summary) = &conclusion.summary else { return Vec::new() };
    let stretches = plot::stretches(summary);
    if stretches.is_empty() {
        return Vec::new();
    }
    let at: Vec<u64> = stretches.iter().map(|stretch| stretch.until_secs).collect();
    let percentile = |name, thousandths| {
        let values =
            stretches.iter().map(|stretch| stretch.latency.percentile_us(thousandths).map(|us| us as f64 / 1_000.0));
        Line { name, values: values.collect() }
    };
    let each = |name, value: &dyn Fn(&plot::Stretch) -> f64| Line {
        name,
        values: stretches.iter().map(|stretch| Some(value(stretch))).collect(),
    };
    let latencies = [percentile("p50", 50_000), percentile("p95", 95_000), percentile("p99", 99_000)];
    let rate = [each("samples", &|one| (one.succeeded + one.failed) as f64 / one.secs as f64)];
    let errors = [each("failed", &|one| one.failed as f64 / one.secs as f64)];
    let users = [each("virtual users", &|one| one.virtual_users as f64)];
    vec![
        plot::lines("Latency over time", "milliseconds", &at, &latencies),
        plot::lines("Rate over time", "samples a second", &at, &rate),
        plot::lines("Failures over time", "failed samples a second", &at, &errors),
        plot::lines("Users over time", "virtual users", &at, &users),
        plot::histogram("How long samples took", &summary.total.all.latency),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::conclusion::tests::{compared, concluded, measured};
    use crate::run::outcome::Ending;

    fn page(summary: Option<dlt_model::summary::Summary>) -> String {
        let ending = Ending { status: "complete".to_owned(), ..Ending::default() };
        html(&concluded("success_rate >= 99.5%; p95 <= 300ms", summary, ending)).expect("a page")
    }

    #[test]
    fn a_page_of_an_hour_is_small_and_needs_nothing_from_elsewhere() {
        let page = page(Some(measured(3_600)));
        assert!(page.len() < 300_000, "{} bytes", page.len());
        for foreign in ["<script", "<link", "<img", "@import", "url(", "src="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("<svg").count(), 5);
        assert_eq!(page.matches("role=\"img\"").count(), 5);
    }

    #[test]
    fn a_page_of_an_hour_stays_small_however_many_requests_there_are() {
        let mut summary = measured(3_600);
        let one = summary.total.labels.values().next().expect("a label").clone();
        let name = |number: usize| format!("GET /shops/main/departments/garden/products/{number:04}/reviews");
        summary.total.labels = (0..2 * LONGEST_LIST).map(|number| (name(number), one.clone())).collect();
        let page = page(Some(summary));
        assert!(page.len() < 300_000, "{} bytes", page.len());
        assert!(page.contains("and 500 more"));
    }

    #[test]
    fn names_are_text_and_never_markup() {
        let page = page(Some(measured(2)));
        assert!(page.contains("shop &lt;front&gt;") && !page.contains("<front>") && !page.contains("<home>"));
    }

    #[test]
    fn a_comparison_is_told_in_words() {
        let page = html(&compared("success_rate >= 99%")).expect("a page");
        for part in ["Compared with 01J|`&lt;earlier&gt;`", "worse, and more than noise", "within the tolerance"] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn without_results_the_page_still_says_why() {
        let page = page(None);
        assert!(page.contains("left no results") && !page.contains("<svg"));
    }
}
