//! A store in memory. It passes the same suite as every other.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use serde_json::Value;

use crate::ports::{Expect, Key, Order, Page, Store, StoreError, Version, Versioned};

/// Documents in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    documents: Mutex<BTreeMap<Key, Versioned>>,
}

impl MemoryStore {
    fn documents(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Versioned>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        Ok(self.documents().get(key).cloned())
    }

    async fn put(&self, key: &Key, document: Value, expect: Expect) -> Result<Version, StoreError> {
        let mut documents = self.documents();
        let version = match (documents.get(key), expect) {
            (None, Expect::Absent) => 1,
            (Some(found), Expect::Version(version)) if found.version == version => version + 1,
            _ => return Err(StoreError::Conflict),
        };
        documents.insert(key.clone(), Versioned { version, document });
        Ok(version)
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<(), StoreError> {
        let mut documents = self.documents();
        match (documents.get(key), expect) {
            (Some(found), Expect::Version(version)) if found.version == version => {}
            _ => return Err(StoreError::Conflict),
        }
        documents.remove(key);
        Ok(())
    }

    async fn list(
        &self,
        collection: &str,
        order: Order,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let documents = self.documents();
        let key = |id: &str| Key { collection: collection.to_owned(), id: id.to_owned() };
        let ours = |(found, versioned): (&Key, &Versioned)| {
            (found.collection == collection).then(|| (found.id.clone(), versioned.clone()))
        };
        let edge = after.map(key);
        let mut items: Vec<_> = match (order, &edge) {
            (Order::Ascending, Some(edge)) => {
                let beyond = documents.range((Bound::Excluded(edge), Bound::Unbounded));
                beyond.map_while(ours).take(limit + 1).collect()
            }
            (Order::Ascending, None) => documents.range(key("")..).map_while(ours).take(limit + 1).collect(),
            (Order::Descending, Some(edge)) => documents.range(..edge).rev().map_while(ours).take(limit + 1).collect(),
            (Order::Descending, None) => documents.iter().rev().filter_map(ours).take(limit + 1).collect(),
        };
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|(id, _)| id.clone());
        Ok(Page { items, next })
    }
}
