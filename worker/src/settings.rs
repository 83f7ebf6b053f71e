//! What a worker is told by its environment: where its run's folder is, and which worker it is.

use std::{env, fmt::Display, str::FromStr};

use dlt_model::{
    assignment::Assignment,
    id::{Region, RunId, TestId},
};
use url::Url;

use crate::WorkerError;

/// Who this worker is and where it finds its assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The run's folder, `file://` or `s3://`; `s3://bucket/path?region=eu-west-1` when the bucket is in another region
    /// than `AWS_REGION` says.
    pub folder: Url,
    /// Which of the run's workers this is, from 0.
    pub worker: u32,
    /// How many workers the run has.
    pub workers: u32,
    /// The scenario.
    pub test_id: TestId,
    /// The run.
    pub run_id: RunId,
    /// Where this worker runs.
    pub region: Region,
}

impl Settings {
    /// Reads `DLT_RUN_FOLDER`, `TASK_INDEX`, `TASK_COUNT`, `TEST_ID`, `RUN_ID` and `REGION`.
    ///
    /// # Errors
    /// Returns an error that names the first variable that is missing or is not what it should be.
    pub fn from_env() -> Result<Self, WorkerError> {
        Self::read(|name| env::var(name).ok())
    }

    /// Reads the same variables from anywhere.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, WorkerError> {
        let settings = Self {
            folder: parse(&variable, "DLT_RUN_FOLDER")?,
            worker: parse(&variable, "TASK_INDEX")?,
            workers: parse(&variable, "TASK_COUNT")?,
            test_id: parse(&variable, "TEST_ID")?,
            run_id: parse(&variable, "RUN_ID")?,
            region: parse(&variable, "REGION")?,
        };
        if settings.worker >= settings.workers {
            let problem = format!("is {}, but TASK_COUNT is {}", settings.worker, settings.workers);
            return Err(WorkerError::Setting { name: "TASK_INDEX", problem });
        }
        Ok(settings)
    }

    /// The region whose services this worker asks: as AWS's own tools have it, else where it runs.
    pub fn home_region(&self) -> String {
        let set = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| env::var(name).ok());
        set.unwrap_or_else(|| self.region.to_string())
    }

    /// Whether the assignment is this worker's.
    ///
    /// # Errors
    /// Returns an error that names the first thing in which they differ.
    pub fn check(&self, assignment: &Assignment) -> Result<(), WorkerError> {
        same("TEST_ID", &self.test_id, &assignment.test_id)?;
        same("RUN_ID", &self.run_id, &assignment.run_id)?;
        same("REGION", &self.region, &assignment.region)?;
        same("TASK_INDEX", &self.worker, &assignment.worker)?;
        let segment = assignment.segment;
        if segment.index >= segment.count || segment.count > self.workers {
            let (index, count) = (segment.index, segment.count);
            return Err(WorkerError::Assignment(format!(
                "its segment is number {index} of {count}, and TASK_COUNT is {}",
                self.workers
            )));
        }
        Ok(())
    }
}

fn parse<T: FromStr<Err: Display>>(
    variable: &impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<T, WorkerError> {
    let problem = |problem: String| WorkerError::Setting { name, problem };
    let text = variable(name).ok_or_else(|| problem("is not set".to_owned()))?;
    text.parse().map_err(|error: T::Err| problem(format!("is `{text}`: {error}")))
}

fn same<T: PartialEq + Display>(name: &str, ours: &T, theirs: &T) -> Result<(), WorkerError> {
    if ours == theirs {
        return Ok(());
    }
    Err(WorkerError::Assignment(format!("{name} is `{ours}`, but the assignment is for `{theirs}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            "DLT_RUN_FOLDER" => "file:///runs/T/R",
            "TASK_INDEX" => "1",
            "TASK_COUNT" => "3",
            "TEST_ID" => "T",
            "RUN_ID" => "R",
            "REGION" => "eu-west-1",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn a_complete_environment_is_understood() {
        let settings = Settings::read(environment).expect("complete");
        assert_eq!((settings.worker, settings.workers), (1, 3));
    }

    #[test]
    fn a_missing_or_wrong_variable_is_named() {
        for name in ["DLT_RUN_FOLDER", "TASK_INDEX", "TASK_COUNT", "TEST_ID", "RUN_ID", "REGION"] {
            let missing = |asked: &str| environment(asked).filter(|_| asked != name);
            let wrong = |asked: &str| if asked == name { Some("_".to_owned()) } else { environment(asked) };
            for error in [Settings::read(missing).expect_err("refused"), Settings::read(wrong).expect_err("refused")] {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }

    #[test]
    fn an_index_that_is_not_below_the_count_is_refused() {
        let wrong = |asked: &str| if asked == "TASK_INDEX" { Some("3".to_owned()) } else { environment(asked) };
        assert!(Settings::read(wrong).expect_err("refused").to_string().contains("TASK_COUNT is 3"));
    }
}
