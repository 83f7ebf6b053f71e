//! Workers as ECS tasks: started once, counted to their end, refused with the reason.

use std::time::Duration;

use aws_sdk_ecs::types::{Compatibility, ContainerDefinition};
use dlt_aws::{Cloud, EcsFleet};
use dlt_control::ports::{Fleet, FleetError, Launch, Phase, RunKey, Sighting};
use dlt_model::id::Region;

use crate::emulator::Emulator;

fn region() -> Region {
    "us-east-1".parse().expect("a region")
}

fn run() -> RunKey {
    RunKey { test_id: "abc".parse().expect("an id"), run_id: "01J".parse().expect("an id") }
}

fn launch(worker: u32) -> Launch {
    let folder = "s3://data/runs/abc/01J".to_owned();
    Launch { run: run(), region: region(), worker, workers: 2, folder, size: None }
}

/// What the templates make, with an image that nobody has pushed.
async fn set_up(cloud: &Cloud) {
    let ecs = aws_sdk_ecs::Client::new(cloud.config());
    ecs.create_cluster().cluster_name("shop").send().await.expect("a cluster");
    let image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop/worker:none";
    ecs.register_task_definition()
        .family("shop-worker")
        .requires_compatibilities(Compatibility::Ec2)
        .container_definitions(ContainerDefinition::builder().name("worker").image(image).build())
        .send()
        .await
        .expect("a task definition");
    let ssm = aws_sdk_ssm::Client::new(cloud.config());
    let network = r#"{"subnets":["subnet-1"],"securityGroups":[],"assignPublicIp":"ENABLED"}"#;
    let parameter = ssm.put_parameter().name("/dlt/shop/network").value(network);
    parameter.r#type(aws_sdk_ssm::types::ParameterType::String).send().await.expect("a parameter");
}

/// The workers once all of them have ended.
async fn ended(fleet: &EcsFleet) -> Vec<Sighting> {
    for _ in 0..100 {
        let sightings = fleet.census(&run(), &[region()]).await.expect("a census");
        if sightings.iter().all(|sighting| matches!(sighting.phase, Phase::Stopped { .. })) {
            return sightings;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("workers without an image end at once");
}

#[tokio::test]
async fn a_worker_launched_twice_is_started_once_and_seen_to_its_end() {
    let emulator = Emulator::start();
    let cloud = emulator.cloud().await;
    set_up(&cloud).await;
    let fleet = EcsFleet::new(&cloud, "shop", &region());
    for worker in [0, 1, 0] {
        fleet.launch(&launch(worker)).await.expect("launched");
    }
    let mut workers: Vec<u32> = Vec::new();
    for sighting in ended(&fleet).await {
        let Phase::Stopped { exit_code: None, reason } = sighting.phase else { panic!("{sighting:?}") };
        assert!(reason.starts_with("CannotPullContainerError"), "{reason}");
        workers.push(sighting.worker);
    }
    workers.sort_unstable();
    assert_eq!(workers, [0, 1]);
    fleet.stop(&run(), &[region()], "over").await.expect("nothing is left to stop");
    let other = RunKey { run_id: "01K".parse().expect("an id"), ..run() };
    assert_eq!(fleet.census(&other, &[region()]).await.expect("a census"), []);
}

#[tokio::test]
async fn what_cannot_work_is_refused_and_says_what_is_missing() {
    let emulator = Emulator::start();
    let cloud = emulator.cloud().await;
    let fleet = EcsFleet::new(&cloud, "shop", &region());
    let refused = fleet.launch(&launch(0)).await;
    assert!(matches!(&refused, Err(FleetError::Refused(why)) if why.contains("/dlt/shop/network")), "{refused:?}");
    set_up(&cloud).await;
    let ecs = aws_sdk_ecs::Client::new(cloud.config());
    ecs.delete_cluster().cluster("shop").send().await.expect("deleted");
    let refused = fleet.launch(&launch(0)).await;
    assert!(matches!(&refused, Err(FleetError::Refused(why)) if why.contains("ClusterNotFound")), "{refused:?}");
}
