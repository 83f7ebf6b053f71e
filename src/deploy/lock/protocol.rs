//! How a lock changes hands in a register that knows no condition but "not there yet".
//!
//! Whoever overwrites says which entry they want to follow, the last one that counts. Parameter Store puts all writes in one
//! order and keeps them, so of several that want to follow the same entry the first counts and the others never do, wherever
//! they stand. Everybody can tell so at any time by reading the few entries since then; so nobody waits for anybody, and
//! somebody who comes too late disturbs nobody. Renewals are such entries, too: an owner who slept through the end of their
//! lock cannot take it back from who has it now.
//!
//! Only a deletion begins the numbers anew. It is made from a lock that lasts for a while still, which nobody takes over;
//! and an entry names the owner of the one it follows, so that it follows no other of the same number.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{
    Holder,
    register::{Entry, Mark, Register},
};
use crate::cloud::CloudError;

/// How often a lock may be another one when it is looked at, before we believe that something is wrong.
const TRIES: usize = 8;
/// How many entries are read that may not count; each is somebody who came too late.
const MOST_LATE: i64 = 50;
/// How long a lock has to last still to be deleted as it is: longer than a call takes to arrive.
const SURELY_OURS_MS: i64 = 60_000;

/// What came of asking for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody had it.
    Taken,
    /// Somebody had it and is gone.
    TakenOver(Holder),
    /// Somebody does the very same.
    Beside(Holder),
    /// Somebody does something else.
    Refused(Holder),
}

/// What stands in a register.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// The last entry that counts: the one to follow.
    last: Mark,
    /// Who holds the environment by it; nobody where there are only entries that came too late.
    holder: Option<Holder>,
}

/// What a lock that is there means to somebody who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is ours.
    Ours,
    /// Somebody does the very same.
    Same,
    /// Somebody does something else.
    Other,
    /// Its owner is gone.
    Expired,
}

pub(super) fn finding(there: &Holder, ours: &Holder, now_ms: i64) -> Finding {
    match there {
        _ if there.token == ours.token => Finding::Ours,
        _ if there.until_ms <= now_ms => Finding::Expired,
        _ if there.verb == ours.verb && there.content == ours.content => Finding::Same,
        _ => Finding::Other,
    }
}

/// Asks for a lock.
pub async fn claim(register: &impl Register, ours: &Holder, now_ms: impl Fn() -> i64) -> Result<Claim, CloudError> {
    let (mut seen, mut gone) = (None, None);
    for _ in 0..TRIES {
        let ours = ours.clone().until(now_ms());
        let Some(Seen { last, holder }) = seen.take() else {
            if register.create(&Entry { holder: ours, after: None }).await? {
                return Ok(Claim::Taken);
            }
            seen = look(register).await?;
            continue;
        };
        gone = match holder {
            Some(there) => match finding(&there, &ours, now_ms()) {
                Finding::Ours => return Ok(gone.map_or(Claim::Taken, Claim::TakenOver)),
                Finding::Same => return Ok(Claim::Beside(there)),
                Finding::Other => return Ok(Claim::Refused(there)),
                Finding::Expired => Some(there),
            },
            // Only entries that came too late for what was deleted: as good as nothing.
            None => None,
        };
        register.append(&Entry { holder: ours, after: Some(last) }).await?;
        seen = look(register).await?;
    }
    Err(CloudError::unexpected("take the lock", "it comes and goes"))
}

/// Who holds the lock by what stands there, whether it ran out or not.
pub async fn holder(register: &impl Register) -> Result<Option<Holder>, CloudError> {
    Ok(look(register).await?.and_then(|seen| seen.holder))
}

/// Prolongs a lock that is ours, and takes one that is nobody's; false when somebody else has it or came first.
pub async fn renew(register: &impl Register, ours: &Holder, now_ms: i64) -> Result<bool, CloudError> {
    let ours = ours.clone().until(now_ms);
    let Some(Seen { last, holder }) = look(register).await? else {
        return register.create(&Entry { holder: ours, after: None }).await;
    };
    match holder.map(|there| finding(&there, &ours, now_ms)) {
        Some(Finding::Same | Finding::Other) => Ok(false),
        Some(Finding::Ours | Finding::Expired) | None => follow(register, last, ours).await,
    }
}

/// Deletes a lock that is ours.
pub async fn release(register: &impl Register, ours: &str, now_ms: impl Fn() -> i64) -> Result<(), CloudError> {
    let Some(Seen { last, holder: Some(holder) }) = look(register).await? else { return Ok(()) };
    if holder.token != ours {
        return Ok(());
    }
    // Somebody may be taking over what runs out; only what is prolonged first is surely ours to delete.
    let lasts = holder.until_ms - now_ms() > SURELY_OURS_MS;
    if lasts || follow(register, last, holder.until(now_ms())).await? {
        return register.remove().await;
    }
    Ok(())
}

/// Writes an entry that follows another, and answers whether it counts.
async fn follow(register: &impl Register, last: Mark, holder: Holder) -> Result<bool, CloudError> {
    let token = holder.token.clone();
    register.append(&Entry { holder, after: Some(last) }).await?;
    Ok(self::holder(register).await?.is_some_and(|there| there.token == token))
}

/// What stands there, or nothing.
async fn look(register: &impl Register) -> Result<Option<Seen>, CloudError> {
    for _ in 0..TRIES {
        let Some((newest, entry)) = register.read(None).await? else { return Ok(None) };
        let mut log = Log { register, newest, read: BTreeMap::from([(newest, entry)]) };
        if let Some(seen) = log.last_that_counts().await? {
            return Ok(Some(seen));
        }
    }
    Err(CloudError::unexpected("read the lock", "it comes and goes"))
}

/// The end of a log, as far as it had to be read.
struct Log<'r, R> {
    register: &'r R,
    newest: i64,
    read: BTreeMap<i64, Entry>,
}

impl<R: Register> Log<'_, R> {
    /// Nothing when the log was deleted meanwhile.
    async fn last_that_counts(&mut self) -> Result<Option<Seen>, CloudError> {
        let Some(mut last) = self.anchor().await? else { return Ok(None) };
        for version in last.version + 1..=self.newest {
            let Some(entry) = self.entry(version).await? else { return Ok(None) };
            // What names nothing was put by a program that knew no better, and it counted for that.
            if entry.after.as_ref().is_none_or(|after| *after == last) {
                last = mark(version, &entry);
            }
        }
        if !self.is_the_same().await? {
            return Ok(None);
        }
        let holder = self.read.get(&last.version).map(|entry| entry.holder.clone());
        Ok(Some(Seen { last, holder }))
    }

    /// Whether all that was read is of one log: it was not deleted and begun anew between two reads.
    async fn is_the_same(&self) -> Result<bool, CloudError> {
        if self.read.len() == 1 {
            return Ok(true);
        }
        let newest = self.register.read(Some(self.newest)).await?.map(|(_, entry)| entry);
        Ok(newest.as_ref() == self.read.get(&self.newest))
    }

    /// The newest entry that somebody found to count: what is followed counts.
    async fn anchor(&mut self) -> Result<Option<Mark>, CloudError> {
        for version in (1..=self.newest).rev() {
            let Some(entry) = self.entry(version).await? else { return Ok(None) };
            let Some(after) = entry.after.clone() else { return Ok(Some(mark(version, &entry))) };
            // What wants to follow something far back came too late, and what is not before it was deleted.
            if after.version < version && after.version > self.newest - MOST_LATE {
                if after == Mark::nothing() {
                    return Ok(Some(after));
                }
                let Some(before) = self.entry(after.version).await? else { return Ok(None) };
                if mark(after.version, &before) == after {
                    return Ok(Some(after));
                }
            }
        }
        Ok(Some(Mark::nothing()))
    }

    async fn entry(&mut self, version: i64) -> Result<Option<Entry>, CloudError> {
        if version <= self.newest - MOST_LATE {
            let what = format!("of the last {MOST_LATE} entries none is known to count");
            return Err(CloudError::unexpected("read the lock", what));
        }
        if let Some(entry) = self.read.get(&version) {
            return Ok(Some(entry.clone()));
        }
        let found = self.register.read(Some(version)).await?.map(|(_, entry)| entry);
        self.read.extend(found.clone().map(|entry| (version, entry)));
        Ok(found)
    }
}

fn mark(version: i64, entry: &Entry) -> Mark {
    Mark { version, token: entry.holder.token.clone() }
}
