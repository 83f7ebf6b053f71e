//! A plan that was reviewed and is carried out later, or refused: what it was made of, so that nothing can have moved since.
//!
//! The file holds digests and names, no values: nothing in it is a secret. The seal shows that it was edited or cut. It is
//! no signature and need not be one: a plan allows nothing by itself. `up --plan` decides anew, and goes on only when it
//! comes to the very same.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    changes::Act,
    plan::{Action, Live, Plan, StackPlan, Wanted},
};

/// The format that we write and read.
const VERSION: u8 = 1;

/// A sealed plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// What is sealed.
    plan: Content,
    /// The digest of it.
    seal: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u8,
    stack: String,
    account: String,
    made_by: String,
    made_at: Timestamp,
    expires_at: Timestamp,
    stacks: Vec<Stack>,
    assets: Vec<String>,
}

/// One stack: what it is to be, and what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stack {
    name: String,
    region: String,
    action: String,
    wanted_template: String,
    wanted_parameters: String,
    wanted_tags: String,
    live_template: Option<String>,
    live_parameters: String,
    live_changed_ms: i64,
    drift: Option<String>,
    changes: BTreeMap<String, String>,
}

impl Sealed {
    /// Seals what was decided. `wanted` and `live` are in the order of the plan.
    pub fn of(
        plan: &Plan,
        wanted: &[Wanted],
        live: &[Live],
        made_by: &str,
        now: Timestamp,
        valid_for: SignedDuration,
    ) -> Self {
        let stacks =
            plan.stacks.iter().zip(wanted).zip(live).map(|((plan, wanted), live)| Stack::of(plan, wanted, live));
        let plan = Content {
            version: VERSION,
            stack: plan.stack.clone(),
            account: plan.account.clone(),
            made_by: made_by.to_owned(),
            made_at: now,
            expires_at: now.saturating_add(valid_for).unwrap_or(now),
            stacks: stacks.collect(),
            assets: plan.assets.iter().map(|it| format!("{} {} {}", it.asset, it.region, it.address)).collect(),
        };
        let seal = plan.digest();
        Self { plan, seal }
    }

    /// The file.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a sealed plan has text keys and plain values") + "\n"
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why it is no sealed plan, or not the one that was sealed.
    pub fn read(text: &str) -> Result<Self, String> {
        let sealed: Self = serde_json::from_str(text).map_err(|error| format!("it is no sealed plan: {error}"))?;
        if sealed.plan.digest() != sealed.seal {
            return Err("it was edited after it was sealed".to_owned());
        }
        if sealed.plan.version != VERSION {
            return Err(format!("it is of version {}, and this program reads {VERSION}", sealed.plan.version));
        }
        Ok(sealed)
    }

    /// Who made it, and until when it counts.
    pub fn origin(&self) -> String {
        format!("made by {} at {}, good until {}", self.plan.made_by, self.plan.made_at, self.plan.expires_at)
    }

    /// Everything that speaks against carrying it out now: `now_decided` is what would be done today.
    pub fn objections(&self, now_decided: &Self) -> Vec<String> {
        let (then, now) = (&self.plan, &now_decided.plan);
        let mut objections = Vec::new();
        if (&then.stack, &then.account) != (&now.stack, &now.account) {
            let [a, b] = [then, now].map(|it| format!("`{}` in the account {}", it.stack, it.account));
            return vec![format!("it is for {a}, and this is {b}")];
        }
        if now.made_at >= then.expires_at {
            objections.push(format!("it expired at {}", then.expires_at));
        }
        for stack in &now.stacks {
            match then.stacks.iter().find(|it| (&it.name, &it.region) == (&stack.name, &stack.region)) {
                Some(sealed) => objections.extend(sealed.moved(stack)),
                None => objections.push(format!("it does not have the stack {} ({})", stack.name, stack.region)),
            }
        }
        let gone = |it: &&Stack| !now.stacks.iter().any(|stack| (&it.name, &it.region) == (&stack.name, &stack.region));
        let gone = then.stacks.iter().filter(gone);
        objections.extend(
            gone.map(|it| format!("it has the stack {} ({}), which is not wanted any more", it.name, it.region)),
        );
        if then.assets != now.assets {
            objections.push("the release differs: functions, worker image or console".to_owned());
        }
        objections
    }
}

impl Content {
    fn digest(&self) -> String {
        digest([serde_json::to_string(self).expect("a sealed plan has text keys and plain values").as_str()])
    }
}

impl Stack {
    fn of(plan: &StackPlan, wanted: &Wanted, live: &Live) -> Self {
        let pairs = |values: &BTreeMap<String, String>| {
            // The stack's id keeps digests of equal values from being equal elsewhere.
            let words = std::iter::once(live.stack_id.as_str());
            digest(words.chain(values.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()])))
        };
        let changes = plan.resources.iter().filter(|it| !it.is_unexplained());
        Self {
            name: wanted.stack.name.clone(),
            region: wanted.stack.region.to_string(),
            action: word(&plan.action).to_owned(),
            wanted_template: digest([wanted.template.as_str()]),
            wanted_parameters: pairs(&wanted.parameters),
            wanted_tags: pairs(&wanted.tags),
            live_template: live.template.as_deref().map(|template| digest([template])),
            live_parameters: pairs(&live.parameters),
            live_changed_ms: live.changed_ms,
            drift: live.drift.clone(),
            changes: changes.map(|it| (it.logical_id.clone(), act(it.act))).collect(),
        }
    }

    /// What is not as it was when this was sealed.
    fn moved(&self, now: &Self) -> Vec<String> {
        let what = format!("{} ({})", self.name, self.region);
        [
            (self.wanted_template != now.wanted_template, "the template that is wanted is another one"),
            (self.wanted_parameters != now.wanted_parameters, "other parameters are wanted"),
            (self.wanted_tags != now.wanted_tags, "other tags are wanted"),
            (self.live_template != now.live_template, "another template was deployed meanwhile"),
            (self.live_parameters != now.live_parameters, "it was deployed with other parameters meanwhile"),
            (self.live_changed_ms != now.live_changed_ms, "the stack was changed meanwhile"),
            (self.action != now.action, "something else is to be done with it"),
            (self.drift != now.drift, "its drift was looked at again, or is another"),
        ]
        .into_iter()
        .filter(|(moved, _)| *moved)
        .map(|(_, words)| format!("{what}: {words}"))
        .collect()
    }
}

fn word(action: &Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Nothing => "nothing",
        Action::Join => "join",
        Action::Held { .. } => "held",
        Action::Blocked { .. } => "blocked",
    }
}

fn act(act: Act) -> String {
    serde_json::to_value(act).ok().and_then(|it| it.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// A digest of words, each with its length, so that no two lists of words have the same.
fn digest<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update((word.len() as u64).to_be_bytes());
        hash.update(word);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::{
        super::plan::{
            decide,
            tests::{deployed, wanted},
        },
        *,
    };

    const OLD: &str = "Resources: {Topic: {Type: AWS::SNS::Topic}}\n";
    const NEW: &str = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: x}}}\n";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn sealed(wanted: &Wanted, live: &Live, now: &str) -> Sealed {
        let plan = Plan {
            stack: wanted.stack.name.clone(),
            account: "123456789012".to_owned(),
            stacks: vec![decide(wanted, live)],
            assets: Vec::new(),
        };
        let (wanted, live) = (std::slice::from_ref(wanted), std::slice::from_ref(live));
        Sealed::of(&plan, wanted, live, "arn:aws:iam::123456789012:user/eva", at(now), SignedDuration::from_hours(24))
    }

    const MORNING: &str = "2026-11-22T08:00:00Z";
    const EVENING: &str = "2026-11-22T20:00:00Z";
    const NEXT_DAY: &str = "2026-11-23T08:00:00Z";

    fn wish() -> Wanted {
        Wanted { parameters: BTreeMap::from([("Key".to_owned(), "s3cret".to_owned())]), ..wanted(NEW) }
    }

    #[test]
    fn a_plan_of_which_nothing_moved_is_carried_out() {
        let (wanted, live) = (wish(), deployed(&wanted(OLD), "CREATE_COMPLETE"));
        let read = Sealed::read(&sealed(&wanted, &live, MORNING).text()).unwrap();
        assert_eq!(read.objections(&sealed(&wanted, &live, EVENING)), [""; 0]);
    }

    #[test]
    fn whatever_moved_is_named() {
        let (wanted, live) = (wish(), deployed(&wanted(OLD), "CREATE_COMPLETE"));
        let plan = sealed(&wanted, &live, MORNING);
        let objects = |now: &Sealed, words: &str| {
            let objections = plan.objections(now).join("; ");
            assert!(objections.contains(words), "{words}: {objections}");
        };
        objects(&sealed(&wanted, &live, NEXT_DAY), "expired at 2026-11-23T08:00:00Z");
        objects(&sealed(&Wanted { template: OLD.to_owned(), ..wanted.clone() }, &live, EVENING), "wanted is another");
        objects(&sealed(&Wanted { tags: BTreeMap::new(), ..wanted.clone() }, &live, EVENING), "other tags");
        objects(
            &sealed(&Wanted { parameters: BTreeMap::new(), ..wanted.clone() }, &live, EVENING),
            "other parameters are",
        );
        objects(
            &sealed(&wanted, &Live { template: Some(NEW.to_owned()), ..live.clone() }, EVENING),
            "another template was",
        );
        objects(&sealed(&wanted, &Live { changed_ms: 2, ..live.clone() }, EVENING), "changed meanwhile");
        objects(&sealed(&wanted, &Live { drift: Some("DRIFTED@1".to_owned()), ..live.clone() }, EVENING), "drift");
        let mut other = wanted.clone();
        other.stack.name = "other".to_owned();
        objects(&sealed(&other, &live, EVENING), "it is for `shop`");
        let mut elsewhere = wanted;
        elsewhere.stack.region = "us-east-1".parse().unwrap();
        objects(&sealed(&elsewhere, &live, EVENING), "does not have the stack shop (us-east-1)");
        objects(&sealed(&elsewhere, &live, EVENING), "shop (eu-west-1), which is not wanted");
    }

    #[test]
    fn an_edited_or_cut_file_is_refused() {
        let text = sealed(&wish(), &deployed(&wanted(OLD), "CREATE_COMPLETE"), MORNING).text();
        let edited = text.replace("2026-11-23T08:00:00Z", "2036-11-23T08:00:00Z");
        assert!(Sealed::read(&edited).unwrap_err().contains("edited"));
        for broken in [&text[..text.len() / 2], "{}", ""] {
            assert!(Sealed::read(broken).unwrap_err().contains("no sealed plan"), "{broken}");
        }
        let other_version = text.replace("\"version\": 1", "\"version\": 2");
        assert!(Sealed::read(&other_version).is_err());
    }

    #[test]
    fn no_value_is_in_the_file() {
        let text = sealed(&wish(), &deployed(&wish(), "CREATE_COMPLETE"), MORNING).text();
        assert!(!text.contains("s3cret") && !text.contains("DisplayName"), "{text}");
    }
}
