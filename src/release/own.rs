//! An image that an environment names itself: whether it is there, and for which processors.

use super::{
    Machine, named,
    registry::{Kind, Reference, Registry, Trouble},
};
use crate::{config::ImageName, failure::Failure};

/// The largest configuration of an image that is read.
const LONGEST_CONFIG_BYTES: u64 = 1 << 20;

/// The processors that an image is for, as its registry says.
///
/// # Errors
/// When the image is not there, or the registry does not say.
pub async fn machines(image: &ImageName) -> Result<Vec<Machine>, Failure> {
    let registry = named::registry(&Reference::parse(image.as_str())?).await?;
    let doing = format!("read the image `{image}`");
    let document = registry.manifest(image.digest()).await?;
    let absent = || Trouble::new(&doing, Kind::Absent, format!("`{}` has no such image", registry.repository));
    let value = document.ok_or_else(absent)?.value();
    let names: Vec<String> = match value["manifests"].as_array() {
        Some(entries) => {
            let linux = entries.iter().filter(|entry| entry["platform"]["os"] == "linux");
            linux.filter_map(|entry| entry["platform"]["architecture"].as_str()).map(ToOwned::to_owned).collect()
        }
        None => architecture(&registry, &doing, &value["config"]).await?.into_iter().collect(),
    };
    Ok(names.iter().filter_map(|name| Machine::from_images(name)).collect())
}

/// What the configuration of a single image says.
async fn architecture(registry: &Registry, doing: &str, config: &serde_json::Value) -> Result<Option<String>, Trouble> {
    let strange = |said: &str| Trouble::new(doing, Kind::Other, said);
    let digest = config["digest"].as_str().ok_or_else(|| strange("it has no configuration"))?;
    if config["size"].as_u64().is_none_or(|size| size > LONGEST_CONFIG_BYTES) {
        return Err(strange("its configuration is longer than 1 MiB"));
    }
    let url = registry.url(&format!("blobs/{digest}"));
    let read = async || {
        let answer = registry.send(doing, || registry.http().get(url.clone()).build()).await?;
        answer.bytes().await.map_err(|error| Trouble::of_error(doing, &error))
    };
    let content = registry.patiently(read).await?;
    let value: serde_json::Value = serde_json::from_slice(&content).map_err(|error| strange(&error.to_string()))?;
    Ok(value["architecture"].as_str().map(ToOwned::to_owned))
}
