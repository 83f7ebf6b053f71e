//! Whether the names that a deployment gives are free, or ours already.

use std::collections::BTreeSet;

use dlt_model::id::Region;

use super::Asker;
use crate::{
    cloud::{CloudError, Doing, Kind},
    deploy::{event::StackRef, holdings, stacks, survey},
    doctor::{
        finding::{Area, Finding, State},
        names::{self, Name, ROLE},
    },
    render::Part,
};

pub(super) async fn free(asker: &Asker<'_>, region: &Region) -> Vec<Finding> {
    let here = survey::stacks_of(asker.config).into_iter().filter(|(_, stack)| stack.region == *region);
    let looks = here.map(|(part, stack)| async move {
        let found = of_stack(asker, part, &stack).await;
        found.unwrap_or_else(|error| {
            vec![Finding::not_known(Area::Names, format!("names of {}", stack.name), &error).in_region(region)]
        })
    });
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}

async fn of_stack(asker: &Asker<'_>, part: Part, stack: &StackRef) -> Result<Vec<Finding>, CloudError> {
    let account = &asker.cloud.identity.account;
    let names = names::of(part, asker.config, &stack.region, account)
        .map_err(|fault| CloudError::unexpected("read our own template", fault.message))?;
    let ours = ours(asker, stack).await?;
    let others: Vec<&Name> = names.iter().filter(|name| !ours.contains(&name.name)).collect();
    let looks = others.iter().map(|name| is_there(asker, name, stack));
    let mut findings = Vec::new();
    for (name, found) in others.iter().zip(futures::future::join_all(looks).await) {
        match found {
            Ok(false) => {}
            Ok(true) => findings.push(names::judge(name, stack)),
            Err(error) => {
                let what = format!("{} {}", name.kind, name.name);
                findings.push(Finding::not_known(Area::Names, what, &error).in_region(&stack.region));
            }
        }
    }
    if findings.is_empty() {
        let says = format!("{} names are free or its own", names.len());
        let finding = Finding::new(Area::Names, format!("names of {}", stack.name), State::Ok, says);
        findings.push(finding.in_region(&stack.region));
    }
    Ok(findings)
}

/// What the stack has already, by its names in AWS.
async fn ours(asker: &Asker<'_>, stack: &StackRef) -> Result<BTreeSet<String>, CloudError> {
    let client = &asker.cloud.at(&stack.region).cloudformation;
    match stacks::resources(client, &stack.name).await {
        Ok(resources) => Ok(resources.into_iter().map(|resource| resource.physical_id).collect()),
        Err(error) if error.kind == Kind::Absent => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

async fn is_there(asker: &Asker<'_>, name: &Name, stack: &StackRef) -> Result<bool, CloudError> {
    if name.kind != ROLE {
        return holdings::is_there(asker.cloud, &name.kind, &name.name, stack).await;
    }
    let asked = asker.cloud.hub().iam.get_role().role_name(&name.name).send().await;
    match asked.doing(format!("look for the role `{}`", name.name)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind == Kind::Absent => Ok(false),
        Err(error) => Err(error),
    }
}
