//! Taking an environment away: what will go is listed first, what stays is listed last, with the reason and the command.

mod keys;

use std::collections::BTreeSet;

use futures::future::{join_all, try_join_all};

use self::keys::Keys;
use super::{
    engine::Surroundings,
    event::{Event, Holding, Operation, Phase, Remainder, StackRef},
    follow::Begun,
    holdings::{self, KEY, USER_POOL},
    joining,
    kept::{self, Named},
    outcome, pipeline,
    plan::Live,
    stacks,
    status::{Standing, standing},
    survey::stacks_of,
    viewers,
};
use crate::{
    cloud::{Cloud, CloudError, Doing},
    config::{Config, Console, DataRetention},
    exit::Exit,
    failure::Failure,
    render::{self, Part},
};

/// The phases of `down`, in order.
pub const PHASES: [Phase; 3] = [Phase::Plan, Phase::Empty, Phase::Delete];

/// What is there to take away.
#[derive(Debug)]
pub struct Doomed {
    /// Main and regional stacks first, foundations last.
    pub stacks: Vec<(Part, StackRef, Live)>,
    /// What they hold.
    pub holdings: Vec<Holding>,
}

/// Reads what is there, and stops where something must not be taken away.
pub async fn doomed(cloud: &Cloud, config: &Config) -> Result<Doomed, Failure> {
    let looks = stacks_of(config).into_iter().chain([pipeline::stack_of(config)]).map(|(part, stack)| async move {
        let live = stacks::look(&cloud.at(&stack.region).cloudformation, &stack.name).await?;
        Ok::<_, CloudError>((part, stack, live))
    });
    let mut stacks: Vec<_> = try_join_all(looks).await?;
    stacks.retain(|(_, _, live)| standing(live.status.as_deref()) != Standing::Absent);
    stacks.sort_by_key(|(part, _, _)| *part == Part::Foundation);
    for (_, stack, live) in &stacks {
        guard(stack, live)?;
    }
    let with_workers = stacks.iter().filter(|(part, _, _)| *part != Part::Foundation);
    try_join_all(with_workers.map(|(_, stack, _)| refuse_while_running(cloud, stack, &config.stack))).await?;
    let holdings = try_join_all(stacks.iter().map(|(_, stack, _)| holdings::of_stack(cloud, stack))).await?;
    Ok(Doomed { stacks, holdings: holdings.into_iter().flatten().collect() })
}

/// Workers would go on writing into what is being emptied, and a cluster with tasks cannot be deleted.
async fn refuse_while_running(cloud: &Cloud, stack: &StackRef, cluster: impl ToString) -> Result<(), Failure> {
    let request = cloud.at(&stack.region).ecs.list_tasks().cluster(cluster.to_string());
    let tasks = match request.send().await.doing(format!("count the workers in {}", stack.region)) {
        Ok(answer) => answer.task_arns.unwrap_or_default().len(),
        Err(error) if error.code.as_deref() == Some("ClusterNotFoundException") => 0,
        Err(error) => return Err(error.into()),
    };
    if tasks == 0 {
        return Ok(());
    }
    let message = format!("a load test is running in {}: {tasks} workers", stack.region);
    Err(Failure::new(Exit::Held, message).hint("cancel it or wait until it is over, and run this again"))
}

pub(crate) fn guard(stack: &StackRef, live: &Live) -> Result<(), Failure> {
    if live.protection {
        let message = format!("the stack `{stack}` is protected against deletion");
        return Err(Failure::new(Exit::Guarded, message)
            .hint("set `protection: false` in the environment file, run `dlt up`, then this again"));
    }
    let status = live.status.as_deref().unwrap_or_default();
    if standing(Some(status)) == Standing::Moving && status != "DELETE_IN_PROGRESS" {
        let message = format!("another operation holds the stack `{stack}` ({status})");
        return Err(joining::ways_on(Failure::new(Exit::Held, message)));
    }
    Ok(())
}

/// Takes everything away, and answers what remains. With `purge` what the environment file keeps goes as well.
pub async fn down(
    around: &Surroundings<'_>,
    config: &Config,
    doomed: &Doomed,
    purge: bool,
) -> Result<Vec<Remainder>, Failure> {
    let observer = around.observer;
    let (foundations, others): (Vec<_>, Vec<_>) =
        doomed.stacks.iter().cloned().partition(|(part, _, _)| *part == Part::Foundation);
    // Foundations serve the console and the functions until the other stacks are gone.
    for stacks in [others, foundations].into_iter().filter(|stacks| !stacks.is_empty()) {
        let names: BTreeSet<&StackRef> = stacks.iter().map(|(_, stack, _)| stack).collect();
        let inside = doomed.holdings.iter().filter(|it| names.contains(&it.stack) && !it.kept);
        observer.tell(Event::PhaseStarted { phase: Phase::Empty });
        empty(around, inside).await?;
        release_viewers(around, &names).await?;
        observer.tell(Event::PhaseEnded { phase: Phase::Empty });
        observer.tell(Event::PhaseStarted { phase: Phase::Delete });
        delete(around, &stacks).await?;
        observer.tell(Event::PhaseEnded { phase: Phase::Delete });
    }
    let kept: Vec<&Holding> = doomed.holdings.iter().filter(|it| it.kept).collect();
    let mut remains = ledger(around.cloud, config, &kept).await?;
    if purge {
        let mut left = Vec::new();
        for remainder in remains {
            if !purged(around, &remainder).await? {
                left.push(remainder);
            }
        }
        remains = left;
    }
    let ours = stacks_of(config).into_iter().chain([pipeline::stack_of(config)]).map(|(_, stack)| stack);
    let Keys { leaving, remains: keys, unknown } = keys::of_the_past(around.cloud, ours, doomed).await;
    let new = |key: &Remainder| !remains.iter().any(|it| it.name == key.name && it.region == key.region);
    let keys: Vec<_> = keys.into_iter().filter(new).collect();
    remains.extend(keys);
    observer.tell(Event::Ledger { remains: remains.clone(), leaving, unknown });
    Ok(remains)
}

async fn empty(around: &Surroundings<'_>, holdings: impl Iterator<Item = &Holding>) -> Result<(), Failure> {
    try_join_all(holdings.map(|holding| async move {
        if let Some(count) = holdings::empty(around.cloud, holding).await? {
            let kind = word(&holding.kind).to_owned();
            let (name, region) = (holding.name.clone(), holding.stack.region.clone());
            around.observer.tell(Event::Emptied { kind, name, region, count });
        }
        Ok::<_, CloudError>(())
    }))
    .await?;
    Ok(())
}

/// A policy that is attached to somebody's identity cannot be deleted, and its stack would end in DELETE_FAILED.
async fn release_viewers(around: &Surroundings<'_>, stacks: &BTreeSet<&StackRef>) -> Result<(), Failure> {
    let releases = stacks.iter().map(|stack| viewers::release(around.cloud, stack));
    let released: u64 = try_join_all(releases).await?.into_iter().sum();
    if released > 0 {
        around.observer.notice(format!("took the right to listen from {released} viewers"));
    }
    Ok(())
}

pub(super) async fn delete(around: &Surroundings<'_>, stacks: &[(Part, StackRef, Live)]) -> Result<(), Failure> {
    let work = stacks.iter().map(|(_, stack, live)| async move {
        let client = &around.cloud.at(&stack.region).cloudformation;
        let joined = live.status.as_deref() == Some("DELETE_IN_PROGRESS");
        let earlier = stacks::recent_events(client, &live.stack_id).await?;
        if !joined {
            // The token follows from the stack's own history: asking twice is asking once, and a new try is a new one.
            let token = format!("dlt-delete-{}-{}", live.changed_ms, earlier.len());
            stacks::delete(client, &live.stack_id, &token).await?;
        }
        let (stack, operation) = (stack.clone(), Operation::Delete);
        around.observer.tell(Event::Started { stack: stack.clone(), operation, joined, expected: None });
        let earlier = if joined { BTreeSet::new() } else { earlier.into_iter().map(|event| event.id).collect() };
        let (stack_id, before) = (live.stack_id.clone(), live.clone());
        let begun = Begun { stack, stack_id, operation, before, earlier, joined, token: None };
        let ending = around.follow(begun).await?;
        outcome::failure_of(operation, &ending).map_or(Ok(()), Err)
    });
    outcome::worst(join_all(work).await.into_iter().filter_map(Result::err).collect()).map_or(Ok(()), Err)
}

/// Removes what outlived its stack, where we know how.
async fn purged(around: &Surroundings<'_>, remainder: &Remainder) -> Result<bool, Failure> {
    let (clients, name) = (around.cloud.at(&remainder.region), &remainder.name);
    match remainder.kind.as_str() {
        "bucket" => holdings::purge_bucket(clients, name).await?,
        "table" => holdings::purge_table(clients, name).await?,
        "user pool" => holdings::purge_user_pool(clients, name).await?,
        "log group" => holdings::purge_log_group(clients, name).await?,
        _ => return Ok(false),
    }
    around.observer.notice(format!("purged the {} {name} in {}", remainder.kind, remainder.region));
    Ok(true)
}

fn word(kind: &str) -> &str {
    match kind {
        "AWS::S3::Bucket" => "bucket",
        "AWS::DynamoDB::Table" => "table",
        "AWS::ECR::Repository" => "repository",
        "AWS::Cognito::UserPool" => "user pool",
        "AWS::Logs::LogGroup" => "log group",
        KEY => "key",
        other => other,
    }
}

/// What is still there: what was kept on purpose, and whatever bears one of our names, so that a second run finds it too.
async fn ledger(cloud: &Cloud, config: &Config, kept: &[&Holding]) -> Result<Vec<Remainder>, Failure> {
    let mut remains = Vec::new();
    let (stack, account) = (&config.stack, &cloud.identity.account);
    let kept_by_file = "the environment file says `retention.data: keep`; `dlt down --purge` removes it too";
    let is_kept = |name: &str| kept.iter().any(|it| it.name == name) || config.retention.data == DataRetention::Keep;
    let why = |name: &str| if is_kept(name) { kept_by_file } else { "it belongs to no stack that is there" };
    let mut named: Vec<(&str, String, StackRef)> = Vec::new();
    for region in cloud.regions() {
        let at = StackRef { name: String::new(), region: region.clone() };
        named.push(("AWS::S3::Bucket", format!("{stack}-artifacts-{account}-{region}"), at.clone()));
        named.push(("AWS::ECR::Repository", format!("{stack}/worker"), at));
    }
    let in_stacks = in_stacks(config, account)?;
    named.extend(in_stacks.iter().map(|(at, it)| (it.kind.as_str(), it.name.clone(), at.clone())));
    for (kind, name, at) in named {
        if holdings::is_there(cloud, kind, &name, &at).await? {
            remains.push(remainder(cloud, kind, &name, &at, why(&name)).await?);
        }
    }
    let hub = StackRef { name: stack.to_string(), region: cloud.hub.clone() };
    for pool in holdings::user_pools(cloud.hub(), stack.as_str()).await? {
        remains.push(remainder(cloud, USER_POOL, &pool.id, &hub, why(&pool.id)).await?);
    }
    // What older templates kept is known only from the stack that it was in.
    for it in kept {
        if !remains.iter().any(|known| known.name == it.name && known.region == it.stack.region) {
            let why = "its template says that it outlives its stack";
            remains.push(remainder(cloud, &it.kind, &it.name, &it.stack, why).await?);
        }
    }
    Ok(remains)
}

/// What the stacks of an environment can have held under names of our making, also when they had more in them than the
/// file now asks for.
fn in_stacks(config: &Config, account: &str) -> Result<Vec<(StackRef, Named)>, Failure> {
    let mut widest = config.clone();
    widest.live_data = true;
    widest.console = Console::Cloudfront;
    let mut found = Vec::new();
    for (part, stack) in stacks_of(&widest) {
        let rendered = render::render_for(account, part, &widest, &stack.region).map_err(|error| {
            Failure::from_error(Exit::Internal, format!("failed to render the {} template", part.word()), &error)
        })?;
        found.extend(kept::named(&rendered.text).into_iter().map(|named| (stack.clone(), named)));
    }
    Ok(found)
}

async fn remainder(cloud: &Cloud, kind: &str, name: &str, at: &StackRef, why: &str) -> Result<Remainder, CloudError> {
    let (count, bytes) = holdings::measure(cloud.at(&at.region), kind, name).await?;
    Ok(Remainder {
        kind: word(kind).to_owned(),
        name: name.to_owned(),
        region: at.region.clone(),
        count,
        bytes,
        why: why.to_owned(),
        command: holdings::removal(kind, name, &at.region),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(status: &str, protection: bool) -> Live {
        Live { status: Some(status.to_owned()), protection, ..Live::default() }
    }

    #[test]
    fn what_is_protected_or_moving_is_not_taken_away() {
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        for (status, protection, exit) in [
            ("CREATE_COMPLETE", false, None),
            ("ROLLBACK_COMPLETE", false, None),
            ("DELETE_FAILED", false, None),
            ("REVIEW_IN_PROGRESS", false, None),
            ("DELETE_IN_PROGRESS", false, None),
            ("CREATE_COMPLETE", true, Some(Exit::Guarded)),
            ("UPDATE_IN_PROGRESS", false, Some(Exit::Held)),
        ] {
            let refused = guard(&stack, &live(status, protection)).err().map(|failure| failure.exit);
            assert_eq!(refused, exit, "{status} {protection}");
        }
    }
}
