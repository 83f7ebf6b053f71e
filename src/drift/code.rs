//! What runs against what should run: functions, worker image and console, by their digests.
//!
//! CloudFormation compares the address of code, never the code. Here the code itself is asked for its digest.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::TaskDefinition;
use base64::{Engine, engine::general_purpose::STANDARD};
use dlt_model::id::Region;
use sha2::{Digest, Sha256};

use super::answer::{CodeDrift, Property, Stray};
use crate::{
    cloud::{Clients, Cloud, CloudError, Doing, Kind},
    config::Config,
    deploy::{event::StackRef, plan::Live},
    release::{self, Console, ConsoleFile, Release},
    render::Part,
};

/// The most bytes of a console that are read to see whether they are what their address says.
const MOST_CONSOLE_BYTES: u64 = 64 * 1024 * 1024;

/// The worker's task definition, by its name in the templates.
const TASK: &str = "WorkerTask";

/// What was found, and what could not be asked.
#[derive(Debug, Default)]
pub struct Found {
    /// Code that is not what it should be.
    pub code: Vec<CodeDrift>,
    /// Things that nothing needs.
    pub strays: Vec<Stray>,
    /// What could not be asked.
    pub gaps: Vec<String>,
}

impl Found {
    /// Takes an answer, or notes why there is none. What is gone is CloudFormation's to tell.
    pub fn take<T>(&mut self, answer: Result<T, CloudError>) -> Option<T> {
        match answer {
            Ok(found) => Some(found),
            Err(error) if error.kind == Kind::Absent => None,
            Err(error) => {
                self.gaps.push(error.to_string());
                None
            }
        }
    }

    /// Adds what another look found.
    pub fn join(&mut self, other: Self) {
        self.code.extend(other.code);
        self.strays.extend(other.strays);
        self.gaps.extend(other.gaps);
    }
}

/// Looks at one stack's code.
pub async fn look(
    cloud: &Cloud,
    config: &Config,
    part: Part,
    stack: &StackRef,
    live: &Live,
    release: &Release,
) -> Found {
    let mut found = Found::default();
    let clients = cloud.at(&stack.region);
    found.code.extend(releases(config, stack, live, release));
    if let (Some(bucket), Some(key)) = (live.parameters.get("ArtifactBucket"), live.parameters.get("CodeKey")) {
        functions(clients, stack, part, (bucket, key), release, &mut found).await;
    }
    image(clients, config, stack, live, release, &mut found).await;
    if let (Some(bucket), Some(prefix)) = (live.parameters.get("ArtifactBucket"), live.parameters.get("ConsolePrefix"))
    {
        console(clients, &stack.region, bucket, prefix, &mut found).await;
    }
    found
}

/// What the stack was told to run, against this release. The image is told by digest and compared in [`image`].
fn releases(config: &Config, stack: &StackRef, live: &Live, release: &Release) -> Vec<CodeDrift> {
    let named =
        [("CodeKey", "functions", &release.functions.key), ("ConsolePrefix", "console", &release.console.prefix)];
    let differs = |(parameter, what, expected): (&str, &str, &String)| {
        let deployed = live.parameters.get(parameter).filter(|deployed| *deployed != expected)?;
        Some(CodeDrift {
            what: what.to_owned(),
            region: stack.region.to_string(),
            expected: expected.clone(),
            deployed: deployed.clone(),
            why: format!("{} runs another release than this one", stack.name),
            cure: format!("dlt up, with the environment file of {}", config.stack),
            ..blank()
        })
    };
    named.into_iter().filter_map(differs).collect()
}

/// Every function's digest against that of the zip which the stack names.
async fn functions(
    clients: &Clients,
    stack: &StackRef,
    part: Part,
    (bucket, key): (&str, &str),
    release: &Release,
    found: &mut Found,
) {
    let expected =
        if key == release.functions.key { zipped(release).await } else { stored(clients, bucket, key).await };
    let Some(expected) = found.take(expected) else { return };
    let roles: &[&str] = if part == Part::Main { &["advance", "api", "live"] } else { &["live"] };
    let main = stack.name.strip_suffix("-regional").filter(|_| part == Part::Regional).unwrap_or(&stack.name);
    for role in roles {
        let name = format!("{main}-{role}");
        let doing = format!("read the digest of the function `{name}`");
        let answer = clients.lambda.get_function_configuration().function_name(&name).send().await.doing(doing);
        let Some(deployed) = found.take(answer).and_then(|answer| answer.code_sha256) else { continue };
        if deployed != expected {
            found.code.push(CodeDrift {
                what: format!("function {name}"),
                region: stack.region.to_string(),
                expected: expected.clone(),
                deployed,
                why: "its code is not what its stack names; somebody replaced it by hand".to_owned(),
                cure: format!(
                    "aws lambda update-function-code --function-name {name} --s3-bucket {bucket} --s3-key {key} --region {}",
                    stack.region
                ),
                ..blank()
            });
        }
    }
}

/// The digest of this release's zip, as Lambda writes digests.
async fn zipped(release: &Release) -> Result<String, CloudError> {
    let functions = release.functions.clone();
    let doing = "zip the functions of this release";
    let zip = tokio::task::spawn_blocking(move || functions.zip()).await.map_err(std::io::Error::other).flatten();
    let zip = zip.map_err(|error| CloudError::unexpected(doing, error.to_string()))?;
    Ok(STANDARD.encode(Sha256::digest(zip)))
}

/// The digest of another release's zip, where it lies.
async fn stored(clients: &Clients, bucket: &str, key: &str) -> Result<String, CloudError> {
    let doing = format!("read `{key}` in the bucket `{bucket}`");
    let object = clients.s3.get_object().bucket(bucket).key(key).send().await.doing(doing.clone())?;
    let bytes = object.body.collect().await.map_err(|error| CloudError::unexpected(doing, error.to_string()))?;
    Ok(STANDARD.encode(Sha256::digest(bytes.into_bytes())))
}

/// Workers are started from the newest revision of their task definition, whoever registered it; and the image that the
/// stack names is compared with this release's.
async fn image(
    clients: &Clients,
    config: &Config,
    stack: &StackRef,
    live: &Live,
    release: &Release,
    found: &mut Found,
) {
    let Some(described) = live.parameters.get("WorkerImage") else { return };
    let revisions = revisions(clients, config, stack).await;
    if let Some((own, newest)) = found.take(revisions).flatten()
        && own.revision() != newest.revision()
    {
        found.code.push(CodeDrift {
            what: "worker task".to_owned(),
            region: stack.region.to_string(),
            expected: short(&own),
            deployed: short(&newest),
            why: "workers start from the newest revision, and their stack does not know it".to_owned(),
            cure: format!(
                "aws ecs deregister-task-definition --task-definition {} --region {}",
                short(&newest),
                stack.region
            ),
            resource: Some(TASK.to_owned()),
            properties: between(&own, &newest),
            ..blank()
        });
    }
    let answer = match &config.worker_image {
        Some(own) => Ok(Some(own.digest().to_owned())),
        None => release::image_digest(clients, &format!("{}/worker", config.stack), &release.worker.tag).await,
    };
    let Some(digest) = found.take(answer) else { return };
    if !digest.as_deref().is_some_and(|digest| described.ends_with(digest)) {
        found.code.push(CodeDrift {
            what: "worker image".to_owned(),
            region: stack.region.to_string(),
            expected: digest.unwrap_or_else(|| format!("{} (not in the registry)", release.worker.tag)),
            deployed: described.rsplit('@').next().unwrap_or(described).to_owned(),
            why: format!("{} runs another release than this one", stack.name),
            cure: format!("dlt up, with the environment file of {}", config.stack),
            ..blank()
        });
    }
}

/// The stack's own revision of the worker's task definition, and the newest one.
async fn revisions(
    clients: &Clients,
    config: &Config,
    stack: &StackRef,
) -> Result<Option<(TaskDefinition, TaskDefinition)>, CloudError> {
    let doing = format!("find the task definition of the stack `{}`", stack.name);
    let request = clients.cloudformation.describe_stack_resource().stack_name(&stack.name).logical_resource_id(TASK);
    let resource = request.send().await.doing(doing)?.stack_resource_detail;
    let own = resource.and_then(|it| it.physical_resource_id).unwrap_or_default();
    let family = format!("{}-worker", config.stack);
    let read = |name: String| async move {
        let doing = format!("read the task definition `{name}`");
        let answer = clients.ecs.describe_task_definition().task_definition(&name).send().await.doing(doing)?;
        Ok::<_, CloudError>(answer.task_definition)
    };
    let (own, newest) = tokio::try_join!(read(own), read(family))?;
    Ok(own.zip(newest))
}

/// What differs between two revisions, in the words of the template.
fn between(own: &TaskDefinition, newest: &TaskDefinition) -> Vec<Property> {
    let image =
        |it: &TaskDefinition| it.container_definitions().iter().find_map(|it| it.image().map(ToOwned::to_owned));
    let text = |it: Option<&str>| it.map(ToOwned::to_owned);
    let pairs = [
        ("ContainerDefinitions[0].Image", image(own), image(newest)),
        ("Cpu", text(own.cpu()), text(newest.cpu())),
        ("Memory", text(own.memory()), text(newest.memory())),
    ];
    let differs = pairs.into_iter().filter(|(_, own, newest)| own != newest);
    differs
        .map(|(path, own, newest)| Property {
            path: path.to_owned(),
            before: own.map(Into::into),
            after: newest.map(Into::into),
            ignored: None,
        })
        .collect()
}

/// Nothing about nothing.
fn blank() -> CodeDrift {
    CodeDrift {
        what: String::new(),
        region: String::new(),
        expected: String::new(),
        deployed: String::new(),
        why: String::new(),
        cure: String::new(),
        resource: None,
        properties: Vec::new(),
        ignored: None,
    }
}

fn short(definition: &TaskDefinition) -> String {
    format!("{}:{}", definition.family().unwrap_or_default(), definition.revision())
}

/// The console's address names its content: the content is read and named again.
async fn console(clients: &Clients, region: &Region, bucket: &str, prefix: &str, found: &mut Found) {
    let Some(files) = found.take(files(clients, bucket, prefix).await) else { return };
    let Some(files) = files else {
        found
            .gaps
            .push(format!("the console in `{bucket}` is larger than {MOST_CONSOLE_BYTES} bytes and was not read"));
        return;
    };
    let deployed = Console::new(files).prefix;
    if deployed != prefix {
        found.code.push(CodeDrift {
            what: "console files".to_owned(),
            region: region.to_string(),
            expected: prefix.to_owned(),
            deployed,
            why: "the files at this address are not the ones that it names; somebody changed them by hand".to_owned(),
            cure: format!(
                "aws s3 rm --recursive s3://{bucket}/{prefix} --region {region}; then dlt up sends them again"
            ),
            ..blank()
        });
    }
}

/// The files below a prefix; nothing when they are too large to be read.
async fn files(clients: &Clients, bucket: &str, prefix: &str) -> Result<Option<Vec<ConsoleFile>>, CloudError> {
    let sizes = objects(clients, bucket, &format!("{prefix}/")).await?;
    if sizes.values().sum::<u64>() > MOST_CONSOLE_BYTES {
        return Ok(None);
    }
    let mut files = Vec::new();
    for key in sizes.into_keys() {
        let doing = format!("read `{key}` in the bucket `{bucket}`");
        let object = clients.s3.get_object().bucket(bucket).key(&key).send().await.doing(doing.clone())?;
        let bytes = object.body.collect().await.map_err(|error| CloudError::unexpected(doing, error.to_string()))?;
        let path = key.trim_start_matches(prefix).trim_start_matches('/').to_owned();
        files.push(ConsoleFile { path, content: bytes.to_vec() });
    }
    Ok(Some(files))
}

/// Every object below a prefix with its size, all pages.
pub(super) async fn objects(
    clients: &Clients,
    bucket: &str,
    prefix: &str,
) -> Result<BTreeMap<String, u64>, CloudError> {
    let doing = format!("list `{prefix}` in the bucket `{bucket}`");
    let (mut found, mut next) = (BTreeMap::new(), None);
    loop {
        let request = clients.s3.list_objects_v2().bucket(bucket).prefix(prefix).set_continuation_token(next);
        let page = request.send().await.doing(doing.clone())?;
        let sized = |it: &aws_sdk_s3::types::Object| {
            Some((it.key()?.to_owned(), it.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default()))
        };
        found.extend(page.contents().iter().filter_map(sized));
        next = page.next_continuation_token;
        if next.is_none() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ContainerDefinition;

    use super::*;
    use crate::{
        config::Layers,
        release::{Functions, Origin, WorkerSource},
    };

    fn revision(number: i32, image: &str, cpu: &str) -> TaskDefinition {
        let container = ContainerDefinition::builder().image(image).build();
        TaskDefinition::builder()
            .family("shop-worker")
            .revision(number)
            .container_definitions(container)
            .cpu(cpu)
            .build()
    }

    #[test]
    fn two_revisions_differ_in_the_words_of_the_template() {
        let (own, newest) = (revision(1, "a@sha256:1", "2048"), revision(2, "b:latest", "4096"));
        let found: Vec<_> = between(&own, &newest).into_iter().map(|it| (it.path, it.after)).collect();
        let expected = [("ContainerDefinitions[0].Image", "b:latest"), ("Cpu", "4096")];
        assert_eq!(found, expected.map(|(path, after)| (path.to_owned(), Some(after.into()))));
        assert_eq!(short(&newest), "shop-worker:2");
    }

    #[test]
    fn a_stack_of_another_release_is_told_and_one_of_this_release_is_not() {
        let file = "stack: shop\nregion: eu-west-1\nadmin: {name: chief, email: chief@example.com}\n";
        let config = Config::read(file, &Layers::default()).unwrap();
        let release = Release {
            functions: Functions::new(b"functions".to_vec()),
            worker: WorkerSource::new(Vec::new(), Vec::new()).unwrap(),
            console: Console::built_in(),
            origin: Origin::Parts,
        };
        let stack = StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() };
        let told = |code: &str, console: &str| {
            let values = [("CodeKey", code), ("ConsolePrefix", console)];
            let parameters = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let found = releases(&config, &stack, &Live { parameters, ..Live::default() }, &release);
            found.into_iter().map(|it| it.what).collect::<Vec<_>>()
        };
        let (key, prefix) = (&release.functions.key, &release.console.prefix);
        assert_eq!(told(key, prefix), [""; 0]);
        assert_eq!(told("functions/other.zip", prefix), ["functions"]);
        assert_eq!(told(key, "console/other"), ["console"]);
        assert_eq!(releases(&config, &stack, &Live::default(), &release), [], "a foundation runs nothing");
    }
}
