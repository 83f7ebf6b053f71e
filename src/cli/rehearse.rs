//! `--simulate` of `up`: the same command against an account that is not there, with faults of one's choosing.

use std::collections::BTreeMap;

use clap::ValueEnum;
use dlt_model::problem::suggest;

use crate::{
    cloud::Cloud,
    config::Config,
    deploy::{kept, survey, template::Template},
    exit::Exit,
    failure::Failure,
    rehearsal::{
        faults::When,
        registry::Registry,
        script::{self, Fault, Sort},
        stage::Stage,
        world::{Goal, Tempo, World},
    },
    release,
    render::{self, Assets, Part},
};

/// The number of the account that is not there.
const ACCOUNT: &str = "000000000000";
/// How long before the rehearsal an earlier release was deployed, in milliseconds.
const AGO_MS: i64 = 7 * 86_400_000;
/// What the parameter with the admin's password holds. No person signs in with it.
const PASSWORD: &str = "Rehearsed-password-1";
/// The type of what stands in for a resource that a fault does not name: every main stack has one, and every release
/// changes it.
const ANYBODY: &str = "AWS::Lambda::Function";
/// The slowest and the fastest that makes sense.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=1000.0;

/// Rehearsing instead of doing.
#[derive(Clone, Debug, clap::Args)]
pub struct RehearsalArgs {
    /// Rehearse on an account that is not there. Asks AWS nothing.
    #[arg(long, value_enum, value_name = "ACCOUNT", num_args = 0..=1, require_equals = true, default_missing_value = "empty")]
    simulate: Option<Account>,
    /// What goes wrong in the rehearsal, such as `create-fails@Table`; may be repeated. `--fault help` lists all.
    #[arg(long = "fault", value_name = "KIND[@NAME]", value_parser = wish)]
    faults: Vec<Wish>,
    /// How many times as fast as AWS the rehearsal goes.
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = speed)]
    speed: f64,
}

/// What is in the account that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Account {
    /// Nothing.
    Empty,
    /// This environment, with an earlier release.
    Deployed,
    /// What this environment keeps of an earlier one that was taken down.
    Kept,
}

/// What a person says behind `--fault`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Help,
    For(Fault),
}

fn wish(text: &str) -> Result<Wish, String> {
    if text == "help" { Ok(Wish::Help) } else { text.parse().map(Wish::For) }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| SPEEDS.contains(speed));
    speed.ok_or_else(|| format!("expected a number between {} and {}", SPEEDS.start(), SPEEDS.end()))
}

/// AWS, or what stands in for it.
#[derive(Debug)]
pub struct Scenery {
    /// The way to it.
    pub cloud: Cloud,
    /// Takes the images of a rehearsal.
    registry: Option<Registry>,
}

impl Scenery {
    /// Whether nothing is asked of AWS.
    pub fn is_rehearsal(&self) -> bool {
        self.registry.is_some()
    }

    /// A failure as it is told here: who leaves a rehearsal leaves nothing that goes on.
    pub fn told(&self, failure: Failure) -> Failure {
        if !self.is_rehearsal() || failure.exit != Exit::Interrupted {
            return failure;
        }
        let message = "SIMULATED: detached from a rehearsal, which ends with that; nothing goes on in AWS";
        Failure::new(Exit::Interrupted, message)
            .hint("without `--simulate` the operation would go on in AWS, and `dlt attach` would join it")
    }

    /// What a person must know: at the beginning, and again at the end.
    pub fn notice(&self) -> Option<&'static str> {
        let text = "SIMULATED: this is a rehearsal. Nothing is asked of AWS, nothing is made there, and no credentials are used.";
        self.is_rehearsal().then_some(text)
    }
}

impl RehearsalArgs {
    /// The list of faults, if that is what was asked for.
    pub fn help(&self) -> Option<String> {
        self.faults.contains(&Wish::Help).then(script::help)
    }

    /// The way to AWS, or to the account that is not there.
    ///
    /// # Errors
    /// A refusal of AWS, or faults that do not fit the environment.
    pub async fn connect(&self, config: &Config) -> Result<Scenery, Failure> {
        let faults: Vec<Fault> = self.faults.iter().filter_map(Wish::fault).cloned().collect();
        let Some(account) = self.simulate else {
            if !faults.is_empty() {
                let failure = Failure::new(Exit::Usage, "faults are for rehearsals only");
                return Err(failure.hint("add `--simulate`: then nothing is asked of AWS"));
            }
            return Ok(Scenery { cloud: Cloud::connect(&config.region, &config.regions).await?, registry: None });
        };
        let templates = templates(config)?;
        let stage = self.stage(config, account, &faults, &templates)?;
        let registry = Registry::start().await.map_err(|error| {
            Failure::from_error(Exit::Internal, "failed to open a port on loopback for the rehearsal", &error)
        })?;
        let cloud = Cloud::with(stage.config(&config.region, &registry.url()), &config.region, &config.regions).await?;
        Ok(Scenery { cloud, registry: Some(registry) })
    }

    fn stage(
        &self,
        config: &Config,
        account: Account,
        faults: &[Fault],
        templates: &[Rendered],
    ) -> Result<Stage, Failure> {
        fitting(faults, account, config, templates)?;
        let (inside, outside) = script::arrange(faults, &anybody(templates));
        let mut world = World::new(ACCOUNT, inside, Tempo::new(self.speed));
        let password = config.admin.password_parameter.as_ref();
        world
            .parameters
            .extend(password.map(|name| ((config.region.clone(), name.to_string()), vec![PASSWORD.to_owned()])));
        let now_ms = jiff::Timestamp::now().as_millisecond();
        if account == Account::Deployed {
            deploy_earlier(&mut world, config, templates, now_ms - AGO_MS)?;
        }
        if account == Account::Kept {
            let kept = templates.iter().flat_map(|(_, _, text)| kept::named(text)).filter(|it| it.kept);
            world.outside.extend(kept.map(|it| (it.kind, it.name)));
        }
        Ok(Stage::new(world, outside, now_ms))
    }
}

impl Wish {
    fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Help => None,
            Self::For(fault) => Some(fault),
        }
    }
}

/// A stack of the environment with its template.
type Rendered = (Part, crate::deploy::event::StackRef, String);

fn templates(config: &Config) -> Result<Vec<Rendered>, Failure> {
    let rendered = survey::stacks_of(config).into_iter().map(|(part, stack)| {
        let template = render::render_for(ACCOUNT, part, config, &stack.region).map_err(|error| {
            Failure::from_error(Exit::Internal, format!("failed to render the {} template", part.word()), &error)
        })?;
        Ok((part, stack, template.text))
    });
    rendered.collect()
}

/// The names and types of the resources in a template.
fn resources(template: &str) -> BTreeMap<String, String> {
    let template = Template::parse(template).unwrap_or_default();
    let kind = |resource: &serde_json::Value| resource["Type"].as_str().unwrap_or_default().to_owned();
    template.resources(&template.values(&BTreeMap::new())).iter().map(|(name, it)| (name.clone(), kind(it))).collect()
}

/// Who stands in for a resource that a fault does not name: the first function of the main stack.
fn anybody(templates: &[Rendered]) -> String {
    let main = templates.iter().find(|(part, _, _)| *part == Part::Main);
    let all = main.map(|(_, _, text)| resources(text)).unwrap_or_default();
    let function = all.iter().find(|(_, kind)| *kind == ANYBODY).or(all.iter().next());
    function.map(|(name, _)| name.clone()).unwrap_or_default()
}

fn fitting(faults: &[Fault], account: Account, config: &Config, templates: &[Rendered]) -> Result<(), Failure> {
    let is_update = |fault: &&Fault| matches!(fault.sort, Sort::Fails(When::Update, _));
    if account != Account::Deployed && faults.iter().any(|fault| is_update(&fault)) {
        let message = "what is not deployed is not changed, so nothing can fail while it is changed";
        return Err(Failure::new(Exit::Usage, message).hint("rehearse with `--simulate=deployed`"));
    }
    let known: BTreeMap<String, String> = templates.iter().flat_map(|(_, _, text)| resources(text)).collect();
    let mut unknown = script::named(faults).into_iter().filter(|name| !known.contains_key(*name)).peekable();
    let Some(first) = unknown.peek().copied() else { return Ok(()) };
    let names: Vec<String> = unknown.map(|name| format!("`{name}`")).collect();
    let message = format!("there is no resource {} in the templates of `{}`", names.join(", "), config.stack);
    let failure = Failure::new(Exit::Usage, message);
    Err(match suggest(first, known.keys().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`dlt render` prints the templates with the names of their resources"),
    })
}

/// Puts the environment there as an earlier release would have made it: with other functions, image and console.
fn deploy_earlier(world: &mut World, config: &Config, templates: &[Rendered], at_ms: i64) -> Result<(), Failure> {
    for (part, stack, template) in templates {
        let host = release::registry_host(ACCOUNT, &stack.region);
        let assets = Assets {
            artifact_bucket: format!("{}-artifacts-{ACCOUNT}-{}", config.stack, stack.region),
            code_key: "functions/earlier.zip".to_owned(),
            worker_image: format!("{host}/{}/worker@sha256:{}", config.stack, "0".repeat(64)),
            console_prefix: "console/earlier".to_owned(),
        };
        let parameters = render::parameters(*part, config, &stack.region, &assets);
        let capabilities = ["CAPABILITY_NAMED_IAM".to_owned()];
        let goal = Goal::read(template, &parameters, config.tags.clone(), &capabilities)
            .map_err(|refusal| Failure::new(Exit::Internal, format!("failed to set the stage: {}", refusal.message)))?;
        world.found(at_ms, &stack.region, &stack.name, goal);
        drop(world.protect(at_ms, &stack.region, &stack.name, config.protection));
    }
    world.roles.insert("AWSServiceRoleForECS".to_owned());
    Ok(())
}
