//! The records on the emulated AWS pass the suite that every store passes.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use dlt_aws::{Cloud, DynamoStore};
use dlt_control::conformance::check_store;

/// The emulated AWS of `tests/emulator`, for as long as this lives.
struct Emulator {
    process: Child,
    endpoint: String,
}

impl Emulator {
    fn start() -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let python = std::env::var("DLT_EMULATOR_PYTHON").unwrap_or_else(|_| format!("{root}/.venv/bin/python"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(&python)
            .arg(format!("{root}/tests/emulator/aws.py"))
            .args(["--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("failed to start {python}: {error}; install tests/emulator/requirements.txt, or set DLT_EMULATOR_PYTHON")
            });
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.trim().strip_prefix("ready ").expect("the emulator says when it is ready").to_owned();
        Self { process, endpoint }
    }

    async fn cloud(&self) -> Cloud {
        let region = aws_config::Region::new("us-east-1");
        let credentials = aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "test");
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(region)
            .endpoint_url(&self.endpoint)
            .credentials_provider(credentials);
        Cloud::from(config.load().await)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // SIGTERM lets it end its own children; the standard library only knows SIGKILL.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

async fn create_table(cloud: &Cloud, name: &str) {
    let client = aws_sdk_dynamodb::Client::new(cloud.config());
    let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build().unwrap();
        let definition = AttributeDefinition::builder().attribute_name(attribute);
        let definition = definition.attribute_type(ScalarAttributeType::S).build().unwrap();
        request = request.key_schema(key).attribute_definitions(definition);
    }
    let table = request.send().await.unwrap().table_description.unwrap();
    assert_eq!(table.table_status, Some(TableStatus::Active), "the emulator's tables are there at once");
}

#[tokio::test]
async fn records_in_dynamodb_keep_every_promise_of_a_store() {
    let emulator = Emulator::start();
    let cloud = emulator.cloud().await;
    create_table(&cloud, "records").await;
    check_store(&DynamoStore::new(&cloud, "records")).await;
}
