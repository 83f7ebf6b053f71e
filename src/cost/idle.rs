//! A month in which nobody tests: what is billed because it is there, and what a plan changes about that.

use std::collections::BTreeMap;

use dlt_model::forecast::prices::services as price;

use super::bill::{Bill, Line};
use crate::deploy::{
    changes::Act,
    event::Holding,
    holdings::{BUCKET, LOG_GROUP, REPOSITORY, TABLE},
    plan::{Action, Plan},
};

/// Bytes of what bills call a GB.
const GB: f64 = 1_073_741_824.0;

/// Types that cost something by merely being there: what a bill calls them, and their price for a month.
const PIECES: [(&str, &str, f64); 3] = [
    ("AWS::CloudWatch::Alarm", "alarms", price::ALARM_MONTH),
    ("AWS::CloudWatch::Dashboard", "dashboards", price::DASHBOARD_MONTH),
    ("AWS::KMS::Key", "keys", price::KEY_MONTH),
];

/// Types that cost what is in them: what a bill calls it, and the price of a GB for a month.
const STORES: [(&str, &str, f64); 4] = [
    (BUCKET, "objects", price::OBJECTS_GB_MONTH),
    (LOG_GROUP, "log lines", price::LOGS_GB_MONTH),
    (REPOSITORY, "images", price::IMAGES_GB_MONTH),
    (TABLE, "table and its backups", price::TABLE_GB_MONTH + price::RECOVERY_GB_MONTH),
];

/// What these resources cost in a month, with what is stored in them.
pub fn idle<'k>(kinds: impl IntoIterator<Item = &'k str>, holdings: &[Holding]) -> Bill {
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind).or_default() += 1.0;
    }
    let pieces = PIECES
        .into_iter()
        .map(|(kind, what, price)| Line::pieces(what, counts.get(kind).copied().unwrap_or_default(), price, ""));
    let stores = STORES.into_iter().map(|(kind, what, price)| {
        let bytes = holdings.iter().filter(|holding| holding.kind == kind).filter_map(|holding| holding.bytes);
        #[expect(clippy::cast_precision_loss, reason = "what an environment stores is far below 2^53 bytes")]
        let stored = bytes.sum::<u64>() as f64 / GB;
        Line::pieces(what, (stored * 1_000.0).round() / 1_000.0, price, " a GB")
    });
    Bill::of(pieces.chain(stores))
}

/// By how much a plan changes the cost of a month in which nobody tests, in US dollars.
pub fn difference(plan: &Plan) -> f64 {
    let moving = plan.stacks.iter().filter(|stack| matches!(stack.action, Action::Create | Action::Update));
    let price = |kind: &str| PIECES.iter().find(|(known, ..)| *known == kind).map_or(0.0, |(.., price)| *price);
    moving
        .flat_map(|stack| &stack.resources)
        .map(|resource| match resource.act {
            Act::Add | Act::Import => price(&resource.kind),
            Act::Remove => -price(&resource.kind),
            Act::Replace | Act::MayReplace | Act::Modify => 0.0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::event::StackRef;

    fn holding(kind: &str, bytes: Option<u64>) -> Holding {
        Holding {
            stack: StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() },
            logical_id: "X".to_owned(),
            kind: kind.to_owned(),
            name: "x".to_owned(),
            count: None,
            bytes,
            kept: false,
        }
    }

    #[test]
    fn what_is_there_costs_by_the_piece_and_what_is_stored_by_the_gigabyte() {
        let kinds = ["AWS::KMS::Key", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Alarm", "AWS::SNS::Topic"];
        assert!((idle(kinds, &[]).usd - 1.2).abs() < 1e-9);
        let stored = [holding(BUCKET, Some(10 << 30)), holding(LOG_GROUP, Some(1 << 30)), holding(TABLE, None)];
        let bill = idle([], &stored);
        assert!((bill.usd - 0.26).abs() < 1e-9, "{bill:?}");
        assert_eq!(bill.lines[0].how, "10 × $0.023 a GB");
    }

    #[test]
    fn an_empty_plan_changes_nothing() {
        let plan = Plan { stack: "shop".to_owned(), account: "1".to_owned(), stacks: Vec::new(), assets: Vec::new() };
        assert_eq!(difference(&plan), 0.0);
    }
}
