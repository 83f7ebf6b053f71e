//! Reading everything once, and deciding once.

use dlt_model::id::Region;

use super::{
    event::StackRef,
    kept, people,
    plan::{self, Action, AssetPlan, Live, Plan, Wanted},
    stacks, stakes,
    status::{Standing, standing},
};
use crate::{
    cloud::Cloud,
    config::{Config, Console},
    exit::Exit,
    failure::Failure,
    release::{self, Image, Release, Upload},
    render::{self, Assets, Part},
};

/// What is there, what is wanted, and what to do about it.
#[derive(Debug)]
pub struct Survey {
    /// The decision.
    pub plan: Plan,
    /// The stacks as we want them, in the order of the plan.
    pub wanted: Vec<Wanted>,
    /// The stacks as they are, in the order of the plan.
    pub live: Vec<Live>,
    /// Where the release goes, hub first.
    pub uploads: Vec<Upload>,
    /// The worker image, if it had to be made.
    pub image: Option<Image>,
}

/// The stacks of an environment, foundations first.
pub fn stacks_of(config: &Config) -> Vec<(Part, StackRef)> {
    let of_part = |part: Part| {
        let name = part.stack_name(config);
        part.regions(config).into_iter().map(move |region| (part, StackRef { name: name.clone(), region }))
    };
    Part::ALL.into_iter().flat_map(of_part).collect()
}

/// Reads what is there, in all regions at once, and decides.
pub async fn survey(cloud: &Cloud, config: &Config, release: &Release) -> Result<Survey, Failure> {
    let stacks = stacks_of(config);
    let facts = stacks.iter().map(|(_, stack)| stacks::facts(&cloud.at(&stack.region).cloudformation, &stack.name));
    let stack_name = config.stack.to_string();
    let (live, uploads) =
        tokio::try_join!(futures::future::try_join_all(facts), release::uploads(cloud, &stack_name, release))?;
    let known = release::known_digest(&uploads).map(ToOwned::to_owned);
    let image = match known {
        _ if config.worker_image.is_some() => None,
        Some(_) if uploads.iter().all(|upload| upload.image_digest.is_some()) => None,
        _ => Some(make_image(release).await?),
    };
    let digest = image.as_ref().map(|image| image.digest().to_owned()).or(known).unwrap_or_default();
    let account = &cloud.identity.account;
    let wanted = stacks
        .into_iter()
        .zip(&live)
        .map(|((part, stack), live)| {
            let assets = upload_in(&uploads, &stack.region).assets(account, release, &digest);
            wanted(account, config, part, stack, live, &assets)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut plan = Plan {
        stack: stack_name,
        account: account.clone(),
        stacks: wanted.iter().zip(&live).map(|(wanted, live)| plan::decide(wanted, live)).collect(),
        assets: uploads.iter().flat_map(|upload| assets(upload, config, release, &digest)).collect(),
    };
    let reconciled = plan.stacks.iter_mut().zip(&wanted).map(|(plan, wanted)| kept::reconcile(cloud, wanted, plan));
    futures::future::try_join_all(reconciled).await?;
    for ((plan, wanted), live) in plan.stacks.iter_mut().zip(&wanted).zip(&live) {
        if plan.action == Action::Update {
            plan.notes.extend(people::change_of_admin(&wanted.parameters, &live.parameters));
        }
        if matches!(wanted.part, Part::Main | Part::Regional) && matches!(plan.action, Action::Create | Action::Update)
        {
            plan.notes.extend(config.worker_image.as_ref().map(|image| format!("workers run your image {image}")));
        }
    }
    stakes::look(cloud, &mut plan).await?;
    Ok(Survey { plan, wanted, live, uploads, image })
}

async fn make_image(release: &Release) -> Result<Image, Failure> {
    let worker = release.worker.clone();
    tokio::task::spawn_blocking(move || worker.image())
        .await
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to make the worker image", &error))?
}

fn upload_in<'a>(uploads: &'a [Upload], region: &Region) -> &'a Upload {
    let upload = uploads.iter().find(|upload| upload.region == *region);
    upload.expect("every region of the environment was looked at: see release::uploads")
}

fn wanted(
    account: &str,
    config: &Config,
    part: Part,
    stack: StackRef,
    live: &Live,
    assets: &Assets,
) -> Result<Wanted, Failure> {
    let rendered = render::render_for(account, part, config, &stack.region).map_err(|error| {
        Failure::from_error(Exit::Internal, format!("failed to render the {} template", part.word()), &error)
    })?;
    let mut parameters = render::parameters(part, config, &stack.region, assets);
    if part == Part::Main && !matches!(standing(live.status.as_deref()), Standing::Absent | Standing::Review) {
        people::keep_first_address(&mut parameters, &live.parameters);
    }
    Ok(Wanted {
        parameters,
        stack,
        part,
        template: rendered.text,
        tags: config.tags.clone(),
        protection: config.protection,
    })
}

fn assets(upload: &Upload, config: &Config, release: &Release, digest: &str) -> Vec<AssetPlan> {
    let plan = |asset: &str, address: &str, present| AssetPlan {
        asset: asset.to_owned(),
        region: upload.region.clone(),
        address: address.to_owned(),
        present,
    };
    let mut plans = vec![plan("functions", &release.functions.key, upload.has_functions)];
    if config.worker_image.is_none() {
        plans.push(plan("worker image", digest, upload.image_digest.as_deref() == Some(digest)));
    }
    if let Some(key) = release.manifest_key() {
        plans.push(plan("release.json", &key, upload.has_manifest));
    }
    if upload.region == config.region && config.console == Console::Cloudfront {
        plans.push(plan("console", &release.console.prefix, upload.has_console));
    }
    plans
}
