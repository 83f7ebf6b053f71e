//! Records in one file on this machine, durable at every write.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use dlt_control::ports::{Expect, Key, Order, Page, Store, StoreError, Version, Versioned};
use redb::{AccessGuard, Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::Value;

/// Collection and id.
type Place = (&'static str, &'static str);
/// Version and JSON.
type Content = (u64, &'static [u8]);
const DOCUMENTS: TableDefinition<Place, Content> = TableDefinition::new("documents");

/// Documents in a file.
#[derive(Clone, Debug)]
pub struct RedbStore {
    database: Arc<Database>,
}

impl RedbStore {
    /// Opens the file, or makes it. What was half written when the machine stopped is not there.
    ///
    /// # Errors
    /// When it cannot be opened, or another process has it open.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Arc::new(Database::create(path).map_err(unavailable)?);
        let store = Self { database };
        // Opening the table makes it, so that readers find one.
        store.write(|_| Ok(()))?;
        Ok(store)
    }

    fn write<T>(
        &self,
        act: impl FnOnce(&mut redb::Table<'_, Place, Content>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.database.begin_write().map_err(unavailable)?;
        let answer = {
            let mut table = transaction.open_table(DOCUMENTS).map_err(unavailable)?;
            act(&mut table)?
        };
        transaction.commit().map_err(unavailable)?;
        Ok(answer)
    }

    fn put_now(&self, key: &Key, document: &Value, expect: Expect) -> Result<Version, StoreError> {
        let bytes = serde_json::to_vec(document).map_err(unavailable)?;
        self.write(|table| {
            let place = (key.collection.as_str(), key.id.as_str());
            let found = table.get(place).map_err(unavailable)?.map(|found| found.value().0);
            let version = match (found, expect) {
                (None, Expect::Absent) => 1,
                (Some(found), Expect::Version(version)) if found == version => version + 1,
                _ => return Err(StoreError::Conflict),
            };
            table.insert(place, (version, bytes.as_slice())).map_err(unavailable)?;
            Ok(version)
        })
    }

    fn delete_now(&self, key: &Key, expect: Expect) -> Result<(), StoreError> {
        self.write(|table| {
            let place = (key.collection.as_str(), key.id.as_str());
            let found = table.get(place).map_err(unavailable)?.map(|found| found.value().0);
            match (found, expect) {
                (Some(found), Expect::Version(version)) if found == version => {}
                _ => return Err(StoreError::Conflict),
            }
            table.remove(place).map_err(unavailable)?;
            Ok(())
        })
    }

    fn get_now(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let table = self.database.begin_read().map_err(unavailable)?.open_table(DOCUMENTS).map_err(unavailable)?;
        let found = table.get((key.collection.as_str(), key.id.as_str())).map_err(unavailable)?;
        found.map(|found| versioned(found.value())).transpose()
    }

    fn list_now(&self, collection: &str, order: Order, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let table = self.database.begin_read().map_err(unavailable)?.open_table(DOCUMENTS).map_err(unavailable)?;
        // The smallest text after another one is that one with a zero byte.
        let (next_collection, beyond) = (format!("{collection}\0"), after.map(|id| format!("{id}\0")));
        let (from, until) = match order {
            Order::Ascending => ((collection, beyond.as_deref().unwrap_or("")), (next_collection.as_str(), "")),
            Order::Descending => {
                ((collection, ""), after.map_or((next_collection.as_str(), ""), |id| (collection, id)))
            }
        };
        let range = table.range(from..until).map_err(unavailable)?;
        let found: Result<Vec<_>, _> = match order {
            Order::Ascending => range.take(limit + 1).collect(),
            Order::Descending => range.rev().take(limit + 1).collect(),
        };
        let found = found.map_err(unavailable)?;
        let item = |(place, value): &(AccessGuard<'_, Place>, AccessGuard<'_, Content>)| {
            Ok((place.value().1.to_owned(), versioned(value.value())?))
        };
        let items = found.iter().take(limit).map(item).collect::<Result<Vec<_>, StoreError>>()?;
        let next = items.last().filter(|_| found.len() > limit).map(|(id, _)| id.clone());
        Ok(Page { items, next })
    }

    /// The file is read and written on a thread that may wait.
    async fn apart<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || act(&store)).await.map_err(unavailable)?
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let key = key.clone();
        self.apart(move |store| store.get_now(&key)).await
    }

    async fn put(&self, key: &Key, document: Value, expect: Expect) -> Result<Version, StoreError> {
        let key = key.clone();
        self.apart(move |store| store.put_now(&key, &document, expect)).await
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<(), StoreError> {
        let key = key.clone();
        self.apart(move |store| store.delete_now(&key, expect)).await
    }

    async fn list(
        &self,
        collection: &str,
        order: Order,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (collection, after) = (collection.to_owned(), after.map(ToOwned::to_owned));
        self.apart(move |store| store.list_now(&collection, order, after.as_deref(), limit)).await
    }
}

fn versioned((version, bytes): (u64, &[u8])) -> Result<Versioned, StoreError> {
    Ok(Versioned { version, document: serde_json::from_slice(bytes).map_err(unavailable)? })
}

fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use dlt_control::conformance::check_store;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_store_in_a_file_keeps_every_promise_of_the_port() {
        let folder = tempfile::tempdir().expect("a folder");
        check_store(&RedbStore::open(&folder.path().join("records.redb")).expect("opens")).await;
    }

    #[tokio::test]
    async fn what_was_written_is_there_when_the_file_is_opened_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("records.redb");
        let key = Key { collection: "scenarios".to_owned(), id: "a".to_owned() };
        let store = RedbStore::open(&path).expect("opens");
        store.put(&key, json!({"kept": 1}), Expect::Absent).await.expect("put");
        drop(store);
        let found = RedbStore::open(&path).expect("opens again").get(&key).await.expect("get");
        assert_eq!(found, Some(Versioned { version: 1, document: json!({"kept": 1}) }));
    }
}
