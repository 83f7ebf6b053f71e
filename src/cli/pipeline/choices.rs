//! The flags of `dlt pipeline bootstrap` that say where the source is and which stages there are.

use crate::{
    deploy::pipeline::{PipelineSource as Source, Settings, Step, deploys_environment},
    exit::Exit,
    failure::Failure,
    render::{Build, SourceKind, Stages},
};

/// The buildspec of `--build image`, by its path in the source.
const IMAGE_BUILDSPEC: &str = "buildspecs/buildspec_image.yml";
/// What any source can be, for those who named none or too many.
const SOURCES: &str = "name one source: `--connection ARN --repository OWNER/NAME`, `--codecommit NAME`, or `--source-bucket BUCKET --source-key KEY`";

/// What can be built without a buildspec of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Built {
    /// A release of dlt, with the worker image in the environment's registries.
    Image,
}

/// Where the source is, and which stages there are.
#[derive(Debug, Default, clap::Args)]
pub struct ChoiceArgs {
    /// The source: a connection to GitHub, GitLab or Bitbucket, by its ARN.
    #[arg(long, env = "DLT_PIPELINE_CONNECTION", value_name = "ARN", help_heading = "Source")]
    connection: Option<String>,
    /// The repository behind the connection.
    #[arg(long, env = "DLT_PIPELINE_REPOSITORY", value_name = "OWNER/NAME", help_heading = "Source")]
    repository: Option<String>,
    /// The source: a CodeCommit repository of the environment's region.
    #[arg(long, value_name = "NAME", help_heading = "Source")]
    codecommit: Option<String>,
    /// The branch whose commits are judged; `main` unless given.
    #[arg(long, value_name = "NAME", help_heading = "Source")]
    branch: Option<String>,
    /// The source: a versioned bucket of the environment's region that tells EventBridge of uploads.
    #[arg(long, value_name = "BUCKET", help_heading = "Source")]
    source_bucket: Option<String>,
    /// The zip in that bucket.
    #[arg(long, value_name = "KEY", help_heading = "Source")]
    source_key: Option<String>,
    /// Have a stage Build that makes this, by `buildspecs/buildspec_image.yml`.
    #[arg(long, value_name = "WHAT", help_heading = "Stages")]
    build: Option<Built>,
    /// Have a stage Build that runs this buildspec of the source.
    #[arg(long, value_name = "PATH", help_heading = "Stages")]
    build_spec: Option<String>,
    /// Give the stage Build what this managed policy allows; may be repeated.
    #[arg(long, value_name = "ARN", help_heading = "Stages")]
    build_policy: Vec<String>,
    /// Have a stage Deploy that runs this buildspec of the source, such as `buildspecs/buildspec_deploy.yml`.
    #[arg(long, value_name = "PATH", help_heading = "Stages")]
    deploy_spec: Option<String>,
    /// Give the stage Deploy what this managed policy allows; may be repeated. Without one, `buildspec_deploy.yml` may do what
    /// `dlt up` on this environment calls, and any other buildspec nothing besides.
    #[arg(long, value_name = "ARN", help_heading = "Stages")]
    deploy_policy: Vec<String>,
    /// Wait for a person's approval before Deploy, or before QA where there is no Deploy.
    #[arg(long, help_heading = "Stages")]
    approval: bool,
    /// A managed policy beyond which no role of the pipeline reaches.
    #[arg(long, value_name = "ARN", help_heading = "Stages")]
    permissions_boundary: Option<String>,
}

impl ChoiceArgs {
    /// The structure alone, for a template without values.
    ///
    /// # Errors
    /// Choices that exclude each other.
    pub fn stages(&self) -> Result<Stages, Failure> {
        let mut problems = self.problems();
        let source = match self.sources().as_slice() {
            [] => SourceKind::default(),
            [source] => *source,
            [..] => {
                problems.push("there is more than one source".to_owned());
                SourceKind::default()
            }
        };
        told(&problems)?;
        Ok(Stages {
            source,
            build: self.build_step().map(|(build, _)| build),
            build_policies: !self.build_policy.is_empty(),
            deploy: self.deploy_spec.is_some(),
            deploy_policies: !self.deploy_policy.is_empty(),
            deployer: self.deploy_spec.as_deref().is_some_and(|spec| deploys_environment(spec, &self.deploy_policy)),
            approval: self.approval,
            boundary: self.permissions_boundary.is_some(),
        })
    }

    /// Everything that was said.
    ///
    /// # Errors
    /// All that is missing, and choices that exclude each other.
    pub fn settings(&self, environment: &str, buildspec: &str, image: &str) -> Result<Settings, Failure> {
        let mut problems = self.problems();
        let branch = self.branch.clone().unwrap_or_else(|| "main".to_owned());
        let source = match self.sources().as_slice() {
            [SourceKind::Connection] => {
                let mut part = |value: &Option<String>, flag: &str| needed(value, flag, &mut problems);
                let (connection, repository) =
                    (part(&self.connection, "--connection"), part(&self.repository, "--repository"));
                Some(Source::Connection { connection, repository, branch })
            }
            [SourceKind::CodeCommit] => {
                Some(Source::CodeCommit { repository: self.codecommit.clone().unwrap_or_default(), branch })
            }
            [SourceKind::S3] => {
                let mut part = |value: &Option<String>, flag: &str| needed(value, flag, &mut problems);
                Some(Source::S3 {
                    bucket: part(&self.source_bucket, "--source-bucket"),
                    key: part(&self.source_key, "--source-key"),
                })
            }
            sources => {
                let count = if sources.is_empty() { "no source" } else { "more than one source" };
                problems.push(format!("there is {count}"));
                None
            }
        };
        told(&problems)?;
        Ok(Settings {
            source: source.expect("without a source there is a problem"),
            build: self.build_step(),
            deploy: self.deploy_spec.clone().map(|buildspec| Step { buildspec, policies: self.deploy_policy.clone() }),
            approval: self.approval,
            boundary: self.permissions_boundary.clone(),
            buildspec: buildspec.to_owned(),
            image: image.to_owned(),
            environment: environment.to_owned(),
        })
    }

    fn sources(&self) -> Vec<SourceKind> {
        let rows = [
            (self.connection.is_some() || self.repository.is_some(), SourceKind::Connection),
            (self.codecommit.is_some(), SourceKind::CodeCommit),
            (self.source_bucket.is_some() || self.source_key.is_some(), SourceKind::S3),
        ];
        rows.into_iter().filter(|(is_named, _)| *is_named).map(|(_, source)| source).collect()
    }

    fn build_step(&self) -> Option<(Build, Step)> {
        let policies = self.build_policy.clone();
        let step = |buildspec: &str| Step { buildspec: buildspec.to_owned(), policies };
        match (&self.build, &self.build_spec) {
            (Some(Built::Image), buildspec) => {
                Some((Build::Image, step(buildspec.as_deref().unwrap_or(IMAGE_BUILDSPEC))))
            }
            (None, Some(buildspec)) => Some((Build::Own, step(buildspec))),
            (None, None) => None,
        }
    }

    /// What is wrong whatever the source is.
    fn problems(&self) -> Vec<String> {
        let in_a_bucket = self.sources() == [SourceKind::S3];
        let mut problems = Vec::new();
        let rows = [
            (in_a_bucket && self.branch.is_some(), "`--branch` is for repositories, a bucket has none"),
            (
                self.build_step().is_none() && !self.build_policy.is_empty(),
                "`--build-policy` needs `--build image` or `--build-spec PATH`",
            ),
            (
                self.deploy_spec.is_none() && !self.deploy_policy.is_empty(),
                "`--deploy-policy` needs `--deploy-spec PATH`",
            ),
        ];
        problems.extend(rows.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, why)| why.to_owned()));
        let policies = self.build_policy.iter().chain(&self.deploy_policy);
        for arn in policies.clone().chain(&self.permissions_boundary) {
            let is_policy = arn.starts_with("arn:") && arn.contains(":iam::") && arn.contains(":policy/");
            if !is_policy {
                problems.push(format!("`{arn}` is not the ARN of a managed policy"));
            }
        }
        // A pipeline that may do everything lets everyone who can push do everything.
        for arn in policies.filter(|arn| arn.ends_with(":policy/AdministratorAccess")) {
            problems.push(format!("`{arn}` allows everything, to whoever can push: name a policy with what is called"));
        }
        problems
    }
}

fn needed(value: &Option<String>, flag: &str, problems: &mut Vec<String>) -> String {
    if value.is_none() {
        problems.push(format!("`{flag}` is missing"));
    }
    value.clone().unwrap_or_default()
}

fn told(problems: &[String]) -> Result<(), Failure> {
    if problems.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Exit::Usage, format!("this is no pipeline: {}", problems.join("; ")));
    let is_about_source = problems.iter().any(|problem| problem.contains("source") || problem.contains("is missing"));
    Err(if is_about_source { failure.hint(SOURCES) } else { failure })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn settings(args: &ChoiceArgs) -> Result<Settings, Failure> {
        args.settings("qa", "gate.yml", "image")
    }

    #[test]
    fn exactly_one_source_is_taken_and_an_error_names_them_all() {
        let one = || ChoiceArgs { codecommit: some("checkout"), ..ChoiceArgs::default() };
        assert_eq!(
            settings(&one()).unwrap().source,
            Source::CodeCommit { repository: "checkout".into(), branch: "main".into() }
        );
        let none = ChoiceArgs::default();
        let two = ChoiceArgs { source_bucket: some("b"), source_key: some("k"), ..one() };
        let half = ChoiceArgs { connection: some("arn:aws:codeconnections:…"), ..ChoiceArgs::default() };
        for wrong in [none, two, half] {
            let failure = settings(&wrong).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{}", failure.message);
            for flag in ["--connection", "--codecommit", "--source-bucket"] {
                assert!(failure.hints.iter().any(|hint| hint.contains(flag)), "{flag}: {:?}", failure.hints);
            }
        }
    }

    #[test]
    fn all_problems_of_the_stages_are_told_at_once() {
        let wrong = ChoiceArgs {
            source_bucket: some("sources"),
            branch: some("main"),
            build_policy: vec!["push".to_owned()],
            deploy_policy: vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()],
            ..ChoiceArgs::default()
        };
        let failure = settings(&wrong).unwrap_err();
        for part in ["--source-key", "--branch", "--build-policy", "--deploy-policy", "`push`", "AdministratorAccess"] {
            assert!(failure.message.contains(part), "{part}: {}", failure.message);
        }
    }

    #[test]
    fn a_build_is_ours_or_the_sources_own_or_not_there() {
        let of = |build, build_spec: Option<&str>| {
            let args = ChoiceArgs { build, build_spec: build_spec.map(str::to_owned), ..ChoiceArgs::default() };
            args.build_step().map(|(build, step)| (build, step.buildspec))
        };
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some(Built::Image), None), Some((Build::Image, IMAGE_BUILDSPEC.to_owned())));
        assert_eq!(of(Some(Built::Image), Some("ci/image.yml")), Some((Build::Image, "ci/image.yml".to_owned())));
        assert_eq!(of(None, Some("ci/build.yml")), Some((Build::Own, "ci/build.yml".to_owned())));
    }

    #[test]
    fn a_template_without_values_has_the_same_structure() {
        let args = ChoiceArgs {
            codecommit: some("checkout"),
            build: Some(Built::Image),
            deploy_spec: some("deploy.yml"),
            deploy_policy: vec!["arn:aws:iam::123456789012:policy/shop".to_owned()],
            approval: true,
            permissions_boundary: some("arn:aws:iam::123456789012:policy/edge"),
            ..ChoiceArgs::default()
        };
        assert_eq!(args.stages().unwrap(), settings(&args).unwrap().stages());
    }
}
