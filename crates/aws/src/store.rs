//! The control plane's records in one DynamoDB table: `pk` is the collection, `sk` the id.
//!
//! A document is kept as JSON text, so that every number comes back as it was written and its size is its length.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::{Client, operation::put_item::builders::PutItemFluentBuilder, types::AttributeValue};
use dlt_control::ports::{Expect, Key, Order, Page, Store, StoreError, Version, Versioned};

use crate::{cloud::Cloud, fault::fault};

/// The largest item that DynamoDB takes, names of attributes included.
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

const COLLECTION: &str = "pk";
const ID: &str = "sk";
const VERSION: &str = "version";
const DOCUMENT: &str = "document";
/// A version has at most this many decimal digits, and DynamoDB needs less than a byte for each.
const VERSION_BYTES: usize = 21;

/// The records in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The records of one environment.
    pub fn new(cloud: &Cloud, table: &str) -> Self {
        Self { client: Client::new(cloud.config()), table: table.to_owned() }
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(item_key(&key.collection, &key.id)));
        let answer = request.consistent_read(true).send().await.map_err(|error| unavailable("read", key, &error))?;
        answer.item.as_ref().map(versioned).transpose()
    }

    async fn put(&self, key: &Key, document: serde_json::Value, expect: Expect) -> Result<Version, StoreError> {
        let text = document.to_string();
        check_size(key, &text)?;
        let version = match expect {
            Expect::Absent => 1,
            Expect::Version(version) => version + 1,
        };
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item(key, text, version)));
        match conditional(request, expect).send().await {
            Ok(_) => Ok(version),
            Err(error) if is_conflict(&error) => Err(StoreError::Conflict),
            Err(error) => Err(unavailable("write", key, &error)),
        }
    }

    async fn delete(&self, key: &Key, expect: Expect) -> Result<(), StoreError> {
        let Expect::Version(version) = expect else {
            // Removing what is not there is a conflict, and what is there is not absent.
            return Err(StoreError::Conflict);
        };
        let request =
            self.client.delete_item().table_name(&self.table).set_key(Some(item_key(&key.collection, &key.id)));
        let request = request
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", number(version));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) => Err(StoreError::Conflict),
            Err(error) => Err(unavailable("delete", key, &error)),
        }
    }

    async fn list(
        &self,
        collection: &str,
        order: Order,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut page = Page { items: Vec::new(), next: after.map(str::to_owned).filter(|id| !id.is_empty()) };
        // A page of DynamoDB ends after 1 MB, however many were asked for.
        while page.items.len() < limit {
            self.fill(collection, order, limit, &mut page).await?;
            if page.next.is_none() {
                break;
            }
        }
        Ok(page)
    }
}

impl DynamoStore {
    /// Appends DynamoDB's next page.
    async fn fill(&self, collection: &str, order: Order, limit: usize, page: &mut Page) -> Result<(), StoreError> {
        let missing = i32::try_from(limit - page.items.len()).unwrap_or(i32::MAX);
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#collection = :collection")
            .expression_attribute_names("#collection", COLLECTION)
            .expression_attribute_values(":collection", AttributeValue::S(collection.to_owned()))
            .set_exclusive_start_key(page.next.as_deref().map(|id| item_key(collection, id)))
            .scan_index_forward(order == Order::Ascending)
            .limit(missing)
            .send()
            .await
            .map_err(|error| StoreError::Unavailable(format!("failed to list `{collection}`: {}", fault(&error))))?;
        for item in answer.items() {
            page.items.push((text(item, ID)?.to_owned(), versioned(item)?));
        }
        page.next = answer.last_evaluated_key().map(|key| text(key, ID).map(str::to_owned)).transpose()?;
        Ok(())
    }
}

type Item = HashMap<String, AttributeValue>;

fn item_key(collection: &str, id: &str) -> Item {
    HashMap::from([
        (COLLECTION.to_owned(), AttributeValue::S(collection.to_owned())),
        (ID.to_owned(), AttributeValue::S(id.to_owned())),
    ])
}

fn item(key: &Key, text: String, version: Version) -> Item {
    let mut item = item_key(&key.collection, &key.id);
    item.insert(VERSION.to_owned(), number(version));
    item.insert(DOCUMENT.to_owned(), AttributeValue::S(text));
    item
}

fn number(version: Version) -> AttributeValue {
    AttributeValue::N(version.to_string())
}

fn conditional(request: PutItemFluentBuilder, expect: Expect) -> PutItemFluentBuilder {
    match expect {
        Expect::Absent => {
            request.condition_expression("attribute_not_exists(#id)").expression_attribute_names("#id", ID)
        }
        Expect::Version(version) => request
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", number(version)),
    }
}

/// Refuses an item that DynamoDB would refuse, with its size and what to do.
fn check_size(key: &Key, text: &str) -> Result<(), StoreError> {
    let names = COLLECTION.len() + ID.len() + VERSION.len() + DOCUMENT.len();
    let size = names + key.collection.len() + key.id.len() + VERSION_BYTES + text.len();
    if size <= MAX_ITEM_BYTES {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "`{}/{}` would be {size} bytes, and a record holds at most {MAX_ITEM_BYTES}; shorten the scenario's bodies or \
         put them into a file",
        key.collection, key.id
    )))
}

fn versioned(item: &Item) -> Result<Versioned, StoreError> {
    let version = item.get(VERSION).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
    let version = version.ok_or_else(|| foreign("has no version"))?;
    let document = serde_json::from_str(text(item, DOCUMENT)?).map_err(|_| foreign("holds no JSON document"))?;
    Ok(Versioned { version, document })
}

fn text<'item>(item: &'item Item, name: &str) -> Result<&'item str, StoreError> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| foreign(&format!("has no text attribute `{name}`")))
}

fn foreign(problem: &str) -> StoreError {
    StoreError::Unavailable(format!("an item {problem}; was the table written by something else?"))
}

fn is_conflict<E, R>(error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    error.as_service_error().and_then(|answer| answer.code()) == Some("ConditionalCheckFailedException")
}

fn unavailable<E, R>(deed: &str, key: &Key, error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> StoreError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    StoreError::Unavailable(format!("failed to {deed} `{}/{}`: {}", key.collection, key.id, fault(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { collection: "scenarios".into(), id: "abc".into() }
    }

    #[test]
    fn a_document_comes_back_from_its_item_with_its_version() {
        let document = serde_json::json!({"rate": 0.1, "big": u64::MAX, "name": "ü"});
        let versioned = versioned(&item(&key(), document.to_string(), 7)).unwrap();
        assert_eq!(versioned, Versioned { version: 7, document });
    }

    #[test]
    fn an_item_that_dynamodb_would_refuse_is_refused_with_its_size() {
        assert!(check_size(&key(), &"x".repeat(409_000)).is_ok());
        let problem = check_size(&key(), &"x".repeat(MAX_ITEM_BYTES)).unwrap_err().to_string();
        assert!(problem.contains("409652 bytes") && problem.contains("409600"), "{problem}");
    }

    #[test]
    fn an_item_of_somebody_else_is_an_error_and_not_a_panic() {
        let item = item_key("scenarios", "abc");
        assert!(versioned(&item).unwrap_err().to_string().contains("has no version"));
    }
}
