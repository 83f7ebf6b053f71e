//! The records on DynamoDB pass the suite that every store passes.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use dlt_aws::{Cloud, DynamoStore};
use dlt_control::{
    conformance::check_store,
    ports::{Expect, Key, Store},
};

use crate::emulator::Emulator;

#[tokio::test]
async fn records_in_dynamodb_keep_every_promise_of_a_store() {
    let emulator = Emulator::start();
    let cloud = emulator.cloud().await;
    create_table(&cloud, "records").await;
    check_store(&DynamoStore::new(&cloud, "records")).await;
}

#[tokio::test]
async fn a_missing_table_is_an_error_that_names_the_record_and_the_reason() {
    let emulator = Emulator::start();
    let store = DynamoStore::new(&emulator.cloud().await, "nowhere");
    let key = Key { collection: "scenarios".into(), id: "abc".into() };
    let problem = store.put(&key, serde_json::json!({}), Expect::Absent).await.unwrap_err().to_string();
    assert!(problem.contains("failed to write `scenarios/abc`: ResourceNotFoundException"), "{problem}");
}

async fn create_table(cloud: &Cloud, name: &str) {
    let client = aws_sdk_dynamodb::Client::new(cloud.config());
    let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(attribute).key_type(kind);
        let definition = AttributeDefinition::builder().attribute_name(attribute);
        request = request
            .key_schema(key.build().expect("complete"))
            .attribute_definitions(definition.attribute_type(ScalarAttributeType::S).build().expect("complete"));
    }
    let table = request.send().await.expect("a new table").table_description.expect("described");
    assert_eq!(table.table_status, Some(TableStatus::Active), "the emulator's tables are there at once");
}
