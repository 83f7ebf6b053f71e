//! Cases and explanations as text.

use super::{
    explanation::Explanation,
    remedy::{Case, Leftover, Remedy},
};
use crate::text::{Paint, measure};

/// How many resources of a stack are named before the rest is counted.
const MOST_NAMED: usize = 12;

/// Every stack with its status and its way out; what is in the way first.
pub fn cases(cases: &[Case], paint: Paint) -> String {
    if cases.iter().all(|case| case.remedy == Remedy::Nothing) {
        let mut lines = vec![paint.good("nothing to recover")];
        lines.extend(cases.iter().map(|case| paint.faint(&format!("· {} is in {}", case.stack, case.status))));
        return lines.join("\n");
    }
    cases.iter().flat_map(|case| case_lines(case, paint)).collect::<Vec<_>>().join("\n")
}

fn case_lines(case: &Case, paint: Paint) -> Vec<String> {
    if case.remedy == Remedy::Nothing {
        return vec![paint.faint(&format!("· {} is in {}: nothing to do", case.stack, case.status))];
    }
    let mut lines = vec![format!("{} {} is in {}", paint.bad("✗"), case.stack, paint.bad(&case.status))];
    lines.extend(case.reason.iter().map(|reason| paint.faint(&format!("    {reason}"))));
    lines.push(format!("    → {}", case.remedy.words()));
    let mut holds: Vec<&Leftover> = case.holds.iter().collect();
    holds.sort_by_key(|it| (!it.failed, it.logical_id.clone()));
    let hidden = holds.len().saturating_sub(MOST_NAMED);
    lines.extend(holds.into_iter().take(MOST_NAMED).flat_map(|it| leftover(case.remedy, it, paint)));
    if hidden > 0 {
        lines.push(paint.faint(&format!("      and {hidden} more")));
    }
    let can_be_skipped = case.remedy.obstacle().is_some() && case.failed().any(|it| !it.skipped);
    if can_be_skipped {
        lines.push(paint.faint("    `--skip NAME` leaves what is in the way as it is"));
    }
    lines
}

fn leftover(remedy: Remedy, it: &Leftover, paint: Paint) -> Vec<String> {
    let fate = match remedy {
        _ if it.skipped => "stays as it is",
        Remedy::Delete | Remedy::DeleteAgain | Remedy::Discard => "goes",
        _ => "is in the way",
    };
    let name = if it.failed { paint.bad(&it.logical_id) } else { it.logical_id.clone() };
    let physical = if it.physical_id.is_empty() { String::new() } else { format!(" {}", it.physical_id) };
    let mut lines = vec![format!("      {name} ({}){physical}: {fate}", it.kind)];
    lines.extend(it.reason.iter().filter(|_| it.failed).map(|reason| paint.faint(&format!("        {reason}"))));
    lines
}

/// The four blocks of an explanation, wrapped to a width. A command stays on one line, so that it can be copied.
pub fn explanation(explanation: &Explanation, width: usize, paint: Paint) -> String {
    let block = |title: &str, lines: Vec<String>| {
        let lines = lines.iter().flat_map(|line| line.lines()).flat_map(|line| wrapped(line, width));
        std::iter::once(paint.moving(title)).chain(lines).collect::<Vec<_>>().join("\n")
    };
    let broke = std::iter::once(explanation.broke.clone()).chain(explanation.about.iter().cloned()).collect();
    [
        block("WHAT BROKE", broke),
        block("WHY", explanation.why_lines()),
        block("WHAT AWS IS DOING NOW", explanation.now_lines()),
        block("WHAT TO DO", explanation.to_do_lines()),
    ]
    .join("\n\n")
}

/// A line below a title: indented, and again where it goes on.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let is_command = line.contains(". dlt ") || line.contains(". aws ");
    let own = &line[..line.len() - line.trim_start().len()];
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let width = if is_command { usize::MAX } else { width };
    measure::folded(&format!("{INDENT}{own}"), &words, &format!("{INDENT}{own}{INDENT}"), width)
}

#[cfg(test)]
mod tests {
    use super::{
        super::remedy::{skip, tests::case},
        *,
    };

    #[test]
    fn what_is_in_the_way_is_shown_first_with_its_reason_and_what_becomes_of_it() {
        let mut all = vec![
            case(Remedy::DeleteAgain, "DELETE_FAILED"),
            Case { holds: Vec::new(), ..case(Remedy::Discard, "REVIEW_IN_PROGRESS") },
            case(Remedy::Nothing, "CREATE_COMPLETE"),
            Case {
                reason: Some("The update was cancelled".to_owned()),
                ..case(Remedy::ContinueRollBack, "UPDATE_ROLLBACK_FAILED")
            },
        ];
        insta::assert_snapshot!(cases(&all, Paint::Plain));
        assert!(skip(&mut all, &["Data".to_owned()]).is_empty());
        assert!(cases(&all, Paint::Plain).contains("Data (AWS::S3::Bucket) shop-data: stays as it is"));
    }

    #[test]
    fn long_lines_go_on_below_and_commands_stay_whole() {
        assert_eq!(wrapped("one two three", 10), ["  one two", "    three"]);
        assert_eq!(wrapped("  a-word-that-is-too-long", 10), ["    a-word-that-is-too-long"]);
        assert_eq!(wrapped("1. aws s3 rb s3://bucket", 10), ["  1. aws s3 rb s3://bucket"]);
    }

    #[test]
    fn an_environment_without_trouble_says_so() {
        let text = cases(&[case(Remedy::Nothing, "UPDATE_COMPLETE")], Paint::Plain);
        assert_eq!(text, "nothing to recover\n· shop (eu-west-1) is in UPDATE_COMPLETE");
        assert_eq!(cases(&[], Paint::Plain), "nothing to recover");
    }
}
