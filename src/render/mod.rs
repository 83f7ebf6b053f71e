//! From a configuration to the text that CloudFormation gets: pure, and the same to the byte every time.

mod assets;
mod context;
mod dashboard;
mod deployer;
mod engine;
mod source;
mod stages;
#[cfg(test)]
mod tests;

use dlt_model::id::Region;

pub use self::{
    assets::{Assets, parameters},
    engine::{RenderError, render, render_for, render_pipeline, sources},
    source::{Location, SourceMap},
    stages::{Build, SourceKind, Stages},
};
use crate::config::Config;

/// One of the templates that make an environment.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Artifact bucket and image repository, in every region.
    Foundation,
    /// The hub: API, data, identity, console, and workers of its own.
    Main,
    /// Workers of another region.
    Regional,
    /// A pipeline that asks the gate; made by `dlt pipeline bootstrap`, not by `dlt up`.
    Pipeline,
}

impl Part {
    /// Those that every environment has, in the order of deployment.
    pub const ALL: [Self; 3] = [Self::Foundation, Self::Main, Self::Regional];

    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Foundation => "foundation",
            Self::Main => "main",
            Self::Regional => "regional",
            Self::Pipeline => "pipeline",
        }
    }

    /// The name of the CloudFormation stack.
    pub fn stack_name(self, config: &Config) -> String {
        match self {
            Self::Main => config.stack.to_string(),
            Self::Foundation | Self::Regional | Self::Pipeline => format!("{}-{}", config.stack, self.word()),
        }
    }

    /// The regions it is deployed to.
    pub fn regions(self, config: &Config) -> Vec<Region> {
        match self {
            Self::Foundation => config.all_regions().cloned().collect(),
            Self::Main | Self::Pipeline => vec![config.region.clone()],
            Self::Regional => config.regions.clone(),
        }
    }
}

/// A rendered template: what is deployed, verbatim.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Which template.
    pub part: Part,
    /// The text, ending with a newline.
    pub text: String,
    /// From which line of which template file each line came.
    pub source: SourceMap,
}
