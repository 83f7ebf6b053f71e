//! What every store must do. An adapter's tests call [`check_store`] with an empty store.

use std::collections::BTreeSet;

use serde_json::json;

use crate::ports::{Expect, Key, Order, Store, StoreError};

/// Runs the whole suite. The store must hold nothing in the collections `conformance` and `conformance/…`.
///
/// # Panics
/// When the store does not keep a promise of the port.
pub async fn check_store(store: &dyn Store) {
    what_was_written_is_read(store).await;
    a_write_with_a_wrong_expectation_changes_nothing(store).await;
    of_many_writers_one_wins(store).await;
    a_collection_is_read_in_order_and_in_pages(store).await;
    collections_do_not_mix(store).await;
    odd_ids_and_large_documents_survive(store).await;
}

fn key(id: &str) -> Key {
    Key { collection: "conformance".to_owned(), id: id.to_owned() }
}

fn is_conflict<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict))
}

async fn what_was_written_is_read(store: &dyn Store) {
    let key = key("written");
    assert_eq!(store.get(&key).await.expect("get"), None, "nothing is there at first");
    let first = json!({"text": "päper ✓", "number": 18_446_744_073_709_551_615_u64, "real": 0.25, "none": null});
    assert_eq!(store.put(&key, first.clone(), Expect::Absent).await.expect("put"), 1);
    let found = store.get(&key).await.expect("get").expect("it is there");
    assert_eq!((found.version, found.document), (1, first));
    assert_eq!(store.put(&key, json!({"a": []}), Expect::Version(1)).await.expect("put"), 2);
    assert_eq!(store.get(&key).await.expect("get").expect("it is there").document, json!({"a": []}));
    store.delete(&key, Expect::Version(2)).await.expect("delete");
    assert_eq!(store.get(&key).await.expect("get"), None, "it was removed");
}

async fn a_write_with_a_wrong_expectation_changes_nothing(store: &dyn Store) {
    let key = key("guarded");
    assert!(is_conflict(&store.put(&key, json!({}), Expect::Version(1)).await), "there is no version 1");
    assert!(is_conflict(&store.delete(&key, Expect::Version(1)).await), "there is nothing to remove");
    assert!(is_conflict(&store.delete(&key, Expect::Absent).await), "nothing cannot be removed");
    store.put(&key, json!({"kept": true}), Expect::Absent).await.expect("put");
    assert!(is_conflict(&store.put(&key, json!({}), Expect::Absent).await), "it is there already");
    assert!(is_conflict(&store.put(&key, json!({}), Expect::Version(2)).await), "there is no version 2");
    assert!(is_conflict(&store.delete(&key, Expect::Version(7)).await), "there is no version 7");
    let found = store.get(&key).await.expect("get").expect("it is there");
    assert_eq!((found.version, found.document), (1, json!({"kept": true})));
    store.delete(&key, Expect::Version(1)).await.expect("delete");
}

async fn of_many_writers_one_wins(store: &dyn Store) {
    let key = key("contended");
    store.put(&key, json!({"by": null}), Expect::Absent).await.expect("put");
    let writes = (0..16).map(|writer| store.put(&key, json!({"by": writer}), Expect::Version(1)));
    let outcomes = futures::future::join_all(writes).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Ok(2))).count(), 1);
    assert!(outcomes.into_iter().filter(Result::is_err).all(|outcome| is_conflict(&outcome)));
    store.delete(&key, Expect::Version(2)).await.expect("delete");
}

async fn a_collection_is_read_in_order_and_in_pages(store: &dyn Store) {
    let collection = "conformance/pages";
    let ids = ["a", "b", "b-1", "c", "z"];
    for id in ["c", "a", "z", "b-1", "b"] {
        let key = Key { collection: collection.to_owned(), id: id.to_owned() };
        store.put(&key, json!({"id": id}), Expect::Absent).await.expect("put");
    }
    for limit in [1, 2, 3, 5, 100] {
        assert_eq!(read_all(store, collection, Order::Ascending, limit).await, ids);
        let backwards: Vec<_> = ids.iter().rev().copied().collect();
        assert_eq!(read_all(store, collection, Order::Descending, limit).await, backwards);
    }
    let beyond = store.list(collection, Order::Ascending, Some("bb"), 10).await.expect("list");
    assert_eq!(beyond.items[0].0, "c", "the id to continue after need not exist");
    let empty = store.list("conformance/none", Order::Descending, None, 10).await.expect("list");
    assert!(empty.items.is_empty() && empty.next.is_none());
}

async fn read_all(store: &dyn Store, collection: &str, order: Order, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(collection, order, after.as_deref(), limit).await.expect("list");
        assert!(page.items.len() <= limit);
        for (id, versioned) in page.items {
            assert_eq!(versioned.document["id"], id);
            all.push(id);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

async fn collections_do_not_mix(store: &dyn Store) {
    let collections = ["conformance/x", "conformance/x/y", "conformance/xy"];
    for collection in collections {
        let key = Key { collection: collection.to_owned(), id: "same".to_owned() };
        store.put(&key, json!({"id": "same", "of": collection}), Expect::Absent).await.expect("put");
    }
    for collection in collections {
        for order in [Order::Ascending, Order::Descending] {
            let page = store.list(collection, order, None, 10).await.expect("list");
            let of: BTreeSet<_> = page.items.iter().map(|(_, found)| found.document["of"].to_string()).collect();
            assert_eq!(of, BTreeSet::from([format!("\"{collection}\"")]));
        }
    }
}

async fn odd_ids_and_large_documents_survive(store: &dyn Store) {
    let key = key(&"Z-9".repeat(40));
    let document = json!({"text": "x".repeat(300_000), "nested": {"empty": "", "list": [1, -1, 1.5, true]}});
    store.put(&key, document.clone(), Expect::Absent).await.expect("put");
    assert_eq!(store.get(&key).await.expect("get").expect("it is there").document, document);
    store.delete(&key, Expect::Version(1)).await.expect("delete");
}
