//! Driving and live data.

use dlt_aws::{IotLive, SfnDriver};
use dlt_control::ports::{Driver, Live, RunKey, Subscription};
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
    let live = IotLive::new(&emulator.cloud().await, &"us-east-1".parse().expect("a region"));
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
    let Subscription::Iot { endpoint, topic } = live.subscription(&"abc".parse().expect("an id")).await.expect("told")
    else {
        panic!("on AWS viewers listen to IoT");
    };
    assert!(endpoint.contains("-ats.iot.us-east-1."), "{endpoint}");
    assert_eq!(topic, "dlt/abc");
}
