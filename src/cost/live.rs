//! What is there and how much is stored in it, as AWS tells.

use super::{bill::Bill, idle};
use crate::{
    cloud::{Cloud, CloudError},
    config::Config,
    deploy::{holdings, stacks, survey, template::Template},
};

/// A month without any test, of the environment as it is deployed; nothing when it is not.
///
/// # Errors
/// A refusal of AWS.
pub async fn deployed(cloud: &Cloud, config: &Config) -> Result<Option<Bill>, CloudError> {
    let looks = survey::stacks_of(config).into_iter().map(|(_, stack)| async move {
        let live = stacks::facts(&cloud.at(&stack.region).cloudformation, &stack.name).await?;
        let Some(text) = &live.template else { return Ok(None) };
        let template = Template::parse(text).map_err(|why| CloudError::unexpected("read a deployed template", why))?;
        let resources = template.resources(&template.values(&live.parameters));
        let kinds: Vec<String> =
            resources.values().filter_map(|resource| Some(resource.get("Type")?.as_str()?.to_owned())).collect();
        Ok::<_, CloudError>(Some((kinds, holdings::of_stack(cloud, &stack).await?)))
    });
    let found = futures::future::try_join_all(looks).await?;
    let found: Vec<_> = found.into_iter().flatten().collect();
    if found.is_empty() {
        return Ok(None);
    }
    let holdings: Vec<_> = found.iter().flat_map(|(_, holdings)| holdings.clone()).collect();
    Ok(Some(idle::idle(found.iter().flat_map(|(kinds, _)| kinds).map(String::as_str), &holdings)))
}
