//! What AWS's own tools would take without being told: the region of the variables, else of the profile.

use aws_config::{meta::region::ProvideRegion, profile::ProfileFileRegionProvider};

use crate::config::Origin;

/// The variables that name a region, strongest first.
const VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The region and who named it.
pub fn region() -> Option<(String, Origin)> {
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let named = VARIABLES.iter().find_map(|name| Some((of(name)?, Origin::Variable { name: (*name).to_owned() })));
    named.or_else(|| {
        // Two small files are read; nothing waits for a network.
        let region = futures::executor::block_on(ProfileFileRegionProvider::new().region())?;
        let name = of("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        Some((region.to_string(), Origin::Profile { name }))
    })
}
