//! The lock of an environment: two people never deploy different things at once.
//!
//! A parameter in Parameter Store, which needs no stack, that is put without overwriting: the first one wins. It says who
//! holds it, from where, since when and until when, and is renewed while its owner works. One that ran out is taken over.

use std::time::Duration;

use aws_sdk_ssm::{Client, types::ParameterType};
use dlt_model::id::Region;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::event::Observer;
use crate::{
    cloud::{Cloud, CloudError, Doing, Kind},
    exit::Exit,
    failure::Failure,
};

/// How long a lock lasts that nobody renews: so much longer than a renewal takes that clocks may differ by two minutes.
const LASTS: Duration = Duration::from_secs(180);
/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(30);
/// How long whoever takes over an expired lock waits for somebody else who does the same.
const SETTLES_IN: Duration = Duration::from_millis(1500);
/// How often a lock may be gone again when it is looked at, before we believe that something is wrong.
const TRIES: usize = 5;

/// Who holds an environment, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// As AWS names them.
    pub who: String,
    /// The machine that they work from.
    pub host: String,
    /// What they do: `up`, `down` …
    pub verb: String,
    /// Names what they want, so that the same wish is recognised.
    pub content: String,
    /// Names this one operation.
    pub token: String,
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Until when, unless it is renewed.
    pub until_ms: i64,
}

/// What a lock that is there means to somebody who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// It is ours.
    Ours,
    /// Somebody does the very same.
    Same,
    /// Somebody does something else.
    Other,
    /// Its owner is gone.
    Expired,
}

fn finding(there: &Holder, ours: &Holder, now_ms: i64) -> Finding {
    match there {
        _ if there.token == ours.token => Finding::Ours,
        _ if there.until_ms <= now_ms => Finding::Expired,
        _ if there.verb == ours.verb && there.content == ours.content => Finding::Same,
        _ => Finding::Other,
    }
}

/// An environment that is held, alone or beside somebody who does the same.
#[derive(Debug)]
pub struct Held {
    place: Place,
    token: String,
    keeper: JoinHandle<()>,
}

/// Where the lock of an environment lies.
#[derive(Clone, Debug)]
struct Place {
    client: Client,
    name: String,
}

/// The parameter of an environment's lock.
pub fn name(stack: &str) -> String {
    format!("/dlt/{stack}/lock")
}

/// Holds an environment, or goes on beside somebody who does the very same.
///
/// # Errors
/// When somebody does something else there, or AWS refuses.
pub async fn take(cloud: &Cloud, observer: &Observer, stack: &str, verb: &str, content: &str) -> Result<Held, Failure> {
    let place = Place { client: cloud.hub().ssm.clone(), name: name(stack) };
    let mut ours = Holder {
        who: cloud.identity.arn.clone(),
        host: host(),
        verb: verb.to_owned(),
        content: content.to_owned(),
        token: rand_token(),
        since_ms: now_ms(),
        until_ms: 0,
    };
    for _ in 0..TRIES {
        ours = ours.until(now_ms());
        if place.put(&ours, false).await.map_err(hinted)? {
            return Ok(kept(place, ours, true));
        }
        let Some(there) = place.get().await? else { continue };
        match finding(&there, &ours, now_ms()) {
            Finding::Ours => return Ok(kept(place, ours, true)),
            Finding::Same => {
                observer.notice(format!(
                    "{} does the same since {}: going on beside",
                    short(&there),
                    at(there.since_ms)
                ));
                return Ok(kept(place, ours, false));
            }
            Finding::Other => return Err(held_by(stack, &cloud.hub, &there, now_ms())),
            Finding::Expired => {
                if place.take_over(&ours).await? {
                    let text = format!("took over the lock that {} left at {}", short(&there), at(there.until_ms));
                    observer.notice(text);
                    return Ok(kept(place, ours, true));
                }
            }
        }
    }
    Err(CloudError::unexpected(format!("take the lock `{}`", place.name), "it comes and goes").into())
}

/// Who holds an environment now.
///
/// # Errors
/// A refusal of AWS.
pub async fn holder(cloud: &Cloud, stack: &str) -> Result<Option<Holder>, CloudError> {
    let place = Place { client: cloud.hub().ssm.clone(), name: name(stack) };
    match place.get().await {
        // Who may not see the lock may still see the stacks.
        Err(error) if error.kind == Kind::Denied => Ok(None),
        there => Ok(there?.filter(|holder| holder.until_ms > now_ms())),
    }
}

impl Held {
    /// Lets the environment go. That it cannot is told; the lock runs out by itself.
    pub async fn release(self, observer: &Observer) {
        self.keeper.abort();
        drop(self.keeper.await);
        let ours = |holder: &Holder| holder.token == self.token;
        let released = match self.place.get().await {
            Ok(Some(holder)) if ours(&holder) => self.place.remove().await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = released {
            observer.notice(format!("{error}; it runs out within {} seconds", LASTS.as_secs()));
        }
    }
}

impl Holder {
    fn until(mut self, now_ms: i64) -> Self {
        self.until_ms = now_ms + i64::try_from(LASTS.as_millis()).unwrap_or(i64::MAX);
        self
    }
}

impl Place {
    /// True when it was put; false when another is there.
    async fn put(&self, holder: &Holder, overwrite: bool) -> Result<bool, CloudError> {
        let value = serde_json::to_string(holder).expect("a holder is plain text and numbers");
        let request = self.client.put_parameter().name(&self.name).value(value).r#type(ParameterType::String);
        let request = request.description("Who is changing this environment right now; dlt takes and releases it.");
        match request.overwrite(overwrite).send().await.doing(format!("take the lock `{}`", self.name)) {
            Ok(_) => Ok(true),
            Err(error) if error.code.as_deref() == Some("ParameterAlreadyExists") => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn get(&self) -> Result<Option<Holder>, CloudError> {
        let doing = format!("read the lock `{}`", self.name);
        let answer = self.client.get_parameter().name(&self.name).send().await.doing(doing.clone());
        let answer = match answer {
            Err(error) if error.kind == Kind::Absent => return Ok(None),
            answer => answer?,
        };
        let text = answer.parameter.and_then(|it| it.value).unwrap_or_default();
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| CloudError::unexpected(doing, format!("it holds something else: {error}")))
    }

    async fn remove(&self) -> Result<(), CloudError> {
        let removed = self.client.delete_parameter().name(&self.name).send().await;
        match removed.doing(format!("release the lock `{}`", self.name)) {
            Err(error) if error.kind != Kind::Absent => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes an expired lock over. Of several who try at once the last one to write has it: all of them look again after
    /// all of them have written.
    async fn take_over(&self, ours: &Holder) -> Result<bool, CloudError> {
        self.put(ours, true).await?;
        tokio::time::sleep(SETTLES_IN).await;
        Ok(self.get().await?.is_some_and(|there| there.token == ours.token))
    }
}

fn kept(place: Place, holder: Holder, alone: bool) -> Held {
    let token = holder.token.clone();
    let keeper = tokio::spawn(keep(place.clone(), holder, alone));
    Held { place, token, keeper }
}

/// Renews a lock for as long as nobody else has it. Who goes on beside its owner takes it when the owner lets it go.
async fn keep(place: Place, mut holder: Holder, mut ours: bool) {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        holder = holder.until(now_ms());
        // A call that fails is made again; the lock lasts longer than a few of them.
        if ours {
            match place.get().await {
                Ok(Some(there)) if there.token == holder.token => drop(place.put(&holder, true).await),
                Ok(None) => drop(place.put(&holder, false).await),
                Ok(Some(_)) => ours = false,
                Err(_) => {}
            }
        } else {
            ours = place.put(&holder, false).await.unwrap_or(false);
        }
    }
}

fn held_by(stack: &str, hub: &Region, holder: &Holder, now_ms: i64) -> Failure {
    let Holder { who, host, verb, since_ms, until_ms, .. } = holder;
    let ago = super::screen::duration(now_ms - since_ms);
    let message = format!("`dlt {verb}` holds the environment `{stack}` ({hub}) since {}, {ago} ago", at(*since_ms));
    let mut failure = Failure::new(Exit::Held, message);
    failure.causes.push(format!("{who} runs it on {host}"));
    super::joining::ways_on(failure)
        .hint(format!("if that program is gone, the lock runs out at {} by itself", at(*until_ms)))
}

fn hinted(error: CloudError) -> Failure {
    let denied = error.kind == Kind::Denied;
    let failure = Failure::from(error);
    if denied {
        return failure
            .hint("the lock needs ssm:PutParameter, ssm:GetParameter and ssm:DeleteParameter on `/dlt/<stack>/lock`");
    }
    failure
}

fn short(holder: &Holder) -> String {
    let who = holder.who.rsplit(':').next().unwrap_or_default();
    format!("`dlt {}` of {who} on {}", holder.verb, holder.host)
}

/// `06:23:05 UTC`.
fn at(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms);
    at.map_or_else(|_| "an unknown time".to_owned(), |at| at.strftime("%H:%M:%S UTC").to_string())
}

/// The name of this machine.
pub fn host() -> String {
    let clean = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let said = std::env::var("HOSTNAME").ok().and_then(clean);
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().and_then(clean);
    let asked = || {
        let output = std::process::Command::new("uname").arg("-n").output().ok()?;
        clean(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    said.or_else(kernel).or_else(asked).unwrap_or_else(|| "an unknown machine".to_owned())
}

fn rand_token() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // Two hashers with keys of their own: enough to tell operations apart, which is all that it is for.
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number() ^ u64::from(std::process::id()))
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(token: &str, verb: &str, content: &str) -> Holder {
        Holder {
            who: "arn:aws:iam::123456789012:user/eva".to_owned(),
            host: "desk".to_owned(),
            verb: verb.to_owned(),
            content: content.to_owned(),
            token: token.to_owned(),
            since_ms: 1_790_000_000_000,
            until_ms: 1_790_000_120_000,
        }
    }

    #[test]
    fn a_lock_is_ours_the_same_wish_anothers_or_nobodys_any_more() {
        let (soon, late) = (1_790_000_060_000, 1_790_000_120_000);
        let there = holder("a", "up", "one");
        for (ours, now_ms, expected) in [
            (holder("a", "up", "one"), soon, Finding::Ours),
            (holder("a", "up", "one"), late, Finding::Ours),
            (holder("b", "up", "one"), soon, Finding::Same),
            (holder("b", "up", "two"), soon, Finding::Other),
            (holder("b", "down", "one"), soon, Finding::Other),
            (holder("b", "up", "one"), late, Finding::Expired),
            (holder("b", "up", "two"), late, Finding::Expired),
        ] {
            assert_eq!(finding(&there, &ours, now_ms), expected, "{ours:?} {now_ms}");
        }
    }

    #[test]
    fn who_is_kept_out_learns_who_holds_it_from_where_and_since_when() {
        let failure = held_by("dlt-shop", &"eu-west-1".parse().unwrap(), &holder("a", "up", "one"), 1_790_000_072_000);
        assert_eq!(failure.exit, Exit::Held);
        insta::assert_snapshot!(failure.to_string());
    }

    #[test]
    fn two_operations_never_have_the_same_token() {
        assert_ne!(rand_token(), rand_token());
        assert_eq!(rand_token().len(), 32);
    }

    #[test]
    fn a_lock_outlasts_three_failed_renewals() {
        assert!(LASTS >= RENEWED_EVERY * 4);
    }
}
