//! From events to seconds: how long each resource took.

use std::collections::BTreeMap;

use dlt_model::id::Region;

use crate::deploy::event::{Event, Operation, ResourceEvent, StackRef};

/// One resource that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where.
    pub region: Region,
    /// Its type.
    pub kind: String,
    /// What was done.
    pub operation: Operation,
    /// How long it took, in tenths of a second.
    pub tenths: u32,
}

/// Listens to the events of one command.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    account: String,
    begun: BTreeMap<(StackRef, String), (Operation, i64)>,
    done: Vec<Sample>,
}

impl Samples {
    /// Takes an event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Began { account, .. } => self.account.clone_from(account),
            Event::Resource { stack, resource } if !resource.of_stack => self.hear(stack, resource),
            _ => {}
        }
    }

    /// The account, and what was seen in it.
    pub fn into_parts(self) -> (String, Vec<Sample>) {
        (self.account, self.done)
    }

    fn hear(&mut self, stack: &StackRef, resource: &ResourceEvent) {
        let key = (stack.clone(), resource.logical_id.clone());
        if let Some(operation) = begins(resource) {
            // CloudFormation tells the beginning twice: when it starts, and when it knows the resource's name.
            let (known, _) = *self.begun.entry(key.clone()).or_insert((operation, resource.at_ms));
            if known != operation {
                self.begun.insert(key, (operation, resource.at_ms));
            }
        } else if let Some((operation, began_ms)) = self.begun.remove(&key)
            && resource.status.ends_with("_COMPLETE")
            && !resource.status.contains("ROLLBACK")
            && let Ok(tenths) = u32::try_from((resource.at_ms - began_ms) / 100)
        {
            let (region, kind) = (stack.region.clone(), resource.kind.clone());
            self.done.push(Sample { region, kind, operation, tenths });
        }
    }
}

/// What begins with an event; a replacement takes as long as a creation.
fn begins(resource: &ResourceEvent) -> Option<Operation> {
    let is_new = resource.reason.as_ref().is_some_and(|reason| reason.contains("creation of a new physical resource"));
    match resource.status.as_str() {
        "CREATE_IN_PROGRESS" => Some(Operation::Create),
        "UPDATE_IN_PROGRESS" if is_new => Some(Operation::Create),
        "UPDATE_IN_PROGRESS" => Some(Operation::Update),
        "DELETE_IN_PROGRESS" => Some(Operation::Delete),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(events: &[(i64, &str, &str, Option<&str>)]) -> Vec<(Operation, u32)> {
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        let mut samples = Samples::default();
        for (at_ms, name, status, reason) in events {
            let resource = ResourceEvent {
                id: String::new(),
                logical_id: (*name).to_owned(),
                kind: "AWS::SNS::Topic".to_owned(),
                status: (*status).to_owned(),
                reason: reason.map(ToOwned::to_owned),
                at_ms: *at_ms,
                token: None,
                of_stack: false,
            };
            samples.take(&Event::Resource { stack: stack.clone(), resource });
        }
        samples.into_parts().1.into_iter().map(|sample| (sample.operation, sample.tenths)).collect()
    }

    #[test]
    fn a_resource_is_timed_from_its_first_word_to_its_last() {
        let events = [
            (0, "A", "CREATE_IN_PROGRESS", None),
            (500, "B", "UPDATE_IN_PROGRESS", None),
            (1_000, "A", "CREATE_IN_PROGRESS", Some("Resource creation Initiated")),
            (12_340, "A", "CREATE_COMPLETE", None),
            (20_000, "B", "UPDATE_COMPLETE", None),
        ];
        assert_eq!(seen(&events), [(Operation::Create, 123), (Operation::Update, 195)]);
    }

    #[test]
    fn a_replacement_is_a_creation_and_the_old_ones_end_a_deletion() {
        let why = Some("Requested update requires the creation of a new physical resource; hence creating one.");
        let events = [
            (0, "A", "UPDATE_IN_PROGRESS", why),
            (5_000, "A", "UPDATE_COMPLETE", None),
            (6_000, "A", "DELETE_IN_PROGRESS", None),
            (7_000, "A", "DELETE_COMPLETE", None),
        ];
        assert_eq!(seen(&events), [(Operation::Create, 50), (Operation::Delete, 10)]);
    }

    #[test]
    fn what_failed_or_was_rolled_back_or_begun_before_us_teaches_nothing() {
        let events = [
            (0, "A", "CREATE_IN_PROGRESS", None),
            (9_000, "A", "CREATE_FAILED", None),
            (9_500, "C", "CREATE_COMPLETE", None),
        ];
        assert_eq!(seen(&events), []);
    }
}
