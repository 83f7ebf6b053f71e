//! Registries that somebody names, rather than an environment's own: by the AWS profile when they are ECR's, else by the logins
//! of this machine.

use std::sync::Arc;

use dlt_model::id::Region;
use futures::FutureExt;

use super::{
    registry::{self, Login, Reference, Registry},
    upload,
};
use crate::{cloud::configured, config::ecr_host, failure::Failure};

/// The repository of an image.
///
/// # Errors
/// A login that cannot be read, or a host that is none.
pub async fn registry(reference: &Reference) -> Result<Registry, Failure> {
    let known = registry::login_for(reference)?;
    let region = ecr_host(&reference.host).and_then(|(_, region)| region.parse::<Region>().ok());
    let repository = reference.repository.clone();
    let (Some(region), None) = (region, &known) else {
        let login = known.map_or(Login::Nobody, Login::Known);
        return Ok(Registry::new(reference.answering_host(), reference.is_local(), repository, login)?);
    };
    let config = configured(&region).await;
    let (host, plain) = upload::answering(config.endpoint_url(), &reference.host);
    let (ecr, region) = (aws_sdk_ecr::Client::new(&config), region.to_string());
    let renew = move || upload::sign_in(ecr.clone(), region.clone()).boxed();
    Ok(Registry::new(&host, plain, repository, Login::Renewed(Arc::new(renew)))?)
}
