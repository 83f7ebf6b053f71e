//! Which system is asked: an environment by its name, or any by the address of its API, `dlt local` among them.

use std::sync::Arc;

use aws_config::SdkConfig;
use dlt_model::id::Region;

use super::{
    api::Api,
    sign_in::{Keys, Password, User},
};
use crate::{
    cloud::{self, Doing, habits},
    config::{self, Config, Layers},
    deploy::stacks,
    exit::Exit,
    failure::Failure,
    render::Part,
    run::event::Commands,
};

/// Where `dlt local` serves its API, as on AWS.
const LOCAL_STAGE: &str = "/prod";

/// Which system is asked, and who asks.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlaceArgs {
    /// The environment: `dev` for stacks/dev.yaml, or the path of a file.
    #[arg(long, env = "DLT_ENV", value_name = "NAME")]
    pub env: Option<String>,
    /// The system whose API is here, which needs no environment file; `dlt local` prints such an address, too.
    #[arg(long, env = "DLT_API_HOST", value_name = "URL")]
    pub api: Option<String>,
    /// The address of the console, for the link to the run; of an environment it is known.
    #[arg(long, env = "DLT_ALIAS", value_name = "URL")]
    pub console: Option<String>,
    /// Sign in as this user of the console instead of with the job's own AWS credentials.
    #[arg(long, env = "COGNITO_USER", value_name = "NAME")]
    pub user: Option<String>,
    /// The parameter in Parameter Store that holds the user's password; COGNITO_PASSWORD is the password itself.
    #[arg(long, env = "COGNITO_PASSWORD_NAME", value_name = "NAME")]
    pub password_parameter: Option<String>,
    /// The user pool; of an environment it is known.
    #[arg(long, env = "COGNITO_USER_POOL_ID", value_name = "ID")]
    pub user_pool: Option<String>,
    /// The user pool's application; of an environment it is known.
    #[arg(long, env = "COGNITO_CLIENT_ID", value_name = "ID")]
    pub user_pool_client: Option<String>,
    /// The identity pool; of an environment it is known.
    #[arg(long, env = "COGNITO_IDENTITY_POOL_ID", value_name = "ID")]
    pub identity_pool: Option<String>,
}

/// A deployed system that can be asked.
#[derive(Debug)]
pub struct System {
    /// Its API.
    pub api: Arc<Api>,
    /// What it is called, as in "on the environment `dev`".
    pub place: String,
    /// Where load comes from when a scenario names no region.
    pub region: Region,
    /// The endpoint that stands for all of AWS, if somebody named one.
    pub endpoint: Option<String>,
    /// What its environment file says, if it was named by one.
    pub config: Option<Box<Config>>,
    console: Option<String>,
    flags: String,
}

impl System {
    /// A system that `dlt local` serves, which asks nobody who they are.
    fn here(api: &str, flags: String) -> Result<Self, Failure> {
        let console = Some(api.trim_end_matches(LOCAL_STAGE).to_owned());
        let api = Arc::new(Api::new(api, Region::local(), Keys::Nobody)?);
        let place = "on this machine".to_owned();
        Ok(Self { api, place, region: Region::local(), endpoint: None, config: None, console, flags })
    }

    /// A system without a console.
    #[cfg(test)]
    pub(crate) fn at(api: Api, region: Region) -> Self {
        let (place, flags) = ("on a system".to_owned(), String::new());
        Self { api: Arc::new(api), place, region, endpoint: None, config: None, console: None, flags }
    }

    /// What to type to see or to end a run.
    pub fn commands(&self, test_id: &str, run_id: &str) -> Commands {
        let command = |verb: &str| format!("dlt runs {verb} {test_id} {run_id}{}", self.flags);
        Commands { watch: command("watch"), stop: command("stop"), judge: command("judge") }
    }

    /// Where a person sees a run: on the console, or else what the API says of it.
    pub fn link(&self, test_id: &str, run_id: &str) -> String {
        match &self.console {
            Some(console) => format!("{console}/details/{test_id}#{run_id}"),
            None => self.api.url(&format!("/scenarios/{test_id}/testruns/{run_id}")),
        }
    }
}

impl PlaceArgs {
    /// The same system as flags, whatever they were given by: ` --env dev`. A password is none of them.
    fn flags(&self) -> String {
        let all = [
            ("--env", &self.env),
            ("--api", &self.api),
            ("--console", &self.console),
            ("--user", &self.user),
            ("--password-parameter", &self.password_parameter),
            ("--user-pool", &self.user_pool),
            ("--user-pool-client", &self.user_pool_client),
            ("--identity-pool", &self.identity_pool),
        ];
        let given = all.iter().filter_map(|(flag, value)| Some((flag, given(value)?)));
        given.map(|(flag, value)| format!(" {flag} {}", word(value))).collect()
    }
}

/// A value as one word of a shell.
fn word(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=,".contains(letter);
    if value.chars().all(is_plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

/// What a deployed system is reached by.
#[derive(Debug, Default)]
struct Known {
    api: Option<String>,
    console: Option<String>,
    pool: Option<String>,
    client: Option<String>,
    identity_pool: Option<String>,
}

/// The system that is asked for; none when the scenario is to be run here.
///
/// # Errors
/// An environment that is not deployed, an address that is none, a user without a password.
pub async fn connect(args: &PlaceArgs) -> Result<Option<System>, Failure> {
    if let (Some(name), Some(address)) = (given(&args.env), given(&args.api)) {
        let message = format!("both the environment `{name}` and the API `{address}` are asked for");
        return Err(Failure::new(Exit::Usage, message).hint("give one of `--env` (DLT_ENV) and `--api` (DLT_API_HOST)"));
    }
    if let Some(address) = given(&args.api) {
        let api = with_stage(with_scheme(address));
        if is_this_machine(&api) {
            return System::here(&api, args.flags()).map(Some);
        }
        let region = region_of(&api).or_else(region_of_habit).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`{address}` does not say which region it is in")).hint("set AWS_REGION")
        })?;
        let config = cloud::configured(&region).await;
        let known = Known { api: Some(api), ..Known::default() };
        return open(args, known, region, config, format!("on {address}")).await.map(Some);
    }
    let Some(name) = given(&args.env) else { return Ok(None) };
    let variables =
        std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    let environment = config::load(name, &Layers::new(variables, &[]).with_region(habits::region()))?;
    let config = cloud::configured(&environment.region).await;
    let stack = Part::Main.stack_name(&environment);
    let mut outputs = stacks::look(&aws_sdk_cloudformation::Client::new(&config), &stack).await?.outputs;
    let known = Known {
        api: outputs.remove("ApiEndpoint"),
        console: outputs.remove("ConsoleUrl"),
        pool: outputs.remove("UserPoolId"),
        client: outputs.remove("UserPoolClientId"),
        identity_pool: outputs.remove("IdentityPoolId"),
    };
    if known.api.is_none() {
        let message = format!("the stack `{stack}` in {} has no API: it is not deployed", environment.region);
        return Err(Failure::new(Exit::Invalid, message).hint(format!("`dlt up {name}` deploys it")));
    }
    let region = environment.region.clone();
    let system = open(args, known, region, config, format!("on the environment `{name}`")).await?;
    Ok(Some(System { config: Some(Box::new(environment)), ..system }))
}

/// The system that is asked for, where there must be one.
///
/// # Errors
/// When none is named, or that of [`connect`].
pub async fn required(args: &PlaceArgs) -> Result<System, Failure> {
    connect(args).await?.ok_or_else(|| {
        Failure::new(Exit::Usage, "which system is meant?")
            .hint("name an environment with `--env`, or give the address of an API, such as that of `dlt local`, with `--api`")
    })
}

async fn open(
    args: &PlaceArgs,
    known: Known,
    region: Region,
    config: SdkConfig,
    place: String,
) -> Result<System, Failure> {
    let user = match given(&args.user) {
        Some(name) => Some(user(args, &known, name, &config).await?),
        None => None,
    };
    let address = known.api.unwrap_or_default();
    let base = emulated(&address, config.endpoint_url()).unwrap_or(address);
    let console = given(&args.console).map(with_scheme).or(known.console);
    let console = console.map(|url| url.trim_end_matches('/').to_owned());
    let endpoint = config.endpoint_url().map(ToOwned::to_owned);
    let api = Arc::new(Api::new(&base, region.clone(), Keys::new(config, region.clone(), user))?);
    Ok(System { api, place, region, endpoint, config: None, console, flags: args.flags() })
}

async fn user(args: &PlaceArgs, known: &Known, name: &str, config: &SdkConfig) -> Result<User, Failure> {
    let one = |flag: &Option<String>, known: &Option<String>, what: &str| {
        given(flag).map(ToOwned::to_owned).or_else(|| known.clone()).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("signing in as `{name}` needs {what}")).hint("`dlt outputs` prints it")
        })
    };
    Ok(User {
        name: name.to_owned(),
        password: password(args, name, config).await?,
        pool: one(&args.user_pool, &known.pool, "the user pool's id (`--user-pool`)")?,
        client: one(&args.user_pool_client, &known.client, "the application's id (`--user-pool-client`)")?,
        identity_pool: one(&args.identity_pool, &known.identity_pool, "the identity pool's id (`--identity-pool`)")?,
    })
}

/// The password that the job was given, or the one that lies in Parameter Store.
async fn password(args: &PlaceArgs, name: &str, config: &SdkConfig) -> Result<Password, Failure> {
    if let Some(password) = std::env::var("COGNITO_PASSWORD").ok().filter(|text| !text.is_empty()) {
        return Ok(Password::new(password));
    }
    let Some(parameter) = given(&args.password_parameter) else {
        let failure = Failure::new(Exit::Usage, format!("signing in as `{name}` needs a password"));
        return Err(failure.hint("name the parameter that holds it with `--password-parameter`"));
    };
    let ssm = aws_sdk_ssm::Client::new(config);
    let doing = format!("read the parameter `{parameter}`");
    let answer = ssm.get_parameter().name(parameter).with_decryption(true).send().await.doing(doing)?;
    let value = answer.parameter.and_then(|parameter| parameter.value).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| Failure::new(Exit::Invalid, format!("the parameter `{parameter}` is empty")))?;
    Ok(Password::new(value))
}

/// A value that is there and not empty, as CI systems leave variables.
pub fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn with_scheme(address: &str) -> String {
    let address = address.trim_end_matches('/');
    if address.contains("://") { address.to_owned() } else { format!("https://{address}") }
}

/// Existing pipelines give the API's host alone.
fn with_stage(url: String) -> String {
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if has_path { url } else { format!("{url}/prod") }
}

/// Whether an API is one that `dlt local` serves: below its stage, without TLS, on the loopback interface.
fn is_this_machine(api: &str) -> bool {
    let Ok(url) = url::Url::parse(api) else { return false };
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && is_loopback && url.path() == LOCAL_STAGE
}

fn region_of_habit() -> Option<Region> {
    habits::region().and_then(|(name, _)| name.parse().ok())
}

/// The region in `…execute-api.<region>.amazonaws.com`.
fn region_of(api: &str) -> Option<Region> {
    let (_, rest) = api.split_once(".execute-api.")?;
    rest.split('.').next()?.parse().ok()
}

/// The same API at another endpoint than AWS's own, by the path that emulations of API Gateway agree on.
fn emulated(api: &str, endpoint: Option<&str>) -> Option<String> {
    let endpoint = endpoint?.trim_end_matches('/');
    let (id, rest) = api.strip_prefix("https://")?.split_once(".execute-api.")?;
    let (_, path) = rest.split_once('/')?;
    Some(format!("{endpoint}/_aws/execute-api/{id}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_is_found_in_its_region_and_at_another_endpoint() {
        let api = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod";
        assert_eq!(region_of(api).map(|region| region.to_string()).as_deref(), Some("eu-west-1"));
        let emulated = emulated(api, Some("http://127.0.0.1:4566/"));
        assert_eq!(emulated.as_deref(), Some("http://127.0.0.1:4566/_aws/execute-api/abc123/prod"));
        assert_eq!(
            with_scheme("x.execute-api.us-east-1.amazonaws.com/prod/"),
            "https://x.execute-api.us-east-1.amazonaws.com/prod"
        );
    }

    #[test]
    fn the_host_of_an_api_alone_means_its_stage() {
        assert_eq!(with_stage(with_scheme("x.example.com")), "https://x.example.com/prod");
        assert_eq!(with_stage(with_scheme("https://x.example.com/prod/")), "https://x.example.com/prod");
        assert_eq!(with_stage("https://x.example.com/blue".to_owned()), "https://x.example.com/blue");
    }

    #[test]
    fn only_a_local_system_is_asked_without_keys() {
        for local in ["http://127.0.0.1:8787/prod", "http://localhost:1/prod", "http://[::1]:80/prod"] {
            assert!(is_this_machine(local), "{local}");
        }
        let others = [
            "https://127.0.0.1:8787/prod",
            "http://127.0.0.1:4566/_aws/execute-api/abc/prod",
            "http://127.example.com/prod",
            "http://10.0.0.1/prod",
        ];
        for other in others {
            assert!(!is_this_machine(other), "{other}");
        }
        let here = System::here("http://127.0.0.1:8787/prod", String::new()).expect("a client");
        assert_eq!(here.link("shop", "01"), "http://127.0.0.1:8787/details/shop#01");
    }

    #[test]
    fn a_command_names_the_system_as_it_was_named_however_that_was() {
        let api = Some("127.0.0.1:8787".to_owned());
        let user = Some("Ann O'Hara".to_owned());
        let args = PlaceArgs { api, user, env: Some(String::new()), ..PlaceArgs::default() };
        assert_eq!(args.flags(), r" --api 127.0.0.1:8787 --user 'Ann O'\''Hara'");
        let system = System::here("http://127.0.0.1:8787/prod", args.flags()).expect("a client");
        let commands = system.commands("shop", "01J");
        assert_eq!(commands.stop, r"dlt runs stop shop 01J --api 127.0.0.1:8787 --user 'Ann O'\''Hara'");
        assert!(commands.watch.starts_with("dlt runs watch shop 01J --api "));
    }

    #[test]
    fn empty_variables_are_not_given() {
        assert_eq!(given(&Some("  ".to_owned())), None);
        assert_eq!(given(&Some(" dev ".to_owned())), Some("dev"));
    }
}
