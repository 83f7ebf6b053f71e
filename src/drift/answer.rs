//! What a look for drift found: its nouns, as programs read them and screens show them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Names the shape of the answer. New fields may come; the meaning of a field does not change.
pub const SCHEMA: &str = "dlt.drift.v1";

/// What was found in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    /// `dlt.drift.v1`.
    pub schema: String,
    /// The environment's stack name.
    pub stack: String,
    /// The account that was looked at.
    pub account: String,
    /// What it all comes to.
    pub verdict: Verdict,
    /// How many things differ: stacks that are gone, resources, code, and strays that do something.
    pub drifted: usize,
    /// How many things differ and are hidden by the environment file.
    pub ignored: usize,
    /// How much was looked at, over all stacks.
    pub coverage: Coverage,
    /// Stack by stack, nested ones after the stack that they are in.
    pub stacks: Vec<StackDrift>,
    /// What runs, against what this release would run.
    pub code: Vec<CodeDrift>,
    /// What the stacks imply and do not own.
    pub strays: Vec<Stray>,
    /// What could not be asked beyond CloudFormation. Each makes the answer incomplete.
    pub gaps: Vec<String>,
    /// What else is worth knowing; none of it changes the verdict.
    pub notes: Vec<String>,
}

/// What an answer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every resource was compared, and none differs.
    Clean,
    /// Nothing that could be compared differs; CloudFormation cannot compare everything.
    NothingFound,
    /// Something differs.
    Drifted,
    /// Something could not be read, so that nothing is said about the whole.
    Incomplete,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// How many resources there are.
    pub resources: usize,
    /// How many were compared.
    pub compared: usize,
    /// How many are of types that CloudFormation cannot compare.
    pub unsupported: usize,
    /// How many should have been compared and were not.
    pub failed: usize,
}

/// What was found in one stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct StackDrift {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// The stack that it is nested in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested_in: Option<String>,
    /// True when the environment has it and AWS does not.
    pub absent: bool,
    /// How much of it was looked at.
    pub coverage: Coverage,
    /// What differs.
    pub resources: Vec<ResourceDrift>,
    /// What CloudFormation cannot compare: by type, the names in the template.
    pub unsupported: BTreeMap<String, Vec<String>>,
    /// What should have been compared and was not.
    pub unread: Vec<Unread>,
    /// What kept the whole stack, or a page of its answer, from being read.
    pub gaps: Vec<String>,
}

/// A resource that could not be compared, though its type can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Unread {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why.
    pub why: String,
}

/// A resource that is not as its template says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ResourceDrift {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in AWS.
    pub physical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What became of it.
    pub fate: Fate,
    /// What differs in it.
    pub properties: Vec<Property>,
    /// Who wrote to it lately, newest first, as far as CloudTrail says.
    pub authors: Vec<Author>,
    /// Why there are no authors, when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors_unknown: Option<String>,
    /// The entry of the environment file that hides it as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
}

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// A place that differs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Property {
    /// Where, as `Policies[0].PolicyName`.
    pub path: String,
    /// The value that the template describes.
    pub before: Option<Value>,
    /// The value that is deployed.
    pub after: Option<Value>,
    /// The entry of the environment file that hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
}

/// Why something that differs is not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ignored {
    /// The reason in the environment file.
    pub reason: String,
    /// The last day on which it holds, as `2026-12-31`.
    pub until: String,
}

/// A call that wrote to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Author {
    /// When, in UTC, as `2026-11-22T06:00:00Z`.
    pub at: String,
    /// Who, by ARN where CloudTrail says it.
    pub who: String,
    /// The call, as `logs:PutRetentionPolicy`.
    pub call: String,
}

/// Something that runs and is not what it should be.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CodeDrift {
    /// What: `functions`, `function dlt-dev-api`, `worker image`, `console` …
    pub what: String,
    /// Where.
    pub region: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub deployed: String,
    /// What happened, in words.
    pub why: String,
    /// What cures it.
    pub cure: String,
    /// The resource of the stack that runs it, by its name in the template, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What differs in that resource.
    pub properties: Vec<Property>,
    /// The entry of the environment file that hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
}

/// Something that bears the environment's name and that nothing in it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stray {
    /// What it is: `running task`, `log group`, `worker images` …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Where.
    pub region: String,
    /// How many things it is, where it is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How many bytes they take, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why nothing needs it.
    pub why: String,
    /// What removes it.
    pub cure: String,
    /// True when it does something, and so is drift; false for what merely lies there.
    pub active: bool,
    /// The entry of the environment file that hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
}

impl std::ops::AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.resources += other.resources;
        self.compared += other.compared;
        self.unsupported += other.unsupported;
        self.failed += other.failed;
    }
}

impl ResourceDrift {
    /// True when something of it is not hidden by the environment file.
    pub fn counts(&self) -> bool {
        let open = |property: &Property| property.ignored.is_none();
        self.ignored.is_none() && (self.fate == Fate::Deleted || self.properties.iter().any(open))
    }
}

impl StackDrift {
    /// True when something that should have been compared was not.
    pub fn is_incomplete(&self) -> bool {
        !self.gaps.is_empty() || !self.unread.is_empty() || self.coverage.failed > 0
    }

    /// How it is called on screens.
    pub fn title(&self) -> String {
        match &self.nested_in {
            Some(parent) => format!("{} in {parent} ({})", self.name, self.region),
            None => format!("{} ({})", self.name, self.region),
        }
    }
}

impl Answer {
    fn count_drifted(&self) -> usize {
        let stacks =
            self.stacks.iter().map(|it| usize::from(it.absent) + it.resources.iter().filter(|it| it.counts()).count());
        let code = self.code.iter().filter(|it| it.ignored.is_none()).count();
        let strays = self.strays.iter().filter(|it| it.active && it.ignored.is_none()).count();
        stacks.sum::<usize>() + code + strays
    }

    fn count_hidden(&self) -> usize {
        let of_resource = |it: &ResourceDrift| match it.ignored {
            Some(_) => 1,
            None => it.properties.iter().filter(|property| property.ignored.is_some()).count(),
        };
        let resources = self.stacks.iter().flat_map(|stack| &stack.resources).map(of_resource).sum::<usize>();
        let code = self.code.iter().filter(|it| it.ignored.is_some()).count();
        resources + code + self.strays.iter().filter(|it| it.ignored.is_some()).count()
    }

    /// True when something could not be read.
    pub fn is_incomplete(&self) -> bool {
        !self.gaps.is_empty() || self.stacks.iter().any(StackDrift::is_incomplete)
    }

    /// What it all comes to. What could not be read outweighs what was found, and what cannot be compared is never clean.
    pub fn judged(mut self) -> Self {
        self.coverage = Coverage::default();
        for stack in &self.stacks {
            self.coverage += stack.coverage;
        }
        (self.drifted, self.ignored) = (self.count_drifted(), self.count_hidden());
        self.verdict = match (self.is_incomplete(), self.drifted, self.coverage.unsupported) {
            (true, ..) => Verdict::Incomplete,
            (false, 1.., _) => Verdict::Drifted,
            (false, 0, 1..) => Verdict::NothingFound,
            (false, 0, 0) => Verdict::Clean,
        };
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An answer about nothing.
    pub fn answer(stacks: Vec<StackDrift>) -> Answer {
        Answer {
            schema: SCHEMA.to_owned(),
            stack: "shop".to_owned(),
            account: "123456789012".to_owned(),
            verdict: Verdict::Clean,
            drifted: 0,
            ignored: 0,
            coverage: Coverage::default(),
            stacks,
            code: Vec::new(),
            strays: Vec::new(),
            gaps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A resource with one place that differs.
    pub fn changed(logical_id: &str, path: &str) -> ResourceDrift {
        let property =
            Property { path: path.to_owned(), before: Some(90.into()), after: Some(7.into()), ignored: None };
        ResourceDrift {
            logical_id: logical_id.to_owned(),
            physical_id: format!("/dlt/{logical_id}"),
            kind: "AWS::Logs::LogGroup".to_owned(),
            fate: Fate::Modified,
            properties: vec![property],
            authors: Vec::new(),
            authors_unknown: None,
            ignored: None,
        }
    }

    /// A stack with so much coverage.
    pub fn stack(name: &str, compared: usize, unsupported: usize) -> StackDrift {
        let coverage = Coverage { resources: compared + unsupported, compared, unsupported, failed: 0 };
        StackDrift { name: name.to_owned(), region: "eu-west-1".to_owned(), coverage, ..StackDrift::default() }
    }

    #[test]
    fn only_an_environment_of_which_everything_was_compared_is_clean() {
        let verdict = |stacks: Vec<StackDrift>| answer(stacks).judged().verdict;
        let gap = |text: &str| StackDrift { gaps: vec![text.to_owned()], ..stack("shop", 9, 0) };
        let unread = Unread { logical_id: "A".to_owned(), kind: "B".to_owned(), why: "UNKNOWN".to_owned() };
        let drifted = StackDrift { resources: vec![changed("Logs", "RetentionInDays")], ..stack("shop", 9, 1) };
        let both = StackDrift { gaps: vec!["page 2".to_owned()], ..drifted.clone() };
        for (stacks, expected) in [
            (vec![stack("shop", 9, 0)], Verdict::Clean),
            (vec![stack("shop", 9, 0), stack("more", 3, 1)], Verdict::NothingFound),
            (vec![drifted], Verdict::Drifted),
            (vec![stack("shop", 9, 0), gap("page 2 was not read")], Verdict::Incomplete),
            (vec![StackDrift { unread: vec![unread], ..stack("shop", 9, 0) }], Verdict::Incomplete),
            (vec![StackDrift { absent: true, ..stack("shop", 0, 0) }], Verdict::Drifted),
            (vec![both], Verdict::Incomplete),
        ] {
            assert_eq!(verdict(stacks.clone()), expected, "{stacks:#?}");
        }
    }

    #[test]
    fn what_merely_lies_there_is_told_and_is_no_drift() {
        let stray = |active| Stray {
            kind: "worker images".to_owned(),
            name: "shop/worker".to_owned(),
            region: "eu-west-1".to_owned(),
            count: Some(3),
            bytes: None,
            why: "nothing runs them".to_owned(),
            cure: "aws ecr".to_owned(),
            active,
            ignored: None,
        };
        for (active, expected) in [(false, Verdict::Clean), (true, Verdict::Drifted)] {
            let answer = Answer { strays: vec![stray(active)], ..answer(vec![stack("shop", 1, 0)]) };
            assert_eq!(answer.judged().verdict, expected);
        }
    }
}
