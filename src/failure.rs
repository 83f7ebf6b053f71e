//! Why a command could not do what it was asked: what we were doing, what went wrong, what to try.

use std::{error::Error, fmt};

use dlt_model::problem::{Problem, Problems};

use crate::exit::Exit;

/// An error on its way to a person, with the exit code that it means.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What we were doing and what went wrong, in lower case and without a full stop.
    pub message: String,
    /// Deeper causes, outermost first.
    pub causes: Vec<String>,
    /// What to try, one line each.
    pub hints: Vec<String>,
    /// Everything that is wrong with a file, with its name.
    pub problems: Option<(String, Vec<Problem>)>,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), hints: Vec::new(), problems: None }
    }

    /// A failure whose causes are an error and its sources.
    pub fn from_error(exit: Exit, message: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        let causes = std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
        Self { causes, ..Self::new(exit, message) }
    }

    /// An invalid file: all its problems at once.
    pub fn invalid(file: impl Into<String>, problems: Problems) -> Self {
        let file = file.into();
        let problems = problems.into_vec();
        let count = problems.len();
        let what = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
        Self { problems: Some((file.clone(), problems)), ..Self::new(Exit::Invalid, format!("`{file}` has {what}")) }
    }

    /// The same failure with something to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    /// `error: …`, then every problem with its place, then causes, then hints; readable without colour.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some((file, problems)) = &self.problems {
            for problem in problems {
                // With a place this is `file:line:column: …`, which editors follow.
                let gap = if problem.place.is_some() { "" } else { " " };
                write!(f, "\n  {file}:{gap}{problem}")?;
            }
        }
        for cause in &self.causes {
            write!(f, "\n  caused by: {cause}")?;
        }
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for Failure {}
