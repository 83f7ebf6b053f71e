//! `dlt init`: a commented environment file to begin with.

use std::{fs::OpenOptions, io::ErrorKind, io::Write, path::Path};

use crate::{
    config::{StackName, loader, starter},
    exit::Exit,
    failure::Failure,
    terminal,
};

/// Arguments of `dlt init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt init staging")]
pub struct Args {
    /// The environment: `dev` writes stacks/dev.yaml.
    #[arg(value_name = "ENV", env = "DLT_ENV", default_value = loader::DEFAULT_ENVIRONMENT)]
    environment: String,
}

/// Writes the file, unless there is one.
///
/// # Errors
/// A name that no stack can have, a file that is there already, or a folder that cannot be written to.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let path = loader::path_of(&args.environment);
    let text = starter::text(&stack(&path)?);
    write(&path, &text).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(Exit::Guarded, format!("`{}` is there already and stays as it is", path.display()))
                .hint("give another name, or remove the file first")
        }
        _ => Failure::from_error(Exit::Internal, format!("failed to write `{}`", path.display()), &error),
    })?;
    terminal::print(&path.display().to_string());
    terminal::say(&format!("Edit it, then `dlt config {}` shows what it means.", args.environment));
    Ok(Exit::Done)
}

/// The file's name with our own before it, so that stacks of two environments of one account differ.
fn stack(path: &Path) -> Result<StackName, Failure> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    format!("dlt-{name}").parse().map_err(|problem: String| {
        Failure::new(Exit::Usage, format!("`{name}` cannot name an environment: its stack would be `dlt-{name}`"))
            .hint(problem)
    })
}

/// Creates the file and never replaces one, even one that appears at this moment.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(path: &Path) -> Result<Exit, Failure> {
        run(&Args { environment: path.display().to_string() })
    }

    #[test]
    fn a_file_that_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a private folder");
        let path = folder.path().join("stacks/shop.yaml");
        init(&path).expect("there is no file yet");
        std::fs::write(&path, "mine").expect("the file can be written");
        assert_eq!(init(&path).expect_err("the file is there").exit, Exit::Guarded);
        assert_eq!(std::fs::read_to_string(&path).expect("the file can be read"), "mine");
    }

    #[test]
    fn a_name_that_no_stack_can_have_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().expect("a private folder");
        let path = folder.path().join("Shop_1.yaml");
        assert_eq!(init(&path).expect_err("no stack is called so").exit, Exit::Usage);
        assert!(!path.exists());
    }
}
