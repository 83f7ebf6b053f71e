//! Which environment a verb is about, and what its command line says over the file.

use crate::{
    cloud::habits,
    config::{self, Config, Layers},
    failure::Failure,
};

/// The environment and the settings over its file.
#[derive(Clone, Debug, clap::Args)]
pub struct EnvironmentArgs {
    /// The environment: `dev` for stacks/dev.yaml, or the path of a file.
    #[arg(value_name = "ENV", env = "DLT_ENV", default_value = config::loader::DEFAULT_ENVIRONMENT)]
    pub environment: String,
    /// A setting that wins over file and variables, such as `worker.cpu=4096`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl EnvironmentArgs {
    /// The configuration: defaults, then the region of AWS's own variables or profile, then the file, then `DLT_*`
    /// variables, then `--set`.
    ///
    /// # Errors
    /// A file that cannot be read, or everything that is wrong with it and with what lies over it.
    pub fn load(&self) -> Result<Config, Failure> {
        config::load(&self.environment, &self.layers())
    }

    /// What lies over the file, and the region beneath it.
    pub fn layers(&self) -> Layers {
        let variables =
            std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        Layers::new(variables, &self.set).with_region(habits::region())
    }
}
