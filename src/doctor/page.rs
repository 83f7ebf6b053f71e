//! The screen of `dlt doctor`: a mark, what was looked at, what was seen, and below it the cure.

use super::{
    finding::{Area, Finding, Report, State},
    planned::Planned,
};
use crate::{
    report::units,
    text::{Paint, measure},
};

/// How wide the text may be; commands are never broken, so that they can be copied.
const WIDTH: usize = 80;
/// How far a check is indented, with its mark.
const MARGIN: usize = 4;
/// What stands between columns.
const GAP: usize = 2;
/// How wide the column of what was looked at may grow.
const WIDEST: usize = 24;

/// The whole page.
pub fn text(report: &Report, paint: Paint) -> String {
    let mut lines = head(report);
    let mut area = None;
    for check in &report.checks {
        if area != Some(check.area) {
            area = Some(check.area);
            lines.extend([String::new(), check.area.word().to_owned()]);
        }
        lines.extend(one(check, &Columns::of(&report.checks, check.area), paint));
    }
    lines.extend([String::new(), verdict(report, paint)]);
    lines.join("\n")
}

fn head(report: &Report) -> Vec<String> {
    let regions: Vec<String> = report.regions.iter().map(ToString::to_string).collect();
    vec![format!("{} in {}", report.stack, regions.join(", ")), planned(&report.planned)]
}

fn planned(planned: &Planned) -> String {
    let counted = |number: u64, what: &str| match number {
        1 => format!("1 {what}"),
        number => format!("{} {what}s", units::count(number)),
    };
    let users = match planned.users {
        0 => "the smallest test".to_owned(),
        users => counted(users, "virtual user"),
    };
    format!("for {users}: {} of {} vCPU", counted(planned.workers, "worker"), planned.vcpus_per_worker)
}

struct Columns {
    what: usize,
    region: usize,
}

impl Columns {
    fn of(checks: &[Finding], area: Area) -> Self {
        let checks = || checks.iter().filter(|check| check.area == area);
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
        Self {
            what: longest(&mut checks().map(|check| check.what.chars().count())).min(WIDEST),
            region: longest(&mut checks().filter_map(|check| Some(check.region.as_ref()?.as_str().len()))),
        }
    }
}

fn one(check: &Finding, columns: &Columns, paint: Paint) -> Vec<String> {
    let mark = match check.state {
        State::Ok => paint.good("✓"),
        State::Warn => paint.moving("!"),
        State::Fail => paint.bad("✗"),
        State::NotKnown => paint.moving("?"),
    };
    let region = check.region.as_ref().map(|region| region.as_str()).unwrap_or_default();
    let mut lead = format!("{:what$}", check.what, what = columns.what);
    if columns.region > 0 {
        lead = format!("{lead}{:GAP$}{region:width$}", "", width = columns.region);
    }
    // A long name has a line of its own.
    let is_long = check.what.chars().count() > columns.what;
    let region_columns = if columns.region > 0 { GAP + columns.region } else { 0 };
    let indent = if is_long { MARGIN } else { MARGIN + columns.what + region_columns + GAP };
    // What AWS says may have lines of its own.
    let says = check.says.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut says = measure::folded("", &says, "", WIDTH.saturating_sub(indent)).into_iter();
    let first = if is_long { String::new() } else { says.next().unwrap_or_default() };
    let mut lines = vec![format!("  {mark} {lead}{:GAP$}{first}", "").trim_end().to_owned()];
    lines.extend(says.map(|row| format!("{:indent$}{row}", "")));
    lines.extend(check.cure.iter().map(|cure| format!("{:MARGIN$}→ {cure}", "")));
    lines
}

fn verdict(report: &Report, paint: Paint) -> String {
    let told = [
        (State::Fail, "would go wrong"),
        (State::Warn, "worth a look"),
        (State::NotKnown, "not known"),
        (State::Ok, "as it should be"),
    ];
    let counts = told.into_iter().map(|(state, words)| (report.count(state), state, words));
    let parts: Vec<String> = counts
        .filter(|(count, ..)| *count > 0)
        .map(|(count, state, words)| match state {
            State::Fail => paint.bad(&format!("{count} {words}")),
            State::Ok => paint.good(&format!("{count} {words}")),
            State::Warn | State::NotKnown => paint.moving(&format!("{count} {words}")),
        })
        .collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{CloudError, Kind};

    fn report() -> Report {
        let (hub, other): (dlt_model::id::Region, dlt_model::id::Region) =
            ("eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap());
        let denied = CloudError {
            doing: "read the quota `functions at once` in eu-west-1".to_owned(),
            kind: Kind::Denied,
            code: Some("AccessDeniedException".to_owned()),
            message:
                "User: arn:aws:iam::123456789012:user/eva is not authorized to perform: servicequotas:GetServiceQuota"
                    .to_owned(),
        };
        let checks = vec![
            Finding::new(Area::Account, "credentials", State::Ok, "arn:aws:iam::123456789012:user/eva"),
            Finding::new(Area::Account, "clock", State::Fail, "301 s ahead of AWS's").cure("sudo timedatectl set-ntp true"),
            Finding::new(Area::Quotas, "Fargate vCPUs", State::Ok, "needs 6; 10 of 100 are in use").in_region(&hub),
            Finding::new(Area::Quotas, "Fargate vCPUs", State::Fail, "needs 6; 4 of 6 are in use").in_region(&other).cure(
                "aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 13 --region us-east-1",
            ),
            Finding::not_known(Area::Quotas, "functions at once", &denied).in_region(&hub),
            Finding::new(Area::Names, "AWS::IAM::Role dlt-shop-eu-west-1-worker", State::Warn, "is there").in_region(&hub),
        ];
        let planned = Planned::of(50_000, None, 2_048, 2);
        Report { stack: "dlt-shop".to_owned(), regions: vec![hub, other], planned, checks }
    }

    #[test]
    fn the_page_says_what_is_wrong_and_what_cures_it() {
        insta::assert_snapshot!(text(&report(), Paint::Plain));
    }

    #[test]
    fn only_what_is_to_be_copied_is_wider_than_a_terminal() {
        for line in text(&report(), Paint::Plain).lines().filter(|line| !line.trim_start().starts_with('→')) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let coloured = text(&report(), Paint::Colour);
        assert_eq!(console::strip_ansi_codes(&coloured), text(&report(), Paint::Plain));
        assert_ne!(coloured, text(&report(), Paint::Plain));
    }
}
