//! The store in memory keeps the promises of the port, so that what is tested on it is tested on the others.

use dlt_control::{conformance::check_store, testing::MemoryStore};

#[tokio::test]
async fn the_store_in_memory_keeps_every_promise_of_the_port() {
    check_store(&MemoryStore::default()).await;
}
