//! Keys of stacks that are gone: which of them wait for their deletion, and which were brought back.
//!
//! CloudFormation knows a deleted stack by its id for ninety days, with what was in it, and KMS keeps a deleted key for
//! thirty days at most. So a second `down`, which finds no stack any more, can tell of them too. Nothing here is worth
//! failing for: what could not be asked is said to be not known.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::{Client, types::StackStatus};
use dlt_model::id::Region;
use futures::{StreamExt, future::join_all, stream};
use jiff::{SignedDuration, Timestamp};

use super::{Doomed, word};
use crate::{
    cloud::{Cloud, CloudError, Doing, Key},
    deploy::{
        event::{Leaving, Remainder, StackRef},
        holdings::{self, KEY},
        stacks,
    },
};

/// How long ago a stack can have been deleted whose key still waits: KMS's longest wait, and a day for the deletion itself.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(31 * 24);
/// How many pages of deleted stacks are read; an account that has more is asked no further.
const MOST_PAGES: usize = 50;
/// How many questions are asked at once in a region.
const AT_ONCE: usize = 4;

/// What has become of the keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Those that AWS takes away by itself.
    pub leaving: Vec<Leaving>,
    /// Those that nothing takes away any more.
    pub remains: Vec<Remainder>,
    /// What could not be asked, a sentence for each region.
    pub unknown: Vec<String>,
}

/// Where to look in one region.
#[derive(Debug, Default)]
struct Place {
    /// How stacks of the environment are called there.
    names: BTreeSet<String>,
    /// Stacks that were there a moment ago, by id: a list may not have them yet.
    ids: BTreeSet<String>,
    /// Their keys, which wait now.
    keys: BTreeSet<String>,
}

/// The keys of all stacks that an environment ever had, as long as AWS remembers them.
pub async fn of_the_past(cloud: &Cloud, ours: impl IntoIterator<Item = StackRef>, doomed: &Doomed) -> Keys {
    let places = places(ours, doomed);
    let looks = places.iter().map(|(region, place)| look(cloud, region, place));
    join_all(looks).await.into_iter().fold(Keys::default(), Keys::and)
}

fn places(ours: impl IntoIterator<Item = StackRef>, doomed: &Doomed) -> BTreeMap<Region, Place> {
    let mut places: BTreeMap<Region, Place> = BTreeMap::new();
    for stack in ours {
        places.entry(stack.region).or_default().names.insert(stack.name);
    }
    for (_, stack, live) in &doomed.stacks {
        places.entry(stack.region.clone()).or_default().ids.insert(live.stack_id.clone());
    }
    for key in doomed.holdings.iter().filter(|it| it.kind == KEY && !it.kept) {
        places.entry(key.stack.region.clone()).or_default().keys.insert(key.name.clone());
    }
    places
}

async fn look(cloud: &Cloud, region: &Region, place: &Place) -> Keys {
    let (mut found, mut keys, mut ids) = (Keys::default(), place.keys.clone(), place.ids.clone());
    let client = &cloud.at(region).cloudformation;
    match buried(client, &place.names, Timestamp::now() - LOOKS_BACK).await {
        Ok(more) => ids.extend(more),
        Err(error) => found.not_known(region, &error),
    }
    let mut contents = stream::iter(&ids).map(|id| stacks::resources(client, id)).buffered(AT_ONCE);
    while let Some(content) = contents.next().await {
        match content {
            Ok(resources) => keys.extend(resources.into_iter().filter(|it| it.kind == KEY).map(|it| it.physical_id)),
            Err(error) => found.not_known(region, &error),
        }
    }
    // A key that could not be made has no id.
    keys.remove("");
    let mut answers = stream::iter(&keys).map(async |id| (id, cloud.key(region, id).await)).buffered(AT_ONCE);
    while let Some((id, answer)) = answers.next().await {
        match answer {
            Ok(key) => found.take(region, id, key.as_ref()),
            Err(error) => {
                found.leaving.extend(place.keys.contains(id).then(|| leaving(region, id, None)));
                found.not_known(region, &error);
            }
        }
    }
    found
}

/// The ids of deleted stacks of these names, of those that were deleted since then.
async fn buried(client: &Client, names: &BTreeSet<String>, since: Timestamp) -> Result<Vec<String>, CloudError> {
    let doing = "list the deleted stacks";
    let (mut ids, mut next) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let request = client.list_stacks().stack_status_filter(StackStatus::DeleteComplete).set_next_token(next);
        let page = request.send().await.doing(doing)?;
        let late = |at: Option<&aws_sdk_cloudformation::primitives::DateTime>| {
            // Who does not say when may have been deleted just now.
            at.is_none_or(|at| at.secs() >= since.as_second())
        };
        let ours = page.stack_summaries().iter().filter(|it| names.contains(it.stack_name().unwrap_or_default()));
        ids.extend(ours.filter(|it| late(it.deletion_time())).filter_map(|it| it.stack_id().map(ToOwned::to_owned)));
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(ids);
        }
    }
    Err(CloudError::unexpected(doing, format!("there are more than {MOST_PAGES} pages of them")))
}

impl Keys {
    fn and(mut self, other: Self) -> Self {
        self.leaving.extend(other.leaving);
        self.remains.extend(other.remains);
        self.unknown.extend(other.unknown);
        self
    }

    fn take(&mut self, region: &Region, id: &str, key: Option<&Key>) {
        match key {
            None => {}
            Some(key) if key.state.starts_with("Pending") && key.state.ends_with("Deletion") => {
                self.leaving.push(leaving(region, id, key.deleted_at));
            }
            Some(_) => self.remains.push(remaining(region, id)),
        }
    }

    /// The first trouble of a region stands for those that follow from it.
    fn not_known(&mut self, region: &Region, error: &CloudError) {
        if self.unknown.is_empty() {
            self.unknown.push(format!("whether more keys in {region} wait for their deletion is not known: {error}"));
        }
    }
}

/// A deleted key cannot go at once: what it encrypted could never be read again.
fn leaving(region: &Region, id: &str, at: Option<Timestamp>) -> Leaving {
    let meanwhile = "until then it is unusable and free of charge";
    let why = match at {
        Some(at) => format!("AWS deletes it on {}; {meanwhile}", at.strftime("%Y-%m-%d at %H:%M UTC")),
        None => format!("AWS deletes it some days after its stack; {meanwhile}"),
    };
    Leaving {
        kind: word(KEY).to_owned(),
        name: id.to_owned(),
        region: region.clone(),
        until_ms: at.map(Timestamp::as_millisecond),
        why,
        command: format!("aws kms cancel-key-deletion --key-id {id} --region {region}"),
    }
}

/// Somebody brought it back, or its template kept it.
fn remaining(region: &Region, id: &str) -> Remainder {
    Remainder {
        kind: word(KEY).to_owned(),
        name: id.to_owned(),
        region: region.clone(),
        count: None,
        bytes: None,
        why: "its stack is gone, and no deletion of it is scheduled".to_owned(),
        command: holdings::removal(KEY, id, region),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        deploy::{event::Holding, plan::Live},
        rehearsal::scripted::{Fake, error},
        render::Part,
    };

    fn region() -> Region {
        "eu-west-1".parse().unwrap()
    }

    fn stack(name: &str) -> StackRef {
        StackRef { name: name.to_owned(), region: region() }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn page(stacks: &[(&str, &str, &str)], next: &str) -> (u16, String) {
        let members = stacks.iter().map(|(name, id, at)| {
            let at = if at.is_empty() { String::new() } else { format!("<DeletionTime>{at}</DeletionTime>") };
            format!(
                "<member><StackName>{name}</StackName><StackId>{id}</StackId><CreationTime>2026-01-01T00:00:00Z\
                 </CreationTime>{at}<StackStatus>DELETE_COMPLETE</StackStatus></member>"
            )
        });
        (200, format!("<StackSummaries>{}</StackSummaries>{next}", members.collect::<String>()))
    }

    #[tokio::test]
    async fn only_stacks_of_our_names_that_were_deleted_lately_are_looked_into_on_every_page() {
        let first = [("shop", "arn:1", "2026-11-20T00:00:00Z"), ("other", "arn:2", "2026-11-20T00:00:00Z")];
        let second = [("shop", "arn:3", "2026-10-01T00:00:00Z"), ("shop", "arn:4", "2026-10-02T00:00:00Z")];
        let third = [("shop-regional", "arn:5", "")];
        let fake = Fake::default().on(
            "ListStacks",
            [page(&first, "<NextToken>2</NextToken>"), page(&second, "<NextToken>3</NextToken>"), page(&third, "")],
        );
        let since = "2026-10-02T00:00:00Z".parse().unwrap();
        let found = buried(&fake.client().await, &names(&["shop", "shop-regional"]), since).await.unwrap();
        assert_eq!(found, ["arn:1", "arn:4", "arn:5"]);
        assert!(fake.bodies().iter().all(|body| body.contains("DELETE_COMPLETE")), "{:?}", fake.bodies());
    }

    #[tokio::test]
    async fn a_list_without_an_end_and_a_refusal_are_errors_and_no_empty_list() {
        let endless = Fake::default().on("ListStacks", [page(&[], "<NextToken>again</NextToken>")]);
        let told = buried(&endless.client().await, &names(&["shop"]), Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert!(told.to_string().contains("more than 50 pages"), "{told}");
        assert_eq!(endless.called("ListStacks"), MOST_PAGES);
        let denied = Fake::default().on("ListStacks", [error("AccessDenied", "no")]);
        assert!(buried(&denied.client().await, &names(&["shop"]), Timestamp::UNIX_EPOCH).await.is_err());
    }

    #[test]
    fn what_waits_is_leaving_what_was_brought_back_remains_and_what_is_gone_is_nothing() {
        let key = |state: &str, at: Option<i64>| {
            let deleted_at = at.map(|at| Timestamp::from_second(at).unwrap());
            Key { state: state.to_owned(), deleted_at }
        };
        for (state, is_leaving) in [
            ("PendingDeletion", true),
            ("PendingReplicaDeletion", true),
            ("PendingImport", false),
            ("Disabled", false),
            ("Enabled", false),
        ] {
            let mut keys = Keys::default();
            keys.take(&region(), "k", Some(&key(state, None)));
            assert_eq!((keys.leaving.len() == 1, keys.remains.len() == 1), (is_leaving, !is_leaving), "{state}");
        }
        let mut keys = Keys::default();
        keys.take(&region(), "gone", None);
        assert_eq!(keys, Keys::default());
        keys.take(&region(), "k", Some(&key("PendingDeletion", Some(1_790_000_000))));
        let told = &keys.leaving[0];
        assert_eq!(told.why, "AWS deletes it on 2026-09-21 at 14:13 UTC; until then it is unusable and free of charge");
        assert_eq!(told.command, "aws kms cancel-key-deletion --key-id k --region eu-west-1");
        assert_eq!(told.until_ms, Some(1_790_000_000_000));
    }

    #[test]
    fn the_first_trouble_of_a_region_is_told_and_no_other() {
        let mut keys = Keys::default();
        for what in ["list the deleted stacks", "read the key `k`"] {
            keys.not_known(&region(), &CloudError::unexpected(what, "no"));
        }
        assert_eq!(
            keys.unknown,
            [
                "whether more keys in eu-west-1 wait for their deletion is not known: failed to list the deleted stacks: no"
            ]
        );
    }

    #[test]
    fn stacks_that_went_a_moment_ago_are_looked_into_by_id_and_keys_that_stay_are_not_waited_for() {
        let key = |name: &str, kept| Holding {
            stack: stack("shop"),
            logical_id: "Key".to_owned(),
            kind: KEY.to_owned(),
            name: name.to_owned(),
            count: None,
            bytes: None,
            kept,
        };
        let live = Live { stack_id: "arn:1".to_owned(), ..Live::default() };
        let doomed = Doomed {
            stacks: vec![(Part::Main, stack("shop"), live)],
            holdings: vec![key("goes", false), key("stays", true)],
        };
        let places = places([stack("shop"), stack("shop-foundation")], &doomed);
        let place = &places[&region()];
        assert_eq!(place.names, names(&["shop", "shop-foundation"]));
        assert_eq!((&place.ids, &place.keys), (&names(&["arn:1"]), &names(&["goes"])));
    }
}
