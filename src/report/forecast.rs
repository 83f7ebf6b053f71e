//! What a run will be, before it is one: a line over time for each execution, and what follows from it.

use std::fmt::Write;

use dlt_model::{
    duration::Duration,
    forecast::{Course, Forecast, Rows, Spread, Unit},
    program::FeedOrder,
};

use super::{summary::Paint, units};
use crate::text::measure;

/// Rows of a plot.
const HEIGHT: usize = 4;
/// Columns in front of a plot: the level, and its axis.
const MARGIN: usize = 10;
/// How wide the text may be.
const WIDTH: usize = 80;

/// The whole page.
pub fn text(forecast: &Forecast, paint: &Paint) -> String {
    let mut page = String::new();
    line(&mut page, paint.strong.apply_to(&forecast.name));
    line(&mut page, head(forecast));
    for course in &forecast.executions {
        page.push('\n');
        line(&mut page, format!("{} · {} of `{}`", paint.strong.apply_to(&course.name), course.executor, course.flow));
        page.push_str(&plot(course, forecast.duration, paint));
        for (what, said) in facts(course) {
            line(&mut page, fact(what, &said, paint));
        }
    }
    page.push('\n');
    for (what, said) in totals(forecast) {
        line(&mut page, fact(what, &said, paint));
    }
    let assumed = format!("assumed: {}", forecast.assumptions.join("; "));
    page.push('\n');
    for row in measure::folded("", &assumed, "", WIDTH - 2) {
        line(&mut page, paint.faint.apply_to(row));
    }
    for warning in &forecast.warnings {
        let mark = format!("{} ", paint.doubtful.apply_to("!"));
        measure::folded(&mark, warning, "  ", WIDTH).iter().for_each(|row| line(&mut page, row));
    }
    page
}

fn line(page: &mut String, text: impl std::fmt::Display) {
    writeln!(page, "{text}").expect("writing to a string");
}

/// Users, workers and time, in a line.
pub fn brief(forecast: &Forecast) -> String {
    sizes(forecast, "")
}

fn sizes(forecast: &Forecast, at_most: &str) -> String {
    format!(
        "{}{at_most} · {} in {} · {}",
        counted(forecast.virtual_users, "VU"),
        counted(u64::from(forecast.workers), "worker"),
        places(forecast),
        forecast.duration,
    )
}

/// The region, or how many there are.
fn places(forecast: &Forecast) -> String {
    match forecast.regions.as_slice() {
        [one] => one.region.clone(),
        several => format!("{} regions", several.len()),
    }
}

fn head(forecast: &Forecast) -> String {
    let finish = match forecast.graceful_stop {
        Duration::ZERO => String::new(),
        rest => format!(", then up to {rest} to finish"),
    };
    format!("{}{finish}", sizes(forecast, " at most"))
}

/// `1 worker`, `2 workers`.
pub fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{} {what}s", units::count(number)) }
}

/// Levels over time as bars of eighths, with the highest level at their left and the time below.
fn plot(course: &Course, until: Duration, paint: &Paint) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let peak = course.levels.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let eighths = |level: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most eight times the height")]
        let eighths = (level / peak * (HEIGHT * 8) as f64).round() as usize;
        // What is there is seen, however little it is.
        if level > 0.0 { eighths.max(1) } else { 0 }
    };
    let unit = if course.unit == Unit::VirtualUsers { "" } else { "/s" };
    let mut text = String::new();
    for row in (0..HEIGHT).rev() {
        let bar = |level: &f64| BARS[eighths(*level).saturating_sub(row * 8).min(8)];
        let bars: String = course.levels.iter().map(bar).collect();
        let level = match row {
            0 => "0".to_owned(),
            row if row == HEIGHT - 1 => format!("{}{unit}", short(course.peak)),
            _ => String::new(),
        };
        let bars = paint.good.apply_to(bars.trim_end());
        line(&mut text, format!("{level:>width$} │{bars}", width = MARGIN - 2));
    }
    let columns = course.levels.len();
    line(&mut text, format!("{:>width$}└{}", "", "─".repeat(columns), width = MARGIN - 1));
    let end = until.to_string();
    let gap = columns.saturating_sub(end.chars().count() + 2);
    line(&mut text, format!("{:>width$}0s{}{end}", "", " ".repeat(gap), width = MARGIN));
    text
}

fn facts(course: &Course) -> Vec<(&'static str, String)> {
    let about = if course.iterations_are_exact { "" } else { "≈ " };
    let mut time = format!("for {}", course.lasts);
    if !course.starts_after.is_zero() {
        time = format!("{time}, {} after the start", course.starts_after);
    }
    let at_most = match course.unit {
        Unit::VirtualUsers => counted(course.virtual_users, "VU"),
        Unit::IterationsPerSecond => format!("{}, if needed", counted(course.virtual_users, "VU")),
    };
    let think = match course.think_time {
        Duration::ZERO => "no thinking between requests".to_owned(),
        think => format!("{think} of thinking in each"),
    };
    vec![
        ("load", format!("at most {at_most}, {time}")),
        ("iterations", format!("{about}{}, {think}", whole(course.iterations))),
        (
            "requests",
            format!(
                "{} for each iteration, ≈ {} in all, ≈ {}/s at its peak",
                spread(course.requests_per_iteration),
                whole(course.requests),
                short(course.peak_requests_per_second)
            ),
        ),
    ]
}

fn spread(spread: Spread) -> String {
    if spread.least.total_cmp(&spread.most).is_eq() {
        return short(spread.mean);
    }
    format!("{} to {}, ≈ {}", short(spread.least), short(spread.most), short(spread.mean))
}

fn totals(forecast: &Forecast) -> Vec<(&'static str, String)> {
    let cost = &forecast.cost;
    let mut totals = vec![
        (
            "together",
            format!(
                "≈ {} requests, ≈ {}/s at the peak",
                whole(forecast.requests),
                short(forecast.peak_requests_per_second)
            ),
        ),
        (
            "sent",
            format!(
                "≈ {} in all, ≈ {}/s at the peak, besides TLS and TCP",
                bytes(forecast.bytes_sent),
                bytes(forecast.peak_bytes_sent_per_second)
            ),
        ),
    ];
    totals.extend(forecast.data.iter().map(|rows| ("data", data(rows))));
    let size = format!("{} vCPU, {} GB", cost.size.vcpus, cost.size.memory_gib);
    totals.push((
        "cost",
        format!(
            "≈ {} on Fargate: {} of {size}, {} each",
            dollars(cost.usd),
            counted(u64::from(forecast.workers), "worker"),
            cost.billed
        ),
    ));
    totals.push(("", format!("prices of {}, without data transfer and addresses", cost.as_of)));
    if !cost.unpriced.is_empty() {
        totals.push(("", format!("reckoned as in us-east-1: {}", cost.unpriced.join(", "))));
    }
    totals
}

fn data(rows: &Rows) -> String {
    let order = match rows.order {
        FeedOrder::Sequential => "row by row",
        FeedOrder::Random => "at random",
        FeedOrder::Unique => "each row once",
        FeedOrder::Partitioned => "shared by the workers",
    };
    let end = if rows.repeat { ", again and again" } else { "" };
    let available = counted(rows.available as u64, "row");
    format!("{}: {available} for ≈ {} iterations, {order}{end}", rows.name, whole(rows.needed))
}

fn fact(what: &str, said: &str, paint: &Paint) -> String {
    format!("  {}{said}", paint.faint.apply_to(format!("{what:<12}")))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of requests are positive")]
fn whole(number: f64) -> String {
    units::count(number.round() as u64)
}

/// Three digits of a number, and no more after its point than it has.
pub fn short(number: f64) -> String {
    if number >= 99.95 || number.fract().abs() < 0.005 {
        return whole(number);
    }
    let digits = if number < 9.995 { 2 } else { 1 };
    format!("{number:.digits$}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of bytes are positive")]
fn bytes(number: f64) -> String {
    units::bytes(number.round() as u64)
}

/// Dollars and cents.
pub fn dollars(usd: f64) -> String {
    if usd < 0.005 { "less than $0.01".to_owned() } else { format!("${usd:.2}") }
}

#[cfg(test)]
mod tests {
    use dlt_model::{
        forecast::{ASSUMED_LATENCY, Assumptions, Size},
        scenario::{Scenario, Sources},
    };

    use super::*;

    fn page(text_of_scenario: &str) -> String {
        let users = |_: &str| Ok(b"user,password\nann,a\nbob,b\n".to_vec());
        let sources = Sources { file: &users, ..Sources::NONE };
        let region = "eu-west-1".parse().expect("a region");
        let (scenario, _) =
            Scenario::read("a.yaml", text_of_scenario, &sources, Some(&region)).unwrap_or_else(|why| panic!("{why}"));
        let size = Size { vcpus: 2.0, memory_gib: 4.0, arm: false };
        let forecast = Forecast::new(&scenario, &Assumptions { latency: ASSUMED_LATENCY, size })
            .unwrap_or_else(|why| panic!("{why}"));
        let page = text(&forecast, &Paint::new(false));
        let widest = page.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= WIDTH, "{widest} columns:\n{page}");
        page
    }

    #[test]
    fn a_short_scenario_has_a_ramp_a_rate_and_a_price() {
        let page = page(include_str!("../../docs/examples/quickstart.yaml"));
        assert!(page.starts_with("quickstart\n50 VUs at most · 2 workers in eu-west-1 · 2m30s"), "{page}");
        assert!(
            page.contains("ramping-vus of `quickstart`") && page.contains("█") && page.contains("on Fargate"),
            "{page}"
        );
    }

    #[test]
    fn executions_side_by_side_stand_where_they_begin() {
        let page = page(
            r#"
name: sale
workers: 3
load:
  browse: { executor: ramping-vus, start_vus: 0, stages: [{ duration: 2m, target: 90 }, { duration: 6m, target: 90 }, { duration: 2m, target: 0 }] }
  spike: { executor: ramping-arrival-rate, start_time: 4m, stages: [{ duration: 0s, target: 300/s }, { duration: 1m, target: 300/s }], pre_allocated_vus: 50 }
  orders: { executor: per-vu-iterations, virtual_users: 4, iterations: 5, flow: buy, start_time: 8m, max_duration: 2m }
data: [{ file: users.csv, order: unique }]
flows:
  browse:
    - GET https://shop.example.com/
    - { url: "https://shop.example.com/search?q={{ user }}", think_time: { min: 1s, max: 3s } }
  spike: [GET https://shop.example.com/sale]
  buy:
    - if: user == "ann"
      then: [GET https://shop.example.com/a, GET https://shop.example.com/b]
      else: [{ pause: 1s }]
    - while: user != "bob"
      most: 5
      steps: [{ method: POST, url: "https://shop.example.com/buy", body: "0123456789" }]
"#,
        );
        assert!(page.contains("4m after the start") && page.contains("! `users.csv` has 2 rows"), "{page}");
    }

    #[test]
    fn iterations_that_are_never_done_in_time_are_told() {
        let page = page(
            "name: slow\nload: {executor: shared-iterations, virtual_users: 2, iterations: 1000, max_duration: 10s}\n\
             requests: [GET https://shop.example.com/, {pause: 5s}]\n",
        );
        assert!(page.contains("! `slow` needs about 42m30s for its iterations and ends after 10s"), "{page}");
    }
}
