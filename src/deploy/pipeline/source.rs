//! Whether a bucket can be the source of a pipeline: CodePipeline needs its versions, and its events start the pipeline.

use super::settings::Source;
use crate::{
    cloud::{Cloud, Doing},
    exit::Exit,
    failure::Failure,
};

/// Looks at the source, as far as it can be wrong without anybody noticing.
///
/// # Errors
/// A bucket that keeps no versions or tells EventBridge nothing: both at once, each with the command that changes it.
pub async fn look(cloud: &Cloud, source: &Source) -> Result<(), Failure> {
    let Source::S3 { bucket, .. } = source else { return Ok(()) };
    let s3 = &cloud.hub().s3;
    let doing = || format!("read the settings of the bucket `{bucket}`");
    let versioning = s3.get_bucket_versioning().bucket(bucket).send().await.doing(doing())?;
    let told = s3.get_bucket_notification_configuration().bucket(bucket).send().await.doing(doing())?;
    let is_versioned = versioning.status().is_some_and(|status| status.as_str() == "Enabled");
    judge(bucket, is_versioned, told.event_bridge_configuration().is_some())
}

fn judge(bucket: &str, is_versioned: bool, tells_events: bool) -> Result<(), Failure> {
    let rows = [
        (
            is_versioned,
            "it keeps no versions, which CodePipeline needs",
            format!(
                "`aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled` keeps them"
            ),
        ),
        (
            tells_events,
            "it tells EventBridge nothing, so that no upload would start the pipeline",
            format!(
                "`aws s3api put-bucket-notification-configuration --bucket {bucket} --notification-configuration \
                 '{{\"EventBridgeConfiguration\":{{}}}}'` tells it; name the bucket's other notifications there too, for it replaces them"
            ),
        ),
    ];
    let wrong: Vec<_> = rows.iter().filter(|(is_right, ..)| !is_right).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let why: Vec<&str> = wrong.iter().map(|(_, why, _)| *why).collect();
    let message = format!("the bucket `{bucket}` cannot be a pipeline's source: {}", why.join("; "));
    Err(wrong.iter().fold(Failure::new(Exit::Invalid, message), |failure, (_, _, cure)| failure.hint(cure.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_with_a_bucket_is_told_at_once_with_its_cure() {
        assert!(judge("sources", true, true).is_ok());
        for (is_versioned, tells_events, cures) in [(false, true, 1), (true, false, 1), (false, false, 2)] {
            let failure = judge("sources", is_versioned, tells_events).unwrap_err();
            assert_eq!((failure.exit, failure.hints.len()), (Exit::Invalid, cures));
        }
    }
}
