//! Typed documents above the store: read, write, and read-decide-write until nobody was in between.

use std::sync::Arc;

use dlt_model::id::{RunId, TestId};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::ControlError,
    ports::{Expect, Key, Order, RunKey, Store, StoreError, Version, Versioned},
    record::{RunRecord, ScenarioRecord, ScheduleRecord},
};

/// The collection of all scenarios.
pub const SCENARIOS: &str = "scenarios";
/// The collection of the scenarios that start by themselves, when they do.
pub const SCHEDULES: &str = "schedules";
/// How many documents are read at once when all are wanted.
pub(crate) const PAGE: usize = 100;
/// How often a change is tried when others write the same document.
const MAX_TRIES: u32 = 12;

/// A type that is stored as a document, and where.
pub trait Record: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync {
    /// Where it lies.
    fn key(&self) -> Key;
}

impl Record for ScenarioRecord {
    fn key(&self) -> Key {
        scenario_key(&self.test_id)
    }
}

impl Record for ScheduleRecord {
    fn key(&self) -> Key {
        schedule_key(&self.test_id)
    }
}

impl Record for RunRecord {
    fn key(&self) -> Key {
        run_key(&self.test_id, &self.run_id)
    }
}

/// Where a scenario's record lies.
pub fn scenario_key(test: &TestId) -> Key {
    Key { collection: SCENARIOS.to_owned(), id: test.to_string() }
}

/// Where it is written down when a scenario starts by itself.
pub fn schedule_key(test: &TestId) -> Key {
    Key { collection: SCHEDULES.to_owned(), id: test.to_string() }
}

/// Where a run's record lies.
pub fn run_key(test: &TestId, run: &RunId) -> Key {
    Key { collection: runs_of(test), id: run.to_string() }
}

/// The collection of a scenario's runs.
pub fn runs_of(test: &TestId) -> String {
    format!("runs/{test}")
}

impl From<&RunKey> for Key {
    fn from(key: &RunKey) -> Self {
        run_key(&key.test_id, &key.run_id)
    }
}

/// The store, seen as typed records.
#[derive(Clone, Debug)]
pub struct Records {
    store: Arc<dyn Store>,
}

/// Some records of a collection, and where to continue.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// The records.
    pub items: Vec<T>,
    /// The id to continue after, when there may be more.
    pub next: Option<String>,
}

impl Records {
    /// Records in a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// A record and the version to expect when writing it again.
    ///
    /// # Errors
    /// When the store fails, or holds something else there.
    pub async fn get<T: Record>(&self, key: &Key) -> Result<Option<(T, Version)>, ControlError> {
        self.store.get(key).await?.map(|found| read(key, found)).transpose()
    }

    /// Writes a record if its version is as expected.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is not.
    pub async fn put<T: Record>(&self, record: &T, expect: Expect) -> Result<Version, StoreError> {
        let document = serde_json::to_value(record).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.store.put(&record.key(), document, expect).await
    }

    /// Changes a record by reading it, deciding, and writing it, again if others wrote meanwhile. A decision that
    /// changes nothing writes nothing. `Ok(None)` when there is no such record.
    ///
    /// # Errors
    /// What `change` returns, or when the store fails.
    pub async fn change<T: Record, R>(
        &self,
        key: &Key,
        mut change: impl FnMut(&mut T) -> Result<R, ControlError>,
    ) -> Result<Option<(T, R)>, ControlError> {
        for attempt in 0..MAX_TRIES {
            let Some((before, version)) = self.get::<T>(key).await? else { return Ok(None) };
            let mut after = before.clone();
            let answer = change(&mut after)?;
            if after == before {
                return Ok(Some((after, answer)));
            }
            match self.put(&after, Expect::Version(version)).await {
                Ok(_) => return Ok(Some((after, answer))),
                Err(StoreError::Conflict) => rest(attempt).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// As [`change`](Self::change), for decisions that cannot fail.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn update<T: Record>(
        &self,
        key: &Key,
        mut update: impl FnMut(&mut T),
    ) -> Result<Option<T>, ControlError> {
        let change = |record: &mut T| {
            update(record);
            Ok(())
        };
        Ok(self.change(key, change).await?.map(|(record, ())| record))
    }

    /// Removes a document if its version is as expected.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is not, or when it is not there.
    pub async fn delete(&self, key: &Key, version: Version) -> Result<(), StoreError> {
        self.store.delete(key, Expect::Version(version)).await
    }

    /// Some records of a collection.
    ///
    /// # Errors
    /// When the store fails, or holds something else there.
    pub async fn list<T: Record>(
        &self,
        collection: &str,
        order: Order,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<T>, ControlError> {
        let page = self.store.list(collection, order, after, limit).await?;
        let key = |id: String| Key { collection: collection.to_owned(), id };
        let items = page.items.into_iter().map(|(id, found)| read(&key(id), found).map(|(record, _)| record));
        Ok(Listing { items: items.collect::<Result<_, _>>()?, next: page.next })
    }

    /// Every record of a collection, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails, or holds something else there.
    pub async fn all<T: Record>(&self, collection: &str) -> Result<Vec<T>, ControlError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.list(collection, Order::Ascending, after.as_deref(), PAGE).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }
}

fn read<T: Record>(key: &Key, found: Versioned) -> Result<(T, Version), ControlError> {
    let record = serde_json::from_value(found.document)
        .map_err(|error| ControlError::Corrupt(format!("{}/{}: {error}", key.collection, key.id)))?;
    Ok((record, found.version))
}

/// Lets the others finish: a little longer each time, and not the same for all.
async fn rest(attempt: u32) {
    let jitter_ms = rand::random_range(1..=8_u64);
    tokio::time::sleep(std::time::Duration::from_millis(jitter_ms << attempt.min(5))).await;
}
