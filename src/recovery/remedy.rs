//! The table of every stack status: what is safe in it, and the one way out of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::deploy::event::{Operation, ResourceEvent, StackRef};

/// The way out of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// None is needed.
    Nothing,
    /// An operation goes on; its end decides.
    Wait,
    /// A change set was never executed: the stack is a name without resources, and goes.
    Discard,
    /// The stack was never whole: it goes, with what it still holds.
    Delete,
    /// Its deletion failed: it goes on.
    DeleteAgain,
    /// Its update failed and was left as it was: it goes back.
    RollBack,
    /// Going back failed: that goes on.
    ContinueRollBack,
    /// AWS has no operation for it.
    ByHand,
}

/// A verb of ours, as far as it concerns a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Safe {
    /// `dlt up` makes it as the file says.
    Up,
    /// `dlt down` takes it away.
    Down,
    /// `dlt attach` follows what goes on.
    Attach,
    /// `dlt cancel` stops what goes on.
    Cancel,
    /// `dlt recover` helps it out.
    Recover,
}

/// A stack and its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The stack.
    pub stack: StackRef,
    /// CloudFormation's word.
    pub status: String,
    /// What CloudFormation says about it.
    pub reason: Option<String>,
    /// The way out.
    pub remedy: Remedy,
    /// What is in the stack, as far as it matters to the way out.
    pub holds: Vec<Leftover>,
}

/// A resource that a stuck stack still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in AWS.
    pub physical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// CloudFormation's word.
    pub status: String,
    /// Why, where CloudFormation says so.
    pub reason: Option<String>,
    /// True when it is in the way: it failed where the others did not.
    pub failed: bool,
    /// True when it is left as it is.
    pub skipped: bool,
}

/// The way out of a status. `last` is the operation that led to it, where that is known.
pub fn remedy(status: Option<&str>, last: Option<Operation>) -> Remedy {
    match (status, last) {
        (None | Some("DELETE_COMPLETE"), _) => Remedy::Nothing,
        (Some("REVIEW_IN_PROGRESS"), _) => Remedy::Discard,
        (Some("CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED"), _) => Remedy::Delete,
        (Some("DELETE_FAILED"), _) => Remedy::DeleteAgain,
        (Some("UPDATE_FAILED"), _) => Remedy::RollBack,
        (Some("UPDATE_ROLLBACK_FAILED"), _) => Remedy::ContinueRollBack,
        // A stack that an import was to make, and that was never anything else.
        (Some("IMPORT_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_FAILED"), Some(Operation::Create)) => Remedy::Delete,
        (Some("IMPORT_ROLLBACK_FAILED"), _) => Remedy::ByHand,
        (Some("CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE"), _) => Remedy::Nothing,
        (Some("UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE"), _) => Remedy::Nothing,
        (Some(moving), _) if moving.ends_with("_IN_PROGRESS") => Remedy::Wait,
        // A status that was not known when this was written.
        (Some(_), _) => Remedy::ByHand,
    }
}

/// What may be done in a status without harm.
pub fn safe(status: Option<&str>, last: Option<Operation>) -> Vec<Safe> {
    let status_text = status.unwrap_or("DELETE_COMPLETE");
    match remedy(status, last) {
        Remedy::Nothing if status_text == "DELETE_COMPLETE" => vec![Safe::Up],
        Remedy::Nothing => vec![Safe::Up, Safe::Down],
        Remedy::Wait if status_text == "DELETE_IN_PROGRESS" => vec![Safe::Down, Safe::Attach],
        Remedy::Wait if ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"].contains(&status_text) => {
            vec![Safe::Attach, Safe::Cancel]
        }
        Remedy::Wait => vec![Safe::Attach],
        Remedy::Discard => vec![Safe::Up, Safe::Down, Safe::Recover],
        Remedy::Delete | Remedy::DeleteAgain | Remedy::RollBack | Remedy::ContinueRollBack => {
            vec![Safe::Down, Safe::Recover]
        }
        Remedy::ByHand => Vec::new(),
    }
}

/// The operation that was begun last, out of events that are given newest first.
pub fn last_operation(events: &[ResourceEvent]) -> Option<Operation> {
    let mut own = events.iter().filter(|event| event.of_stack);
    let begun = own.find_map(|event| match event.status.as_str() {
        "CREATE_IN_PROGRESS" => Some(Ok(Operation::Create)),
        "UPDATE_IN_PROGRESS" => Some(Ok(Operation::Update)),
        "DELETE_IN_PROGRESS" => Some(Ok(Operation::Delete)),
        "IMPORT_IN_PROGRESS" => Some(Err(())),
        _ => None,
    })?;
    // An import makes the stack when nothing but its review came before it.
    let mut makes_it = || own.next().is_none_or(|before| before.status == "REVIEW_IN_PROGRESS");
    Some(begun.unwrap_or_else(|()| if makes_it() { Operation::Create } else { Operation::Update }))
}

impl Remedy {
    /// True when there is something that we can do.
    pub fn is_ours(self) -> bool {
        !matches!(self, Self::Nothing | Self::Wait | Self::ByHand)
    }

    /// What will be done, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to do",
            Self::Wait => "an operation goes on: `dlt attach` follows it to its end",
            Self::Discard => "remove the empty stack that a change set left, which nobody executed",
            Self::Delete => "delete the stack, which was never whole",
            Self::DeleteAgain => "go on deleting it",
            Self::RollBack => "go back to what it was before the update",
            Self::ContinueRollBack => "go on going back to what it was before the update",
            Self::ByHand => {
                "AWS has no operation for this: import the same resources again, or take them out of the stack"
            }
        }
    }

    /// The status in which a resource is in the way of this remedy, and may be left as it is.
    pub fn obstacle(self) -> Option<&'static str> {
        match self {
            Self::DeleteAgain => Some("DELETE_FAILED"),
            Self::ContinueRollBack => Some("UPDATE_FAILED"),
            _ => None,
        }
    }
}

impl Case {
    /// The resources that are in the way.
    pub fn failed(&self) -> impl Iterator<Item = &Leftover> {
        self.holds.iter().filter(|it| it.failed)
    }

    /// The names of those that are left as they are.
    pub fn skipped(&self) -> Vec<String> {
        self.holds.iter().filter(|it| it.skipped).map(|it| it.logical_id.clone()).collect()
    }

    /// True when something may be gone afterwards that was there before.
    pub fn takes_away(&self) -> bool {
        let deletes = matches!(self.remedy, Remedy::Delete | Remedy::DeleteAgain);
        deletes && self.holds.iter().any(|it| !it.skipped)
    }
}

/// Marks the resources that are to be left as they are. Answers the names that no case can leave.
pub fn skip(cases: &mut [Case], names: &[String]) -> Vec<String> {
    let mut known = BTreeSet::new();
    let with_obstacles = cases.iter_mut().filter(|case| case.remedy.obstacle().is_some());
    for it in with_obstacles.flat_map(|case| &mut case.holds) {
        if it.failed && names.contains(&it.logical_id) {
            it.skipped = true;
            known.insert(it.logical_id.clone());
        }
    }
    names.iter().filter(|name| !known.contains(*name)).cloned().collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::deploy::{
        engine, fold::tests::event, plan, plan::tests::deployed, plan::tests::wanted, status::tests::EVERY_STATUS,
        teardown,
    };

    const LASTS: [Option<Operation>; 4] =
        [None, Some(Operation::Create), Some(Operation::Update), Some(Operation::Delete)];

    /// A stuck stack that holds a bucket which is in the way, and a role.
    pub fn case(remedy: Remedy, status: &str) -> Case {
        let leftover = |name: &str, kind: &str, failed: bool| Leftover {
            logical_id: name.to_owned(),
            physical_id: format!("shop-{}", name.to_lowercase()),
            kind: kind.to_owned(),
            status: if failed { remedy.obstacle().unwrap_or("CREATE_FAILED") } else { "CREATE_COMPLETE" }.to_owned(),
            reason: failed.then(|| "The bucket you tried to delete is not empty".to_owned()),
            failed,
            skipped: false,
        };
        Case {
            stack: StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() },
            status: status.to_owned(),
            reason: None,
            remedy,
            holds: vec![leftover("Data", "AWS::S3::Bucket", true), leftover("Role", "AWS::IAM::Role", false)],
        }
    }

    /// Statuses whose way out does not depend on how it came to them.
    fn expected(status: &str) -> Remedy {
        match status {
            "CREATE_COMPLETE" => Remedy::Nothing,
            "CREATE_FAILED" => Remedy::Delete,
            "CREATE_IN_PROGRESS" => Remedy::Wait,
            "DELETE_COMPLETE" => Remedy::Nothing,
            "DELETE_FAILED" => Remedy::DeleteAgain,
            "DELETE_IN_PROGRESS" => Remedy::Wait,
            "IMPORT_COMPLETE" => Remedy::Nothing,
            "IMPORT_IN_PROGRESS" => Remedy::Wait,
            "IMPORT_ROLLBACK_COMPLETE" => Remedy::Nothing,
            "IMPORT_ROLLBACK_FAILED" => Remedy::ByHand,
            "IMPORT_ROLLBACK_IN_PROGRESS" => Remedy::Wait,
            "REVIEW_IN_PROGRESS" => Remedy::Discard,
            "ROLLBACK_COMPLETE" => Remedy::Delete,
            "ROLLBACK_FAILED" => Remedy::Delete,
            "ROLLBACK_IN_PROGRESS" => Remedy::Wait,
            "UPDATE_COMPLETE" => Remedy::Nothing,
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => Remedy::Wait,
            "UPDATE_FAILED" => Remedy::RollBack,
            "UPDATE_IN_PROGRESS" => Remedy::Wait,
            "UPDATE_ROLLBACK_COMPLETE" => Remedy::Nothing,
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => Remedy::Wait,
            "UPDATE_ROLLBACK_FAILED" => Remedy::ContinueRollBack,
            "UPDATE_ROLLBACK_IN_PROGRESS" => Remedy::Wait,
            other => panic!("{other} is in no cell"),
        }
    }

    #[test]
    fn every_status_has_one_way_out_whatever_led_to_it() {
        for status in EVERY_STATUS {
            for last in LASTS {
                let made_by_import = status.starts_with("IMPORT_ROLLBACK_") && !status.ends_with("_IN_PROGRESS");
                let expected = match last {
                    Some(Operation::Create) if made_by_import => Remedy::Delete,
                    _ => expected(status),
                };
                assert_eq!(remedy(Some(status), last), expected, "{status} after {last:?}");
            }
        }
        assert_eq!(remedy(None, None), Remedy::Nothing);
        assert_eq!(remedy(Some("SOMETHING_NEW"), None), Remedy::ByHand);
    }

    #[test]
    fn the_whole_table_reads_as_it_is_meant() {
        let rows = EVERY_STATUS.iter().map(|status| {
            let safe: Vec<String> =
                safe(Some(status), None).iter().map(|it| format!("{it:?}").to_lowercase()).collect();
            format!("{status:<45} {:<24} {}", safe.join(" "), remedy(Some(status), None).words())
        });
        insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn what_is_called_safe_is_what_the_verbs_do_not_refuse() {
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        let wanted = wanted("Resources: {Topic: {Type: AWS::SNS::Topic}}\n");
        for status in EVERY_STATUS {
            let safe = safe(Some(status), None);
            let live = deployed(&wanted, status);
            let plan = plan::Plan {
                stack: "shop".to_owned(),
                account: "1".to_owned(),
                stacks: vec![plan::decide(&wanted, &live)],
                assets: Vec::new(),
            };
            assert_eq!(safe.contains(&Safe::Up), engine::guard(&plan).is_ok(), "up in {status}");
            let gone = status == "DELETE_COMPLETE" || status == "IMPORT_ROLLBACK_FAILED";
            assert_eq!(safe.contains(&Safe::Down), teardown::guard(&stack, &live).is_ok() && !gone, "down in {status}");
            assert_eq!(safe.contains(&Safe::Recover), remedy(Some(status), None).is_ours(), "recover in {status}");
        }
    }

    #[test]
    fn the_last_operation_is_read_from_the_events_and_an_import_that_made_the_stack_is_a_creation() {
        let events = |statuses: &[&str]| -> Vec<ResourceEvent> {
            statuses.iter().map(|status| event(status, 0, "Stack", status, None)).collect()
        };
        for (statuses, last) in [
            (&["ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS"][..], Some(Operation::Create)),
            (&["UPDATE_ROLLBACK_FAILED", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE"], Some(Operation::Update)),
            (&["DELETE_FAILED", "DELETE_IN_PROGRESS", "CREATE_COMPLETE"], Some(Operation::Delete)),
            (&["IMPORT_ROLLBACK_COMPLETE", "IMPORT_IN_PROGRESS", "REVIEW_IN_PROGRESS"], Some(Operation::Create)),
            (&["IMPORT_ROLLBACK_FAILED", "IMPORT_IN_PROGRESS", "UPDATE_COMPLETE"], Some(Operation::Update)),
            (&["REVIEW_IN_PROGRESS"], None),
            (&[], None),
        ] {
            assert_eq!(last_operation(&events(statuses)), last, "{statuses:?}");
        }
    }

    #[test]
    fn only_what_is_in_the_way_can_be_left_as_it_is() {
        let mut cases = [case(Remedy::DeleteAgain, "DELETE_FAILED")];
        let wrong = skip(&mut cases, &["Data".to_owned(), "Role".to_owned(), "Nothing".to_owned()]);
        assert_eq!(wrong, ["Role", "Nothing"]);
        assert_eq!(cases[0].skipped(), ["Data"]);
        assert!(cases[0].takes_away(), "the role goes");
    }

    #[test]
    fn going_back_takes_nothing_away() {
        assert!(!case(Remedy::ContinueRollBack, "UPDATE_ROLLBACK_FAILED").takes_away());
        assert!(case(Remedy::Delete, "CREATE_FAILED").takes_away());
        let empty = Case { holds: Vec::new(), ..case(Remedy::Delete, "ROLLBACK_COMPLETE") };
        assert!(!empty.takes_away());
    }
}
