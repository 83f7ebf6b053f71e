//! What a person says about a pipeline: which stages it has, and with which values.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::render::{Build, SourceKind, Stages};

/// Where the source is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// At GitHub, GitLab or Bitbucket.
    Connection {
        /// The connection, by its ARN.
        connection: String,
        /// The repository, as owner/name.
        repository: String,
        /// The branch.
        branch: String,
    },
    /// In CodeCommit, in the environment's region.
    CodeCommit {
        /// The repository, by its name.
        repository: String,
        /// The branch.
        branch: String,
    },
    /// A zip in a versioned bucket of the environment's region.
    S3 {
        /// The bucket.
        bucket: String,
        /// The zip's key.
        key: String,
    },
}

/// A stage with a buildspec of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The buildspec, by its path in the source.
    pub buildspec: String,
    /// Managed policies, by ARN, with what it calls.
    pub policies: Vec<String>,
}

/// What a person says about a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the source is kept.
    pub source: Source,
    /// The stage Build, if there is one.
    pub build: Option<(Build, Step)>,
    /// The stage Deploy, if there is one.
    pub deploy: Option<Step>,
    /// Whether a person has to agree.
    pub approval: bool,
    /// A policy, by ARN, that no role reaches beyond.
    pub boundary: Option<String>,
    /// The gate's buildspec, by its path in the source.
    pub buildspec: String,
    /// The image that builds run in.
    pub image: String,
    /// The environment, as the builds name it.
    pub environment: String,
}

/// Whether a stage deploys the environment itself: by the buildspec that we ship, and by no policies of somebody's own.
pub fn deploys_environment(buildspec: &str, policies: &[String]) -> bool {
    policies.is_empty() && buildspec.rsplit('/').next() == Some("buildspec_deploy.yml")
}

impl Settings {
    /// The stages.
    pub fn stages(&self) -> Stages {
        Stages {
            source: match self.source {
                Source::Connection { .. } => SourceKind::Connection,
                Source::CodeCommit { .. } => SourceKind::CodeCommit,
                Source::S3 { .. } => SourceKind::S3,
            },
            build: self.build.as_ref().map(|(build, _)| *build),
            build_policies: self.build.as_ref().is_some_and(|(_, step)| !step.policies.is_empty()),
            deploy: self.deploy.is_some(),
            deploy_policies: self.deploy.as_ref().is_some_and(|step| !step.policies.is_empty()),
            deployer: self.deploy.as_ref().is_some_and(|step| deploys_environment(&step.buildspec, &step.policies)),
            approval: self.approval,
            boundary: self.boundary.is_some(),
        }
    }

    /// Whether a build may ship what this program carries, so that it has to carry it there too.
    pub fn ships(&self) -> bool {
        self.deploy.is_some() || matches!(self.build, Some((Build::Image, _)))
    }

    /// The template's parameters that follow from what was said.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let mut values = vec![("Buildspec", self.buildspec.clone()), ("BuildImage", self.image.clone())];
        values.extend(match self.source.clone() {
            Source::Connection { connection, repository, branch } => {
                vec![("ConnectionArn", connection), ("Repository", repository), ("Branch", branch)]
            }
            Source::CodeCommit { repository, branch } => vec![("Repository", repository), ("Branch", branch)],
            Source::S3 { bucket, key } => vec![("SourceBucket", bucket), ("SourceKey", key)],
        });
        let build = self.build.as_ref().map(|(_, step)| ("BuildBuildspec", "BuildPolicies", step));
        let deploy = self.deploy.as_ref().map(|step| ("DeployBuildspec", "DeployPolicies", step));
        for (buildspec, policies, step) in build.into_iter().chain(deploy) {
            values.push((buildspec, step.buildspec.clone()));
            if !step.policies.is_empty() {
                values.push((policies, step.policies.join(",")));
            }
        }
        if self.build.is_some() || self.deploy.is_some() {
            values.push(("Environment", self.environment.clone()));
        }
        values.extend(self.boundary.clone().map(|boundary| ("PermissionsBoundary", boundary)));
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Names the pipeline that would be made with this program, so that the same wish is recognised.
    pub fn content_with(&self, program: &str) -> String {
        hex::encode(Sha256::digest(format!("{:?}\0{:?}\0{program}", self.stages(), self.parameters())))
    }
}
