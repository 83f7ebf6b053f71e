//! `dlt drift accept`: what is deployed written into the environment file, where the file decides it.

use std::{io::Write, path::Path};

use serde::Serialize;
use similar::TextDiff;

use crate::{
    cli::{Global, Output, asking, environment::EnvironmentArgs, plan::ReleaseArgs},
    cloud::Cloud,
    config::{Config, Layers, loader},
    deploy::survey::stacks_of,
    drift::{
        answer::{Answer, Fate},
        home::{Ground, Home, Homes, Wish},
        patch,
    },
    exit::Exit,
    failure::Failure,
    render::Part,
    terminal,
};

/// Write what is deployed into the environment file, so that the next `up` leaves it as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt drift accept dev")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Agree beforehand.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    release: ReleaseArgs,
}

/// What is written, and what cannot be.
#[derive(Debug, Serialize)]
struct Taken {
    file: String,
    settings: Vec<Setting>,
    also: Vec<String>,
    refused: Vec<Refused>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Setting {
    key: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct Refused {
    resource: String,
    property: String,
    why: String,
}

/// Writes what has a home in the file, and says of everything else why it has none.
///
/// # Errors
/// A no, a file that cannot be written, and drift of which nothing has a home.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let layers = args.environment.layers();
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let answer = super::found(&cloud, &config, &args.release).await?;
    let path = loader::path_of(&args.environment.environment);
    let file = path.display().to_string();
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::from_error(Exit::Invalid, format!("failed to read `{file}`"), &error))?;
    let wishes = wishes(&answer, &config);
    let ground = Ground { text: &text, layers: &layers, account: &cloud.identity.account };
    let homes = ground.homes(&wishes).map_err(|why| Failure::new(Exit::Internal, why))?;
    let mut taken = taken(file, &wishes, homes);
    let patched = patched(&text, &layers, &mut taken)?;
    show(&taken, &text, &patched, global.output);
    if taken.settings.is_empty() {
        return conclude(&taken, &answer);
    }
    agree(args.yes, global.output)?;
    write(&path, &patched)?;
    terminal::say(&format!(
        "written to {}; `dlt up` tells CloudFormation, and changes nothing that is so already",
        taken.file
    ));
    Ok(Exit::Done)
}

/// What is deployed and counts, property by property: in stacks, and in what workers are started from.
fn wishes(answer: &Answer, config: &Config) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for (part, stack) in stacks_of(config) {
        let mut wish = |logical_id: &str, property: &crate::drift::answer::Property| {
            let (Some(before), Some(after)) = (&property.before, &property.after) else { return };
            wishes.push(Wish {
                part,
                region: stack.region.clone(),
                logical_id: logical_id.to_owned(),
                path: property.path.clone(),
                before: before.clone(),
                after: after.clone(),
            });
        };
        let is_it = |name: &str, region: &str| name == stack.name && region == stack.region.as_str();
        let found = answer.stacks.iter().filter(|it| is_it(&it.name, &it.region));
        let resources =
            found.flat_map(|it| &it.resources).filter(|it| it.ignored.is_none() && it.fate == Fate::Modified);
        for resource in resources {
            let open = resource.properties.iter().filter(|property| property.ignored.is_none());
            open.for_each(|property| wish(&resource.logical_id, property));
        }
        if matches!(part, Part::Main | Part::Regional) {
            let code = answer.code.iter().filter(|it| it.ignored.is_none() && it.region == stack.region.as_str());
            for code in code {
                let Some(resource) = &code.resource else { continue };
                code.properties.iter().for_each(|property| wish(resource, property));
            }
        }
    }
    wishes
}

fn taken(file: String, wishes: &[Wish], homes: Homes) -> Taken {
    let mut taken = Taken { file, settings: Vec::new(), also: homes.also, refused: Vec::new() };
    for (wish, home) in wishes.iter().zip(homes.homes) {
        match home {
            Home::Setting { key, value } => taken.settings.push(Setting { key, value }),
            Home::None { why } => taken.refused.push(Refused {
                resource: format!("{} ({})", wish.logical_id, wish.region),
                property: wish.path.clone(),
                why,
            }),
        }
    }
    taken.settings.sort();
    taken.settings.dedup();
    taken
}

/// The file with all settings in it, read again to be sure that it says what it should.
fn patched(text: &str, layers: &Layers, taken: &mut Taken) -> Result<String, Failure> {
    let mut patched = text.to_owned();
    for Setting { key, value } in &taken.settings {
        patched = patch::set(&patched, key, value).map_err(|why| {
            Failure::new(Exit::Guarded, format!("`{}` cannot be changed at `{key}`", taken.file)).hint(why)
        })?;
    }
    let config = Config::read(&patched, layers).map_err(|problems| Failure::invalid(taken.file.clone(), problems))?;
    let says = |wanted: &Setting| config.settings().iter().any(|it| it.key == wanted.key && it.value == wanted.value);
    match taken.settings.iter().find(|setting| !says(setting)) {
        None => Ok(patched),
        Some(Setting { key, value }) => {
            let message = format!("`{}` would not say `{key}: {value}` after the change", taken.file);
            Err(Failure::new(Exit::Guarded, message).hint("write it by hand"))
        }
    }
}

fn show(taken: &Taken, before: &str, after: &str, output: Output) {
    if output == Output::Json {
        return terminal::print(&serde_json::json!(taken).to_string());
    }
    if before != after {
        let diff = TextDiff::from_lines(before, after);
        let unified = diff.unified_diff().context_radius(2).header(&taken.file, &taken.file).to_string();
        terminal::print(unified.trim_end());
    }
    for also in &taken.also {
        terminal::print(&format!("also changes: {also}"));
    }
    for Refused { resource, property, why } in &taken.refused {
        terminal::print(&format!("not taken over: {resource} {property}: {why}"));
    }
}

/// Nothing was written: either nothing differs, or nothing of it is for the file to say.
fn conclude(taken: &Taken, answer: &Answer) -> Result<Exit, Failure> {
    if taken.refused.is_empty() {
        terminal::say("nothing that is deployed is for the environment file to say");
        return Ok(super::exit(answer, false, false));
    }
    let message = "nothing of what differs has a place in the environment file";
    Err(Failure::new(Exit::Guarded, message)
        .hint("`dlt drift revert` makes it as described")
        .hint("`drift.ignore` in the environment file leaves it as it is, with a reason and a last day"))
}

fn agree(yes: bool, output: Output) -> Result<(), Failure> {
    asking::answerable(yes, output == Output::Json, asking::Shown::By("dlt drift"))?;
    if yes || asking::agreed("Write this? [y/N] ") {
        return Ok(());
    }
    Err(Failure::new(Exit::Guarded, "not agreed to: nothing was written"))
}

/// All of it or nothing: a new file takes the place of the old one.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(std::fs::metadata(path)?.permissions())?;
        file.persist(path).map_err(|error| error.error)
    });
    let doing = || format!("failed to write `{}`", path.display());
    written.map(drop).map_err(|error| Failure::from_error(Exit::Invalid, doing(), &error))
}
