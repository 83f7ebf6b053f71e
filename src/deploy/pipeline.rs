//! A pipeline with the gate DLT-QA beside an environment: a stack of its own, made by one command and taken away by another.

pub mod roles;
mod settings;
mod source;

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use sha2::{Digest, Sha256};

use super::{
    begin::{self, Next},
    consent::{Consent, Demand},
    engine::{self, Surroundings},
    event::{Event, Phase, StackRef},
    gather::gather,
    plan::{self, Live, Plan, Wanted},
    proposal::Source,
    stacks,
    status::{Standing, standing},
    survey::Survey,
    teardown,
};
use crate::{
    cloud::{Cloud, Doing},
    config::Config,
    exit::Exit,
    failure::Failure,
    render::{self, Part},
};

pub use settings::{Settings, Source as PipelineSource, Step, deploys_environment};

/// The phases of a bootstrap, in order.
pub const PHASES: [Phase; 4] = [Phase::Plan, Phase::Upload, Phase::ChangeSet, Phase::Deploy];

/// What a gate needs to know of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The address of the API.
    pub api: String,
    /// The console, if there is one.
    pub console: Option<String>,
}

impl Environment {
    /// Reads what the main stack says.
    ///
    /// # Errors
    /// When it is not deployed.
    pub async fn look(cloud: &Cloud, config: &Config) -> Result<Self, Failure> {
        let name = Part::Main.stack_name(config);
        let mut outputs = stacks::look(&cloud.hub().cloudformation, &name).await?.outputs;
        let api = outputs.remove("ApiEndpoint").ok_or_else(|| {
            let message = format!("the stack `{name}` in {} has no API: it is not deployed", config.region);
            Failure::new(Exit::Invalid, message).hint("`dlt up` deploys it")
        })?;
        Ok(Self { api, console: outputs.remove("ConsoleUrl") })
    }

    fn api_id(&self) -> &str {
        self.api.trim_start_matches("https://").split('.').next().unwrap_or_default()
    }

    /// The policy of a job that calls the gate from anywhere else: it may talk to this API and hear live data, and
    /// nothing else.
    pub fn policy(&self, cloud: &Cloud, config: &Config) -> serde_json::Value {
        let partition = cloud.identity.arn.split(':').nth(1).unwrap_or("aws");
        let (region, account, stack) = (&config.region, &cloud.identity.account, Part::Main.stack_name(config));
        serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Runs",
                    "Effect": "Allow",
                    "Action": "execute-api:Invoke",
                    "Resource": format!("arn:{partition}:execute-api:{region}:{account}:{}/prod/*", self.api_id()),
                },
                {
                    "Sid": "Greet",
                    "Effect": "Allow",
                    "Action": "iot:Connect",
                    "Resource": format!("arn:{partition}:iot:{region}:{account}:client/dlt-gate-*"),
                },
                {
                    "Sid": "Listen",
                    "Effect": "Allow",
                    "Action": "iot:Subscribe",
                    "Resource": format!("arn:{partition}:iot:{region}:{account}:topicfilter/dlt/*"),
                },
                {
                    "Sid": "Hear",
                    "Effect": "Allow",
                    "Action": "iot:Receive",
                    "Resource": format!("arn:{partition}:iot:{region}:{account}:topic/dlt/*"),
                },
                {
                    "Sid": "Environment",
                    "Effect": "Allow",
                    "Action": "cloudformation:DescribeStacks",
                    "Resource": format!("arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/*"),
                },
            ],
        })
    }
}

/// The pipeline's stack.
pub fn stack_of(config: &Config) -> (Part, StackRef) {
    (Part::Pipeline, StackRef { name: Part::Pipeline.stack_name(config), region: config.region.clone() })
}

/// The program that the gate calls.
#[derive(Debug)]
pub struct Binary {
    content: Vec<u8>,
    key: String,
}

impl Binary {
    /// A program, which has to be one for the machines that CodeBuild has.
    ///
    /// # Errors
    /// When it is for another machine.
    pub fn new(content: Vec<u8>) -> Result<Self, Failure> {
        let is_elf = content.starts_with(b"\x7fELF");
        let machine = content.get(18..20).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        if !is_elf || machine != Some(X86_64) {
            let failure = Failure::new(Exit::Usage, "this program does not run on CodeBuild's x86-64 Linux");
            return Err(failure.hint("name one that does with `--binary FILE`"));
        }
        let key = format!("tools/{}/dlt", hex::encode(Sha256::digest(&content)));
        Ok(Self { content, key })
    }

    /// Where it lies in the bucket of uploads.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// ELF's number for x86-64.
const X86_64: u16 = 62;

/// Makes or changes the pipeline, and answers its outputs.
///
/// # Errors
/// An environment that is not deployed, a refusal of AWS or of the person, or a deployment that failed.
pub async fn bootstrap(
    around: &Surroundings<'_>,
    config: &Config,
    settings: &Settings,
    binary: Binary,
    consent: Consent,
    ask: &impl AsyncFn(Demand) -> Result<Consent, Failure>,
) -> Result<BTreeMap<String, String>, Failure> {
    let (cloud, observer) = (around.cloud, around.observer);
    let survey = engine::phase(observer, Phase::Plan, survey(cloud, config, settings, &binary)).await?;
    observer.tell(Event::Planned { plan: Box::new(survey.plan.clone()) });
    engine::guard(&survey.plan)?;
    if !survey.plan.is_empty() {
        let consent = engine::agree(consent, &engine::names(&survey.plan), ask).await?;
        engine::phase(observer, Phase::Upload, Box::pin(upload(cloud, &survey.wanted[0], binary))).await?;
        let proposed = engine::phase(observer, Phase::ChangeSet, async {
            gather(std::iter::once(propose(around, &survey))).await.whole(around).await
        });
        let (consent, proposed) = engine::review(around, proposed.await?, consent, ask).await?;
        engine::phase(observer, Phase::Deploy, async {
            engine::carry_out(around, |_| survey.live[0].clone(), proposed, &consent).await
        })
        .await?;
    }
    Ok(stacks::look(&cloud.hub().cloudformation, &stack_of(config).1.name).await?.outputs)
}

async fn survey(cloud: &Cloud, config: &Config, settings: &Settings, binary: &Binary) -> Result<Survey, Failure> {
    source::look(cloud, &settings.source).await?;
    let environment = Environment::look(cloud, config).await?;
    let (part, stack) = stack_of(config);
    let account = &cloud.identity.account;
    let rendered = render::render_pipeline(config, settings.stages())
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to render the pipeline template", &error))?;
    let live = stacks::facts(&cloud.hub().cloudformation, &stack.name).await?;
    let wanted = Wanted {
        part,
        template: rendered.text,
        parameters: parameters(config, account, settings, &environment, &binary.key),
        tags: config.tags.clone(),
        protection: false,
        stack,
    };
    let plan = Plan {
        stack: wanted.stack.name.clone(),
        account: account.clone(),
        stacks: vec![plan::decide(&wanted, &live)],
        assets: Vec::new(),
    };
    Ok(Survey { plan, wanted: vec![wanted], live: vec![live], uploads: Vec::new(), image: None })
}

/// The template's parameters, and what AWS calls the account, the region and the partition.
pub fn values(
    cloud: &Cloud,
    config: &Config,
    settings: &Settings,
    environment: &Environment,
    binary: &Binary,
) -> BTreeMap<String, String> {
    let account = &cloud.identity.account;
    let mut values = parameters(config, account, settings, environment, &binary.key);
    let partition = config.partition().arn_word();
    let pseudo =
        [("AWS::AccountId", account.as_str()), ("AWS::Region", config.region.as_str()), ("AWS::Partition", partition)];
    values.extend(pseudo.map(|(name, value)| (name.to_owned(), value.to_owned())));
    values
}

fn parameters(
    config: &Config,
    account: &str,
    settings: &Settings,
    environment: &Environment,
    binary_key: &str,
) -> BTreeMap<String, String> {
    let values = [
        ("ArtifactBucket", format!("{}-artifacts-{account}-{}", config.stack, config.region)),
        ("BinaryKey", binary_key.to_owned()),
        ("ApiEndpoint", environment.api.clone()),
        ("ApiId", environment.api_id().to_owned()),
        ("ConsoleUrl", environment.console.clone().unwrap_or_default()),
    ];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
    settings.parameters().into_iter().chain(values).collect()
}

/// Sends the program to where the gate fetches it. Its name is its digest, so sending it again changes nothing.
async fn upload(cloud: &Cloud, wanted: &Wanted, binary: Binary) -> Result<(), Failure> {
    let bucket = &wanted.parameters["ArtifactBucket"];
    let request = cloud.hub().s3.put_object().bucket(bucket).key(&binary.key).body(ByteStream::from(binary.content));
    Box::pin(request.send()).await.doing(format!("send `{}` to the bucket `{bucket}`", binary.key))?;
    Ok(())
}

async fn propose(around: &Surroundings<'_>, survey: &Survey) -> Result<Option<Next>, Failure> {
    let (wanted, plan) = (&survey.wanted[0], &survey.plan.stacks[0]);
    begin::proposed(around, survey, wanted, plan, &Source::Text(wanted.template.clone())).await
}

/// The pipeline's stack as it is, if it is there and may be taken away.
///
/// # Errors
/// When it must not be taken away.
pub async fn found(cloud: &Cloud, config: &Config) -> Result<Option<(Part, StackRef, Live)>, Failure> {
    let (part, stack) = stack_of(config);
    let live = stacks::look(&cloud.hub().cloudformation, &stack.name).await?;
    if standing(live.status.as_deref()) == Standing::Absent {
        return Ok(None);
    }
    teardown::guard(&stack, &live)?;
    Ok(Some((part, stack, live)))
}

/// Takes the pipeline away. The environment stays.
///
/// # Errors
/// When AWS refuses, or the deletion fails.
pub async fn remove(around: &Surroundings<'_>, stack: (Part, StackRef, Live)) -> Result<(), Failure> {
    engine::phase(around.observer, Phase::Delete, teardown::delete(around, &[stack])).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::render::Build;

    #[test]
    fn a_program_for_another_machine_is_refused() {
        let mut elf = vec![0_u8; 64];
        elf[..4].copy_from_slice(b"\x7fELF");
        elf[18] = 62;
        assert!(Binary::new(elf.clone()).unwrap().key.starts_with("tools/"));
        elf[18] = 183;
        assert_eq!(Binary::new(elf).unwrap_err().exit, Exit::Usage);
        assert!(Binary::new(b"\xcf\xfa\xed\xfe".to_vec()).is_err());
    }

    fn config() -> Config {
        let text =
            "stack: dlt-x\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: admin, email: a@example.com}\n";
        Config::read(text, &crate::config::Layers::new([], &[])).expect("valid")
    }

    /// Every source with every combination of stages.
    fn variants() -> Vec<Settings> {
        let at = |text: &str| text.to_owned();
        let sources = [
            PipelineSource::Connection {
                connection: at("arn:aws:codeconnections:eu-west-1:1:connection/x"),
                repository: at("a/b"),
                branch: at("main"),
            },
            PipelineSource::CodeCommit { repository: at("checkout"), branch: at("main") },
            PipelineSource::S3 { bucket: at("sources"), key: at("checkout.zip") },
        ];
        let step =
            |policies: &[&str]| Step { buildspec: at("x.yml"), policies: policies.iter().map(|arn| at(arn)).collect() };
        let policy = "arn:aws:iam::1:policy/x";
        let builds = [None, Some((Build::Image, step(&[]))), Some((Build::Own, step(&[policy])))];
        let deploys = [None, Some(step(&[])), Some(step(&[policy, policy]))];
        let mut all = Vec::new();
        for source in &sources {
            for build in &builds {
                for deploy in &deploys {
                    for approval in [false, true] {
                        all.push(Settings {
                            source: source.clone(),
                            build: build.clone(),
                            deploy: deploy.clone(),
                            approval,
                            boundary: approval.then(|| at(policy)),
                            buildspec: at("gate.yml"),
                            image: at("image"),
                            environment: at("qa"),
                        });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn every_variant_of_the_template_keeps_our_promises() {
        for settings in variants() {
            let rendered = render::render_pipeline(&config(), settings.stages()).expect("it renders");
            let findings = crate::check::check(&rendered.text, &crate::check::Promises::ours());
            assert!(findings.is_empty(), "{settings:?}: {findings:#?}");
        }
    }

    #[test]
    fn a_template_has_just_the_parameters_that_are_given() {
        let environment = Environment { api: "https://abc.execute-api.eu-west-1.amazonaws.com".into(), console: None };
        for settings in variants() {
            let rendered = render::render_pipeline(&config(), settings.stages()).expect("it renders");
            let template: serde_yaml::Value = serde_yaml::from_str(&rendered.text).expect("YAML");
            let declared = template["Parameters"].as_mapping().expect("parameters");
            let declared: BTreeSet<String> =
                declared.keys().map(|name| name.as_str().expect("text").to_owned()).collect();
            let given = parameters(&config(), "1", &settings, &environment, "tools/x/dlt");
            assert_eq!(declared, given.into_keys().collect(), "{settings:?}");
        }
    }

    #[test]
    fn the_stages_stand_in_the_order_in_which_things_happen() {
        let stages = |settings: &Settings| -> Vec<String> {
            let rendered = render::render_pipeline(&config(), settings.stages()).expect("it renders");
            let template: serde_yaml::Value = serde_yaml::from_str(&rendered.text).expect("YAML");
            let stages = template["Resources"]["Pipeline"]["Properties"]["Stages"].as_sequence().expect("stages");
            stages.iter().map(|stage| stage["Name"].as_str().expect("text").to_owned()).collect()
        };
        let all = variants();
        assert_eq!(stages(&all[0]), ["Source", "QA"]);
        assert_eq!(stages(&all[1]), ["Source", "Approve", "QA"]);
        assert_eq!(stages(&all[6]), ["Source", "Build", "QA"]);
        assert_eq!(stages(&all[9]), ["Source", "Build", "Approve", "Deploy", "QA"]);
    }

    #[test]
    fn every_role_stays_within_the_boundary() {
        for settings in variants() {
            let rendered = render::render_pipeline(&config(), settings.stages()).expect("it renders");
            let template: serde_yaml::Value = serde_yaml::from_str(&rendered.text).expect("YAML");
            let roles = template["Resources"].as_mapping().expect("resources").values();
            for role in roles.filter(|resource| resource["Type"] == "AWS::IAM::Role") {
                let has = !role["Properties"]["PermissionsBoundary"].is_null();
                assert_eq!(has, settings.boundary.is_some(), "{settings:?}");
            }
        }
    }
}
