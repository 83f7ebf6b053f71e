//! What a person wants to go wrong: `KIND` or `KIND@LogicalId`, as `--fault` takes it.

use std::{collections::BTreeSet, str::FromStr};

use super::faults::{Faults, Mishap, Trouble, Weather, When};

/// From when to when credentials are expired, in milliseconds after the beginning.
const EXPIRED_MS: (i64, i64) = (6_000, 16_000);
/// How many calls go well before some are throttled, and how many those are. AWS's client slows down for long after each.
const BEFORE_THROTTLING: usize = 7;
const THROTTLED_CALLS: usize = 5;
/// How long events stay hidden at most.
const LATE_MS: u32 = 3_000;
/// How far behind a stale read is.
const STALE_MS: u32 = 1_500;
/// How long after a change set somebody else begins. At once: no review is that fast.
const INTRUDER_MS: u32 = 0;

/// A sort of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A resource fails.
    Fails(When, Why),
    /// A resource fails, and then going back fails on it.
    Stuck,
    /// A resource takes ten times as long.
    Slow,
    /// Calls go wrong.
    Calls(Trouble, usize),
    /// A run of calls is throttled.
    Throttled,
    /// Credentials expire for a while.
    Expired,
    /// Events come late.
    Late,
    /// Events change places.
    Shuffled,
    /// Change sets are empty.
    Empty,
    /// Early validation refuses a resource.
    Invalid,
    /// Somebody else is at work.
    Intruder,
}

/// Why a resource fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The service says no more than that.
    Broken,
    /// A permission is missing.
    Denied,
    /// The name is taken.
    Taken,
    /// A quota is reached.
    Quota,
}

/// Every fault: its word, what it is, and what happens.
pub const FAULTS: &[(&str, Sort, &str)] = &[
    ("create-fails", Sort::Fails(When::Create, Why::Broken), "a resource cannot be made; AWS rolls back (exit code 6)"),
    ("denied", Sort::Fails(When::Create, Why::Denied), "a resource cannot be made for lack of a permission (6)"),
    ("name-taken", Sort::Fails(When::Create, Why::Taken), "a resource cannot be made because its name is taken (6)"),
    ("quota", Sort::Fails(When::Create, Why::Quota), "a resource cannot be made because a quota is reached (6)"),
    (
        "update-fails",
        Sort::Fails(When::Update, Why::Broken),
        "a resource cannot be changed; needs --simulate=deployed (6)",
    ),
    ("rollback-fails", Sort::Stuck, "a resource fails, and then going back fails on it as well (7)"),
    ("slow", Sort::Slow, "a resource takes ten times as long as usual"),
    ("throttled", Sort::Throttled, "the eighth call to CloudFormation and the four after it are too many for AWS"),
    ("server-errors", Sort::Calls(Trouble::Broken, 5), "every fifth call ends in an error of AWS's own"),
    (
        "dropped",
        Sort::Calls(Trouble::Dropped { accepted: true }, 4),
        "every fourth connection breaks after AWS has heard the call",
    ),
    ("timeouts", Sort::Calls(Trouble::Silent { accepted: true }, 9), "every ninth call is heard and never answered"),
    ("stale", Sort::Calls(Trouble::Stale { by_ms: STALE_MS }, 2), "every second read tells what was true a moment ago"),
    ("late-events", Sort::Late, "events can be read only some time after they happened"),
    ("shuffled-events", Sort::Shuffled, "events change places from one look to the next"),
    ("expired-credentials", Sort::Expired, "the credentials expire for ten seconds, six seconds after the beginning"),
    ("no-changes", Sort::Empty, "CloudFormation finds no changes in any change set"),
    ("early-validation", Sort::Invalid, "CloudFormation refuses a resource before anything is done (3)"),
    (
        "someone-else",
        Sort::Intruder,
        "somebody else begins an operation on a stack after its change set was made (5 or 8)",
    ),
];

/// A fault that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub sort: Sort,
    /// The resource that it is about, where it is about one and one was named.
    pub at: Option<String>,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, at) = match text.split_once('@') {
            Some((word, at)) => (word, Some(at.to_owned())),
            None => (text, None),
        };
        let known = FAULTS.iter().find(|(known, _, _)| *known == word);
        let (_, sort, _) = known.ok_or_else(|| unknown(word))?;
        match &at {
            Some(at) if at.is_empty() => Err("expected the name of a resource after `@`".to_owned()),
            Some(_) if !sort.is_about_a_resource() => Err(format!("`{word}` is about no resource; leave `@…` out")),
            _ => Ok(Self { sort: *sort, at }),
        }
    }
}

fn unknown(word: &str) -> String {
    let near = dlt_model::problem::suggest(word, FAULTS.iter().map(|(known, _, _)| *known));
    let meant = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!("there is no such fault; {meant}`--fault help` lists them")
}

impl Sort {
    /// Whether it happens to a resource, which can be named.
    pub fn is_about_a_resource(self) -> bool {
        matches!(self, Self::Fails(..) | Self::Stuck | Self::Slow | Self::Invalid)
    }
}

/// Everything that goes wrong, with the resource that stands in where a fault names none.
pub fn arrange(faults: &[Fault], anybody: &str) -> (Faults, Weather) {
    let (mut inside, mut outside) = (Faults::default(), Weather::default());
    for fault in faults {
        let logical_id = fault.at.clone().unwrap_or_else(|| anybody.to_owned());
        match fault.sort {
            Sort::Fails(when, why) => inside.mishaps.push(mishap(&logical_id, when, why)),
            Sort::Stuck => {
                let whens = [When::Create, When::Update, When::Undo];
                inside.mishaps.extend(whens.map(|when| mishap(&logical_id, when, Why::Broken)));
            }
            Sort::Slow => drop(inside.slow.insert(logical_id)),
            Sort::Calls(trouble, every) => outside.every.push((every, trouble)),
            Sort::Throttled => {
                outside.calls = vec![None; BEFORE_THROTTLING];
                outside.calls.extend([Some(Trouble::Throttled); THROTTLED_CALLS]);
            }
            Sort::Expired => outside.expired.push(EXPIRED_MS),
            Sort::Late => inside.events_late_ms = LATE_MS,
            Sort::Shuffled => inside.events_shuffled = true,
            Sort::Empty => inside.empty_change_sets = true,
            Sort::Invalid => inside.invalid = Some(logical_id),
            Sort::Intruder => inside.intruder_after_ms = Some(INTRUDER_MS),
        }
    }
    (inside, outside)
}

fn mishap(logical_id: &str, when: When, why: Why) -> Mishap {
    let deed = match when {
        When::Create => "Create",
        When::Update => "Update",
        When::Undo | When::Delete => "Delete",
    };
    let reason = match why {
        Why::Broken => format!(
            "Resource handler returned message: \"rehearsed failure\" (HandlerErrorCode: GeneralServiceException) [{deed}]"
        ),
        Why::Denied => format!(
            "User: arn:aws:sts::000000000000:assumed-role/rehearsal/you is not authorized to perform: \
             rehearsal:{deed}{logical_id} (HandlerErrorCode: AccessDenied)"
        ),
        Why::Taken => format!("{logical_id} already exists (rehearsed) (HandlerErrorCode: AlreadyExists)"),
        Why::Quota => {
            "The maximum number of such resources is reached (rehearsed) (HandlerErrorCode: ServiceLimitExceeded)"
                .to_owned()
        }
    };
    Mishap { logical_id: logical_id.to_owned(), when, reason }
}

/// The resources that faults name.
pub fn named(faults: &[Fault]) -> BTreeSet<&str> {
    faults.iter().filter_map(|fault| fault.at.as_deref()).collect()
}

/// The list of faults, as a person reads it.
pub fn help() -> String {
    let width = FAULTS.iter().map(|(word, sort, _)| shown(word, *sort).len()).max().unwrap_or_default();
    let line = |(word, sort, what): &(&str, Sort, &str)| format!("  {:width$}  {what}", shown(word, *sort));
    let lines: Vec<String> = FAULTS.iter().map(line).collect();
    format!("What can go wrong in a rehearsal (`--fault`, may be repeated):\n{}", lines.join("\n"))
}

fn shown(word: &str, sort: Sort) -> String {
    if sort.is_about_a_resource() { format!("{word}[@NAME]") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_in_the_list_is_understood_and_does_something() {
        for (word, sort, _) in FAULTS {
            let fault: Fault = word.parse().unwrap();
            assert_eq!(fault, Fault { sort: *sort, at: None });
            let arranged = arrange(&[fault], "Table");
            assert_ne!(arranged, (Faults::default(), Weather::default()), "{word}");
        }
    }

    #[test]
    fn a_fault_names_its_resource_only_where_it_is_about_one() {
        let fault: Fault = "create-fails@Table".parse().unwrap();
        assert_eq!(fault.at.as_deref(), Some("Table"));
        assert_eq!(arrange(&[fault], "Other").0.mishaps[0].logical_id, "Table");
        for (text, word) in [
            ("throttled@Table", "about no resource"),
            ("slow@", "expected the name"),
            ("throtled", "did you mean `throttled`?"),
            ("xyz", "`--fault help` lists them"),
        ] {
            let problem = text.parse::<Fault>().unwrap_err();
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }

    #[test]
    fn the_list_of_faults_fits_a_terminal() {
        insta::assert_snapshot!(help());
    }
}
