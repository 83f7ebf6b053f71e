//! What is there and how much is stored in it, as AWS tells.

use dlt_model::forecast::Size;
use serde_json::Value;

use super::{
    bill::Bill,
    idle,
    planned::{MIB_PER_GIB, UNITS_PER_VCPU},
};
use crate::{
    cloud::{Cloud, CloudError},
    config::Config,
    deploy::{event::Holding, holdings, stacks, survey, template::Template},
};

/// A month without any test of the environment as it is deployed, and what a worker is there; nothing when it is not.
///
/// # Errors
/// A refusal of AWS.
pub async fn deployed(cloud: &Cloud, config: &Config) -> Result<Option<(Bill, Option<Size>)>, CloudError> {
    let looks = survey::stacks_of(config).into_iter().map(|(_, stack)| async move {
        let live = stacks::facts(&cloud.at(&stack.region).cloudformation, &stack.name).await?;
        let Some(text) = &live.template else { return Ok(None) };
        let template = Template::parse(text).map_err(|why| CloudError::unexpected("read a deployed template", why))?;
        let resources: Vec<Value> = template.resources(&template.values(&live.parameters)).into_values().collect();
        Ok::<_, CloudError>(Some((resources, holdings::of_stack(cloud, &stack).await?)))
    });
    let found = futures::future::try_join_all(looks).await?;
    let (resources, holdings): (Vec<Vec<Value>>, Vec<Vec<Holding>>) = found.into_iter().flatten().unzip();
    let resources: Vec<&Value> = resources.iter().flatten().collect();
    if resources.is_empty() {
        return Ok(None);
    }
    let kinds = resources.iter().filter_map(|resource| resource.get("Type")?.as_str());
    let bill = idle::idle(kinds, &holdings.concat());
    Ok(Some((bill, resources.iter().find_map(|resource| size(resource)))))
}

/// What a task definition says that a worker is.
fn size(resource: &Value) -> Option<Size> {
    let properties = resource
        .get("Properties")
        .filter(|_| resource.get("Type").is_some_and(|it| it == "AWS::ECS::TaskDefinition"))?;
    let units = |key: &str| properties.get(key)?.as_str()?.parse::<f64>().ok();
    let architecture = properties.get("RuntimePlatform").and_then(|platform| platform.get("CpuArchitecture"));
    Some(Size {
        vcpus: units("Cpu")? / UNITS_PER_VCPU,
        memory_gib: units("Memory")? / MIB_PER_GIB,
        arm: architecture.is_some_and(|architecture| architecture == "ARM64"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_worker_is_what_its_task_definition_says() {
        let task = |kind: &str| json!({"Type": kind, "Properties": {"Cpu": "512", "Memory": "3072", "RuntimePlatform": {"CpuArchitecture": "ARM64"}}});
        let small = Size { vcpus: 0.5, memory_gib: 3.0, arm: true };
        assert_eq!(size(&task("AWS::ECS::TaskDefinition")), Some(small));
        assert_eq!(size(&task("AWS::ECS::Cluster")), None);
    }
}
