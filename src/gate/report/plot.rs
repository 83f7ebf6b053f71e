//! Plots as inline SVG: lines over time and a histogram. No script; each has a title, a description and its numbers as a table.

use std::fmt::Write;

use dlt_model::{buckets::Buckets, histogram::Histogram, summary::Summary};
use serde::Serialize;

/// How many points a line has at most: an hour at fifteen seconds.
pub const MAX_POINTS: usize = 240;
/// How many rows the table beside a plot has at most.
const MAX_ROWS: usize = 30;
/// Bars for each power of ten of the histogram.
const BARS_PER_DECADE: f64 = 8.0;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 28.0;

/// How near to the right edge a label may not be in the middle of its place.
const EDGE: f64 = 20.0;

/// A line of a plot.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it shows.
    pub name: &'static str,
    /// A value for each instant, where there is one.
    pub values: Vec<Option<f64>>,
}

/// A plot, ready to be put into a page.
#[derive(Clone, Debug, Serialize)]
pub struct Plot {
    /// What it is.
    pub title: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it says, in one sentence.
    pub description: String,
    /// The picture, safe to be put into HTML.
    pub svg: String,
    /// The names of its lines; the line of each has the style of its number.
    pub legend: Vec<&'static str>,
    /// The heads of its table.
    pub heads: Vec<&'static str>,
    /// Its numbers, thinned out.
    pub rows: Vec<Vec<String>>,
}

/// A stretch of a run, with everything in it merged.
#[derive(Clone, Debug, Default)]
pub struct Stretch {
    /// Where it ends, in seconds since the start.
    pub until_secs: u64,
    /// How long it is.
    pub secs: u64,
    /// Virtual users, at most.
    pub virtual_users: u64,
    /// Successes.
    pub succeeded: u64,
    /// Failures.
    pub failed: u64,
    /// Latencies.
    pub latency: Buckets,
}

/// A run in at most [`MAX_POINTS`] stretches of the same length.
pub fn stretches(summary: &Summary) -> Vec<Stretch> {
    let each = usize::try_from(summary.resolution_secs).unwrap_or(1).max(1);
    let joined = summary.seconds.len().div_ceil(MAX_POINTS).max(1);
    let chunks = summary.seconds.chunks(joined).enumerate();
    let merged = chunks.map(|(index, slices)| {
        let from = (index * joined * each) as u64;
        let secs = (slices.len() * each) as u64;
        let mut stretch = Stretch { until_secs: from + secs, secs, ..Stretch::default() };
        for slice in slices {
            stretch.virtual_users = stretch.virtual_users.max(slice.virtual_users);
            stretch.succeeded += slice.succeeded;
            stretch.failed += slice.failed;
            stretch.latency.merge(&slice.latency);
        }
        stretch
    });
    merged.collect()
}

/// Lines over time. `at` are seconds since the start, one for each value.
pub fn lines(title: &'static str, unit: &'static str, at: &[u64], lines: &[Line]) -> Plot {
    let known = lines.iter().flat_map(|line| line.values.iter().flatten().copied());
    let highest = known.fold(0.0_f64, f64::max);
    let (top, step) = axis(highest);
    let last = at.last().copied().unwrap_or(0).max(1) as f64;
    let x = |secs: u64| LEFT + (WIDTH - LEFT - RIGHT) * secs as f64 / last;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
    let description = described(lines, unit);
    let mut svg = opened(title, &description);
    grid(&mut svg, top, step, &y);
    let last_secs = at.last().copied().unwrap_or(0).max(1);
    for secs in (0..=last_secs).step_by(clock_step(last_secs)) {
        // The last one would be cut off at the edge.
        let anchor = if x(secs) > WIDTH - RIGHT - EDGE { "end" } else { "middle" };
        label(&mut svg, x(secs), HEIGHT - 8.0, anchor, &clock(secs));
    }
    for (index, line) in lines.iter().enumerate() {
        let mut path = String::new();
        let mut pen_down = false;
        for (secs, value) in at.iter().zip(&line.values) {
            let Some(value) = value else {
                pen_down = false;
                continue;
            };
            let command = if pen_down { 'L' } else { 'M' };
            write!(path, "{command}{:.1} {:.1}", x(*secs), y(*value)).expect("writing to a string");
            pen_down = true;
        }
        write!(svg, "<path class=\"line l{index}\" d=\"{path}\"/>").expect("writing to a string");
    }
    svg.push_str("</svg>");
    let thinned = at.len().div_ceil(MAX_ROWS).max(1);
    let rows = (0..at.len()).step_by(thinned).map(|index| {
        let values = lines.iter().map(|line| line.values[index].map_or_else(|| "–".to_owned(), short));
        std::iter::once(clock(at[index])).chain(values).collect()
    });
    let legend: Vec<&'static str> = lines.iter().map(|line| line.name).collect();
    let heads = std::iter::once("until").chain(legend.iter().copied()).collect();
    Plot { title, unit, description, svg, legend, heads, rows: rows.collect() }
}

/// How many samples took how long; the axis is logarithmic.
pub fn histogram(title: &'static str, latency: &Histogram) -> Plot {
    let bar_of = |micros: u64| (micros.max(1) as f64).log10() * BARS_PER_DECADE;
    let mut bars = std::collections::BTreeMap::<u32, u64>::new();
    for (micros, count) in latency.buckets() {
        *bars.entry(bar_of(micros).floor() as u32).or_default() += count;
    }
    let (first, last) = (bars.keys().next().copied().unwrap_or(0), bars.keys().next_back().copied().unwrap_or(0));
    let (top, step) = axis(bars.values().copied().max().unwrap_or(0) as f64);
    let width = (WIDTH - LEFT - RIGHT) / f64::from(last - first + 1);
    let x = |bar: u32| LEFT + width * f64::from(bar - first);
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
    let from_ms = |bar: u32| 10_f64.powf(f64::from(bar) / BARS_PER_DECADE) / 1_000.0;
    let description =
        format!("{} samples between {} and {} ms.", latency.count(), short(from_ms(first)), short(from_ms(last + 1)));
    let mut svg = opened(title, &description);
    grid(&mut svg, top, step, &y);
    for (bar, count) in &bars {
        let height = HEIGHT - BOTTOM - y(*count as f64);
        write!(
            svg,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
            x(*bar) + 0.5,
            y(*count as f64),
            (width - 1.0).max(0.5)
        )
        .expect("writing to a string");
    }
    let every = (last - first + 1).div_ceil(8).max(1);
    for bar in (first..=last).step_by(usize::try_from(every).unwrap_or(1)) {
        label(&mut svg, x(bar), HEIGHT - 8.0, "start", &short(from_ms(bar)));
    }
    svg.push_str("</svg>");
    let row = |(bar, count): (&u32, &u64)| {
        vec![format!("{} – {}", short(from_ms(*bar)), short(from_ms(bar + 1))), count.to_string()]
    };
    let rows = bars.iter().map(row).collect();
    Plot {
        title,
        unit: "samples, by milliseconds",
        description,
        svg,
        legend: Vec::new(),
        heads: vec!["ms", "samples"],
        rows,
    }
}

fn opened(title: &str, description: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escaped(&format!("{title}. {description}"))
    )
}

fn grid(svg: &mut String, top: f64, step: f64, y: &dyn Fn(f64) -> f64) {
    let values = (0_u32..).map(|index| f64::from(index) * step).take_while(|value| *value <= top * 1.000_1);
    for value in values {
        write!(svg, "<path class=\"grid\" d=\"M{LEFT} {0:.1}H{1}\"/>", y(value), WIDTH - RIGHT)
            .expect("writing to a string");
        label(svg, LEFT - 6.0, y(value) + 4.0, "end", &short(value));
    }
}

fn label(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    write!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(text))
        .expect("writing to a string");
}

/// The end of an axis that has room for a value, and the distance of its marks: 1, 2 or 5 times a power of ten.
fn axis(highest: f64) -> (f64, f64) {
    const MARKS: f64 = 4.0;
    if highest <= 0.0 {
        return (1.0, 1.0);
    }
    let rough = highest / MARKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= rough).unwrap_or(10.0) * power;
    ((highest / step).ceil() * step, step)
}

/// The distance of the marks of a time axis: seconds, minutes and hours as a clock has them.
fn clock_step(last_secs: u64) -> usize {
    const MARKS: u64 = 6;
    const STEPS: [usize; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200];
    let rough = usize::try_from(last_secs.div_ceil(MARKS)).unwrap_or(usize::MAX);
    STEPS.into_iter().find(|step| *step >= rough).unwrap_or_else(|| rough.div_ceil(3_600) * 3_600)
}

fn described(lines: &[Line], unit: &str) -> String {
    let each = lines.iter().filter_map(|line| {
        let known: Vec<f64> = line.values.iter().flatten().copied().collect();
        let (low, high) = (known.iter().copied().reduce(f64::min)?, known.iter().copied().reduce(f64::max)?);
        Some(format!("{} from {} to {}", line.name, short(low), short(high)))
    });
    format!("In {unit}: {}.", each.collect::<Vec<_>>().join("; "))
}

/// Three digits, without a unit.
fn short(value: f64) -> String {
    let text = match value {
        v if v >= 1e9 => return format!("{v:.3e}"),
        v if v >= 99.95 => return format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v if v >= 0.995 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `1:05` or `1:00:05`.
fn clock(secs: u64) -> String {
    let (hours, minutes, seconds) = (secs / 3_600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::conclusion::tests::measured;

    #[test]
    fn an_axis_has_room_for_its_highest_value_and_round_marks() {
        for highest in [0.3, 1.0, 7.0, 99.0, 101.0, 4_999.0, 123_456.0] {
            let (top, step) = axis(highest);
            assert!(top >= highest && top / step <= 8.0, "{highest}: {top} by {step}");
        }
        assert_eq!(axis(0.0), (1.0, 1.0));
    }

    #[test]
    fn the_marks_of_a_time_axis_are_those_of_a_clock() {
        assert_eq!([16, 60, 3_600, 12 * 3_600].map(clock_step), [5, 10, 600, 7_200]);
        assert_eq!(clock_step(7 * 24 * 3_600) % 3_600, 0);
    }

    #[test]
    fn joined_stretches_lose_no_sample() {
        let summary = measured(301);
        let stretches = stretches(&summary);
        assert!(stretches.len() <= MAX_POINTS);
        assert_eq!(stretches.iter().map(|one| one.succeeded + one.failed).sum::<u64>(), 301 * 200);
        assert_eq!(stretches.iter().map(|one| one.latency.count()).sum::<u64>(), 301 * 200);
        assert_eq!(stretches.last().map(|one| one.until_secs), Some(301));
    }

    #[test]
    fn a_line_has_a_gap_where_there_is_no_value() {
        let line = Line { name: "p95", values: vec![Some(1.0), None, Some(3.0), Some(2.0)] };
        let plot = lines("Latency", "ms", &[1, 2, 3, 4], &[line]);
        assert_eq!(plot.svg.matches('M').count() - plot.svg.matches("class=\"grid\" d=\"M").count(), 2, "{}", plot.svg);
        assert_eq!(plot.rows[1], ["0:02", "–"]);
    }
}
