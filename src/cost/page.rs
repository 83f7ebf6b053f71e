//! The screen of `dlt cost`: two bills, what is left out, and how old the prices are.

use std::fmt::Write;

use dlt_model::forecast::Size;

use super::{
    Cost,
    bill::{Bill, number, sum},
};
use crate::{
    report::units,
    text::{Paint, measure},
};

/// How wide the text may be.
const WIDTH: usize = 80;

/// The whole page.
pub fn text(cost: &Cost, paint: Paint) -> String {
    let mut page = String::new();
    let regions: Vec<String> = cost.regions.iter().map(ToString::to_string).collect();
    line(&mut page, format!("{} in {}", cost.stack, regions.join(", ")));
    bill(&mut page, "a month without any test", &cost.idle, paint);
    if let Some(deployed) = &cost.deployed {
        bill(&mut page, "the same as it is deployed now", &deployed.idle, paint);
        line(&mut page, change(cost.idle.usd - pieces_of(&deployed.idle)));
    }
    let test = &cost.test;
    let workers = if test.workers == 1 {
        "1 worker".to_owned()
    } else {
        format!("{} workers", units::count(u64::from(test.workers)))
    };
    bill(&mut page, &format!("{} for {} on {workers}", test.name, test.duration), &test.bill, paint);
    let by_the_hour = format!("  by the hour: {}", sum(test.usd_per_hour));
    let now = cost.deployed.as_ref().and_then(|deployed| Some((deployed.worker?, deployed.test_usd_per_hour?)));
    line(
        &mut page,
        by_the_hour + &now.map(|(size, usd)| with_workers_of_now(test.size, size, usd)).unwrap_or_default(),
    );
    page.push('\n');
    if !cost.not_counted.is_empty() {
        wrapped(&mut page, &format!("not counted: {}", cost.not_counted.join("; ")), paint);
    }
    if !test.unpriced.is_empty() {
        let regions = test.unpriced.join(", ");
        wrapped(&mut page, &format!("no Fargate price is known for {regions}; reckoned as us-east-1"), paint);
    }
    let [fargate, others] = cost.sources;
    let Cost { as_of, checked, .. } = cost;
    let sources =
        format!("prices as known in {as_of}; {checked}. Today's: {fargate}; all else as in us-east-1: {others}");
    wrapped(&mut page, &sources, paint);
    page
}

/// What a deployment changes; what is stored stays as it is and is on neither side.
fn change(usd: f64) -> String {
    match usd {
        usd if usd.abs() < 0.005 => "  a deployment would change nothing about it".to_owned(),
        usd if usd > 0.0 => format!("  a deployment would make it {} a month dearer", sum(usd)),
        usd => format!("  a deployment would make it {} a month cheaper", sum(-usd)),
    }
}

/// What the test would cost as long as nothing is deployed anew.
fn with_workers_of_now(wanted: Size, now: Size, usd_per_hour: f64) -> String {
    if wanted == now {
        return String::new();
    }
    let processor = if now.arm { " ARM" } else { "" };
    format!(
        "; {} with the {} vCPU{processor}, {} GB of today",
        sum(usd_per_hour),
        number(now.vcpus),
        number(now.memory_gib)
    )
}

fn pieces_of(bill: &Bill) -> f64 {
    bill.lines.iter().filter(|line| !line.how.ends_with("a GB")).map(|line| line.usd).sum()
}

fn bill(page: &mut String, title: &str, bill: &Bill, paint: Paint) {
    let total = sum(bill.usd);
    page.push('\n');
    let gap = WIDTH.saturating_sub(title.chars().count() + total.chars().count()).max(1);
    line(page, format!("{title}{:gap$}{}", "", paint.good(&total)));
    let what = bill.lines.iter().map(|line| line.what.chars().count()).max().unwrap_or_default();
    for entry in &bill.lines {
        let usd = sum(entry.usd);
        let lead = format!("  {:what$}  {}", entry.what, entry.how);
        let gap = WIDTH.saturating_sub(lead.chars().count() + usd.chars().count()).max(1);
        line(page, format!("{lead}{:gap$}{usd}", ""));
    }
}

fn wrapped(page: &mut String, text: &str, paint: Paint) {
    measure::folded("", text, "  ", WIDTH).iter().for_each(|row| line(page, paint.faint(row)));
}

fn line(page: &mut String, text: impl std::fmt::Display) {
    writeln!(page, "{text}").expect("writing to a string");
}

#[cfg(test)]
mod tests {
    use dlt_model::{duration::Duration, forecast::prices};

    use super::*;
    use crate::cost::{Deployed, Line, Load, Test};

    fn cost() -> Cost {
        let load = Load {
            name: "50000 virtual users".to_owned(),
            fleet: vec![("eu-west-1".to_owned(), 3), ("eu-moon-1".to_owned(), 2)],
            public_workers: 5,
            duration: Duration::from_secs(3_600),
            size: Size { vcpus: 2.0, memory_gib: 4.0, arm: false },
            live_data: true,
            bytes_sent: Some(12.5e9),
        };
        let idle = Bill::of([Line::pieces("keys", 2.0, 1.0, ""), Line::pieces("dashboards", 1.0, 3.0, "")]);
        let stored = Line::pieces("log lines", 12.25, 0.03, " a GB");
        let deployed = Bill::of([Line::pieces("keys", 1.0, 1.0, ""), stored]);
        Cost {
            stack: "dlt-shop".to_owned(),
            regions: vec!["eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap()],
            idle,
            deployed: Some(Deployed {
                idle: deployed,
                worker: Some(Size { vcpus: 1.0, memory_gib: 2.0, arm: true }),
                test_usd_per_hour: Some(1.29),
            }),
            test: Test::of(&load),
            not_counted: vec!["free tiers".to_owned(), "traces, requests of the table and the API".to_owned()],
            as_of: prices::AS_OF,
            checked: prices::CHECKED,
            sources: Cost::SOURCES,
        }
    }

    #[test]
    fn the_page_adds_up_and_says_how_old_its_prices_are() {
        insta::assert_snapshot!(text(&cost(), Paint::Plain));
    }

    #[test]
    fn it_fits_a_terminal_and_says_the_same_without_colour() {
        let plain = text(&cost(), Paint::Plain);
        for line in plain.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert_eq!(console::strip_ansi_codes(&text(&cost(), Paint::Colour)), plain);
    }
}
