//! A look for drift as text: the verdict with its numbers first, then what differs, then what was not looked at.

mod fold;
mod properties;
mod rest;

use super::answer::{Answer, Author, CodeDrift, Coverage, Fate, Ignored, ResourceDrift, StackDrift, Stray, Verdict};
use crate::{
    deploy::report,
    text::{Paint, measure},
};

/// No line is folded into less than this.
const NARROWEST: usize = 40;

/// Everything that was found, no line wider than `width` where it can be folded.
pub fn text(answer: &Answer, width: usize, paint: Paint) -> String {
    let mut page = Page { lines: Vec::new(), width: width.max(NARROWEST), paint };
    page.verdict(answer);
    for stack in &answer.stacks {
        page.stack(stack);
    }
    page.section("code", answer.code.iter(), Page::code);
    page.section(
        "running, and nothing in the stacks needs it",
        answer.strays.iter().filter(|it| it.active),
        Page::stray,
    );
    page.section("left lying, no drift", answer.strays.iter().filter(|it| !it.active), Page::stray);
    page.gaps(answer);
    page.unsupported(answer);
    for note in &answer.notes {
        page.fold("note: ", note, "      ");
    }
    page.next_steps(answer);
    page.lines.join("\n")
}

/// One line about how a stack was compared, for talk while the look goes on.
pub fn done(stack: &StackDrift) -> String {
    let Coverage { compared, unsupported, failed, .. } = stack.coverage;
    let drifted = stack.resources.len();
    match (stack.absent, stack.is_incomplete()) {
        (true, _) => format!("{}: not there", stack.title()),
        (false, true) => format!("{}: {compared} compared, {failed} failed, not everything was read", stack.title()),
        (false, false) => {
            format!("{}: {compared} compared, {unsupported} unsupported, {drifted} differ", stack.title())
        }
    }
}

struct Page {
    lines: Vec<String>,
    width: usize,
    paint: Paint,
}

impl Page {
    fn verdict(&mut self, answer: &Answer) {
        let Coverage { resources, compared, unsupported, failed } = answer.coverage;
        let things = |count: usize| if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
        let word = match answer.verdict {
            Verdict::Clean => self.paint.good("no drift"),
            Verdict::NothingFound => self.paint.good("nothing differs among what can be compared"),
            Verdict::Drifted => self.paint.bad(&format!("{} drifted", things(answer.drifted))),
            Verdict::Incomplete => {
                let found = match answer.drifted {
                    0 => String::new(),
                    count => format!(", and {} drifted", things(count)),
                };
                self.paint.bad(&format!("INCOMPLETE: not everything could be read{found}"))
            }
        };
        let hidden = match answer.ignored {
            0 => String::new(),
            count => format!(" · {count} ignored"),
        };
        self.fold(&format!("{} ({}): ", answer.stack, answer.account), &format!("{word}{hidden}"), "  ");
        let percent = (compared * 100).checked_div(resources).unwrap_or(0);
        let numbers = format!(
            "coverage {percent} %: {compared} of {resources} resources compared · {unsupported} unsupported · {failed} failed"
        );
        for line in measure::folded("", &numbers, "  ", self.width) {
            self.lines.push(self.paint.faint(&line));
        }
    }

    fn stack(&mut self, stack: &StackDrift) {
        if stack.absent {
            self.lines.push(format!(
                "{} {}: {}",
                self.paint.moving("▸"),
                stack.title(),
                self.paint.bad("is not there")
            ));
            return;
        }
        if stack.resources.is_empty() {
            return;
        }
        self.lines.push(format!("{} {}", self.paint.moving("▸"), stack.title()));
        let mut resources: Vec<&ResourceDrift> = stack.resources.iter().collect();
        // What is gone comes first, what is hidden last.
        resources.sort_by_key(|it| (!it.counts(), it.fate != Fate::Deleted, it.logical_id.clone()));
        for resource in resources {
            self.resource(resource);
        }
    }

    fn resource(&mut self, resource: &ResourceDrift) {
        let (sign, fate) = match resource.fate {
            Fate::Deleted => (self.paint.bad("-"), self.paint.bad("  IS GONE")),
            Fate::Modified => (self.paint.moving("~"), String::new()),
        };
        self.lines.push(format!("    {sign} {} ({}){fate}", resource.logical_id, resource.kind));
        let name = self.paint.faint(&resource.physical_id);
        if resource.physical_id != resource.logical_id {
            self.lines.push(format!("      {name}"));
        }
        self.ignored(resource.ignored.as_ref(), "      ");
        for property in &resource.properties {
            self.property(property);
        }
        if resource.ignored.is_none() {
            self.authors(&resource.authors, resource.authors_unknown.as_deref());
        }
    }

    fn ignored(&mut self, ignored: Option<&Ignored>, indent: &str) {
        if let Some(Ignored { reason, until }) = ignored {
            self.fold(&format!("{indent}ignored until {until}: "), reason, &format!("{indent}  "));
        }
    }

    fn authors(&mut self, authors: &[Author], unknown: Option<&str>) {
        for Author { at, who, call } in authors {
            self.fold("        by ", &format!("{who}, {call}, {at}"), "           ");
        }
        if let Some(why) = unknown {
            self.fold("        by whom? ", why, "           ");
        }
    }

    fn section<'a, T: 'a>(&mut self, title: &str, items: impl Iterator<Item = &'a T>, show: fn(&mut Self, &T)) {
        let items: Vec<&T> = items.collect();
        if !items.is_empty() {
            self.lines.push(format!("{} {title}", self.paint.moving("▸")));
            items.into_iter().for_each(|item| show(self, item));
        }
    }

    fn code(&mut self, code: &CodeDrift) {
        let CodeDrift { what, region, expected, deployed, why, cure, properties, ignored, .. } = code;
        self.fold(&format!("    {} ", self.paint.moving("~")), &format!("{what} ({region}): {why}"), "      ");
        self.lines.push(format!("        expected {expected}"));
        self.lines.push(format!("        deployed {deployed}"));
        properties.iter().for_each(|property| self.property(property));
        self.cure(cure, ignored.as_ref());
    }

    fn stray(&mut self, stray: &Stray) {
        let sizes = [stray.count.map(|count| count.to_string()), stray.bytes.map(report::size)];
        let sizes: Vec<String> = sizes.into_iter().flatten().collect();
        let sizes = if sizes.is_empty() { String::new() } else { format!(", {}", sizes.join(", ")) };
        let sign = if stray.active { self.paint.bad("!") } else { self.paint.faint("·") };
        let about = format!("{} {} ({}{sizes}): {}", stray.kind, stray.name, stray.region, stray.why);
        self.fold(&format!("    {sign} "), &about, "      ");
        self.cure(&stray.cure, stray.ignored.as_ref());
    }

    /// A command stands on a line of its own, whole, so that it can be copied.
    fn cure(&mut self, cure: &str, ignored: Option<&Ignored>) {
        match ignored {
            Some(_) => self.ignored(ignored, "      "),
            None => self.lines.push(format!("        {cure}")),
        }
    }

    /// Adds text that is folded between words; its first line begins with `first`, the others with `indent`.
    fn fold(&mut self, first: &str, text: &str, indent: &str) {
        self.lines.extend(measure::folded(first, text, indent, self.width));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::answer::{
            Property, Unread,
            tests::{answer, changed, stack},
        },
        *,
    };

    fn property(path: &str, before: serde_json::Value, after: Option<serde_json::Value>) -> Property {
        Property { path: path.to_owned(), before: Some(before), after, ignored: None }
    }

    fn story() -> Answer {
        let author = Author {
            at: "2026-11-22T06:00:00Z".to_owned(),
            who: "arn:aws:sts::123456789012:assumed-role/Operations/eva".to_owned(),
            call: "logs:PutRetentionPolicy".to_owned(),
        };
        let logs = ResourceDrift { authors: vec![author], ..changed("WorkerLogs", "RetentionInDays") };
        let table = ResourceDrift {
            kind: "AWS::DynamoDB::Table".to_owned(),
            fate: Fate::Deleted,
            properties: Vec::new(),
            authors_unknown: Some("CloudTrail names no write to it in the last 90 days".to_owned()),
            ..changed("Table", "")
        };
        let role = ResourceDrift {
            kind: "AWS::IAM::Role".to_owned(),
            properties: vec![
                property(
                    "Description",
                    json!("May look."),
                    Some(json!("May look, and as of today may also touch a thing or two")),
                ),
                property(
                    "Policies[0].PolicyDocument.Statement[0].Action",
                    json!(["s3:GetObject"]),
                    Some(json!(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"])),
                ),
                Property {
                    before: None,
                    ..property(
                        "Policies[1]",
                        json!(null),
                        Some(json!({"PolicyName": "by-hand", "PolicyDocument": {"Statement": [{
                            "Effect": "Allow", "Action": "s3:*",
                            "Resource": "arn:aws:s3:::a-bucket-with-a-name-that-is-as-long-as-names-of-buckets-may-be-63/*",
                        }]}})),
                    )
                },
                property(
                    "PermissionsBoundary",
                    json!(format!("arn:aws:iam::123456789012:policy/{}", "b".repeat(60))),
                    None,
                ),
            ],
            ignored: Some(Ignored { reason: "being migrated".to_owned(), until: "2026-12-31".to_owned() }),
            ..changed("ViewerRole", "")
        };
        let unread = Unread {
            logical_id: "StateMachine".to_owned(),
            kind: "AWS::StepFunctions::StateMachine".to_owned(),
            why: "CloudFormation says UNKNOWN about it: access denied to states:DescribeStateMachine".to_owned(),
        };
        let mut main = StackDrift { resources: vec![logs, table, role], unread: vec![unread], ..stack("shop", 61, 3) };
        main.coverage.failed = 1;
        main.coverage.resources += 1;
        let names = ["AdminUser", "B", "C", "D", "E", "F"].map(str::to_owned).to_vec();
        main.unsupported.insert("AWS::Cognito::UserPoolUser".to_owned(), names);
        let gone = StackDrift { absent: true, region: "us-east-1".to_owned(), ..stack("shop-regional", 0, 0) };
        let nested = StackDrift {
            nested_in: Some("shop".to_owned()),
            gaps: vec![
                "page 2 and all behind it were not read: failed to read the comparison: Rate exceeded".to_owned(),
            ],
            ..stack("shop-inner", 1, 0)
        };
        let code = CodeDrift {
            what: "function shop-api".to_owned(),
            region: "eu-west-1".to_owned(),
            expected: "sha256:1f2e".to_owned(),
            deployed: "sha256:aa00".to_owned(),
            why: "its code was replaced by hand".to_owned(),
            cure: "dlt drift revert".to_owned(),
            resource: None,
            properties: Vec::new(),
            ignored: None,
        };
        let stray = |kind: &str, active: bool| Stray {
            kind: kind.to_owned(),
            name: "0123456789abcdef".to_owned(),
            region: "eu-west-1".to_owned(),
            count: (!active).then_some(3),
            bytes: (!active).then_some(12_000_000),
            why: "no run that goes on has it as a worker".to_owned(),
            cure: "aws ecs stop-task --cluster shop --task 0123456789abcdef --region eu-west-1".to_owned(),
            active,
            ignored: None,
        };
        Answer {
            code: vec![code],
            strays: vec![stray("running task", true), stray("worker images", false)],
            notes: vec![
                "line 9: Logs is to be ignored: nothing of that name differs any more; the entry can go".to_owned(),
            ],
            ..answer(vec![main, nested, gone])
        }
        .judged()
    }

    #[test]
    fn a_look_is_told_at_80_columns() {
        insta::assert_snapshot!(text(&story(), 80, Paint::Plain));
    }

    #[test]
    fn a_look_is_told_at_120_columns() {
        insta::assert_snapshot!(text(&story(), 120, Paint::Plain));
    }

    #[test]
    fn what_is_not_wholly_compared_is_never_called_free_of_drift() {
        let whole = text(&answer(vec![stack("shop", 9, 0)]).judged(), 80, Paint::Plain);
        assert!(whole.contains("no drift"), "{whole}");
        let mut failed = stack("shop", 9, 0);
        failed.gaps.push("page 2".to_owned());
        for partial in [stack("shop", 9, 1), failed] {
            let told = text(&answer(vec![partial]).judged(), 80, Paint::Plain);
            assert!(!told.contains("no drift"), "{told}");
        }
    }

    #[test]
    fn colour_changes_no_word() {
        let plain = text(&story(), 80, Paint::Plain);
        assert_eq!(console::strip_ansi_codes(&text(&story(), 80, Paint::Colour)), plain);
    }
}
