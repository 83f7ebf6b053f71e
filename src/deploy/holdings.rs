//! What stacks hold: objects, items, images. Counted before a teardown, emptied by it.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use dlt_model::id::Region;

use super::{
    catalogue, diff,
    event::{Holding, StackRef},
    stacks::{self, StackResource},
    template::Template,
};
use crate::cloud::{Clients, Cloud, CloudError, Doing, Kind};

/// How many objects S3 deletes in one call.
const OBJECTS_A_CALL: usize = 1000;
/// How many images ECR deletes in one call.
const IMAGES_A_CALL: usize = 100;

/// How many user pools Cognito lists in one call.
const POOLS_A_CALL: i32 = 60;

/// A bucket's type.
pub const BUCKET: &str = "AWS::S3::Bucket";
/// A table's type.
pub const TABLE: &str = "AWS::DynamoDB::Table";
/// An image repository's type.
pub const REPOSITORY: &str = "AWS::ECR::Repository";
/// A log group's type.
pub const LOG_GROUP: &str = "AWS::Logs::LogGroup";
/// A key's type.
pub const KEY: &str = "AWS::KMS::Key";
/// A user pool's type.
pub const USER_POOL: &str = "AWS::Cognito::UserPool";

/// The tag of a user pool that names its environment: names of pools are not unique.
const STACK_TAG: &str = "dlt:stack";

/// What a stack holds that takes room or cannot be made again.
pub async fn of_stack(cloud: &Cloud, stack: &StackRef) -> Result<Vec<Holding>, CloudError> {
    let clients = cloud.at(&stack.region);
    let resources = stacks::resources(&clients.cloudformation, &stack.name).await?;
    let live = stacks::facts(&clients.cloudformation, &stack.name).await?;
    let template = live.template.as_deref().and_then(|text| Template::parse(text).ok()).unwrap_or_default();
    let declared = template.resources(&template.values(&live.parameters));
    let is_kept =
        |logical_id: &str| declared.get(logical_id).is_some_and(|resource| diff::is_kept(resource, "DeletionPolicy"));
    let interesting = |resource: &&StackResource| {
        let holds = catalogue::holds_data(&resource.kind) || resource.kind == REPOSITORY;
        holds && !resource.physical_id.is_empty() && resource.status != "DELETE_COMPLETE"
    };
    let looks = resources.iter().filter(interesting).map(|resource| async {
        let (count, bytes) = measure(clients, &resource.kind, &resource.physical_id).await?;
        Ok(Holding {
            stack: stack.clone(),
            logical_id: resource.logical_id.clone(),
            kind: resource.kind.clone(),
            name: resource.physical_id.clone(),
            count,
            bytes,
            kept: is_kept(&resource.logical_id),
        })
    });
    futures::future::try_join_all(looks).await
}

/// How many things are inside and how large they are, as far as the service tells. What is gone already holds nothing.
pub async fn measure(clients: &Clients, kind: &str, name: &str) -> Result<(Option<u64>, Option<u64>), CloudError> {
    let both = |(count, bytes)| (Some(count), Some(bytes));
    let measured = match kind {
        BUCKET => bucket_size(clients, name).await.map(both),
        TABLE => table_size(clients, name).await.map(both),
        REPOSITORY => repository_size(clients, name).await.map(both),
        LOG_GROUP => log_group_size(clients, name).await.map(|bytes| (None, Some(bytes.unwrap_or_default()))),
        USER_POOL => user_pool_size(clients, name).await.map(|users| (Some(users), None)),
        _ => return Ok((None, None)),
    };
    match measured {
        Ok(measured) => Ok(measured),
        Err(error) if error.kind == Kind::Absent => Ok((Some(0), Some(0))),
        Err(error) => Err(error),
    }
}

async fn bucket_size(clients: &Clients, bucket: &str) -> Result<(u64, u64), CloudError> {
    let (mut count, mut bytes) = (0, 0);
    let mut after = (None, None);
    loop {
        let request = clients.s3.list_object_versions().bucket(bucket);
        let request = request.set_key_marker(after.0).set_version_id_marker(after.1);
        let page = request.send().await.doing(format!("list the bucket `{bucket}`"))?;
        count += (page.versions().len() + page.delete_markers().len()) as u64;
        bytes +=
            page.versions().iter().filter_map(|it| it.size()).filter_map(|size| u64::try_from(size).ok()).sum::<u64>();
        if page.is_truncated() != Some(true) {
            return Ok((count, bytes));
        }
        after = (page.next_key_marker, page.next_version_id_marker);
    }
}

async fn table_size(clients: &Clients, table: &str) -> Result<(u64, u64), CloudError> {
    let answer = clients.dynamodb.describe_table().table_name(table).send().await;
    let answer = answer.doing(format!("read the table `{table}`"))?;
    let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).unwrap_or_default();
    let table = answer.table();
    Ok((number(table.and_then(|it| it.item_count())), number(table.and_then(|it| it.table_size_bytes()))))
}

async fn repository_size(clients: &Clients, repository: &str) -> Result<(u64, u64), CloudError> {
    let (mut count, mut bytes) = (0, 0);
    let mut next = None;
    loop {
        let page = clients.ecr.describe_images().repository_name(repository).set_next_token(next).send().await;
        let page = page.doing(format!("list the images of `{repository}`"))?;
        count += page.image_details().len() as u64;
        let sizes = page.image_details().iter().filter_map(|it| it.image_size_in_bytes());
        bytes += sizes.filter_map(|size| u64::try_from(size).ok()).sum::<u64>();
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok((count, bytes));
        }
    }
}

/// How many bytes a log group holds; none when it is not there.
async fn log_group_size(clients: &Clients, group: &str) -> Result<Option<u64>, CloudError> {
    let mut next = None;
    loop {
        let request = clients.logs.describe_log_groups().log_group_name_prefix(group).set_next_token(next);
        let page = request.send().await.doing(format!("look for the log group `{group}`"))?;
        if let Some(found) = page.log_groups().iter().find(|it| it.log_group_name() == Some(group)) {
            return Ok(Some(found.stored_bytes().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default()));
        }
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(None);
        }
    }
}

/// A user pool of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPool {
    /// The id that Cognito gave it.
    pub id: String,
    /// About how many users are in it.
    pub users: u64,
}

/// The user pools of an environment, whether their stack is there or not: those with its name and its tag.
pub async fn user_pools(clients: &Clients, stack: &str) -> Result<Vec<UserPool>, CloudError> {
    let (mut pools, mut next) = (Vec::new(), None);
    loop {
        let request = clients.cognito.list_user_pools().max_results(POOLS_A_CALL).set_next_token(next);
        let page = request.send().await.doing("list the user pools")?;
        for pool in page.user_pools().iter().filter(|pool| pool.name() == Some(stack)) {
            let id = pool.id().unwrap_or_default();
            let Some(pool) = user_pool(clients, id).await? else { continue };
            let tags = pool.user_pool_tags();
            if tags.and_then(|tags| tags.get(STACK_TAG)).is_some_and(|tag| tag == stack) {
                pools.push(UserPool { id: id.to_owned(), users: users_of(&pool) });
            }
        }
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(pools);
        }
    }
}

type PoolType = aws_sdk_cognitoidentityprovider::types::UserPoolType;

async fn user_pool(clients: &Clients, id: &str) -> Result<Option<PoolType>, CloudError> {
    let answer = clients.cognito.describe_user_pool().user_pool_id(id).send().await;
    match answer.doing(format!("read the user pool `{id}`")) {
        Ok(answer) => Ok(answer.user_pool),
        Err(error) if error.kind == Kind::Absent => Ok(None),
        Err(error) => Err(error),
    }
}

fn users_of(pool: &PoolType) -> u64 {
    u64::try_from(pool.estimated_number_of_users()).unwrap_or_default()
}

async fn user_pool_size(clients: &Clients, id: &str) -> Result<u64, CloudError> {
    Ok(user_pool(clients, id).await?.as_ref().map(users_of).unwrap_or_default())
}

/// Removes everything inside a bucket or repository, and answers how many things that were. Tables and user pools go
/// with what is in them.
pub async fn empty(cloud: &Cloud, holding: &Holding) -> Result<Option<u64>, CloudError> {
    let clients = cloud.at(&holding.stack.region);
    let emptied = match holding.kind.as_str() {
        BUCKET => empty_bucket(clients, &holding.name).await,
        REPOSITORY => empty_repository(clients, &holding.name).await,
        _ => return Ok(None),
    };
    match emptied {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind == Kind::Absent => Ok(None),
        Err(error) => Err(error),
    }
}

async fn empty_bucket(clients: &Clients, bucket: &str) -> Result<u64, CloudError> {
    let mut removed = 0;
    loop {
        // Always the first page: what it named is gone when it is read again.
        let page = clients.s3.list_object_versions().bucket(bucket).max_keys(OBJECTS_A_CALL as i32).send().await;
        let page = page.doing(format!("list the bucket `{bucket}`"))?;
        let versions = page.versions().iter().map(|it| (it.key(), it.version_id()));
        let markers = page.delete_markers().iter().map(|it| (it.key(), it.version_id()));
        let objects: Vec<ObjectIdentifier> =
            versions.chain(markers).filter_map(|(key, version)| identifier(key?, version)).collect();
        if objects.is_empty() {
            return Ok(removed);
        }
        let count = objects.len() as u64;
        let doing = format!("empty the bucket `{bucket}`");
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|error| CloudError::unexpected(doing.clone(), error.to_string()))?;
        let answer = clients.s3.delete_objects().bucket(bucket).delete(delete).send().await.doing(doing.clone())?;
        if let Some(error) = answer.errors().first() {
            let message = format!("{}: {}", error.key().unwrap_or_default(), error.message().unwrap_or("refused"));
            return Err(CloudError::unexpected(doing, message));
        }
        removed += count;
    }
}

fn identifier(key: &str, version: Option<&str>) -> Option<ObjectIdentifier> {
    // Objects from before versioning have the version `null`, which is a name like any other.
    ObjectIdentifier::builder().key(key).set_version_id(version.map(ToOwned::to_owned)).build().ok()
}

async fn empty_repository(clients: &Clients, repository: &str) -> Result<u64, CloudError> {
    let mut removed = 0;
    loop {
        let page = clients.ecr.list_images().repository_name(repository).max_results(IMAGES_A_CALL as i32).send().await;
        let page = page.doing(format!("list the images of `{repository}`"))?;
        let images = page.image_ids().to_vec();
        if images.is_empty() {
            return Ok(removed);
        }
        let count = images.len() as u64;
        let doing = format!("remove the images of `{repository}`");
        let request = clients.ecr.batch_delete_image().repository_name(repository).set_image_ids(Some(images));
        let answer = request.send().await.doing(doing.clone())?;
        if answer.image_ids().is_empty() {
            let reason = answer.failures().first().and_then(|it| it.failure_reason()).unwrap_or("nothing was removed");
            return Err(CloudError::unexpected(doing, reason));
        }
        removed += count;
    }
}

/// Removes a bucket that outlived its stack, with all that is in it.
pub async fn purge_bucket(clients: &Clients, bucket: &str) -> Result<(), CloudError> {
    empty_bucket(clients, bucket).await?;
    clients.s3.delete_bucket().bucket(bucket).send().await.doing(format!("delete the bucket `{bucket}`")).map(drop)
}

/// Removes a table that outlived its stack, with all that is in it.
pub async fn purge_table(clients: &Clients, table: &str) -> Result<(), CloudError> {
    clients
        .dynamodb
        .delete_table()
        .table_name(table)
        .send()
        .await
        .doing(format!("delete the table `{table}`"))
        .map(drop)
}

/// Removes a user pool that outlived its stack, with all its users.
pub async fn purge_user_pool(clients: &Clients, pool: &str) -> Result<(), CloudError> {
    let doing = format!("delete the user pool `{pool}`");
    clients.cognito.delete_user_pool().user_pool_id(pool).send().await.doing(doing).map(drop)
}

/// Removes a log group that outlived its stack, with all its lines.
pub async fn purge_log_group(clients: &Clients, group: &str) -> Result<(), CloudError> {
    let doing = format!("delete the log group `{group}`");
    clients.logs.delete_log_group().log_group_name(group).send().await.doing(doing).map(drop)
}

/// True when something of this type and name is there.
pub async fn is_there(cloud: &Cloud, kind: &str, name: &str, at: &StackRef) -> Result<bool, CloudError> {
    let clients = cloud.at(&at.region);
    match kind {
        BUCKET => has_bucket(clients, name).await,
        TABLE => has_table(clients, name).await,
        LOG_GROUP => log_group_size(clients, name).await.map(|size| size.is_some()),
        _ => has_repository(clients, name).await,
    }
}

/// True when a bucket is there and is ours.
async fn has_bucket(clients: &Clients, bucket: &str) -> Result<bool, CloudError> {
    match clients.s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => Ok(true),
        // A bucket of that name in another region (301, 400) is not the one that this environment made.
        Err(error) if error.raw_response().is_some_and(|it| [301, 400, 404].contains(&it.status().as_u16())) => {
            Ok(false)
        }
        Err(error) => Err(error).doing(format!("look for the bucket `{bucket}`")),
    }
}

/// True when a table is there.
async fn has_table(clients: &Clients, table: &str) -> Result<bool, CloudError> {
    present(
        clients.dynamodb.describe_table().table_name(table).send().await.doing(format!("look for the table `{table}`")),
    )
}

/// True when an image repository is there.
async fn has_repository(clients: &Clients, repository: &str) -> Result<bool, CloudError> {
    let request = clients.ecr.describe_repositories().repository_names(repository);
    present(request.send().await.doing(format!("look for the repository `{repository}`")))
}

fn present<T>(answer: Result<T, CloudError>) -> Result<bool, CloudError> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.kind == Kind::Absent => Ok(false),
        Err(error) => Err(error),
    }
}

/// The command that removes a thing which outlived its stack, where one command does.
pub fn removal(kind: &str, name: &str, region: &Region) -> String {
    match kind {
        BUCKET => format!("aws s3 rb --force s3://{name} --region {region} (old versions first: `dlt down --purge`)"),
        TABLE => format!("aws dynamodb delete-table --table-name {name} --region {region}"),
        REPOSITORY => format!("aws ecr delete-repository --force --repository-name {name} --region {region}"),
        LOG_GROUP => format!("aws logs delete-log-group --log-group-name {name} --region {region}"),
        USER_POOL => format!("aws cognito-idp delete-user-pool --user-pool-id {name} --region {region}"),
        KEY => format!("aws kms schedule-key-deletion --key-id {name} --pending-window-in-days 7 --region {region}"),
        _ => format!("delete {name} in the console of {kind}"),
    }
}
