//! `dlt import`: a scenario from a HAR, an OpenAPI document or a curl command.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
};

use dlt_model::problem::{Problem, Problems};

use crate::{
    exit::Exit,
    failure::Failure,
    import::{self, Imported, MAX_SOURCE_BYTES},
    terminal,
};

/// Make a scenario from what you have: a browser's recording, an API's description, a command.
///
/// What is secret does not get into the file: it asks for variables of the environment instead.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt import har shop.har -o shop.yaml\n  dlt import openapi openapi.yaml > api.yaml\n  dlt import curl 'curl -d a=1 https://shop.example.com/'"
)]
pub struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// From a HAR, as a browser's network panel saves it.
    #[command(
        after_help = "Examples:\n  dlt import har shop.har -o shop.yaml\n  dlt import har shop.har --all --name shop"
    )]
    Har {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// Keep images, scripts, styles and fonts too.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        into: Into,
    },
    /// From an OpenAPI document, 3.0 or 3.1: a request for each operation.
    #[command(
        after_help = "Examples:\n  dlt import openapi openapi.yaml -o api.yaml\n  dlt import openapi - < openapi.json"
    )]
    Openapi {
        /// The file, YAML or JSON; `-` is standard input.
        file: PathBuf,
        #[command(flatten)]
        into: Into,
    },
    /// From a curl command, as browsers copy it.
    #[command(
        after_help = "Examples:\n  dlt import curl 'curl -d a=1 https://shop.example.com/'\n  dlt import curl -o login.yaml < command.txt"
    )]
    Curl {
        /// The command in quotes; without it, standard input.
        command: Option<String>,
        #[command(flatten)]
        into: Into,
    },
}

#[derive(Debug, clap::Args)]
struct Into {
    /// Where the scenario is written; standard output without it.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    force: bool,
    /// What the scenario is called.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Reads, writes, and says what was left out.
///
/// # Errors
/// A source that cannot be read or understood, or a file that is there already.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (source, read, into) = match &args.from {
        From::Har { file, all, into } => (shown(file), import::har::import(&text_of(file)?, *all), into),
        From::Openapi { file, into } => (shown(file), import::openapi::import(&text_of(file)?), into),
        From::Curl { command: Some(command), into } => ("the command".to_owned(), import::curl::import(command), into),
        From::Curl { command: None, into } => {
            ("standard input".to_owned(), import::curl::import(&text_of(Path::new("-"))?), into)
        }
    };
    let Imported { mut draft, notes } = read.map_err(|problems| invalid(source, problems))?;
    if let Some(name) = &into.name {
        draft.name.clone_from(name);
    }
    let yaml = draft.yaml(&notes);
    notes.iter().for_each(|note| terminal::say(&format!("note: {note}")));
    match &into.out {
        None => terminal::print(yaml.trim_end()),
        Some(path) => {
            write(path, &yaml, into.force)?;
            terminal::print(&path.display().to_string());
        }
    }
    Ok(Exit::Done)
}

fn shown(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

fn invalid(source: String, problems: Vec<String>) -> Failure {
    let problems = problems.into_iter().map(|why| Problem::of("", why)).collect();
    match Problems::unless_empty(problems, ()) {
        Err(problems) => Failure::invalid(source, problems),
        Ok(()) => Failure::new(Exit::Internal, format!("failed to import `{source}`")),
    }
}

fn text_of(file: &Path) -> Result<String, Failure> {
    let failed = |error: &io::Error| {
        Failure::from_error(Exit::Usage, format!("failed to read `{}`", file.display()), error)
            .hint("is the path right?")
    };
    let mut text = String::new();
    let mut read = |source: &mut dyn io::Read| source.take(MAX_SOURCE_BYTES + 1).read_to_string(&mut text);
    let bytes = if file == Path::new("-") {
        read(&mut io::stdin().lock())
    } else {
        File::open(file).and_then(|mut file| read(&mut file))
    };
    let bytes = bytes.map_err(|error| failed(&error))?;
    if u64::try_from(bytes).unwrap_or(u64::MAX) > MAX_SOURCE_BYTES {
        let most = MAX_SOURCE_BYTES / 1024 / 1024;
        return Err(Failure::new(Exit::Usage, format!("`{}` is larger than {most} MiB", file.display())));
    }
    Ok(text)
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(Exit::Guarded, format!("`{}` is there already and stays as it is", path.display()))
                .hint("give another name, or `--force` to replace it")
        }
        _ => Failure::from_error(Exit::Internal, format!("failed to write `{}`", path.display()), &error),
    })
}
