//! What stacks need beside their templates: functions, console and worker image, sent where they are missing.

use futures::future::try_join_all;

use super::{
    engine::{self, Surroundings},
    event::{Event, Observer, Phase},
    plan::AssetPlan,
    survey::Survey,
};
use crate::{
    exit::Exit,
    failure::Failure,
    release::{Release, Upload, registry::Meter, repository},
};

/// Sends what is missing, and sees to it that what is deployed stays.
pub(super) async fn upload(around: &Surroundings<'_>, survey: &Survey, release: &Release) -> Result<(), Failure> {
    let missing = survey.plan.assets.iter().filter(|asset| !asset.present);
    engine::phase(around.observer, Phase::Upload, async {
        for present in survey.plan.assets.iter().filter(|asset| asset.present) {
            let (asset, region) = (present.asset.clone(), present.region.clone());
            around.observer.tell(Event::AssetPresent { asset, region });
        }
        try_join_all(missing.map(|asset| send(around, survey, release, asset))).await?;
        let spared = images(survey).map(|(upload, digest)| repository::spare(around.cloud, upload, digest));
        try_join_all(spared).await?;
        Ok(())
    })
    .await
}

async fn send(around: &Surroundings<'_>, survey: &Survey, release: &Release, asset: &AssetPlan) -> Result<(), Failure> {
    let upload = survey.uploads.iter().find(|upload| upload.region == asset.region);
    let upload = upload.expect("assets are planned for the regions that were looked at: see survey");
    let clients = around.cloud.at(&asset.region);
    let bytes = match (asset.asset.as_str(), &survey.image) {
        ("functions", _) => upload.send_functions(clients, release).await?,
        ("console", _) => upload.send_console(clients, release).await?,
        ("release.json", _) => upload.send_manifest(clients, release).await?,
        (_, Some(image)) => {
            let meter = meter(around.observer, asset);
            upload.push_image(around.cloud, &release.worker.tag, image, &meter).await?.bytes_sent
        }
        (_, None) => {
            let message = format!("the registry in {} and the others hold different worker images", asset.region);
            return Err(Failure::new(Exit::Incomplete, message).hint("run the same command again"));
        }
    };
    let (asset, region) = (asset.asset.clone(), asset.region.clone());
    around.observer.tell(Event::AssetUploaded { asset, region, bytes });
    Ok(())
}

/// Where the worker image is and its digest there.
fn images(survey: &Survey) -> impl Iterator<Item = (&Upload, &str)> {
    let images = survey.plan.assets.iter().filter(|asset| asset.asset == "worker image");
    images.filter_map(|asset| Some((survey.uploads.iter().find(|it| it.region == asset.region)?, &*asset.address)))
}

/// Lets the lifecycle rules have what is not deployed any more. A failure here is no failure of the deployment.
pub(super) async fn release_old_images(around: &Surroundings<'_>, survey: &Survey) {
    for (upload, digest) in images(survey) {
        if let Err(error) = repository::release_others(around.cloud, upload, &survey.plan.stack, digest).await {
            around.observer.notice(format!("old worker images keep their tags for now: {error}"));
        }
    }
}

/// Tells how far an upload has come.
fn meter(observer: &Observer, plan: &AssetPlan) -> Meter {
    let (observer, asset, region) = (observer.clone(), plan.asset.clone(), plan.region.clone());
    Meter::new(move |sent| {
        observer.tell(Event::AssetProgress {
            asset: asset.clone(),
            region: region.clone(),
            sent: sent.sent,
            total: sent.total,
        });
    })
}
