//! Driving and live data.

use dlt_aws::{IotLive, SfnDriver};
use dlt_control::ports::{Driver, Live, RunKey, Subscription, Viewer};
use dlt_model::{
    histogram::Histogram,
    tick::{Health, SCHEMA, Tick},
};

use crate::emulator::Emulator;

const MACHINE: &str = r#"{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":300,"End":true}}}"#;

#[tokio::test]
async fn driving_a_run_twice_begins_one_execution() {
    let emulator = Emulator::without_policies();
    let cloud = emulator.cloud().await;
    let machines = aws_sdk_sfn::Client::new(cloud.config());
    let request = machines.create_state_machine().name("runs").definition(MACHINE);
    let machine = request.role_arn("arn:aws:iam::000000000000:role/runs").send().await.expect("a machine");
    let driver = SfnDriver::new(&cloud, &machine.state_machine_arn);
    let run = RunKey { test_id: "abc".parse().expect("an id"), run_id: "01J".parse().expect("an id") };
    driver.drive(&run).await.expect("driven");
    driver.drive(&run).await.expect("driven already");
    let list = machines.list_executions().state_machine_arn(&machine.state_machine_arn).send().await.expect("a list");
    let names: Vec<_> = list.executions.iter().map(|execution| execution.name.as_str()).collect();
    assert_eq!(names, ["abc-01J-0"]);
    let nowhere = SfnDriver::new(&cloud, "arn:aws:states:us-east-1:000000000000:stateMachine:none");
    let problem = nowhere.drive(&run).await.unwrap_err().to_string();
    assert!(problem.contains("StateMachineDoesNotExist"), "{problem}");
}

#[tokio::test]
async fn ticks_are_published_and_a_viewer_is_told_where_to_listen() {
    let emulator = Emulator::start();
    let live = IotLive::new(&emulator.cloud().await, "shop", &"us-east-1".parse().expect("a region"));
    let tick = Tick {
        schema: SCHEMA.into(),
        test_id: "abc".parse().expect("an id"),
        run_id: "01J".parse().expect("an id"),
        region: "us-east-1".parse().expect("a region"),
        worker: 0,
        at_ms: 1_700_000_001_000,
        second: 1,
        virtual_users: 1,
        succeeded: 1,
        failed: 0,
        avg_rt: 0.01,
        latency_ms_p95: 10.0,
        bytes_received: 1,
        bytes_sent: 1,
        latency: Histogram::default(),
        health: Health::default(),
    };
    live.publish(&[tick]).await.expect("published");
    let test = "abc".parse().expect("an id");
    let Subscription::Iot { endpoint, topic } = live.subscription(&test, None).await.expect("told") else {
        panic!("on AWS viewers listen to IoT");
    };
    assert!(endpoint.contains("-ats.iot.us-east-1."), "{endpoint}");
    assert_eq!(topic, "dlt/abc");
}

#[tokio::test]
async fn a_viewer_who_signed_in_may_listen_after_asking_and_asking_again_changes_nothing() {
    let emulator = Emulator::start();
    let cloud = emulator.cloud().await;
    let iot = aws_sdk_iot::Client::new(cloud.config());
    let live = IotLive::new(&cloud, "shop", &"us-east-1".parse().expect("a region"));
    let test = "abc".parse().expect("an id");
    let ann = Viewer("us-east-1:0a1b2c3d-0000-4000-8000-0123456789ab".to_owned());

    let problem = live.subscription(&test, Some(&ann)).await.unwrap_err().to_string();
    assert!(problem.contains("shop-live") && problem.contains("ResourceNotFound"), "no such policy yet: {problem}");

    let document = r#"{"Version": "2012-10-17", "Statement": []}"#;
    iot.create_policy().policy_name("shop-live").policy_document(document).send().await.expect("a policy");
    for viewer in [None, Some(&ann), Some(&ann)] {
        live.subscription(&test, viewer).await.expect("told");
    }
    let answer = iot.list_targets_for_policy().policy_name("shop-live").send().await.expect("a list");
    assert_eq!(answer.targets(), [ann.0]);
}
