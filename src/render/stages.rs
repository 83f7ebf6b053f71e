//! Which stages a pipeline has: what decides the structure of its template, while all values are its parameters.

use minijinja::{Value, context};

/// Where a pipeline's source is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceKind {
    /// At GitHub, GitLab or Bitbucket, by way of a connection.
    #[default]
    Connection,
    /// In CodeCommit.
    CodeCommit,
    /// A zip in a versioned bucket.
    S3,
}

impl SourceKind {
    fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::CodeCommit => "codecommit",
            Self::S3 => "s3",
        }
    }
}

/// What the stage Build makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// A release of this project, and its worker image in the environment's registries.
    Image,
    /// Whatever the buildspec of the source makes.
    Own,
}

/// The stages of a pipeline besides Source and QA, and what else its template depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Where the source is kept.
    pub source: SourceKind,
    /// The stage Build, if there is one.
    pub build: Option<Build>,
    /// Whether its role has managed policies besides.
    pub build_policies: bool,
    /// Whether there is a stage Deploy.
    pub deploy: bool,
    /// Whether its role has managed policies besides.
    pub deploy_policies: bool,
    /// Whether that role may do what `dlt up` on this environment calls.
    pub deployer: bool,
    /// Whether a person has to agree before anything is deployed, or before any load is made where nothing is.
    pub approval: bool,
    /// Whether there is a policy that no role reaches beyond.
    pub boundary: bool,
}

/// A stage that CodeBuild runs, in the words of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    id: &'static str,
    name: &'static str,
    stage: &'static str,
    action: &'static str,
    category: &'static str,
    buildspec: &'static str,
    policy: &'static str,
    what: &'static str,
    may: &'static str,
    about: &'static str,
    output: Option<&'static str>,
    policies: bool,
}

impl Step {
    fn context(self) -> Value {
        let Self { id, name, stage, action, category, buildspec, policy, what, may, about, output, policies } = self;
        let output = output.unwrap_or_default();
        context! { id, name, stage, action, category, buildspec, policy, what, may, about, output, policies }
    }
}

const IMAGE: Step = Step {
    id: "Build",
    name: "build",
    stage: "Build",
    action: "Build",
    category: "Build",
    buildspec: "BuildBuildspec",
    policy: "image",
    what: "The build's",
    may: "What the build of the worker image may do - read its source and push to this environment's repositories.",
    about: "A release, and the worker image in the registries.",
    output: Some("built"),
    policies: false,
};
const BUILD: Step = Step {
    policy: "build",
    may: "What the build may do - read its source, keep what it makes, report; more only by policies that were named.",
    about: "What the source's own buildspec makes.",
    ..IMAGE
};
const DEPLOY: Step = Step {
    id: "Deploy",
    name: "deploy",
    stage: "Deploy",
    action: "Deploy",
    buildspec: "DeployBuildspec",
    policy: "deploy",
    what: "The deployment's",
    may: "What the deployment may do - read its source and report; more by policies that were named, or for this environment.",
    about: "Deploys what is to be judged.",
    output: None,
    ..IMAGE
};
const GATE: Step = Step {
    id: "Project",
    name: "dlt-qa",
    stage: "QA",
    action: "DLT-QA",
    category: "Test",
    buildspec: "Buildspec",
    policy: "gate",
    what: "The gate's",
    may: "What the gate may do, and nothing besides - read its source, start and cancel runs, report.",
    about: "Does the application still hold the load?",
    output: Some("reports"),
    ..IMAGE
};

impl Stages {
    /// Everything that the template asks, worked out.
    pub(super) fn context(self) -> Value {
        let steps = self.steps();
        let approval_before = if self.deploy { steps.len() - 2 } else { steps.len() - 1 };
        context! {
            source => self.source.word(),
            built => self.build.is_some(),
            environment => self.build.is_some() || self.deploy,
            approval => self.approval,
            approval_before,
            boundary => self.boundary,
            steps => steps.into_iter().map(Step::context).collect::<Vec<_>>(),
        }
    }

    fn steps(self) -> Vec<Step> {
        let build = self.build.map(|build| {
            let step = if build == Build::Image { IMAGE } else { BUILD };
            Step { policies: self.build_policies, ..step }
        });
        let deploy = self.deploy.then_some(Step { policies: self.deploy_policies, ..DEPLOY });
        build.into_iter().chain(deploy).chain([GATE]).collect()
    }
}
