//! The lock of an environment: two people never deploy different things at once.
//!
//! A parameter in Parameter Store, which needs no stack, that is put without overwriting: the first one wins. It says who
//! holds it, from where, since when and until when, and is renewed while its owner works. One that ran out is taken over.

mod protocol;
mod register;

use std::time::Duration;

use dlt_model::id::Region;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use self::{protocol::Claim, register::Parameter};
use super::event::Observer;
use crate::{
    cloud::{Cloud, CloudError, Kind},
    exit::Exit,
    failure::Failure,
};

/// How long a lock lasts that nobody renews: so much longer than a renewal takes that clocks may differ by two minutes.
const LASTS: Duration = Duration::from_secs(180);
/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(30);

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

/// An environment that is held, alone or beside somebody who does the same.
#[derive(Debug)]
pub struct Held {
    parameter: Parameter,
    token: String,
    keeper: JoinHandle<()>,
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
    let parameter = parameter(cloud, stack);
    let ours = Holder {
        who: cloud.identity.arn.clone(),
        host: host(),
        verb: verb.to_owned(),
        content: content.to_owned(),
        token: rand_token(),
        since_ms: now_ms(),
        until_ms: 0,
    };
    match protocol::claim(&parameter, &ours, now_ms).await.map_err(hinted)? {
        Claim::Taken => {}
        Claim::TakenOver(there) => {
            observer.notice(format!("took over the lock that {} left at {}", short(&there), at(there.until_ms)));
        }
        Claim::Beside(there) => {
            let since = at(there.since_ms);
            observer.notice(format!("{} does the same since {since}: going on beside", short(&there)));
        }
        Claim::Refused(there) => return Err(held_by(stack, &cloud.hub, &there, now_ms())),
    }
    let token = ours.token.clone();
    let keeper = tokio::spawn(keep(parameter.clone(), ours));
    Ok(Held { parameter, token, keeper })
}

/// Who holds an environment now.
///
/// # Errors
/// A refusal of AWS.
pub async fn holder(cloud: &Cloud, stack: &str) -> Result<Option<Holder>, CloudError> {
    match protocol::holder(&parameter(cloud, stack)).await {
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
        let released = protocol::release(&self.parameter, &self.token, now_ms).await;
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

fn parameter(cloud: &Cloud, stack: &str) -> Parameter {
    Parameter { client: cloud.hub().ssm.clone(), name: name(stack) }
}

/// Renews a lock for as long as nobody else has it. Who goes on beside its owner takes it when the owner lets it go.
async fn keep(parameter: Parameter, holder: Holder) {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        // A call that fails is made again; the lock lasts longer than a few of them.
        drop(protocol::renew(&parameter, &holder, now_ms()).await);
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
