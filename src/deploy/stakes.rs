//! What is at stake when a resource that holds data goes: how much is in it, and what could bring it back.

use aws_sdk_dynamodb::types::PointInTimeRecoveryStatus;
use aws_sdk_s3::types::BucketVersioningStatus;
use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    changes::ResourceChange,
    consent::{ChangeSet, Consent},
    event::StackRef,
    holdings::{self, BUCKET, LOG_GROUP, TABLE, USER_POOL},
    plan::Plan,
    stacks,
};
use crate::cloud::{Clients, Cloud, CloudError, Doing};

/// How much is in a resource, and what could bring it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stake {
    /// How many things are in it, where that can be told.
    pub count: Option<u64>,
    /// How many bytes they take, where that can be told.
    pub bytes: Option<u64>,
    /// What could bring them back, in a phrase.
    pub backup: String,
}

/// Looks into everything whose data a plan would lose. What cannot be looked into says so, and holds nothing up.
pub async fn look(cloud: &Cloud, plan: &mut Plan) -> Result<(), CloudError> {
    for stack in plan.stacks.iter_mut().filter(|stack| stack.resources.iter().any(|it| it.loses_data)) {
        let clients = cloud.at(&stack.stack.region);
        let names = names(clients, &stack.stack).await?;
        for resource in stack.resources.iter_mut().filter(|it| it.loses_data && it.stake.is_none()) {
            let name = names.iter().find(|(logical_id, _)| *logical_id == resource.logical_id);
            if let Some((_, name)) = name {
                resource.stake = Some(stake(clients, &resource.kind, name).await);
                resource.physical_id.get_or_insert_with(|| name.clone());
            }
        }
    }
    Ok(())
}

/// Something whose data would be lost, with what is at stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtStake {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in AWS.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// How much is in it, and what could bring it back.
    pub stake: Stake,
}

/// What is at stake in the losses that only CloudFormation has found, which the plan could not show.
pub async fn revealed(clients: &Clients, change_set: &ChangeSet, consent: &Consent) -> Vec<AtStake> {
    let is_new = |change: &&ResourceChange| change.loses_data() && !consent.losses.contains(&change.logical_id);
    let looks = change_set.changes.iter().filter(is_new).map(async |change| {
        let stake = match &change.physical_id {
            Some(name) => stake(clients, &change.kind, name).await,
            None => Stake { count: None, bytes: None, backup: "AWS does not say which one it is".to_owned() },
        };
        let (logical_id, kind) = (change.logical_id.clone(), change.kind.clone());
        AtStake { logical_id, name: change.physical_id.clone().unwrap_or_default(), kind, stake }
    });
    join_all(looks).await
}

/// What the resources of a stack are called in AWS, by their names in the template.
async fn names(clients: &Clients, stack: &StackRef) -> Result<Vec<(String, String)>, CloudError> {
    let resources = stacks::resources(&clients.cloudformation, &stack.name).await?;
    Ok(resources.into_iter().map(|it| (it.logical_id, it.physical_id)).filter(|(_, name)| !name.is_empty()).collect())
}

async fn stake(clients: &Clients, kind: &str, name: &str) -> Stake {
    let (count, bytes) = holdings::measure(clients, kind, name).await.unwrap_or_default();
    let backup = match backup(clients, kind, name).await {
        Ok(backup) => backup,
        Err(error) => format!("whether there is a backup could not be read: {error}"),
    };
    Stake { count, bytes, backup }
}

async fn backup(clients: &Clients, kind: &str, name: &str) -> Result<String, CloudError> {
    Ok(match kind {
        TABLE => table_backup(clients, name).await?,
        BUCKET => bucket_backup(clients, name).await?,
        USER_POOL => "users have no backup".to_owned(),
        LOG_GROUP => "log lines have no backup".to_owned(),
        "AWS::KMS::Key" => "a deleted key can be brought back for some days".to_owned(),
        _ => "whether there is a backup is not known".to_owned(),
    })
}

async fn table_backup(clients: &Clients, table: &str) -> Result<String, CloudError> {
    let doing = format!("read the backups of the table `{table}`");
    let answer = clients.dynamodb.describe_continuous_backups().table_name(table).send().await.doing(doing.clone())?;
    let recovery = answer.continuous_backups_description().and_then(|it| it.point_in_time_recovery_description());
    let is_on = recovery.and_then(|it| it.point_in_time_recovery_status()) == Some(&PointInTimeRecoveryStatus::Enabled);
    let since = recovery.filter(|_| is_on).and_then(|it| at(it.earliest_restorable_date_time()));
    let listed = clients.dynamodb.list_backups().table_name(table).send().await.doing(doing)?;
    let made = listed.backup_summaries().iter().filter_map(|it| at(it.backup_creation_date_time())).max();
    Ok(table_sentence(is_on, since, made))
}

fn table_sentence(is_on: bool, since: Option<Timestamp>, made: Option<Timestamp>) -> String {
    let recovery = match (is_on, since) {
        (true, Some(since)) => format!("point-in-time recovery back to {since}, which AWS keeps for 35 days"),
        (true, None) => "point-in-time recovery, which AWS keeps for 35 days".to_owned(),
        (false, _) => "no point-in-time recovery".to_owned(),
    };
    match made {
        Some(made) => format!("{recovery}; the last backup is of {made}"),
        None => format!("{recovery}; no backup"),
    }
}

async fn bucket_backup(clients: &Clients, bucket: &str) -> Result<String, CloudError> {
    let doing = format!("read the versioning of the bucket `{bucket}`");
    let answer = clients.s3.get_bucket_versioning().bucket(bucket).send().await.doing(doing)?;
    Ok(match answer.status() {
        Some(BucketVersioningStatus::Enabled) => "earlier versions are kept, and go with the bucket".to_owned(),
        _ => "no earlier versions, no backup".to_owned(),
    })
}

fn at(time: Option<&aws_sdk_dynamodb::primitives::DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(time?.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_bring_a_table_back_is_said_with_its_age() {
        let at = |text: &str| Some(text.parse().unwrap());
        for (is_on, since, made, expected) in [
            (false, None, None, "no point-in-time recovery; no backup"),
            (
                true,
                at("2026-11-01T00:00:00Z"),
                None,
                "point-in-time recovery back to 2026-11-01T00:00:00Z, which AWS keeps for 35 days; no backup",
            ),
            (
                false,
                None,
                at("2026-11-02T03:04:05Z"),
                "no point-in-time recovery; the last backup is of 2026-11-02T03:04:05Z",
            ),
        ] {
            assert_eq!(table_sentence(is_on, since, made), expected);
        }
    }
}
